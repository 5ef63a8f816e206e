"""Kind `rate_chart`: the rate of an amount and a term; and the rows of charts in other kinds.

A case's bounds are inclusive at both ends and written in whole months and whole units of money. A
row's range of months ends where the next month begins; its range of amounts reaches to the row
above it when at most one unit lies between them ("5000", then "5001"), so that no amount is left
out. What is still open is a gap, and the chart refuses it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from pricing.charts import ChartPrimary, ChartRow, Range, RateChart
from products.calc.answers import Answer, money_text, percent_text
from products.calc.fields import PERIODS_MAX, Fields

_PRIMARY = {
    "period": ChartPrimary.TERM,
    "period_amount": ChartPrimary.TERM,
    "amount": ChartPrimary.AMOUNT,
    "amount_period": ChartPrimary.AMOUNT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row as written: both bounds of each range belong to it, None = open."""

    months: Range
    amounts: Range
    annual_rate_e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartIn:
    """A chart as a case writes it; `unit` is one whole unit of money in its smallest ones."""

    primary: ChartPrimary
    rows: tuple[_Row, ...]
    unit: int

    def chart(self) -> RateChart:
        """The chart with half-open ranges. Raises `InvalidInput` for gaps and overlaps."""
        begins: dict[Range | None, list[int]] = {}
        for row in self.rows:
            begins.setdefault(self._group(row), []).append(row.amounts[0])
        above = {group: sorted(set(amounts)) for group, amounts in begins.items()}
        return RateChart(
            primary=self.primary,
            rows=tuple(self._half_open(row, above[self._group(row)]) for row in self.rows),
        )

    def _group(self, row: _Row) -> Range | None:
        """What rows share whose amounts must join: their term, unless the amount comes first."""
        return row.months if self.primary is ChartPrimary.TERM else None

    def _half_open(self, row: _Row, begins: Sequence[int]) -> ChartRow:
        (from_months, to_months), (from_amount, to_amount) = row.months, row.amounts
        end = None
        if to_amount is not None:
            at = bisect_right(begins, to_amount)
            nearby = at < len(begins) and begins[at] <= to_amount + self.unit
            end = begins[at] if nearby else to_amount + 1
        return ChartRow(
            from_months=from_months,
            to_months=None if to_months is None else to_months + 1,
            from_satang=from_amount,
            to_satang=end,
            annual_rate_e8=row.annual_rate_e8,
        )


def read_chart(fields: Fields, name: str, primary: ChartPrimary) -> ChartIn:
    """The rows of the list `name`: from_/to_months, from_/to_amount, rate; bounds may be absent."""
    return ChartIn(
        primary=primary,
        rows=tuple(_read_row(row) for row in fields.rows(name, required=True, most=PERIODS_MAX)),
        unit=int(10**fields.decimals),
    )


def rate_chart(fields: Fields, _: str | None) -> Answer:
    """The chart's rate for the case's term and amount."""
    primary = fields.choice("chart_primary", _PRIMARY)
    written = read_chart(fields, "slabs", primary)
    amount, months = fields.money("amount"), fields.whole("term_months")
    fields.finish()
    rate = written.chart().annual_rate_e8(term_months=months, amount_satang=amount)
    line = f"{money_text(amount, fields.decimals)} for {months} months: {percent_text(rate)}%"
    return Answer(result={"rate_pct": percent_text(rate)}, explanation=(line,))


def _read_row(row: Fields) -> _Row:
    return _Row(
        months=(row.whole("from_months", 0, least=0), row.whole("to_months", None)),
        amounts=(row.money("from_amount", 0, least=0), row.money("to_amount", None)),
        annual_rate_e8=row.rate_e8("rate"),
    )
