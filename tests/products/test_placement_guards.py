"""Only its own events move a placement: every other way in is refused by name."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.db import Database
from ledger.posting.values import Status
from products.barred import BY_PLACEMENT, barred_accounts
from products.closing import CannotClose, close_account, close_contract
from products.contracts import by_nos
from products.deposits.guards import PlacementAccount, refuse_limits
from products.reopening import CannotUndo, undo_closing
from tests.builders import post_units
from tests.products.closing_scene import unit_of
from tests.products.placement_acts import accepted, end_early, instruct
from tests.products.placement_scene import (
    BAHT,
    PAY_OUT,
    Placements,
    open_placements,
)

FEB_2 = date(2026, 2, 2)
MILLION = 1_000_000 * BAHT


async def scene(database: Database) -> Placements:
    """FD-1 of the co-op stands on 1,000,000.00, linked to SAV-1."""
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    await made.place("FD-1", MILLION, instruction=PAY_OUT)
    return made


async def test_its_account_is_barred_to_journals_by_hand_files_and_streams(
    database: Database,
) -> None:
    made = await scene(database)
    number, savings = made.savings.accounts["FD-1"], made.savings.accounts["SAV-1"]
    async with made.savings.pool.acquire() as connection:
        everywhere = await barred_accounts(connection, 1)
        among = await barred_accounts(connection, 1, [number, savings])
    assert everywhere[number] == among[number] == BY_PLACEMENT
    assert savings not in everywhere


async def test_it_is_not_closed_as_savings_are(database: Database) -> None:
    made = await scene(database)
    async with made.savings.pool.acquire() as connection:
        for close in (close_contract, close_account):
            with pytest.raises(CannotClose, match="FD-1 is a placement"):
                await close(connection, 1, "FD-1", actor="test:clerk", sweep_to="SAV-1")


async def test_its_end_is_not_undone(database: Database) -> None:
    made = await scene(database)
    await end_early(made, "FD-1")
    async with made.savings.pool.acquire() as connection:
        with pytest.raises(CannotUndo, match="place the sum anew"):
            await undo_closing(connection, 1, "FD-1", actor="test:other", reason="a mistake")


async def test_its_limits_are_neither_set_nor_planned(database: Database) -> None:
    made = await scene(database)
    async with made.savings.pool.acquire() as connection:
        with pytest.raises(PlacementAccount, match="FD-1 is a placement"):
            await refuse_limits(connection, 1, "FD-1")
        await refuse_limits(connection, 1, "SAV-1")
        await refuse_limits(connection, 1, "BANK")


async def test_savings_that_close_are_not_swept_into_a_placement(database: Database) -> None:
    made = await scene(database)
    await made.savings.open("SAV-4")
    await made.savings.move("SAV-4", MILLION)
    with pytest.raises(CannotClose, match="FD-1 is a placement"):
        await unit_of(made.savings, "SAV-4", "FD-1")


async def test_savings_that_a_placement_pays_to_do_not_close(database: Database) -> None:
    made = await scene(database)
    await made.savings.open("SAV-4")
    with pytest.raises(CannotClose, match="placement FD-1 pays to it"):
        await unit_of(made.savings, "SAV-1", "SAV-4")
    await accepted(made, await instruct(made, "FD-1", linked_no="SAV-4"))
    await accepted(made, await unit_of(made.savings, "SAV-1", "SAV-4"))


async def test_savings_close_again_once_their_placement_has_ended(database: Database) -> None:
    made = await scene(database)
    await made.savings.open("SAV-4")
    await end_early(made, "FD-1")
    await accepted(made, await unit_of(made.savings, "SAV-1", "SAV-4"))


async def test_the_account_that_keeps_tax_withheld_stays_open(database: Database) -> None:
    made = await scene(database)
    async with made.savings.pool.acquire() as connection:
        for code in ("TAX-PAYABLE", "FIX-PAYABLE", "FIX-EXPENSE"):
            with pytest.raises(CannotClose, match="used by nights or payments"):
                await close_account(connection, 1, code, actor="test:clerk")


@pytest.mark.parametrize("first", ["closing", "opening"])
async def test_of_a_closing_and_a_placement_decided_at_once_only_one_happens(
    database: Database, first: str
) -> None:
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    await made.savings.open("SAV-4")
    closing = await unit_of(made.savings, "SAV-1", "SAV-4")
    opening = await made.order("FD-1", MILLION)
    units = [closing, opening] if first == "closing" else [opening, closing]
    outcomes = await post_units(made.savings.pool, 1, units)
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED, Status.STALE]
    async with made.savings.pool.acquire() as connection:
        savings = (await by_nos(connection, 1, ["SAV-1"]))["SAV-1"]
        placed = await by_nos(connection, 1, ["FD-1"])
    assert (savings.closed_on is None) == bool(placed) == (first == "opening")


async def test_a_closing_decided_before_a_placement_was_linked_to_it_is_decided_again(
    database: Database,
) -> None:
    made = await scene(database)
    await made.savings.open("SAV-4")
    await made.savings.move("SAV-4", MILLION)
    closing = await unit_of(made.savings, "SAV-4", "SAV-1")
    linking = await instruct(made, "FD-1", linked_no="SAV-4")
    outcomes = await post_units(made.savings.pool, 1, [linking, closing])
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED, Status.STALE]
    with pytest.raises(CannotClose, match="placement FD-1 pays to it"):
        await unit_of(made.savings, "SAV-4", "SAV-1")
