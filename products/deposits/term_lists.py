"""Every term that a placement has had: it rolls for years, and each term had its own rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from ledger.db import Connection, statements

_SQL = statements(Path(__file__).parent / "sql" / "term_lists.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedTerm:
    """One term: [begins_on, matures_on), its principal and rate; sheet_id None = brought along."""

    term_no: int
    begins_on: date
    matures_on: date
    principal_satang: int
    annual_rate_e8: int
    sheet_id: UUID | None


async def terms_of(connection: Connection, book_id: int, contract_id: UUID) -> list[NumberedTerm]:
    """The terms of a placement, oldest first."""
    rows = await connection.fetch(_SQL["terms"], book_id, contract_id)
    return [NumberedTerm(**dict(row)) for row in rows]
