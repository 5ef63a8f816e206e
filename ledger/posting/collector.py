"""The collector: what arrived while the last batch was in flight becomes the next batch.

One task a book, no timer: under light load a unit is posted at once, alone; under heavy load the
batches grow by themselves. Back-pressure is a bounded queue that answers `Overloaded` instead of
making everybody wait. If a batch fails with an error, its units are run one by one, so that only
the guilty one fails; if the connection is lost while the commit is on its way, the outcome is
unknown and is said to be unknown: the same ids will tell.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import asyncpg

from ledger import books, dates
from ledger.cut_off import end_business_date
from ledger.db import CONNECTION_LOST, POSTER_SETTINGS, Connection, Pool, translate, translated
from ledger.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from ledger.posting.values import Origin, Outcome, Status, Unit
from ledger.posting.write import post_batch

BATCH_MAX = 512
QUEUE_MAX = 8192
_STALE_TRIES = 20
_DEFERRED_PAUSE_SECONDS = 0.002
PATIENCE_SECONDS = 10
_ASK_AGAIN = timedelta(seconds=60)
_HELD_TOO_LONG = frozenset({"55P03", "57014"})
"""SQLSTATEs of the lock's and the statement's time-out."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

_NO_UNITS_FAULT = (OutcomeUnknown, DatabaseUnavailable, Overloaded)
"""Errors that no unit is guilty of: one by one each unit would only wait for the same again."""

Decide = Callable[[Connection], Awaitable[Unit]]
"""Loads what it needs and decides; called again when what it read has changed."""


@dataclass(slots=True)
class _Waiting:
    unit: Unit
    answer: asyncio.Future[Outcome]
    deferred_since_seconds: float | None = None


class Collector:
    """Posts units from many tasks of this process, batched per book.

    clock:            tells when a book's cut-off time has passed; the first batch after it moves
                      the date.
    queue_max:        units of one book that may wait; one more is `Overloaded`.
    patience_seconds: how long a unit waits for rows that others hold, or that are not there.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        clock: dates.Clock = dates.now,
        queue_max: int = QUEUE_MAX,
        patience_seconds: int = PATIENCE_SECONDS,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._queue_max = queue_max
        self._patience_seconds = patience_seconds
        self._queues: dict[int, deque[_Waiting]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._next_cut_off: dict[int, datetime] = {}
        self._closing = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Post what is queued, then stop; later submissions are refused as overload."""
        self._closing = True
        await asyncio.gather(*self._tasks.values())

    async def submit(self, book_id: int, unit: Unit) -> Outcome:
        """Post one unit with whatever else is waiting; returns after its commit.

        Raises `Overloaded`, `OutcomeUnknown`, `DatabaseUnavailable`, or the error of the unit.
        """
        queue = self._queues.setdefault(book_id, deque())
        if self._closing or len(queue) >= self._queue_max:
            raise Overloaded(f"{len(queue)} units are waiting in book {book_id}; try again shortly")
        waiting = _Waiting(unit, asyncio.get_running_loop().create_future())
        queue.append(waiting)
        if book_id not in self._tasks:
            self._tasks[book_id] = asyncio.create_task(self._drain(book_id, queue))
        return await waiting.answer

    async def _drain(self, book_id: int, queue: deque[_Waiting]) -> None:
        try:
            while queue:
                batch = [queue.popleft() for _ in range(min(len(queue), BATCH_MAX))]
                await self._post(book_id, batch, queue)
        finally:
            del self._tasks[book_id]

    async def _post(self, book_id: int, batch: list[_Waiting], queue: deque[_Waiting]) -> None:
        try:
            outcomes = await self._transact(book_id, [waiting.unit for waiting in batch])
        except Exception as error:  # noqa: BLE001 - each must reach the task that waits for it
            if len(batch) == 1 or isinstance(error, _NO_UNITS_FAULT):
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
                return
            for waiting in batch:
                await self._post(book_id, [waiting], queue)
            return
        deferred = [
            waiting
            for waiting, outcome in zip(batch, outcomes, strict=True)
            if outcome.status is Status.DEFERRED
        ]
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if outcome.status is not Status.DEFERRED and not waiting.answer.done():
                waiting.answer.set_result(outcome)
        if deferred:
            queue.extendleft(reversed([w for w in deferred if self._may_wait(w)]))
            if len(deferred) == len(batch):
                await asyncio.sleep(_DEFERRED_PAUSE_SECONDS)

    def _may_wait(self, waiting: _Waiting) -> bool:
        """False, and the waiter told, when a row was out of reach, or missing, for too long."""
        now = asyncio.get_running_loop().time()
        if waiting.deferred_since_seconds is None:
            waiting.deferred_since_seconds = now
        if now - waiting.deferred_since_seconds < self._patience_seconds:
            return True
        if not waiting.answer.done():
            names = ", ".join(f"{row.table.name} {row.row_id}" for row in waiting.unit.reads)
            waiting.answer.set_exception(
                Overloaded(f"rows were locked or missing for {self._patience_seconds} s: {names}")
            )
        return False

    async def _transact(self, book_id: int, units: Sequence[Unit]) -> list[Outcome]:
        """One posting transaction; an error before the commit is sent: nothing was recorded."""
        try:
            connection = await self._pool.acquire()
        except asyncpg.PostgresError as error:
            raise translate(error) from error
        except CONNECTION_LOST as error:
            raise DatabaseUnavailable(f"no connection to the database: {error}") from error
        try:
            async with head_in_time(book_id), translated():
                await self._move_date_if_due(connection, book_id)
            transaction = connection.transaction()
            try:
                await transaction.start()
                async with head_in_time(book_id):
                    outcomes = await post_batch(connection, book_id, units, origin=Origin.DOORS)
            except asyncpg.PostgresError as error:
                await _roll_back(transaction)
                raise translate(error) from error
            except CONNECTION_LOST as error:
                raise DatabaseUnavailable(f"the connection was lost: {error}") from error
            except BaseException:
                await _roll_back(transaction)
                raise
            await _commit(transaction)
            return outcomes
        finally:
            await self._give_back(connection)

    async def _give_back(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        """Return a connection to the pool, which throws it away when it is dead."""
        try:
            await self._pool.release(connection)
        except (asyncpg.PostgresError, *CONNECTION_LOST):
            # What was committed is answered, and an error on its way is the one that is told.
            return

    async def _move_date_if_due(self, connection: Connection, book_id: int) -> None:
        """The first door after the cut-off time moves the business date, also over several days."""
        while self._next_cut_off.get(book_id, _LONG_AGO) <= self._clock():
            head = await books.read_head(connection, book_id)
            cut_off_time = await books.cut_off_time(connection, book_id)
            if cut_off_time is None:
                # Somebody may set one while this process lives.
                self._next_cut_off[book_id] = self._clock() + _ASK_AGAIN
                return
            ends = datetime.combine(head.business_date, cut_off_time, dates.BANGKOK)
            self._next_cut_off[book_id] = ends
            if ends > self._clock():
                return
            async with connection.transaction():
                # Nothing is done when another process has moved the date; then the head tells.
                await end_business_date(
                    connection,
                    book_id,
                    head.business_date,
                    actor="system:clock",
                    origin=Origin.DOORS,
                )


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


async def _commit(transaction: asyncpg.transaction.Transaction) -> None:
    try:
        await transaction.commit()
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


async def _roll_back(transaction: asyncpg.transaction.Transaction) -> None:
    try:
        await transaction.rollback()
    except (asyncpg.PostgresError, *CONNECTION_LOST):
        # The server rolls back what a lost connection began; there is nothing left to undo.
        return


async def decide_and_post(
    collector: Collector, pool: Pool, book_id: int, decide: Decide
) -> Outcome:
    """Decide and post; decide again for as long as what was read has changed meanwhile."""
    for _ in range(_STALE_TRIES):
        async with pool.acquire() as connection:
            unit = await decide(connection)
        outcome = await collector.submit(book_id, unit)
        if outcome.status is not Status.STALE:
            return outcome
    raise Overloaded(f"the same rows of book {book_id} changed {_STALE_TRIES} times meanwhile")
