"""Which book a history goes into, and what an import leaves there of its beginning and its end.

An import makes its book and notes the file that it began with, or goes on with a book that began
with the very same file. One import into a book runs at a time; its last note ends the rule that
nobody else can post there.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import asyncpg

from ledger import books
from ledger.books import Book
from ledger.db import CONNECTION_LOST, Connection, statements
from ledger.errors import CffError, NotFound
from ledger.history.records import BookIn
from ledger.kinds import EventKind
from ledger.posting.ids import event_id
from ledger.posting.values import Note, Operation, Origin, Outcome, Unit
from ledger.posting.write import post_batch

_SQL = statements(Path(__file__).parent.parent / "sql" / "history.sql")
_REASON = "history of the old system"


class HistoryRefused(CffError):  # noqa: N818 - the name is what the clerk reads
    """The book cannot take this history; the message says why and what would do."""

    code: ClassVar[str] = "history_refused"


class OtherHistory(CffError):  # noqa: N818
    """Another file than the one that this book's import began with."""

    code: ClassVar[str] = "other_history"


class ImportRunning(CffError):  # noqa: N818
    """Another process imports into this book; wait for it, nothing was done here."""

    code: ClassVar[str] = "import_is_running"


def history_subject(book_id: int) -> UUID:
    """The subject of the notes that begin and end a book's import."""
    return event_id(book_id, "history")


async def is_finished(connection: Connection, book_id: int) -> bool | None:
    """Whether the book's import has come to its end; None for a book that has none."""
    marks = await connection.fetch(_SQL["marks"], book_id, history_subject(book_id))
    return None if not marks else marks[-1]["kind"] == EventKind.HISTORY_IMPORTED


@asynccontextmanager
async def only(connection: Connection, code: str) -> AsyncIterator[None]:
    """While it lasts nobody else imports into the book. Raises `ImportRunning`."""
    if not await connection.fetchval(_SQL["only_import"], code):
        raise ImportRunning(f"an import into book {code} is running already: wait for it")
    try:
        yield
    finally:
        with suppress(asyncpg.PostgresError, *CONNECTION_LOST):
            await connection.execute(_SQL["end_import"], code)


async def book_for(connection: Connection, wanted: BookIn, sha256: bytes, actor: str) -> Book:
    """The book to import into: a new one, or the one that this file's import began with.

    Raises `HistoryRefused`, `OtherHistory`.
    """
    try:
        book = await books.get_book(connection, wanted.code)
    except NotFound:
        return await _begin(connection, wanted, sha256, actor)
    marks = await connection.fetch(_SQL["marks"], book.book_id, history_subject(book.book_id))
    if not marks:
        raise HistoryRefused(
            f"book {book.code} exists and was not made by an import: imported and live postings "
            "never mix. Give the book of the history another code"
        )
    begun = json.loads(marks[0]["body"])["sha256"]
    if begun != sha256.hex():
        raise OtherHistory(
            f"the import into book {book.code} began with another file (SHA-256 {begun[:12]}…, "
            f"this one {sha256.hex()[:12]}…): go on with that one, or use another book"
        )
    return book


async def _begin(connection: Connection, wanted: BookIn, sha256: bytes, actor: str) -> Book:
    async with connection.transaction():
        book = await books.create_book(
            connection,
            book_id=await connection.fetchval(_SQL["next_book"]),
            code=wanted.code,
            name_th=wanted.name_th,
            name_en=wanted.name_en,
            opened_on=wanted.opened_on,
            fiscal_year_start_month=wanted.fiscal_year_start_month,
        )
        note = mark(book.book_id, EventKind.HISTORY_BEGUN, {"sha256": sha256.hex()})
        await post_import(connection, book.book_id, [unit_of(note, actor)])
    return book


def mark(book_id: int, kind: EventKind, body: dict[str, object]) -> Note:
    """A note that begins or ends the import of a book."""
    return Note(kind=kind, subject=history_subject(book_id), body=body)


def unit_of(operation: Operation, actor: str) -> Unit:
    """One operation of an import, all or nothing."""
    return Unit(operations=(operation,), actor=actor, reason=_REASON)


async def post_import(connection: Connection, book_id: int, units: list[Unit]) -> list[Outcome]:
    """Post as an import does, which alone may post into its book: one batch."""
    return await post_batch(connection, book_id, units, origin=Origin.IMPORT)
