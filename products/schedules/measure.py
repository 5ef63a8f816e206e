"""What part of a year a span is: the one place where a schedule counts days. Pure, exact.

Spans are half-open, [start, stop): the first night counts, the last date does not. A fraction is
that of a year, so that interest is balance x rate x fraction under every convention.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from ledger.dates import days_in_year
from ledger.errors import InvalidInput
from products.interest.day_counts import DAYS_MULTIPLE, DayCount
from products.schedules.conventions import Convention, Measure, SourceDayCount
from products.schedules.due_dates import DuePeriod, Interval, Unit

_FIXED_YEARS: dict[DayCount | SourceDayCount, int] = {
    DayCount.ACT_365F: 365,
    DayCount.ACT_360: 360,
    DayCount.THIRTY_360: 360,
    SourceDayCount.ACT_364: 364,
}
_INTERVALS_A_YEAR = {Unit.MONTHS: 12, Unit.WEEKS: 52}
_INTERVAL_DAYS = {Unit.MONTHS: 30, Unit.WEEKS: 7, Unit.DAYS: 1}


def days_fraction(day_count: DayCount | SourceDayCount, start: date, stop: date) -> Fraction:
    """The part of a year that [start, stop) is by real days (or those of 30E/360)."""
    if day_count is DayCount.ACT_365F:
        return Fraction((stop - start).days, 365)
    if isinstance(day_count, DayCount):
        return Fraction(day_count.span_units(start, stop), DAYS_MULTIPLE)
    if day_count is SourceDayCount.ACT_364:
        return Fraction((stop - start).days, 364)
    return _cut_at_31_december(start, stop)


def interval_fraction(measure: Measure, convention: Convention, interval: Interval) -> Fraction:
    """The part of a year that one regular interval is when it is counted whole.

    Raises `InvalidInput` for REAL_DAYS, which counts none whole, and for a year that has no fixed
    length where the measure divides by one.
    """
    if measure is Measure.EQUAL_PERIODS and interval.unit in _INTERVALS_A_YEAR:
        return Fraction(interval.count, _INTERVALS_A_YEAR[interval.unit])
    year = _FIXED_YEARS.get(convention.day_count)
    if measure is Measure.REAL_DAYS or year is None:
        got = f"{measure.value} with {convention.day_count.value}"
        raise InvalidInput.one(
            "convention", got, "intervals counted whole, over a year of a fixed number of days"
        )
    return Fraction(interval.count * _INTERVAL_DAYS[interval.unit], year)


def year_fraction(
    convention: Convention, interval: Interval, period: DuePeriod, start: date, stop: date
) -> Fraction:
    """The part of a year that the nights [start, stop) of a period earn interest for.

    Where whole periods are counted, a part of one is its share of the period's real days (of the
    regular interval's, for a period that is none).
    """
    if convention.interest_measure is Measure.REAL_DAYS:
        return days_fraction(convention.day_count, start, stop)
    whole = interval_fraction(convention.interest_measure, convention, interval)
    length = (period.end_date - period.start_date).days
    days, regular = (stop - start).days, period.interval_days or length
    return whole if days == regular else whole * Fraction(days, regular)


def _cut_at_31_december(start: date, stop: date) -> Fraction:
    """Each night counts in the year of the day it ends on."""
    one = timedelta(days=1)
    total, first, end = Fraction(0), start + one, stop + one
    while first < end:
        cut = min(end, date(first.year + 1, 1, 1))
        total += Fraction((cut - first).days, days_in_year(first.year))
        first = cut
    return total
