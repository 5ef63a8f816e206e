"""kill -9 while a file is posted: of the loader, and of PostgreSQL under it.

Each blow falls on a book like the one in which the same file was posted undisturbed. When the same
command has been given once more, the result file must be the same, byte for byte, and so must the
run's counts; the book is proven.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.db import Pool, open_pool
from tests.faults.durable import Durable
from tests.faults.servant import Servant
from tests.faults.strikes import SEED, Moment, Strike
from tests.how_much import PROFILE
from tests.ledger.loading.scene import book, csv_lines, load, raw, sound

LINES, LINES_MAX, BATCHES = 400, 40, 10
BLOWS = {"quick": 9, "ci": 15, "soak": 120}
RESULT = "result.jsonl"
COUNTED = """
SELECT r.lines_done, r.posted, r.replayed, r.refused, r.malformed, r.bytes_done, r.result_bytes,
    r.state
FROM ledger.posting_run AS r WHERE r.book_id = $1
"""


@dataclass(slots=True, kw_only=True)
class Site:
    """A server to kill, the file, and what its result is when nobody is killed."""

    durable: Durable
    pool: Pool
    url: str
    path: Path
    undisturbed: bytes
    books: itertools.count[int] = field(default_factory=lambda: itertools.count(2))


@pytest.fixture(scope="module")
async def site(durable: Durable, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The first book, in which the file was posted in peace."""
    url = await durable.fresh_database()
    pool = await open_pool(url)
    path = tmp_path_factory.mktemp("loading") / "lines.csv"
    path.write_text(csv_lines(LINES), encoding="utf-8")
    await book(pool, 1)
    posted = await load(pool, 1, path)
    site = Site(durable=durable, pool=pool, url=url, path=path, undisturbed=raw(posted))
    try:
        yield site
    finally:
        await pool.close()


def blow(number: int, *, postgres: bool) -> Strike:
    """One of the seeded blows: the moments in turn, batch and statement by the dice."""
    dice = random.Random(f"{SEED}:files:{postgres}:{number}")
    moment = list(Moment)[number % len(Moment)]
    return Strike(
        moment=moment,
        skip=dice.randrange(BATCHES),
        # The first statements of a batch reach from its head to the move of its run.
        statement=0 if number % 2 else dice.randint(1, 8),
        frozen=postgres and moment is Moment.INSIDE,
        flushed=postgres and dice.random() < 0.5,
        delay_ms=dice.randrange(2, 60),
    )


@pytest.mark.parametrize("number", range(BLOWS[PROFILE]))
async def test_a_killed_loader_resumes_and_leaves_the_same_result_file(
    site: Site, number: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    place = await _struck(site, blow(number, postgres=False), tmp_path, postgres=False)
    record_property("told", f"loader of a file killed, {number}: {place}")


@pytest.mark.parametrize("number", range(max(3, BLOWS[PROFILE] // 3)))
async def test_a_loader_whose_server_was_killed_resumes_and_leaves_the_same_result_file(
    site: Site, number: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    place = await _struck(site, blow(number, postgres=True), tmp_path, postgres=True)
    record_property("told", f"server killed under a loader of a file, {number}: {place}")


async def _struck(site: Site, strike: Strike, tmp_path: Path, *, postgres: bool) -> str:
    """Where the blow fell, `done` when it came too late; afterwards everything is whole."""
    number = next(site.books)
    await book(site.pool, number)
    facts = {
        "url": site.url,
        "book_id": number,
        "path": str(site.path),
        "format": "csv",
        "result": str(tmp_path / RESULT),
        "lines_max": LINES_MAX,
    }
    servant = await Servant.start("file_program", tmp_path / "stderr", **facts)
    try:
        await servant.arm(strike)
        await servant.tell("load")
        place = await servant.until("before", "sent", "answered", "done")
        if place["at"] == "sent" and strike.flushed:
            await site.durable.flushed()
        elif place["at"] == "sent":
            await asyncio.sleep(strike.delay_ms / 1000)
        if postgres:
            site.durable.kill()
            await site.durable.revive()
            await servant.go_on()
            if place["at"] != "done":
                await servant.until("ended", "done")
            await site.pool.expire_connections()
        else:
            await servant.kill()
    finally:
        await servant.end()
    await _whole_again(site, number, facts, tmp_path)
    return str(place["at"])


async def _whole_again(site: Site, number: int, facts: dict[str, object], tmp_path: Path) -> None:
    """The same command once more."""
    servant = await Servant.start("file_program", tmp_path / "again", **facts)
    try:
        await servant.tell("load")
        await servant.until("done")
    finally:
        await servant.end()
    assert (tmp_path / RESULT).read_bytes() == site.undisturbed
    found = await site.pool.fetchrow(COUNTED, number)
    assert found == await site.pool.fetchrow(COUNTED, 1)
    assert found is not None
    assert found["result_bytes"] == len(site.undisturbed)
    await sound(site.pool, number)
