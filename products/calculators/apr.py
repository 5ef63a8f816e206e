"""Annual percentage rate of a loan's payments by unit periods, rounded exactly. Pure.

The rate is w x i, where w unit periods make a year and i is the unit-period rate at which the
payments are worth the amount financed: A = sum of P / ((1 + f x i) x (1 + i)^t), t whole unit
periods and the fraction f of one from the advance to each payment (Regulation Z, 12 CFR part 1026,
Appendix J, paragraph (b)(8)). What payments are worth falls as the rate rises, so the rate that is
asked for, with its last place rounded half-up, is found by comparing exact integers at the rounding
boundaries: no iteration that could stop a hair too early, no digit lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ledger.errors import InvalidInput

PAYMENTS_MAX = 2_400
"""The longest series of payments: two hundred years of months, forty-six of weeks."""
_PERCENT_MAX = 10**6


def annual_percentage_rate(
    *,
    amount_financed: int,
    payments: Sequence[int],
    first_full_periods: int,
    first_fraction: Fraction,
    periods_per_year: int,
    places: int = 2,
) -> Fraction:
    """The rate in percent a year with `places` decimals, e.g. 969/100.

    payments:           amounts in the unit of `amount_financed`, one every unit period.
    first_full_periods: whole unit periods from the advance to the first payment.
    first_fraction:     and the fraction of one besides, 0 to less than 1.
    Raises `InvalidInput` when there are no payments or too many, when they repay less than was
    financed, when no rate up to a million percent fits them.
    """
    if not 0 < len(payments) <= PAYMENTS_MAX:
        raise InvalidInput.one("payments", len(payments), f"1 to {PAYMENTS_MAX:,} payments")
    if sum(payments) < amount_financed:
        expected = f"at least {amount_financed}, the amount financed"
        raise InvalidInput.one("payments", f"a sum of {sum(payments)}", expected)

    def at_least(half_steps: int) -> bool:
        """True when the rate is not below that many half steps of the last place."""
        rate = Fraction(half_steps, 2 * 10**places * 100 * periods_per_year)
        worth = _worth_at_first(payments, rate)
        grown = amount_financed * (1 + first_fraction * rate) * (1 + rate) ** first_full_periods
        return worth >= grown

    # The rate rounds to k steps when it lies from k - 1/2 to below k + 1/2.
    low, high = 0, 1
    while at_least(2 * high - 1):
        low, high = high, 2 * high
        if high > _PERCENT_MAX * 10**places:
            raise InvalidInput.one(
                "payments", "payments that no rate fits", "a first payment after the advance"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at_least(2 * middle - 1) else (low, middle)
    return Fraction(low, 10**places)


def _worth_at_first(payments: Sequence[int], rate: Fraction) -> Fraction:
    """What a series is worth on the date of its first payment, at a rate per unit period."""
    grown, base = (1 + rate).numerator, (1 + rate).denominator
    worth, scale = payments[-1], 1
    for payment in reversed(payments[:-1]):
        # worth / scale, discounted one period, and the payment before it
        scale *= grown
        worth = payment * scale + worth * base
    return Fraction(worth, scale)
