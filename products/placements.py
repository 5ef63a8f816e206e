"""A sum placed for a term at a rate: fixed deposits and promissory notes, their interest. Pure.

Principal and rate stand still until maturity, so interest is one product a coupon: principal x rate
x the part of the year from one payment to the next. A deposit pays at maturity, monthly, quarterly
or half-yearly, a note at maturity or yearly; what is paid leaves the placement and earns nothing in
it. Payment dates are counted from the first date, the last coupon ends at maturity whatever its
length. The day of payment bears no interest: it is the first day of the next coupon.

Each coupon is settled by itself. Until then a night accrues the growth of `accrued`, so the sum of
what was accrued is what is paid, to the satang.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from ledger.dates import days
from ledger.errors import InvalidInput, ensure
from products.interest.day_counts import DayCount
from products.interest.rounding import HALF_UP_TO_A_SATANG, RoundingRule, Stage
from products.interest.savings import day_exact, span_exact
from products.schedules.due_dates import add_months


class InterestPaid(enum.Enum):
    """When a placement's interest is paid; the value is the months between payments, 0 = once."""

    AT_MATURITY = 0
    MONTHLY = 1
    QUARTERLY = 3
    HALF_YEARLY = 6
    YEARLY = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementTerms:
    """What was agreed. The rate is frozen until maturity.

    start:    first date that bears interest.
    maturity: date on which the principal is due; bears none.
    Raises `InvalidInput` for no principal, a rate below zero, a maturity not after the start.
    """

    principal_satang: int
    start: date
    maturity: date
    annual_rate_e8: int
    paid: InterestPaid = InterestPaid.AT_MATURITY
    day_count: DayCount = DayCount.ACT_365F
    rounding: RoundingRule = HALF_UP_TO_A_SATANG

    def __post_init__(self) -> None:
        if self.principal_satang < 1:
            raise InvalidInput.one("principal", self.principal_satang, "1 satang or more")
        if self.annual_rate_e8 < 0:
            raise InvalidInput.one("annual rate", self.annual_rate_e8, "a rate of 0 or more")
        if self.maturity <= self.start:
            expected = f"a date after the start {self.start.isoformat()}"
            raise InvalidInput.one("maturity", self.maturity.isoformat(), expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """Interest of the dates [start, stop), payable on `stop`."""

    start: date
    stop: date
    exact: int
    amount_satang: int


def coupons(terms: PlacementTerms, *, bears_until: date | None = None) -> tuple[Coupon, ...]:
    """Every coupon from the start to maturity, earliest first.

    bears_until: where the last coupon ends when the product pays interest to the day of payment (a
                 holiday moved it, or nobody came); maturity otherwise. Never before maturity.
    """
    end = bears_until or terms.maturity
    ensure(end >= terms.maturity, f"coupons: {end} lies before maturity {terms.maturity}")
    return tuple(_coupon(terms, start, stop) for start, stop in pairwise([*_starts(terms), end]))


def accrued(terms: PlacementTerms, upto: date) -> Coupon:
    """The coupon that is running when `upto` begins, as if it ended there: [its start, upto).

    `upto` lies after the start; on a payment date the whole coupon that ends there is given.
    """
    ensure(terms.start < upto, f"accrued: {upto} does not lie after the start {terms.start}")
    start = max(begin for begin in _starts(terms) if begin < upto)
    return _coupon(terms, start, upto)


def _starts(terms: PlacementTerms) -> list[date]:
    """First date of each coupon."""
    starts, step = [terms.start], terms.paid.value
    if step:
        count = 1
        while (paid_on := add_months(terms.start, step * count)) < terms.maturity:
            starts.append(paid_on)
            count += 1
    return starts


def _coupon(terms: PlacementTerms, start: date, stop: date) -> Coupon:
    parts = interest_parts(terms, terms.annual_rate_e8, start, stop)
    amount = terms.rounding.settle_parts(parts)
    return Coupon(start=start, stop=stop, exact=sum(parts), amount_satang=amount)


def interest_parts(
    terms: PlacementTerms, annual_rate_e8: int, start: date, stop: date
) -> list[int]:
    """Exact interest of [start, stop) at a rate, in the parts that the terms' stage settles."""
    steady = (terms.principal_satang, annual_rate_e8)
    if terms.rounding.stage is Stage.DAY:
        return [day_exact(*steady, on, terms.day_count) for on in days(start, stop)]
    return [span_exact(*steady, start, stop, terms.day_count)]


def completed_months(start: date, stop: date) -> int:
    """How many whole months have passed from `start` to `stop`, which is not before it."""
    months = (stop.year - start.year) * 12 + stop.month - start.month
    return months if add_months(start, months) <= stop else months - 1
