"""The rates that nights used, against the approved sheets and their lines.

A night keeps which sheet was in force on its date; the newest approved one by then must be it. What
a date pays by slab stands in the sheet's lines: the first begins at zero, at the sheet's own rate.
The lives of contracts are priced with the lines of the right sheet, so a line that was changed
shows in every span that it prices.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import UUID

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ
from products.proof.life import Lines

USED = "rates are the approved sheets'"
LINES = "approved sheets have their lines"

_RATES = """
SELECT r.product_code, r.business_date, r.annual_rate_e8, r.sheet_id, s.sheet_id AS right_sheet,
    s.annual_rate_e8 AS right_rate
FROM products.day_rate AS r
LEFT JOIN LATERAL (
    SELECT t.sheet_id, t.annual_rate_e8 FROM pricing.rate_sheet AS t
    WHERE t.book_id = r.book_id AND t.product_code = r.product_code AND t.state = 2
        AND t.effective_from <= r.business_date
    ORDER BY t.effective_from DESC LIMIT 1
) AS s ON TRUE
WHERE r.book_id = $1
"""
_LINES = """
SELECT sheet_id, l.slab_from_satang, l.annual_rate_e8, s.annual_rate_e8 AS sheet_rate,
    s.state AS sheet_state
FROM (SELECT * FROM pricing.rate_line WHERE book_id = $1) AS l
FULL JOIN (SELECT * FROM pricing.rate_sheet WHERE book_id = $1) AS s USING (sheet_id)
ORDER BY sheet_id, l.slab_from_satang
"""


async def read_lines(
    connection: Connection, book_id: int
) -> tuple[dict[UUID, Lines], list[Difference]]:
    """The lines of each sheet, and sheets that have not those that they should have."""
    lines: dict[UUID, Lines] = defaultdict(tuple)
    found: list[Difference] = []
    sheets: dict[UUID, Any] = {}
    for row in await connection.fetch(_LINES, book_id):
        sheet_id, begins = row["sheet_id"], row["slab_from_satang"]
        sheets[sheet_id] = row
        if begins is not None:
            lines[sheet_id] += ((begins, row["annual_rate_e8"]),)
        if row["sheet_state"] is None:
            where = f"pricing.rate_line {sheet_id} {begins}"
            found += differ(LINES, where, "a rate sheet", "none")
    for sheet_id, sheet in sheets.items():
        if sheet["sheet_state"] == 2:
            first = lines[sheet_id][0] if lines[sheet_id] else None
            expected = (0, sheet["sheet_rate"])
            found += differ(LINES, f"pricing.rate_line {sheet_id} 0", expected, first)
    return lines, found


async def read_rates(
    connection: Connection, book_id: int, lines: dict[UUID, Lines]
) -> tuple[dict[str, dict[date, Lines]], list[Difference]]:
    """The lines that were right on each date of each product, and what nights used otherwise."""
    found: list[Difference] = []
    rates: dict[str, dict[date, Lines]] = defaultdict(dict)
    for row in await connection.fetch(_RATES, book_id):
        on, code = row["business_date"], row["product_code"]
        # Work goes on with the right sheet: the night should have used it.
        told = lines.get(row["right_sheet"] or row["sheet_id"])
        rates[code][on] = told or ((0, row["annual_rate_e8"]),)
        expected: dict[str, object] = {
            "annual_rate_e8": row["right_rate"],
            "sheet_id": row["right_sheet"],
        }
        used = {name: row[name] for name in expected}
        found += compare(USED, f"products.day_rate {code} {on}", expected, used)
    return rates, found
