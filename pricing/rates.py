"""Rates are integers: a year's fraction times 10^8. Text becomes one in exactly one function.

3.75% a year is the fraction 0.0375, kept as `annual_rate_e8` = 3,750,000; one unit is a millionth
of a percent. People and files write `annual_rate_percent`, a string of ASCII digits with two to six
places, "3.7500"; nothing else is read, so that no rate is ever guessed from "3,75" or "3.75%".
"""

from __future__ import annotations

import re

from ledger.errors import InvalidInput, InvariantBroken

RATE_E8_MAX = 10**8
"""One hundred percent a year: the table's own bound."""

_PERCENT = re.compile(r"^(0|[1-9][0-9]{0,2})\.([0-9]{2,6})$", re.ASCII)
_EXPECTED = 'a percentage a year like "3.7500": two to six places, 0.00 to 100.00'
_E8_OF_ONE_PERCENT = 10**6
_PLACES_SHOWN = 4


def parse_rate_percent(text: object, where: str = "annual_rate_percent") -> int:
    """`annual_rate_e8` of a rate as written, e.g. "3.7500" -> 3_750_000.

    Raises `InvalidInput` naming `where` for anything else: numbers, signs, exponents, separators,
    other scripts' digits, fewer than two or more than six places, more than 100%.
    """
    match = _PERCENT.match(text) if isinstance(text, str) and not text.endswith("\n") else None
    if match is None:
        raise InvalidInput.one(where, text, _EXPECTED)
    rate = int(match[1]) * _E8_OF_ONE_PERCENT + int(match[2].ljust(6, "0"))
    if rate > RATE_E8_MAX:
        raise InvalidInput.one(where, text, _EXPECTED)
    return rate


def format_rate_percent(annual_rate_e8: int) -> str:
    """Text of a rate with four places, or with as many as it needs: 3_750_000 -> "3.7500"."""
    if not 0 <= annual_rate_e8 <= RATE_E8_MAX:
        raise InvariantBroken(f"rate {annual_rate_e8} e-8 lies outside 0 to {RATE_E8_MAX}")
    whole, rest = divmod(annual_rate_e8, _E8_OF_ONE_PERCENT)
    return f"{whole}.{f'{rest:06d}'.rstrip('0').ljust(_PLACES_SHOWN, '0')}"
