"""Dry run: the real posting transaction, rolled back when it has answered.

There is no second judge and no forecast: keys, stale rows, replays, refusals, numbers, balances and
the batch's digest come from `post_batch` itself, in a transaction that never commits. What a dry
run answers is what the very same posting would have answered at that moment; the next moment may
differ. It holds the head as long as a posting does, leaves no row, and gives no number away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date

from ledger.db import Connection, Pool, translated
from ledger.errors import Overloaded
from ledger.posting.across import post_across
from ledger.posting.clocked import CutOffs
from ledger.posting.collector import Collector
from ledger.posting.transact import head_in_time
from ledger.posting.values import Origin, Outcome, Period, Status, Unit
from ledger.posting.write import post_batch

_PAUSE_SECONDS = 0.01


async def dry_run(
    pool: Pool,
    book_id: int,
    units: Sequence[Unit],
    *,
    origin: Origin = Origin.DOORS,
    business_date: date | None = None,
    period: Period = Period.ORDINARY,
) -> list[Outcome]:
    """What `post_batch` would answer to these units now; nothing is recorded.

    Raises what posting them would raise before its commit.
    """
    async with rolled_back(pool) as connection, head_in_time(book_id):
        return await post_batch(
            connection,
            book_id,
            units,
            origin=origin,
            business_date=business_date,
            period=period,
        )


async def dry_run_across(
    pool: Pool, halves: Sequence[tuple[int, Unit]], *, origin: Origin = Origin.DOORS
) -> list[Outcome]:
    """What `post_across` would answer to these halves now; nothing is recorded in any book."""
    async with rolled_back(pool) as connection, head_in_time(halves[0][0]):
        return await post_across(connection, halves, origin=origin)


@asynccontextmanager
async def rolled_back(pool: Pool) -> AsyncIterator[Connection]:
    """A connection of the poster whose transaction is rolled back at the end, whatever happens."""
    async with translated(), pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await transaction.rollback()


class DryRun(Collector):
    """Stands where the collector stands and answers as it would, one unit at a time.

    For one request: it sees the date that the first door after the cut-off time would see, and
    waits for locked rows as long as the collector waits.
    """

    async def submit(self, book_id: int, unit: Unit) -> Outcome:
        """What becomes of this unit if it is posted now, alone. Raises as the collector does."""
        ends = asyncio.get_running_loop().time() + self._patience_seconds
        while True:
            outcome = await self._rehearse(book_id, unit)
            if outcome.status is not Status.DEFERRED:
                return outcome
            if asyncio.get_running_loop().time() > ends:
                names = ", ".join(f"{row.table.name} {row.row_id}" for row in unit.reads)
                raise Overloaded(
                    f"rows were locked or missing for {self._patience_seconds} s: {names}"
                )
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _rehearse(self, book_id: int, unit: Unit) -> Outcome:
        async with rolled_back(self._pool) as connection, head_in_time(book_id):
            # Asked anew each time: a date that was moved in what is rolled back has not moved.
            await CutOffs(self._clock).move_if_due(connection, book_id)
            (outcome,) = await post_batch(connection, book_id, [unit], origin=Origin.DOORS)
        return outcome
