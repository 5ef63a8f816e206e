"""A planted lie: a server that answers before it has written. The blow must find it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.db import open_pool
from tests.builders import make_scene
from tests.faults.durable import Durable
from tests.faults.servant import Servant
from tests.faults.strikes import Kill, Moment, Struck
from tests.faults.striking import MISSES_MAX, Tally, strike


async def test_a_server_that_forgets_what_it_has_answered_is_found_out(
    durable: Durable, tmp_path: Path
) -> None:
    url = await durable.fresh_database()
    pool = await open_pool(url)
    scene = await make_scene(pool, members=3)
    await pool.close()
    servant = await Servant.start(
        "poster_program",
        tmp_path / "stderr",
        url=url,
        book_id=1,
        bank=scene.bank,
        members=scene.members,
        settings={"synchronous_commit": "off"},
    )

    try:
        with pytest.raises(AssertionError, match="an answered commit is forgotten"):
            await _strike_often(durable, servant, tmp_path / "clients.jsonl")
    finally:
        await servant.kill()


async def _strike_often(durable: Durable, servant: Servant, log: Path) -> None:
    """Now and then such a server has written in time; not every time."""

    async def work() -> None:
        await servant.tell("post", round="planted", clients=1, each=40, log=str(log))

    kill = Kill(number=0, struck=Struck.POSTGRES_UNDER_POSTER, moment=Moment.AFTER)
    for attempt in range(MISSES_MAX):
        await strike(durable, servant, kill, attempt, work, commits=9, tally=Tally())
        await servant.until("done")
