"""What a case answers: its result, and the lines that explain every number of it.

A result is made of JSON values only: money and rates are texts, dates are ISO texts, counts are
numbers. Integers and fractions become text here and nowhere else in the calculator, so that two
kinds cannot write the same amount in two ways. Nothing is rounded that was not asked to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from ledger.money import Rounding, round_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one case.

    result:      JSON values by name, in the order in which they are shown.
    explanation: one line a number: the balance, the rate, the days, the exact amount, the rounding.
    """

    result: Mapping[str, object]
    explanation: tuple[str, ...]


def money_text(units: int, decimals: int = 2) -> str:
    """Text of money counted in the currency's smallest unit: (123450, 2) -> "1234.50".

    decimals: of the currency, 0 or more; the text has exactly that many places.
    """
    sign, digits = "-" if units < 0 else "", str(abs(units)).rjust(decimals + 1, "0")
    if decimals == 0:
        return sign + digits
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def decimal_text(value: Fraction | int, places: int, mode: Rounding = Rounding.HALF_UP) -> str:
    """A ratio with exactly `places` decimals, rounded by `mode`: (Fraction(2, 3), 2) -> "0.67"."""
    scaled = Fraction(value) * 10**places
    return money_text(round_ratio(scaled.numerator, scaled.denominator, mode), places)


def percent_text(rate_e8: int) -> str:
    """Text of a rate as a percentage without idle zeros: 3_750_000 -> "3.75", 7_000_000 -> "7"."""
    whole, _, places = money_text(rate_e8, 6).partition(".")
    return f"{whole}.{places.rstrip('0')}".rstrip(".")


def day_text(day: date) -> str:
    """A date as it stands in a result: YYYY-MM-DD."""
    return day.isoformat()
