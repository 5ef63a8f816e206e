"""The search rows: a consumer of the feed that copies what people search by out of the record.

It runs beside the posting path, never in it, and by statements over whole ranges of numbers. A row
that is there already is left alone, so that a range may be done again after a rewind. What it has
not reached yet, a search reads from the record itself (`ledger.find`).
"""

from __future__ import annotations

from pathlib import Path

from ledger import consumers
from ledger.db import Connection, Pool, statements

SQL = statements(Path(__file__).parent / "sql" / "find.sql")

NAME = "find"
"""The consumer's name; its cursor is how far the search rows go."""

BATCH = 4096
"""Numbers a step: about a tenth of a second, also where a journal has several transfers."""


async def index(connection: Connection, book_id: int, after: int, upto: int) -> None:
    """Write the search rows of the journals numbered after `after` up to `upto`."""
    await connection.execute(SQL["index"], book_id, after, upto)


async def keep(pool: Pool, book_id: int) -> None:
    """Keep the search rows of a book for as long as nobody cancels it."""
    await consumers.follow(pool, book_id, NAME, index, batch=BATCH)


async def catch_up(pool: Pool, book_id: int, *, steps_max: int = 100) -> None:
    """Write the search rows that are missing, at most `steps_max` times `BATCH` numbers."""
    await consumers.catch_up(pool, book_id, NAME, index, batch=BATCH, steps_max=steps_max)
