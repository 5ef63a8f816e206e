"""What the record says of one placement, and what must follow from it: the values of its life.

Amounts are satang, rates 10^-8 of the fraction, accounts numbers of the book. What is given here is
what persons decided (notes, offers, sheets, tax rows, holidays) and what a night could not do;
everything else is worked out by `placements` and compared with the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from products.proof.calendars import Holidays
from products.proof.life import Lines, Terms

PAY_OUT, ROLL_PRINCIPAL, ROLL_ALL = "pay_out", "roll_principal", "roll_all"
BROUGHT_FORWARD = 1
PLACED, INTEREST, PAID_OUT, REPRICED, CLAWED_BACK = 121, 122, 123, 124, 125
"""Kinds of journals."""
OPENED, ROLLED, MATURED, WAITS, INSTRUCTED = 151, 152, 153, 154, 155
PROPOSED, ENDED_EARLY, REJECTED = 156, 157, 158
"""Kinds of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """An approved rate sheet of a product, in force until the next one."""

    effective_from: date
    sheet_id: UUID
    lines: Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """A row of the tax table for one holder type and family, in force until the next one."""

    from_date: date
    rate: int
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyRule:
    """What whole months held, `from_months` and more, are paid by an early end.

    source: nothing, contract or savings; `part` percent of its rate, then `penalty` less.
    """

    from_months: int
    source: str
    part: int
    penalty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A product of a term: its tenor, day count and rounding, accounts, and early rules.

    is_moved: a maturity on no banking day goes to the next one.
    """

    terms: Terms
    family: str
    months: int
    is_moved: bool
    expense_account: int
    payable_account: int
    tax_account: int
    savings_product: str | None
    early_rules: tuple[EarlyRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructed:
    """What holds from a business date on: the linked account, and what happens at maturity."""

    on: date
    linked_no: str
    linked_account: int
    instruction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a placement that ran already brought along from an old system, by its notes.

    begins_on, rate: of its running term.
    exact:           what its running coupon had earned there through `accrued_to`.
    """

    begins_on: date
    rate: int
    exact: int
    accrued_to: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the record says happened to one placement.

    opened:     the opening note; every: months between payments of interest, 0 = at maturity.
    brought:    None = its term began on the date of that note. bears_from: the first date here.
    matures_on: what the opening note says; a holiday announced on its very date may move it or not.
    holder:     kind of its party; taxes: the table for it and the family, earliest first.
    sheets:     of the product; savings: of the savings product that its early rules mean.
    instructed: later notes of instructions, in order.
    listed:     nights that list it as one that could not do all that was instructed.
    paid:       dates on which interest was paid; asked where a listed pay-out may have paid it.
    ended_early: business date of an early end. paid_late: of the payment of a waiting placement.
    matured_to: the last date of which the night's step `mature` is done for it.
    accrued_to: the last date that nights have accrued for it.
    """

    offer: Offer
    account: int
    opened: Instructed
    every: int
    principal: int
    matures_on: date
    holder: int
    taxes: tuple[Tax, ...]
    sheets: tuple[Sheet, ...]
    savings: tuple[Sheet, ...]
    holidays: Holidays
    instructed: tuple[Instructed, ...] = ()
    listed: frozenset[date] = frozenset()
    paid: frozenset[date] = frozenset()
    ended_early: date | None = None
    paid_late: date | None = None
    brought: Brought | None = None
    bears_from: date
    matured_to: date
    accrued_to: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term that must be recorded; `accrued_before` is all interest before it."""

    term_no: int
    begins_on: date
    nominal_on: date
    matures_on: date
    principal: int
    rate: int
    sheet_id: UUID | None
    accrued_before: int
    paydays: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A journal that must be recorded, on its business date, which is its value date.

    lines: (debit account, credit account, amount), none of nothing.
    """

    kind: int
    on: date
    lines: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Interest paid (below zero: clawed back) on a date, through another one.

    tax: the row that it went by; None = clawed back, or the table has no row.
    """

    on: date
    through: date
    interest: int
    tax: Tax | None
    withheld: int
    posting: Posting


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A numbered event that must be recorded; `amount` is the principal it tells of."""

    kind: int
    on: date
    amount: int
    paid: int
    term: Term | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyEnd:
    """What an early end on a date comes to: its rule, earned in its term, paid of that before."""

    on: date
    term_no: int
    from_months: int | None
    earned: int
    paid: int


@dataclass(slots=True, kw_only=True)
class Leg:
    """Where the interest stands: the columns of a leg, and of the span that runs."""

    period_start: date
    since: date
    balance: int = 0
    rate: int = 0
    year_days: int = 365
    slope: int = 0
    base: int = 0
    settled: int = 0
    credited: int = 0
    ended_on: date | None = None
    span_no: int = 0


Span = tuple[date, int, int, int, int, int]
"""First date (and night), balance, rate, days of the year, slope, base."""


@dataclass(slots=True, kw_only=True)
class Life:
    """What must be recorded of a placement.

    at_night: date -> interest paid by that night, before tax.
    posted:   date -> interest expense of that date. repriced: what an early end changed, by date.
    """

    leg: Leg
    terms: list[Term] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    at_night: dict[date, int] = field(default_factory=dict)
    posted: dict[date, int] = field(default_factory=dict)
    repriced: dict[date, int] = field(default_factory=dict)
    early: EarlyEnd | None = None
    matured_on: date | None = None
    closed_on: date | None = None


def in_force(sheets: tuple[Sheet, ...], on: date) -> Sheet | None:
    """The newest sheet that is effective by a date."""
    return max(
        (sheet for sheet in sheets if sheet.effective_from <= on),
        key=lambda sheet: sheet.effective_from,
        default=None,
    )


def taxed(taxes: tuple[Tax, ...], on: date) -> Tax | None:
    """The row of the tax table in force on a date."""
    rows: Mapping[date, Tax] = {row.from_date: row for row in taxes if row.from_date <= on}
    return rows[max(rows)] if rows else None
