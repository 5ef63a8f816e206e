"""Sub-ledgers against the general ledger: rates, accrual journals, accrued payable, deposits.

Every comparison of two things that move together is one statement, so that postings that arrive
meanwhile are on both sides or on neither.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ
from products.proof.closings import check_stray
from products.proof.contract_rows import Product, Shelf, Totals, read_proven, read_refusals
from products.proof.life import Terms
from products.proof.placement_control import check_placed
from products.proof.placement_rows import read_placed_shelf
from products.proof.rates import USED, read_lines, read_rates

_SHOWN = 1_000

_PRODUCTS = """
SELECT product_code, day_count, rounding, capitalisation_days, gl_deposits, expense_account,
    payable_account, slab_rule, minimum_satang
FROM products.product WHERE book_id = $1
"""
_WITHOUT_ACCOUNT = """
SELECT c.contract_no, c.account_id, c.product_code, a.account_id IS NOT NULL AS has_account,
    p.product_code IS NOT NULL AS has_product
FROM products.contract AS c
LEFT JOIN ledger.account AS a ON a.book_id = c.book_id AND a.account_id = c.account_id
LEFT JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
WHERE c.book_id = $1 AND (a.account_id IS NULL OR p.product_code IS NULL)
ORDER BY c.contract_no LIMIT 1000
"""
_ACCRUAL_JOURNALS = """
SELECT debit_account, credit_account, business_date, value_date, sum(amount_satang) AS amount
FROM ledger.transfer
WHERE book_id = $1 AND kind = 101 AND business_date <= $2
GROUP BY debit_account, credit_account, business_date, value_date
"""
_CREDITS_WITHOUT_ROW = """
SELECT t.recorded_seq, t.journal_id FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.kind IN (102, 103, 122, 125) AND NOT EXISTS (
    SELECT FROM products.capitalisation AS k
    WHERE k.book_id = t.book_id AND k.journal_id = t.journal_id
)
ORDER BY t.recorded_seq LIMIT 1000
"""
# One statement: a chunk's row and its journals are one transaction.
_CHUNKS = """
SELECT business_date, step, coalesce(n.amount, 0)::bigint AS chunks,
    coalesce(j.amount, 0)::bigint AS journals
FROM (
    SELECT business_date, step, sum(amount_satang) AS amount FROM products.night_chunk
    WHERE book_id = $1 AND step IN ('accrue', 'capitalise', 'correct') GROUP BY business_date, step
) AS n
FULL JOIN (
    SELECT t.business_date, k.step, sum(CASE WHEN t.debit_account = ANY(CASE
        WHEN t.kind = 101 THEN p.expenses ELSE p.payables END
    ) THEN t.amount_satang ELSE -t.amount_satang END) AS amount
    FROM ledger.transfer AS t
    CROSS JOIN LATERAL (SELECT CASE
        WHEN t.kind = 102 THEN 'capitalise' WHEN t.value_date < t.business_date THEN 'correct'
        ELSE 'accrue' END AS step
    ) AS k
    CROSS JOIN (
        SELECT array_agg(q.expense_account) AS expenses, array_agg(q.payable_account) AS payables
        FROM products.product AS q WHERE q.book_id = $1
    ) AS p
    WHERE t.book_id = $1 AND t.kind IN (101, 102) GROUP BY t.business_date, k.step
) AS j USING (business_date, step)
WHERE coalesce(n.amount, 0) <> coalesce(j.amount, 0)
ORDER BY business_date, step
"""
_UNEXPLAINED = """
SELECT n.business_date, n.step, n.chunk, e.entry ->> 'contract_id' AS contract_id,
    e.entry ->> 'code' AS code
FROM products.night_chunk AS n
CROSS JOIN LATERAL jsonb_array_elements(n.refused::jsonb) AS e (entry)
LEFT JOIN products.contract AS c
    ON c.book_id = n.book_id AND c.contract_id = (e.entry ->> 'contract_id')::uuid
WHERE n.book_id = $1 AND n.step IN ('mature', 'capitalise', 'correct') AND n.refused <> '[]'
    AND e.entry ->> 'code' <> 'pledged'
    AND NOT EXISTS (
        SELECT FROM ledger.refusal AS r
        INNER JOIN ledger.batch AS b ON b.book_id = r.book_id AND b.batch_no = r.batch_no
        LEFT JOIN LATERAL jsonb_array_elements(r.body::jsonb -> 'transfers') AS t (line) ON TRUE
        WHERE r.book_id = n.book_id AND b.origin = 2 AND b.business_date = n.business_date
            AND r.code = e.entry ->> 'code' AND (
                c.account_id::text IN (t.line ->> 'debit', t.line ->> 'credit')
                OR (n.step = 'mature' AND r.body::jsonb ->> 'reference' = c.contract_no)
            )
    )
ORDER BY n.business_date, n.step, n.chunk
"""
# Each leg was compared with a life; one statement, so that a night that runs is on both sides.
_PAYABLE = """
SELECT a.code, b.credits - b.debits AS ledger, (
    SELECT coalesce(sum(
        products.leg_accrued(l, products.leg_accrued_to(l), p.rounding) - l.credited_satang
    ), 0)
    FROM products.interest_leg AS l
    INNER JOIN products.product AS p
        ON p.book_id = l.book_id AND p.product_code = l.product_code
    WHERE l.book_id = b.book_id AND p.payable_account = b.account_id
)::bigint AS contracts
FROM ledger.balance AS b
INNER JOIN ledger.account AS a ON a.book_id = b.book_id AND a.account_id = b.account_id
WHERE b.book_id = $1 AND b.account_id IN (
    SELECT q.payable_account FROM products.product AS q WHERE q.book_id = $1
)
"""
_DEPOSITS = """
SELECT a.gl_code, sum(b.credits - b.debits)::bigint AS ledger, coalesce(
    sum(b.credits - b.debits) FILTER (WHERE p.gl_deposits = a.gl_code), 0
)::bigint AS contracts
FROM ledger.account AS a
INNER JOIN ledger.balance AS b ON b.book_id = a.book_id AND b.account_id = a.account_id
LEFT JOIN products.contract AS c ON c.book_id = a.book_id AND c.account_id = a.account_id
LEFT JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
WHERE a.book_id = $1 AND (c.contract_id IS NOT NULL OR a.gl_code IN (
    SELECT q.gl_deposits FROM products.product AS q WHERE q.book_id = $1
))
GROUP BY a.gl_code
"""
_ORPHANS = """
SELECT table_name, contract_id, leg, rows FROM (
    SELECT 'interest_span' AS table_name, contract_id, leg, count(*) AS rows
    FROM products.interest_span WHERE book_id = $1 GROUP BY contract_id, leg
    UNION ALL
    SELECT 'capitalisation', contract_id, 1, count(*)
    FROM products.capitalisation WHERE book_id = $1 GROUP BY contract_id
    UNION ALL
    SELECT 'interest_leg', contract_id, leg, count(*)
    FROM products.interest_leg WHERE book_id = $1 GROUP BY contract_id, leg
) AS k
WHERE k.leg <> 1 OR NOT EXISTS (
    SELECT FROM products.contract AS c
    WHERE c.book_id = $1 AND c.contract_id = k.contract_id
)
"""


async def read_shelf(connection: Connection, book_id: int) -> tuple[Shelf, list[Difference]]:
    """Products, the rates that nights used (checked against approved sheets), and refusals."""
    proven = await read_proven(connection, book_id)
    products = {
        row["product_code"]: Product(
            terms=Terms(
                product_code=row["product_code"],
                day_count=row["day_count"],
                rounding=row["rounding"],
                ends=frozenset(row["capitalisation_days"]),
                slab_rule=row["slab_rule"],
                minimum=row["minimum_satang"],
            ),
            expense_account=row["expense_account"],
            payable_account=row["payable_account"],
            gl_deposits=row["gl_deposits"],
        )
        for row in await connection.fetch(_PRODUCTS, book_id)
    }
    lines, found = await read_lines(connection, book_id)
    rates, wrong = await read_rates(connection, book_id, lines)
    found += wrong
    for row in await connection.fetch(_WITHOUT_ACCOUNT, book_id):
        where = f"products.contract {row['contract_no']}"
        expected: dict[str, object] = {
            "account_id": row["account_id"],
            "product_code": row["product_code"],
        }
        there = {
            "account_id": row["account_id"] if row["has_account"] else None,
            "product_code": row["product_code"] if row["has_product"] else None,
        }
        found += compare("contracts have account and product", where, expected, there)
    terms = {code: product.terms for code, product in products.items()}
    shelf = Shelf(
        products=products,
        rates=rates,
        placed=await read_placed_shelf(connection, book_id, terms, lines),
        proven=proven,
        # Before the contracts: a refusal recorded later is of a night that is not proven.
        refused=await read_refusals(connection, book_id),
    )
    return shelf, found


async def check_control(
    connection: Connection, book_id: int, shelf: Shelf, totals: Totals
) -> list[Difference]:
    """What the contracts add up to, against journals and balances of the ledger."""
    found = await _accrual_journals(connection, book_id, totals)
    found += await check_placed(connection, book_id, shelf.proven, totals)
    for code, on in sorted(totals.without_rate)[:_SHOWN]:
        where = f"products.day_rate {code} {on}"
        found += differ(USED, where, "the rate of a night", "no row")
    for row in await connection.fetch(_CREDITS_WITHOUT_ROW, book_id):
        where = f"ledger.transfer {row['recorded_seq']}, journal {row['journal_id']}"
        found += differ("capitalisations are their journals", where, "a capitalisation", "none")
    found += await check_stray(connection, book_id)
    found += await _night_chunks(connection, book_id)
    for row in await connection.fetch(_PAYABLE, book_id):
        where = f"ledger.balance account {row['code']}"
        check = "accrued payable is accrued less credited"
        found += differ(check, where, row["contracts"], row["ledger"])
    for row in await connection.fetch(_DEPOSITS, book_id):
        where = f"GL code {row['gl_code']}"
        check = "contracts add up to their control account"
        found += differ(check, where, row["contracts"], row["ledger"])
    for row in await connection.fetch(_ORPHANS, book_id):
        where = f"products.{row['table_name']} of contract {row['contract_id']}"
        told = f"{row['rows']} rows of leg {row['leg']}"
        found += differ("interest belongs to contracts", where, "a contract with that leg", told)
    return found


async def _night_chunks(connection: Connection, book_id: int) -> list[Difference]:
    found: list[Difference] = []
    for row in await connection.fetch(_CHUNKS, book_id):
        where = f"products.night_chunk {row['business_date']} {row['step']}"
        check = "chunks of the night are their journals"
        found += differ(check, where, row["journals"], row["chunks"])
    for row in await connection.fetch(_UNEXPLAINED, book_id):
        where = (
            f"products.night_chunk {row['business_date']} {row['step']} {row['chunk']}, "
            f"contract {row['contract_id']}"
        )
        expected = f"a refusal {row['code']} on record"
        found += differ("refusals of the night are on record", where, expected, "none")
    return found


async def _accrual_journals(
    connection: Connection, book_id: int, totals: Totals
) -> list[Difference]:
    if totals.through is None:
        return []
    expected = {
        key: amount for key, amount in totals.posted.items() if amount and key[2] <= totals.through
    }
    pairs = {key[:2] for key in totals.posted}
    posted: dict[tuple[int, int, date, date], int] = defaultdict(int)
    for row in await connection.fetch(_ACCRUAL_JOURNALS, book_id, totals.through):
        debit, credit, amount = row["debit_account"], row["credit_account"], int(row["amount"])
        dates = (row["business_date"], row["value_date"])
        if (credit, debit) in pairs:
            posted[credit, debit, *dates] -= amount
        else:
            posted[debit, credit, *dates] += amount
    found: list[Difference] = []
    for key in sorted({*expected, *posted}):
        where = "accrual journals, account {} to {}, business date {}, value date {}".format(*key)
        wanted = expected.get(key, 0)
        found += differ("accrual journals are the contracts' sum", where, wanted, posted[key])
    return found
