"""Consumers lose nothing and repeat nothing, whoever writes and whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence

import asyncpg
import pytest

from ledger import consumers
from ledger.consumers import by_items, catch_up, follow, rewind, step
from ledger.db import Connection, Pool, open_pool
from ledger.errors import CffError, DatabaseUnavailable, InvalidInput, InvariantBroken, NotFound
from ledger.events import FeedItem
from ledger.posting.collector import Collector
from ledger.posting.values import Status
from tests.builders import Scene, journal, make_scene, post, unit

NAME = "effects"
WRITERS, EACH, MOST = 16, 25, 600
"""How many write at once, how many journals each at least, and at most until enough are killed."""
KILLS = 5
"""Deaths of a consumer in the middle of its work that a run must have seen."""


@pytest.fixture
async def scene(pool: Pool) -> Scene:
    """A book, and a table without any key for what the consumer does: a repetition would show."""
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        await connection.execute(
            "CREATE TABLE effect (place bigserial, recorded_seq bigint, amount_satang bigint); "
            "GRANT ALL ON effect, effect_place_seq TO cff_poster"
        )
        await connection.execute("RESET ROLE")
    return await make_scene(pool, members=4)


async def write_down(connection: Connection, items: Sequence[FeedItem]) -> None:
    """The effect: a row an item."""
    await connection.executemany(
        "INSERT INTO effect (recorded_seq, amount_satang) VALUES ($1, $2)",
        [(i.recorded_seq, sum(t.amount_satang for t in i.transfers)) for i in items],
    )


async def written(pool: Pool) -> list[tuple[int, int]]:
    """The effects in the order in which they were made."""
    rows = await pool.fetch("SELECT recorded_seq, amount_satang FROM effect ORDER BY place")
    return [(row["recorded_seq"], row["amount_satang"]) for row in rows]


async def recorded(pool: Pool) -> list[tuple[int, int]]:
    """What the record says that the effects must be."""
    rows = await pool.fetch(
        "SELECT n.seq, coalesce(sum(t.amount_satang), 0)::bigint AS amount "
        "FROM ledger.book_head AS h CROSS JOIN generate_series(1, h.recorded_seq) AS n (seq) "
        "LEFT JOIN ledger.transfer AS t ON t.book_id = 1 AND t.recorded_seq = n.seq "
        "GROUP BY n.seq ORDER BY n.seq"
    )
    return [(row["seq"], row["amount"]) for row in rows]


async def lag_of(pool: Pool) -> int:
    """How far the consumer is behind."""
    async with pool.acquire() as connection:
        return (await consumers.consumers(connection, 1))[0].lag


async def test_a_consumer_deals_with_every_number_once_and_in_order(
    pool: Pool, scene: Scene
) -> None:
    for amount in (5, 7, 9):
        await post(pool, 1, [journal(scene.bank, scene.members[0], amount)])
    while (done := await step(pool, 1, NAME, by_items(write_down), batch=2)) and done.lag:
        assert done.upto - done.after == 2
    assert await written(pool) == await recorded(pool)
    assert await lag_of(pool) == 0
    await post(pool, 1, [journal(scene.bank, scene.members[0], 11)])
    assert await lag_of(pool) == 1
    await catch_up(pool, 1, NAME, by_items(write_down))
    assert await written(pool) == await recorded(pool)


async def test_a_consumer_that_fails_leaves_its_cursor_where_it_was(
    pool: Pool, scene: Scene
) -> None:
    await step(pool, 1, NAME, by_items(write_down), batch=3)

    async def fails(connection: Connection, items: Sequence[FeedItem]) -> None:
        await write_down(connection, items)
        raise InvariantBroken("the consumer's own trouble")

    with pytest.raises(InvariantBroken):
        await step(pool, 1, NAME, by_items(fails))
    assert len(await written(pool)) == 3
    await catch_up(pool, 1, NAME, by_items(write_down))
    assert await written(pool) == await recorded(pool)


async def test_a_kill_between_the_effect_and_the_commit_is_done_again(
    pool: Pool, scene: Scene
) -> None:
    seen: list[int] = []

    async def killed(connection: Connection, items: Sequence[FeedItem]) -> None:
        await write_down(connection, items)
        seen.extend(item.recorded_seq for item in items)
        await terminate(pool, await connection.fetchval("SELECT pg_backend_pid()"))

    with pytest.raises((DatabaseUnavailable, asyncpg.PostgresError)):
        await step(pool, 1, NAME, by_items(killed))
    assert seen
    assert await written(pool) == []
    await catch_up(pool, 1, NAME, by_items(write_down))
    assert await written(pool) == await recorded(pool)


async def terminate(pool: Pool, pid: int) -> None:
    """Kill a connection's server process."""
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        await connection.execute("SELECT pg_terminate_backend($1)", pid)
        await connection.execute("RESET ROLE")


async def test_a_second_instance_waits_while_the_first_is_at_work(pool: Pool, scene: Scene) -> None:
    await step(pool, 1, NAME, by_items(write_down), batch=1)
    began, finish = asyncio.Event(), asyncio.Event()

    async def slow(connection: Connection, items: Sequence[FeedItem]) -> None:
        began.set()
        await finish.wait()
        await write_down(connection, items)

    first = asyncio.create_task(step(pool, 1, NAME, by_items(slow)))
    await began.wait()
    assert await step(pool, 1, NAME, by_items(write_down)) is None
    finish.set()
    done = await first
    assert done is not None
    assert done.lag == 0
    assert await written(pool) == await recorded(pool)


class Instances:
    """Two processes' worth of the same consumer, started again whenever one is killed.

    at_work: the server process of each that has begun its effect and not come to its commit.
    kills: how many were struck just then.
    """

    def __init__(self, url: str, dice: random.Random) -> None:
        self.url = url
        self.dice = dice
        self.at_work: dict[int, int] = {}
        self.kills = 0

    async def live(self, place: int) -> None:
        """Follow with a pool of its own, again after every death."""
        pool = await open_pool(self.url, max_size=2)
        try:
            while True:
                with contextlib.suppress(CffError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await follow(
                        pool, 1, NAME, by_items(self._effect(place)), batch=7, idle_seconds=0.002
                    )
        finally:
            pool.terminate()

    def _effect(self, place: int) -> consumers.Handle:
        async def effect(connection: Connection, items: Sequence[FeedItem]) -> None:
            self.at_work[place] = await connection.fetchval("SELECT pg_backend_pid()")
            try:
                await write_down(connection, items)
                await asyncio.sleep(self.dice.choice((0, 0.001, 0.004)))
            finally:
                self.at_work.pop(place, None)

        return effect


@pytest.mark.parametrize("seed", [1, 2])
async def test_two_instances_killed_at_random_lose_and_repeat_nothing_of_sixteen_writers(
    pool: Pool, database_url: str, scene: Scene, seed: int
) -> None:
    dice = random.Random(seed)
    instances = Instances(database_url, dice)
    tasks = [asyncio.create_task(instances.live(place)) for place in range(2)]
    done = asyncio.Event()

    async def strike() -> None:
        while not done.is_set():
            await asyncio.sleep(dice.choice((0.002, 0.01, 0.02)))
            place = dice.randrange(2)
            instances.kills += place in instances.at_work
            if dice.random() < 0.5:
                tasks[place].cancel()
                await asyncio.wait([tasks[place]])
                tasks[place] = asyncio.create_task(instances.live(place))
            elif place in instances.at_work:
                await terminate(pool, instances.at_work[place])

    striking = asyncio.create_task(strike())
    async with Collector(pool) as collector:

        async def writer(number: int) -> None:
            for n in range(MOST):
                if n >= EACH and instances.kills >= KILLS:
                    break
                member = scene.members[(number + n) % 4]
                asked = unit(journal(scene.bank, member, number * MOST + n + 1))
                assert (await collector.submit(1, asked)).status is Status.ACCEPTED
                await asyncio.sleep(0.001)

        await asyncio.gather(*(writer(number) for number in range(WRITERS)))
    done.set()
    await striking
    for _ in range(6000):  # a minute, on a machine that has others to serve
        if await lag_of(pool) == 0:
            break
        await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert await lag_of(pool) == 0
    assert instances.kills >= KILLS
    assert await written(pool) == await recorded(pool)


async def test_a_rewind_says_who_and_why_and_what_follows_is_dealt_with_again(
    pool: Pool, scene: Scene
) -> None:
    await catch_up(pool, 1, NAME, by_items(write_down))
    once = await written(pool)
    async with pool.acquire() as connection:
        found = await rewind(connection, 1, NAME, 2, actor="ops:malee", reason="effects were lost")
        assert (found.cursor_seq, found.lag) == (2, len(once) - 2)
        row = await connection.fetchrow("SELECT * FROM ledger.consumer_rewind")
        for to_seq in (-1, 2, 99):
            with pytest.raises(InvalidInput):
                await rewind(connection, 1, NAME, to_seq, actor="ops:malee", reason="again")
        with pytest.raises(InvalidInput):
            await rewind(connection, 1, NAME, 1, actor="ops:malee", reason=" x ")
        with pytest.raises(NotFound):
            await rewind(connection, 1, "nobody", 1, actor="ops:malee", reason="again")
    assert row is not None
    assert (row["from_seq"], row["to_seq"]) == (len(once), 2)
    assert (row["actor"], row["reason"]) == ("ops:malee", "effects were lost")
    await catch_up(pool, 1, NAME, by_items(write_down))
    assert await written(pool) == once + once[2:]


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("UPDATE ledger.consumer SET cursor_seq = cursor_seq - 1", "LG005"),
        ("UPDATE ledger.consumer SET cursor_seq = 10^6::bigint", "LG005"),
        ("UPDATE ledger.consumer SET name = 'other'", "LG005"),
        ("INSERT INTO ledger.consumer (book_id, name, cursor_seq) VALUES (1, 'new', 99)", "LG005"),
        ("DELETE FROM ledger.consumer", "LG001"),
        ("TRUNCATE ledger.consumer CASCADE", "LG001"),
        ("UPDATE ledger.consumer_rewind SET reason = 'another'", "LG001"),
        ("DELETE FROM ledger.found_transfer", "LG001"),
        ("UPDATE ledger.found_transfer SET amount_satang = 1", "LG001"),
    ],
)
async def test_a_cursor_moves_only_forward_also_for_the_owner(
    pool: Pool, scene: Scene, statement: str, state: str
) -> None:
    await catch_up(pool, 1, NAME, by_items(write_down))
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        with pytest.raises(asyncpg.PostgresError) as caught:
            await connection.execute(statement)
        await connection.execute("RESET ROLE")
    assert caught.value.sqlstate == state
