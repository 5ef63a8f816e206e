"""What a load leaves behind when something breaks: what was committed, and nothing else.

After each break the same writer posts the same lines again and everything is there once. No task is
left running and every connection is back in its pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid5

import asyncpg
import pytest

from ledger.db import POSTER_SETTINGS, Connection, Pool
from ledger.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from ledger.posting.assemble import Assembled
from ledger.posting.bulk import BeforeCommit, BulkWriter
from ledger.posting.lines import Lines
from ledger.posting.outcomes import LineOutcomes, LineStatus
from ledger.proof.verify import verify_ledger
from tests.builders import Scene, make_scene
from tests.ledger.bulk.rows import ACTOR, Row, lines_of
from tests.ledger.bulk.waiting import until

NAMES = UUID("0e2f4f4e-2f0a-4c9b-9d40-4b3b0f2f4d77")
PIECE = 20
_RECORDED = "SELECT journal_id FROM ledger.transfer WHERE book_id = 1 AND actor = $1"
_BATCHES = "SELECT count(*) FROM ledger.batch WHERE book_id = 1 AND origin = 3"
_TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'cff-poster'
"""


class Bench:
    """A writer with lines to post, and what became of each line."""

    def __init__(self, pool: Pool, scene: Scene, count: int = 10 * PIECE) -> None:
        self.pool = pool
        self.rows = [
            Row(uuid5(NAMES, str(n)), scene.bank, scene.members[n % 2], 1 + n) for n in range(count)
        ]
        self.writer = BulkWriter(pool, 1, actor=ACTOR, lines_max=PIECE)
        self.statuses: list[LineStatus] = []

    async def source(self, breaks_after: int | None = None) -> AsyncIterator[Lines]:
        """The lines in pieces; an error after so many of them."""
        for first in range(0, len(self.rows), PIECE):
            if breaks_after is not None and first >= breaks_after:
                raise EOFError("the file ends in the middle of a line")
            yield lines_of(self.rows[first : first + PIECE])

    async def note(self, _: Connection, first: int, outcomes: LineOutcomes) -> None:
        """Remember what became of the lines."""
        del self.statuses[first:]
        self.statuses += [LineStatus(status) for status in outcomes.status]

    async def recorded(self) -> int:
        """How many of the lines stand in the book; they must be the first ones."""
        found = {row["journal_id"] for row in await self.pool.fetch(_RECORDED, ACTOR)}
        assert found == {row.journal_id for row in self.rows[: len(found)]}
        return len(found)

    async def goes_on(self) -> None:
        """The same writer posts all of them again: each is there once, and the book is sound."""
        stood = await self.recorded()
        await self.writer.load(self.source(), self.note)
        assert await self.recorded() == len(self.rows)
        replayed = self.statuses.count(LineStatus.REPLAYED)
        assert (replayed, len(self.statuses)) == (stood, len(self.rows))
        async with self.pool.acquire() as connection:
            report = await verify_ledger(connection, 1)
        assert report.ok, f"{report}"


class Watched(BulkWriter):
    """A writer that lets a test do something in its transaction before it writes."""

    before_writing: BeforeCommit

    async def _write(self, connection: Connection, batch: Assembled) -> None:
        await self.before_writing(connection, 0, batch.outcomes)
        await super()._write(connection, batch)


@pytest.fixture
async def bench(pool: Pool) -> AsyncIterator[Bench]:
    """A writer on a book with two members; nothing may be left behind."""
    before = asyncio.all_tasks()
    yield Bench(pool, await make_scene(pool, members=2, balance_min=None))
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not [task for task in left if "maintain_min_size" not in str(task)]
    assert pool.get_idle_size() == pool.get_size()


async def test_what_came_before_a_break_of_the_source_is_posted_and_then_the_break_is_told(
    bench: Bench,
) -> None:
    for breaks_after in (0, PIECE, 5 * PIECE):
        with pytest.raises(EOFError, match="middle of a line"):
            await bench.writer.load(bench.source(breaks_after), bench.note)
        assert await bench.recorded() == breaks_after
    await bench.goes_on()


async def test_a_source_that_breaks_at_once_after_lines_that_fit_in_one_batch_loses_none_of_them(
    bench: Bench,
) -> None:
    bench.writer = BulkWriter(bench.pool, 1, actor=ACTOR)
    with pytest.raises(EOFError, match="middle of a line"):
        await bench.writer.load(bench.source(3 * PIECE), bench.note)
    assert await bench.recorded() == 3 * PIECE
    await bench.goes_on()


async def test_a_load_without_lines_records_nothing(bench: Bench) -> None:
    rows, bench.rows = bench.rows, []
    await bench.writer.load(bench.source(), bench.note)
    assert await bench.pool.fetchval(_BATCHES) == 0
    bench.rows = rows
    await bench.goes_on()


@pytest.mark.parametrize("batch", [0, 1, 4])
@pytest.mark.parametrize("error", [ValueError("no such run"), OSError(28, "disk full")], ids=repr)
async def test_a_batch_whose_hook_breaks_is_not_recorded_and_the_error_is_told_as_it_is(
    bench: Bench, batch: int, error: Exception
) -> None:
    async def breaks(connection: Connection, first: int, outcomes: LineOutcomes) -> None:
        if first >= batch * PIECE:
            raise error

    with pytest.raises(type(error)) as told:
        await bench.writer.load(bench.source(), breaks)
    assert told.value is error
    assert await bench.recorded() == batch * PIECE
    await bench.goes_on()


async def test_a_batch_that_the_database_refuses_is_not_recorded(bench: Bench) -> None:
    async def breaks(connection: Connection, first: int, outcomes: LineOutcomes) -> None:
        if first >= 2 * PIECE:
            await connection.execute("SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await bench.writer.load(bench.source(), breaks)
    assert await bench.recorded() == 2 * PIECE
    await bench.goes_on()


@pytest.mark.parametrize("batch", [0, 1, 2, 5])
async def test_every_connection_lost_in_the_middle_of_a_batch_is_told_in_our_words(
    bench: Bench, database_url: str, batch: int
) -> None:
    """The batch's own connection, and the one on which the next is being made."""
    owner = await asyncpg.connect(database_url)

    async def breaks(connection: Connection, first: int, outcomes: LineOutcomes) -> None:
        if first >= batch * PIECE:
            await owner.execute(_TERMINATE)

    try:
        with pytest.raises((DatabaseUnavailable, OutcomeUnknown)):
            await bench.writer.load(bench.source(), breaks)
    finally:
        await owner.close()
    await bench.pool.expire_connections()
    assert await bench.recorded() == batch * PIECE
    await bench.goes_on()


@pytest.mark.parametrize("table", ["transfer", "movement", "balance"])
async def test_a_load_cancelled_while_it_writes_leaves_nothing_of_its_batch(
    bench: Bench, database_url: str, table: str
) -> None:
    """Somebody holds the table, so that the batch stands in the middle of writing."""
    owner = await asyncpg.connect(database_url)
    done = 0

    async def count(connection: Connection, first: int, outcomes: LineOutcomes) -> None:
        nonlocal done
        done = first

    try:
        await owner.execute("BEGIN")
        await owner.execute(f"LOCK TABLE ledger.{table} IN EXCLUSIVE MODE")
        task = asyncio.create_task(bench.writer.load(bench.source(), count))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        await until(lambda: owner.fetchval(waiting))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await owner.execute("ROLLBACK")
    finally:
        await owner.close()
    assert done == 0
    assert await bench.recorded() == 0
    await bench.goes_on()


async def test_a_head_that_is_held_elsewhere_for_too_long_is_told_and_nothing_is_recorded(
    bench: Bench, database_url: str
) -> None:
    impatient = await asyncpg.create_pool(
        database_url,
        min_size=1,
        max_size=3,
        server_settings=POSTER_SETTINGS | {"lock_timeout": "100ms"},
    )
    owner = await asyncpg.connect(database_url)
    try:
        writer = BulkWriter(impatient, 1, actor=ACTOR, lines_max=PIECE)
        async with owner.transaction():
            await owner.execute("SELECT FROM ledger.book_head WHERE book_id = 1 FOR UPDATE")
            with pytest.raises(Overloaded, match="held elsewhere"):
                await writer.load(bench.source(), bench.note)
    finally:
        await owner.close()
        await impatient.close()
    assert await bench.recorded() == 0
    await bench.goes_on()


async def test_a_load_stopped_while_it_gives_way_to_somebody_leaves_nothing_running(
    bench: Bench, database_url: str
) -> None:
    """The next batch is being made at that moment; its source has no more lines yet."""
    owner = await asyncpg.connect(database_url)
    waiting: asyncio.Future[asyncio.Task[str]] = asyncio.get_running_loop().create_future()

    async def slowly() -> AsyncIterator[Lines]:
        yield lines_of(bench.rows[:PIECE])
        await asyncio.Event().wait()

    async def somebody_comes(connection: Connection, first: int, outcomes: LineOutcomes) -> None:
        take = "SELECT FROM ledger.book_head WHERE book_id = 1 FOR UPDATE"
        waiting.set_result(asyncio.create_task(owner.execute(take)))
        blocked = "SELECT cardinality(pg_blocking_pids($1)) > 0"
        await until(lambda: connection.fetchval(blocked, owner.get_server_pid()))

    # Before the load looks whether anybody waits, so that it knows of the one who comes.
    watched = Watched(bench.pool, 1, actor=ACTOR, lines_max=PIECE)
    watched.before_writing = somebody_comes
    try:
        await owner.execute("BEGIN")
        task = asyncio.create_task(watched.load(slowly(), bench.note))
        await (await waiting)
        # The commit is answered by now, and the writer looks whether somebody else has posted.
        await asyncio.sleep(0.006)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await owner.execute("ROLLBACK")
    finally:
        await owner.close()
    assert await bench.recorded() == PIECE
    await bench.goes_on()


async def test_a_load_needs_no_more_than_one_connection(bench: Bench, database_url: str) -> None:
    """The next batch is made beside the one in flight only when there is another."""
    narrow = await asyncpg.create_pool(
        database_url, min_size=1, max_size=1, server_settings=POSTER_SETTINGS
    )
    try:
        writer = BulkWriter(narrow, 1, actor=ACTOR, lines_max=PIECE)
        await asyncio.wait_for(writer.load(bench.source(), bench.note), 30)
    finally:
        await narrow.close()
    assert await bench.recorded() == len(bench.rows)


async def test_a_load_waits_while_others_have_all_connections_and_then_goes_on(
    bench: Bench,
) -> None:
    taken = [await bench.pool.acquire() for _ in range(bench.pool.get_max_size())]
    task = asyncio.create_task(bench.writer.load(bench.source(), bench.note))
    await asyncio.sleep(0.05)
    assert not task.done()
    assert not bench.statuses
    for connection in taken:
        await bench.pool.release(connection)
    await task
    assert await bench.recorded() == len(bench.rows)
