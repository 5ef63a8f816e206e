"""The night and a closing meet: who holds a leg of interest may be waiting for the head."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date

import pytest

from ledger.db import Database, transaction
from ledger.posting.read import take_head
from products.contracts import INTEREST_LEGS
from products.end_of_day import STEPS
from products.night import Night
from tests.products.closing_scene import differences
from tests.products.savings_scene import Savings, open_savings

JUNE_29 = date(2026, 6, 29)
JUNE_30 = date(2026, 6, 30)


@pytest.mark.parametrize("met", ["accrue", "capitalise", "correct"])
async def test_a_closing_that_holds_the_leg_and_waits_for_the_head_does_not_stop_the_night(
    database: Database, met: str
) -> None:
    scene = await open_savings(
        database,
        ["SAV-1"],
        opened_on=JUNE_29,
        rates={JUNE_29: "10.0000"},
        capitalisation_days=frozenset({"06-29", "06-30"}),
    )
    await scene.move("SAV-1", 365_000_00)
    await scene.night()
    await scene.move("SAV-1", 36_500_00, value_date=JUNE_29)
    await scene.cut()
    night = _night(scene)
    for name, step in STEPS:
        if name == met:
            await _beside_a_closing(scene, step, night)
        else:
            await step(night)
    assert await scene.balance("SAV-1") == 401_500_00 + 110_00 + 110_03
    assert await differences(scene) == []


def _night(scene: Savings) -> Night:
    return Night(
        pool=scene.pool,
        book_id=scene.book.book_id,
        business_date=JUNE_30,
        products={"SAVINGS": scene.product},
    )


async def _beside_a_closing(
    scene: Savings, step: Callable[[Night], Awaitable[None]], night: Night
) -> None:
    """A step that comes to a leg while a closing holds it and then asks for the head."""
    async with transaction(scene.pool, "test:clerk") as connection:
        ids = [scene.contract_id("SAV-1")]
        assert await connection.fetch(INTEREST_LEGS.select, scene.book.book_id, ids)
        running = asyncio.ensure_future(step(night))
        await _somebody_waits(scene)
        await take_head(connection, scene.book.book_id)
    await running


async def _somebody_waits(scene: Savings) -> None:
    for _ in range(1000):
        if await scene.pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the night never came to the leg")
