"""Which part of the principal falls due when: weights and flags on the periods. Pure.

Every way in which the principal comes back is a list of weights: equal principal is 1, 1, 1; a
bullet 0, 0, 1; seasons are the shares of the named dates; a balloon is a large weight at the end.
Three kinds of grace are three different things: no principal (weight 0), interest put off to the
next period that collects, and no interest at all. Each function takes periods and gives new ones;
they combine, grace first: the shares fall on the periods that pay principal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

from ledger.errors import InvalidInput
from products.schedules.due_dates import DuePeriod, InterestDue

Periods = tuple[DuePeriod, ...]


def with_grace(
    periods: Sequence[DuePeriod], *, principal: int = 0, interest: int = 0, interest_free: int = 0
) -> Periods:
    """The first periods spared: counts of periods, each from the first one on.

    principal:     interest only; no principal falls due.
    interest:      interest is put off, and due with the first period after them.
    interest_free: no interest is earned; goes before `interest`.
    Raises `InvalidInput` for a count below 0, and where no period would be left to pay.
    """
    most = {"principal": len(periods) - 1, "interest": len(periods) - 1}
    counts = {"principal": principal, "interest": interest, "interest_free": interest_free}
    for name, count in counts.items():
        if not 0 <= count <= most.get(name, len(periods)):
            expected = f"0 to {most.get(name, len(periods))} of {len(periods)} periods"
            raise InvalidInput.one(f"grace on {name}", count, expected)
    return tuple(
        replace(
            period,
            weight=0 if at < principal else period.weight,
            interest=(
                InterestDue.FREE
                if at < interest_free
                else InterestDue.DEFERRED
                if at < interest
                else period.interest
            ),
        )
        for at, period in enumerate(periods)
    )


def bullet(periods: Sequence[DuePeriod]) -> Periods:
    """Interest only, all principal with the last period."""
    return with_grace(periods, principal=len(periods) - 1)


def balloon_by_share(periods: Sequence[DuePeriod], share: Fraction) -> Periods:
    """`share` of the principal with each period that pays any, what is left with the last one.

    Raises `InvalidInput` unless the shares before the last leave something for it.
    """
    paying = sum(1 for period in periods if period.weight)
    left = share.denominator - share.numerator * (paying - 1)
    if share <= 0 or left <= 0:
        expected = f"a share above 0 that {paying - 1} instalments do not use up"
        raise InvalidInput.one("share of the principal per instalment", str(share), expected)
    return _weighed(periods, [share.numerator] * (paying - 1) + [left])


def balloon_by_amount(
    periods: Sequence[DuePeriod], principal_satang: int, last_satang: int
) -> Periods:
    """Equal principal, but `last_satang` of the `principal_satang` with the last period.

    Raises `InvalidInput` unless the amount lies between 0 and the principal.
    """
    paying = sum(1 for period in periods if period.weight)
    if not 0 < last_satang < principal_satang:
        expected = f"more than 0 and less than the principal of {principal_satang}"
        raise InvalidInput.one("last amount", last_satang, expected)
    others = principal_satang - last_satang
    return _weighed(periods, [others] * (paying - 1) + [last_satang * max(paying - 1, 1)])


def seasonal(periods: Sequence[DuePeriod], shares: Mapping[date, int]) -> Periods:
    """Principal on the named due dates only, in proportion to `shares` (amounts or parts).

    Raises `InvalidInput` for a date that is no due date, a share below 1, and when the last due
    date has none: something would be left.
    """
    dues = {period.due_date for period in periods}
    for day, share in shares.items():
        if day not in dues:
            raise InvalidInput.one("season", day.isoformat(), "one of the due dates")
        if share < 1:
            raise InvalidInput.one(f"share of {day.isoformat()}", share, "1 or more")
    if not periods or periods[-1].due_date not in shares:
        last = periods[-1].due_date.isoformat() if periods else "no due date"
        raise InvalidInput.one("seasons", f"none on {last}", "a share on the last due date")
    return tuple(replace(period, weight=shares.get(period.due_date, 0)) for period in periods)


def with_down_payment(periods: Sequence[DuePeriod], on: date, amount_satang: int) -> Periods:
    """A down payment on the day the loan is drawn, as the first row, without interest."""
    first = DuePeriod(
        start_date=on, end_date=on, due_date=on, weight=0, principal_satang=amount_satang
    )
    return first, *periods


def _weighed(periods: Sequence[DuePeriod], weights: Sequence[int]) -> Periods:
    left = iter(weights)
    return tuple(
        replace(period, weight=next(left)) if period.weight else period for period in periods
    )
