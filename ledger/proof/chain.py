"""The digest of a batch from its rows, written a second time from docs/digest.md (versions 1, 2).

Big-endian numbers, texts as a length in bytes and UTF-8, optional values behind a byte 0 or 1,
days since 1970-01-01. The bytes are put together from what stands in the tables, so a changed
letter in a narrative breaks the chain as surely as a changed amount. The three texts of a transfer
come from the server as length and UTF-8 already: the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from datetime import date
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import NamedTuple
from uuid import UUID

from ledger.proof.lines import NO_LINKS
from ledger.proof.rows import Row, Slice

VERSIONS = (1, 2)
START = bytes(32)
"""What the first batch of a book has as its previous digest."""

_EPOCH = date(1970, 1, 1).toordinal()
_EPOCH_OF_ROWS = date(2000, 1, 1).toordinal() - _EPOCH
_HEADER = struct.Struct(">4sH32sIQiBQQI")
_YEAR = struct.Struct(">HQB")
_PLAIN_1 = struct.Struct(">BQ16sHBiixx")
_PLAIN_2 = struct.Struct(">BQ16sHBiiBxxx")
_JOURNAL = struct.Struct(">BQ16sHBii")
_EVENT = struct.Struct(">BQHi")
_REFUSAL = struct.Struct(">BIB")
_LINE = struct.Struct(">IIQ")
_ONLY_LINE = struct.Struct(">IIIQ")
_U32 = struct.Struct(">I")
_MAYBE_U64 = struct.Struct(">BQ")


def digest_of(
    book_id: int,
    previous: bytes,
    batch: Row,
    records: Iterable[bytes],
    refusals: Iterable[Row],
) -> bytes:
    """SHA-256 of one batch: its row, its journals and events in order, its refusals in order."""
    version = batch["digest_version"]
    parts = [
        _HEADER.pack(
            b"CFFD",
            version,
            previous,
            book_id,
            batch["batch_no"],
            _day(batch["business_date"]),
            batch["origin"],
            batch["first_seq"],
            batch["last_seq"],
            batch["last_seq"] - batch["first_seq"] + 1,
        )
    ]
    if version > 1:
        parts.append(_YEAR.pack(batch["fiscal_year"], batch["first_voucher"], batch["period"]))
    parts.extend(records)
    parts.extend(_refusal(refusal) for refusal in refusals)
    return sha256(b"".join(parts)).digest()


class Journals(NamedTuple):
    """Journals in order: their numbers, and their bytes one after another.

    bounds: where the bytes of each begin, and where the last ones end.
    """

    seqs: list[int]
    data: bytes
    bounds: list[int]

    def items(self) -> Iterator[tuple[int, bytes]]:
        """(number, bytes) of each."""
        pieces = (self.data[begin:end] for begin, end in pairwise(self.bounds))
        return zip(self.seqs, pieces, strict=True)


def journals(piece: Slice, first: int, last: int, version: int) -> Journals:
    """The journals of the lines from place `first` up to `last`."""
    lines = piece.lines
    if not lines.plain[first:last].all():
        found = _one_by_one(piece, first, last, version)
        bounds = list(accumulate((len(data) for _, data in found), initial=0))
        return Journals([seq for seq, _ in found], b"".join(data for _, data in found), bounds)
    data, ends = lines.digested(version)
    begin = ends.item(first - 1) if first else 0
    bounds = [0, *(ends[first:last] - begin).tolist()]
    return Journals(lines.seqs[first:last].tolist(), data[begin : begin + bounds[-1]], bounds)


def _one_by_one(piece: Slice, first: int, last: int, version: int) -> list[tuple[int, bytes]]:
    lines, texts = piece.lines.fields, piece.lines.texts
    plain = (_PLAIN_1 if version == 1 else _PLAIN_2).pack
    only = _ONLY_LINE.pack
    found: list[tuple[int, bytes]] = []
    add = found.append
    place = first
    while place < last:
        line = lines[place]
        seq, _, debit, credit, amount, journal_id, kind, exceeds, forced = line[:9]
        day, value_day, linked = line[9], line[10], line[11]
        end = place + 1
        while end < last and lines[end][0] == seq:
            end += 1
        day, value_day = day + _EPOCH_OF_ROWS, value_day + _EPOCH_OF_ROWS
        numbers = (1, seq, journal_id, kind, exceeds, day, value_day)
        if linked:
            head = _linked(piece, place, numbers, version)
        elif version == 1:
            head = plain(*numbers)
        else:
            head = plain(*numbers, forced)
        if end == place + 1:
            add((seq, head + texts[place] + only(1, debit, credit, amount)))
        else:
            money = b"".join([_LINE.pack(*line[2:5]) for line in lines[place:end]])
            add((seq, head + texts[place] + _U32.pack(end - place) + money))
        place = end
    return found


def _linked(piece: Slice, place: int, numbers: tuple[object, ...], version: int) -> bytes:
    links = piece.lines.links.get(place, NO_LINKS)
    parts = [_JOURNAL.pack(*numbers)]
    if version > 1:
        parts.append(b"\x01" if piece.lines.fields[place][8] else b"\x00")
    parts += [_maybe_bytes(links.hold_id), _maybe_bytes(links.reverses)]
    if version > 1:
        parts.append(_maybe_bytes(links.adjusts))
    return b"".join(parts)


def event(row: Row) -> bytes:
    """The bytes of one event."""
    head = _EVENT.pack(2, row["recorded_seq"], row["kind"], _day(row["business_date"]))
    middle = (
        _maybe_number(row["account_id"])
        + _maybe_id(row["hold_id"])
        + _maybe_id(row["subject"])
        + _maybe_number(row["amount_satang"])
    )
    return head + middle + _text(row["actor"]) + _text(row["reason"]) + _text(row["body"])


def _refusal(refusal: Row) -> bytes:
    head = _REFUSAL.pack(3, refusal["position"], refusal["sticky"])
    ids = _maybe_id(refusal["operation_id"]) + _maybe_id(refusal["event_id"])
    texts = [_text(refusal[name]) for name in ("code", "actor", "detail", "body")]
    return head + ids + b"".join(texts)


def _day(day: date) -> int:
    return day.toordinal() - _EPOCH


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _U32.pack(len(encoded)) + encoded


def _maybe_id(value: UUID | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + value.bytes


def _maybe_bytes(value: bytes | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + value


def _maybe_number(value: int | None) -> bytes:
    return b"\x00" if value is None else _MAYBE_U64.pack(1, value)
