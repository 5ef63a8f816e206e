"""Interest, exact until it is posted: the specification that the night's SQL must equal. Pure.

`day_counts` weighs a date, `earning` prices one balance on one date, `stretches` a run of dates,
`rounding` settles; `savings` lives the days of a contract whose interest is accrued every night,
`running` those of an account that earns above zero and pays below it. What is used everywhere is
named here too.
"""

from products.interest.day_counts import DAYS_MULTIPLE, EXACT_DENOMINATOR, DayCount
from products.interest.savings import (
    AccrualDay,
    Period,
    Replay,
    Terms,
    day_exact,
    period_start,
    replay,
    span_exact,
)

__all__ = [
    "DAYS_MULTIPLE",
    "EXACT_DENOMINATOR",
    "AccrualDay",
    "DayCount",
    "Period",
    "Replay",
    "Terms",
    "day_exact",
    "period_start",
    "replay",
    "span_exact",
]
