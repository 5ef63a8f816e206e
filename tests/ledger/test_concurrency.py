"""Many clients at once: no deadlock, no limit broken, and answers that some order explains.

Several collectors on separate pools stand for several processes; some clients post directly. What
was answered is then replayed on the sequential oracle in the order of the book's own numbers.
Races that are played statement by statement are in `test_races`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar
from uuid import uuid4

import asyncpg
import pytest

from ledger.db import Connection, Pool, open_pool
from ledger.errors import Overloaded
from ledger.events import feed
from ledger.posting.collector import Collector, decide_and_post
from ledger.posting.values import (
    IdempotencyKey,
    Note,
    Operation,
    Origin,
    Outcome,
    PlaceHold,
    RowRead,
    RowWrite,
    Status,
    Unit,
)
from ledger.posting.write import post_batch
from tests.builders import journal, unit
from tests.ledger.play import ROW_IDS, Table, next_book_id, set_table
from tests.ledger.recipes import NEXT_VERSION, ROWS
from tests.ledger.sessions import explained

_T = TypeVar("_T")
BANK, SAV, SAV2 = 1, 2, 3
SOON = 5


@dataclass(frozen=True, slots=True)
class Office:
    """A book, and several processes that post to it."""

    table: Table
    pools: tuple[Pool, ...]
    collectors: tuple[Collector, ...]

    @property
    def book_id(self) -> int:
        """The book that all of them post to."""
        return self.table.book_id

    async def submit(self, place: int, asked: Unit) -> Outcome:
        """Post through the n-th process; every fourth client posts its own transaction."""
        if place % 4 == 3:
            return await direct(self.pools[0], self.book_id, asked)
        collector = self.collectors[place % len(self.collectors)]
        return await collector.submit(self.book_id, asked)


async def direct(pool: Pool, book_id: int, asked: Unit) -> Outcome:
    """One unit in a posting transaction of its own."""
    async with pool.acquire() as connection, connection.transaction():
        return (await post_batch(connection, book_id, [asked], origin=Origin.DOORS))[0]


@pytest.fixture
async def office(shared_url: str) -> AsyncIterator[Office]:
    """Three processes of four connections each on a fresh book."""
    async with AsyncExitStack() as stack:
        pools = [await open_pool(shared_url, max_size=4) for _ in range(3)]
        for pool in pools:
            stack.push_async_callback(pool.close)
        collectors = [await stack.enter_async_context(Collector(pool)) for pool in pools]
        connection = await asyncpg.connect(shared_url, server_settings={"role": "cff_poster"})
        stack.push_async_callback(connection.close)
        table = await set_table(connection, next_book_id(), Counter())
        yield Office(table, tuple(pools), tuple(collectors))
        await table.verify()


async def still_waiting(task: asyncio.Task[_T]) -> bool:
    """True when a task has not ended after it had time to."""
    await asyncio.wait([task], timeout=0.2)
    return not task.done()


def asks(client: int) -> list[Operation]:
    """What one client wants of the limited account: more of them than it can bear."""
    if client % 8 == 0:
        return [journal(BANK, SAV, 70)]
    if client % 8 == 5:
        return [PlaceHold(hold_id=uuid4(), account=SAV, amount_satang=45)]
    if client % 8 == 7:
        return [journal(SAV, SAV2, 30), journal(SAV2, SAV, 5)]
    return [journal(SAV, BANK, 40)]


async def test_sixty_four_clients_on_one_limited_account_are_answered_in_some_order(
    office: Office,
) -> None:
    await office.table.play([unit(journal(BANK, SAV, 500))])
    units = [unit(*asks(client), actor=f"client:{client}") for client in range(64)]
    outcomes = await asyncio.gather(*(office.submit(n, asked) for n, asked in enumerate(units)))
    kinds = Counter(outcome.status for outcome in outcomes)
    assert kinds[Status.ACCEPTED] + kinds[Status.REFUSED] == 64
    assert min(kinds[Status.ACCEPTED], kinds[Status.REFUSED]) >= 10
    row = await office.table.connection.fetchrow(
        "SELECT credits - debits - held AS free FROM ledger.balance "
        "WHERE book_id = $1 AND account_id = $2",
        office.book_id,
        SAV,
    )
    assert row is not None
    assert 0 <= row["free"] < 40
    await explained(office.table, units, outcomes)


async def test_two_books_do_not_wait_for_each_other(office: Office, shared_pool: Pool) -> None:
    async with shared_pool.acquire() as connection:
        other = await set_table(connection, next_book_id(), Counter())
    head = "SELECT 1 FROM ledger.book_head WHERE book_id = $1 FOR UPDATE"
    async with shared_pool.acquire() as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute(head, office.book_id)
        blocked = asyncio.create_task(office.submit(0, unit(journal(BANK, SAV, 1))))
        free = office.collectors[0].submit(other.book_id, unit(journal(BANK, SAV, 1)))
        assert (await asyncio.wait_for(free, SOON)).status is Status.ACCEPTED
        assert await still_waiting(blocked)
        await transaction.rollback()
    assert (await asyncio.wait_for(blocked, SOON)).status is Status.ACCEPTED


def on_row(book_id: int, versions: dict[int, int], *operations: Operation) -> Unit:
    """A unit decided on product rows at these versions; accepted, it makes the next versions."""
    return Unit(
        operations=operations,
        actor="test:clerk",
        reads=tuple(
            RowRead(table=ROWS, row_id=ROW_IDS[n], version=version)
            for n, version in versions.items()
        ),
        writes=tuple(
            RowWrite(statement=NEXT_VERSION, arguments=(book_id, ROW_IDS[n])) for n in versions
        ),
    )


async def test_a_unit_over_a_locked_row_waits_and_nobody_waits_for_it(
    office: Office, shared_pool: Pool
) -> None:
    async with shared_pool.acquire() as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.fetch(ROWS.select, office.book_id, [ROW_IDS[0]])
        asked = on_row(office.book_id, {0: 1}, journal(BANK, SAV, 1))
        waiting = asyncio.create_task(office.submit(0, asked))
        others = [office.submit(0, unit(journal(BANK, SAV, 1))) for _ in range(10)]
        answers = await asyncio.wait_for(asyncio.gather(*others), SOON)
        assert {outcome.status for outcome in answers} == {Status.ACCEPTED}
        assert await still_waiting(waiting)
        await transaction.rollback()
    assert (await asyncio.wait_for(waiting, SOON)).status is Status.ACCEPTED


async def test_a_unit_whose_row_has_changed_meanwhile_is_decided_again(
    office: Office, shared_pool: Pool
) -> None:
    async with shared_pool.acquire() as other:
        await other.execute(NEXT_VERSION, office.book_id, ROW_IDS[0])
    stale = on_row(office.book_id, {0: 1}, journal(BANK, SAV, 1))
    assert (await office.submit(0, stale)).status is Status.STALE
    decided: list[int] = []

    async def decide(connection: Connection) -> Unit:
        version = await connection.fetchval(
            "SELECT version FROM ledger.manual_journal WHERE book_id = $1 AND journal_id = $2",
            office.book_id,
            ROW_IDS[0],
        )
        decided.append(version)
        if len(decided) == 1:
            await connection.execute(NEXT_VERSION, office.book_id, ROW_IDS[0])
        return on_row(office.book_id, {0: version}, journal(BANK, SAV, 1))

    outcome = await decide_and_post(office.collectors[0], office.pools[0], office.book_id, decide)
    assert (outcome.status, decided) == (Status.ACCEPTED, [2, 3])


async def test_a_row_that_is_not_there_does_not_keep_a_unit_waiting_for_ever(
    office: Office,
) -> None:
    read = RowRead(table=ROWS, row_id=uuid4(), version=1)
    asked = replace(unit(journal(BANK, SAV, 1)), reads=(read,))
    async with Collector(office.pools[0], patience_seconds=1) as collector:
        with pytest.raises(Overloaded, match="locked or missing"):
            await asyncio.wait_for(collector.submit(office.book_id, asked), SOON)


async def test_units_over_the_same_two_rows_in_any_order_all_get_through(office: Office) -> None:
    async def client(number: int) -> Outcome:
        order = (0, 1) if number % 2 else (1, 0)
        asked = journal(BANK, SAV, 1)

        async def decide(connection: Connection) -> Unit:
            rows = await connection.fetch(
                "SELECT journal_id, version FROM ledger.manual_journal WHERE book_id = $1",
                office.book_id,
            )
            found = {row["journal_id"]: row["version"] for row in rows}
            return on_row(office.book_id, {n: found[ROW_IDS[n]] for n in order}, asked)

        place = number % 3
        return await decide_and_post(
            office.collectors[place], office.pools[place], office.book_id, decide
        )

    outcomes = await asyncio.gather(*(client(number) for number in range(12)))
    assert {outcome.status for outcome in outcomes} == {Status.ACCEPTED}
    versions = await office.table.connection.fetch(
        "SELECT version FROM ledger.manual_journal WHERE book_id = $1", office.book_id
    )
    assert [row["version"] for row in versions] == [13, 13]


async def test_one_idempotency_key_from_many_tasks_moves_the_money_once(office: Office) -> None:
    key = IdempotencyKey(client="web", key="pay-1", request_hash=hashlib.sha256(b"1").digest())

    def asked() -> Unit:
        # Each task makes new ids, as a door would: only the key tells that they are one request.
        made = unit(journal(BANK, SAV, 100))
        return replace(made, key=key, answer=lambda outcome: outcome.status.value)

    outcomes = await asyncio.gather(*(office.submit(n, asked()) for n in range(32)))
    kinds = Counter(outcome.status for outcome in outcomes)
    assert kinds[Status.ACCEPTED] == 1
    assert kinds.keys() <= {Status.ACCEPTED, Status.REPLAYED, Status.IN_PROGRESS}
    again = await office.submit(0, asked())
    assert (again.status, again.answer) == (Status.REPLAYED, "accepted")
    another = replace(key, request_hash=hashlib.sha256(b"2").digest())
    conflict = await office.submit(0, replace(asked(), key=another))
    assert conflict.status is Status.KEY_CONFLICT


async def test_one_journal_id_from_many_tasks_is_recorded_once(office: Office) -> None:
    asked = unit(journal(BANK, SAV, 100))
    outcomes = await asyncio.gather(*(office.submit(n, asked) for n in range(32)))
    kinds = Counter(outcome.status for outcome in outcomes)
    assert kinds == {Status.ACCEPTED: 1, Status.REPLAYED: 31}
    assert {outcome.receipts for outcome in outcomes} == {outcomes[0].receipts}


async def test_a_full_queue_says_so_instead_of_making_everybody_wait(
    office: Office, shared_pool: Pool
) -> None:
    async with Collector(office.pools[0], queue_max=20) as collector:
        async with shared_pool.acquire() as holder:
            transaction = holder.transaction()
            await transaction.start()
            await holder.execute(
                "SELECT 1 FROM ledger.book_head WHERE book_id = $1 FOR UPDATE", office.book_id
            )
            first = asyncio.create_task(collector.submit(office.book_id, unit(Note(kind=31))))
            assert await still_waiting(first)
            tasks = [
                asyncio.create_task(collector.submit(office.book_id, unit(Note(kind=31))))
                for _ in range(30)
            ]
            assert await still_waiting(tasks[0])
            turned_away = [task for task in tasks if task.done()]
            await transaction.rollback()
        answers = await asyncio.gather(first, *tasks, return_exceptions=True)
    assert len(turned_away) == 10
    kinds = Counter(type(answer) for answer in answers)
    assert kinds == {Outcome: 21, Overloaded: 10}


async def test_a_closed_collector_takes_nothing_more(office: Office) -> None:
    collector = Collector(office.pools[0])
    await collector.close()
    with pytest.raises(Overloaded):
        await collector.submit(office.book_id, unit(Note(kind=31)))


async def test_a_reader_beside_running_postings_never_sees_a_gap(office: Office) -> None:
    async def read() -> list[int]:
        cursor = 0
        seen: list[int] = []
        async with office.pools[2].acquire() as connection:
            while len(seen) < 100:
                for item in await feed(connection, office.book_id, cursor, limit=7):
                    seen.append(item.recorded_seq)
                    cursor = item.recorded_seq
        return seen

    reader = asyncio.create_task(read())
    posted: list[Awaitable[Outcome]] = [
        office.submit(n, unit(journal(BANK, SAV, 1))) for n in range(93 + 10)
    ]
    await asyncio.gather(*posted)
    seen = await asyncio.wait_for(reader, SOON)
    assert seen == list(range(1, len(seen) + 1))


async def test_a_unit_that_was_never_answered_is_found_again_by_its_id(office: Office) -> None:
    asked = unit(journal(BANK, SAV, 100, value_date=date(2026, 5, 30)))
    impatient = asyncio.create_task(office.submit(0, asked))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    # Whether or not it had been posted by then: asked again, it is there once.
    outcome = await office.submit(1, asked)
    assert outcome.status in {Status.ACCEPTED, Status.REPLAYED}
    found = await office.table.connection.fetchval(
        "SELECT credits FROM ledger.balance WHERE book_id = $1 AND account_id = $2",
        office.book_id,
        SAV,
    )
    assert found == 100
