"""What an explained date answers at the door and on the command line: the one document of both.

What is shown of a figure is worked out from its inputs; what is recorded stands beside it where it
differs, which is damage or a bug. Exact amounts are satang, as a decimal fraction (cut after twelve
digits, which dots then say) and as the exact ratio; what was posted is baht with two places.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal
from uuid import UUID

from api.v1.fields import CalendarDate, SignedAmount, View
from api.v1.placed_views import PlacedView, placed_view
from ledger.money import format_baht
from pricing.quotes import ApprovedSheet
from pricing.rates import format_rate_percent
from products.catalogue import Product
from products.explaining import ExplainedChange, ExplainedLeg, Explanation
from products.figures import Figure, satang_text
from products.interest import EXACT_DENOMINATOR
from products.night_journals import Carrying
from products.workings import Part, Working


class ExactView(View):
    """Exact satang: `numerator` / `denominator` in lowest terms, and the same as a decimal."""

    satang: str
    numerator: str
    denominator: str


class SpanView(View):
    """The span that tells of the date: its number, first date, and the night that wrote it.

    told_by: the night of its first date, a later one's correction, or the contract's closing.
    """

    number: int
    from_date: CalendarDate
    made_on: CalendarDate
    told_by: Literal["night", "correction", "closing"]


class SheetLineView(View):
    """A line of a sheet: its rate is for balances from `slab_from` on, up to the next line's."""

    slab_from: SignedAmount
    annual_rate_percent: str


class SheetView(View):
    """The rate sheet, lowest line first; `approved_by` is told to keys that may read journals."""

    id: UUID
    effective_from: CalendarDate
    approved_by: str | None
    approved_on: CalendarDate
    lines: list[SheetLineView]


class PartView(View):
    """A part of the balance, the line that it earns by (`slab_to` null: no end), what it earns."""

    slab_from: SignedAmount
    slab_to: SignedAmount | None
    amount: SignedAmount
    annual_rate_percent: str
    exact: ExactView


class InterestPeriodView(View):
    """The capitalisation period as far as the date.

    since: first date that earned as this one does; `base` is what the period had earned before it,
    `days` counts from it to the date.
    """

    start: CalendarDate
    since: CalendarDate
    base: ExactView
    days: int
    exact_through_day_before: ExactView
    exact_through_date: ExactView
    rounded_through_day_before: SignedAmount
    rounded_through_date: SignedAmount


class RoundingView(View):
    """How exact interest of the period becomes money."""

    mode: Literal["half_up", "half_even", "up", "down"]
    step: SignedAmount


class FigureView(View):
    """What the date earned; `posted` is the growth of the rounded interest of the period.

    span:    the recorded one that says the same.
    balance: by value date, at the close of the date.
    annual_rate_percent: of the slab that the balance reaches.
    slab_rule:     a slab's rate is for the whole balance, or for the slice between its bounds.
    earns_nothing: a balance below zero or below the product's minimum; else null.
    parts:   the whole balance, or its slices; they earn `exact` together.
    """

    span: SpanView
    balance: SignedAmount
    minimum_balance: SignedAmount
    earns_nothing: Literal["below_zero", "below_minimum"] | None
    slab_rule: Literal["whole", "slice"]
    annual_rate_percent: str
    parts: list[PartView]
    day_count: str
    year_days: int
    exact: ExactView
    period: InterestPeriodView
    rounding: RoundingView
    posted: SignedAmount


class CarryingView(View):
    """A journal of the night that carries the interest; `amount` is that of all it carries."""

    id: UUID
    recorded_seq: int
    business_date: CalendarDate
    amount: SignedAmount


class RecordedView(View):
    """What was recorded of the date, as a night knew it."""

    balance: SignedAmount
    annual_rate_percent: str
    exact: ExactView
    posted: SignedAmount


class DifferenceView(View):
    """What is recorded is not what the inputs give, both as known on a night: damage or a bug."""

    known_on: CalendarDate
    what: str
    recorded: str
    worked_out: str


class InterestChangeView(View):
    """A later night that changed the date: from what to what, and what it posted for it."""

    night: CalendarDate
    before: RecordedView
    after: RecordedView
    amount: SignedAmount
    journal: CarryingView | None


class LegView(View):
    """One leg of interest on the date.

    differences:  none, unless the record is damaged.
    closed_on, reopened_on: the contract was closed by then, which was undone; null otherwise.
    first_posted: what the date's own night posted; with what `changes` posted it is `posted`.
    journal:      of that night; null where there is none or it cannot be named, and for keys that
                  may not read journals.
    placement:    the term and coupon of the date, of a placement; `rate_sheet` is null where the
                  term's rate came along from an old system.
    """

    leg: int
    bears_from: CalendarDate
    closed_on: CalendarDate | None
    reopened_on: CalendarDate | None
    figure: FigureView
    differences: list[DifferenceView]
    rate_sheet: SheetView | None
    placement: PlacedView | None
    first_posted: SignedAmount
    journal: CarryingView | None
    changes: list[InterestChangeView]


class ExplanationView(View):
    """The interest of a contract on one date, as known on the night `known_on`, or now."""

    contract: str
    product: str
    product_name_th: str
    product_name_en: str
    family: str
    date: CalendarDate
    known_on: CalendarDate | None
    business_date: CalendarDate
    day: Literal["open", "cut_off", "proven"]
    legs: list[LegView]


def explanation_view(found: Explanation, *, whole_book: bool) -> ExplanationView:
    """An explanation as a document.

    whole_book: with what tells of more than the contract: journals of its chunk, who approved.
    """
    product = found.product
    return ExplanationView(
        contract=found.contract.contract_no,
        product=product.product_code,
        product_name_th=product.name_th,
        product_name_en=product.name_en,
        family=product.family,
        date=found.on,
        known_on=found.known_on,
        business_date=found.business_date,
        day=found.day.name.lower(),
        legs=[_leg(leg, product, whole_book) for leg in found.legs],
    )


def _leg(leg: ExplainedLeg, product: Product, whole_book: bool) -> LegView:
    return LegView(
        leg=leg.leg,
        bears_from=leg.bears_from,
        closed_on=leg.closed_on,
        reopened_on=leg.reopened_on,
        figure=_figure(leg, product),
        differences=[
            DifferenceView(
                known_on=each.known_on,
                what=each.what,
                recorded=each.recorded,
                worked_out=each.worked_out,
            )
            for each in leg.differences
        ],
        rate_sheet=None if leg.sheet is None else _sheet(leg.sheet, whole_book),
        placement=None if leg.placed is None else placed_view(leg.placed, whole_book),
        first_posted=format_baht(leg.first.posted_satang),
        journal=_journal(leg.journal, whole_book),
        changes=[_change(each, whole_book) for each in leg.changes],
    )


def _figure(leg: ExplainedLeg, product: Product) -> FigureView:
    found, span, terms = leg.working, leg.figure.span, product.terms
    return FigureView(
        span=SpanView(
            number=span.span_no,
            from_date=span.from_date,
            made_on=span.made_on,
            told_by=leg.figure.told_by.value,
        ),
        balance=format_baht(found.balance_satang),
        minimum_balance=format_baht(found.minimum_satang),
        earns_nothing=None if found.nothing is None else found.nothing.value,
        slab_rule=product.slab_rule.value,
        annual_rate_percent=format_rate_percent(found.annual_rate_e8),
        parts=[_part(part) for part in found.parts],
        day_count=terms.day_count.value,
        year_days=found.year_days,
        exact=_exact(found.exact),
        period=_period(found),
        rounding=RoundingView(
            mode=terms.rounding.name.lower(), step=format_baht(terms.step_satang)
        ),
        posted=format_baht(found.posted_satang),
    )


def _part(part: Part) -> PartView:
    slab = part.slab
    return PartView(
        slab_from=format_baht(slab.from_satang),
        slab_to=None if slab.to_satang is None else format_baht(slab.to_satang),
        amount=format_baht(part.amount_satang),
        annual_rate_percent=format_rate_percent(slab.annual_rate_e8),
        exact=_exact(part.exact),
    )


def _period(found: Working) -> InterestPeriodView:
    return InterestPeriodView(
        start=found.period_start,
        since=found.since,
        base=_exact(found.base_exact),
        days=found.days,
        exact_through_day_before=_exact(found.before_exact),
        exact_through_date=_exact(found.through_exact),
        rounded_through_day_before=format_baht(found.before_satang),
        rounded_through_date=format_baht(found.through_satang),
    )


def _exact(amount: int) -> ExactView:
    ratio = Fraction(amount, EXACT_DENOMINATOR)
    return ExactView(
        satang=satang_text(amount),
        numerator=str(ratio.numerator),
        denominator=str(ratio.denominator),
    )


def _sheet(sheet: ApprovedSheet, whole_book: bool) -> SheetView:
    return SheetView(
        id=sheet.sheet_id,
        effective_from=sheet.effective_from,
        approved_by=sheet.approved_by if whole_book else None,
        approved_on=sheet.approved_on,
        lines=[
            SheetLineView(
                slab_from=format_baht(line.slab_from_satang),
                annual_rate_percent=format_rate_percent(line.annual_rate_e8),
            )
            for line in sheet.lines
        ],
    )


def _change(each: ExplainedChange, whole_book: bool) -> InterestChangeView:
    return InterestChangeView(
        night=each.change.night,
        before=_recorded(each.change.before),
        after=_recorded(each.change.after),
        amount=format_baht(each.change.amount_satang),
        journal=_journal(each.journal, whole_book),
    )


def _recorded(found: Figure) -> RecordedView:
    return RecordedView(
        balance=format_baht(found.span.balance_satang),
        annual_rate_percent=format_rate_percent(found.span.annual_rate_e8),
        exact=_exact(found.exact),
        posted=format_baht(found.posted_satang),
    )


def _journal(journal: Carrying | None, whole_book: bool) -> CarryingView | None:
    if journal is None or not whole_book:
        return None
    return CarryingView(
        id=journal.journal_id,
        recorded_seq=journal.recorded_seq,
        business_date=journal.business_date,
        amount=format_baht(journal.amount_satang),
    )
