"""Fees of withdrawals, counted again from the payment notes of each account, month by month.

A note `notice_paid` counts in the month of its business date. The one that comes after the free
ones of its month has a fee: a row, and a journal of the contract's money to fee income on that
date. What a closing pays out (its notice names who asked) counts and costs nothing.
"""

from __future__ import annotations

from typing import Any

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ

_CHECK = "fees are those of the withdrawals beyond the free ones"
_PAID = """
SELECT e.subject, e.recorded_seq, c.contract_id, c.contract_no, c.account_id, e.business_date,
    to_char(e.business_date, 'YYYY-MM') AS month, t.free_withdrawals, t.fee_satang, t.fee_account,
    f.contract_id AS fee_contract, f.paid_on, f.place, f.amount_satang, f.journal_id,
    EXISTS (
        SELECT FROM ledger.event AS r
        WHERE r.book_id = e.book_id AND r.subject = e.subject AND r.kind = 111
            AND r.body::jsonb ? 'made_by'
    ) AS by_closing
FROM products.savings_terms AS t
INNER JOIN products.contract AS c ON c.book_id = t.book_id AND c.product_code = t.product_code
INNER JOIN ledger.event AS e
    ON e.book_id = c.book_id AND e.account_id = c.account_id AND e.kind = 113
LEFT JOIN products.withdrawal_fee AS f ON f.book_id = e.book_id AND f.notice_id = e.subject
WHERE t.book_id = $1 AND t.fee_account IS NOT NULL
ORDER BY c.contract_id, e.recorded_seq
"""
_JOURNALS = """
SELECT t.journal_id, count(*) AS lines, min(t.debit_account) AS debit,
    min(t.credit_account) AS credit, sum(t.amount_satang)::bigint AS amount,
    min(t.business_date) AS business_date, min(t.value_date) AS value_date
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.kind = 119
GROUP BY t.journal_id
"""
_ROWS = "SELECT f.notice_id, f.journal_id FROM products.withdrawal_fee AS f WHERE f.book_id = $1"

Row = Any
"""An `asyncpg.Record`."""


async def check_withdrawals(connection: Connection, book_id: int) -> list[Difference]:
    """Every fee that is missing, of another amount, posted otherwise, or of no withdrawal."""
    found: list[Difference] = []
    journals = {row["journal_id"]: row for row in await connection.fetch(_JOURNALS, book_id)}
    rows = {row["notice_id"] for row in await connection.fetch(_ROWS, book_id)}
    places: dict[tuple[object, str], int] = {}
    explained = set()
    for paid in await connection.fetch(_PAID, book_id):
        month = (paid["contract_id"], paid["month"])
        places[month] = places.get(month, 0) + 1
        rows.discard(paid["subject"])
        costs = places[month] > paid["free_withdrawals"] and not paid["by_closing"]
        where = f"products.withdrawal_fee of notice {paid['subject']}, {paid['contract_no']}"
        if not costs or paid["journal_id"] is None:
            expected = "a fee" if costs else "none"
            fee = "none" if paid["journal_id"] is None else "a fee"
            found += differ(_CHECK, where, expected, fee)
            continue
        found += _row(paid, places[month], where)
        explained.add(paid["journal_id"])
        found += _journal(paid, journals.get(paid["journal_id"]), where)
    for notice in sorted(rows, key=str):
        where = f"products.withdrawal_fee of notice {notice}"
        found += differ(_CHECK, where, "a withdrawal of a product that charges", "none")
    for journal in sorted(journals.keys() - explained, key=str):
        found += differ(_CHECK, f"fee journal {journal}", "the fee of a withdrawal", "none")
    return found


def _row(paid: Row, place: int, where: str) -> list[Difference]:
    expected = {
        "fee_contract": paid["contract_id"],
        "paid_on": paid["business_date"],
        "place": place,
        "amount_satang": paid["fee_satang"],
    }
    return compare(_CHECK, where, expected, dict(paid))


def _journal(paid: Row, journal: Row | None, where: str) -> list[Difference]:
    expected = {
        "lines": 1,
        "debit": paid["account_id"],
        "credit": paid["fee_account"],
        "amount": paid["fee_satang"],
        "business_date": paid["business_date"],
        "value_date": paid["business_date"],
    }
    found = {} if journal is None else dict(journal)
    return compare(_CHECK, f"{where}: its journal", expected, found)
