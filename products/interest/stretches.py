"""Simple interest over dates on which balance and conditions change: the runs between. Pure.

Nothing is credited on the way, so each run of dates with one balance and one set of conditions is a
single product; `RoundingRule` says whether the runs are settled one by one or as a sum. The first
date counts and the last does not: a deposit bears interest on its own date, a withdrawal does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from pricing.dated import Dated
from products.interest.day_counts import DayCount
from products.interest.earning import Conditions, Earned, interest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The dates [start, stop) of one balance under one set of conditions, and what they earn."""

    start: date
    stop: date
    balance_satang: int
    conditions: Conditions
    earned: Earned


def stretches(
    *,
    start: date,
    stop: date,
    changes: Mapping[date, int],
    conditions: Dated[Conditions],
    day_count: DayCount,
    opening_satang: int = 0,
) -> Iterator[Stretch]:
    """The runs of [start, stop), earliest first.

    changes:        net change of the balance by value date; those outside [start, stop) are not
                    its own and are left out.
    opening_satang: balance at the close of the date before `start`.
    Raises `InvalidInput` when a date has no conditions.
    """
    balance = opening_satang
    cuts = sorted({start, stop, *(on for on in changes if start <= on < stop)})
    for begin, end in pairwise(cuts):
        balance += changes.get(begin, 0)
        for first, after, valid in conditions.pieces(begin, end):
            units = day_count.span_units(first, after)
            yield Stretch(
                start=first,
                stop=after,
                balance_satang=balance,
                conditions=valid,
                earned=interest_of(balance, valid, units),
            )
