"""What a loan's schedule is made from and what it is made of: terms in, rows out.

`LoanTerms` is all that the engine looks at: what is paid out and when, at which rates, over which
periods, and how the principal comes back. A `Schedule` is those terms with a row for each period.
A row explains itself: what it found, the sub-periods that earned (balance, rate, days, exact
interest), what was rounded, what falls due and what is left; and it carries what the next row needs
to go on from it, so that a change in mid-life never computes the past again.

Money is in the currency's smallest unit (satang), rates in 10^-8 of the fraction, exact amounts are
fractions of a satang. Nothing here decides anything; `products.schedules.checks` says what is
refused.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pricing.dated import Dated
from products.schedules.conventions import FACILITY, Convention
from products.schedules.due_dates import MONTHLY, DuePeriod, DueRule, InterestDue, Interval


class Repayment(enum.Enum):
    """Which part of an instalment is fixed; the other one floats with the interest."""

    EQUAL_INSTALMENTS = "EQUAL_INSTALMENTS"  # คงยอด: principal and interest together
    PRINCIPAL_SHARES = "PRINCIPAL_SHARES"  # คงต้น and its kin: the principal, by the weights


class InterestMethod(enum.Enum):
    """What interest is charged on."""

    DECLINING_BALANCE = "DECLINING_BALANCE"
    FLAT = "FLAT"  # on all that was paid out, to the last instalment


class Adjust(enum.Enum):
    """What gives way when the rate changes."""

    INSTALMENT = "INSTALMENT"  # computed anew over the instalments that are left
    NUMBER = "NUMBER"  # the instalment stays; fewer are needed, or more


class PrepaymentEffect(enum.Enum):
    """What principal paid before it is due changes; the balance falls on the day it is paid."""

    SMALLER_INSTALMENTS = "SMALLER_INSTALMENTS"
    FEWER_INSTALMENTS = "FEWER_INSTALMENTS"
    NEXT_INSTALMENTS = "NEXT_INSTALMENTS"  # stands in for the principal of the next ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Disbursement:
    """Principal paid out on a date: the first one draws the loan, others are tranches."""

    on: date
    amount_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepayment:
    """Principal paid on a date on top of what is due."""

    on: date
    amount_satang: int
    effect: PrepaymentEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanTerms:
    """All that makes a schedule.

    disbursements:  in order of dates; one on a due date counts after that due.
    annual_rates:   `annual_rate_e8` by date, without gap over the life.
    periods:        as `due_dates` makes them and `repayment` weighs them, or as stated.
    interval:       the regular distance of due dates, for measures that count periods.
    fixed_instalment_satang: a level payment that is agreed, never solved: only a prepayment for
                    smaller instalments or a reschedule replaces it.
    balloon_satang: equal instalments: principal left for the last one.
    prepayments:    in order of dates; one on a due date counts after that due.
    due_rule:       how due dates go on, where a change needs more of them.
    """

    disbursements: tuple[Disbursement, ...]
    annual_rates: Dated[int]
    periods: tuple[DuePeriod, ...]
    interval: Interval = MONTHLY
    repayment: Repayment = Repayment.EQUAL_INSTALMENTS
    interest_method: InterestMethod = InterestMethod.DECLINING_BALANCE
    convention: Convention = FACILITY
    fixed_instalment_satang: int | None = None
    balloon_satang: int = 0
    on_rate_change: Adjust = Adjust.INSTALMENT
    prepayments: tuple[Prepayment, ...] = ()
    due_rule: DueRule | None = None

    @property
    def disbursed_satang(self) -> int:
        """All that is paid out over the life."""
        return sum(paid.amount_satang for paid in self.disbursements)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubPeriod:
    """Nights of one balance and one rate: [start_date, stop_date).

    balance_satang: what bears interest, principal overdue included.
    year_fraction:  by the convention.
    exact_satang:   balance x rate x year_fraction.
    """

    start_date: date
    stop_date: date
    balance_satang: int
    annual_rate_e8: int
    year_fraction: Fraction
    exact_satang: Fraction

    @property
    def days(self) -> int:
        """Real days."""
        return (self.stop_date - self.start_date).days


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The rule that fixes the instalments until something has it solved anew; one of two is set.

    level_satang:         the level payment.
    principal_per_weight: principal that a weight of 1 stands for, exact.
    exact_satang:         the level payment before it was settled (smoothing comes after).
    """

    level_satang: int | None
    principal_per_weight: Fraction | None
    exact_satang: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instalment. closing = opening + disbursed - principal - prepaid, all of them 0 or more.

    n:                from 1.
    period:           its dates and how it pays.
    opening_satang:   principal outstanding when the period begins.
    disbursed_satang: tranches paid out in the period or on its end date.
    principal_satang: falls due on the due date.
    prepaid_satang:   principal paid before its time, in the period or on its end date.
    interest_satang:  falls due on the due date, what was deferred before included.
    earned_satang:    interest of this period alone, settled; `exact_satang` the same, exact.
    deferred_satang:  earned up to here and not yet due.
    advance_satang:   prepaid and not yet used up as principal of the next instalments.
    sub_periods:      what earned.
    in_force:         the rule that fixed the instalment; None while none was needed yet.
    """

    n: int
    period: DuePeriod
    opening_satang: int
    disbursed_satang: int
    principal_satang: int
    prepaid_satang: int
    interest_satang: int
    closing_satang: int
    earned_satang: int
    exact_satang: Fraction
    deferred_satang: int
    advance_satang: int
    sub_periods: tuple[SubPeriod, ...]
    in_force: InForce | None

    @property
    def due_date(self) -> date:
        """The day on which the instalment is to be paid."""
        return self.period.due_date

    @property
    def total_satang(self) -> int:
        """The instalment: principal and interest that fall due."""
        return self.principal_satang + self.interest_satang


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Terms and their rows. There may be fewer rows than periods: the loan is then paid earlier."""

    terms: LoanTerms
    rows: tuple[Row, ...]

    @property
    def principal_satang(self) -> int:
        """All principal: what falls due and what was prepaid."""
        return sum(row.principal_satang + row.prepaid_satang for row in self.rows)

    @property
    def interest_satang(self) -> int:
        """All interest that falls due."""
        return sum(row.interest_satang for row in self.rows)


__all__ = [
    "Adjust",
    "Disbursement",
    "DuePeriod",
    "InForce",
    "InterestDue",
    "InterestMethod",
    "LoanTerms",
    "Prepayment",
    "PrepaymentEffect",
    "Repayment",
    "Row",
    "Schedule",
    "SubPeriod",
]
