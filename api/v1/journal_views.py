"""What a journal looks like at the door, whether it waits, is posted, or was rejected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast
from uuid import UUID

from pydantic import Field

from api.v1.fields import CalendarDate, Currency, SignedAmount, View
from api.v1.posting import BalanceView, ReceiptView
from ledger import kinds
from ledger.manual import ManualJournal
from ledger.money import format_baht
from ledger.posting.records import JournalRecord
from ledger.posting.values import Journal, Period
from ledger.vouchers import Voucher
from products.kinds import JournalKind as ProductKind

State = Literal["waiting", "posted", "rejected"]


class TransferView(View):
    """Debit one account, credit another."""

    debit: str
    credit: str
    amount: SignedAmount


class JournalView(View):
    """A journal or a proposal of one. Dates and number are null until it is posted."""

    id: UUID
    state: State
    kind: str
    transfers: list[TransferView]
    currency: Currency
    value_date: CalendarDate | None
    business_date: CalendarDate | None
    recorded_seq: int | None
    voucher: str | None = Field(
        description="Gap-free number in the book and its fiscal year.", examples=["2026/123"]
    )
    late_period: bool
    reference: str
    narrative: str
    reverses: UUID | None
    adjusts: UUID | None
    forced: bool
    hold_id: UUID | None
    posted_by: str | None
    made_by: str | None
    made_at: str | None
    decided_by: str | None
    decided_at: str | None
    reason: str
    receipt: ReceiptView | None = None
    balances: list[BalanceView] = Field(default_factory=list)


def kind_code(kind: int) -> str:
    """The word for a kind of journal, such as "interest_accrual"."""
    if kind in list(kinds.JournalKind):
        return kinds.JournalKind(kind).name.lower()
    return ProductKind(kind).name.lower()


def of_proposal(
    proposal: ManualJournal,
    codes: Mapping[int, str],
    *,
    receipt: ReceiptView | None = None,
    balances: list[BalanceView] | None = None,
) -> JournalView:
    """A proposal; its posting's receipt with it when this is the answer to the approval."""
    journal = proposal.journal
    posted = proposal.state.code == "posted" and receipt is not None
    return JournalView(
        id=proposal.journal_id,
        state=cast(State, proposal.state.code),
        kind=kind_code(journal.kind),
        transfers=_transfers(journal, codes),
        currency="THB",
        value_date=receipt.value_date if posted and receipt else journal.value_date,
        business_date=receipt.business_date
        if posted and receipt
        else proposal.dating.business_date,
        recorded_seq=receipt.recorded_seq if posted and receipt else None,
        voucher=receipt.voucher if posted and receipt else None,
        late_period=proposal.dating.period is Period.LATE,
        reference=journal.reference,
        narrative=journal.narrative,
        reverses=journal.reverses,
        adjusts=journal.adjusts,
        forced=journal.forced,
        hold_id=journal.hold_id,
        posted_by=proposal.decided_by if proposal.state.code == "posted" else None,
        made_by=proposal.made_by,
        made_at=proposal.made_at.isoformat(),
        decided_by=proposal.decided_by,
        decided_at=None if proposal.decided_at is None else proposal.decided_at.isoformat(),
        reason=proposal.reason,
        receipt=receipt,
        balances=balances or [],
    )


def of_record(
    record: JournalRecord,
    proposal: ManualJournal | None,
    codes: Mapping[int, str],
    voucher: Voucher | None,
) -> JournalView:
    """A posted journal, with who proposed and decided it if it was made by hand."""
    decided_at = None if proposal is None else proposal.decided_at
    return JournalView(
        id=record.journal_id,
        state="posted",
        kind=kind_code(record.kind),
        transfers=_transfers(record, codes),
        currency="THB",
        value_date=record.value_date,
        business_date=record.business_date,
        recorded_seq=record.recorded_seq,
        voucher=None if voucher is None else str(voucher),
        late_period=proposal is not None and proposal.dating.period is Period.LATE,
        reference=record.reference,
        narrative=record.narrative,
        reverses=record.reverses,
        adjusts=record.adjusts,
        forced=record.forced,
        hold_id=record.hold_id,
        posted_by=record.actor,
        made_by=None if proposal is None else proposal.made_by,
        made_at=None if proposal is None else proposal.made_at.isoformat(),
        decided_by=None if proposal is None else proposal.decided_by,
        decided_at=None if decided_at is None else decided_at.isoformat(),
        reason="" if proposal is None else proposal.reason,
    )


def _transfers(journal: Journal | JournalRecord, codes: Mapping[int, str]) -> list[TransferView]:
    return [
        TransferView(
            debit=codes[t.debit], credit=codes[t.credit], amount=format_baht(t.amount_satang)
        )
        for t in journal.transfers
    ]
