"""One look at an account answers everything, and every figure is of the same moment."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import uuid4

import pytest

from ledger.db import Database
from ledger.errors import NotFound
from ledger.limits import plan_limits
from ledger.posting.values import PlaceHold, SetFreeze, Status
from products import positions
from products.positions import AccruedInterest, PlannedLimits
from tests.builders import journal, post_units
from tests.products.savings_scene import Savings, open_savings

JUNE_1 = date(2026, 6, 1)
RATES = {JUNE_1: "10.0000"}


async def _scene(database: Database) -> Savings:
    return await open_savings(database, ["SAV-1", "SAV-2"], opened_on=JUNE_1, rates=RATES)


async def test_a_position_tells_balance_holds_interest_limits_and_freeze_at_one_number(
    database: Database,
) -> None:
    scene = await _scene(database)
    await scene.move("SAV-1", 365_000_00)
    await scene.nights(through=date(2026, 6, 3))
    account = scene.accounts["SAV-1"]
    held = [uuid4() for _ in range(3)]
    for number, hold_id in enumerate(held, start=1):
        await scene.do(
            PlaceHold(
                hold_id=hold_id,
                account=account,
                amount_satang=number * 100_00,
                expires_on=date(2026, 7, number),
                reference=f"H{number}",
            )
        )
    until = date(2026, 6, 20)
    await scene.do(SetFreeze(account=account, debits=True, credits=False, until=until))
    async with scene.pool.acquire() as connection:
        planned = await plan_limits(
            connection,
            scene.book.book_id,
            "SAV-1",
            effective_on=date(2026, 6, 10),
            balance_min=50_00,
            balance_max=None,
            actor="test:clerk",
            reason="agreed",
        )
    (outcome,) = await post_units(scene.pool, scene.book.book_id, [planned])
    assert outcome.status is Status.ACCEPTED
    async with scene.pool.acquire() as connection:
        found = await positions.position(connection, scene.book.book_id, "SAV-1", holds_shown=2)
    assert found.balance_satang == 365_000_00
    assert (found.held_satang, found.hold_count) == (600_00, 3)
    assert [hold.hold_id for hold in found.holds] == held[:2]
    assert found.holds[1].expires_on == date(2026, 7, 2)
    assert found.available_satang == 364_400_00
    assert found.interest == AccruedInterest(
        contract_no="SAV-1",
        product_code="SAVINGS",
        accrued_satang=300_00,
        accrued_to=date(2026, 6, 3),
    )
    assert found.planned_limits == PlannedLimits(
        effective_on=date(2026, 6, 10), balance_min_satang=50_00, balance_max_satang=None
    )
    assert (found.debits_frozen, found.credits_frozen) == (True, False)
    assert found.frozen_until == until
    assert found.business_date == date(2026, 6, 4)
    assert found.recorded_seq == outcome.receipts[0].recorded_seq


async def test_accrued_interest_falls_to_nothing_when_it_is_credited(database: Database) -> None:
    june_29 = date(2026, 6, 29)
    scene = await open_savings(database, ["SAV-1"], opened_on=june_29, rates={june_29: "10.0000"})
    await scene.move("SAV-1", 365_000_00)
    await scene.nights(through=june_29)
    async with scene.pool.acquire() as connection:
        before = await positions.position(connection, scene.book.book_id, "SAV-1")
        await scene.nights(through=date(2026, 6, 30))
        after = await positions.position(connection, scene.book.book_id, "SAV-1")
    assert before.interest is not None
    assert after.interest is not None
    assert (before.interest.accrued_satang, before.balance_satang) == (100_00, 365_000_00)
    assert (after.interest.accrued_satang, after.balance_satang) == (0, 365_200_00)


async def test_an_account_without_a_contract_bears_no_interest_and_unknown_ones_are_named(
    database: Database,
) -> None:
    scene = await _scene(database)
    async with scene.pool.acquire() as connection:
        found = await positions.positions(
            connection, scene.book.book_id, ["BANK", "SAV-2", "SAV-9"]
        )
        with pytest.raises(NotFound, match="no account SAV-9"):
            await positions.position(connection, scene.book.book_id, "SAV-9")
    assert sorted(found) == ["BANK", "SAV-2"]
    assert found["BANK"].interest is None
    assert found["BANK"].available_satang is None
    assert found["SAV-2"].interest is not None


async def test_positions_of_several_accounts_never_see_half_a_transfer(
    database: Database,
) -> None:
    scene = await _scene(database)
    await scene.move("SAV-1", 1_000_00)
    first, second = scene.accounts["SAV-1"], scene.accounts["SAV-2"]

    async def move_money() -> None:
        for number in range(40):
            pair = (first, second) if number % 2 == 0 else (second, first)
            await scene.do(journal(*pair, 1_000_00))

    async def look() -> set[tuple[int, int]]:
        seen: set[tuple[int, int]] = set()
        async with scene.pool.acquire() as connection:
            for _ in range(120):
                found = await positions.positions(
                    connection, scene.book.book_id, ["SAV-1", "SAV-2"]
                )
                assert found["SAV-1"].recorded_seq == found["SAV-2"].recorded_seq
                seen.add((found["SAV-1"].balance_satang, found["SAV-2"].balance_satang))
        return seen

    _, seen = await asyncio.gather(move_money(), look())
    assert seen <= {(1_000_00, 0), (0, 1_000_00)}


async def test_the_accrued_interest_of_a_position_is_that_of_a_night_and_not_of_a_guess(
    database: Database,
) -> None:
    scene = await _scene(database)
    async with scene.pool.acquire() as connection:
        before = await positions.position(connection, scene.book.book_id, "SAV-1")
    assert before.interest is not None
    assert before.interest.accrued_to == JUNE_1 - timedelta(days=1)
    assert before.interest.accrued_satang == 0
