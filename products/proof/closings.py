"""Closings of contracts as the record tells them: when, how long, and what interest they paid.

Read from the ledger's own events (an account closed, an account opened again) and from the journals
that the closing names; the contract's row is not asked. A closing and its undoing are told in the
order of their numbers, so that one contract may be closed and opened again many times.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from ledger.db import Connection
from ledger.proof.report import Difference, differ

_CLOSINGS = """
SELECT e.account_id, e.business_date AS closed_on, r.business_date AS reopened_on,
    coalesce((
        SELECT sum(CASE WHEN t.credit_account = e.account_id THEN t.amount_satang
            ELSE -t.amount_satang END)
        FROM ledger.transfer AS t
        INNER JOIN products.product AS p ON p.book_id = t.book_id
            AND p.product_code = c.product_code
            AND p.payable_account IN (t.debit_account, t.credit_account)
        WHERE t.book_id = e.book_id AND t.kind = 104
            AND e.account_id IN (t.debit_account, t.credit_account)
            AND t.journal_id IN (
                SELECT k.id::uuid
                FROM jsonb_array_elements_text(e.body::jsonb -> 'settled_by') AS k (id)
            )
    ), 0)::bigint AS paid
FROM ledger.event AS e
INNER JOIN products.contract AS c ON c.book_id = e.book_id AND c.account_id = e.account_id
LEFT JOIN LATERAL (
    SELECT o.business_date FROM ledger.event AS o
    WHERE o.book_id = e.book_id AND o.account_id = e.account_id AND o.kind = 16
        AND o.recorded_seq > e.recorded_seq
    ORDER BY o.recorded_seq LIMIT 1
) AS r ON TRUE
WHERE e.book_id = $1 AND e.kind = 14 AND e.account_id = ANY($2::integer[])
ORDER BY e.recorded_seq
"""
_STRAY = """
SELECT t.recorded_seq, t.journal_id FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.kind IN (104, 105, 123) AND NOT EXISTS (
    SELECT FROM ledger.event AS e
    WHERE e.book_id = t.book_id AND e.kind = 14
        AND e.account_id IN (t.debit_account, t.credit_account)
        AND e.recorded_seq > t.recorded_seq AND e.business_date = t.business_date
        AND t.value_date = t.business_date
        AND e.body::jsonb -> 'settled_by' ? t.journal_id::text
)
ORDER BY t.recorded_seq LIMIT 1000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One closing of a contract; `reopened_on` None = it stands. `paid` is interest, in satang."""

    closed_on: date
    reopened_on: date | None
    paid: int


async def read_closings(
    connection: Connection, book_id: int, accounts: list[int]
) -> dict[int, list[Closing]]:
    """The closings of each account, in order."""
    found: dict[int, list[Closing]] = defaultdict(list)
    for row in await connection.fetch(_CLOSINGS, book_id, accounts):
        found[row["account_id"]].append(
            Closing(closed_on=row["closed_on"], reopened_on=row["reopened_on"], paid=row["paid"])
        )
    return found


async def check_stray(connection: Connection, book_id: int) -> list[Difference]:
    """Interest paid, balances swept, principals paid out at a closing are named by it."""
    found: list[Difference] = []
    for row in await connection.fetch(_STRAY, book_id):
        where = f"ledger.transfer {row['recorded_seq']}, journal {row['journal_id']}"
        found += differ("closings name their journals", where, "a closing that names it", "none")
    return found
