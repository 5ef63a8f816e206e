"""Opening the database for a command: the private server by default, any PostgreSQL by URL.

The private server is started when the first command needs it and stops after the last one has
left; its database is brought to the newest schema on the way. A database named by
`CFF_DATABASE_URL` is somebody's: it is migrated only by `cff db migrate`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from api.cli.output import say
from api.settings import Settings
from ledger import books, embedded, schema
from ledger.books import Book
from ledger.db import Connection, Database, open_database
from ledger.errors import DatabaseUnavailable, InvalidInput, NotFound
from ledger.homes import default_home

DEFAULT_DATABASE = "cff"


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The URL to connect to; holds the private server up for as long as it is needed."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with embedded.lease(default_home(), say=_say_what_takes_long) as lease:
        yield lease.dsn(DEFAULT_DATABASE)


def _say_what_takes_long(line: str) -> None:
    """A start of a tenth of a second is not worth a line; making a server or recovering one is."""
    if not line.startswith("starting the private"):
        say(line)


async def ensure_database(settings: Settings, url: str) -> None:
    """Create and migrate the private database; only look at one that was named by URL."""
    if settings.database_url is None:
        await _create_if_missing(url)
        await schema.migrate(url)
        return
    connection = await connect(url)
    try:
        await schema.require_current(connection)
    finally:
        await connection.close()


async def connect(url: str) -> asyncpg.Connection:
    """One connection, or `DatabaseUnavailable` that says what was tried."""
    try:
        return await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(
            f"cannot connect to the database: {error}. Check CFF_DATABASE_URL"
        ) from error
    except (asyncpg.InterfaceError, ValueError) as error:
        expected = "a URL such as postgresql://user@host/name"
        # Not shown: it may hold a password.
        raise InvalidInput.one("CFF_DATABASE_URL", "another text", expected) from error


async def _create_if_missing(url: str) -> None:
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidCatalogNameError:
        maintenance = await asyncpg.connect(url, database="postgres")
        await maintenance.execute(f"CREATE DATABASE {DEFAULT_DATABASE}")
        await maintenance.close()
    else:
        await connection.close()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Both pools on the right database, migrated or checked."""
    with database_url(settings) as url:
        await ensure_database(settings, url)
        database = await open_database(url)
        try:
            yield database
        finally:
            await database.close()


@asynccontextmanager
async def opened_book(settings: Settings, code: str | None) -> AsyncIterator[tuple[Database, Book]]:
    """The database and the book to work on: the one named, else `CFF_BOOK`."""
    async with opened(settings) as database:
        async with database.poster.acquire() as connection:
            try:
                book = await books.get_book(connection, code or settings.book)
            except NotFound:
                known = [each.code for each in await books.list_books(connection)]
                hint = f"known: {', '.join(known)}" if known else "none yet: run `cff demo`"
                raise NotFound("book", f"{code or settings.book} ({hint})") from None
        yield database, book


@asynccontextmanager
async def reading_book(
    settings: Settings, code: str | None
) -> AsyncIterator[tuple[Connection, Book]]:
    """One connection to read the book with; nothing is written through it."""
    async with (
        opened_book(settings, code) as (database, book),
        database.poster.acquire() as connection,
    ):
        yield connection, book
