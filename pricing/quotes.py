"""The one question the night asks of pricing: which rate is in force, for a product, on a date.

A rate is in force from its sheet's date until the next approved sheet of the same product. For a
fixed pair (date, what is approved) the answer never changes: sheets are never effective before
their approval, so a later approval cannot reach back. What a night used it also keeps, in
`products.day_rate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from ledger.db import Connection, statements
from ledger.errors import NotFound

_SQL = statements(Path(__file__).parent / "sql" / "quotes.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The rate in force and the approved sheet it came from.

    annual_rate_e8: the year's fraction times 10^8, exact.
    effective_from: first date of the sheet, not of the question.
    """

    annual_rate_e8: int
    sheet_id: UUID
    effective_from: date


async def quote(connection: Connection, book_id: int, product_code: str, on: date) -> Quote:
    """The rate of `product_code` on the date `on`.

    Raises `NotFound` naming product and date when no approved sheet is in force by then.
    """
    row = await connection.fetchrow(_SQL["rate_in_force"], book_id, product_code, on)
    if row is None:
        raise NotFound(
            "approved rate", f"of product {product_code} on {on.isoformat()}: approve a rate sheet"
        )
    return Quote(
        annual_rate_e8=row["annual_rate_e8"],
        sheet_id=row["sheet_id"],
        effective_from=row["effective_from"],
    )
