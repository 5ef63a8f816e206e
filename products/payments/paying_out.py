"""The balance of a contract that closes, paid out to its member's bank: one withdrawal, whole.

The same notes, hold and journal as a withdrawal that is noticed, approved and paid (`notices`), all
of them in the unit that closes the contract: the member's person asked for it, who closes approves
it. From then on it is an ordinary payment: it waits on outgoing clearing until the bank debits it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from ledger.db import Connection, statements
from ledger.errors import Forbidden, InvalidInput
from ledger.posting.values import FIRST_SEQ, Note, Operation, PlaceHold, RowWrite
from products.contracts import Contract
from products.kinds import EventKind
from products.payments import postings
from products.payments.banks import bank_accounts, payment_accounts
from products.payments.notice_values import Notice, NoticeKind, NoticeStatus
from products.payments.notices import HOLD_DAYS, moved

_SQL = statements(Path(__file__).parents[1] / "sql" / "closing.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOut:
    """Where the balance goes: our bank that pays, the reference on the transfer, who asked."""

    bank: str
    reference: str
    asked_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What a closing does to pay something: operations, row writes, the journals among them."""

    operations: tuple[Operation, ...] = ()
    writes: tuple[RowWrite, ...] = ()
    journal_ids: tuple[UUID, ...] = ()


async def payment_of(
    connection: Connection,
    contract: Contract,
    pay_out: PayOut,
    *,
    notice_id: UUID,
    journal_id: UUID,
    amount_satang: int,
    business_date: date,
    actor: str,
    after: int,
) -> Payment:
    """The withdrawal of all that is left, as the unit's operations after the first `after`.

    Raises `InvalidInput` (no such bank), `Forbidden`."""
    banks = await bank_accounts(connection, contract.book_id)
    if pay_out.bank not in banks:
        raise InvalidInput.one("bank", pay_out.bank, f"one of {', '.join(sorted(banks))}")
    if pay_out.asked_by.casefold() == actor.casefold():
        raise Forbidden(f"{actor} asked for the payment: another person must close the contract")
    book_id = contract.book_id
    held = _held(contract, pay_out, notice_id, amount_satang, business_date)
    approved = replace(held, status=NoticeStatus.APPROVED, version=2, approved_by=actor)
    clearing = await payment_accounts(connection, book_id)
    return Payment(
        operations=(
            PlaceHold(
                hold_id=notice_id,
                account=contract.account_id,
                amount_satang=amount_satang,
                expires_on=business_date + timedelta(days=HOLD_DAYS),
                reference=pay_out.reference,
            ),
            _received(held),
            moved(held, NoticeStatus.APPROVED, EventKind.NOTICE_APPROVED),
            postings.withdrawal_paid(approved, clearing, journal_id),
            moved(approved, NoticeStatus.PAID, EventKind.NOTICE_PAID),
        ),
        writes=(_row(book_id, replace(approved, posted_journal=journal_id), after),),
        journal_ids=(journal_id,),
    )


def _held(
    contract: Contract, pay_out: PayOut, notice_id: UUID, amount_satang: int, business_date: date
) -> Notice:
    """The withdrawal as it would stand just after its arrival."""
    return Notice(
        notice_id=notice_id,
        kind=NoticeKind.WITHDRAWAL,
        status=NoticeStatus.HELD,
        version=1,
        contract_id=contract.contract_id,
        contract_no=contract.contract_no,
        party_id=contract.party_id,
        account_id=contract.account_id,
        bank_code=pay_out.bank,
        amount_satang=amount_satang,
        value_date=business_date,
        reference=pay_out.reference,
        made_by=pay_out.asked_by,
        received_by=pay_out.asked_by,
        approved_by=None,
        received_on=business_date,
        received_seq=0,
        changed_seq=0,
        posted_journal=None,
    )


def _received(held: Notice) -> Note:
    """The note of its arrival, as `notices` writes it."""
    body: dict[str, object] = {
        "from": None,
        "to": held.status.code,
        "kind": held.kind.code,
        "bank": held.bank_code,
        "value_date": held.value_date,
        "reference": held.reference,
        "received_by": held.received_by,
        # Its actor is who closes; this says for whom.
        "made_by": held.made_by,
    }
    return replace(moved(held, held.status, EventKind.NOTICE_RECEIVED), body=body)


def _row(book_id: int, approved: Notice, after: int) -> RowWrite:
    """The notice's row, paid; its first number is that of its hold."""
    return RowWrite(
        statement=_SQL["insert_paid_notice"],
        arguments=(
            book_id,
            approved.notice_id,
            int(approved.kind),
            int(NoticeStatus.PAID),
            approved.contract_id,
            approved.bank_code,
            approved.amount_satang,
            approved.value_date,
            approved.reference,
            approved.made_by,
            approved.received_by,
            approved.approved_by,
            approved.posted_journal,
            FIRST_SEQ,
            after,
        ),
    )
