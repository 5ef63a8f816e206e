"""What an import came to: what stands in the book, and how it agrees with the old system."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ledger.books import Book
from ledger.db import Connection, statements
from ledger.errors import ensure
from ledger.history.checking import Checked
from ledger.history.control import Difference, differences
from ledger.history.texts import Findings

_SQL = statements(Path(__file__).parent.parent / "sql" / "history.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import came to; nothing was posted when `problems` or `differences` are there.

    live_on:  the business date on which the book goes on: the day after the history.
    repeated: this very file was imported to its end before.
    balances: how many trial balances of the old system the closed days agree with.
    """

    book_code: str
    problems: Findings
    differences: tuple[Difference, ...] = ()
    first_on: date | None = None
    live_on: date | None = None
    accounts: int = 0
    journals: int = 0
    transfers: int = 0
    balances: int = 0
    repeated: bool = False

    @property
    def ok(self) -> bool:
        """True when the history stands in the book and agrees with the old system."""
        return self.live_on is not None and not self.problems.count and not self.differences


async def kept_differences(
    connection: Connection, book_id: int, checked: Checked
) -> list[Difference]:
    """Where the closed days' kept balances are not the old system's trial balances."""
    found: list[Difference] = []
    for as_of, expected in sorted(checked.expected.items()):
        rows = await connection.fetch(_SQL["kept_balances"], book_id, as_of)
        kept = {row["gl_code"]: int(row["net"]) for row in rows}
        found += differences(as_of, expected, kept)
    return found


async def report(connection: Connection, book: Book, checked: Checked, repeated: bool) -> Imported:
    """What stands in the book after its import came to its end."""
    counts = await connection.fetchrow(_SQL["counts"], book.book_id)
    ensure(counts is not None, "counts without a row")
    return Imported(
        book_code=book.code,
        problems=checked.findings,
        differences=tuple(await kept_differences(connection, book.book_id, checked)),
        first_on=book.opened_on,
        live_on=checked.last_on + timedelta(days=1),
        accounts=checked.accounts,
        journals=0 if counts is None else counts["journals"],
        transfers=0 if counts is None else counts["transfers"],
        balances=len(checked.expected),
        repeated=repeated,
    )
