"""Draws the fixed deposits that run when the example month begins, for `placements.csv`.

Co-ops with more in their savings place more often and more. Each sum was placed on a weekday of the
years before at that year's rate of its tenor; a few end in the month itself, so that nights of all
kinds come by. Whole numbers throughout.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta

from examples.seeds import MONTH_FIRST, MONTH_LAST, Opening
from ledger.money import format_baht
from products.schedules.due_dates import add_months

MANY = 240
IN_THE_MONTH = 40
"""How many of them mature in the month."""
_SMALLEST = 10_000_000_00
"""Savings from which a co-op places sums, in satang."""
_STEP = 100_000_00

# Product, tenor in months, how often of 100, and the rate of 2024-25 and of 2026 in per cent.
_TENORS: tuple[tuple[str, int, int, str, str], ...] = (
    ("FIX_3M", 3, 35, "2.0000", "1.7500"),
    ("FIX_6M", 6, 25, "2.2500", "2.0000"),
    ("FIX_12M", 12, 30, "2.5000", "2.2500"),
    ("FIX_24M", 24, 10, "2.7500", "2.5000"),
)
_PAID = ("at_maturity", "at_maturity", "monthly", "quarterly")
_INSTRUCTIONS = ("pay_out", "roll_principal", "roll_principal", "roll_all")
_HEAD = (
    "contract_no",
    "linked_no",
    "product_code",
    "principal",
    "begins_on",
    "annual_rate_percent",
    "interest_paid",
    "instruction",
)


def rows(openings: Sequence[Opening], seed: int) -> list[list[str]]:
    """The header and a row a placement, in the order of their numbers."""
    rng = random.Random(seed)  # noqa: S311 - an example must be the same on every run
    large = [o for o in openings if not o.closed and o.opening_satang >= _SMALLEST]
    found = [list(_HEAD)]
    for number in range(1, MANY + 1):
        opening = rng.choices(large, weights=[o.opening_satang for o in large])[0]
        found.append(
            _row(f"FIX-{number:04d}", opening, number <= IN_THE_MONTH, rng),
        )
    return found


def _row(number: str, opening: Opening, ends_in_month: bool, rng: random.Random) -> list[str]:
    code, months, _, before, now = rng.choices(_TENORS, weights=[t[2] for t in _TENORS])[0]
    begins = _begins(months, ends_in_month, rng)
    steps = min(opening.opening_satang, 100_000_000_00) // 4 // _STEP
    principal = rng.randrange(max(steps // 5, 1), steps + 1) * _STEP
    return [
        number,
        opening.account_no,
        code,
        format_baht(principal),
        begins.isoformat(),
        now if begins.year == MONTH_FIRST.year else before,
        rng.choice([paid for paid in _PAID if paid != "quarterly" or months > 3]),
        rng.choice(_INSTRUCTIONS),
    ]


def _begins(months: int, ends_in_month: bool, rng: random.Random) -> date:
    """A weekday on which the sum was placed, such that it still runs on 1 June."""
    first = add_months(MONTH_FIRST, -months)
    last = add_months(MONTH_LAST, -months) if ends_in_month else MONTH_FIRST - timedelta(days=3)
    if not ends_in_month:
        first = add_months(MONTH_LAST, -months) + timedelta(days=1)
    weekdays = [
        day
        for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
        if day.weekday() < 5
    ]
    return rng.choice(weekdays)
