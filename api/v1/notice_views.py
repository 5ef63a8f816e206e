"""What a notice looks like at the door, coming in and going out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.v1.fields import Amount, CalendarDate, Currency, Id, SignedAmount, View, money_facts
from api.v1.posting import BalanceView, ReceiptView
from ledger.money import format_baht
from products.payments.notice_reads import HistoryEntry
from products.payments.notice_values import Notice, NoticeBody, NoticeStatus
from products.payments.notice_values import NoticeIn as Announcement


class NoticeIn(NoticeBody):
    """A deposit on its way to the Facility's bank, or a withdrawal that is asked for."""

    id: Annotated[Id, Field(description="Made by the co-op; the same id and body is a replay.")]
    amount: Amount
    value_date: CalendarDate


class NoticeView(View):
    """A notice as it stands; `receipt` and `balances` are set in answers to steps."""

    id: UUID
    kind: str
    status: str
    status_th: str
    account: str
    amount: SignedAmount
    currency: Currency
    bank: str
    value_date: CalendarDate
    reference: str
    made_by: str
    approved_by: str | None
    received_on: CalendarDate | None
    received_seq: int | None
    changed_seq: int | None
    journal_id: UUID | None
    receipt: ReceiptView | None = None
    balances: list[BalanceView] = Field(default_factory=list)


class ChangeView(View):
    """One numbered change of a notice."""

    recorded_seq: int
    code: str
    name_th: str
    name_en: str
    business_date: CalendarDate
    recorded_at: str
    actor: str
    reason: str
    facts: dict[str, object]


class NoticeWithHistory(NoticeView):
    """A notice and everything that happened to it, in order."""

    history: list[ChangeView]


def notice_view(
    notice: Notice,
    receipt: ReceiptView | None = None,
    balances: Sequence[BalanceView] = (),
) -> NoticeView:
    """A notice as recorded; after a step, with its receipt and the accounts that it touched."""
    return NoticeView(
        id=notice.notice_id,
        kind=notice.kind.code,
        status=notice.status.code,
        status_th=notice.status.name_th,
        account=notice.contract_no,
        amount=format_baht(notice.amount_satang),
        currency="THB",
        bank=notice.bank_code,
        value_date=notice.value_date,
        reference=notice.reference,
        made_by=notice.made_by,
        approved_by=notice.approved_by,
        received_on=notice.received_on,
        received_seq=notice.received_seq,
        changed_seq=notice.changed_seq,
        journal_id=notice.posted_journal,
        receipt=receipt,
        balances=list(balances),
    )


def announced(
    body: Announcement, receipt: ReceiptView | None, balances: Sequence[BalanceView] = ()
) -> NoticeView:
    """A notice that has just been received."""
    status = NoticeStatus.RECEIVED if body.kind == "deposit" else NoticeStatus.HELD
    seq = None if receipt is None else receipt.recorded_seq
    return NoticeView(
        id=body.id,
        kind=body.kind,
        status=status.code,
        status_th=status.name_th,
        account=body.account,
        amount=body.amount,
        currency="THB",
        bank=body.bank,
        value_date=body.value_date,
        reference=body.reference,
        made_by=body.made_by,
        approved_by=None,
        received_on=None if receipt is None else receipt.business_date,
        received_seq=seq,
        changed_seq=seq,
        journal_id=None,
        receipt=receipt,
        balances=list(balances),
    )


def with_history(notice: Notice, history: Sequence[HistoryEntry]) -> NoticeWithHistory:
    """A notice with its changes."""
    return NoticeWithHistory(
        **notice_view(notice).model_dump(), history=[_change(entry) for entry in history]
    )


def _change(entry: HistoryEntry) -> ChangeView:
    facts = money_facts(entry.body)
    return ChangeView(
        recorded_seq=entry.recorded_seq,
        code=entry.code,
        name_th=entry.name_th,
        name_en=entry.name_en,
        business_date=entry.business_date,
        recorded_at=entry.recorded_at.isoformat(),
        actor=entry.actor,
        reason=entry.reason,
        facts=facts if isinstance(facts, dict) else {},
    )
