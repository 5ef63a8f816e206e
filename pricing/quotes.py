"""The one question the night asks of pricing: which rates are in force, for a product, on a date.

A sheet is in force from its date until the next approved sheet of the same product. For a fixed
pair (date, what is approved) the answer never changes: sheets are never effective before their
approval, so a later approval cannot reach back, and a sheet's lines never change. Which sheet a
night used it also keeps, in `products.day_rate`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from ledger.db import Connection, statements
from ledger.errors import NotFound, ensure
from pricing.rate_lines import RateLine, slabs_of
from pricing.slabs import SlabBasis, Slabs

_SQL = statements(Path(__file__).parent / "sql" / "quotes.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The approved sheet in force and its rates.

    annual_rate_e8: of the slab from zero: the year's fraction times 10^8, exact.
    effective_from: first date of the sheet, not of the question.
    lines:          every slab's rate, lowest first.
    """

    annual_rate_e8: int
    sheet_id: UUID
    effective_from: date
    lines: tuple[RateLine, ...]

    def slabs(self, basis: SlabBasis) -> Slabs:
        """The rates by balance, for what computes; `basis` is the product's slab rule."""
        return slabs_of(self.lines, basis)

    def rate_e8_of(self, amount_satang: int) -> int:
        """The rate of the slab that an amount of zero or more reaches."""
        return self.slabs(SlabBasis.WHOLE).reached(amount_satang).annual_rate_e8


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedSheet:
    """Where rates come from: a sheet, who drafted it, who approved it and when; its lines."""

    sheet_id: UUID
    effective_from: date
    made_by: str
    approved_by: str
    approved_on: date
    lines: tuple[RateLine, ...]


async def quote(connection: Connection, book_id: int, product_code: str, on: date) -> Quote:
    """The rates of `product_code` on the date `on`.

    Raises `NotFound` naming product and date when no approved sheet is in force by then.
    """
    row = await connection.fetchrow(_SQL["sheet_in_force"], book_id, product_code, on)
    if row is None:
        raise NotFound(
            "approved rate", f"of product {product_code} on {on.isoformat()}: approve a rate sheet"
        )
    sheet_id: UUID = row["sheet_id"]
    return Quote(
        annual_rate_e8=row["annual_rate_e8"],
        sheet_id=sheet_id,
        effective_from=row["effective_from"],
        lines=(await lines_of(connection, book_id, [sheet_id]))[sheet_id],
    )


async def quotes_between(
    connection: Connection, book_id: int, product_code: str, start: date, stop: date
) -> list[Quote]:
    """The sheets in force on the dates [start, stop), oldest first; each until the next begins.

    Dates before the first of them have no rate.
    """
    rows = await connection.fetch(_SQL["sheets_in_force"], book_id, product_code, start, stop)
    lines = await lines_of(connection, book_id, [row["sheet_id"] for row in rows])
    return [Quote(**dict(row), lines=lines[row["sheet_id"]]) for row in rows]


async def lines_of(
    connection: Connection, book_id: int, sheet_ids: Collection[UUID]
) -> dict[UUID, tuple[RateLine, ...]]:
    """The lines of these sheets, lowest first. Raises `InvariantBroken` for one without its own."""
    found: dict[UUID, list[RateLine]] = {sheet_id: [] for sheet_id in sheet_ids}
    for row in await connection.fetch(_SQL["lines_of_sheets"], book_id, list(found)):
        line = RateLine(
            slab_from_satang=row["slab_from_satang"], annual_rate_e8=row["annual_rate_e8"]
        )
        found[row["sheet_id"]].append(line)
    for sheet_id, lines in found.items():
        begins = lines[0].slab_from_satang if lines else None
        ensure(begins == 0, f"rate sheet {sheet_id}: its first line begins at {begins}, not at 0")
    return {sheet_id: tuple(lines) for sheet_id, lines in found.items()}


async def approved_sheet(connection: Connection, book_id: int, sheet_id: UUID) -> ApprovedSheet:
    """The approved sheet with this id. Raises `NotFound`."""
    row = await connection.fetchrow(_SQL["approved_sheet"], book_id, sheet_id)
    if row is None:
        raise NotFound("approved rate sheet", sheet_id)
    lines = (await lines_of(connection, book_id, [sheet_id]))[sheet_id]
    return ApprovedSheet(**dict(row), lines=lines)
