"""kill -9 while a load is posted by lines: of the loader, and of PostgreSQL under it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from ledger.db import Connection, Pool, open_pool
from ledger.posting.bulk import BulkWriter
from ledger.posting.ids import event_id
from ledger.posting.outcomes import LineOutcomes
from tests.builders import journal, make_scene, post
from tests.faults.bulk_loads import Line, columns_of, load_of
from tests.faults.bulk_program import LINES_MAX, answers_of, chunks_of
from tests.faults.checks import Follower, check_sound
from tests.faults.client_log import lines
from tests.faults.durable import Durable
from tests.faults.servant import Servant
from tests.faults.strikes import Kill, Struck, planned
from tests.faults.striking import MISSES_MAX, Tally, strike
from tests.faults.wishes import Cast

LINES, COMMITS = 400, 4
CHUNKS = (LINES, 25)
"""In turn: the whole load at hand, or a source that brings less than a batch at a time."""
OPENING_SATANG = 10**9
ANSWERS = {
    "granted": {"posted", "replayed"},
    "refused": {"below_balance_min"},
    "taken": {"id_conflict"},
}
_JOURNALS = """
SELECT journal_id, recorded_seq, debit_account, credit_account, amount_satang
FROM ledger.transfer WHERE book_id = $1 AND journal_id = ANY($2::uuid [])
"""
_REFUSED = """
SELECT operation_id, count(*)::integer AS times FROM ledger.refusal
WHERE book_id = $1 AND operation_id = ANY($2::uuid []) AND sticky GROUP BY 1
"""
_COUNTERS = "SELECT account_id, debits, credits FROM ledger.balance WHERE book_id = $1"
_LAST = "SELECT recorded_seq FROM ledger.book_head WHERE book_id = $1"


@dataclass(slots=True, kw_only=True)
class Site:
    """One book under fire: the program that loads into it, and what must be in it by now."""

    durable: Durable
    pool: Pool
    cast: Cast
    facts: dict[str, object]
    servant: Servant
    debits: Counter[int] = field(default_factory=Counter)
    credits: Counter[int] = field(default_factory=Counter)
    follower: Follower = field(default_factory=Follower)

    def add(self, debit: int, credit: int, amount: int) -> None:
        """Something was granted."""
        self.debits[debit] += amount
        self.credits[credit] += amount


@pytest.fixture(scope="module")
async def site(durable: Durable, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A book with twelve members, each with money, and a program that loads into it."""
    url = await durable.fresh_database()
    pool = await open_pool(url)
    scene = await make_scene(pool, members=12)
    cast = Cast(book_id=scene.book.book_id, bank=scene.bank, members=scene.members)
    facts = {"url": url, "book_id": 1, "bank": cast.bank, "members": cast.members}
    log = tmp_path_factory.mktemp("loader") / "stderr"
    site = Site(
        durable=durable,
        pool=pool,
        cast=cast,
        facts=facts,
        servant=await Servant.start("bulk_program", log, **facts),
    )
    for member in cast.members:
        opening = journal(cast.bank, member, OPENING_SATANG, journal_id=event_id("opening", member))
        await post(pool, cast.book_id, [opening])
        site.add(cast.bank, member, OPENING_SATANG)
    try:
        yield site
    finally:
        await site.servant.end()
        await pool.close()


@pytest.mark.parametrize("kill", planned(Struck.LOADER), ids=str)
async def test_a_load_is_there_once_and_whole_when_the_loader_is_killed(
    site: Site, kill: Kill, tally: Tally, tmp_path: Path
) -> None:
    await _live_through(site, kill, tally, tmp_path)


@pytest.mark.parametrize("kill", planned(Struck.POSTGRES_UNDER_LOADER), ids=str)
async def test_a_load_is_there_once_and_whole_when_postgresql_is_killed_under_it(
    site: Site, kill: Kill, tally: Tally, tmp_path: Path
) -> None:
    await _live_through(site, kill, tally, tmp_path)


async def _live_through(site: Site, kill: Kill, tally: Tally, tmp_path: Path) -> None:
    """Strike until it hit where it should; after every blow the book must be whole."""
    for attempt in range(MISSES_MAX):
        log = tmp_path / f"loader-{attempt}.jsonl"
        name = f"{kill.number}/{attempt}"
        chunk = CHUNKS[(kill.number + attempt) % len(CHUNKS)]
        work = partial(_load, site, name, chunk, log)
        hit = await strike(
            site.durable, site.servant, kill, attempt, work, commits=COMMITS, tally=tally
        )
        if not kill.struck.is_postgres and hit is not None:
            site.servant = await Servant.start(
                "bulk_program", tmp_path / f"stderr-{attempt}", **site.facts
            )
            await work()
        if hit is not None:
            await site.servant.until("done")
        await _whole(site, load_of(site.cast, name, LINES), log)
        if hit is kill.moment:
            return
    pytest.fail(f"{MISSES_MAX} blows and none fell {kill.moment} a commit")


async def _load(site: Site, name: str, chunk: int, log: Path) -> None:
    await site.servant.tell("load", round=name, lines=LINES, chunk=chunk, log=str(log))


async def _whole(site: Site, made: list[Line], log: Path) -> None:
    """The load is through: everything is there once, as it was answered, and adds up."""
    await site.pool.expire_connections()
    recorded = await _recorded_once(site, made)
    said = [answer for facts in lines(log) for answer in facts.get("committed", ())]
    _answered_as_recorded(made, said, recorded)
    assert {place for place, _, _ in said} == set(range(len(made)))
    for line in {line.journal_id: line for line in made if line.fate == "granted"}.values():
        site.add(line.debit, line.credit, line.amount_satang)
    rows = await site.pool.fetch(_COUNTERS, site.cast.book_id)
    for row in rows:
        number = row["account_id"]
        assert (row["debits"], row["credits"]) == (site.debits[number], site.credits[number])
    await _posted_again(site, made, recorded)
    await check_sound(site.pool, site.cast.book_id, site.follower)


async def _recorded_once(site: Site, made: list[Line]) -> dict[object, int]:
    """Number of every granted line, each recorded once and as asked; of the others none."""
    ids = [line.journal_id for line in made]
    rows = await site.pool.fetch(_JOURNALS, site.cast.book_id, ids)
    found = {row["journal_id"]: tuple(row)[2:] for row in rows}
    assert len(found) == len(rows)
    assert found == {
        line.journal_id: (line.debit, line.credit, line.amount_satang)
        for line in made
        if line.fate == "granted"
    }
    impossible = {line.journal_id for line in made if line.fate == "refused"}
    refused = await site.pool.fetch(_REFUSED, site.cast.book_id, ids)
    assert {r["operation_id"]: r["times"] for r in refused} == dict.fromkeys(impossible, 1)
    return {row["journal_id"]: row["recorded_seq"] for row in rows}


def _answered_as_recorded(
    made: list[Line], said: list[list[object]], recorded: dict[object, int]
) -> None:
    for place, status, answer in said:
        line = made[int(str(place))]
        assert {status, answer} & ANSWERS[line.fate], (line, status, answer)
        if line.fate == "granted":
            assert answer == recorded[line.journal_id]


async def _posted_again(site: Site, made: list[Line], recorded: dict[object, int]) -> None:
    """Another writer posts the same lines once more: nothing is new, every answer stands."""
    before = await site.pool.fetchval(_LAST, site.cast.book_id)
    said: list[list[object]] = []

    async def note(_: Connection, first: int, outcomes: LineOutcomes) -> None:
        said.extend(answers_of(first, outcomes))

    writer = BulkWriter(site.pool, site.cast.book_id, actor="test:again", lines_max=LINES_MAX)
    await writer.load(chunks_of(columns_of(made), LINES), note)
    assert not any(status == "posted" for _, status, _ in said)
    assert len(said) == len(made)
    _answered_as_recorded(made, said, recorded)
    assert await site.pool.fetchval(_LAST, site.cast.book_id) == before
