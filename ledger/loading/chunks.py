"""A chunk: neighbouring lines of a file as columns to post, and what is wrong with others. Pure.

The columns are read at once; lines that no column is sure of are read one by one by the exact
reader, and either join the columns or become a flaw. Each line is one or the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np

from ledger.loading import spans
from ledger.loading.fields import (
    FIELDS,
    OF_THE_BOOK,
    TEXTS,
    Flaw,
    Reading,
    read_cells,
)
from ledger.loading.spans import UNKNOWN, Flags, Numbers, Spans
from ledger.posting.lines import Bytes, Ints, Lines

Cells = Mapping[str, object]
Exact = Callable[[int], Cells | Flaw]
"""The cells of a line by its place in the chunk, read exactly; or why there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Lines of a file, in order.

    ends:    for each line of the file, how many bytes of the file are done after it.
    places:  of the lines to post: which line of the chunk each is.
    lines:   the lines to post; an account may be `UNKNOWN` until it has been asked for.
    flaws:   of the lines not to post, by place in the chunk.
    unknown: the codes behind unknown accounts, by place in the chunk: (debit, credit).
    """

    ends: Ints
    places: Ints
    lines: Lines
    flaws: dict[int, Flaw]
    unknown: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ends)

    def known_by(self, numbers: Numbers) -> Chunk:
        """The chunk with its unknown accounts looked up; lines with others become flaws."""
        if not self.unknown:
            return self
        flaws = dict(self.flaws)
        debit, credit = self.lines.debit.copy(), self.lines.credit.copy()
        places = np.searchsorted(self.places, np.fromiter(self.unknown, np.int64)).tolist()
        for at, (place, codes) in zip(places, self.unknown.items(), strict=True):
            debit[at], credit[at] = (numbers[code.encode()] for code in codes)
            for name, code in zip(("debit", "credit"), codes, strict=True):
                if code.encode() not in numbers:
                    flaws[place] = Flaw(
                        field=name, got=code, expected=OF_THE_BOOK, journal_id=self.id_at(at)
                    )
                    break
        looked_up = replace(self.lines, debit=debit, credit=credit)
        return replace(self, lines=looked_up, unknown={}).without(flaws)

    def id_at(self, at: int) -> str:
        """The id of one of the lines to post, as it is written."""
        return str(UUID(bytes=self.lines.ids[at].tobytes()))

    def without(self, flaws: dict[int, Flaw]) -> Chunk:
        """The chunk with these flaws: their lines are not posted."""
        if len(flaws) == len(self.flaws):
            return self
        at_fault = np.isin(self.places, np.fromiter(flaws, np.int64, len(flaws)))
        kept = np.flatnonzero(~at_fault)
        return replace(self, places=self.places[kept], lines=self.lines.take(kept), flaws=flaws)


@dataclass(slots=True, kw_only=True)
class _Columns:
    """What the columns say of every line, sure or not; exact readings are written over it."""

    ids: Bytes
    debit: np.ndarray[tuple[int], np.dtype[np.int32]]
    credit: np.ndarray[tuple[int], np.dtype[np.int32]]
    amount_satang: Ints
    kind: np.ndarray[tuple[int], np.dtype[np.int16]]
    value_date: np.ndarray[tuple[int], np.dtype[np.int32]]
    sure: Flags


def chunk_of(
    columns: Mapping[str, Spans],
    odd: Flags,
    exact: Exact,
    numbers: Numbers,
    ends: Ints,
) -> Chunk:
    """The chunk of some lines.

    columns: spans of every field but those that the file does not have.
    odd:     lines whose spans mean nothing, or that hold what no column looks for.
    numbers: accounts by the bytes of their codes, as far as known.
    """
    whole = {name: columns.get(name) or _absent(columns, len(ends)) for name in FIELDS}
    read = _read(whole, numbers)
    read.sure &= ~odd
    flaws: dict[int, Flaw] = {}
    unknown: dict[int, tuple[str, str]] = {}
    stories: dict[int, Reading] = {}
    for place in np.flatnonzero(~read.sure).tolist():
        cells = exact(place)
        reading = cells if isinstance(cells, Flaw) else read_cells(cells)
        if isinstance(reading, Flaw):
            flaws[place] = reading
            continue
        _write(read, place, reading, numbers)
        stories[place] = reading
        if UNKNOWN in (read.debit[place], read.credit[place]):
            unknown[place] = (reading.debit, reading.credit)
    texts = {name: _with_stories(whole[name], name, stories) for name in TEXTS}
    places = np.flatnonzero(read.sure).astype(np.int64)
    return Chunk(
        ends=ends, places=places, lines=_lines(read, texts, places), flaws=flaws, unknown=unknown
    )


def _absent(columns: Mapping[str, Spans], count: int) -> Spans:
    return spans.empty(count, next(iter(columns.values())).data)


def _read(columns: Mapping[str, Spans], numbers: Numbers) -> _Columns:
    ids, sure = spans.uuids(columns["id"])
    debit, debit_known = spans.accounts(columns["debit"], numbers)
    credit, credit_known = spans.accounts(columns["credit"], numbers)
    satang, amount_sure = spans.amounts(columns["amount"])
    kind, kind_sure = spans.kinds(columns["kind"])
    value_date, date_sure = spans.dates(columns["value_date"])
    for each in (debit_known, credit_known, amount_sure, kind_sure, date_sure):
        sure &= each
    for name in TEXTS:
        sure &= spans.stories(columns[name])
    return _Columns(
        ids=ids,
        debit=debit,
        credit=credit,
        amount_satang=satang,
        kind=kind,
        value_date=value_date,
        sure=sure,
    )


def _write(read: _Columns, place: int, reading: Reading, numbers: Numbers) -> None:
    """An exact reading over what the columns made of the line."""
    read.ids[place] = np.frombuffer(reading.journal_id.bytes, np.uint8)
    read.debit[place] = numbers[reading.debit.encode()]
    read.credit[place] = numbers[reading.credit.encode()]
    read.amount_satang[place] = reading.amount_satang
    read.kind[place] = reading.kind
    read.value_date[place] = reading.value_date
    read.sure[place] = True


def _with_stories(column: Spans, name: str, readings: Mapping[int, Reading]) -> Spans:
    """A column of texts in which those of exact readings stand as read, behind the others."""
    if not readings:
        return column
    written = [str(getattr(reading, name)).encode() for reading in readings.values()]
    lengths = np.fromiter(map(len, written), np.int64, len(written))
    places = np.fromiter(readings, np.int64, len(readings))
    starts, ends = column.starts.copy(), column.ends.copy()
    ends[places] = len(column.data) + np.cumsum(lengths)
    starts[places] = ends[places] - lengths
    data = np.concatenate([column.data, np.frombuffer(b"".join(written), np.uint8)])
    return Spans(data=data, starts=starts, ends=ends)


def _lines(read: _Columns, texts: Mapping[str, Spans], places: Ints) -> Lines:
    every = slice(None) if len(places) == len(read.sure) else places
    return Lines(
        ids=read.ids[every],
        debit=read.debit[every],
        credit=read.credit[every],
        amount_satang=read.amount_satang[every],
        kind=read.kind[every],
        value_date=read.value_date[every],
        reference=spans.gathered(texts["reference"], places),
        narrative=spans.gathered(texts["narrative"], places),
    )
