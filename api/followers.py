"""The consumers that run beside the doors: one task a book keeps its search rows.

Every process that serves starts them; the cursor's row lets one of them work at a time. Whatever
goes wrong is logged and tried again, after a pause that grows to a minute: searches read what is
missing from the record meanwhile, and `cff consumers` shows the lag.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from api import logs
from ledger import books, finding
from ledger.db import Pool

BOOKS_SECONDS = 30
"""How soon a new book is noticed."""

_PAUSE_MAX_SECONDS = 60
_LOG = logs.logger("api.followers")


@contextlib.asynccontextmanager
async def followers(pool: Pool, *, pause_seconds: int = 1) -> AsyncIterator[None]:
    """Keep the search rows of every book while the context is open.

    pause_seconds: after the first failure; doubled with each, up to a minute.
    """
    task = asyncio.create_task(_keep_every_book(pool, pause_seconds))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _keep_every_book(pool: Pool, pause_seconds: int) -> None:
    kept: set[int] = set()
    async with asyncio.TaskGroup() as tasks:
        while True:
            try:
                async with pool.acquire() as connection:
                    found = {book.book_id for book in await books.list_books(connection)}
            except Exception as error:  # noqa: BLE001 - the doors go on; the log tells
                _LOG.error("books_not_listed", exc_info=error)
                found = set()
            for book_id in sorted(found - kept):
                tasks.create_task(_keep(pool, book_id, pause_seconds))
            kept |= found
            await asyncio.sleep(BOOKS_SECONDS)


async def _keep(pool: Pool, book_id: int, first_pause_seconds: int) -> None:
    """Follow, again after every failure; a follower that held for a while pauses briefly again."""
    pause_seconds = first_pause_seconds
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await finding.keep(pool, book_id)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again and told
            _LOG.error("follower_failed", book_id=book_id, consumer=finding.NAME, exc_info=error)
        if loop.time() - began > _PAUSE_MAX_SECONDS:
            pause_seconds = first_pause_seconds
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(_PAUSE_MAX_SECONDS, pause_seconds * 2)
