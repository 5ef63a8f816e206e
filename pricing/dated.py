"""Values in force from a date to a date: one at a time, no hole between them. Pure.

A rate, the slabs of a product, a tax rate: each row is in force on [from_date, to_date), the last
one until further notice. A list with a gap or an overlap is refused when it is made, with the dates
of both neighbours, so that whoever asks later gets exactly one answer or learns that the date lies
before or after the list.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from ledger.errors import InvalidInput
from pricing.ranges import Bounds, holds, misfits

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedRow(Generic[T]):
    """`value` is in force from `from_date` to the day before `to_date`; None = until changed."""

    from_date: date
    to_date: date | None
    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated(Generic[T]):
    """Rows in the order of their dates, without gap or overlap; `what` names them in errors.

    Raises `InvalidInput`, a problem for each place where they do not meet.
    """

    what: str
    rows: tuple[DatedRow[T], ...]

    def __post_init__(self) -> None:
        names = Bounds(what=self.what, lower="from_date", upper="to_date")
        ranges = [(row.from_date, row.to_date) for row in self.rows]
        problems = [*misfits(names, ranges, date.isoformat)]
        if problems:
            raise InvalidInput(problems)

    @classmethod
    def of(cls, what: str, rows: Iterable[DatedRow[T]]) -> Dated[T]:
        """The rows put in the order of their dates."""
        return cls(what=what, rows=tuple(sorted(rows, key=_from_date)))

    @classmethod
    def of_changes(cls, what: str, start: date, first: T, changes: Mapping[date, T]) -> Dated[T]:
        """`first` from `start` on, then each change from its own date until the next."""
        begins = {start: first} | dict(sorted(changes.items()))
        dates = sorted(begins)
        stops: list[date | None] = [*dates[1:], None]
        rows = (
            DatedRow(from_date=on, to_date=stop, value=begins[on])
            for on, stop in zip(dates, stops, strict=True)
        )
        return cls(what=what, rows=tuple(rows))

    def on(self, day: date) -> T:
        """The value in force on `day`. Raises `InvalidInput` when none is."""
        return self.rows[self._place(day)].value

    def pieces(self, start: date, stop: date) -> Iterator[tuple[date, date, T]]:
        """[start, stop) cut where the value changes: (first date, date after the last, value).

        Raises `InvalidInput` when a date of it has no value.
        """
        while start < stop:
            row = self.rows[self._place(start)]
            end = stop if row.to_date is None else min(row.to_date, stop)
            yield start, end, row.value
            start = end

    def _place(self, day: date) -> int:
        at = bisect_right(self.rows, day, key=_from_date) - 1
        if at < 0 or not holds((self.rows[at].from_date, self.rows[at].to_date), day):
            raise InvalidInput.one(
                self.what, day.isoformat(), f"a date {self._reach()}", "Add a row for that date."
            )
        return at

    def _reach(self) -> str:
        last = self.rows[-1].to_date
        until = f"to the day before {last.isoformat()}" if last else "on"
        return f"from {self.rows[0].from_date.isoformat()} {until}"


def _from_date(row: DatedRow[T]) -> date:
    return row.from_date
