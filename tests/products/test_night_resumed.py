"""A night that dies is run again: same journals, same rows, whatever it died in the middle of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import cast
from uuid import uuid4

import asyncpg
import pytest

from ledger.db import POSTER_SETTINGS, Database, open_database
from ledger.embedded import Lease
from ledger.errors import CffError, DatabaseUnavailable
from ledger.kinds import JournalKind
from ledger.money import AMOUNT_MAX, BALANCE_MAX
from ledger.posting.values import Journal, OpenAccount, Status, Transfer
from products.end_of_day import ChunkSizes, DayNotProven, Progress, run_day, run_missed
from tests.products.savings_scene import Export, Savings, export, fresh_database, open_savings

JUNE_28 = date(2026, 6, 28)
JUNE_30 = date(2026, 6, 30)
SMALL = ChunkSizes(contracts=2, journals=1)


class Power:
    """Statements that may still be sent before the lights go out; None = as many as wanted."""

    left: int | None = None
    used = 0

    @classmethod
    def spend(cls, connection: asyncpg.Connection) -> None:
        """Count a statement, or cut this connection and every later one."""
        cls.used += 1
        if cls.left is not None:
            if cls.left == 0:
                connection.terminate()
                raise asyncpg.ConnectionDoesNotExistError("the lights went out")
            cls.left -= 1


def _counted(method: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    async def send(connection: asyncpg.Connection, *args: object, **more: object) -> object:
        Power.spend(connection)
        return await method(connection, *args, **more)

    return send


_SENDING = ("execute", "executemany", "fetch", "fetchrow", "fetchval")
# A connection that dies, with its transaction, when the power is used up.
_MORTAL = cast(
    type[asyncpg.Connection],
    type(
        "Mortal",
        (asyncpg.Connection,),
        {"__slots__": ()}
        | {name: _counted(getattr(asyncpg.Connection, name)) for name in _SENDING},
    ),
)


@asynccontextmanager
async def _mortal_pool(url: str, power: int | None) -> AsyncIterator[asyncpg.Pool]:
    pool = await asyncpg.create_pool(
        url, min_size=1, max_size=4, connection_class=_MORTAL, server_settings=POSTER_SETTINGS
    )
    Power.left, Power.used = power, 0
    try:
        yield pool
    finally:
        Power.left = None
        pool.terminate()


async def _history(database: Database) -> Savings:
    """Three contracts, one frozen, a late deposit that reaches back, nights up to 29 June."""
    scene = await open_savings(
        database, ["SAV-1", "SAV-2", "SAV-3"], opened_on=JUNE_28, rates={JUNE_28: "10.0000"}
    )
    scene.sizes = SMALL
    for n in (1, 2, 3):
        await scene.move(f"SAV-{n}", n * 111_111_11)
    await scene.freeze("SAV-3")
    await scene.nights(through=date(2026, 6, 29))
    await scene.move("SAV-2", 36_500_00, value_date=JUNE_28)
    return scene


@asynccontextmanager
async def _copy_of(server: Lease, source: str) -> AsyncIterator[str]:
    name = f"t_{uuid4().hex}"
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
    try:
        yield name
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


async def _finish(scene: Savings, url: str) -> Export:
    """Run the night to its end with healthy connections; what the book says then."""
    database = await open_database(url)
    try:
        await run_missed(database.poster, scene.book, through=JUNE_30, sizes=SMALL)
        scene.pool = database.poster
        return await export(scene)
    finally:
        await database.close()


async def test_a_night_cut_off_after_any_statement_is_finished_by_the_next_run(
    server: Lease, template: str
) -> None:
    async with fresh_database(server, template) as database:
        scene = await _history(database)
        source = await scene.pool.fetchval("SELECT current_database()")
        await database.close()
        async with _copy_of(server, source) as name:
            async with _mortal_pool(server.dsn(name), None) as pool:
                await run_day(pool, scene.book, JUNE_30, sizes=SMALL)
                statements = Power.used
            expected = await _finish(scene, server.dsn(name))
        assert statements > 60
        for power in range(1, statements, statements // 14):
            async with _copy_of(server, source) as name:
                async with _mortal_pool(server.dsn(name), power) as pool:
                    with pytest.raises(DatabaseUnavailable):
                        await run_day(pool, scene.book, JUNE_30, sizes=SMALL)
                assert await _finish(scene, server.dsn(name)) == expected, power


async def test_a_night_that_fails_between_two_chunks_goes_on_from_there(
    server: Lease, template: str
) -> None:
    class GaveUpError(CffError):
        """The watcher of the night gives up."""

    async with (
        fresh_database(server, template) as one,
        fresh_database(server, template) as other,
    ):
        whole = await _history(one)
        await whole.nights(through=JUNE_30)
        broken = await _history(other)
        for step in ("cut_off", "resolve_rates", "correct", "accrue", "capitalise", "prove"):

            def stop(progress: Progress, at: str = step) -> None:
                if progress.step == at:
                    raise GaveUpError(at)

            with pytest.raises(GaveUpError, match=step):
                await run_day(broken.pool, broken.book, JUNE_30, say=stop, sizes=SMALL)
        await broken.nights(through=JUNE_30)
        assert await export(broken) == await export(whole)


async def test_a_refused_capitalisation_is_tried_again_alone_when_its_cause_is_gone(
    database: Database,
) -> None:
    scene = await _history(database)
    await _fill(scene, "SAV-1")
    with pytest.raises(DayNotProven, match=r"contract SAV-1 was refused \(balance_out"):
        await scene.nights(through=JUNE_30)
    scene.today = JUNE_30 + timedelta(days=1)
    # Doors go on while the day is open; here one makes room for the interest.
    await scene.move("SAV-1", -AMOUNT_MAX)
    (report,) = await scene.nights(through=JUNE_30)
    assert [entry.code for entry in report.step("capitalise").refused] == ["account_frozen_credit"]
    (product,) = report.products
    assert [(each.contract_no, each.step) for each in product.listed] == [("SAV-3", "capitalise")]
    assert product.credited.amount_satang == report.step("capitalise").amount_satang
    credited = (await export(scene))["credits"]
    assert [row[0] for row in credited if row[1] == row[2] == JUNE_30] == ["SAV-1", "SAV-2"]
    codes = await scene.pool.fetch("SELECT code FROM ledger.refusal ORDER BY batch_no, position")
    assert sorted(row["code"] for row in codes) == ["account_frozen_credit", "balance_out_of_range"]


async def _fill(scene: Savings, number: str) -> None:
    """Bring an account to the very top of what a balance may be, out of a vault."""
    vault = 9_000_002
    opened = OpenAccount(
        account=vault, code="VAULT", gl_code="111100", currency="THB", name_th="-", name_en="-"
    )
    assert (await scene.do(opened)).status is Status.ACCEPTED
    full, rest = divmod(BALANCE_MAX - await scene.balance(number), AMOUNT_MAX)
    lines = [
        Transfer(debit=vault, credit=scene.accounts[number], amount_satang=amount)
        for amount in (*[AMOUNT_MAX] * full, rest)
    ]
    filled = Journal(journal_id=uuid4(), kind=JournalKind.MANUAL, transfers=tuple(lines))
    outcome = await scene.do(filled)
    assert outcome.status is Status.ACCEPTED, outcome
