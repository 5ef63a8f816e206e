"""Events of payments → journals: the executable form of docs/accounting.md. Pure functions.

A line of the bank moves the bank's account when it is posted, and the account that explains it.
While nothing explains it, suspense does; what is found out later moves suspense, not the bank.
Hence `source`: the bank's account for a new line, suspense for a suspended one. Money that came is
debited to the source, money that went is credited to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from ledger.posting.values import Journal, Transfer
from products.kinds import JournalKind
from products.payments.banks import PaymentAccounts
from products.payments.lines import BankLine, LineStatus
from products.payments.notice_values import Notice


def value_date_of(line: BankLine, business_date: date, floor: date) -> date:
    """The line's value date brought to the nearest one that the book allows."""
    return min(max(line.value_date, floor), business_date)


def source_of(line: BankLine, bank_account: int, accounts: PaymentAccounts) -> int:
    """The account on which the line's money stands now: the bank's, or suspense."""
    if line.status is LineStatus.NEW:
        return bank_account
    return accounts.suspense_receipts if line.is_credit else accounts.suspense_payments


def withdrawal_paid(notice: Notice, accounts: PaymentAccounts, journal_id: UUID) -> Journal:
    """Payment ordered: debit the contract, capturing the hold; credit outgoing clearing."""
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.WITHDRAWAL,
        transfers=(
            Transfer(
                debit=notice.account_id,
                credit=accounts.outgoing_clearing,
                amount_satang=notice.amount_satang,
            ),
        ),
        reference=notice.reference,
        hold_id=notice.notice_id,
    )


def withdrawal_fee(notice: Notice, fee_account: int, satang: int, journal_id: UUID) -> Journal:
    """The fee of a withdrawal beyond the free ones: debit the contract, credit fee income."""
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.WITHDRAWAL_FEE,
        transfers=(Transfer(debit=notice.account_id, credit=fee_account, amount_satang=satang),),
        reference=notice.reference,
    )


def line_matched(
    line: BankLine,
    notices: Sequence[Notice],
    kind: JournalKind,
    *,
    source: int,
    accounts: PaymentAccounts,
    journal_id: UUID,
    value_date: date,
) -> Journal:
    """The line explained by its notices: the contracts for money that came (a deposit, a payment
    that came back), outgoing clearing for money that went.
    """
    transfers = [
        Transfer(debit=source, credit=notice.account_id, amount_satang=notice.amount_satang)
        if line.is_credit
        else Transfer(
            debit=accounts.outgoing_clearing, credit=source, amount_satang=notice.amount_satang
        )
        for notice in notices
    ]
    suspended = line.status is not LineStatus.NEW
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.SUSPENSE_RESOLVED if suspended else kind,
        transfers=tuple(transfers),
        value_date=value_date,
        reference=notices[0].reference,
        narrative=_narrative(line),
    )


def line_unexplained(
    line: BankLine,
    *,
    bank_account: int,
    accounts: PaymentAccounts,
    journal_id: UUID,
    value_date: date,
) -> Journal:
    """Debit bank, credit suspense receipts; or debit suspense payments, credit bank."""
    other = accounts.suspense_receipts if line.is_credit else accounts.suspense_payments
    kind = JournalKind.SUSPENSE_RECEIPT if line.is_credit else JournalKind.SUSPENSE_PAYMENT
    return _bank_and(line, other, kind, bank_account, journal_id, value_date)


def bank_fee(
    line: BankLine,
    *,
    bank_account: int,
    accounts: PaymentAccounts,
    journal_id: UUID,
    value_date: date,
) -> Journal:
    """The bank's charge: debit bank fees, credit bank; a refund of it the other way round."""
    kind = JournalKind.BANK_FEE
    return _bank_and(line, accounts.bank_fees, kind, bank_account, journal_id, value_date)


def _bank_and(
    line: BankLine,
    other: int,
    kind: JournalKind,
    bank_account: int,
    journal_id: UUID,
    value_date: date,
) -> Journal:
    debit, credit = (bank_account, other) if line.is_credit else (other, bank_account)
    return Journal(
        journal_id=journal_id,
        kind=kind,
        transfers=(Transfer(debit=debit, credit=credit, amount_satang=line.amount_satang),),
        value_date=value_date,
        reference=line.bank_reference[:140],
        narrative=_narrative(line),
    )


def _narrative(line: BankLine) -> str:
    return f"{line.bank_code} {line.bank_reference} {line.counterparty}".strip()
