"""Dates of a placement by the calendar, worked out again. Pure.

Written from docs/placements.md: a tenor of n months ends on the same day n months later or on that
month's last; a maturity on no banking day may go to the next one, the last coupon with it; other
coupons stay where they are. A holiday counts for a term that begins on the date of its announcement
or later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)
_SATURDAY = 5

Holidays = Mapping[date, date]
"""Date without banking -> business date on which it was announced."""


def months_later(first: date, months: int) -> date:
    """The same day so many months later, or the last one of that month."""
    month = first.year * 12 + first.month - 1 + months
    month_ends = _first_of(month + 1) - ONE_DAY
    return month_ends.replace(day=min(first.day, month_ends.day))


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def whole_months(first: date, on: date) -> int:
    """How many whole months lie between two dates, the second not earlier."""
    months = 0
    while months_later(first, months + 1) <= on:
        months += 1
    return months


def banking_day(on: date, holidays: Holidays, known_on: date) -> date:
    """The date itself, or the next one with banking as far as was announced by `known_on`."""
    while on.weekday() >= _SATURDAY or holidays.get(on, date.max) <= known_on:
        on += ONE_DAY
    return on


def paydays(begins_on: date, nominal_on: date, matures_on: date, every: int) -> list[date]:
    """When the coupons of a term are paid: every so many months (0: once), and as it matures."""
    days: list[date] = []
    while every and (following := months_later(begins_on, every * (len(days) + 1))) < nominal_on:
        days.append(following)
    return [*days, matures_on]
