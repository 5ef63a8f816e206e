"""How much of a year a date is: every date a whole number of parts, no fraction lost.

A year is cut into `DAYS_MULTIPLE` parts, the least common multiple of 360, 365 and 366, so that the
weight of each date under each convention is a whole number of them and spans can be added up in any
order, by Python or by SQL. Interest of a balance at a rate in 10^-8 is then whole in units of
1/`EXACT_DENOMINATOR`. A date stands for the night from it to the next: the span [start, stop) has
the first date and not the last.

30E/360 (ISDA 2006 Definitions, section 4.16(g), "Eurobond basis"): a date is the 30th at most, a
month is 30 days, a year 12 months. Per night that is the step of 360 x year + 30 x month +
min(day, 30): none from a 30th to the 31st, three from 28 February to 1 March (two from the 29th),
one otherwise; the steps of a span add up to the convention's own count.
"""

from __future__ import annotations

import enum
from datetime import date, timedelta

from ledger.dates import days_in_year

DAYS_MULTIPLE = 1_603_080
"""Parts of a year: the least common multiple of 360, 365 and 366."""

EXACT_DENOMINATOR = DAYS_MULTIPLE * 10**8
"""Exact amounts count 1/EXACT_DENOMINATOR of a satang: parts of the year times the rate's 10^-8."""

_ONE_DAY = timedelta(days=1)


class DayCount(enum.Enum):
    """How many days a year has and how many a span; the value is how the database names it."""

    ACT_365F = "ACT_365F"  # real days over 365, leap year or not: the default
    ACT_ACT_CALYEAR = "ACT_ACT_CALYEAR"  # 366 for days of a leap year; the cut is at 1 January
    ACT_360 = "ACT_360"  # real days over 360
    THIRTY_360 = "THIRTY_360"  # 30E/360: months of 30 days over 360

    def year_days(self, on: date) -> int:
        """Days of the year that the date `on` counts in: 360, 365 or 366."""
        if self is DayCount.ACT_365F:
            return 365
        return days_in_year(on.year) if self is DayCount.ACT_ACT_CALYEAR else 360

    def counted_days(self, start: date, stop: date) -> int:
        """Days of [start, stop) as the convention counts them; they may lie in several years."""
        if self is DayCount.THIRTY_360:
            return _thirty_position(stop) - _thirty_position(start)
        return (stop - start).days

    def day_units(self, on: date) -> int:
        """What the date `on` weighs, in parts of `DAYS_MULTIPLE`: its days times a day's parts."""
        units = DAYS_MULTIPLE // self.year_days(on)
        if self is DayCount.THIRTY_360:
            return self.counted_days(on, on + _ONE_DAY) * units
        return units

    def span_units(self, start: date, stop: date) -> int:
        """What [start, stop) weighs: the sum of its dates, without walking them."""
        if self is not DayCount.ACT_ACT_CALYEAR:
            return self.counted_days(start, stop) * (DAYS_MULTIPLE // self.year_days(start))
        total = 0
        while start.year < stop.year:
            new_year = date(start.year + 1, 1, 1)
            total += (new_year - start).days * (DAYS_MULTIPLE // self.year_days(start))
            start = new_year
        return total + (stop - start).days * (DAYS_MULTIPLE // self.year_days(start))


def _thirty_position(on: date) -> int:
    """Where a date stands on the line of 30-day months; the 31st stands where the 30th does."""
    return 360 * on.year + 30 * on.month + min(on.day, 30)
