"""A contract with money in it, and the verbs that close it and undo that."""

from __future__ import annotations

from datetime import date

from ledger.db import Database
from ledger.posting.values import Outcome, Status, Unit
from ledger.proof.verify import verify_ledger
from products import closing, reopening
from products.proof.verify import verify_products
from tests.builders import post_units
from tests.products.savings_scene import (
    Savings,
    open_savings,
)

JUNE_27 = date(2026, 6, 27)
RATES = {JUNE_27: "10.0000"}
BAHT_365_000 = 365_000_00
"""Earns 100.00 a day at ten per cent."""


async def two_contracts(database: Database) -> Savings:
    """SAV-1 with 365,000.00 since 27 June, SAV-2 of the same member, 28 June proven."""
    made = await open_savings(database, ["SAV-1", "SAV-2"], opened_on=JUNE_27, rates=RATES)
    await made.move("SAV-1", BAHT_365_000)
    await made.nights(through=date(2026, 6, 28))
    return made


async def unit_of(scene: Savings, number: str = "SAV-1", to: str | None = "SAV-2") -> Unit:
    """What a clerk decides now: close a contract into another one."""
    async with scene.pool.acquire() as connection:
        return await closing.close_contract(
            connection, 1, number, actor="test:clerk", reason="asked for", sweep_to=to
        )


async def close(scene: Savings, number: str = "SAV-1", to: str | None = "SAV-2") -> Outcome:
    """Close a contract, which is accepted."""
    (outcome,) = await post_units(scene.pool, 1, [await unit_of(scene, number, to)])
    assert outcome.status is Status.ACCEPTED, outcome
    return outcome


async def undo(scene: Savings, number: str = "SAV-1", actor: str = "test:chief") -> Outcome:
    """Undo its closing as somebody else, which is accepted."""
    async with scene.pool.acquire() as connection:
        unit = await reopening.undo_closing(connection, 1, number, actor=actor, reason="a mistake")
    (outcome,) = await post_units(scene.pool, 1, [unit])
    assert outcome.status is Status.ACCEPTED, outcome
    return outcome


async def differences(scene: Savings) -> list[str]:
    """Everything that both proofs find."""
    async with scene.pool.acquire() as connection:
        reports = [await verify_ledger(connection, 1), await verify_products(connection, 1)]
    return [str(difference) for report in reports for difference in report.differences]
