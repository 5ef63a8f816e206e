"""The instalment solved: which level payment, or which principal a weight stands for. Pure.

It is solved at the first period that pays principal and again where the terms say so, with what is
known then: the balance, the flows of the running period, the rate at that period's end, the periods
that are left. Later tranches and rates are not foreseen; each has it solved anew when it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ledger.money import round_ratio
from products.schedules.due_dates import DuePeriod, InterestDue
from products.schedules.level import level_payment
from products.schedules.measure import interval_fraction, year_fraction
from products.schedules.values import InForce, InterestMethod, LoanTerms, Repayment

_RATE_UNIT = 10**8


def solve(
    terms: LoanTerms,
    paying: Sequence[DuePeriod],
    *,
    owed_satang: int,
    flat_base_satang: int,
    first_interest: Fraction,
    annual_rate_e8: int,
) -> InForce:
    """The rule for the periods that pay principal, `paying`, of which the first is running now.

    owed_satang:      balance with the running period's tranches and prepayments.
    flat_base_satang: what flat interest is charged on.
    first_interest:   exact interest of the running period, rate changes and flows in it.
    annual_rate_e8:   in force at the end of the running period.
    """
    flat = terms.interest_method is InterestMethod.FLAT
    if terms.repayment is Repayment.PRINCIPAL_SHARES or (
        flat and terms.convention.flat_parts_apart
    ):
        per_weight = Fraction(owed_satang, sum(period.weight for period in paying))
        return InForce(level_satang=None, principal_per_weight=per_weight, exact_satang=per_weight)
    rates = _interest_rates(terms, paying, annual_rate_e8)
    if flat:
        exact = Fraction(owed_satang + flat_base_satang * sum(rates), len(paying))
        return _settled(terms, exact)
    if not terms.convention.solves_own_factors:
        first_interest = owed_satang * rates[0]
    # With a balloon the last instalment is not level: it pays what the others leave.
    level = rates[1 : len(rates) - 1] if terms.balloon_satang else rates[1:]
    growths = [1 + rate for rate in level]
    return _settled(
        terms, level_payment(owed_satang + first_interest, growths, terms.balloon_satang)
    )


def agreed_level(level_satang: int) -> InForce:
    """A level payment that was agreed and not solved."""
    return InForce(
        level_satang=level_satang, principal_per_weight=None, exact_satang=Fraction(level_satang)
    )


def settle_level(terms: LoanTerms, exact: Fraction) -> int:
    """A level payment as it is agreed: a whole number of its step, by its own mode."""
    step, mode = terms.convention.level_step_satang, terms.convention.level_mode
    return round_ratio(exact.numerator, exact.denominator * step, mode) * step


def _settled(terms: LoanTerms, exact: Fraction) -> InForce:
    level = settle_level(terms, exact)
    return InForce(level_satang=level, principal_per_weight=None, exact_satang=exact)


def _interest_rates(
    terms: LoanTerms, paying: Sequence[DuePeriod], annual_rate_e8: int
) -> list[Fraction]:
    """Interest of 1 over each period, as the level payment counts it."""
    rate, convention = Fraction(annual_rate_e8, _RATE_UNIT), terms.convention
    if not convention.solves_own_factors:
        plain = rate * interval_fraction(convention.level_measure, convention, terms.interval)
        return [Fraction(0) if _is_free(period) else plain for period in paying]
    return [
        Fraction(0)
        if _is_free(period)
        else rate
        * year_fraction(convention, terms.interval, period, period.start_date, period.end_date)
        for period in paying
    ]


def _is_free(period: DuePeriod) -> bool:
    return period.interest is InterestDue.FREE
