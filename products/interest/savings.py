"""The days of a savings contract: accrued every night, credited on the product's days. Pure.

A day earns balance x rate x its part of the year, a whole number of 1/`EXACT_DENOMINATOR` satang.
Only cumulative amounts of a capitalisation period are rounded, so what is credited equals what was
accrued, to the satang. The balance that bears interest on a date is the closing balance by value
date, without that date's own capitalisation; a negative one earns nothing.

`replay` lives a contract's days from its value-dated changes alone. Nights that ran on time must
have recorded exactly this; for late postings the difference is what is corrected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ledger.dates import days
from ledger.errors import InvariantBroken
from ledger.money import Rounding, Satang
from products.interest.day_counts import DayCount
from products.interest.earning import Conditions, interest_of
from products.interest.rounding import RoundingRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What of a product decides its interest.

    capitalisation_days: "MM-DD" of the dates on which accrued interest is credited.
    step_satang:         accrued and credited amounts are multiples of it.
    """

    day_count: DayCount
    rounding: Rounding
    capitalisation_days: frozenset[str]
    step_satang: int = 1

    def ends_period(self, on: date) -> bool:
        """True when accrued interest is credited on the date `on`."""
        return f"{on.month:02d}-{on.day:02d}" in self.capitalisation_days

    def rounded(self, exact: int) -> Satang:
        """Satang of an exact cumulative amount, by the product's rounding."""
        return RoundingRule(mode=self.rounding, step_satang=self.step_satang).settle(exact)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccrualDay:
    """What one date earned.

    annual_rate_e8:    the rate that the balance reaches: its slab's, where there are several.
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
    return balance_satang * annual_rate_e8 * day_count.day_units(on)


def span_exact(
    balance_satang: int, annual_rate_e8: int, start: date, stop: date, day_count: DayCount
) -> int:
    """Interest of a steady balance over [start, stop): the first day counts, the last does not."""
    return max(balance_satang, 0) * annual_rate_e8 * day_count.span_units(start, stop)


def replay(
    *,
    terms: Terms,
    start: date,
    stop: date,
    changes: Mapping[date, int],
    rates: Mapping[date, int | Conditions],
    opening_satang: int = 0,
    outstanding_satang: int = 0,
    opening_exact: int = 0,
    fixed_credits: Mapping[date, int] | None = None,
) -> Replay:
    """Live the dates [start, stop) of a contract; `start` begins a capitalisation period.
    Raises `InvariantBroken` when a rate of the interval is missing.

    changes:            net change of the balance by value date, capitalisations left out.
    rates:              of every date of the interval: one `annual_rate_e8`, or slabs with their
                        minimum (what an overdraft would pay is not a deposit's).
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
        reached, earned = _earned(balance, rates.get(on), on, terms.day_count)
        exact += earned
        before, rounded = rounded, terms.rounded(exact)
        accruals.append(
            AccrualDay(
                on=on,
                balance_satang=balance,
                annual_rate_e8=reached,
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


def _earned(
    balance: int, rate: int | Conditions | None, on: date, day_count: DayCount
) -> tuple[int, int]:
    """The rate that a balance reaches on a date, and what it earns by all of its slabs."""
    if rate is None:
        raise InvariantBroken(f"replay: no rate for {on.isoformat()}")
    if isinstance(rate, int):
        return rate, day_exact(balance, rate, on, day_count)
    kept = max(balance, 0)
    exact = interest_of(kept, rate, day_count.day_units(on)).credit_exact
    return rate.rate_reached_e8(kept), exact


def period_start(terms: Terms, on: date, first: date) -> date:
    """First date of the capitalisation period that `on` lies in; never before `first`.

    first: the date from which the contract bears interest.
    """
    start = on
    while start > first and not terms.ends_period(start - timedelta(days=1)):
        start -= timedelta(days=1)
    return max(start, first)
