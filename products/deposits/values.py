"""What a placement is (docs/placements.md): its product's offer, its instruction, its terms. Pure.

A placement is a fixed deposit: one principal at one rate for a term. A product stands for one
tenor, so that its rate sheet is the tenor's price. The calendar says which days are banking days;
a term's dates are reckoned once, when it begins, and stored.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ledger.errors import InvalidInput, Problem
from ledger.money import BALANCE_MAX, format_baht
from products.early_withdrawal import EarlyRules, RateSource
from products.placements import InterestPaid, PlacementTerms, coupons
from products.schedules.due_dates import Calendar, DueRule, OnHoliday, add_months

DUE_RULES = (OnHoliday.KEEP, OnHoliday.NEXT)
"""What may become of a maturity on no banking day."""
EARLY_SOURCES = (RateSource.NOTHING, RateSource.CONTRACT, RateSource.SAVINGS)
"""Whose rates an early rule may pay: a product is one tenor, it has no chart of others."""
_MONTHS_MAX = 120


class Instruction(enum.IntEnum):
    """What happens at maturity; the rows of `products.maturity_instruction`."""

    PAY_OUT = 1
    ROLL_PRINCIPAL = 2
    ROLL_ALL = 3

    @property
    def code(self) -> str:
        """The word on the wire, such as "pay_out"."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a product of a term offers.

    months:           the tenor.
    paid:             when interest may be paid; the member chooses one.
    principal_min_satang, principal_max_satang: bounds of a placement, both allowed.
    due_rule:         KEEP or NEXT: where a maturity goes that is no banking day.
    tax_account:      account that holds tax withheld until it is filed.
    savings_product:  code of the product whose rate an early rule of source savings pays.
    early_rules:      what a withdrawal before maturity has earned.
    """

    months: int
    paid: frozenset[InterestPaid]
    principal_min_satang: int
    principal_max_satang: int
    due_rule: OnHoliday
    tax_account: int
    early_rules: EarlyRules
    savings_product: str | None = None

    def __post_init__(self) -> None:
        problems = [*_problems(self)]
        if problems:
            raise InvalidInput(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """Interest of [from_date, pays_on), paid by the night of `pays_on`; `no` counts from 1."""

    no: int
    from_date: date
    pays_on: date
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One principal at one rate over [begins_on, matures_on).

    nominal_on: the maturity by the calendar, before the due rule.
    sheet_id:   the approved rate sheet that the rate is of; None = brought from an old system.
    """

    begins_on: date
    nominal_on: date
    matures_on: date
    principal_satang: int
    annual_rate_e8: int
    sheet_id: UUID | None
    coupons: tuple[Coupon, ...]


def term_from(
    offer: Offer,
    *,
    begins_on: date,
    principal_satang: int,
    annual_rate_e8: int,
    sheet_id: UUID | None,
    paid: InterestPaid,
    calendar: Calendar,
) -> Term:
    """The term that begins on a date: its maturity and every coupon.

    A tenor of n months ends on the same day n months later, or on that month's last day. The dates
    of coupons before the last are kept as they are: every calendar day has its night.
    """
    nominal = add_months(begins_on, offer.months)
    rule = DueRule(first_due_date=nominal, on_holiday=offer.due_rule, calendar=calendar)
    matures = rule.payday(nominal)
    placed = PlacementTerms(
        principal_satang=principal_satang,
        start=begins_on,
        maturity=nominal,
        annual_rate_e8=annual_rate_e8,
        paid=paid,
    )
    periods = coupons(placed, bears_until=matures)
    return Term(
        begins_on=begins_on,
        nominal_on=nominal,
        matures_on=matures,
        principal_satang=principal_satang,
        annual_rate_e8=annual_rate_e8,
        sheet_id=sheet_id,
        coupons=tuple(
            Coupon(
                no=number,
                from_date=period.start,
                pays_on=period.stop,
                is_last=number == len(periods),
            )
            for number, period in enumerate(periods, start=1)
        ),
    )


def _problems(offer: Offer) -> list[Problem]:
    found: list[Problem] = []

    def wrong(where: str, got: object, expected: str) -> None:
        found.append(Problem(where=where, got=str(got), expected=expected))

    if not 1 <= offer.months <= _MONTHS_MAX:
        wrong("months", offer.months, f"1 to {_MONTHS_MAX}")
    if not offer.paid:
        wrong("paid", "none", "at least one way to pay interest")
    for paid in sorted(offer.paid, key=lambda each: each.value):
        if paid.value and (paid.value >= offer.months or offer.months % paid.value):
            wrong("paid", paid.name, f"AT_MATURITY, or an even part of {offer.months} months")
    if not 1 <= offer.principal_min_satang <= offer.principal_max_satang <= BALANCE_MAX:
        bounds = (offer.principal_min_satang, offer.principal_max_satang)
        got = " to ".join(format_baht(satang) for satang in bounds)
        wrong("principal", got, "0.01 or more, the lower bound first")
    if offer.due_rule not in DUE_RULES:
        wrong("due_rule", offer.due_rule.value, "KEEP or NEXT")
    sources = {rule.source for rule in offer.early_rules.rules}
    for source in sorted(sources - {*EARLY_SOURCES}, key=lambda each: each.value):
        expected = "one of " + ", ".join(each.value for each in EARLY_SOURCES)
        wrong("early_rules", source.value, expected)
    if RateSource.SAVINGS in sources and offer.savings_product is None:
        wrong("savings_product", "none", "the product whose rate the early rules pay")
    return found
