"""Journals of placements: the executable form of their rows in docs/accounting.md.

Pure functions from an event's facts to a `Journal`. What a placement pays or takes carries the
business date as its value date, so that its balance is the same by both.
"""

from __future__ import annotations

from uuid import UUID

from ledger.posting.values import Journal, Transfer
from products.catalogue import Product
from products.kinds import JournalKind
from products.withholding import Withheld


def placed(
    journal_id: UUID, linked: int, account_id: int, contract_no: str, amount_satang: int
) -> Journal:
    """The sum that begins a placement, from the member's savings."""
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.PLACEMENT,
        transfers=(Transfer(debit=linked, credit=account_id, amount_satang=amount_satang),),
        reference=contract_no,
        narrative=f"Placed in {contract_no}",
    )


def interest_paid(
    journal_id: UUID,
    product: Product,
    tax_account: int,
    to_account: int,
    contract_no: str,
    paid: Withheld,
) -> Journal:
    """Accrued interest paid: the net amount to the account named, the tax to its own.

    Our own interest moves whatever limits say.
    """
    parts = ((to_account, paid.net_satang), (tax_account, paid.tax_satang))
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.PLACEMENT_INTEREST,
        transfers=tuple(
            Transfer(debit=product.payable_account, credit=account, amount_satang=amount)
            for account, amount in parts
            if amount
        ),
        reference=contract_no,
        narrative=f"Interest of {contract_no}",
        may_exceed_limit=True,
    )


def paid_out(
    journal_id: UUID, account_id: int, to_account: int, contract_no: str, amount_satang: int
) -> Journal:
    """The principal, back to the member's savings."""
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.PLACEMENT_PAID_OUT,
        transfers=(Transfer(debit=account_id, credit=to_account, amount_satang=amount_satang),),
        reference=contract_no,
        narrative=f"Principal of {contract_no} paid out",
    )


def repriced(journal_id: UUID, product: Product, contract_no: str, amount_satang: int) -> Journal:
    """By how much an early end changes the interest accrued: below zero it was too much."""
    expense, payable = product.expense_account, product.payable_account
    debit, credit = (expense, payable) if amount_satang > 0 else (payable, expense)
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.PLACEMENT_REPRICED,
        transfers=(Transfer(debit=debit, credit=credit, amount_satang=abs(amount_satang)),),
        reference=contract_no,
        narrative=f"Interest of {contract_no} ended early",
        may_exceed_limit=True,
    )


def clawed_back(
    journal_id: UUID, product: Product, account_id: int, contract_no: str, amount_satang: int
) -> Journal:
    """Interest that was paid before and is not earned after all, from the principal."""
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.PLACEMENT_CLAWED_BACK,
        transfers=(
            Transfer(debit=account_id, credit=product.payable_account, amount_satang=amount_satang),
        ),
        reference=contract_no,
        narrative=f"Interest paid too much for {contract_no}, taken from the principal",
    )
