"""What a period earns: its nights cut where the balance or the rate changes. Pure, exact.

A rate effective on D is first used for the night that begins on D, as the nightly accrual does; a
convention of others may count from the night before.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from ledger.errors import InvalidInput
from products.interest.rounding import RoundingRule, Stage
from products.schedules.due_dates import DuePeriod, InterestDue
from products.schedules.measure import year_fraction
from products.schedules.values import LoanTerms, SubPeriod

_RATE_UNIT = 10**8
_NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSteps:
    """Rates by the first night they are used for, in order; made once for a schedule."""

    nights: tuple[date, ...]
    annual_rates_e8: tuple[int, ...]

    @classmethod
    def of(cls, terms: LoanTerms) -> RateSteps:
        """The rate steps of the terms, by their convention."""
        earlier = timedelta(days=1 if terms.convention.rate_from_night_before else 0)
        rows = terms.annual_rates.rows
        # The first row is not moved: before it there is no rate.
        nights = [row.from_date - (earlier if at else timedelta(0)) for at, row in enumerate(rows)]
        return cls(nights=tuple(nights), annual_rates_e8=tuple(row.value for row in rows))

    def until(self, horizon: date) -> RateSteps:
        """The steps that begin before `horizon`."""
        known = [night for night in self.nights if night < horizon]
        return RateSteps(nights=tuple(known), annual_rates_e8=self.annual_rates_e8[: len(known)])

    def on(self, night: date) -> int:
        """`annual_rate_e8` of a night. Raises `InvalidInput` before the first rate."""
        at = bisect_right(self.nights, night)
        if not at:
            raise InvalidInput.one("annual_rates", f"none on {night.isoformat()}", "a rate")
        return self.annual_rates_e8[at - 1]

    def changes(self, start: date, stop: date) -> list[date]:
        """Nights of [start, stop) on which another rate begins than the night before had."""
        low = max(bisect_left(self.nights, start), 1)
        return list(self.nights[low : bisect_left(self.nights, stop)])


def sub_periods(
    terms: LoanTerms,
    steps: RateSteps,
    period: DuePeriod,
    bearing_satang: int,
    flows: Iterable[tuple[date, int]],
) -> tuple[SubPeriod, ...]:
    """The runs of nights of a period that bear interest, in order; none of a zero balance.

    bearing_satang: what bears interest when the period begins.
    flows:          its changes inside the period, by the first night that has them.
    """
    if period.interest is InterestDue.FREE:
        return ()
    deltas: dict[date, int] = {}
    for on, delta in flows:
        deltas[on] = deltas.get(on, 0) + delta
    start, end = period.start_date, period.end_date
    if not deltas and len(steps.nights) == 1:  # most periods of most loans: nothing changes
        whole = bearing_satang and start < end
        rate = steps.annual_rates_e8[0]
        return (_earned(terms, rate, period, (start, end), bearing_satang),) if whole else ()
    bearing_satang += deltas.pop(start, 0)
    moved = [on for on, delta in deltas.items() if delta]
    cuts = sorted({*moved, *steps.changes(start + timedelta(days=1), end)})
    found = []
    for stop in (*cuts, end):
        if bearing_satang and stop > start:
            found.append(_earned(terms, steps.on(start), period, (start, stop), bearing_satang))
        bearing_satang += deltas.get(stop, 0)
        start = stop
    return tuple(found)


def _earned(
    terms: LoanTerms, annual_rate_e8: int, period: DuePeriod, span: tuple[date, date], bearing: int
) -> SubPeriod:
    start, stop = span
    fraction = year_fraction(terms.convention, terms.interval, period, start, stop)
    parts = bearing * annual_rate_e8 * fraction.numerator
    return SubPeriod(
        start_date=start,
        stop_date=stop,
        balance_satang=bearing,
        annual_rate_e8=annual_rate_e8,
        year_fraction=fraction,
        exact_satang=Fraction(parts, fraction.denominator * _RATE_UNIT),
    )


def exact_interest(parts: Sequence[SubPeriod]) -> Fraction:
    """The exact interest of sub-periods together, in satang."""
    if len(parts) == 1:
        return parts[0].exact_satang
    return sum((part.exact_satang for part in parts), _NOTHING)


def settled_interest(rule: RoundingRule, parts: Sequence[SubPeriod]) -> int:
    """The interest of sub-periods as money: rounded once, or each by itself where so agreed."""
    if rule.stage is Stage.STRETCH:
        return sum(settled(rule, part.exact_satang) for part in parts)
    return settled(rule, exact_interest(parts))


def settled(rule: RoundingRule, exact: Fraction) -> int:
    """One exact amount as money."""
    return rule.settle(exact.numerator, exact.denominator)
