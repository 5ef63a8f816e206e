"""The night's floor: what writing one row a contract costs a server that is asked nothing else.

One `INSERT ... SELECT` from the legs, in the order of their key, into an empty copy of
`products.interest_span` with its key: every value is at hand, nothing is judged, rounded or posted.
The copy is emptied for each run, so its key is smaller and warmer than the book's: the floor is a
little too fast, never too slow.
"""

from __future__ import annotations

import time

from benchmarks.bench import CheckFailed
from benchmarks.night_books import NightBook, superuser

_MAKE = """
CREATE SCHEMA IF NOT EXISTS floor;
CREATE TABLE IF NOT EXISTS floor.interest_span (LIKE products.interest_span INCLUDING ALL);
TRUNCATE floor.interest_span;
CHECKPOINT
"""
_WRITE = """
INSERT INTO floor.interest_span (
    book_id, contract_id, leg, span_no, from_date, made_on, balance_satang, annual_rate_e8,
    year_days, slope_exact, base_exact
)
SELECT
    l.book_id, l.contract_id, l.leg, l.span_no + 1, $1, $1, l.balance_satang, l.annual_rate_e8,
    l.year_days, l.slope_exact, l.base_exact
FROM products.interest_leg AS l
ORDER BY l.contract_id
"""


async def floor_seconds(book: NightBook) -> float:
    """Seconds of one run, a checkpoint before it. Raises `CheckFailed` when rows are missing."""
    async with superuser(book) as connection:
        await connection.execute(_MAKE)
        began = time.perf_counter()
        written = await connection.execute(_WRITE, book.today)
        taken = time.perf_counter() - began
    if written != f"INSERT 0 {book.legs}":
        raise CheckFailed(f"the floor wrote {written}, {book.legs:,} contracts are there")
    return taken
