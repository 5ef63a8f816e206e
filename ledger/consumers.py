"""Consumers of the feed: at least once, in order, no gap, whatever is killed in between.

A consumer is a name and a cursor: the last number that it has dealt with. A step locks the cursor,
lets the consumer deal with the numbers after it, and moves it in the same transaction. What the
consumer does in the database with that connection is therefore done exactly once; what it does
outside may be done again after a kill, so it must bear repetition. A consumer that fails leaves its
cursor where it was. Any number of processes may run the same consumer: one at a time has the row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.db import Connection, Pool, translated
from ledger.errors import InvalidInput, NotFound
from ledger.events import FeedItem, items_between
from ledger.resulting import SQL

BATCH = 500
LONG_TAIL = 20_000
"""Numbers behind, from which on a step first sees to it that they are found by their index."""
IDLE_SECONDS = 0.5

Handle = Callable[[Connection, Sequence[FeedItem]], Awaitable[None]]
"""Deals with items, in order; its statements on the connection are committed with the cursor."""

HandleRange = Callable[[Connection, int, int, int], Awaitable[None]]
"""Deals with book, after, upto: every number after `after` up to `upto`, by statements of its own.

Like `Handle` it must be done within seconds: no transaction here may live long.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """How far a consumer has come."""

    name: str
    cursor_seq: int
    head_seq: int
    moved_at: datetime

    @property
    def lag(self) -> int:
        """Numbers recorded but not yet dealt with."""
        return self.head_seq - self.cursor_seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step did: numbers after `after` up to `upto` are dealt with, `lag` are left."""

    after: int
    upto: int
    lag: int


def by_items(handle: Handle) -> HandleRange:
    """A consumer of items as one of ranges."""

    async def handle_range(connection: Connection, book_id: int, after: int, upto: int) -> None:
        while after < upto:
            items = await items_between(connection, book_id, after, upto)
            await handle(connection, items)
            after = items[-1].recorded_seq

    return handle_range


async def step(
    pool: Pool, book_id: int, name: str, handle: HandleRange, *, batch: int = BATCH
) -> Step | None:
    """Deal with at most `batch` numbers in one transaction; None when another process has the row.

    The consumer begins at the book's first number when its name is new. Raises what `handle`
    raises; then nothing of the step has happened.
    """
    async with translated(), pool.acquire() as connection:
        # Looking costs nothing; taking the row writes to it.
        seen = await connection.fetchrow(SQL["look_at_consumer"], book_id, name)
        if seen is None:
            await connection.execute(SQL["add_consumer"], book_id, name)
        elif seen["cursor_seq"] == seen["head_seq"]:
            return Step(after=seen["head_seq"], upto=seen["head_seq"], lag=0)
        elif _has_long_tail(seen["cursor_seq"], seen["head_seq"], batch):
            await connection.execute(SQL["summarize"])
        async with connection.transaction():
            row = await connection.fetchrow(SQL["take_consumer"], book_id, name)
            if row is None:
                return None
            after, head = int(row["cursor_seq"]), int(row["head_seq"])
            # Another may have gone beyond the head that was seen before its row was free.
            upto = max(after, min(head, after + batch))
            if upto > after:
                await handle(connection, book_id, after, upto)
                await connection.execute(SQL["move_consumer"], book_id, name, upto)
            return Step(after=after, upto=upto, lag=max(0, head - upto))


def _has_long_tail(cursor: int, head: int, batch: int) -> bool:
    """True where much is new, about once in so many numbers."""
    return head - cursor > LONG_TAIL and cursor % LONG_TAIL < batch


async def follow(
    pool: Pool,
    book_id: int,
    name: str,
    handle: HandleRange,
    *,
    batch: int = BATCH,
    idle_seconds: float = IDLE_SECONDS,
) -> None:
    """Step for ever, resting while there is nothing to do or another process does it.

    Ends only by being cancelled, or by raising what a step raised.
    """
    while True:
        done = await step(pool, book_id, name, handle, batch=batch)
        if done is None or done.lag == 0:
            await asyncio.sleep(idle_seconds)


async def catch_up(
    pool: Pool,
    book_id: int,
    name: str,
    handle: HandleRange,
    *,
    batch: int = BATCH,
    steps_max: int = 100,
) -> None:
    """Step until nothing is left, at most `steps_max` times; leaves it to whoever has the row."""
    for _ in range(steps_max):
        done = await step(pool, book_id, name, handle, batch=batch)
        if done is None or done.lag == 0:
            return


async def consumers(connection: Connection, book_id: int) -> list[Consumer]:
    """Every consumer of a book and how far it is behind, by name."""
    rows = await connection.fetch(SQL["consumers"], book_id)
    return [Consumer(**dict(row)) for row in rows]


async def rewind(
    connection: Connection, book_id: int, name: str, to_seq: int, *, actor: str, reason: str
) -> Consumer:
    """Set a cursor back, so that what follows `to_seq` is dealt with again; who and why is kept.

    Waits for the step that is being done. Raises `NotFound`, or `InvalidInput` for a number that
    is not before the cursor or a reason of fewer than three characters.
    """
    if len(reason.strip()) < 3:
        raise InvalidInput.one("reason", reason, "at least three characters")
    async with translated(), connection.transaction():
        cursor = await connection.fetchval(SQL["lock_consumer"], book_id, name)
        if cursor is None:
            raise NotFound("consumer", name)
        if not 0 <= to_seq < cursor:
            raise InvalidInput.one("to", to_seq, f"a number from 0 to {cursor - 1}")
        await connection.execute(
            SQL["trace_rewind"], book_id, name, cursor, to_seq, actor, reason.strip()
        )
        await connection.execute(SQL["move_consumer"], book_id, name, to_seq)
        found = await consumers(connection, book_id)
    return next(consumer for consumer in found if consumer.name == name)
