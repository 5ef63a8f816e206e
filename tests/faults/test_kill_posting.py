"""kill -9 while clients post: of the process that posts, and of PostgreSQL under it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from ledger.db import Pool, open_pool
from ledger.posting.ids import event_id
from tests.builders import journal, make_scene, post
from tests.faults.checks import (
    Follower,
    check_asking_again,
    check_clients,
    check_sound,
    check_sums,
)
from tests.faults.durable import Durable
from tests.faults.servant import Servant
from tests.faults.strikes import CELLS, Kill, Struck, planned
from tests.faults.striking import MISSES_MAX, Tally, strike
from tests.faults.wishes import OPENING_SATANG, Cast, Sums, wishes

CLIENTS, EACH, COMMITS = (1, 24), 4, 3
"""A round: one client alone or many together, each with so many wishes; the blow falls on one of
the first commits."""


@dataclass(slots=True, kw_only=True)
class Site:
    """One book under fire: the program that posts in it, and what must be in it by now."""

    durable: Durable
    pool: Pool
    cast: Cast
    facts: dict[str, object]
    servant: Servant
    sums: Sums
    follower: Follower = field(default_factory=Follower)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The clients of one blow; the name is their dice."""

    name: str
    clients: int


@pytest.fixture(scope="module")
async def site(durable: Durable, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A book with twenty members, each with money, and a program that posts in it."""
    url = await durable.fresh_database()
    pool = await open_pool(url)
    scene = await make_scene(pool, members=20)
    cast = Cast(book_id=scene.book.book_id, bank=scene.bank, members=scene.members)
    await post(
        pool,
        cast.book_id,
        [
            journal(cast.bank, member, OPENING_SATANG, journal_id=event_id("opening", member))
            for member in cast.members
        ],
    )
    log = tmp_path_factory.mktemp("poster") / "stderr"
    facts = {"url": url, "book_id": 1, "bank": cast.bank, "members": cast.members}
    site = Site(
        durable=durable,
        pool=pool,
        cast=cast,
        facts=facts,
        servant=await Servant.start("poster_program", log, **facts),
        sums=Sums(cast),
    )
    try:
        yield site
    finally:
        await site.servant.end()
        await pool.close()


@pytest.mark.parametrize("kill", planned(Struck.POSTER), ids=str)
async def test_nothing_is_lost_and_nothing_twice_when_the_posting_process_is_killed(
    site: Site, kill: Kill, tally: Tally, tmp_path: Path
) -> None:
    await _live_through(site, kill, tally, tmp_path)


@pytest.mark.parametrize("kill", planned(Struck.POSTGRES_UNDER_POSTER), ids=str)
async def test_nothing_is_lost_and_nothing_twice_when_postgresql_is_killed_under_postings(
    site: Site, kill: Kill, tally: Tally, tmp_path: Path
) -> None:
    await _live_through(site, kill, tally, tmp_path)


async def _live_through(site: Site, kill: Kill, tally: Tally, tmp_path: Path) -> None:
    """Strike until it hit where it should; after every blow the book must be whole."""
    for attempt in range(MISSES_MAX):
        log = tmp_path / f"clients-{attempt}.jsonl"
        round_ = Round(
            name=f"{kill.number}/{attempt}",
            # In turn, so that each path is struck at each moment under both loads.
            clients=CLIENTS[(kill.number // len(CELLS) + attempt) % len(CLIENTS)],
        )
        work = partial(_ask, site, round_, log)
        hit = await strike(
            site.durable, site.servant, kill, attempt, work, commits=COMMITS, tally=tally
        )
        if not kill.struck.is_postgres and hit is not None:
            site.servant = await Servant.start(
                "poster_program", tmp_path / f"stderr-{attempt}", **site.facts
            )
            await work()
        if hit is not None:
            await site.servant.until("done")
        await _whole(site, round_, log)
        if hit is kill.moment:
            return
    pytest.fail(f"{MISSES_MAX} blows and none fell {kill.moment} a commit")


async def _ask(site: Site, round_: Round, log: Path) -> None:
    await site.servant.tell(
        "post", round=round_.name, clients=round_.clients, each=EACH, log=str(log)
    )


async def _whole(site: Site, round_: Round, log: Path) -> None:
    """Everybody has an answer by now: check everything."""
    everybody = wishes(site.cast, round_.name, clients=round_.clients, each=EACH)
    asked = [wish for mine in everybody for wish in mine]
    site.sums.add(asked)
    await site.pool.expire_connections()
    await check_clients(site.pool, site.cast, asked, log)
    await check_sums(site.pool, site.cast, site.sums)
    await check_asking_again(site.pool, site.cast, asked, log)
    await check_sound(site.pool, site.cast.book_id, site.follower)
