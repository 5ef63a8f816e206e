"""Bugs that once were in savings and the night, each with the history that showed it."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from ledger import accounts
from ledger.db import Database
from ledger.errors import InvalidInput, InvariantBroken
from ledger.posting.collector import Collector
from ledger.posting.values import Outcome, Status, Unit
from ledger.proof.verify import verify_ledger
from products import closing, contracts
from products.night import USUAL_SIZES
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
        unit = await closing.close_contract(connection, 1, "SAV-0001", actor="test:clerk")
    await scene.move("SAV-0001", 1_000_000_000, date(2026, 6, 28))
    await scene.move("SAV-0001", -1_000_000_000)

    (outcome,) = await post_units(scene.pool, 1, [unit])

    assert outcome.status is Status.STALE
    async with scene.pool.acquire() as connection:
        with pytest.raises(closing.CannotClose, match="which tonight corrects"):
            await closing.close_contract(connection, 1, "SAV-0001", actor="test:clerk")
    assert (await scene.night()).proven_seq > 0
    assert await _differences(scene) == []


async def test_the_proof_sees_a_contract_that_was_closed_without_its_account(
    database: Database,
) -> None:
    """Such a contract would earn no more, and every total of every night would still agree."""
    scene = await open_savings(database, ["SAV-0001", "SAV-0002"], opened_on=FIRST, rates=RATES)
    await scene.move("SAV-0001", 1_000_000_000)
    await scene.night()
    await scene.pool.execute(
        "UPDATE products.contract SET state = 2, closed_on = $1 WHERE contract_no = 'SAV-0001'",
        scene.today,
    )
    with pytest.raises(InvariantBroken, match="2 contracts have a leg that bears interest, 1"):
        await scene.night()

    differences = await _differences(scene)

    assert len(differences) == 2
    assert differences[0].startswith("contracts are their accounts: products.contract SAV-0001")
    assert "products.interest_leg SAV-0001: expected ended_on 2026-06-02" in differences[1]


async def test_the_proof_sees_a_value_date_floor_that_moved(database: Database) -> None:
    """A higher floor refuses what is right; a lower one lets in what a closed year refuses."""
    scene = await open_savings(database, [], opened_on=FIRST, rates=RATES)
    owner = await asyncpg.connect(database.url)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("UPDATE ledger.book_head SET value_date_floor = '2026-02-01'")
    await owner.close()

    (difference,) = await _differences(scene)

    assert difference.startswith("the head is the last batch's: ledger.book_head")


@pytest.mark.parametrize("floor", ["2025-01-01", "2026-02-01"])
async def test_a_value_date_floor_moves_only_with_a_fiscal_year(
    database: Database, floor: str
) -> None:
    """A lower floor would let value dates into years that are closed, a higher one refuse some."""
    scene = await open_savings(database, [], opened_on=FIRST, rates=RATES)
    with pytest.raises(asyncpg.PostgresError, match="no fiscal year says so") as stopped:
        await scene.pool.execute(
            "UPDATE ledger.book_head SET value_date_floor = $1", date.fromisoformat(floor)
        )
    assert stopped.value.sqlstate == "LG005"


async def test_a_contract_is_not_opened_on_a_date_without_a_rate(database: Database) -> None:
    """No sheet can be approved for a date that has begun: its night could never be run."""
    scene = await open_savings(
        database, [], opened_on=FIRST, rates={FIRST + timedelta(days=2): "1.5000"}
    )
    async with Collector(scene.pool) as collector:
        units = [
            await _opening(scene, "SAV-0001", None),
            await _opening(scene, "SAV-0002", FIRST + timedelta(days=2)),
        ]
        early, later = await asyncio.gather(
            *(collector.submit(1, unit) for unit in units), return_exceptions=True
        )

    assert isinstance(early, InvalidInput)
    assert "contract SAV-0001: got no rate of product SAVINGS in force on 2026-06-01" in str(early)
    assert isinstance(later, Outcome)
    assert later.status is Status.ACCEPTED
    assert (await scene.night()).proven_seq > 0


async def test_a_night_credits_no_more_contracts_at_once_than_doors_may_wait_for() -> None:
    """One journal a contract, and doors wait for the head of the book meanwhile."""
    assert USUAL_SIZES.journals <= 250


async def test_the_proof_sees_a_chunk_of_a_night_that_is_not_its_journals(
    database: Database,
) -> None:
    scene = await _credited(database)
    assert await _differences(scene) == []
    for step in ("accrue", "capitalise", "correct"):
        await scene.pool.execute(
            "UPDATE products.night_chunk SET amount_satang = amount_satang + 1 "
            "WHERE step = $1 AND amount_satang <> 0",
            step,
        )
    found = await _differences(scene)
    assert {line.split(": expected")[0].split(" ")[-1] for line in found} == {
        "accrue",
        "capitalise",
        "correct",
    }
    assert all(line.startswith("chunks of the night are their journals") for line in found)


async def test_the_proof_sees_a_refusal_of_the_night_that_nobody_recorded(
    database: Database,
) -> None:
    """Such an entry would explain why interest was not credited, and the day would close."""
    scene = await _credited(database)
    await scene.pool.execute(
        "UPDATE products.night_chunk SET refused = replace(refused, $1, $2) "
        "WHERE step = 'capitalise'",
        str(scene.contract_id("SAV-0002")),
        str(scene.contract_id("SAV-0001")),
    )
    found = await _differences(scene)
    assert any(
        line.startswith("refusals of the night are on record: products.night_chunk 2026-06-30")
        and str(scene.contract_id("SAV-0001")) in line
        for line in found
    )


async def _credited(database: Database) -> Savings:
    """Three nights over a period's end: a credit, one that a freeze refuses, a correction."""
    first = date(2026, 6, 29)
    scene = await open_savings(database, ["SAV-0001", "SAV-0002"], opened_on=first, rates=RATES)
    await scene.move("SAV-0001", 1_000_000_000)
    await scene.move("SAV-0002", 1_000_000_000)
    await scene.night()
    await scene.move("SAV-0001", 500_000_000, first)
    await scene.move("SAV-0001", -200_000_000)
    await scene.freeze("SAV-0002")
    await scene.night()
    await scene.move("SAV-0001", -300_000_000, first)
    await scene.night()
    return scene


async def _opening(scene: Savings, number: str, interest_from: date | None) -> Unit:
    async with scene.pool.acquire() as connection:
        (account,) = await accounts.reserve_ids(connection, 1)
    return contracts.open_savings_contract(
        product=scene.product,
        contract_no=number,
        party_id=1,
        account_id=account,
        name_th=number,
        name_en=number,
        actor="test:clerk",
        interest_from=interest_from,
    )


async def _differences(scene: Savings) -> list[str]:
    """Everything that the proof finds wrong, in words."""
    async with scene.pool.acquire() as connection:
        ledger = await verify_ledger(connection, scene.book.book_id)
        products = await verify_products(connection, scene.book.book_id)
    return [str(found) for found in (*ledger.differences, *products.differences)]
