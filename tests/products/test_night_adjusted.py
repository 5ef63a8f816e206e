"""Adjustments that land at any moment of a night: every total says what it includes."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

from ledger import asof, balances
from ledger.db import Database
from ledger.posting.values import Origin, Outcome, Status
from ledger.posting.write import post_batch
from products.day_closing import PROVE, SNAPSHOT_BALANCES
from products.end_of_day import STEPS
from products.night import Night
from tests.builders import journal, unit
from tests.products.savings_scene import Savings, open_savings

JUNE_1 = date(2026, 6, 1)
JUNE_2 = date(2026, 6, 2)


async def _scene(database: Database) -> Savings:
    scene = await open_savings(
        database, ["SAV-1", "SAV-2"], opened_on=JUNE_1, rates={JUNE_1: "3.6500"}
    )
    await scene.move("SAV-1", 1_000_00)
    await scene.cut()
    return scene


def _night(scene: Savings) -> Night:
    return Night(
        pool=scene.pool,
        book_id=scene.book.book_id,
        business_date=JUNE_1,
        products={"SAVINGS": scene.product},
    )


async def _adjust(scene: Savings, number: str, amount: int, on: date) -> Outcome:
    """A deposit that an adjustment dates on a past day."""
    made = unit(journal(scene.bank, scene.accounts[number], amount))
    async with scene.pool.acquire() as connection, connection.transaction():
        (outcome,) = await post_batch(
            connection, scene.book.book_id, [made], origin=Origin.ADJUST, business_date=on
        )
    assert outcome.status is Status.ACCEPTED, outcome
    return outcome


async def _totals(scene: Savings, on: date) -> dict[str, int]:
    rows = await scene.pool.fetch(
        "SELECT gl_code, credits - debits AS net FROM ledger.day_total "
        "WHERE book_id = $1 AND business_date = $2",
        scene.book.book_id,
        on,
    )
    return {row["gl_code"]: int(row["net"]) for row in rows}


async def _on(scene: Savings, number: str, day: date, known_at: int | None = None) -> int:
    account = scene.accounts[number]
    async with scene.pool.acquire() as connection:
        found = await asof.balances(
            connection, scene.book.book_id, [account], on=day, known_at=known_at
        )
    return found[account].balance_satang


async def _waits_for_the_head(scene: Savings) -> None:
    """Until somebody waits for a lock: the night, which has added up by then."""
    question = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    for _ in range(1000):
        if await scene.pool.fetchval(question):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the night never came to the head")


async def test_an_adjustment_that_overtakes_the_control_totals_is_in_them(
    database: Database,
) -> None:
    scene = await _scene(database)
    night = _night(scene)
    for name, step in STEPS:
        if name != PROVE:
            await step(night)
            continue
        made = unit(journal(scene.bank, scene.accounts["SAV-2"], 50_00))
        async with scene.pool.acquire() as connection:
            async with connection.transaction():
                await post_batch(connection, 1, [made], origin=Origin.ADJUST, business_date=JUNE_1)
                closing = asyncio.ensure_future(step(night))
                await _waits_for_the_head(scene)
            await closing
    assert (await _totals(scene, JUNE_1))["211100"] == 1_050_00
    proven = await scene.pool.fetchval("SELECT proven_seq FROM ledger.day WHERE state = 3")
    async with scene.pool.acquire() as connection:
        trial = await balances.trial_balance(connection, 1, JUNE_1, known_at=proven)
    assert {row.gl_code: row.credits - row.debits for row in trial.rows} == await _totals(
        scene, JUNE_1
    )
    assert await _on(scene, "SAV-2", JUNE_1) == 50_00


async def test_adjustments_before_during_and_after_a_night_do_not_keep_the_day_open(
    database: Database,
) -> None:
    scene = await _scene(database)
    # SAV-2 is moved by adjustments alone, SAV-1 by a door as well.
    await _adjust(scene, "SAV-2", 10_00, JUNE_1)
    night = _night(scene)
    for name, step in STEPS:
        await step(night)
        if name == SNAPSHOT_BALANCES:
            await _adjust(scene, "SAV-1", 5_00, JUNE_1)
            await _adjust(scene, "SAV-2", 1_00, JUNE_1)
    await _adjust(scene, "SAV-1", 2_00, JUNE_1)
    assert (await _totals(scene, JUNE_1))["211100"] == 1_016_00
    assert await _on(scene, "SAV-1", JUNE_1) == 1_007_00
    assert await _on(scene, "SAV-2", JUNE_1) == 11_00
    await scene.cut()
    await scene.night(JUNE_2)
    assert (await _totals(scene, JUNE_2))["211100"] == 1_018_00
    assert await _on(scene, "SAV-1", JUNE_2) == 1_007_00
    assert await _on(scene, "SAV-2", JUNE_2 + timedelta(days=9)) == 11_00


async def test_a_snapshot_names_the_newest_batch_that_its_counters_include(
    database: Database,
) -> None:
    scene = await _scene(database)
    early = await _adjust(scene, "SAV-1", 5_00, JUNE_1)
    await scene.night(JUNE_1)
    late = await _adjust(scene, "SAV-1", 7_00, JUNE_1)
    row = await scene.pool.fetchrow(
        "SELECT credits, batch_no FROM ledger.snapshot WHERE account_id = $1",
        scene.accounts["SAV-1"],
    )
    assert row is not None
    assert early.batch_no is not None
    assert late.batch_no is not None
    assert row["credits"] == 1_005_00
    assert early.batch_no <= row["batch_no"] < late.batch_no
