"""kill -9 while clients knock: of the process behind the doors, and of PostgreSQL under it."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from api.auth.keys import issue_key
from api.auth.scopes import SCOPES
from ledger.db import Pool, open_pool
from products.proof.verify import verify_products
from tests.faults.checks import Follower, check_sound
from tests.faults.durable import Durable
from tests.faults.http_clients import Clients, Errand, Told, errands
from tests.faults.servant import Servant
from tests.faults.strikes import Kill, Struck, planned
from tests.faults.striking import MISSES_MAX, Tally, strike
from tests.products.payments.payments_scene import payments_scene

MEMBERS = ("SAV-0001", "SAV-0002", "SAV-0003")
ACTORS = ("coop-1:maker", "facility:checker", "facility:payer", "facility:clerk")
CLIENTS, COMMITS = 16, 3

_HOLDS = """
SELECT h.hold_id, h.amount_satang, h.captured_satang, h.state,
    (SELECT count(*) FROM ledger.event AS e
     WHERE e.book_id = h.book_id AND e.hold_id = h.hold_id) AS events,
    (SELECT count(*) FROM ledger.transfer AS t
     WHERE t.book_id = h.book_id AND t.hold_id = h.hold_id) AS captures
FROM ledger.hold AS h WHERE h.book_id = 1 AND h.hold_id = ANY($1::uuid[])
"""
_NOTICES = """
SELECT n.notice_id, n.amount_satang FROM products.notice AS n
WHERE n.book_id = 1 AND n.notice_id = ANY($1::uuid[])
"""
_KEYS = "SELECT k.key FROM ledger.idempotency_key AS k WHERE k.book_id = 1 AND k.key = ANY($1)"
_BALANCES = """
SELECT a.code, b.credits - b.debits AS balance, b.held
FROM ledger.balance AS b INNER JOIN ledger.account AS a USING (book_id, account_id)
WHERE b.book_id = 1 AND a.code = ANY($1)
"""
_LAST = "SELECT h.recorded_seq FROM ledger.book_head AS h WHERE h.book_id = 1"


@dataclass(slots=True, kw_only=True)
class Site:
    """A payments desk, the doors to it in a process, its clients, what the desk owes by now."""

    durable: Durable
    pool: Pool
    facts: dict[str, object]
    servant: Servant
    clients: Clients
    balances: Counter[str]
    held: Counter[str] = field(default_factory=Counter)
    follower: Follower = field(default_factory=Follower)


@pytest.fixture(scope="module")
async def site(durable: Durable, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The desk of the payments' tests on the durable server, its doors open."""
    folder = tmp_path_factory.mktemp("doors")
    url = await durable.fresh_database()
    pool = await open_pool(url)
    async with payments_scene(pool, folder):
        pass
    tokens = {actor: await _key(pool, actor) for actor in ACTORS}
    port = _free_port()
    facts: dict[str, object] = {"url": url, "port": port}
    site = Site(
        durable=durable,
        pool=pool,
        facts=facts,
        servant=await Servant.start("doors_program", folder / "stderr", **facts),
        clients=Clients(f"http://127.0.0.1:{port}/v1/books/book-1", tokens),
        balances=Counter({code: balance for code, balance, _ in await _standing(pool)}),
    )
    try:
        yield site
    finally:
        await site.clients.close()
        await site.servant.end()
        await pool.close()


async def _key(pool: Pool, actor: str) -> str:
    async with pool.acquire() as connection:
        return await issue_key(
            connection,
            client=actor.replace(":", "-"),
            actor=actor,
            scopes=SCOPES,
            book_id=1,
            valid_days=9,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("kill", planned(Struck.DOORS), ids=str)
async def test_every_key_gets_one_answer_for_ever_when_the_doors_are_killed(
    site: Site, kill: Kill, tally: Tally, tmp_path: Path
) -> None:
    await _live_through(site, kill, tally, tmp_path)


@pytest.mark.parametrize("kill", planned(Struck.POSTGRES_UNDER_DOORS), ids=str)
async def test_every_key_gets_one_answer_for_ever_when_postgresql_is_killed_under_the_doors(
    site: Site, kill: Kill, tally: Tally, tmp_path: Path
) -> None:
    await _live_through(site, kill, tally, tmp_path)


async def _live_through(site: Site, kill: Kill, tally: Tally, tmp_path: Path) -> None:
    """Strike while clients knock, until a blow hit where it should; then look at everything."""
    for attempt in range(MISSES_MAX):
        wanted = errands(f"{kill.number}/{attempt}", MEMBERS, CLIENTS)
        told = Told()
        knocking: list[asyncio.Task[None]] = []

        async def work(
            wanted: Sequence[Errand] = wanted,
            told: Told = told,
            knocking: list[asyncio.Task[None]] = knocking,
        ) -> None:
            knocking.append(asyncio.create_task(site.clients.run(wanted, told)))

        hit = await strike(
            site.durable, site.servant, kill, attempt, work, commits=COMMITS, tally=tally
        )
        if not kill.struck.is_postgres:
            site.servant = await Servant.start(
                "doors_program", tmp_path / f"stderr-{attempt}", **site.facts
            )
        await asyncio.gather(*knocking)
        await site.pool.expire_connections()
        await _check_answers(site, wanted, told)
        await _check_book(site, wanted)
        if hit is kill.moment:
            return
    pytest.fail(f"{MISSES_MAX} blows and none fell {kill.moment} a commit")


async def _check_answers(site: Site, wanted: Sequence[Errand], told: Told) -> None:
    """Whoever knocks again with the same key hears the same bytes; nothing new is recorded."""
    before = await site.pool.fetchval(_LAST)
    asks = [ask for errand in wanted for ask in errand.asks]
    again = await asyncio.gather(*(site.clients.send(ask) for ask in asks))
    for ask, answer in zip(asks, again, strict=True):
        first = told.answers[ask.key]
        assert answer is not None
        assert (answer.status_code, answer.content) == (first.status_code, first.content)
        assert answer.headers["Idempotent-Replayed"] == "true"
    assert await site.pool.fetchval(_LAST) == before
    keys = await site.pool.fetch(_KEYS, [ask.key for ask in asks])
    assert sorted(row["key"] for row in keys) == sorted(ask.key for ask in asks)


async def _check_book(site: Site, wanted: Sequence[Errand]) -> None:
    """Each errand is in the book once, and the desk's balances are what the errands make."""
    ids = [errand.thing for errand in wanted]
    holds = {row["hold_id"]: row for row in await site.pool.fetch(_HOLDS, ids)}
    notices = {row["notice_id"]: row for row in await site.pool.fetch(_NOTICES, ids)}
    # Events of a hold: placed, released; captures: journals. State: 1 open, 2 captured, 3 released.
    expected = {"paid": (2, 1, 1), "held": (1, 1, 0), "released": (3, 2, 0)}
    for errand in wanted:
        assert (errand.thing in notices) == (errand.kind in ("paid", "announced"))
        if errand.kind not in expected:
            assert errand.thing not in holds
            continue
        hold = holds[errand.thing]
        assert hold["amount_satang"] == errand.amount_satang
        assert (hold["state"], hold["events"], hold["captures"]) == expected[errand.kind]
        if errand.kind == "paid":
            site.balances[errand.account] -= errand.amount_satang
        if errand.kind == "held":
            site.held[errand.account] += errand.amount_satang
    for code, balance, held in await _standing(site.pool):
        assert (balance, held) == (site.balances[code], site.held[code])
    await check_sound(site.pool, 1, site.follower)
    async with site.pool.acquire() as connection:
        report = await verify_products(connection, 1)
    assert report.ok, "\n".join(map(str, report.differences))


async def _standing(pool: Pool) -> list[tuple[str, int, int]]:
    """Code, balance and held satang of each member's account."""
    rows = await pool.fetch(_BALANCES, list(MEMBERS))
    return [(row["code"], row["balance"], row["held"]) for row in rows]
