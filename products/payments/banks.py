"""The Facility's own accounts at banks, and the accounts on which payments wait.

Each bank account stands on one account of the book; what comes in or goes out without a known
reason waits on suspense, a payment that was ordered waits on outgoing clearing until the bank has
debited it. Rows are written once, when a book is set up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from uuid import UUID

from ledger.db import Connection, statements
from ledger.errors import NotFound
from ledger.posting.columns import literal_of_ids

SQL = statements(Path(__file__).parent / "sql" / "bank.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """One account at a bank.

    account_no:          as the bank's statements name it.
    account_id:          the account of the book that mirrors it: minus what the bank owes us.
    opening_sequence_no: number of the last statement before the book opened.
    opening_satang:      the closing balance of that statement.
    """

    bank_code: str
    bank_no: str
    account_no: str
    name_th: str
    name_en: str
    account_id: int
    opening_sequence_no: int
    opening_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAccounts:
    """Where unexplained credits and debits, ordered payments and bank fees are posted."""

    suspense_receipts: int
    suspense_payments: int
    outgoing_clearing: int
    bank_fees: int


async def add_bank_account(connection: Connection, book_id: int, bank: BankAccount) -> None:
    """Register a bank account; its account of the book must exist. Never changed afterwards."""
    await connection.execute(
        SQL["add_bank_account"],
        book_id,
        bank.bank_code,
        bank.bank_no,
        bank.account_no,
        bank.name_th,
        bank.name_en,
        bank.account_id,
        bank.opening_sequence_no,
        bank.opening_satang,
    )


async def set_payment_accounts(
    connection: Connection, book_id: int, accounts: PaymentAccounts
) -> None:
    """Name the accounts on which payments wait; once a book."""
    await connection.execute(
        SQL["set_payment_accounts"],
        book_id,
        accounts.suspense_receipts,
        accounts.suspense_payments,
        accounts.outgoing_clearing,
        accounts.bank_fees,
    )


async def bank_accounts(connection: Connection, book_id: int) -> dict[str, BankAccount]:
    """The bank accounts of a book by bank code, in order of the code."""
    rows = await connection.fetch(SQL["bank_accounts"], book_id)
    return {row["bank_code"]: BankAccount(**dict(row)) for row in rows}


async def controlled_accounts(connection: Connection, book_id: int) -> frozenset[int]:
    """Accounts that only lines of the bank and payments of notices may move.

    The banks' own, suspense and outgoing clearing: each satang on them is a line or a notice. Moved
    by hand, the same money of the bank could be credited twice.
    """
    rows = await connection.fetch(SQL["controlled_accounts"], book_id)
    return frozenset(row["account_id"] for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The head's dates, and what `payment_accounts` and `bank_accounts` answer.

    refused: remembered refusals of the events asked about, (event, code), oldest first.
    """

    business_date: date
    value_date_floor: date
    accounts: PaymentAccounts
    banks: dict[str, BankAccount]
    refused: tuple[tuple[UUID, str], ...]


async def standing(connection: Connection, book_id: int, events: Sequence[UUID]) -> Standing:
    """All of it in one round trip. Raises `NotFound` until the accounts have been named."""
    rows = await connection.fetch(SQL["standing"], book_id, literal_of_ids(events))
    if not rows:
        raise NotFound("payment accounts of book", book_id)
    first = rows[0]
    return Standing(
        business_date=first["business_date"],
        value_date_floor=first["value_date_floor"],
        accounts=PaymentAccounts(**{name: first[name] for name in _ACCOUNTS}),
        banks={
            row["bank_code"]: BankAccount(**{name: row[name] for name in _BANK})
            for row in rows
            if row["bank_code"] is not None
        },
        refused=tuple(zip(first["refused_events"], first["refused_codes"], strict=True)),
    )


_ACCOUNTS = tuple(field.name for field in fields(PaymentAccounts))
_BANK = tuple(field.name for field in fields(BankAccount))


async def payment_accounts(connection: Connection, book_id: int) -> PaymentAccounts:
    """The accounts on which payments wait. Raises `NotFound` until they have been named."""
    row = await connection.fetchrow(SQL["payment_accounts"], book_id)
    if row is None:
        raise NotFound("payment accounts of book", book_id)
    return PaymentAccounts(**dict(row))
