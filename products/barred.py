"""Accounts that no journal by hand, no file and no stream moves, and what moves them instead.

The night keeps accrued interest, bank statements and payments keep what they stand for, and a
placement is moved by its own events alone: its balance is one principal from date to date.
"""

from __future__ import annotations

from collections.abc import Collection

from ledger.db import Connection
from products.catalogue import controlled_accounts, placement_accounts
from products.payments import banks

BY_NIGHT = "the night"
BY_PAYMENTS = "bank statements and payments"
BY_PLACEMENT = "the events of its placement"


async def barred_accounts(
    connection: Connection, book_id: int, among: Collection[int] | None = None
) -> dict[int, str]:
    """What alone moves an account, by its number: those among these, None = all of the book."""
    found = dict.fromkeys(await placement_accounts(connection, book_id, among), BY_PLACEMENT)
    by_payments = await banks.controlled_accounts(connection, book_id)
    found |= dict.fromkeys(by_payments, BY_PAYMENTS)
    found |= dict.fromkeys(await controlled_accounts(connection, book_id), BY_NIGHT)
    return found
