"""Transfers as they were read: the server's own binary rows (COPY), taken apart as columns.

A column is numpy's; no object is made of a row until somebody asks for `fields` or `texts`, as the
replay does of batches that it cannot take as a whole. The rows are laid out so that what the digest
takes of a transfer (docs/digest.md) stands in them in its order; `digested` cuts it out of many at
once. Format: PostgreSQL's documentation, COPY, "Binary Format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

TRANSFERS = """
SELECT octet_length(actor) + octet_length(reference) + octet_length(narrative) AS octets,
    16 * num_nonnulls(hold_id, reverses, adjusts) AS linked, line,
    recorded_seq, journal_id, kind, may_exceed_limit, business_date, value_date, forced,
    actor, reference, narrative, debit_account, credit_account, amount_satang,
    hold_id, reverses, adjusts
FROM ledger.transfer
WHERE book_id = $1 AND recorded_seq > $2 AND recorded_seq <= $3
ORDER BY recorded_seq, line
"""

_TEXTS, _LINKS = 3, 3
_SIZES = struct.Struct(">6xi4xi")
"""Octets of the texts and of the links, at the beginning of a row."""
_HEAD = 90
_TAIL = 28
_FIXED = _HEAD + 4 * _TEXTS + _TAIL + 4 * _LINKS
# Places from the beginning of a row, and from the end of its texts.
_OCTETS, _LINKED, _LINE, _SEQ, _ID, _KIND, _EXCEEDS = 6, 14, 22, 30, 42, 62, 68
_BUSINESS_DAY, _VALUE_DAY, _FORCED = 73, 81, 89
_DEBIT, _CREDIT, _AMOUNT = 4, 12, 20

_TO_1970 = 10_957
"""Days from 1970-01-01 to 2000-01-01, from which the server counts."""
_JOURNAL_BYTE = _SEQ - 1
_FORCED_BYTE = 85
"""The length before `forced` has the room for it and for three ids that are missing."""
_ONE_TRANSFER = _DEBIT - 1
_CUT = (
    *range(_JOURNAL_BYTE),
    *range(_ID - 4, _ID),
    *range(_KIND - 4, _KIND),
    *range(_EXCEEDS - 4, _EXCEEDS),
    *range(_BUSINESS_DAY - 4, _BUSINESS_DAY),
    *range(_VALUE_DAY - 4, _VALUE_DAY),
    _FORCED,
)
_CUT_IN_TAIL = (*range(_CREDIT - 4, _CREDIT), *range(_AMOUNT - 4, _AMOUNT), *range(28, 40))
_STRETCH = 4_096
"""Rows worked on at once: about as many as a core's own memory holds."""
_COLUMNS = {
    "linked": (_LINKED, ">i4", False),
    "lines": (_LINE, ">i4", False),
    "seqs": (_SEQ, ">i8", False),
    "kinds": (_KIND, ">i2", False),
    "exceeds": (_EXCEEDS, "u1", False),
    "business_days": (_BUSINESS_DAY, ">i4", False),
    "value_days": (_VALUE_DAY, ">i4", False),
    "forced": (_FORCED, "u1", False),
    "debits": (_DEBIT, ">i4", True),
    "credits": (_CREDIT, ">i4", True),
    "amounts": (_AMOUNT, ">i8", True),
}
"""Columns of numbers: place, what stands there, whether the place is counted from the tail."""
_NOT_IN_VERSION_1 = (_FORCED_BYTE, _FORCED_BYTE + 1)
"""Where `forced` and one of the missing ids stand."""


Fields = tuple[int, int, int, int, int, bytes, int, bool, bool, int, int, bool, int]
"""The fields of `Line`, in order."""


class Line(NamedTuple):
    """A transfer as it was read; days count from 2000-01-01, the server's own epoch.

    linked: it captures, reverses or adjusts something (see `Lines.links`).
    octets: length of its three texts.
    """

    seq: int
    line: int
    debit: int
    credit: int
    amount: int
    journal_id: bytes
    kind: int
    may_exceed_limit: bool
    forced: bool
    business_day: int
    value_day: int
    linked: bool
    octets: int


class Links(NamedTuple):
    """What a journal refers to, as the 16 bytes of its id."""

    hold_id: bytes | None
    reverses: bytes | None
    adjusts: bytes | None


NO_LINKS = Links(None, None, None)


@dataclass
class Lines:
    """Transfers in order of number and line.

    rows:   the server's, without the header and trailer of COPY. starts: where each begins.
    octets: length of the three texts of each. size: of a row when all are equally long, else 0.
    """

    rows: Bytes
    starts: Ints
    octets: Ints
    size: int
    _digested: dict[int, tuple[bytes, Ints]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: bytes) -> Lines:
        """From the server's rows."""
        data = np.frombuffer(rows, np.uint8)
        if not rows:
            return cls(data, np.zeros(0, np.int64), np.zeros(0, np.int64), 0)
        octets, linked = _SIZES.unpack_from(rows)
        size = _FIXED + octets + linked
        if len(rows) % size == 0:
            sizes = data.reshape(-1, size)[:, _OCTETS : _LINKED + 4]
            # As each row is as long as the first says, the next one begins where it is looked for.
            if (sizes == sizes[0]).all():
                starts = np.arange(0, len(rows), size)
                return cls(data, starts, np.full(len(starts), octets, np.int64), size)
        places, lengths, place, unpack = [], [], 0, _SIZES.unpack_from
        while place < len(rows):
            octets, linked = unpack(rows, place)
            places.append(place)
            lengths.append(octets)
            place += _FIXED + octets + linked
        return cls(data, np.array(places, np.int64), np.array(lengths, np.int64), 0)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def seqs(self) -> Ints:
        """Numbers of the journals."""
        return self._columns["seqs"]

    @property
    def lines(self) -> Ints:
        """Which line of its journal each is."""
        return self._columns["lines"]

    @cached_property
    def linked(self) -> Flags:
        """True of those that refer to something."""
        return self._flags("linked")

    @property
    def debits(self) -> Ints:
        """Accounts debited."""
        return self._columns["debits"]

    @property
    def credits(self) -> Ints:
        """Accounts credited."""
        return self._columns["credits"]

    @property
    def amounts(self) -> Ints:
        """Satang."""
        return self._columns["amounts"]

    @property
    def kinds(self) -> Ints:
        """Kinds of the journals."""
        return self._columns["kinds"]

    @cached_property
    def exceeds(self) -> Flags:
        """True of those that may exceed a limit."""
        return self._flags("exceeds")

    @cached_property
    def forced(self) -> Flags:
        """True of those that were forced."""
        return self._flags("forced")

    @property
    def business_days(self) -> Ints:
        """Business dates, from 2000-01-01."""
        return self._columns["business_days"]

    @property
    def value_days(self) -> Ints:
        """Value dates, from 2000-01-01."""
        return self._columns["value_days"]

    @cached_property
    def ids(self) -> Bytes:
        """Ids of the journals, 16 bytes a row."""
        parts = [self._bytes(part, _ID, "V16", False) for part in self._stretches()]
        return np.concatenate(parts) if parts else np.zeros((0, 16), np.uint8)

    @cached_property
    def fields(self) -> list[Fields]:
        """The fields of `Line` of each, in order."""
        numbers = (self.seqs, self.lines, self.debits, self.credits, self.amounts)
        ids = self.ids.tobytes()
        rest = (self.kinds, self.exceeds, self.forced, self.business_days, self.value_days)
        return list(
            zip(
                *(each.tolist() for each in numbers),
                [ids[place : place + 16] for place in range(0, len(ids), 16)],
                *(each.tolist() for each in (*rest, self.linked, self.octets)),
                strict=True,
            )
        )

    @cached_property
    def texts(self) -> list[bytes]:
        """To each its actor, reference and narrative, each a u32 length and UTF-8."""
        rows, ends = self.rows.tobytes(), self._tails.tolist()
        places = zip((self.starts + _HEAD).tolist(), ends, strict=True)
        return [rows[place:end] for place, end in places]

    @cached_property
    def links(self) -> dict[int, Links]:
        """Place of a line -> what it refers to."""
        found: dict[int, Links] = {}
        for line in np.flatnonzero(self.linked).tolist():
            place, links = self._tails.item(line) + _TAIL, []
            for _ in range(_LINKS):
                length = int.from_bytes(self.rows[place : place + 4].tobytes(), signed=True)
                place += 4
                there = self.rows[place : place + max(length, 0)].tobytes()
                links.append(None if length < 0 else there)
                place += max(length, 0)
            found[line] = Links(*links)
        return found

    @cached_property
    def plain(self) -> Flags:
        """True of lines that are a journal alone, refer to nothing and have no number below 0."""
        alone = np.ones(len(self), np.bool_)
        same = self.seqs[1:] == self.seqs[:-1]
        alone[1:] &= ~same
        alone[:-1] &= ~same
        for column in (self.seqs, self.kinds, self.debits, self.credits, self.amounts):
            alone &= column >= 0
        return alone & ~self.linked

    def digested(self, version: int) -> tuple[bytes, Ints]:
        """The digest's bytes of all plain lines, one after another, and where each line's end.

        A line that is not plain has none. version: of the batch; all but 1 are taken for 2.
        """
        if version not in self._digested:
            self._digested[version] = self._digest(version)
        return self._digested[version]

    def _digest(self, version: int) -> tuple[bytes, Ints]:
        cut = _CUT if version != 1 else (*_CUT, *_NOT_IN_VERSION_1)
        pieces = [self._cut_out(part, cut) for part in self._stretches()]
        sizes = self.octets + _FIXED - len(cut) - len(_CUT_IN_TAIL)
        return b"".join(pieces), np.cumsum(np.where(self.plain, sizes, 0))

    def _cut_out(self, part: slice, cut: Sequence[int]) -> bytes:
        """The digest's bytes of the plain lines of a stretch."""
        begin = self.starts.item(part.start)
        end = self.starts.item(part.stop) if part.stop < len(self) else len(self.rows)
        plain = self.plain[part]
        starts, tails = self.starts[part] - begin, self._tails[part] - begin
        kept = self._kept(plain, np.diff(starts, append=end - begin), cut)
        starts, tails, rows = starts[plain], tails[plain], self.rows[begin:end].copy()
        rows[starts + _JOURNAL_BYTE] = 1
        rows[starts + _FORCED_BYTE] = self.forced[part][plain]
        for place in range(_FORCED_BYTE + 1, _FORCED):
            rows[starts + place] = 0
        for place, days in ((_BUSINESS_DAY, self.business_days), (_VALUE_DAY, self.value_days)):
            since_1970 = (days[part][plain] + _TO_1970).astype(">i4").view(np.uint8).reshape(-1, 4)
            for byte in range(4):
                rows[starts + place + byte] = since_1970[:, byte]
        rows[tails + _ONE_TRANSFER] = 1
        return rows[kept].tobytes()

    def _kept(self, plain: Flags, sizes: Ints, cut: Sequence[int]) -> Flags:
        """Which bytes of the rows of a stretch the digest takes."""
        if self.size and plain.all():
            row = np.ones(self.size, np.bool_)
            row[[*cut, *(self._tails.item(0) + place for place in _CUT_IN_TAIL)]] = False
            return np.tile(row, len(plain))
        kept = np.repeat(plain, sizes)
        ends = np.cumsum(sizes)
        for place in cut:
            kept[(ends - sizes)[plain] + place] = False
        for place in _CUT_IN_TAIL:
            # A plain line refers to nothing: its row ends with its tail.
            kept[ends[plain] - _TAIL - 4 * _LINKS + place] = False
        return kept

    @cached_property
    def _tails(self) -> Ints:
        """Where the texts end."""
        return self.starts + self.octets + (_HEAD + 4 * _TEXTS)

    @cached_property
    def _columns(self) -> dict[str, Ints]:
        """Every column of numbers, a stretch of rows at a time: a stretch stays at hand."""
        found = {name: np.empty(len(self), np.int64) for name in _COLUMNS}
        for part in self._stretches():
            for name, (place, kind, in_tail) in _COLUMNS.items():
                found[name][part] = self._bytes(part, place, kind, in_tail).view(kind).ravel()
        return found

    def _flags(self, name: str) -> Flags:
        found: Flags = self._columns[name] != 0
        return found

    def _bytes(self, part: slice, place: int, kind: str, in_tail: bool) -> Bytes:
        """The bytes of one field, a row each, of some lines."""
        width = np.dtype(kind).itemsize
        if self.size:
            begin = place + (self._tails.item(0) if in_tail else 0)
            rows = self.rows.reshape(-1, self.size)[part]
            return np.ascontiguousarray(rows[:, begin : begin + width])
        at = (self._tails if in_tail else self.starts)[part] + place
        found: Bytes = self.rows[at[:, None] + np.arange(width)]
        return found

    def _stretches(self) -> Iterator[slice]:
        for first in range(0, len(self), _STRETCH):
            yield slice(first, min(first + _STRETCH, len(self)))
