"""How every posting transaction begins and ends, and what its errors are called.

An error before the commit is sent: nothing was recorded. A connection lost while it is on its way:
the outcome is unknown and is said to be unknown; the same ids will tell.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from ledger.db import (
    CONNECTION_LOST,
    POSTER_SETTINGS,
    Connection,
    Pool,
    give_back,
    is_lost,
    translate,
    translated,
)
from ledger.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded

_HELD_TOO_LONG = frozenset({"55P03", "57014"})
"""SQLSTATEs of the lock's and the statement's time-out."""


@asynccontextmanager
async def pooled(pool: Pool) -> AsyncIterator[Connection]:
    """A connection of the pool for transactions of ours; given back also when it is dead."""
    async with translated():
        connection = await pool.acquire()
    try:
        yield connection
    finally:
        await give_back(pool, connection)


@asynccontextmanager
async def posting(connection: Connection) -> AsyncIterator[None]:
    """A posting transaction: committed at the end, rolled back by any error, errors in our words.

    Raises `OutcomeUnknown` when the commit was sent and no answer came.
    """
    transaction = connection.transaction()
    try:
        await transaction.start()
        yield
    except asyncpg.PostgresError as error:
        await roll_back(transaction)
        raise translate(error) from error
    except CONNECTION_LOST as error:
        if not is_lost(connection):
            # Not the connection's own: a file of the caller's that could not be written, say.
            await roll_back(transaction)
            raise
        raise DatabaseUnavailable(f"the connection was lost: {error}") from error
    except BaseException:
        await roll_back(transaction)
        raise
    await commit(transaction)


@asynccontextmanager
async def head_in_time(book_id: int) -> AsyncIterator[None]:
    """Turn a wait for the head that was cut short into words that say so."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate not in _HELD_TOO_LONG:
            raise
        raise Overloaded(
            f"the head of book {book_id} was held elsewhere for too long (lock time-out "
            f"{POSTER_SETTINGS['lock_timeout']}); nothing was recorded, try again"
        ) from error


async def commit(transaction: asyncpg.transaction.Transaction) -> None:
    """Commit; an answer that never came is `OutcomeUnknown`."""
    async with committing():
        await transaction.commit()


@asynccontextmanager
async def committing() -> AsyncIterator[None]:
    """Turn the errors of a statement that commits into ours; no answer is `OutcomeUnknown`."""
    try:
        yield
    except ValueError:
        # The driver could not put it into words: nothing was sent.
        raise
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(("08", "57P")):
            raise OutcomeUnknown(
                "the database went away while committing; retry with the same ids"
            ) from error
        raise translate(error) from error
    except CONNECTION_LOST as error:
        raise OutcomeUnknown(
            "the connection was lost while committing; retry with the same ids"
        ) from error


async def roll_back(transaction: asyncpg.transaction.Transaction) -> None:
    """Undo; the server undoes by itself what a lost connection began."""
    try:
        await transaction.rollback()
    except (asyncpg.PostgresError, *CONNECTION_LOST):
        return
