"""What moves a balance between two due dates, found by its date. Pure.

A tranche raises the balance from the night it is paid out on, a prepayment lowers it. What happens
on the end date of a period happens after that due: it changes no interest of the period.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter
from typing import Protocol, TypeVar

from products.schedules.values import LoanTerms, Prepayment, PrepaymentEffect

_ONE_DAY = timedelta(days=1)
_date = attrgetter("on")


class OnADate(Protocol):
    """Whatever happens on a date."""

    @property
    def on(self) -> date:
        """The date."""


_Flow = TypeVar("_Flow", bound=OnADate)


def dated(flows: tuple[_Flow, ...], first: date, last: date) -> tuple[_Flow, ...]:
    """Those of `first` to `last`, both included, from flows in order of dates."""
    if not flows or flows[-1].on < first or last < flows[0].on:
        return ()  # nearly always: one drawdown, nothing prepaid
    low = bisect_left(flows, first, key=_date)
    return flows[low : bisect_right(flows, last, lo=low, key=_date)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What changes inside a period, from the night of `on`.

    balance_satang: change of the outstanding principal.
    bearing_satang: change of what bears interest.
    solving:        the level payment is solved with it.
    advance:        what it takes off the balance stands in for principal of the next instalments.
    """

    on: date
    balance_satang: int
    bearing_satang: int
    solving: bool = True
    advance: bool = False


def flows_between(terms: LoanTerms, since: date, end: date) -> list[Flow]:
    """Tranches and prepayments after `since` and before `end`, in order of dates."""
    first, last = since + _ONE_DAY, end - _ONE_DAY
    flows = [
        Flow(on=paid.on, balance_satang=paid.amount_satang, bearing_satang=paid.amount_satang)
        for paid in dated(terms.disbursements, first, last)
    ]
    flows += [_prepaid(paid) for paid in dated(terms.prepayments, first, last)]
    return sorted(flows, key=_date) if len(flows) > 1 else flows


def prepaid_on(terms: LoanTerms, day: date) -> list[Flow]:
    """Prepayments of one day."""
    return [_prepaid(paid) for paid in dated(terms.prepayments, day, day)]


def _prepaid(paid: Prepayment) -> Flow:
    return Flow(
        on=paid.on,
        balance_satang=-paid.amount_satang,
        bearing_satang=-paid.amount_satang,
        solving=paid.effect is PrepaymentEffect.SMALLER_INSTALMENTS,
        advance=paid.effect is PrepaymentEffect.NEXT_INSTALMENTS,
    )
