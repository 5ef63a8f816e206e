"""Savings that earn interest on interest not yet posted, and deposits that grow by postings. Pure.

Two calendars rule: at the close of a compounding date what was earned so far begins to earn itself,
at the close of a posting date it joins the balance and the next period begins. Each date's interest
is the exact one of `products.interest.earning`; the only roundings are to nine places of the
currency where interest begins to bear interest, and to the currency where it is posted, unless
postings keep their nine places until the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ledger.dates import days
from ledger.money import Rounding, round_ratio
from products.interest.day_counts import EXACT_DENOMINATOR, DayCount
from products.interest.earning import Conditions, interest_of
from products.schedules.due_dates import add_months

PLACES = 9
"""Decimals of the currency that unposted interest keeps."""

_DAY = timedelta(days=1)

Ends = Callable[[date], bool]
"""True of the dates at whose close a period ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompoundingTerms:
    """How an account of this kind earns.

    conditions:       one rate above zero, perhaps one below; no slabs, minimum or limit.
    compounds, posts: the two calendars.
    decimals:         places of the currency, 0 to 9.
    settles_postings: False = postings keep nine places and nothing is rounded on the way.
    """

    conditions: Conditions
    day_count: DayCount
    compounds: Ends
    posts: Ends
    rounding: Rounding
    decimals: int
    settles_postings: bool = True

    @property
    def fine(self) -> int:
        """How many units of nine places make the currency's smallest unit."""
        return int(10 ** (PLACES - self.decimals))

    def settled(self, amount_fine: int) -> int:
        """An amount as it is posted: a multiple of `fine`, unless postings keep their places."""
        if not self.settles_postings:
            return amount_fine
        return round_ratio(amount_fine, self.fine, self.rounding) * self.fine


@dataclass(frozen=True, slots=True, kw_only=True)
class FinePosting:
    """A period's interest with nine places, each side zero or more: as it was and as posted."""

    period_end: date
    credit_fine: int
    debit_fine: int
    posted_credit_fine: int
    posted_debit_fine: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """The postings of an account, its balance after the last date and what is not posted yet.

    All with nine places.
    """

    postings: tuple[FinePosting, ...]
    balance_fine: int
    unposted_credit_fine: int
    unposted_debit_fine: int


def grow(terms: CompoundingTerms, *, start: date, stop: date, changes: Mapping[date, int]) -> Grown:
    """Live the dates [start, stop); `start` begins both kinds of period.

    changes: net change of the balance by value date, in the currency's smallest unit. The date of a
             deposit counts, that of a withdrawal does not.
    """
    postings: list[FinePosting] = []
    balance = credit = debit = 0
    earning = paying = 0  # the part of credit and debit that bears interest already
    credit_exact = debit_exact = 0  # since the last compounding, over EXACT_DENOMINATOR
    for on in days(start, stop):
        balance += changes.get(on, 0) * terms.fine
        bearing = balance + earning - paying
        earned = interest_of(bearing, terms.conditions, terms.day_count.day_units(on))
        credit_exact += earned.credit_exact
        debit_exact += earned.debit_exact
        posts = terms.posts(on)
        if posts or terms.compounds(on) or on + _DAY == stop:
            credit += round_ratio(credit_exact, EXACT_DENOMINATOR, terms.rounding)
            debit += round_ratio(debit_exact, EXACT_DENOMINATOR, terms.rounding)
            earning, paying, credit_exact, debit_exact = credit, debit, 0, 0
        if posts:
            posted = _posting(terms, on, credit, debit)
            postings.append(posted)
            balance += posted.posted_credit_fine - posted.posted_debit_fine
            credit = debit = earning = paying = 0
    return Grown(
        postings=tuple(postings),
        balance_fine=balance,
        unposted_credit_fine=credit,
        unposted_debit_fine=debit,
    )


def _posting(terms: CompoundingTerms, on: date, credit: int, debit: int) -> FinePosting:
    return FinePosting(
        period_end=on,
        credit_fine=credit,
        debit_fine=debit,
        posted_credit_fine=terms.settled(credit),
        posted_debit_fine=terms.settled(debit),
    )


def every_months(months: int, year_begins_month: int = 1) -> Ends:
    """Ends of calendar periods of 1, 3, 6 or 12 months; 0 = every date.

    year_begins_month: the first month of the year that they are counted from.
    """

    def ends(on: date) -> bool:
        if months == 0:
            return True
        since = (on.month - year_begins_month) % 12 + 1
        return since % months == 0 and (on + _DAY).month != on.month

    return ends


def anniversaries(start: date, months: int, last: date) -> Ends:
    """Ends of periods counted in months from `start`; `last` ends one in any case; 0 = every date.

    A period ends the day before the next one begins.
    """
    if months == 0:
        return every_months(0)
    begins: set[date] = {last + _DAY}
    count = 1
    while (begin := add_months(start, months * count)) <= last:
        begins.add(begin)
        count += 1
    return lambda on: on + _DAY in begins
