"""How a number came about, in one line that a clerk can follow with a pocket calculator.

Exact amounts are shown with six places beyond the currency's; amounts that were settled with the
currency's own, and with the name of the rounding.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from ledger.money import Rounding
from pricing.slabs import SlabBasis
from products.calc.answers import day_text, decimal_text, money_text, percent_text
from products.calc.conditions import DAY_COUNTS
from products.calculators.compounding import PLACES
from products.interest.day_counts import EXACT_DENOMINATOR, DayCount
from products.interest.earning import Conditions

_WORDS = {day_count: word for word, day_count in DAY_COUNTS.items()}
_EXTRA_PLACES = 6


def dates_text(start: date, stop: date) -> str:
    """The dates of [start, stop), both named that count."""
    last = stop - timedelta(days=1)
    return day_text(start) if last == start else f"{day_text(start)} to {day_text(last)}"


def exact_text(exact: int, decimals: int) -> str:
    """An amount over EXACT_DENOMINATOR of the currency's smallest unit, in the currency."""
    value = Fraction(exact, EXACT_DENOMINATOR * 10**decimals)
    return decimal_text(value, decimals + _EXTRA_PLACES)


def fine_text(amount_fine: int) -> str:
    """An amount in units of nine places of the currency."""
    return money_text(amount_fine, PLACES)


def earning_line(
    dates: tuple[date, date],
    balance: int,
    rate: str,
    exact: int,
    *,
    day_count: DayCount,
    decimals: int,
) -> str:
    """Dates [start, stop), balance x rate x days and what that is, exactly."""
    count = day_count.counted_days(*dates)
    days = f"{count} {'day' if count == 1 else 'days'} {_WORDS[day_count]}"
    amount = money_text(balance, decimals)
    return f"{dates_text(*dates)}: {amount} x {rate} x {days} = {exact_text(exact, decimals)}"


def rate_text(conditions: Conditions, balance: int) -> str:
    """The rate that a balance has, and why."""
    if 0 <= balance < conditions.minimum_satang:
        return "0% (below the minimum)"
    reached = f"{percent_text(conditions.rate_reached_e8(balance))}%"
    if balance < 0:
        over = conditions.overdraft
        if over is None or over.limit_satang is None or over.over_limit_rate_e8 is None:
            return f"{reached} overdraft"
        beyond = percent_text(over.over_limit_rate_e8)
        return f"{reached} overdraft, {beyond}% of what is over the limit"
    by_slice = conditions.slabs.basis is SlabBasis.SLICE
    return f"slices up to {reached}" if by_slice else reached


def settled_text(amount: int, decimals: int, mode: Rounding) -> str:
    """An amount with the currency's places and the rounding that made it."""
    return f"{money_text(amount, decimals)} ({mode.name})"
