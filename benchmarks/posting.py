"""The posting path: in batches against a bare COPY of the same rows, and online, many at once,
against one autocommit INSERT and UPDATE.

Every transfer is a journal of its own with a client-made id, kind, actor, value date and a
20-character reference, over 10,000 limited accounts picked uniformly; full semantics: ids looked
up, limits judged, movements, digest, head. After each point the trial balance must balance.
"""

from __future__ import annotations

import asyncio
import random
import time
from datetime import date
from uuid import UUID

import asyncpg

from benchmarks.bench import Point, percentile_99, point, rate
from ledger import accounts, balances, books
from ledger.books import GlAccount
from ledger.db import Pool
from ledger.errors import ensure
from ledger.kinds import JournalKind
from ledger.posting.collector import Collector
from ledger.posting.values import Journal, OpenAccount, Origin, Status, Transfer, Unit
from ledger.posting.write import post_batch

ACCOUNTS = 10_000
OPENED_ON = date(2026, 6, 1)
BATCHES = (512, 4096)
IN_FLIGHT = (1, 8, 64)
ONLINE_EACH = 3_000


async def prepare(pool: Pool) -> list[int]:
    """A book with `ACCOUNTS` accounts of ample balance; answers their numbers."""
    async with pool.acquire() as connection:
        await books.create_book(
            connection, book_id=1, code="bench", name_th="-", name_en="-", opened_on=OPENED_ON
        )
        chart = [GlAccount(gl_code="211100", cad_code="", name_th="-", name_en="-")]
        await books.add_gl_accounts(connection, 1, chart)
        numbers = await accounts.reserve_ids(connection, ACCOUNTS)
        opened = tuple(
            OpenAccount(
                account=number,
                code=f"A-{number:06d}",
                gl_code="211100",
                currency="THB",
                name_th="-",
                name_en="-",
                balance_min=-(10**15),
            )
            for number in numbers
        )
        async with connection.transaction():
            await post_batch(
                connection, 1, [Unit(operations=opened, actor="bench")], origin=Origin.BULK
            )
    return numbers


class Maker:
    """Makes journals with time-ordered ids; the same seed makes the same ones."""

    def __init__(self, numbers: list[int], seed: int = 2569) -> None:
        self._numbers = numbers
        self._dice = random.Random(seed)
        self._count = 0

    def unit(self) -> Unit:
        """A unit of one journal of one transfer."""
        self._count += 1
        debit, credit = self._dice.sample(self._numbers, 2)
        journal = Journal(
            journal_id=UUID(int=(self._count << 80) | self._dice.getrandbits(72)),
            kind=JournalKind.MANUAL,
            transfers=(Transfer(debit=debit, credit=credit, amount_satang=100),),
            reference=f"REF{self._count:017d}",
        )
        return Unit(operations=(journal,), actor="bench:loader")


async def measure(pool: Pool) -> list[Point]:
    """All points of this file, in the order of the table."""
    maker = Maker(await prepare(pool))
    copied = await _floor_copy(pool)
    points = []
    for size in BATCHES:
        found = await _in_batches(pool, maker, size)
        points.append(point(f"batches of {size:,}", found, "bare COPY of the rows", copied))
    bare = await _floor_autocommit(pool)
    for in_flight in IN_FLIGHT:
        found, p99 = await _online(pool, maker, in_flight)
        name = f"online, {in_flight} in flight"
        points.append(point(name, found, "1 autocommit INSERT+UPDATE", bare, p99))
    async with pool.acquire() as connection:
        trial = await balances.trial_balance(connection, 1, OPENED_ON)
    ensure(trial.debit_total == trial.credit_total, "the book does not balance after the run")
    return points


async def _in_batches(pool: Pool, maker: Maker, size: int) -> int:
    count = 8 * 4096 // size

    async def work() -> None:
        for _ in range(count):
            units = [maker.unit() for _ in range(size)]
            async with pool.acquire() as connection, connection.transaction():
                outcomes = await post_batch(connection, 1, units, origin=Origin.BULK)
            accepted = sum(each.status is Status.ACCEPTED for each in outcomes)
            ensure(accepted == size, "a clean batch was not accepted whole")

    return await rate(work, count * size)


async def _online(pool: Pool, maker: Maker, in_flight: int) -> tuple[int, str]:
    taken: list[int] = []
    async with Collector(pool) as collector:

        async def client(count: int) -> None:
            for _ in range(count):
                began = time.perf_counter_ns()
                await collector.submit(1, maker.unit())
                taken.append(time.perf_counter_ns() - began)

        async def work() -> None:
            await asyncio.gather(*(client(ONLINE_EACH // in_flight) for _ in range(in_flight)))

        found = await rate(work, ONLINE_EACH // in_flight * in_flight)
    return found, percentile_99(taken)


async def _floor_copy(pool: Pool) -> int:
    """Bare binary COPY of the same columns into a table with only the id's unique key."""
    async with pool.acquire() as connection:
        maker = Maker(list(range(1, ACCOUNTS + 1)))
        rows = [_row(maker.unit()) for _ in range(8 * 4096)]
        await _logged_copy_table(connection)

        async def work() -> None:
            await connection.execute("TRUNCATE bench_copy")
            for first in range(0, len(rows), 4096):
                await connection.copy_records_to_table(
                    "bench_copy", records=rows[first : first + 4096]
                )

        return await rate(work, len(rows))


async def _logged_copy_table(connection: asyncpg.pool.PoolConnectionProxy) -> None:
    await connection.execute("SET ROLE postgres")
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS bench_copy (LIKE ledger.transfer); "
        "ALTER TABLE bench_copy ADD UNIQUE (book_id, journal_id, line)"
    )


def _row(unit: Unit) -> tuple[object, ...]:
    journal = unit.operations[0]
    ensure(isinstance(journal, Journal), "the benchmark posts journals")
    if not isinstance(journal, Journal):
        return ()
    transfer = journal.transfers[0]
    dated = (OPENED_ON, OPENED_ON)
    amounts = (transfer.debit, transfer.credit, transfer.amount_satang)
    texts = (unit.actor, journal.reference, "")
    head = (1, journal.journal_id, 0, 1)
    return (*head, *amounts, int(journal.kind), False, *dated, *texts, None, None)


async def _floor_autocommit(pool: Pool) -> int:
    """One statement that inserts a row and updates a balance, committed by itself."""
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_row (id bigint PRIMARY KEY, amount bigint); "
            "CREATE TABLE IF NOT EXISTS bench_sum (id int PRIMARY KEY, amount bigint); "
            "INSERT INTO bench_sum VALUES (1, 0) ON CONFLICT DO NOTHING; "
            "TRUNCATE bench_row"
        )
        count = 0

        async def work() -> None:
            nonlocal count
            for _ in range(1_000):
                count += 1
                await connection.execute(
                    "WITH i AS (INSERT INTO bench_row VALUES ($1, 100)) "
                    "UPDATE bench_sum SET amount = amount + 100 WHERE id = 1",
                    count,
                )

        return await rate(work, 1_000)
