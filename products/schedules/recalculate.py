"""The schedule recalculated from what was really paid, and when. Pure.

Principal that fell due and is unpaid keeps bearing interest, simple interest at the contract's
rate, until it is paid or until `as_of`; from then on everything is taken to be paid as it falls
due. Overdue interest bears none (a source's product may say otherwise; no contract of ours does).
Money that comes before its due date lowers the balance on its own date and stands in for the
principal of the running instalment; what is more than that does what the effect says. The
instalment in force stays; the last one absorbs what lateness cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from ledger.errors import InvalidInput
from products.schedules.build import finished
from products.schedules.checks import check_terms
from products.schedules.due_dates import DuePeriod
from products.schedules.flows import Flow, dated
from products.schedules.values import LoanTerms, PrepaymentEffect, Schedule
from products.schedules.walk import Walk

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money received from the borrower on a date, whatever it pays."""

    on: date
    amount_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidHistory:
    """What was paid up to `as_of`, in order of dates.

    paid_in_full: period ends whose instalment was paid in full on that day, no receipt being told.
    effect:       of what is paid beyond the running instalment.
    overdue_interest_bears: overdue interest bears interest too; for published cases of others only.
    """

    as_of: date
    receipts: tuple[Receipt, ...] = ()
    paid_in_full: frozenset[date] = frozenset()
    effect: PrepaymentEffect = PrepaymentEffect.SMALLER_INSTALMENTS
    overdue_interest_bears: bool = False


def recalculate(terms: LoanTerms, paid: PaidHistory) -> Schedule:
    """The schedule as of a date. A row's principal and `prepaid_satang` are what was then known.

    Raises `InvalidInput` as `build` does; for receipts out of order, below 1, after `as_of`, before
    the loan is drawn or larger than what is owed; for a date that is no period's end.
    """
    check_terms(terms)
    _check(terms, paid)
    start = Walk.of(terms)
    return finished(_PaidWalk(terms=terms, steps=start.steps, periods=start.periods, paid=paid))


def _check(terms: LoanTerms, paid: PaidHistory) -> None:
    drawn = terms.disbursements[0].on
    for at, receipt in enumerate(paid.receipts):
        where = f"payments[{at}]"
        if receipt.amount_satang < 1:
            raise InvalidInput.one(f"{where}.amount", receipt.amount_satang, "1 or more")
        if not drawn < receipt.on <= paid.as_of:
            expected = f"after {drawn.isoformat()}, up to {paid.as_of.isoformat()}"
            raise InvalidInput.one(f"{where}.date", receipt.on.isoformat(), expected)
    for one, two in pairwise(paid.receipts):
        if two.on < one.on:
            raise InvalidInput.one("payments", two.on.isoformat(), "dates in order")
    ends = {period.end_date for period in terms.periods}
    for day in paid.paid_in_full - ends:
        raise InvalidInput.one("paid_in_full", day.isoformat(), "due dates of the schedule")


@dataclass(slots=True)
class _Unpaid:
    """What is left of an instalment that fell due."""

    interest: int
    principal: int


@dataclass(slots=True, kw_only=True)
class _PaidWalk(Walk):
    """A walk that knows what was paid. `unpaid`: overdue instalments, oldest first."""

    paid: PaidHistory
    unpaid: list[_Unpaid] = field(default_factory=list)

    def overdue_bearing(self) -> int:
        return sum(self._bearing(item.interest, item.principal) for item in self.unpaid)

    def flows_inside(self, since: date, end: date) -> list[Flow]:
        flows = Walk.flows_inside(self, since, end)
        for receipt in dated(self.paid.receipts, since + _ONE_DAY, end - _ONE_DAY):
            left, bearing = self._pay_overdue(receipt.amount_satang)
            flows.append(_received(receipt.on, left, bearing))
        if since <= self.paid.as_of < end:
            flows.append(_received(self.paid.as_of, 0, self.overdue_bearing()))
            self.unpaid.clear()
        return sorted(flows, key=lambda flow: flow.on)

    def after_due(self, end: date, principal: int, interest: int) -> list[Flow]:
        flows = Walk.after_due(self, end, principal, interest)
        paid = sum(receipt.amount_satang for receipt in dated(self.paid.receipts, end, end))
        left, _ = self._pay_overdue(paid)
        short = max(interest + principal - left, 0)
        if short and end < self.paid.as_of and end not in self.paid.paid_in_full:
            unpaid_principal = min(short, principal)
            self.unpaid.append(_Unpaid(short - unpaid_principal, unpaid_principal))
        flows.append(_received(end, max(left - interest - principal, 0), 0))
        return flows

    def settle_advance(self, early: int, prepaid: int) -> None:
        if not self.advance or self.unpaid:
            return
        if self.paid.effect is not PrepaymentEffect.NEXT_INSTALMENTS:
            self.advance = 0
        # Less than an instalment, paid before its due date, lowers the interest and nothing else.
        partial = prepaid == early < (self.level() or 0)
        if self.paid.effect is PrepaymentEffect.SMALLER_INSTALMENTS and not partial:
            self.in_force, self.agreed = None, False

    def refuse_what_came_later(self) -> None:
        Walk.refuse_what_came_later(self)
        reached = self.rows[-1].period.end_date
        for at, receipt in enumerate(self.paid.receipts):
            if receipt.on > reached:
                expected = f"a date up to the end of the schedule, {reached.isoformat()}"
                raise InvalidInput.one(f"payments[{at}].date", receipt.on.isoformat(), expected)

    def covered(self, instalment: int, period: DuePeriod, earned: int) -> int:
        """Interest of what is overdue may use up an instalment: then no principal falls due."""
        late = bool(self.unpaid) or period.start_date < self.paid.as_of
        if late and instalment <= earned:
            return 0
        return Walk.covered(self, instalment, period, earned)

    def _pay_overdue(self, amount: int) -> tuple[int, int]:
        """Pay overdue instalments, oldest first, interest before principal.

        What is left of the amount, and what no longer bears interest.
        """
        bearing = 0
        for item in self.unpaid:
            interest = min(amount, item.interest)
            principal = min(amount - interest, item.principal)
            item.interest -= interest
            item.principal -= principal
            amount -= interest + principal
            bearing += self._bearing(interest, principal)
        self.unpaid = [item for item in self.unpaid if item.interest or item.principal]
        return amount, bearing

    def _bearing(self, interest: int, principal: int) -> int:
        return principal + (interest if self.paid.overdue_interest_bears else 0)


def _received(on: date, advance: int, overdue_bearing: int) -> Flow:
    return Flow(
        on=on,
        balance_satang=-advance,
        bearing_satang=-advance - overdue_bearing,
        solving=False,
        advance=True,
    )
