"""The digest of a batch from its rows, written a second time from docs/digest.md (version 1).

Big-endian numbers, texts as a length in bytes and UTF-8, optional values behind a byte 0 or 1,
days since 1970-01-01. The bytes are put together from what stands in the tables, so a changed
letter in a narrative breaks the chain as surely as a changed amount.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from uuid import UUID

from ledger.proof.rows import Journal, Row

VERSION = 1
START = bytes(32)
"""What the first batch of a book has as its previous digest."""

_EPOCH = date(1970, 1, 1).toordinal()
_HEADER = struct.Struct(">4sH32sIQiBQQI")
_JOURNAL = struct.Struct(">BQ16sHBii")
_EVENT = struct.Struct(">BQHi")
_REFUSAL = struct.Struct(">BIB")
_LINE = struct.Struct(">IIQ")
_U32 = struct.Struct(">I")
_MAYBE_U64 = struct.Struct(">BQ")


def digest_of(
    book_id: int,
    previous: bytes,
    batch: Row,
    records: Iterable[Journal | Row],
    refusals: Iterable[Row],
) -> bytes:
    """SHA-256 of one batch: its row, its journals and events in order, its refusals in order."""
    header = _HEADER.pack(
        b"CFFD",
        VERSION,
        previous,
        book_id,
        batch["batch_no"],
        _day(batch["business_date"]),
        batch["origin"],
        batch["first_seq"],
        batch["last_seq"],
        batch["last_seq"] - batch["first_seq"] + 1,
    )
    parts = [header]
    for record in records:
        parts.append(_journal(record) if isinstance(record, Journal) else _event(record))
    parts.extend(_refusal(refusal) for refusal in refusals)
    return sha256(b"".join(parts)).digest()


def _journal(journal: Journal) -> bytes:
    head = _JOURNAL.pack(
        1,
        journal.recorded_seq,
        journal.journal_id.bytes,
        journal.kind,
        journal.may_exceed_limit,
        _day(journal.business_date),
        _day(journal.value_date),
    )
    texts = _text(journal.actor) + _text(journal.reference) + _text(journal.narrative)
    ids = _maybe_id(journal.hold_id) + _maybe_id(journal.reverses)
    lines = b"".join([_LINE.pack(*line) for line in journal.lines])
    return head + ids + texts + _U32.pack(len(journal.lines)) + lines


def _event(event: Row) -> bytes:
    head = _EVENT.pack(2, event["recorded_seq"], event["kind"], _day(event["business_date"]))
    middle = (
        _maybe_number(event["account_id"])
        + _maybe_id(event["hold_id"])
        + _maybe_id(event["subject"])
        + _maybe_number(event["amount_satang"])
    )
    return head + middle + _text(event["actor"]) + _text(event["reason"]) + _text(event["body"])


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


def _maybe_number(value: int | None) -> bytes:
    return b"\x00" if value is None else _MAYBE_U64.pack(1, value)
