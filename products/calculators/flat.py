"""Hire purchase at a flat rate with VAT, and deposits that compound by whole months. Pure.

Hire purchase (เช่าซื้อ): interest is principal x rate x months whatever has been repaid, spread
evenly; VAT is taken on the instalment before it is rounded and on the whole price.
Compounding by months knows no day: P x (1 + r x c / 12) ^ (n / c), an exact fraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ledger.errors import InvalidInput
from ledger.money import Rounding, round_ratio

_E8 = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class HirePurchase:
    """What a hire purchase comes to, in satang."""

    interest_satang: int
    instalment_satang: int
    instalment_with_vat_satang: int
    total_with_vat_satang: int


def hire_purchase(
    *, principal_satang: int, monthly_rate_e8: int, instalments: int, vat_e8: int, mode: Rounding
) -> HirePurchase:
    """Equal monthly instalments at a flat rate; `monthly_rate_e8` and `vat_e8` in 10^-8."""
    interest = Fraction(principal_satang * monthly_rate_e8 * instalments, _E8)
    total = principal_satang + interest
    vat = 1 + Fraction(vat_e8, _E8)

    def settled(amount: Fraction) -> int:
        return round_ratio(amount.numerator, amount.denominator, mode)

    return HirePurchase(
        interest_satang=settled(interest),
        instalment_satang=settled(total / instalments),
        instalment_with_vat_satang=settled(total / instalments * vat),
        total_with_vat_satang=settled(total * vat),
    )


def check_compounding(term_months: int, compounding_months: int) -> None:
    """Raise `InvalidInput` unless the term is a whole number of compounding periods."""
    if compounding_months < 1 or term_months % compounding_months:
        raise InvalidInput.one(
            "compounding_months",
            compounding_months,
            f"a number of months that divides the term of {term_months}",
        )


def growth_by_months(annual_rate_e8: int, compounding_months: int) -> Fraction:
    """By what a deposit is multiplied in one compounding period."""
    return 1 + Fraction(annual_rate_e8 * compounding_months, 12 * _E8)
