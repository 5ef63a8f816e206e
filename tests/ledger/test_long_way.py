"""The long way in few round trips: one for all locks, one for the head and what is asked under it,
one for the batch and its events. What each of them sees and what it leaves to others.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from benchmarks.traffic import Traffic, counted_pool
from ledger.db import Pool
from ledger.posting.held import Held
from ledger.posting.locks import try_locks
from ledger.posting.values import (
    IdempotencyKey,
    Note,
    Origin,
    Outcome,
    PlaceHold,
    ReleaseHold,
    RowRead,
    RowTable,
    Status,
    Unit,
)
from ledger.posting.write import begin, lock, post_batch
from tests.builders import journal, unit
from tests.ledger.play import ROW_IDS, Table
from tests.ledger.recipes import ROWS
from tests.ledger.test_concurrency import SOON, direct, still_waiting

BANK, SAV = 1, 2
HOLD = UUID(int=41)
NOTED = 111
TWIN = RowTable(name="ledger.manual_journal_too", select=ROWS.select)
"""The same rows under another name: a batch that has decided on rows of two tables."""


def key(name: str) -> IdempotencyKey:
    """A key of one client."""
    digest = hashlib.sha256(name.encode()).digest()
    return IdempotencyKey(client="test", key=name, request_hash=digest)


def decided_on(*rows: tuple[RowTable, int], named: str | None = None) -> Unit:
    """A unit decided on rows, perhaps under a key."""
    return Unit(
        operations=(journal(BANK, SAV, 1),),
        actor="test:clerk",
        reads=tuple(RowRead(table=table, row_id=ROW_IDS[n], version=1) for table, n in rows),
        key=None if named is None else key(named),
    )


_HELD = """
SELECT h.state, count(*) AS events
FROM ledger.hold AS h
INNER JOIN ledger.event AS e ON e.book_id = h.book_id AND h.hold_id IN (e.hold_id, e.subject)
WHERE h.book_id = $1 AND h.hold_id = $2 GROUP BY h.state
"""


@pytest.fixture
async def counted(shared_url: str) -> AsyncIterator[tuple[Pool, Traffic]]:
    """A pool of the poster's whose round trips are counted."""
    traffic = Traffic()
    pool = await counted_pool(shared_url, traffic)
    yield pool, traffic
    await pool.close()


async def test_locks_of_keys_and_of_several_tables_say_each_what_they_obtained(
    bare_table: Table, shared_pool: Pool
) -> None:
    book_id = bare_table.book_id
    units = [
        decided_on((TWIN, 0), (ROWS, 1), named="free"),
        unit(journal(BANK, SAV, 1)),
        decided_on((ROWS, 0), named="busy"),
    ]
    async with (
        shared_pool.acquire() as other,
        shared_pool.acquire() as mine,
        other.transaction(),
        mine.transaction(),
    ):
        assert not (await try_locks(other, book_id, [decided_on(named="busy")])).busy
        await other.fetch(ROWS.select, book_id, [ROW_IDS[1]])
        obtained = await asyncio.wait_for(try_locks(mine, book_id, units), SOON)
    assert obtained.busy == {2}
    # The row that somebody else holds is left out, under its own table's name; nobody waits for it.
    assert obtained.versions == {(TWIN.name, ROW_IDS[0]): 1, (ROWS.name, ROW_IDS[0]): 1}


async def test_a_batch_that_decides_on_nothing_and_has_no_key_locks_nothing(
    bare_table: Table, counted: tuple[Pool, Traffic]
) -> None:
    pool, traffic = counted
    async with pool.acquire() as connection:
        before = traffic.snapshot()
        obtained = await try_locks(connection, bare_table.book_id, [unit(journal(BANK, SAV, 1))])
        assert traffic.snapshot() == before
    assert (obtained.busy, obtained.versions) == (set(), {})


async def test_what_was_posted_while_the_head_was_waited_for_is_seen_under_it(
    bare_table: Table, shared_pool: Pool
) -> None:
    asked = unit(journal(BANK, SAV, 100))
    keyed = Unit(operations=(journal(BANK, SAV, 5),), actor="test:clerk", key=key("once"))
    async with shared_pool.acquire() as first:
        transaction = first.transaction()
        await transaction.start()
        done = await post_batch(first, bare_table.book_id, [asked, keyed], origin=Origin.DOORS)
        again = asyncio.create_task(direct(shared_pool, bare_table.book_id, asked))
        larger = unit(journal(BANK, SAV, 7))
        after = asyncio.create_task(direct(shared_pool, bare_table.book_id, larger))
        assert await still_waiting(again)
        assert await still_waiting(after)
        await transaction.commit()
    replayed: Outcome = await asyncio.wait_for(again, SOON)
    assert (replayed.status, replayed.replay) == (Status.REPLAYED, True)
    assert replayed.receipts[0].recorded_seq == done[0].receipts[0].recorded_seq
    new = await asyncio.wait_for(after, SOON)
    assert {b.account: b.balance_satang for b in new.balances}[SAV] == 112
    assert (await direct(shared_pool, bare_table.book_id, keyed)).status is Status.REPLAYED
    await bare_table.verify()


async def test_accounts_that_are_held_are_read_after_all_when_the_head_has_moved(
    bare_table: Table, shared_pool: Pool
) -> None:
    held, book_id = Held(), bare_table.book_id
    async with shared_pool.acquire() as connection, connection.transaction():
        asked = [unit(journal(BANK, SAV, 1))]
        draft = await begin(
            connection, await lock(connection, book_id, asked), origin=Origin.DOORS, held=held
        )
        held.keep(draft.head, draft.state.accounts)
    await direct(shared_pool, book_id, unit(journal(BANK, SAV, 30)))
    async with shared_pool.acquire() as connection, connection.transaction():
        draft = await begin(
            connection, await lock(connection, book_id, asked), origin=Origin.DOORS, held=held
        )
        assert draft.state.accounts[SAV].balance == 30
        assert len(held) == 0


async def test_events_and_holds_are_written_with_the_batch_in_one_round_trip(
    bare_table: Table, counted: tuple[Pool, Traffic]
) -> None:
    pool, traffic = counted
    book_id = bare_table.book_id
    await direct(pool, book_id, unit(journal(BANK, SAV, 100)))
    placed = unit(
        PlaceHold(hold_id=HOLD, account=SAV, amount_satang=40),
        Note(kind=NOTED, subject=HOLD, body={"why": "both"}),
    )
    async with pool.acquire() as connection:
        before = traffic.snapshot()
        async with connection.transaction():
            done = await post_batch(connection, book_id, [placed], origin=Origin.DOORS)
        after = traffic.snapshot()
    assert done[0].status is Status.ACCEPTED
    # Begin, the head and what is asked under it, the batch, commit.
    assert (after[0] - before[0], after[1] - before[1]) == (4, 1)
    ended = unit(ReleaseHold(hold_id=HOLD), journal(SAV, BANK, 100))
    assert (await direct(pool, book_id, ended)).status is Status.ACCEPTED
    rows = await pool.fetch(_HELD, book_id, HOLD)
    assert [tuple(row) for row in rows] == [(3, 3)]
    await bare_table.verify()
