"""Rates by term and amount: a chart of rows, each a range of months and a range of amounts. Pure.

A chart is read in its primary dimension first (the term, or the amount), then in the other one
among the rows that share that range. Ranges are [from, to), gapless in each dimension; a term or an
amount that the chart does not reach is refused with the chart's own bounds, never priced by the
nearest row. Fixed deposits and notes ask it for the rate of a term, early withdrawals for the rate
of the months held.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.errors import InvalidInput, Problem
from ledger.money import format_baht
from pricing.ranges import Bounds, holds, misfits

Range = tuple[int, int | None]
"""From and to; None = no end."""


class ChartPrimary(enum.Enum):
    """The dimension that a chart is divided by first."""

    TERM = "term"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """One rate, for terms of [from_months, to_months) and amounts of [from_satang, to_satang)."""

    from_months: int = 0
    to_months: int | None = None
    from_satang: int = 0
    to_satang: int | None = None
    annual_rate_e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChart:
    """All rates of a product for a date, by term and amount.

    Raises `InvalidInput`, a problem for every gap and overlap in either dimension.
    """

    primary: ChartPrimary
    rows: tuple[ChartRow, ...]

    def __post_init__(self) -> None:
        problems = [*_problems(self.primary, self.rows)]
        if problems:
            raise InvalidInput(problems)

    def annual_rate_e8(self, *, term_months: int, amount_satang: int) -> int:
        """The rate of a term and an amount. Raises `InvalidInput` when the chart has none."""
        asked = {ChartPrimary.TERM: term_months, ChartPrimary.AMOUNT: amount_satang}
        rows: Sequence[ChartRow] = self.rows
        for dimension in _order(self.primary):
            rows = _holding(dimension, rows, asked[dimension])
        return rows[0].annual_rate_e8


def _order(primary: ChartPrimary) -> tuple[ChartPrimary, ChartPrimary]:
    if primary is ChartPrimary.TERM:
        return ChartPrimary.TERM, ChartPrimary.AMOUNT
    return ChartPrimary.AMOUNT, ChartPrimary.TERM


_BOUNDS = {
    ChartPrimary.TERM: Bounds(what="chart terms", lower="from", upper="to"),
    ChartPrimary.AMOUNT: Bounds(what="chart amounts", lower="from", upper="to"),
}


def _range(dimension: ChartPrimary, row: ChartRow) -> Range:
    if dimension is ChartPrimary.TERM:
        return row.from_months, row.to_months
    return row.from_satang, row.to_satang


def _months(count: int) -> str:
    return f"{count} months"


_SHOW: Mapping[ChartPrimary, Callable[[int], str]] = {
    ChartPrimary.TERM: _months,
    ChartPrimary.AMOUNT: format_baht,
}


def _holding(dimension: ChartPrimary, rows: Sequence[ChartRow], asked: int) -> list[ChartRow]:
    found = [row for row in rows if holds(_range(dimension, row), asked)]
    if not found:
        show = _SHOW[dimension]
        ranges = [_range(dimension, row) for row in rows]
        ends = [end for _, end in ranges if end is not None]
        below = f", less than {show(max(ends))}" if len(ends) == len(ranges) else ""
        expected = f"{show(min(begin for begin, _ in ranges))} or more{below}"
        raise InvalidInput.one(_BOUNDS[dimension].what, show(asked), expected)
    return found


def _problems(primary: ChartPrimary, rows: Sequence[ChartRow]) -> Iterator[Problem]:
    first, second = _order(primary)
    groups: dict[Range, list[Range]] = {}
    for row in rows:
        groups.setdefault(_range(first, row), []).append(_range(second, row))
    yield from misfits(_BOUNDS[first], sorted(groups, key=_begin), _SHOW[first])
    for group in groups.values():
        yield from misfits(_BOUNDS[second], sorted(group, key=_begin), _SHOW[second])
    for at, row in enumerate(rows):
        if row.annual_rate_e8 < 0:
            where = f"chart rows[{at}].annual_rate_e8"
            yield Problem(where=where, got=str(row.annual_rate_e8), expected="a rate of 0 or more")


def _begin(bounds: Range) -> int:
    return bounds[0]
