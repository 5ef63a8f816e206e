"""What both exports read: accounts, journals in slices, and the balances to assert.

Everything stops at one number, the head's or one asked for: journals up to it, and the balances of
the date as known at it. Debits are positive in both formats, so a balance of ours (credits -
debits) changes its sign on the way out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger import asof
from ledger.asof import Axis
from ledger.db import Connection
from ledger.errors import NotFound

NUMBERS_AT_ONCE = 5_000

_BOOK = "SELECT b.code, b.name_en, b.currency FROM ledger.book AS b WHERE b.book_id = $1"
# An adjustment may carry a date before its account was opened: both programs want it open by then.
_ACCOUNTS = """
SELECT a.account_id, a.code, a.gl_code, a.name_en, o.opened_on
FROM ledger.account AS a
CROSS JOIN LATERAL (
    SELECT least(a.opened_on, (
        SELECT m.business_date FROM ledger.movement AS m
        WHERE m.book_id = a.book_id AND m.account_id = a.account_id AND m.batch_no <= $4
        ORDER BY m.business_date LIMIT 1
    )) AS opened_on
) AS o
WHERE a.book_id = $1 AND a.opened_seq <= $2 AND o.opened_on <= $3
ORDER BY a.gl_code, a.code
"""
_TRANSFERS = """
SELECT t.recorded_seq, t.line, t.journal_id, k.code AS kind, t.business_date, t.value_date,
    t.actor, t.reference, t.narrative, t.debit_account, t.credit_account, t.amount_satang
FROM ledger.transfer AS t LEFT JOIN ledger.journal_kind AS k ON k.kind = t.kind
WHERE t.book_id = $1 AND t.recorded_seq > $2 AND t.recorded_seq <= $3 AND t.business_date <= $4
ORDER BY t.recorded_seq, t.line
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
    accounts: dict[int, Account]
    debit_balances: dict[int, int]


async def read_record(
    connection: Connection, book_id: int, through: date | None, known_at: int | None = None
) -> Record:
    """Pin a number (None: the head's) and read what is small; `through` None = the date then.

    Raises `NotFound` when there is no such book, `InvalidInput` for a number not given out yet.
    """
    book = await connection.fetchrow(_BOOK, book_id)
    if book is None:
        raise NotFound("book", book_id)
    at = await asof.pin(connection, book_id, known_at)
    last = at.last_day if through is None else min(through, at.last_day)
    upto = max(at.batch_no, at.cut_batch_no)
    accounts = await connection.fetch(_ACCOUNTS, book_id, at.known_at, last, upto)
    numbers = [row["account_id"] for row in accounts]
    balances = await asof.balances_at(connection, at, numbers, on=last, axis=Axis.BUSINESS)
    return Record(
        book_id=book_id,
        code=book["code"],
        name=book["name_en"],
        currency=book["currency"],
        through=last,
        to_seq=at.known_at,
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
        debit_balances={number: -found.balance_satang for number, found in balances.items()},
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
