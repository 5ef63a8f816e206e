"""What an explained date says of a placement: its term and coupon, and the interest it paid."""

from __future__ import annotations

from uuid import UUID

from api.v1.fields import CalendarDate, SignedAmount, View
from ledger.money import format_baht
from pricing.rates import format_rate_percent
from products.deposits.telling import BroughtRate, EarlyEnded, Payment, Placed


class BroughtRateView(View):
    """The note with which a rate of an old system came along; `by` as for sheets."""

    recorded_seq: int
    business_date: CalendarDate
    by: str | None
    annual_rate_percent: str


class CouponView(View):
    """Interest of [from_date, pays_on), paid by the night of `pays_on`; `number` of `of`."""

    number: int
    of: int
    from_date: CalendarDate
    pays_on: CalendarDate
    last: bool


class InterestPaymentView(View):
    """Interest paid through a date; below zero it was clawed back from the principal.

    tax_percent, form: what the tax table says; null where nothing went to the holder.
    paid_to: code of the account that took `net`.
    """

    paid_on: CalendarDate
    through: CalendarDate
    interest: SignedAmount
    tax: SignedAmount
    tax_percent: str | None
    form: str | None
    net: SignedAmount
    paid_to: str | None
    journal_id: UUID


class EarlyEndView(View):
    """An early withdrawal of the date's own term, which its days have earned less (or more) by.

    rule_from_months: the early rule, by its least whole months held.
    earned:           what the days of the term have earned after all.
    paid_before:      what its coupons had paid.
    proposed_by, decided_by: as for sheets.
    """

    ended_on: CalendarDate
    rule_from_months: int
    earned: SignedAmount
    paid_before: SignedAmount
    proposed_by: str | None
    decided_by: str | None


class PlacedView(View):
    """The term of a placement that a date lies in: principal and rate stand still for it.

    nominal_on:   the maturity by the calendar; `matures_on` where the due rule moved it.
    brought_rate: null where the rate is the rate sheet's.
    payments:     made on the date, and for its coupon.
    """

    term: int
    begins_on: CalendarDate
    nominal_on: CalendarDate
    matures_on: CalendarDate
    principal: SignedAmount
    annual_rate_percent: str
    brought_rate: BroughtRateView | None
    coupon: CouponView
    payments: list[InterestPaymentView]
    early_end: EarlyEndView | None


def placed_view(found: Placed, whole_book: bool) -> PlacedView:
    """A placement's term as a document; `whole_book`: with the names of who did what."""
    coupon = found.coupon
    return PlacedView(
        term=found.term_no,
        begins_on=found.begins_on,
        nominal_on=found.nominal_on,
        matures_on=found.matures_on,
        principal=format_baht(found.principal_satang),
        annual_rate_percent=format_rate_percent(found.annual_rate_e8),
        brought_rate=_brought(found.source, whole_book)
        if isinstance(found.source, BroughtRate)
        else None,
        coupon=CouponView(
            number=coupon.no,
            of=found.coupons,
            from_date=coupon.from_date,
            pays_on=coupon.pays_on,
            last=coupon.is_last,
        ),
        payments=[_payment(each) for each in found.payments],
        early_end=None if found.early_end is None else _early(found.early_end, whole_book),
    )


def _brought(source: BroughtRate, whole_book: bool) -> BroughtRateView:
    return BroughtRateView(
        recorded_seq=source.recorded_seq,
        business_date=source.business_date,
        by=source.actor if whole_book else None,
        annual_rate_percent=format_rate_percent(source.annual_rate_e8),
    )


def _payment(each: Payment) -> InterestPaymentView:
    withheld = each.withheld
    return InterestPaymentView(
        paid_on=each.paid_on,
        through=each.through,
        interest=format_baht(each.interest_satang),
        tax=format_baht(each.taken_satang),
        tax_percent=None if withheld is None else format_rate_percent(withheld.tax.rate_e8),
        form=None if withheld is None else withheld.tax.form,
        net=format_baht(each.interest_satang - each.taken_satang),
        paid_to=each.paid_to,
        journal_id=each.journal_id,
    )


def _early(found: EarlyEnded, whole_book: bool) -> EarlyEndView:
    return EarlyEndView(
        ended_on=found.ended_on,
        rule_from_months=found.rule_from_months,
        earned=format_baht(found.earned_satang),
        paid_before=format_baht(found.paid_satang),
        proposed_by=found.proposed_by if whole_book else None,
        decided_by=found.decided_by if whole_book else None,
    )
