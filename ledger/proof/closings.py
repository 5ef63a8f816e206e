"""Proven days, compared: closing counters of the accounts that moved, and the control totals.

When the model passes the number that proved a day, everything of that business date has been
replayed: the doors' postings and every night's own. The day's snapshot and totals were written
before that number and never change, so they are read then and compared with the sums that the
transfers give. What was compared is folded into the closing counters of each account; memory grows
with accounts and open days, not with transfers.
"""

from __future__ import annotations

from datetime import date

from ledger.db import Connection
from ledger.proof.model import Model, Moved
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import Row

_SNAPSHOT = """
SELECT account_id, debits, credits FROM ledger.snapshot WHERE book_id = $1 AND business_date = $2
"""
_TOTALS = """
SELECT gl_code, debits, credits FROM ledger.day_total WHERE book_id = $1 AND business_date = $2
"""
_STRAY_DATES = """
SELECT 'snapshot' AS table_name, s.business_date, count(*) AS rows FROM ledger.snapshot AS s
WHERE s.book_id = $1 AND NOT EXISTS (
    SELECT FROM ledger.day AS d
    WHERE d.book_id = s.book_id AND d.business_date = s.business_date AND d.state >= 2
) GROUP BY s.business_date
UNION ALL
SELECT 'day_total', t.business_date, count(*) FROM ledger.day_total AS t
WHERE t.book_id = $1 AND NOT EXISTS (
    SELECT FROM ledger.day AS d
    WHERE d.book_id = t.book_id AND d.business_date = t.business_date AND d.state >= 2
) GROUP BY t.business_date
"""


class Closings:
    """Closing counters of every account by business date, up to the last day compared."""

    def __init__(self) -> None:
        self._closing: dict[int, Moved] = {}
        self._by_code: dict[str, Moved] = {}

    async def check(
        self, connection: Connection, book_id: int, model: Model, day: date
    ) -> list[Difference]:
        """Compare a day that has just been proven; days come in order."""
        moved = model.by_date.pop(day, {})
        for account_id, sums in moved.items():
            closing = self._closing.setdefault(account_id, Moved())
            code = str(model.accounts[account_id].facts.get("gl_code"))
            total = self._by_code.setdefault(code, Moved())
            for counters in (closing, total):
                counters.debits += sums.debits
                counters.credits += sums.credits
        snapshot = await connection.fetch(_SNAPSHOT, book_id, day)
        totals = await connection.fetch(_TOTALS, book_id, day)
        expected = {str(account_id): self._closing[account_id] for account_id in moved}
        found = _rows(
            "snapshots are the closing counters",
            f"ledger.snapshot {day} account",
            {str(row["account_id"]): row for row in snapshot},
            expected,
        )
        return found + _rows(
            "day totals are the trial balance",
            f"ledger.day_total {day} code",
            {row["gl_code"]: row for row in totals},
            self._by_code,
        )


async def check_stray_dates(connection: Connection, book_id: int) -> list[Difference]:
    """No snapshot or total belongs to a date that is not cut off."""
    found: list[Difference] = []
    for row in await connection.fetch(_STRAY_DATES, book_id):
        where = f"ledger.{row['table_name']} {row['business_date']}"
        found += differ("closings belong to days cut off", where, "no rows", f"{row['rows']} rows")
    return found


def _rows(
    check: str, where: str, rows: dict[str, Row], expected: dict[str, Moved]
) -> list[Difference]:
    found: list[Difference] = []
    for key, counters in expected.items():
        row = rows.pop(key, None)
        if row is None:
            found += differ(check, f"{where} {key}", "a row", "none")
            continue
        wanted: dict[str, object] = {"debits": counters.debits, "credits": counters.credits}
        stored: dict[str, object] = {name: int(row[name]) for name in wanted}
        found += compare(check, f"{where} {key}", wanted, stored)
    for key in rows:
        found += differ(check, f"{where} {key}", "no row", "a row")
    return found
