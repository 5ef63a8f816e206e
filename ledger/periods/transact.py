"""A posting transaction of one's own, for what the collector cannot post.

The collector's batches carry the current business date and ask nothing but the judge. Closing a
period, opening it again and posting on a day that is past look at more than that, under the same
head. What such a transaction answers before its commit stands; one whose commit got no answer is
unknown and is said to be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from ledger.db import CONNECTION_LOST, Connection, Pool, translated
from ledger.errors import OutcomeUnknown
from ledger.posting.transact import head_in_time

_LOST = (asyncpg.PostgresError, *CONNECTION_LOST)


class OwnTransaction:
    """An open transaction; `undo` decides that it ends without a trace."""

    def __init__(self, connection: Connection, *, rehearse: bool) -> None:
        self.connection = connection
        self.undone = rehearse

    def undo(self) -> None:
        """Roll back at the end, without an error: what was answered is still answered."""
        self.undone = True


@asynccontextmanager
async def own_transaction(
    pool: Pool, book_id: int, *, rehearse: bool = False
) -> AsyncIterator[OwnTransaction]:
    """Open a transaction on the poster's pool; commits at the end unless undone or rehearsed.

    Raises `Overloaded` when the head stays held elsewhere, `DatabaseUnavailable` when nothing was
    recorded, `OutcomeUnknown` when that cannot be said.
    """
    async with translated():
        connection = await pool.acquire()
        try:
            transaction = connection.transaction()
            await transaction.start()
            mine = OwnTransaction(connection, rehearse=rehearse)
            try:
                async with head_in_time(book_id):
                    yield mine
            except BaseException:
                with suppress(*_LOST):
                    await transaction.rollback()
                raise
            if mine.undone:
                await transaction.rollback()
            else:
                await _commit(transaction)
        finally:
            # A dead connection is thrown away; the error on its way is the one that is told.
            with suppress(*_LOST):
                await pool.release(connection)


async def _commit(transaction: asyncpg.transaction.Transaction) -> None:
    try:
        await transaction.commit()
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(("08", "57P")):
            raise OutcomeUnknown(
                "the database went away while committing; ask again: what was done is found done"
            ) from error
        raise
    except CONNECTION_LOST as error:
        raise OutcomeUnknown(
            "the connection was lost while committing; ask again: what was done is found done"
        ) from error
