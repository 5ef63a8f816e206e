"""What both exports read: accounts, journals in slices, and the balances to assert.

Everything stops at one number of the head, read once at the start: journals up to it, and balances
from the movements of the batches up to it. Debits are positive in both formats, so a balance of
ours (credits - debits) changes its sign on the way out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.db import Connection
from ledger.errors import NotFound

NUMBERS_AT_ONCE = 5_000

_HEAD = """
SELECT b.code, b.name_en, b.currency, b.opened_on, h.recorded_seq, h.batch_no, h.business_date
FROM ledger.book AS b INNER JOIN ledger.book_head AS h ON h.book_id = b.book_id
WHERE b.book_id = $1
"""
_ACCOUNTS = """
SELECT account_id, code, gl_code, name_en, opened_on FROM ledger.account
WHERE book_id = $1 AND opened_seq <= $2 AND opened_on <= $3
ORDER BY gl_code, code
"""
_TRANSFERS = """
SELECT t.recorded_seq, t.line, t.journal_id, k.code AS kind, t.business_date, t.value_date,
    t.actor, t.reference, t.narrative, t.debit_account, t.credit_account, t.amount_satang
FROM ledger.transfer AS t LEFT JOIN ledger.journal_kind AS k ON k.kind = t.kind
WHERE t.book_id = $1 AND t.recorded_seq > $2 AND t.recorded_seq <= $3 AND t.business_date <= $4
ORDER BY t.recorded_seq, t.line
"""
_BALANCES = """
SELECT account_id, sum(debits) - sum(credits) AS balance FROM ledger.movement
WHERE book_id = $1 AND batch_no <= $2 AND business_date <= $3
GROUP BY account_id
"""

Row = Any
"""An `asyncpg.Record`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account to be named in an export; `opened_on` is a business date."""

    account_id: int
    code: str
    gl_code: str
    name: str
    opened_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The part of a book that one export writes: everything up to `to_seq` and `through`."""

    book_id: int
    code: str
    name: str
    currency: str
    through: date
    to_seq: int
    to_batch: int
    accounts: dict[int, Account]
    debit_balances: dict[int, int]


async def read_record(connection: Connection, book_id: int, through: date | None) -> Record:
    """Pin the head and read what is small; `through` None = the head's business date.

    Raises `NotFound` when there is no such book.
    """
    head = await connection.fetchrow(_HEAD, book_id)
    if head is None:
        raise NotFound("book", book_id)
    last = head["business_date"] if through is None else min(through, head["business_date"])
    accounts = await connection.fetch(_ACCOUNTS, book_id, head["recorded_seq"], last)
    balances = await connection.fetch(_BALANCES, book_id, head["batch_no"], last)
    return Record(
        book_id=book_id,
        code=head["code"],
        name=head["name_en"],
        currency=head["currency"],
        through=last,
        to_seq=head["recorded_seq"],
        to_batch=head["batch_no"],
        accounts={
            row["account_id"]: Account(
                account_id=row["account_id"],
                code=row["code"],
                gl_code=row["gl_code"],
                name=row["name_en"],
                opened_on=row["opened_on"],
            )
            for row in accounts
        },
        debit_balances={row["account_id"]: int(row["balance"]) for row in balances},
    )


async def journals(connection: Connection, record: Record) -> AsyncIterator[list[Row]]:
    """The transfers of each journal in order of its number, a slice in memory at a time."""
    after = 0
    while after < record.to_seq:
        until = min(after + NUMBERS_AT_ONCE, record.to_seq)
        rows = await connection.fetch(_TRANSFERS, record.book_id, after, until, record.through)
        start = 0
        for stop in range(1, len(rows) + 1):
            if stop == len(rows) or rows[stop][0] != rows[start][0]:
                yield rows[start:stop]
                start = stop
        after = until
