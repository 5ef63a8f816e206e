"""What one look at an account answers at the door: every figure at the same number."""

from __future__ import annotations

from uuid import UUID

from api.v1.fields import CalendarDate, Currency, SignedAmount, View
from ledger.money import format_baht
from products.positions import AccruedInterest, FullPosition, OpenHold, PlannedLimits


class OpenHoldView(View):
    """An open hold; `expires_on` is the last business date on which it can be captured."""

    id: UUID
    amount: SignedAmount
    expires_on: CalendarDate | None
    reference: str


class InterestView(View):
    """Interest accrued through `accrued_to` and not yet credited to the account."""

    contract: str
    product: str
    accrued: SignedAmount
    accrued_to: CalendarDate


class PlannedLimitsView(View):
    """The next planned limits and the business date from which they hold; null = no limit."""

    effective_on: CalendarDate
    balance_min: SignedAmount | None
    balance_max: SignedAmount | None


class FullPositionView(View):
    """How an account stands in every respect, read in one snapshot at `recorded_seq`.

    `held` and `hold_count` are of all open holds, of which `holds` lists the oldest.
    """

    account: str
    gl_code: str
    party_id: int | None
    name_th: str
    name_en: str
    currency: Currency
    opened_on: CalendarDate
    balance: SignedAmount
    held: SignedAmount
    hold_count: int
    holds: list[OpenHoldView]
    available: SignedAmount | None
    interest: InterestView | None
    balance_min: SignedAmount | None
    balance_max: SignedAmount | None
    planned_limits: PlannedLimitsView | None
    excess: SignedAmount
    closed: bool
    debits_frozen: bool
    credits_frozen: bool
    frozen_until: CalendarDate | None
    changed_seq: int
    business_date: CalendarDate
    recorded_seq: int


def baht(satang: int | None) -> str | None:
    """An amount as text; None stays None."""
    return None if satang is None else format_baht(satang)


def full_view(position: FullPosition) -> FullPositionView:
    """A position for the wire."""
    account = position.account
    return FullPositionView(
        account=account.code,
        gl_code=account.gl_code,
        party_id=account.party_id,
        name_th=account.name_th,
        name_en=account.name_en,
        currency="THB",
        opened_on=account.opened_on,
        balance=format_baht(position.balance_satang),
        held=format_baht(position.held_satang),
        hold_count=position.hold_count,
        holds=[_hold(hold) for hold in position.holds],
        available=baht(position.available_satang),
        interest=_interest(position.interest),
        balance_min=baht(position.balance_min_satang),
        balance_max=baht(position.balance_max_satang),
        planned_limits=_planned(position.planned_limits),
        excess=format_baht(position.excess_satang),
        closed=position.closed,
        debits_frozen=position.debits_frozen,
        credits_frozen=position.credits_frozen,
        frozen_until=position.frozen_until,
        changed_seq=position.changed_seq,
        business_date=position.business_date,
        recorded_seq=position.recorded_seq,
    )


def _hold(hold: OpenHold) -> OpenHoldView:
    return OpenHoldView(
        id=hold.hold_id,
        amount=format_baht(hold.amount_satang),
        expires_on=hold.expires_on,
        reference=hold.reference,
    )


def _interest(interest: AccruedInterest | None) -> InterestView | None:
    if interest is None:
        return None
    return InterestView(
        contract=interest.contract_no,
        product=interest.product_code,
        accrued=format_baht(interest.accrued_satang),
        accrued_to=interest.accrued_to,
    )


def _planned(planned: PlannedLimits | None) -> PlannedLimitsView | None:
    if planned is None:
        return None
    return PlannedLimitsView(
        effective_on=planned.effective_on,
        balance_min=baht(planned.balance_min_satang),
        balance_max=baht(planned.balance_max_satang),
    )
