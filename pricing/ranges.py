"""Half-open ranges that follow each other: what is wrong with a list of them, in words. Pure.

Dates of a rate, amounts of a slab, months of a chart are all the same thing: [from, to), the upper
bound belonging to the next row, the last one perhaps without end. Two rows that leave a gap would
leave something unpriced, two that overlap would price it twice; both are named with the bound that
was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from ledger.errors import Problem

T = TypeVar("T", int, date)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How errors speak of a list of ranges: its name and those of its bounds, e.g. "slabs"."""

    what: str
    lower: str
    upper: str


def misfits(
    bounds: Bounds, ranges: Sequence[tuple[T, T | None]], show: Callable[[T], str] = str
) -> Iterator[Problem]:
    """Each range that is empty, and each that does not begin where the one before it ends.

    `ranges` are in order, (from, to) with None for no end; an empty list is a problem too.
    """
    if not ranges:
        yield Problem(where=bounds.what, got="no row", expected="at least one row")
    for at, (begin, end) in enumerate(ranges):
        if end is not None and end <= begin:
            where = f"{bounds.what}[{at}].{bounds.upper}"
            yield Problem(where=where, got=show(end), expected=f"more than {show(begin)}")
        if at and begin != ranges[at - 1][1]:
            yield _unjoined(f"{bounds.what}[{at}].{bounds.lower}", ranges[at - 1][1], begin, show)


def holds(bounds: tuple[T, T | None], value: T) -> bool:
    """True when `value` lies in [from, to)."""
    begin, end = bounds
    return begin <= value and (end is None or value < end)


def _unjoined(where: str, end: T | None, begin: T, show: Callable[[T], str]) -> Problem:
    if end is None:
        return Problem(
            where=where, got=f"{show(begin)}, an overlap", expected="no row after one without end"
        )
    kind = "a gap" if begin > end else "an overlap"
    return Problem(
        where=where,
        got=f"{show(begin)}, {kind}",
        expected=f"{show(end)}, where the row before it ends",
    )
