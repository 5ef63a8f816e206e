"""A dry run is the real path rolled back: it answers what the posting answers, and leaves nothing.

Histories are drawn as in `test_stateful`; before a batch is posted it is run dry, and every table
of the database is hashed before and after. Then the same batch is posted, and both answers must be
the same to the last byte: status, refusal and its facts, numbers, balances, batch and digest.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from ledger.db import Connection, Pool, open_pool
from ledger.errors import NotFound, Overloaded
from ledger.posting.collector import Collector
from ledger.posting.dry_run import DryRun, dry_run
from ledger.posting.values import (
    IdempotencyKey,
    Origin,
    Outcome,
    RowRead,
    RowWrite,
    Status,
    Unit,
)
from tests.builders import journal, unit
from tests.ledger.play import OPENED_ON, ROW_IDS, Table, World
from tests.ledger.recipes import NEXT_VERSION, ROWS
from tests.ledger.test_stateful import AnyHistory

BANK, SAV = 1, 2

_TABLES = """
SELECT c.oid::regclass::text AS name, EXISTS (
    SELECT 1 FROM pg_attribute AS a
    WHERE a.attrelid = c.oid AND a.attname = 'book_id' AND NOT a.attisdropped
) AS by_book
FROM pg_class AS c INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1
"""
_SEQUENCES = """
SELECT schemaname || '.' || sequencename AS name, last_value::text AS print FROM pg_sequences
"""


class Prints:
    """A hash of every table, of one book where a table knows books, and of every sequence."""

    def __init__(self, connection: Connection, book_id: int, tables: Sequence[asyncpg.Record]):
        self._connection = connection
        self._book_id = book_id
        self._question = " UNION ALL ".join(
            f"SELECT '{table['name']}' AS name, md5(string_agg(t::text, E'\\n' ORDER BY t::text)) "
            f"AS print FROM {table['name']} AS t "
            + (f"WHERE t.book_id = {book_id}" if table["by_book"] else "")
            for table in tables
        )

    @classmethod
    async def of(cls, connection: Connection, book_id: int) -> Prints:
        """The prints of one book, taken as the owner, who sees every table."""
        return cls(connection, book_id, await connection.fetch(_TABLES))

    async def take(self) -> dict[str, str | None]:
        """Everything as it stands."""
        rows = await self._connection.fetch(f"{self._question} UNION ALL {_SEQUENCES}")
        return {row["name"]: row["print"] for row in rows}


class RehearsedHistory(AnyHistory):
    """Any history, each batch of which is run dry before it is posted."""

    pool: Pool
    owner: Connection

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.prints = world.run(Prints.of(self.owner, self.table.book_id))

    async def _put(
        self, units: list[Unit], on: date | None = None, *, adjusts: bool = False
    ) -> list[Outcome]:
        origin = Origin.DOORS if on is None else Origin.ADJUST if adjusts else Origin.NIGHT
        before = await self.prints.take()
        rehearsed = await dry_run(
            self.pool, self.table.book_id, units, origin=origin, business_date=on
        )
        after = await self.prints.take()
        changed = [name for name in before if before[name] != after[name]]
        assert before.keys() == after.keys(), before.keys() ^ after.keys()
        assert not changed, f"a dry run has changed {changed}"
        real = await self.table.play(units, on, adjusts=adjusts)
        assert rehearsed == real
        return real


@pytest.mark.timeout(7200)  # the long profiles take their time
def test_a_dry_run_of_anything_answers_what_posting_it_answers_and_changes_nothing(
    shared_url: str, record_property: Callable[[str, object], None]
) -> None:
    world = World(shared_url)

    class Here(RehearsedHistory):
        pool = world.run(open_pool(shared_url, max_size=1))
        owner = world.run(asyncpg.connect(shared_url))

        def __init__(self) -> None:
            super().__init__(world)

    how_much = settings(max_examples=max(8, settings().max_examples // 8))
    try:
        run_state_machine_as_test(Here, settings=how_much)
    finally:
        world.run(Here.pool.close())
        world.run(Here.owner.close())
        world.close()
        counts = world.counts
        told = f"{counts['steps']} batches in {counts['books']} books run dry, then posted"
        record_property("told", f"dry run: {told}")
    assert world.counts["accepted"] > world.counts["books"]


async def test_a_dry_run_of_a_keyed_unit_leaves_the_key_free(
    shared_pool: Pool, bare_table: Table
) -> None:
    key = IdempotencyKey(client="web", key="dry", request_hash=hashlib.sha256(b"1").digest())
    asked = replace(unit(journal(BANK, SAV, 100)), key=key, answer=lambda outcome: "{}")
    (first,) = await dry_run(shared_pool, bare_table.book_id, [asked])
    (second,) = await dry_run(shared_pool, bare_table.book_id, [asked])
    assert first.status is Status.ACCEPTED
    assert first == second
    (real,) = await bare_table.play([asked])
    assert real == first
    (again,) = await dry_run(shared_pool, bare_table.book_id, [asked])
    assert (again.status, again.answer) == (Status.REPLAYED, "{}")


async def test_a_dry_run_writes_no_product_row_and_finds_a_stale_one(
    shared_pool: Pool, bare_table: Table
) -> None:
    asked = Unit(
        operations=(journal(BANK, SAV, 100),),
        actor="test:clerk",
        reads=(RowRead(table=ROWS, row_id=ROW_IDS[0], version=1),),
        writes=(RowWrite(statement=NEXT_VERSION, arguments=(bare_table.book_id, ROW_IDS[0])),),
    )
    statuses = [(await dry_run(shared_pool, bare_table.book_id, [asked]))[0].status]
    statuses += [outcome.status for outcome in await bare_table.play([asked])]
    later = replace(asked, operations=(journal(BANK, SAV, 100),))
    statuses += [(await dry_run(shared_pool, bare_table.book_id, [later]))[0].status]
    assert statuses == [Status.ACCEPTED, Status.ACCEPTED, Status.STALE]


async def test_a_dry_run_in_a_book_that_is_not_there_says_so(shared_pool: Pool) -> None:
    with pytest.raises(NotFound):
        await dry_run(shared_pool, 987_654, [unit(journal(BANK, SAV, 1))])


async def test_a_rehearsing_collector_sees_the_date_that_the_first_door_would_see(
    shared_pool: Pool, bare_table: Table
) -> None:
    await bare_table.connection.execute(
        "UPDATE ledger.book SET cut_off_time = '15:30' WHERE book_id = $1", bare_table.book_id
    )

    def clock() -> datetime:
        return datetime(2026, 6, 2, 9, 0, tzinfo=UTC)

    asked = unit(journal(BANK, SAV, 100))
    async with DryRun(shared_pool, clock=clock) as rehearsing:
        found = [await rehearsing.submit(bare_table.book_id, asked) for _ in range(2)]
    head = await bare_table.connection.fetchval(
        "SELECT business_date FROM ledger.book_head WHERE book_id = $1", bare_table.book_id
    )
    assert head == OPENED_ON
    async with Collector(shared_pool, clock=clock) as collector:
        real = await collector.submit(bare_table.book_id, asked)
    # 2 June, 16:00 in Bangkok: two cut-offs have passed.
    assert real.receipts[0].business_date == OPENED_ON + timedelta(days=2) == date(2026, 6, 3)
    assert found == [real, real]


async def test_a_rehearsal_waits_for_a_locked_row_as_the_collector_does(
    shared_pool: Pool, bare_table: Table
) -> None:
    read = RowRead(table=ROWS, row_id=ROW_IDS[0], version=1)
    asked = replace(unit(journal(BANK, SAV, 1)), reads=(read,))
    async with shared_pool.acquire() as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.fetch(ROWS.select, bare_table.book_id, [ROW_IDS[0]])
        waiting = asyncio.create_task(DryRun(shared_pool).submit(bare_table.book_id, asked))
        await asyncio.wait([waiting], timeout=0.1)
        assert not waiting.done()
        await transaction.rollback()
    assert (await waiting).status is Status.ACCEPTED
    missing = replace(asked, reads=(replace(read, row_id=uuid4()),))
    with pytest.raises(Overloaded, match="locked or missing"):
        await DryRun(shared_pool, patience_seconds=0).submit(bare_table.book_id, missing)


async def test_many_dry_runs_beside_postings_never_show_in_the_book(
    shared_pool: Pool, bare_table: Table
) -> None:
    async def rehearse() -> Outcome:
        (outcome,) = await dry_run(
            shared_pool, bare_table.book_id, [unit(journal(BANK, SAV, 1_000))]
        )
        return outcome

    async with Collector(shared_pool) as collector:
        posted = [
            collector.submit(bare_table.book_id, unit(journal(BANK, SAV, 1))) for _ in range(30)
        ]
        outcomes = await asyncio.gather(*posted, *(rehearse() for _ in range(30)))
    assert {outcome.status for outcome in outcomes} == {Status.ACCEPTED}
    real = sorted(outcome.receipts[0].recorded_seq for outcome in outcomes[:30])
    assert real == list(range(real[0], real[0] + 30))
    credits_ = await bare_table.connection.fetchval(
        "SELECT credits FROM ledger.balance WHERE book_id = $1 AND account_id = $2",
        bare_table.book_id,
        SAV,
    )
    assert credits_ == 30
