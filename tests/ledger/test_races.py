"""Three races that other ledgers fell into, first as the trap, then against our own posting path.

A: two sessions use an account for the first time, one reads past the other, a limit is passed.
B: a number is given out, a reader passes it by, and only then it is committed: lost for ever.
C: an order by `now()` is the order in which transactions began, not that in which they took effect.

Each trap is sprung in its naive form on a scratch table, so that it is seen to be real. Then two
sessions post through our own code: one stands before each of its statements in turn while another
goes as far as it can. Whatever the interleaving, the answers must be those of some queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import asyncpg
import pytest

from ledger.db import Connection
from ledger.events import feed
from ledger.posting.values import OpenAccount, Operation, Outcome, Status, Unit
from tests.builders import journal, unit
from tests.ledger.play import Table
from tests.ledger.sessions import Session, explained, posting, waits

BANK, SAV = 1, 2
FIRST_NEW = 500
OVERDRAFT = -1_000
STATEMENTS_MAX = 40
"""No posting of one unit has so many."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Two naive sessions, as the owner of a scratch table, and who looks on."""

    one: Session
    other: Session
    monitor: Connection


@pytest.fixture
async def scratch(database_url: str) -> AsyncIterator[Scratch]:
    """A database of its own, with nothing of ours in the way."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(Session.open(database_url))
        other = await stack.enter_async_context(Session.open(database_url))
        monitor = await asyncpg.connect(database_url)
        stack.push_async_callback(monitor.close)
        yield Scratch(one, other, monitor)


@dataclass(frozen=True, slots=True)
class Duel:
    """A book, a session that is let forward by statements and one that goes as far as it can."""

    table: Table
    stepped: Session
    free: Session

    async def play(self, first: Unit, second: Unit, statements: int) -> Played:
        """Let `first` do so many statements, then `second` all it can, then both to their ends."""
        book_id = self.table.book_id
        run = await self.stepped.run(posting(book_id, first), statements)
        ended = run.task.done()
        work = posting(book_id, second)

        async def transact() -> Outcome:
            async with self.free.connection.transaction():
                return await work(self.free.connection)

        task = asyncio.create_task(transact())
        waited = await waits(self.table.connection, task, self.free.pid)
        outcomes = (await run, await task)
        await explained(self.table, (first, second), outcomes)
        return Played(outcomes, waited, ended)


@dataclass(frozen=True, slots=True)
class Played:
    """Both answers; whether the second had to wait; whether the first had ended before it came."""

    outcomes: tuple[Outcome, Outcome]
    waited: bool
    ended: bool


@pytest.fixture
async def duel(shared_url: str, bare_table: Table) -> AsyncIterator[Duel]:
    """Two sessions of the poster on a fresh book."""
    async with AsyncExitStack() as stack:
        stepped = await stack.enter_async_context(Session.open(shared_url, role="cff_poster"))
        free = await stack.enter_async_context(Session.open(shared_url, role="cff_poster"))
        yield Duel(bare_table, stepped, free)


async def every_boundary(
    duel: Duel, asked: Callable[[int], tuple[Unit, Unit]], told: list[Played]
) -> None:
    """Play the duel at every statement boundary of the first session, to beyond its commit."""
    for statements in range(STATEMENTS_MAX):
        first, second = asked(statements)
        told.append(await duel.play(first, second, statements))
        if told[-1].ended:
            break
    assert told[-1].ended
    # Before the head is taken nobody waits; from then on, to the commit, everybody does.
    waited = [played.waited for played in told[:-1]]
    assert waited == sorted(waited)
    assert True in waited
    assert False in waited


# A: the first use of an account


async def test_trap_of_race_a_an_upsert_that_locks_passes_a_limit(scratch: Scratch) -> None:
    await scratch.monitor.execute("CREATE TABLE purse (account text PRIMARY KEY, balance bigint)")

    async def spend(connection: Connection) -> None:
        found = await connection.fetchval(
            "WITH made AS (INSERT INTO purse VALUES ('new', 0) ON CONFLICT DO NOTHING) "
            "SELECT balance FROM purse WHERE account = 'new' FOR UPDATE"
        )
        # Nothing found means that the row was made just now, so its balance must be zero. Or so.
        assert (found or 0) - 900 >= OVERDRAFT
        await connection.execute("UPDATE purse SET balance = balance - 900")

    one = await scratch.one.run(spend, statements=3)
    other = await scratch.other.run(spend, statements=1)
    waiting = asyncio.ensure_future(other)
    assert await waits(scratch.monitor, other.task, scratch.other.pid)
    await one
    await waiting
    assert await scratch.monitor.fetchval("SELECT balance FROM purse") == -1_800 < OVERDRAFT


async def test_race_of_two_sessions_on_an_account_that_is_just_being_opened(
    duel: Duel, record_property: Callable[[str, object], None]
) -> None:
    def asked(statements: int) -> tuple[Unit, Unit]:
        number = FIRST_NEW + statements
        opened = OpenAccount(
            account=number,
            code=f"RACE-{number}",
            gl_code="211100",
            currency="THB",
            name_th="x",
            name_en="x",
            balance_min=OVERDRAFT,
        )
        return unit(opened, journal(number, BANK, 900)), unit(journal(number, BANK, 900))

    played: list[Played] = []
    await every_boundary(duel, asked, played)
    codes = [p.outcomes[1].refusal.code for p in played if p.outcomes[1].refusal is not None]
    # Whoever comes first finds no account; whoever waits finds it with its balance.
    assert codes == sorted(codes, reverse=True)
    assert set(codes) == {"unknown_account", "below_balance_min"}
    assert len(codes) == len(played)
    record_property("told", f"race A, opening: {len(played)} boundaries")


async def test_race_of_two_sessions_on_an_account_never_used_before(
    duel: Duel, record_property: Callable[[str, object], None]
) -> None:
    numbers = range(FIRST_NEW, FIRST_NEW + STATEMENTS_MAX)
    opened: list[Operation] = [
        OpenAccount(
            account=number,
            code=f"RACE-{number}",
            gl_code="211100",
            currency="THB",
            name_th="x",
            name_en="x",
            balance_min=OVERDRAFT,
        )
        for number in numbers
    ]
    await duel.table.play([unit(*opened)])

    def asked(statements: int) -> tuple[Unit, Unit]:
        spend = [unit(journal(numbers[statements], BANK, 900)) for _ in range(2)]
        return spend[0], spend[1]

    played: list[Played] = []
    await every_boundary(duel, asked, played)
    for each in played:
        statuses = {outcome.status for outcome in each.outcomes}
        assert statuses == {Status.ACCEPTED, Status.REFUSED}
        # Who waited is who was refused: the one that was let through was judged first.
        assert (each.outcomes[1].status is Status.REFUSED) == (each.waited or each.ended)
    record_property("told", f"race A, first use: {len(played)} boundaries")


# B: a late commit below a high-water mark


async def test_trap_of_race_b_a_reader_beyond_the_highest_number_loses_a_row(
    scratch: Scratch,
) -> None:
    await scratch.monitor.execute("CREATE TABLE log (id bigserial PRIMARY KEY, what text)")

    async def write(connection: Connection) -> None:
        await connection.execute("INSERT INTO log (what) VALUES ('x')")

    slow = await scratch.one.run(write, statements=2)
    await (await scratch.other.run(write, statements=0))
    seen: list[int] = []

    async def read() -> None:
        cursor = max(seen, default=0)
        rows = await scratch.monitor.fetch("SELECT id FROM log WHERE id > $1 ORDER BY id", cursor)
        seen.extend(row["id"] for row in rows)

    await read()
    await slow
    await read()
    assert seen == [2]
    assert await scratch.monitor.fetchval("SELECT count(*) FROM log") == 2


async def test_race_of_a_late_commit_below_the_mark_of_a_reader(
    duel: Duel, record_property: Callable[[str, object], None]
) -> None:
    table = duel.table
    seen: list[int] = []

    async def read() -> None:
        items = await feed(table.connection, table.book_id, max(seen, default=0), limit=500)
        seen.extend(item.recorded_seq for item in items)

    boundaries = waited = 0
    ended = False
    while not ended:
        units = unit(journal(BANK, SAV, 1)), unit(journal(BANK, SAV, 2))
        run = await duel.stepped.run(posting(table.book_id, units[0]), boundaries)
        ended = run.task.done()
        await read()
        other = await duel.free.run(posting(table.book_id, units[1]), 0)
        going = asyncio.ensure_future(other)
        waited += await waits(table.connection, other.task, duel.free.pid)
        await read()
        first = await run
        await read()
        outcomes = first, await going
        await read()
        await explained(table, units, outcomes)
        boundaries += 1
    head = await table.connection.fetchval(
        "SELECT recorded_seq FROM ledger.book_head WHERE book_id = $1", table.book_id
    )
    assert seen == list(range(1, head + 1))
    assert 0 < waited < boundaries
    record_property("told", f"race B: {boundaries} boundaries, {len(seen)} numbers read in order")


# C: an order by the clock


async def test_trap_of_race_c_an_order_by_now_shows_a_balance_that_never_was(
    scratch: Scratch,
) -> None:
    await scratch.monitor.execute(
        "CREATE TABLE entry (amount bigint, balance_after bigint, at timestamptz DEFAULT now());"
        "CREATE TABLE purse (balance bigint); INSERT INTO purse VALUES (0)"
    )

    def move(amount: int) -> Callable[[Connection], Awaitable[None]]:
        async def work(connection: Connection) -> None:
            balance = await connection.fetchval(
                "UPDATE purse SET balance = balance + $1 RETURNING balance", amount
            )
            await connection.execute(
                "INSERT INTO entry (amount, balance_after) VALUES ($1, $2)", amount, balance
            )

        return work

    # BEGIN goes through; `now()` is then what it is at the first statement, a look at the clock.
    async def began_early(connection: Connection) -> None:
        await connection.fetchval("SELECT now()")
        await move(-30)(connection)

    early = await scratch.one.run(began_early, statements=2)
    await (await scratch.other.run(move(100), statements=0))
    await early
    rows = await scratch.monitor.fetch("SELECT amount, balance_after FROM entry ORDER BY at")
    assert [tuple(row) for row in rows] == [(-30, 70), (100, 100)]
    assert await scratch.monitor.fetchval("SELECT balance FROM purse") == 70


async def test_race_of_the_clock_against_the_order_of_commits(
    duel: Duel, record_property: Callable[[str, object], None]
) -> None:
    def asked(_: int) -> tuple[Unit, Unit]:
        return unit(journal(BANK, SAV, 100)), unit(journal(BANK, SAV, 30))

    played: list[Played] = []
    await every_boundary(duel, asked, played)
    rows = await duel.table.connection.fetch(
        "SELECT b.batch_no, b.recorded_at, m.credits, m.credits_after FROM ledger.batch AS b "
        "INNER JOIN ledger.movement AS m ON m.book_id = b.book_id AND m.batch_no = b.batch_no "
        "AND m.account_id = $2 WHERE b.book_id = $1 ORDER BY b.batch_no",
        duel.table.book_id,
        SAV,
    )
    total = 0
    for row in rows:
        total += row["credits"]
        assert row["credits_after"] == total
    instants = [row["recorded_at"] for row in rows]
    assert instants == sorted(set(instants))
    # A session that began first and was overtaken is recorded second, and its instant says so.
    seqs = [[o.receipts[0].recorded_seq for o in p.outcomes] for p in played]
    overtaken = [pair for pair in seqs if pair[1] < pair[0]]
    assert 0 < len(overtaken) < len(played)
    record_property("told", f"race C: {len(played)} boundaries, {len(overtaken)} overtaken")
