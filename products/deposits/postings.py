"""Journals of savings interest: the executable form of the night's rows in docs/accounting.md.

Pure functions from an event's facts to a `Journal`. Amounts are differences and may be negative: a
negative one turns the two accounts round, since a transfer's amount is always positive.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from ledger.posting.values import Journal, Transfer
from products.catalogue import Product
from products.kinds import JournalKind


def accrual(journal_id: UUID, product: Product, value_date: date, amount_satang: int) -> Journal:
    """Interest of one date: expense to accrued payable; the other way when it was too much."""
    return _interest(
        journal_id,
        JournalKind.INTEREST_ACCRUAL,
        product,
        _signed(product.expense_account, product.payable_account, amount_satang),
        value_date,
        f"Interest of {value_date.isoformat()}",
    )


def capitalisation(
    journal_id: UUID, product: Product, account_id: int, period_end: date, amount_satang: int
) -> Journal:
    """Accrued interest credited to the contract at a period's end, with that value date."""
    return _interest(
        journal_id,
        JournalKind.INTEREST_CAPITALISATION,
        product,
        _signed(product.payable_account, account_id, amount_satang),
        period_end,
        f"Interest credited to {period_end.isoformat()}",
    )


def capitalisation_correction(
    journal_id: UUID, product: Product, account_id: int, period_end: date, amount_satang: int
) -> Journal:
    """What an earlier capitalisation should have been more (or less), with its own value date."""
    return _interest(
        journal_id,
        JournalKind.CAPITALISATION_CORRECTION,
        product,
        _signed(product.payable_account, account_id, amount_satang),
        period_end,
        f"Correction of interest credited to {period_end.isoformat()}",
    )


def interest_at_closing(
    journal_id: UUID, product: Product, account_id: int, on: date, amount_satang: int
) -> Journal:
    """All interest accrued and not credited, paid to the contract as it closes."""
    return _interest(
        journal_id,
        JournalKind.INTEREST_AT_CLOSING,
        product,
        _signed(product.payable_account, account_id, amount_satang),
        on,
        f"Interest to {on.isoformat()}, paid at closing",
    )


def closing_sweep(
    journal_id: UUID, account_id: int, to_account_id: int, contract_no: str, amount_satang: int
) -> Journal:
    """What is left of a contract that closes, to another account of its member."""
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.CLOSING_SWEEP,
        transfers=(Transfer(debit=account_id, credit=to_account_id, amount_satang=amount_satang),),
        reference=contract_no,
        narrative=f"Balance of {contract_no} at its closing",
    )


def _interest(
    journal_id: UUID,
    kind: JournalKind,
    product: Product,
    transfer: Transfer,
    value_date: date,
    narrative: str,
) -> Journal:
    """Our own interest moves whatever limits say; its value date is the day that it belongs to."""
    return Journal(
        journal_id=journal_id,
        kind=kind,
        transfers=(transfer,),
        value_date=value_date,
        reference=product.product_code,
        narrative=narrative,
        may_exceed_limit=True,
    )


def _signed(debit: int, credit: int, amount_satang: int) -> Transfer:
    if amount_satang < 0:
        return Transfer(debit=credit, credit=debit, amount_satang=-amount_satang)
    return Transfer(debit=debit, credit=credit, amount_satang=amount_satang)
