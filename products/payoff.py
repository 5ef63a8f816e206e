"""What settles a loan on a date, and what a period of its schedule has accrued by then. Pure.

A pay-off quote is valid to a date: principal, due or not, interest due and unpaid, interest accrued
to the date (or, where the contract says so, to the end of the running period), fees and penalties
due by then. It is the sum of the claims that a payment of that date can settle, so a payment of
exactly the quote leaves nothing owed and nothing over.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.errors import InvalidInput
from ledger.money import Rounding, Satang, round_ratio
from products.allocation.splitting import claims
from products.allocation.values import Kind, Owed


class InterestTill(enum.Enum):
    """How far a pay-off before the due date is charged interest; the last day does not count."""

    PAYOFF_DATE = "payoff_date"  # to the day the money comes: the default
    REST_DATE = "rest_date"  # to the end of the running period, as if paid on its due date


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffQuote:
    """What a loan costs to settle with a payment of value date `valid_to`, in satang."""

    valid_to: date
    principal_satang: int
    interest_satang: int
    penalty_satang: int
    fee_satang: int

    @property
    def total_satang(self) -> int:
        """All of it: the payment that settles the loan."""
        return self.principal_satang + self.interest_satang + self.penalty_satang + self.fee_satang


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledPeriod:
    """Interest that the schedule plans for [start, due_date), in satang."""

    start: date
    due_date: date
    interest_satang: int


def interest_stop(till: InterestTill, payoff_date: date, due_dates: Iterable[date]) -> date:
    """The date before which interest of a pay-off ends; after the last due date, the pay-off's own.

    due_dates: of the whole schedule, in any order.
    """
    if till is InterestTill.PAYOFF_DATE:
        return payoff_date
    return min((due for due in due_dates if due >= payoff_date), default=payoff_date)


def payoff_quote(owed: Owed, valid_to: date) -> PayoffQuote:
    """What settles `owed` on `valid_to`.

    `owed` carries the interest accrued to `interest_stop` of that date and the charges made by
    then, default interest included. Raises `InvalidInput` for what cannot be owed (`claims`).
    """
    found = claims(owed, valid_to)

    def of(kind: Kind) -> int:
        return sum(claim.amount_satang for claim in found if claim.kind is kind)

    return PayoffQuote(
        valid_to=valid_to,
        principal_satang=of(Kind.PRINCIPAL),
        interest_satang=of(Kind.INTEREST),
        penalty_satang=of(Kind.PENALTY),
        fee_satang=of(Kind.FEE),
    )


def accrued_of_period(
    period: ScheduledPeriod, on: date, mode: Rounding = Rounding.HALF_UP
) -> Satang:
    """Planned interest spread evenly over the period's days: what of it is accrued by `on`.

    interest x elapsed days / days of the period, rounded; 0 up to its start, all from its due date
    on, so that what was accrued day by day is what the instalment asks for. Raises `InvalidInput`
    for a period without a day.
    """
    whole = (period.due_date - period.start).days
    if whole < 1:
        got = f"{period.start.isoformat()} to {period.due_date.isoformat()}"
        raise InvalidInput.one("period", got, "a period of one day or more")
    elapsed = min(max((on - period.start).days, 0), whole)
    return round_ratio(period.interest_satang * elapsed, whole, mode)


def accrued_to(
    periods: Sequence[ScheduledPeriod], on: date, mode: Rounding = Rounding.HALF_UP
) -> int:
    """Satang of all periods accrued by `on`; the growth of it is what a night books."""
    return sum(accrued_of_period(period, on, mode) for period in periods)
