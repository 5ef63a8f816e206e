"""Money is an integer of satang; rounding happens only where a product says so.

There is no float and no Decimal inside the ledger. Text becomes satang in exactly one function,
`parse_baht`, and satang become text in exactly one, `format_baht`. Interest is exact as a ratio of
integers until it is posted; `round_ratio` is the only place where a fraction becomes satang, and
the database has one twin of it (`ledger.round_ratio`), held equal by a property test.

Bounds (invariant 7): an amount is 1 to 10^15-1 satang, just under ten trillion baht; a balance lies
within ±9·10^17 satang, so that no sum of the two can leave 64 bits.
"""

from __future__ import annotations

import enum
import re
from typing import NewType

from ledger.errors import InvalidInput, InvariantBroken

Satang = NewType("Satang", int)
"""An integer number of satang; 100 satang are one baht."""

AMOUNT_MAX = Satang(10**15 - 1)
BALANCE_MAX = Satang(9 * 10**17)
COUNTER_MAX = Satang(9 * 10**18 - 1)
CURRENCY = "THB"

AMOUNT_PATTERN = r"^(0|[1-9][0-9]{0,12})\.[0-9]{2}$"
"""Amounts on the wire: a string of ASCII digits with exactly two places, no sign, no exponent."""

_AMOUNT = re.compile(AMOUNT_PATTERN, re.ASCII)
_SIGNED = re.compile(r"^-?(0|[1-9][0-9]{0,15})\.[0-9]{2}$", re.ASCII)
AMOUNT_EXPECTED = 'a string like "1234.50": baht, exactly two places, ASCII digits, more than zero'


class Rounding(enum.Enum):
    """How a fraction of a satang is settled. Stored as the value; half-up is the default (2.1)."""

    HALF_UP = 1  # to nearest, a half away from zero: Thai practice
    HALF_EVEN = 2  # to nearest, a half to the even neighbour: banker's rounding
    UP = 3  # away from zero
    DOWN = 4  # toward zero


def parse_baht(text: object, where: str = "amount") -> Satang:
    """Satang of an amount as written on the wire, e.g. "1234.50" -> 123450.

    Raises `InvalidInput` naming `where` for anything else: floats, signs, exponents, thousands
    separators, other scripts' digits, one or three places, zero, more than thirteen digits.
    """
    if not isinstance(text, str) or not _AMOUNT.match(text) or text.endswith("\n"):
        raise InvalidInput.one(where, text, AMOUNT_EXPECTED)
    satang = int(text[:-3]) * 100 + int(text[-2:])
    if not 1 <= satang <= AMOUNT_MAX:
        raise InvalidInput.one(where, text, AMOUNT_EXPECTED)
    return Satang(satang)


def parse_signed_baht(text: object, where: str = "balance") -> Satang:
    """Satang of a balance as written on the wire; zero and a leading minus are allowed."""
    if not isinstance(text, str) or not _SIGNED.match(text) or text == "-0.00":
        raise InvalidInput.one(where, text, 'a string like "-1234.50" with exactly two places')
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("-")
    satang = sign * (int(digits[:-3]) * 100 + int(digits[-2:]))
    if abs(satang) > BALANCE_MAX:
        raise InvalidInput.one(where, text, "a balance within ±9,000,000,000,000,000.00")
    return Satang(satang)


def format_baht(satang: int, thousands: bool = False) -> str:
    """Text of satang with exactly two places: 123450 -> "1234.50"; `thousands` adds commas."""
    sign = "-" if satang < 0 else ""
    baht, rest = divmod(abs(satang), 100)
    return f"{sign}{baht:,}.{rest:02d}" if thousands else f"{sign}{baht}.{rest:02d}"


def round_ratio(numerator: int, denominator: int, mode: Rounding = Rounding.HALF_UP) -> Satang:
    """The integer nearest to numerator / denominator under `mode`; exact, any size.

    `denominator` must be positive. Works on magnitudes, so that each mode is symmetric about zero
    (half-up is away from zero), as PostgreSQL's `round(numeric)` is.
    """
    if denominator <= 0:
        raise InvariantBroken(f"round_ratio: denominator {denominator} is not positive")
    whole, rest = divmod(abs(numerator), denominator)
    if mode is Rounding.UP:
        bump = rest > 0
    elif mode is Rounding.DOWN:
        bump = False
    elif mode is Rounding.HALF_UP:
        bump = 2 * rest >= denominator
    else:
        bump = 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)
    magnitude = whole + 1 if bump else whole
    return Satang(-magnitude if numerator < 0 else magnitude)
