"""What placements come to in all, against the ledger: sums placed, repriced, paid by nights.

Each comparison of two things that move together is one statement. Sums over the lives that were
lived are compared up to the last date that was proven before they were read: of later ones a night
or a door may have told since.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ
from products.proof.contract_rows import Totals

PLACED = "sums placed are their notes"
REPRICED = "interest repriced is what early ends changed"
CHUNKS = "chunks of the night are their journals"

# An opening is one unit: the account, its journal, its note, numbered in this order.
_PLACED = """
WITH told AS (
    SELECT e.account_id, e.amount_satang, e.business_date, e.recorded_seq - 1 AS recorded_seq,
        l.account_id AS linked_account
    FROM ledger.event AS e
    LEFT JOIN ledger.account AS l
        ON l.book_id = e.book_id AND l.code = e.body::jsonb ->> 'linked'
    WHERE e.book_id = $1 AND e.kind = 151 AND NOT EXISTS (
        SELECT FROM ledger.event AS b
        WHERE b.book_id = e.book_id AND b.subject = e.subject AND b.kind = 131
    )
), moved AS (
    SELECT t.journal_id, t.debit_account, t.credit_account, t.amount_satang, t.business_date,
        t.value_date, t.recorded_seq
    FROM ledger.transfer AS t WHERE t.book_id = $1 AND t.kind = 121
)
SELECT n.account_id, n.amount_satang, n.business_date, n.recorded_seq, n.linked_account,
    m.journal_id, m.credit_account AS paid_to, m.debit_account AS paid_from,
    m.amount_satang AS paid, m.business_date AS paid_on, m.value_date, m.recorded_seq AS paid_seq
FROM told AS n
FULL JOIN moved AS m ON m.credit_account = n.account_id
WHERE (n.account_id, n.amount_satang, n.business_date, n.business_date, n.recorded_seq,
        n.linked_account)
    IS DISTINCT FROM (m.credit_account, m.amount_satang, m.business_date, m.value_date,
        m.recorded_seq, m.debit_account)
ORDER BY n.recorded_seq, m.recorded_seq LIMIT 1000
"""
# What a placement brought along is one opening journal, balanced by whichever account opens it.
_BROUGHT = """
WITH forward AS (
    SELECT t.journal_id, t.line, t.credit_account, t.amount_satang, t.business_date, t.value_date,
        t.recorded_seq
    FROM ledger.transfer AS t WHERE t.book_id = $1 AND t.kind = 1
)
SELECT e.account_id, e.amount_satang, b.amount_satang AS interest, e.business_date,
    e.recorded_seq - 1 AS recorded_seq, p.payable_account, f.amount_satang AS paid,
    f.business_date AS paid_on, f.value_date, f.recorded_seq AS paid_seq,
    i.credit_account AS interest_to, coalesce(i.amount_satang, 0) AS interest_paid
FROM ledger.event AS e
INNER JOIN ledger.event AS b
    ON b.book_id = e.book_id AND b.subject = e.subject AND b.kind = 131
INNER JOIN products.contract AS c ON c.book_id = e.book_id AND c.account_id = e.account_id
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
LEFT JOIN forward AS f ON f.credit_account = e.account_id
LEFT JOIN forward AS i ON i.journal_id = f.journal_id AND i.line <> f.line
WHERE e.book_id = $1 AND e.kind = 151
ORDER BY e.recorded_seq
"""
_REPRICED = """
SELECT debit_account, credit_account, business_date, value_date, sum(amount_satang) AS amount
FROM ledger.transfer
WHERE book_id = $1 AND kind = 124 AND business_date <= $2
GROUP BY debit_account, credit_account, business_date, value_date
"""
_MATURED = """
SELECT business_date, sum(amount_satang)::bigint AS amount FROM products.night_chunk
WHERE book_id = $1 AND step = 'mature' AND business_date <= $2 GROUP BY business_date
"""
_ORPHANS = """
SELECT k.table_name, k.contract_id, count(*) AS rows FROM (
    SELECT 'placement' AS table_name, contract_id FROM products.placement WHERE book_id = $1
    UNION ALL
    SELECT 'term', contract_id FROM products.term WHERE book_id = $1
    UNION ALL
    SELECT 'coupon', contract_id FROM products.coupon WHERE book_id = $1
    UNION ALL
    SELECT 'tax_withheld', contract_id FROM products.tax_withheld WHERE book_id = $1
    UNION ALL
    SELECT 'early_end', contract_id FROM products.early_end WHERE book_id = $1
) AS k
WHERE NOT EXISTS (
    SELECT FROM products.contract AS c
    INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
    WHERE c.book_id = $1 AND c.contract_id = k.contract_id
        AND p.family NOT IN ('savings', 'special_savings')
)
GROUP BY k.table_name, k.contract_id
ORDER BY k.table_name, k.contract_id LIMIT 1000
"""


async def check_placed(
    connection: Connection, book_id: int, proven: date | None, totals: Totals
) -> list[Difference]:
    """Sums placed and brought along, what early ends changed, what nights paid, stray rows."""
    found = await _sums_placed(connection, book_id)
    found += await _brought(connection, book_id)
    for row in await connection.fetch(_ORPHANS, book_id):
        where = f"products.{row['table_name']} of contract {row['contract_id']}"
        told = f"{row['rows']} rows"
        found += differ("terms belong to placements", where, "a placement", told)
    if proven is not None:
        found += await _repriced(connection, book_id, proven, totals)
        found += await _matured(connection, book_id, proven, totals)
    return found


async def _sums_placed(connection: Connection, book_id: int) -> list[Difference]:
    found: list[Difference] = []
    for row in await connection.fetch(_PLACED, book_id):
        where = f"journal {row['journal_id']}, placement in account {row['account_id']}"
        expected: dict[str, object] = {
            "credited": row["account_id"],
            "debited": row["linked_account"],
            "amount_satang": row["amount_satang"],
            "business_date": row["business_date"],
            "value_date": row["business_date"],
            "recorded_seq": row["recorded_seq"],
        }
        told: dict[str, object] = {
            "credited": row["paid_to"],
            "debited": row["paid_from"],
            "amount_satang": row["paid"],
            "business_date": row["paid_on"],
            "value_date": row["value_date"],
            "recorded_seq": row["paid_seq"],
        }
        found += compare(PLACED, where, expected, told)
    return found


async def _brought(connection: Connection, book_id: int) -> list[Difference]:
    found: list[Difference] = []
    for row in await connection.fetch(_BROUGHT, book_id):
        where = f"placement brought along in account {row['account_id']}"
        expected: dict[str, object] = {
            "amount_satang": row["amount_satang"],
            "interest": row["interest"],
            "interest_to": row["payable_account"] if row["interest"] else None,
            "business_date": row["business_date"],
            "value_date": row["business_date"],
            "recorded_seq": row["recorded_seq"],
        }
        told: dict[str, object] = {
            "amount_satang": row["paid"],
            "interest": row["interest_paid"],
            "interest_to": row["interest_to"],
            "business_date": row["paid_on"],
            "value_date": row["value_date"],
            "recorded_seq": row["paid_seq"],
        }
        found += compare(PLACED, where, expected, told)
    return found


async def _repriced(
    connection: Connection, book_id: int, proven: date, totals: Totals
) -> list[Difference]:
    """Signed as accrued interest is: more of it debits expense."""
    expected = {key: amount for key, amount in totals.repriced.items() if key[2] <= proven}
    posted: dict[tuple[int, int, date], int] = defaultdict(int)
    found: list[Difference] = []
    for row in await connection.fetch(_REPRICED, book_id, proven):
        debit, credit, on = row["debit_account"], row["credit_account"], row["business_date"]
        amount = int(row["amount"])
        swapped = (credit, debit, on) in expected
        posted[(credit, debit, on) if swapped else (debit, credit, on)] += (
            -amount if swapped else amount
        )
        where = f"interest repriced, business date {on}"
        found += differ(REPRICED, f"{where}, value date", on, row["value_date"])
    for key in sorted({*expected, *posted}):
        where = "interest repriced, account {} to {}, business date {}".format(*key)
        found += differ(REPRICED, where, expected.get(key, 0), posted.get(key, 0))
    return found


async def _matured(
    connection: Connection, book_id: int, proven: date, totals: Totals
) -> list[Difference]:
    rows = await connection.fetch(_MATURED, book_id, proven)
    chunks: dict[date, int] = {row["business_date"]: row["amount"] for row in rows}
    found: list[Difference] = []
    for on in sorted({*chunks, *totals.matured}):
        if on <= proven:
            where = f"products.night_chunk {on} mature"
            found += differ(CHUNKS, where, totals.matured.get(on, 0), chunks.get(on, 0))
    return found
