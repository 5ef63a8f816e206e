"""Business dates and how far each has come: open, cut off, proven (closed)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from ledger.db import Connection, statements

SQL = statements(Path(__file__).parent / "sql" / "reads.sql")


class DayState(enum.IntEnum):
    """A day only moves forward."""

    OPEN = 1
    CUT_OFF = 2
    PROVEN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One business date; `cut_seq` is the last number that the doors gave out on it."""

    business_date: date
    state: DayState
    cut_seq: int | None
    cut_at: datetime | None
    proven_seq: int | None
    proven_at: datetime | None


async def days_between(connection: Connection, book_id: int, first: date, last: date) -> list[Day]:
    """The business dates that the book has lived through, first and last included."""
    rows = await connection.fetch(SQL["days"], book_id, first, last)
    return [Day(**(dict(row) | {"state": DayState(row["state"])})) for row in rows]
