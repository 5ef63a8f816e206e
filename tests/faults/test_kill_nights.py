"""kill -9 during the night: of the process that runs it, and of PostgreSQL under it.

Two books live the same history, with late postings, holds that expire and a frozen contract. One
is left alone; in the other every few nights are struck, and run again. Their canonical exports must
be the same: journal ids, transfers, dates, accruals, corrections, control totals. Doors post on in
the struck book while its nights run.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from ledger.db import Database, open_database
from ledger.posting.collector import Collector
from ledger.posting.ids import event_id
from ledger.posting.values import PlaceHold, Status, Unit
from products.proof.verify import verify_products
from tests.builders import journal
from tests.faults.checks import Follower, check_sound
from tests.faults.durable import Durable
from tests.faults.poster_program import ASK_AGAIN
from tests.faults.servant import Servant
from tests.faults.strikes import Kill, Struck, planned
from tests.faults.striking import MISSES_MAX, Calm, Tally, strike
from tests.products.savings_scene import Savings, export, open_savings

OPENED_ON = date(2026, 6, 28)
RATES = {OPENED_ON: "3.7500", date(2026, 7, 4): "2.5000", date(2026, 12, 1): "4.1250"}
CONTRACTS = [f"SAV-{place:04d}" for place in range(1, 13)]
NIGHTS, COMMITS = 2, 12
"""So many nights are missed and run together; they make at least so many commits."""
DOOR_POSTINGS = 8


@dataclass(slots=True, kw_only=True)
class Site:
    """A struck book and its undisturbed twin."""

    durable: Durable
    struck: Savings
    twin: Savings
    url: str
    servant: Servant
    follower: Follower = field(default_factory=Follower)


@pytest.fixture(scope="module")
async def site(durable: Durable, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Two books that were opened alike, and a program that runs the nights of one."""
    urls = [await durable.fresh_database() for _ in range(2)]
    databases: list[Database] = [await open_database(url) for url in urls]
    scenes = [
        await open_savings(database, CONTRACTS, opened_on=OPENED_ON, rates=RATES)
        for database in databases
    ]
    for scene in scenes:
        await scene.move(CONTRACTS[0], 5_000_000_00)
    log = tmp_path_factory.mktemp("night") / "stderr"
    site = Site(
        durable=durable,
        struck=scenes[0],
        twin=scenes[1],
        url=urls[0],
        servant=await Servant.start("night_program", log, url=urls[0], book=scenes[0].book.code),
    )
    try:
        yield site
    finally:
        await site.servant.end()
        for database in databases:
            await database.close()


@pytest.mark.parametrize("kill", planned(Struck.NIGHT), ids=str)
async def test_a_killed_night_resumes_and_ends_as_if_nothing_had_happened(
    site: Site, kill: Kill, tally: Tally, tmp_path: Path
) -> None:
    await _live_through(site, kill, tally, tmp_path)


@pytest.mark.parametrize("kill", planned(Struck.POSTGRES_UNDER_NIGHT), ids=str)
async def test_a_night_whose_postgresql_is_killed_ends_as_if_nothing_had_happened(
    site: Site, kill: Kill, tally: Tally, tmp_path: Path
) -> None:
    await _live_through(site, kill, tally, tmp_path)


async def _live_through(site: Site, kill: Kill, tally: Tally, tmp_path: Path) -> None:
    """A few days, then their nights under fire, until a blow hit where it should."""
    for attempt in range(MISSES_MAX):
        through = site.struck.today + timedelta(days=NIGHTS - 1)
        for scene in (site.twin, site.struck):
            await _days(scene, f"{kill.number}/{attempt}")
        await _doors(site.twin, Calm())
        await site.twin.nights(through)

        async def work(last: date = through) -> None:
            await site.servant.tell("nights", through=last.isoformat())

        calm = Calm()
        doors = asyncio.create_task(_doors(site.struck, calm))
        hit = await strike(
            site.durable,
            site.servant,
            kill,
            attempt,
            work,
            commits=COMMITS,
            tally=tally,
            calm=calm,
        )
        if not kill.struck.is_postgres and hit is not None:
            site.servant = await Servant.start(
                "night_program",
                tmp_path / f"stderr-{attempt}",
                url=site.url,
                book=site.struck.book.code,
            )
            await work()
        if hit is not None:
            await site.servant.until("done")
        await doors
        await _same(site)
        if hit is kill.moment:
            return
    pytest.fail(f"{MISSES_MAX} blows and none fell {kill.moment} a commit")


async def _days(scene: Savings, name: str) -> None:
    """The same days for both: deposits, withdrawals, late ones, a hold, a freeze; no nights."""
    dice = random.Random(name)
    for day in range(NIGHTS):
        for number in dice.sample(CONTRACTS[1:], 5):
            late = dice.choice((0, 0, 1, 3, 9))
            value_date = max(OPENED_ON, scene.today - timedelta(days=late))
            amount = dice.randint(1_000_00, 900_000_00)
            await scene.move(number, amount, value_date)
            await scene.move(number, -amount // dice.randint(2, 9))
        held = PlaceHold(
            hold_id=event_id(name, day, "hold"),
            account=scene.accounts[dice.choice(CONTRACTS[1:])],
            amount_satang=1,
            expires_on=scene.today + timedelta(days=1),
        )
        await scene.do(held)
        await scene.freeze(CONTRACTS[0], thaw=dice.random() < 0.5)
        await scene.cut()
    await scene.freeze(CONTRACTS[0], thaw=True)


async def _doors(scene: Savings, calm: Calm) -> None:
    """Deposits on the open date, each asked for under its id until it is answered."""
    async with Collector(scene.pool) as collector:
        for place in range(DOOR_POSTINGS):
            deposit = journal(
                scene.bank,
                scene.accounts[CONTRACTS[place]],
                1_000_00 + place,
                journal_id=event_id("open doors", scene.today, place),
            )
            unit = Unit(operations=(deposit,), actor="test:door")
            status = None
            while status not in (Status.ACCEPTED, Status.REPLAYED):
                await calm.wait()
                try:
                    status = (await collector.submit(scene.book.book_id, unit)).status
                except ASK_AGAIN:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.02)


async def _same(site: Site) -> None:
    """Both books say the same, and the struck one is proven by itself."""
    await site.struck.pool.expire_connections()
    await site.twin.pool.expire_connections()
    struck, twin = await export(site.struck), await export(site.twin)
    for name in twin:
        assert struck[name] == twin[name], name
    book_id = site.struck.book.book_id
    await check_sound(site.struck.pool, book_id, site.follower)
    async with site.struck.pool.acquire() as connection:
        report = await verify_products(connection, book_id)
    assert report.ok, "\n".join(map(str, report.differences))
