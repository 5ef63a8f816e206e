"""Interest worked out the slow way: night by night, satang by satang, in fractions of a satang.

A second opinion for the tests of `products.interest` and of placements. It shares no formula with
them: a year's part is a `Fraction` of a night, slabs are looked up for every single satang, and
rounding is that of `decimal`.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal, localcontext
from fractions import Fraction

from ledger.money import Rounding
from products.interest.day_counts import DayCount

_MODES = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
}
Slab = tuple[int, int | None, int]
"""From satang, to satang (None = no end), rate in 10^-8 of the fraction."""


def nights(start: date, stop: date) -> Iterator[date]:
    """The dates of [start, stop)."""
    while start < stop:
        yield start
        start += timedelta(days=1)


def part_of_year(night: date, day_count: DayCount) -> Fraction:
    """What part of a year the night from a date to the next one is."""
    if day_count is DayCount.ACT_365F:
        return Fraction(1, 365)
    if day_count is DayCount.ACT_360:
        return Fraction(1, 360)
    if day_count is DayCount.ACT_ACT_CALYEAR:
        return Fraction(1, 366 if calendar.isleap(night.year) else 365)
    morning = night + timedelta(days=1)
    return Fraction(thirty_days(night, morning), 360)


def thirty_days(start: date, stop: date) -> int:
    """30E/360 as it is published: each date is the 30th at most, months have 30 days."""
    first, second = min(start.day, 30), min(stop.day, 30)
    months = (stop.year - start.year) * 12 + (stop.month - start.month)
    return months * 30 + (second - first)


def of_a_night(balance: int, rate_e8: int, night: date, day_count: DayCount) -> Fraction:
    """Satang that a balance earns in one night."""
    return Fraction(balance) * Fraction(rate_e8, 10**8) * part_of_year(night, day_count)


def rate_of_satang(at: int, slabs: Sequence[Slab]) -> int:
    """The rate of the satang at a place of the balance; the first satang stands at 0."""
    (rate,) = [rate for begin, end, rate in slabs if begin <= at and (end is None or at < end)]
    return rate


def rounded(amount: Fraction, mode: Rounding, step: int = 1) -> int:
    """The multiple of a step that an amount is rounded to, by `decimal`."""
    with localcontext() as context:
        context.prec = 120
        steps = Decimal(amount.numerator) / Decimal(amount.denominator * step)
        return int(steps.to_integral_value(rounding=_MODES[mode])) * step
