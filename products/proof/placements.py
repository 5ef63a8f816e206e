"""A placement's life from its opening note to now, date by date, by docs/placements.md. Pure.

On each date doors come first (an instruction, an early end, the payment of one that waits), then
the night: `mature` pays the coupon that ends there and rolls, pays out or lets wait; `accrue` lets
the date earn its principal at the term's rate. Each coupon is a period of its own: only its
cumulative interest is rounded.

What a night lists as not done is a fact: a coupon or a roll then goes without its interest, a
pay-out waits, with its interest paid or not as recorded.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from products.proof.calendars import ONE_DAY, banking_day, months_later, paydays
from products.proof.early_ends import earned, rule_for
from products.proof.life import UNITS_A_YEAR, dates, reached
from products.proof.placed import (
    BROUGHT_FORWARD,
    CLAWED_BACK,
    INTEREST,
    MATURED,
    OPENED,
    PAID_OUT,
    PAY_OUT,
    PLACED,
    REPRICED,
    ROLL_ALL,
    ROLLED,
    WAITS,
    EarlyEnd,
    Facts,
    Instructed,
    Leg,
    Life,
    Note,
    Payment,
    Posting,
    Tax,
    Term,
    in_force,
    taxed,
)

Line = tuple[int, int, int]
OPENING = 0
"""Whichever account balances what is brought forward."""


def live(facts: Facts) -> Life:
    """Live every date up to the last one of which anything is recorded."""
    run = _Run(facts)
    known = (facts.matured_to, facts.accrued_to, facts.ended_early, facts.paid_late)
    for on in dates(facts.opened.on, max(day for day in known if day is not None)):
        run.day(on)
    return run.life


class _Run:
    """`told` holds by now; `exact` is the running period's interest in exact units, `rounded` in
    satang."""

    def __init__(self, facts: Facts) -> None:
        opened = facts.opened
        self.facts, self.told = facts, opened
        self.coming = list(facts.instructed)
        self.leg = Leg(period_start=facts.bears_from, since=facts.bears_from)
        self.life = Life(leg=self.leg)
        self.balance = facts.principal
        self.exact = self.rounded = 0
        self.term = self._first_term()
        self._note(OPENED, opened.on, facts.principal, 0, self.term)

    def day(self, on: date) -> None:
        """One date: its doors, its maturity, its interest."""
        self.told = self._instructed_by(on)
        if on == self.facts.ended_early and self.is_bearing:
            self._end_early(on)
        if on == self.facts.paid_late and self.life.matured_on is not None:
            self._pay_late(on)
        if on < self.facts.bears_from:
            return
        if self.is_bearing and on in self.term.paydays and on <= self.facts.matured_to:
            self._mature(on)
        if self.is_bearing and on <= self.facts.accrued_to:
            self._accrue(on)

    @property
    def is_bearing(self) -> bool:
        """It has neither ended nor matured."""
        return self.leg.ended_on is None

    @property
    def accrued(self) -> int:
        """All its interest through the last date that it has earned, satang."""
        return self.leg.settled + self.rounded

    def _instructed_by(self, on: date) -> Instructed:
        told = self.told
        while self.coming and self.coming[0].on <= on:
            told = self.coming.pop(0)
        return told

    def _first_term(self) -> Term:
        """Placed today at today's rate; or as it ran before, at the rate that it had there."""
        facts, on = self.facts, self.facts.opened.on
        brought = facts.brought
        if brought is not None:
            term = self._term(brought.begins_on, on, facts.principal, (brought.rate, None))
            self.exact = self.leg.base = brought.exact
            self.rounded = facts.offer.terms.satang(brought.exact)
            balanced = (
                (facts.account, facts.principal),
                (facts.offer.payable_account, self.rounded),
            )
            self._post(BROUGHT_FORWARD, on, *((OPENING, to, amount) for to, amount in balanced))
            return term
        self._post(PLACED, on, (facts.opened.linked_account, facts.account, facts.principal))
        return self._begin_term(on, facts.principal)

    def _begin_term(self, on: date, principal: int) -> Term:
        sheet = in_force(self.facts.sheets, on)
        rate = reached(sheet.lines, principal) if sheet else 0
        return self._term(on, on, principal, (rate, sheet.sheet_id if sheet else None))

    def _term(
        self, begins_on: date, known_on: date, principal: int, price: tuple[int, UUID | None]
    ) -> Term:
        """The term that begins, its maturity by the calendar as announced by `known_on`."""
        facts = self.facts
        nominal = months_later(begins_on, facts.offer.months)
        matures = self._maturity(nominal, known_on)
        term = Term(
            term_no=len(self.life.terms) + 1,
            begins_on=begins_on,
            nominal_on=nominal,
            matures_on=matures,
            principal=principal,
            rate=price[0],
            sheet_id=price[1],
            accrued_before=self.accrued,
            paydays=tuple(paydays(begins_on, nominal, matures, facts.every)),
        )
        self.life.terms.append(term)
        return term

    def _maturity(self, nominal: date, known_on: date) -> date:
        """Doors race with announcements of their own date: the opening note says who was first."""
        facts = self.facts
        if not facts.offer.is_moved:
            return nominal
        known = banking_day(nominal, facts.holidays, known_on)
        before = banking_day(nominal, facts.holidays, known_on - ONE_DAY)
        return before if not self.life.terms and before == facts.matures_on else known

    def _accrue(self, on: date) -> None:
        terms, leg, term = self.facts.offer.terms, self.leg, self.term
        year = terms.year_days(on)
        slope = term.principal * term.rate * (UNITS_A_YEAR // year)
        new = (term.principal, term.rate, year, slope)
        if leg.since == on or new != (leg.balance, leg.rate, leg.year_days, leg.slope):
            leg.balance, leg.rate, leg.year_days, leg.slope = new
            self._begin_span(on)
        self.exact += slope
        rounded = terms.satang(self.exact)
        self.life.posted[on], self.rounded = rounded - self.rounded, rounded

    def _begin_span(self, on: date) -> None:
        leg = self.leg
        leg.since, leg.base = on, self.exact
        leg.span_no += 1
        self.life.spans.append((on, leg.balance, leg.rate, leg.year_days, leg.slope, leg.base))

    def _mature(self, on: date) -> None:
        """The night on which a coupon ends; what is listed stays behind."""
        is_last, is_done = on == self.term.matures_on, on not in self.facts.listed
        instruction, linked = self.told.instruction, self.told.linked_account
        if is_last and instruction == PAY_OUT:
            paid = self._pay(on, on, linked) if is_done or on in self.facts.paid else 0
            self.life.at_night[on] = paid
            self._end_leg(on)
            if is_done:
                self._pay_out(on, self.term.principal, paid)
            else:
                self.life.matured_on = on
                self._note(WAITS, on, self.term.principal, paid)
            return
        to = self.facts.account if is_last and instruction == ROLL_ALL else linked
        paid = self._pay(on, on, to) if is_done else 0
        self.life.at_night[on] = paid
        if is_last:
            self.term = self._begin_term(on, self.balance)
            self._note(ROLLED, on, self.term.principal, paid, self.term)
        self._begin_period(on)

    def _begin_period(self, on: date) -> None:
        leg = self.leg
        leg.settled, leg.base, self.exact, self.rounded = self.accrued, 0, 0, 0
        leg.period_start = leg.since = on

    def _end_leg(self, on: date) -> None:
        leg = self.leg
        leg.balance, leg.rate, leg.year_days, leg.slope = 0, 0, 365, 0
        leg.ended_on = on
        self._begin_span(max(on, self.facts.bears_from))

    def _pay_late(self, on: date) -> None:
        """One that waits is paid out: what is owed is for the days up to its maturity."""
        matured = self.life.matured_on
        paid = self._pay(on, matured or on, self.told.linked_account)
        self._pay_out(on, self.term.principal, paid)

    def _pay_out(self, on: date, amount: int, paid: int) -> None:
        self._return(on, amount)
        self._note(MATURED, on, amount, paid)

    def _return(self, on: date, amount: int) -> None:
        """The principal, or what is left of it, goes back, and the contract closes."""
        self._post(PAID_OUT, on, (self.facts.account, self.told.linked_account, amount))
        self.balance -= amount
        self.life.closed_on = on

    def _end_early(self, on: date) -> None:
        facts, term, leg = self.facts, self.term, self.leg
        offer = facts.offer
        rule = rule_for(offer.early_rules, term.begins_on, on)
        won = earned(offer.terms, rule, term, facts.savings, on) if rule else 0
        before = term.accrued_before - self._paid_elsewhere()
        change = before + won - self.accrued
        self.life.early = EarlyEnd(
            on=on,
            term_no=term.term_no,
            from_months=rule.from_months if rule else None,
            earned=won,
            paid=leg.credited - before,
        )
        self._end_leg(on)
        leg.settled += change
        accounts = (offer.expense_account, offer.payable_account)
        debit, credit = accounts if change > 0 else reversed(accounts)
        self._post(REPRICED, on, (debit, credit, abs(change)))
        self.life.repriced[on] = change
        self._claw_back(on, leg.credited - self.accrued)
        self._pay(on, on, self.told.linked_account)
        self._return(on, self.balance)

    def _paid_elsewhere(self) -> int:
        """Coupons of the term brought along that were paid before its first date here."""
        facts, term, terms = self.facts, self.term, self.facts.offer.terms
        paid, first = 0, term.begins_on
        for pays_on in term.paydays:
            if facts.brought is not None and term.term_no == 1 and pays_on < facts.bears_from:
                lines = ((0, term.rate),)
                days = dates(first, pays_on - ONE_DAY)
                paid += terms.satang(sum(terms.earned(on, term.principal, lines) for on in days))
            first = pays_on
        return paid

    def _claw_back(self, on: date, amount: int) -> None:
        """Interest paid too much leaves the principal; the tax on it stays withheld."""
        if amount <= 0:
            return
        self._post(CLAWED_BACK, on, (self.facts.account, self.facts.offer.payable_account, amount))
        self._paid(on, on, -amount, None, 0)
        self.balance -= amount

    def _pay(self, on: date, until: date, to: int) -> int:
        """Pay what is accrued and not yet paid, for the dates before `until`; answers how much."""
        interest = self.accrued - self.leg.credited
        if interest <= 0:
            return 0
        offer, tax = self.facts.offer, taxed(self.facts.taxes, on)
        whole, rest = divmod(interest * (tax.rate if tax else 0), 10**8)
        withheld = whole + (2 * rest >= 10**8)
        net, payable = interest - withheld, offer.payable_account
        self._post(INTEREST, on, (payable, to, net), (payable, offer.tax_account, withheld))
        self._paid(on, until, interest, tax, withheld)
        if to == self.facts.account:
            self.balance += net
        return interest

    def _paid(self, on: date, until: date, interest: int, tax: Tax | None, withheld: int) -> None:
        self.leg.credited += interest
        self.life.payments.append(
            Payment(
                on=on,
                through=until - ONE_DAY,
                interest=interest,
                tax=tax,
                withheld=withheld,
                posting=self.life.postings[-1],
            )
        )

    def _post(self, kind: int, on: date, *lines: Line) -> None:
        moved = tuple(line for line in lines if line[2])
        if moved:
            self.life.postings.append(Posting(kind=kind, on=on, lines=moved))

    def _note(self, kind: int, on: date, amount: int, paid: int, term: Term | None = None) -> None:
        self.life.notes.append(Note(kind=kind, on=on, amount=amount, paid=paid, term=term))
