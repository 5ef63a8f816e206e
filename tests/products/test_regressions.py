"""Bugs that once were in savings and the night, each with the history that showed it."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.db import Database
from ledger.posting.values import Status
from ledger.proof.verify import verify_ledger
from products import contracts
from products.proof.verify import verify_products
from tests.builders import post_units
from tests.products.savings_scene import Savings, open_savings

FIRST = date(2026, 6, 1)
RATES = {date(2026, 1, 1): "2.0000"}


async def test_an_account_that_moved_after_its_closing_was_decided_is_not_closed(
    database: Database,
) -> None:
    """A late deposit, withdrawn at once: interest of a credited period would have no account."""
    scene = await open_savings(database, ["SAV-0001"], opened_on=date(2026, 6, 28), rates=RATES)
    while scene.today < date(2026, 7, 2):
        await scene.night()
    async with scene.pool.acquire() as connection:
        unit = await contracts.close_contract(connection, 1, "SAV-0001", actor="test:clerk")
    await scene.move("SAV-0001", 1_000_000_000, date(2026, 6, 28))
    await scene.move("SAV-0001", -1_000_000_000)

    (outcome,) = await post_units(scene.pool, 1, [unit])

    assert outcome.status is Status.STALE
    async with scene.pool.acquire() as connection:
        with pytest.raises(contracts.CannotClose, match="no night has accrued"):
            await contracts.close_contract(connection, 1, "SAV-0001", actor="test:clerk")
    assert (await scene.night()).proven_seq > 0
    assert await _differences(scene) == []


async def test_the_proof_sees_a_contract_that_was_closed_without_its_account(
    database: Database,
) -> None:
    """Such a contract earns no more, and every total of every night still agrees."""
    scene = await open_savings(database, ["SAV-0001", "SAV-0002"], opened_on=FIRST, rates=RATES)
    await scene.move("SAV-0001", 1_000_000_000)
    await scene.night()
    await scene.pool.execute(
        "UPDATE products.contract SET state = 2, closed_on = $1 WHERE contract_no = 'SAV-0001'",
        scene.today,
    )
    await scene.night()

    (difference,) = await _differences(scene)

    assert difference.startswith("contracts are their accounts: products.contract SAV-0001")


async def test_the_proof_sees_a_value_date_floor_that_moved(database: Database) -> None:
    """A lower floor lets value dates into closed years, a higher one refuses what is right."""
    scene = await open_savings(database, [], opened_on=FIRST, rates=RATES)
    await scene.pool.execute("UPDATE ledger.book_head SET value_date_floor = '2025-01-01'")

    (difference,) = await _differences(scene)

    assert difference.startswith("the head is the last batch's: ledger.book_head")


async def _differences(scene: Savings) -> list[str]:
    """Everything that the proof finds wrong, in words."""
    async with scene.pool.acquire() as connection:
        ledger = await verify_ledger(connection, scene.book.book_id)
        products = await verify_products(connection, scene.book.book_id)
    return [str(found) for found in (*ledger.differences, *products.differences)]
