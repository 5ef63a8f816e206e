"""Interest on deposits, exact: the specification that the night's SQL must equal. Pure.

A day earns balance x rate x 1/days-of-the-year; that is a whole number when counted in units of
1/`EXACT_DENOMINATOR` satang, because 1,603,080 is divisible by 360, 365 and 366. Only cumulative
amounts of a capitalisation period are rounded, so what is credited equals what was accrued, to the
satang. The balance that bears interest on a date is the closing balance by value date, without that
date's own capitalisation; a negative one earns nothing.

`replay` lives a contract's days from its value-dated changes alone. Nights that ran on time must
have recorded exactly this; for late postings the difference is what is corrected.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ledger.dates import days, days_in_year
from ledger.errors import InvariantBroken
from ledger.money import Rounding, Satang, round_ratio

DAYS_MULTIPLE = 1_603_080
"""The least common multiple of 360, 365 and 366."""

EXACT_DENOMINATOR = DAYS_MULTIPLE * 10**8
"""Exact amounts count 1/EXACT_DENOMINATOR of a satang: days of the year times the rate's 10^-8."""


class DayCount(enum.Enum):
    """How many days a year has for a day's interest; the value is how the database names it."""

    ACT_365F = "ACT_365F"  # always 365, leap year or not: the default
    ACT_ACT_CALYEAR = "ACT_ACT_CALYEAR"  # 366 for days of a leap year; the cut is at 1 January

    def year_days(self, on: date) -> int:
        """Days of the year that the date `on` counts in: 365 or 366."""
        return 365 if self is DayCount.ACT_365F else days_in_year(on.year)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What of a product decides its interest.

    capitalisation_days: "MM-DD" of the dates on which accrued interest is credited.
    """

    day_count: DayCount
    rounding: Rounding
    capitalisation_days: frozenset[str]

    def ends_period(self, on: date) -> bool:
        """True when accrued interest is credited on the date `on`."""
        return f"{on.month:02d}-{on.day:02d}" in self.capitalisation_days

    def rounded(self, exact: int) -> Satang:
        """Satang of an exact cumulative amount, by the product's rounding."""
        return round_ratio(exact, EXACT_DENOMINATOR, self.rounding)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccrualDay:
    """What one date earned.

    exact:             of this date alone, in 1/EXACT_DENOMINATOR satang.
    cumulative_exact:  since the period's first date, this one included.
    cumulative_satang: the same, rounded; its growth is what the day posts.
    posted_satang:     that growth.
    """

    on: date
    balance_satang: int
    annual_rate_e8: int
    exact: int
    cumulative_exact: int
    cumulative_satang: int
    posted_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A capitalisation period that has ended: what it accrued and what was credited at its end."""

    period_end: date
    accrued_satang: int
    credited_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Every date of a contract and where it stands after the last one.

    outstanding_satang: accrued and not yet credited, all periods together.
    """

    accruals: tuple[AccrualDay, ...]
    periods: tuple[Period, ...]
    cumulative_exact: int
    cumulative_satang: int
    outstanding_satang: int


def day_exact(balance_satang: int, annual_rate_e8: int, on: date, day_count: DayCount) -> int:
    """Interest of one date in 1/EXACT_DENOMINATOR satang; 0 for a balance below zero."""
    if balance_satang <= 0:
        return 0
    return balance_satang * annual_rate_e8 * (DAYS_MULTIPLE // day_count.year_days(on))


def span_exact(
    balance_satang: int, annual_rate_e8: int, start: date, stop: date, day_count: DayCount
) -> int:
    """Interest of a steady balance over [start, stop): the first day counts, the last does not."""
    return sum(day_exact(balance_satang, annual_rate_e8, on, day_count) for on in days(start, stop))


def replay(
    *,
    terms: Terms,
    start: date,
    stop: date,
    changes: Mapping[date, int],
    rates: Mapping[date, int],
    opening_satang: int = 0,
    outstanding_satang: int = 0,
    opening_exact: int = 0,
    fixed_credits: Mapping[date, int] | None = None,
) -> Replay:
    """Live the dates [start, stop) of a contract; `start` begins a capitalisation period.
    Raises `InvariantBroken` when a rate of the interval is missing.

    changes:            net change of the balance by value date, capitalisations left out.
    rates:              `annual_rate_e8` of every date of the interval.
    opening_satang:     balance at the close of the date before `start`.
    outstanding_satang: accrued before `start` and not yet credited.
    opening_exact:      exact interest that `start` found; rounded, part of `outstanding_satang`.
    fixed_credits:      period ends whose credit is a fact already (0 = refused then); at others all
                        that is outstanding is credited, and bears interest from the next date.
    """
    fixed = fixed_credits or {}
    accruals: list[AccrualDay] = []
    periods: list[Period] = []
    balance, outstanding = opening_satang, outstanding_satang
    exact, rounded = opening_exact, terms.rounded(opening_exact)
    for on in days(start, stop):
        balance += changes.get(on, 0)
        if (rate := rates.get(on)) is None:
            raise InvariantBroken(f"replay: no rate for {on.isoformat()}")
        earned = day_exact(balance, rate, on, terms.day_count)
        exact += earned
        before, rounded = rounded, terms.rounded(exact)
        accruals.append(
            AccrualDay(
                on=on,
                balance_satang=balance,
                annual_rate_e8=rate,
                exact=earned,
                cumulative_exact=exact,
                cumulative_satang=rounded,
                posted_satang=rounded - before,
            )
        )
        outstanding += rounded - before
        if terms.ends_period(on):
            credit = fixed.get(on, max(outstanding, 0))
            periods.append(Period(period_end=on, accrued_satang=rounded, credited_satang=credit))
            balance += credit
            outstanding -= credit
            exact, rounded = 0, terms.rounded(0)
    return Replay(
        accruals=tuple(accruals),
        periods=tuple(periods),
        cumulative_exact=exact,
        cumulative_satang=rounded,
        outstanding_satang=outstanding,
    )


def period_start(terms: Terms, on: date, first: date) -> date:
    """First date of the capitalisation period that `on` lies in; never before `first`.

    first: the date from which the contract bears interest.
    """
    start = on
    while start > first and not terms.ends_period(start - timedelta(days=1)):
        start -= timedelta(days=1)
    return max(start, first)
