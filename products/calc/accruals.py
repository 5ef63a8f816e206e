"""Kind `loan_accrual`: interest that a loan has accrued by a date, as its schedule plans it.

Each period's interest is spread evenly over the period's days and rounded; what a day books is the
growth of that, so the nights of a period add up to its instalment's interest. The schedule is not
recalculated: lateness adds nothing here, and money that comes before anything is due is refused,
because it would change the schedule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ledger.errors import InvalidInput
from ledger.money import Rounding
from products.allocation.orders import (
    DEFAULT_ORDER,
    OLDEST_INSTALMENT_FIRST,
    RELIEF_ORDER,
    Mode,
    Order,
)
from products.allocation.splitting import after, allocate
from products.allocation.values import Owed
from products.calc.answers import Answer, day_text, money_text
from products.calc.fields import Fields
from products.calc.loan_inputs import loan_terms, read_loan
from products.calc.loans import explained, read_receipts
from products.payoff import ScheduledPeriod, accrued_of_period, accrued_to, due_of
from products.schedules.build import build
from products.schedules.recalculate import Receipt
from products.schedules.values import Schedule

PRINCIPAL_OF_THE_OLDEST_FIRST = replace(RELIEF_ORDER, mode=Mode.BY_INSTALMENT)
"""The oldest instalment first, in it principal before interest: as the published cases have it."""

_ORDERS: Mapping[str, Order] = {
    "OLDEST_INSTALMENT_PRINCIPAL_FIRST": PRINCIPAL_OF_THE_OLDEST_FIRST,
    "OLDEST_INSTALMENT_INTEREST_FIRST": OLDEST_INSTALMENT_FIRST,
    "ALL_INTEREST_FIRST": DEFAULT_ORDER,
}
_ONE_DAY = timedelta(days=1)


def loan_accrual(fields: Fields, engine: str | None) -> Answer:
    """Interest accrued by `as_of_date`, and what the dates of `entries_for` book; one is required.

    `period_interest`: what the running period will have accrued in the end; `accrued`: all by that
    date, paid or not; `accrued_due_unpaid`: due by then and not paid by `payments`, which settle
    dues by `allocation_order`; `accrued_not_due`: the rest of `accrued`; `entries`: by date.
    """
    given = read_loan(fields, engine)
    as_of = fields.day("as_of_date", None)
    days = fields.days("entries_for", ())
    receipts = read_receipts(fields)
    order = fields.choice("allocation_order", _ORDERS, PRINCIPAL_OF_THE_OLDEST_FIRST)
    fields.finish()
    if as_of is None and not days:
        raise fields.wrong("as_of_date", "a date, or dates in entries_for")
    on = as_of or max(days)
    schedule = build(loan_terms(given))
    plan = _Plan(
        schedule=schedule,
        periods=_periods(schedule),
        mode=given.rounding,
        decimals=fields.decimals,
    )
    unpaid = _unpaid_interest(schedule, receipts, order, on)
    result: dict[str, object] = {"period_interest": plan.text(plan.running(on).interest_satang)}
    if as_of is not None:
        result |= plan.standing(as_of, unpaid)
    if days:
        result["entries"] = [plan.entry(day) for day in days]
    return Answer(
        result=result,
        explanation=(
            *(line for day in sorted({on, *days}) for line in plan.told(day)),
            f"due by {day_text(on)}: interest {plan.text(plan.due(on))}, of it unpaid "
            f"{plan.text(unpaid)}; unpaid interest bears none",
            *explained(schedule, fields.decimals),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A schedule's interest, spread over the days of its periods."""

    schedule: Schedule
    periods: tuple[ScheduledPeriod, ...]
    mode: Rounding
    decimals: int

    def text(self, units: int) -> str:
        return money_text(units, self.decimals)

    def running(self, on: date) -> ScheduledPeriod:
        """The period that the night before `on` lies in, or the one nearest to it."""
        return next((one for one in self.periods if on <= one.due_date), self.periods[-1])

    def due(self, on: date) -> int:
        return sum(row.interest_satang for row in self.schedule.rows if row.due_date <= on)

    def standing(self, on: date, unpaid: int) -> dict[str, str]:
        accrued = accrued_to(self.periods, on, self.mode)
        return {
            "accrued": self.text(accrued),
            "accrued_due_unpaid": self.text(unpaid),
            "accrued_not_due": self.text(accrued - self.due(on)),
        }

    def entry(self, day: date) -> dict[str, str]:
        touched = [one for one in self.periods if one.start < day <= one.due_date]
        before = accrued_to(touched, day - _ONE_DAY, self.mode)
        booked = accrued_to(touched, day, self.mode) - before
        return {"date": day_text(day), "amount": self.text(booked)}

    def told(self, day: date) -> Iterator[str]:
        period = self.running(day)
        whole = (period.due_date - period.start).days
        elapsed = min(max((day - period.start).days, 0), whole)
        accrued = accrued_of_period(period, day, self.mode)
        yield (
            f"{day_text(day)}: {self.text(period.interest_satang)} x {elapsed}/{whole} days from "
            f"{day_text(period.start)} = {self.text(accrued)}, {self.mode.name}; the day before "
            f"{self.text(accrued_of_period(period, day - _ONE_DAY, self.mode))}"
        )


def _periods(schedule: Schedule) -> tuple[ScheduledPeriod, ...]:
    return tuple(
        ScheduledPeriod(
            start=row.period.start_date,
            due_date=row.period.end_date,
            interest_satang=row.earned_satang,
        )
        for row in schedule.rows
    )


def _unpaid_interest(
    schedule: Schedule, receipts: Sequence[Receipt], order: Order, on: date
) -> int:
    """Interest due by `on` that the receipts, one after another, have not settled."""
    owed = Owed(dues=tuple(due_of(row) for row in schedule.rows))
    earliest = date.min
    for at, receipt in enumerate(receipts):
        if not earliest <= receipt.on <= on:
            expected = f"dates in order, none after {day_text(on)}"
            raise InvalidInput.one(f"inputs.payments[{at}].date", day_text(receipt.on), expected)
        earliest = receipt.on
        split = allocate(
            amount_satang=receipt.amount_satang,
            value_date=receipt.on,
            owed=owed,
            order=order,
            prepayment=False,
        )
        if split.remainder_satang:
            raise InvalidInput.one(
                f"inputs.payments[{at}].amount",
                f"{split.remainder_satang} of the smallest unit more than was due",
                f"at most what was due and unpaid on {day_text(receipt.on)}",
                "Money that comes early changes the schedule: ask loan_schedule or loan_payoff.",
            )
        owed = after(owed, split)
    return sum(due.interest_satang for due in owed.dues if due.due_date <= on)
