"""Journals as the leaves of a seal, made from the server's own binary rows. A slice at a time.

The question names the columns of a transfer in the order of docs/digest.md, so a row of COPY is a
journal's bytes with the length of each field before it. Of a plain journal (one transfer, version
2, which captures, reverses and adjusts nothing) these lengths are cut out of many rows at once, or
written over with what stands in their place. Any other journal is read from the same rows and goes
record by record through `canonical.leaf_data`. Format: PostgreSQL's documentation, COPY, "Binary
Format".
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ledger.evidence import canonical, merkle
from ledger.evidence.reading import ROWS, SQL, Source, versions_between
from ledger.posting.records import JournalRecord
from ledger.posting.values import Transfer

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

BLOCK = 1_024
"""Leaves made between two looks at who else wants the event loop: a few milliseconds."""

_EPOCH = date(1970, 1, 1).toordinal()
_COPY_HEADER, _COPY_TRAILER = 19, 2
_FIXED = 126
"""Bytes of a row without its texts and without ids that it refers to."""
_BEYOND = slice(6, 10)
"""Where a row says how many bytes it has besides."""

# Places of fields from the row's start, and from its end behind the texts.
_SEQ, _KIND, _BUSINESS_DATE, _DEBIT, _CREDIT, _AMOUNT = 14, 46, 57, -24, -16, -8
_SIGN = 0x80
"""The first byte of a number below 0 is not less."""
_PREFIX = 10
"""The length before the number makes room for what a leaf begins with."""
_LINKS = (74, 78, 82)
"""Lengths of hold, reversed and adjusted journal; all ones where there is none."""
_COUNT = -25
"""Last byte of the length before the debit account: there the number of transfers stands."""
_CUT_BEFORE_TEXTS = (
    *range(_PREFIX),
    *range(22, 26),
    *range(42, 46),
    *range(48, 52),
    *range(53, 57),
    *range(61, 65),
    *range(69, 73),
    *(place for link in _LINKS for place in range(link + 1, link + 4)),
)
_CUT_AFTER_TEXTS = (*range(-20, -16), *range(-12, -8))
_CUT = len(_CUT_BEFORE_TEXTS) + len(_CUT_AFTER_TEXTS)

_PLAIN_VERSION = 2
_JOURNAL = b"\x01"
_HEAD = struct.Struct(">14xq4x16s4xh4x?4xi4xi4x?")
_MONEY = struct.Struct(">4xi4xi4xq")
_LENGTH = struct.Struct(">i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Whole journals in order of their numbers, as rows.

    starts, ends: places of each row in `data`. seqs: number of each row's journal. firsts: rows
    with which a journal begins. versions: digest version of each journal.
    """

    data: Bytes
    starts: Ints
    ends: Ints
    seqs: Ints
    firsts: Ints
    versions: Ints

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def amounts(self) -> Ints:
        """Satang of each row."""
        return _numbers(self.data, self.ends + _AMOUNT, 8)

    @property
    def accounts(self) -> tuple[Ints, Ints]:
        """Account debited and account credited by each row."""
        debits = _numbers(self.data, self.ends + _DEBIT, 4)
        return debits, _numbers(self.data, self.ends + _CREDIT, 4)

    @property
    def business_days(self) -> Ints:
        """Business date of each row, in days since 1970-01-01."""
        return _numbers(self.data, self.starts + _BUSINESS_DATE, 4)

    def leaves(self) -> Iterator[tuple[list[int], list[bytes]]]:
        """Numbers of journals and the hashes of their leaves, a block at a time, in order."""
        lasts = np.append(self.firsts[1:], len(self)) - 1
        plain = (self.firsts == lasts) & (self.versions == _PLAIN_VERSION)
        plain &= self._unlinked(self.firsts) & self._unsigned(self.firsts)
        packed, bounds = self._packed(self.firsts[plain])
        numbers = self.seqs[self.firsts].tolist()
        done = 0
        for place in range(0, len(numbers), BLOCK):
            some = plain[place : place + BLOCK]
            following = done + int(some.sum())
            hashes = merkle.hashes_of(packed, bounds[done : following + 1])
            done = following
            if len(hashes) < len(some):
                hashes = self._with_others(place, some, hashes)
            yield numbers[place : place + BLOCK], hashes

    def record(self, journal: int) -> JournalRecord:
        """A journal by its place among those of the slice."""
        first = int(self.firsts[journal])
        last = int(self.firsts[journal + 1]) if journal + 1 < len(self.firsts) else len(self)
        return _record([self._row(row) for row in range(first, last)])

    def _row(self, row: int) -> bytes:
        return self.data[self.starts[row] : self.ends[row]].tobytes()

    def _unlinked(self, rows: Ints) -> Flags:
        found = np.ones(len(rows), np.bool_)
        for link in _LINKS:
            found &= _numbers(self.data, self.starts[rows] + link, 4) == -1
        return found

    def _unsigned(self, rows: Ints) -> Flags:
        """Without a number below 0, for which the digest has no bytes."""
        found = np.ones(len(rows), np.bool_)
        for place in (_SEQ, _KIND):
            found &= self.data[self.starts[rows] + place] < _SIGN
        for place in (_DEBIT, _CREDIT, _AMOUNT):
            found &= self.data[self.ends[rows] + place] < _SIGN
        return found

    def _packed(self, rows: Ints) -> tuple[bytes, list[int]]:
        """Leaves of plain journals one after another, and where each begins and the last ends."""
        own = np.zeros(len(self), np.bool_)
        own[rows] = True
        starts, ends = self.starts[rows], self.ends[rows]
        data = self.data.copy()
        prefix = merkle.LEAF + canonical.version_bytes(_PLAIN_VERSION) + _JOURNAL
        for place, byte in enumerate(prefix):
            data[starts + _PREFIX + place] = byte
        for link in _LINKS:
            data[starts + link] = 0
        data[ends + _COUNT] = 1
        kept = np.repeat(own, self.ends - self.starts)
        for place in _CUT_BEFORE_TEXTS:
            kept[starts + place] = False
        for place in _CUT_AFTER_TEXTS:
            kept[ends + place] = False
        bounds = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(ends - starts - _CUT, out=bounds[1:])
        return data[kept].tobytes(), bounds.tolist()

    def _with_others(self, place: int, plain: Flags, hashes: list[bytes]) -> list[bytes]:
        """The leaves of a block: those of plain journals, and of all others record by record."""
        ready = iter(hashes)
        found = []
        for journal, is_plain in enumerate(plain.tolist(), place):
            if is_plain:
                found.append(next(ready))
            else:
                version = int(self.versions[journal])
                found.append(merkle.leaf_hash(canonical.leaf_data(self.record(journal), version)))
        return found


async def slices_between(
    source: Source, book_id: int, after: int, until: int, *, at_once: int = ROWS
) -> AsyncGenerator[Slice, None]:
    """Journals numbered `after` < n <= `until` in order, in slices; the next one is read meanwhile.

    at_once: transfers of a slice; a journal with more of them is read whole nevertheless.
    """
    limit = at_once
    reading = asyncio.create_task(_read(source, book_id, after, min(until, after + at_once), limit))
    try:
        while after < until:
            data, to_seq = await reading
            starts = _starts(data)
            seqs = _numbers(data, starts + _SEQ, 8)
            count = len(seqs)
            if count == limit:
                # The last journal of a full slice may be cut: it is read again with the next one.
                to_seq = int(seqs[-1]) - 1
                count = int(np.searchsorted(seqs, to_seq, "right"))
                limit = at_once if count else limit * 4
            before, after = after, to_seq if count or not len(seqs) else after
            ask = (after, min(until, after + at_once), limit)
            reading = asyncio.create_task(_read(source, book_id, *ask))
            if count:
                batches = await versions_between(source, book_id, before, to_seq)
                yield _slice(data, starts[:count], batches)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read(
    source: Source, book_id: int, after: int, to_seq: int, limit: int
) -> tuple[Bytes, int]:
    pieces: list[bytes] = []

    async def keep(piece: bytes) -> None:
        pieces.append(bytes(piece))

    if after < to_seq:
        ask = (book_id, after, to_seq, limit)
        await source.copy_from_query(SQL["journal_rows"], *ask, output=keep, format="binary")
    data = np.frombuffer(b"".join(pieces), np.uint8)
    return data[_COPY_HEADER : len(data) - _COPY_TRAILER], to_seq


def slice_of(rows: bytes, batches: tuple[Sequence[int], Sequence[int]]) -> Slice:
    """Whole journals from their rows; batches: last numbers and versions, in order."""
    data = np.frombuffer(rows, np.uint8)
    return _slice(data, _starts(data), batches)


def _slice(data: Bytes, starts: Ints, batches: tuple[Sequence[int], Sequence[int]]) -> Slice:
    ends = starts + _FIXED + _numbers(data, starts + _BEYOND.start, 4)
    seqs = _numbers(data, starts + _SEQ, 8)
    firsts = np.flatnonzero(np.diff(seqs, prepend=-1))
    last_seqs, versions = (np.array(each, np.int64) for each in batches)
    return Slice(
        data=data[: int(ends[-1])],
        starts=starts,
        ends=ends,
        seqs=seqs,
        firsts=firsts,
        versions=versions[np.searchsorted(last_seqs, seqs[firsts])],
    )


def _starts(data: Bytes) -> Ints:
    """Where each row begins."""
    if not len(data):
        return np.zeros(0, np.int64)
    size = _FIXED + int.from_bytes(data[_BEYOND].tobytes())
    if len(data) % size == 0:
        rows = data.reshape(-1, size)
        # Rows that are all as long as the first one begin where they must, one after the other.
        if (rows[:, _BEYOND] == rows[0, _BEYOND]).all():
            return np.arange(0, len(data), size)
    found, place, end, rest = [], 0, len(data), data.tobytes()
    while place < end:
        found.append(place)
        place += _FIXED + _LENGTH.unpack_from(rest, place + _BEYOND.start)[0]
    return np.array(found, np.int64)


def _numbers(data: Bytes, places: Ints, size: int) -> Ints:
    """Signed big-endian numbers of so many bytes at some places."""
    found = data[places[:, None] + np.arange(size)]
    numbers: Ints = found.view(f">i{size}").ravel().astype(np.int64)
    return numbers


def _record(rows: Sequence[bytes]) -> JournalRecord:
    """A journal from its rows in order of their lines."""
    first = rows[0]
    seq, journal_id, kind, may_exceed, business_day, value_day, forced = _HEAD.unpack_from(first)
    fields, place = [], _LINKS[0]
    for _ in range(6):
        (length,) = _LENGTH.unpack_from(first, place)
        place += _LENGTH.size
        fields.append(None if length < 0 else first[place : place + length])
        place += max(length, 0)
    hold_id, reverses, adjusts, *texts = fields
    actor, reference, narrative = ((text or b"").decode() for text in texts)
    money = (_MONEY.unpack_from(row, len(row) - _MONEY.size) for row in rows)
    return JournalRecord(
        recorded_seq=seq,
        journal_id=UUID(bytes=journal_id),
        kind=kind,
        may_exceed_limit=may_exceed,
        business_date=date.fromordinal(_EPOCH + business_day),
        value_date=date.fromordinal(_EPOCH + value_day),
        actor=actor,
        reference=reference,
        narrative=narrative,
        hold_id=_id(hold_id),
        reverses=_id(reverses),
        forced=forced,
        adjusts=_id(adjusts),
        transfers=tuple(
            Transfer(debit=debit, credit=credit, amount_satang=amount)
            for debit, credit, amount in money
        ),
    )


def _id(value: bytes | None) -> UUID | None:
    return None if value is None else UUID(bytes=value)
