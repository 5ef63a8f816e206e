"""A placement that matured while it was frozen or pledged waits, bears nothing, and is paid later.

10,000,000.00 at 2.25 % from 2 February to 4 May 2026 earns 56,095.89.
"""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from ledger.db import Database, transaction
from ledger.posting.ids import event_id
from ledger.posting.values import Origin, PlaceHold, ReleaseHold, SetLimits, Status, Unit
from ledger.posting.write import post_batch
from products.catalogue import load_products
from products.deposits.early_ends import CannotEndEarly
from products.deposits.instructing import CannotInstruct
from products.deposits.opening import CannotPlace
from products.deposits.standing import PlacementState
from products.deposits.waiting import CannotPayOut
from products.maturing import mature
from products.night import Night
from tests.builders import post_units
from tests.products.closing_scene import differences
from tests.products.placement_acts import accepted, instruct, pay_out, propose, stands
from tests.products.placement_scene import (
    BAHT,
    HUNDRED_MILLION,
    PAY_OUT,
    ROLL_ALL,
    ROLL_PRINCIPAL,
    Placements,
    open_placements,
)

FEB_2 = date(2026, 2, 2)
MAY_4 = date(2026, 5, 4)
TEN_MILLION = 10_000_000 * BAHT
PLEDGE = event_id("pledge")


async def scene(database: Database, through: date = date(2026, 5, 3)) -> Placements:
    """FD-3 of the person, taxed 15 %, paid out at its maturity."""
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    await made.place("FD-3", TEN_MILLION, linked_no="SAV-3", instruction=PAY_OUT)
    await made.savings.nights(through=through)
    return made


async def test_frozen_at_maturity_it_waits_bears_nothing_and_is_paid_once_thawed(
    database: Database,
) -> None:
    made = await scene(database)
    await made.savings.freeze("SAV-3")
    report = await made.savings.night(MAY_4)
    (listed,) = report.step("mature").refused
    assert (listed.code, listed.keeps_day_open) == ("account_frozen_credit", False)
    await made.savings.nights(through=date(2026, 5, 20))
    found = await stands(made, "FD-3")
    assert (found.state, found.contract.matured_on) == (PlacementState.WAITING, MAY_4)
    assert (found.owed_satang, found.in_the_way) == (56_095_89, ("account_frozen_credit",))
    with pytest.raises(CannotPayOut, match="SAV-3 is frozen"):
        await pay_out(made, "FD-3")
    await made.savings.freeze("SAV-3", thaw=True)
    await accepted(made, await pay_out(made, "FD-3"))
    tax = 8_414_38
    assert await made.balance("SAV-3") == HUNDRED_MILLION + 56_095_89 - tax
    assert (await made.balance("FIX-PAYABLE"), await made.balance("TAX-PAYABLE")) == (0, tax)
    found = await stands(made, "FD-3")
    assert (found.state, found.owed_satang) == (PlacementState.PAID_OUT, 0)
    assert found.contract.closed_on == date(2026, 5, 21)
    (payment,) = found.payments
    assert (payment.period_end, payment.made_on) == (date(2026, 5, 3), date(2026, 5, 21))
    assert found.coupons[-1].payment == payment
    await made.savings.nights(through=date(2026, 5, 22))
    assert await made.balance("FIX-PAYABLE") == 0


async def test_pledged_at_maturity_its_interest_is_paid_and_its_principal_waits(
    database: Database,
) -> None:
    made = await scene(database)
    hold = PlaceHold(hold_id=PLEDGE, account=made.savings.accounts["FD-3"], amount_satang=BAHT)
    await made.savings.do(hold)
    report = await made.savings.night(MAY_4)
    (listed,) = report.step("mature").refused
    assert (listed.code, listed.keeps_day_open) == ("pledged", False)
    assert await made.balance("SAV-3") == HUNDRED_MILLION - TEN_MILLION + 56_095_89 - 8_414_38
    with pytest.raises(CannotPayOut, match=r"holds of 1\.00 stand on it"):
        await pay_out(made, "FD-3")
    await made.savings.do(ReleaseHold(hold_id=PLEDGE))
    await accepted(made, await pay_out(made, "FD-3"))
    assert await made.balance("SAV-3") == HUNDRED_MILLION + 56_095_89 - 8_414_38
    assert len(await made.rows("capitalisation", "FD-3")) == 1


async def test_a_pledge_that_comes_while_the_night_reads_it_lets_it_wait(
    database: Database,
) -> None:
    made = await scene(database)
    hold = PlaceHold(hold_id=PLEDGE, account=made.savings.accounts["FD-3"], amount_satang=BAHT)
    await made.savings.cut()
    pool = made.savings.pool
    async with pool.acquire() as connection:
        products = await load_products(connection, 1)
    night = Night(pool=pool, book_id=1, business_date=MAY_4, products=products)
    async with asyncio.TaskGroup() as together, transaction(pool, "test:clerk") as connection:
        unit = Unit(operations=(hold,), actor="test:clerk")
        (outcome,) = await post_batch(connection, 1, [unit], origin=Origin.DOORS)
        assert outcome.status is Status.ACCEPTED
        # Read without the pledge, which is not there yet; then it waits for us to post.
        together.create_task(mature(night))
        for _ in range(1_000):
            if await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                break
            await asyncio.sleep(0.01)
    report = await made.savings.night(MAY_4)
    (listed,) = report.step("mature").refused
    assert (listed.code, listed.keeps_day_open) == ("pledged", False)
    assert await made.balance("SAV-3") == HUNDRED_MILLION - TEN_MILLION + 56_095_89 - 8_414_38
    assert await differences(made.savings) == []


async def test_savings_without_room_for_it_take_its_interest_and_the_principal_waits(
    database: Database,
) -> None:
    made = await scene(database)
    number = made.savings.accounts["SAV-3"]
    await made.savings.do(
        SetLimits(account=number, balance_min=0, balance_max=HUNDRED_MILLION - 1 * BAHT)
    )
    report = await made.savings.night(MAY_4)
    (listed,) = report.step("mature").refused
    assert (listed.code, listed.keeps_day_open) == ("above_balance_max", False)
    assert await made.balance("SAV-3") == HUNDRED_MILLION - TEN_MILLION + 56_095_89 - 8_414_38
    (outcome,) = await post_units(made.savings.pool, 1, [await pay_out(made, "FD-3")])
    assert outcome.refusal is not None
    assert outcome.refusal.code == "above_balance_max"
    await made.savings.do(SetLimits(account=number, balance_min=0, balance_max=None))
    await accepted(made, await pay_out(made, "FD-3"))
    assert (await stands(made, "FD-3")).state is PlacementState.PAID_OUT
    assert await made.balance("SAV-3") == HUNDRED_MILLION + 56_095_89 - 8_414_38
    assert await differences(made.savings) == []


async def test_a_pledge_that_ends_before_the_night_does_not_keep_it_waiting(
    database: Database,
) -> None:
    made = await scene(database)
    hold = PlaceHold(
        hold_id=PLEDGE,
        account=made.savings.accounts["FD-3"],
        amount_satang=BAHT,
        expires_on=MAY_4,
    )
    await made.savings.do(hold)
    report = await made.savings.night(MAY_4)
    assert report.step("mature").refused == ()
    assert (await stands(made, "FD-3")).state is PlacementState.PAID_OUT


async def test_only_a_waiting_placement_is_paid_out_and_only_once(database: Database) -> None:
    made = await scene(database)
    with pytest.raises(CannotPayOut, match="it has not matured: its term runs until 2026-05-04"):
        await pay_out(made, "FD-3")
    await made.savings.freeze("FD-3")
    await made.savings.night(MAY_4)
    await made.savings.freeze("FD-3", thaw=True)
    units = [await pay_out(made, "FD-3"), await pay_out(made, "FD-3")]
    outcomes = await post_units(made.savings.pool, 1, units)
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED, Status.STALE]
    with pytest.raises(CannotPayOut, match="it was closed on 2026-05-05"):
        await pay_out(made, "FD-3")


async def test_a_waiting_placement_may_be_given_another_linked_account_but_no_instruction(
    database: Database,
) -> None:
    made = await scene(database)
    await made.savings.open("SAV-4", party_id=3)
    await made.savings.freeze("SAV-3")
    await made.savings.night(MAY_4)
    with pytest.raises(CannotInstruct, match="waits to be paid out"):
        await instruct(made, "FD-3", instruction=ROLL_ALL)
    with pytest.raises(CannotEndEarly, match="waits: pay it out instead"):
        await propose(made, "FD-3")
    await accepted(made, await instruct(made, "FD-3", linked_no="SAV-4"))
    await accepted(made, await pay_out(made, "FD-3"))
    assert await made.balance("SAV-4") == TEN_MILLION + 56_095_89 - 8_414_38


async def test_the_instruction_changes_up_to_the_date_of_maturity(database: Database) -> None:
    made = await scene(database)
    assert made.savings.today == MAY_4
    await accepted(made, await instruct(made, "FD-3", instruction=ROLL_PRINCIPAL))
    await made.savings.night(MAY_4)
    found = await stands(made, "FD-3")
    assert (found.term_no, found.state) == (2, PlacementState.RUNNING)
    assert await made.balance("SAV-3") == HUNDRED_MILLION - TEN_MILLION + 56_095_89 - 8_414_38


async def test_an_instruction_decided_before_the_cut_off_does_not_reach_a_night_that_follows(
    database: Database,
) -> None:
    made = await scene(database)
    unit = await instruct(made, "FD-3", instruction=ROLL_PRINCIPAL)
    await made.savings.cut()
    (outcome,) = await post_units(made.savings.pool, 1, [unit])
    assert outcome.status is Status.STALE
    with pytest.raises(CannotInstruct, match="no night has proven 2026-05-04"):
        await instruct(made, "FD-3", instruction=ROLL_PRINCIPAL)
    await made.savings.night(MAY_4)
    assert (await stands(made, "FD-3")).state is PlacementState.PAID_OUT
    with pytest.raises(CannotInstruct, match="it was closed on 2026-05-04"):
        await instruct(made, "FD-3", instruction=ROLL_PRINCIPAL)


async def test_of_two_instructions_at_once_one_decides_again(database: Database) -> None:
    made = await scene(database, through=FEB_2)
    units = [
        await instruct(made, "FD-3", instruction=ROLL_PRINCIPAL),
        await instruct(made, "FD-3", instruction=ROLL_ALL),
    ]
    outcomes = await post_units(made.savings.pool, 1, units)
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED, Status.STALE]


async def test_an_instruction_that_cannot_be_is_refused_by_name(database: Database) -> None:
    made = await scene(database, through=FEB_2)
    await made.place("FD-4", TEN_MILLION, linked_no="SAV-3")
    with pytest.raises(CannotInstruct, match="SAV-2 is another member's"):
        await instruct(made, "FD-3", linked_no="SAV-2")
    with pytest.raises(CannotInstruct, match="SAV-3 and pay_out are what it says already"):
        await instruct(made, "FD-3")
    with pytest.raises(CannotPlace, match="FD-4 is no savings contract"):
        await instruct(made, "FD-3", linked_no="FD-4")
