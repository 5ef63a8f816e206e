"""The end of a contract: paid, swept and closed in one act."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest

from ledger import accounts, parties
from ledger.db import Database
from ledger.errors import NotFound
from ledger.posting.collector import Collector, decide_and_post
from ledger.posting.values import OpenAccount, PlaceHold, ReleaseHold, Status, Unit
from products import positions
from products.closing import CannotClose
from products.contracts import CLOSED, by_no
from products.kinds import JournalKind
from tests.builders import journal, post_units
from tests.products.closing_scene import (
    BAHT_365_000,
    JUNE_27,
    RATES,
    close,
    differences,
    two_contracts,
    unit_of,
)
from tests.products.savings_scene import (
    Savings,
    interest_by_date,
    ledger_totals,
    open_savings,
)


@pytest.fixture
async def scene(database: Database) -> Savings:
    """SAV-1 with 365,000.00 since 27 June, SAV-2 of the same member, 28 June proven."""
    return await two_contracts(database)


async def test_closing_pays_the_interest_of_every_night_and_sweeps_all_that_is_left(
    scene: Savings,
) -> None:
    outcome = await close(scene)
    assert [receipt.journal_id is not None for receipt in outcome.receipts] == [True, True, False]
    assert await scene.balance("SAV-1") == 0
    assert await scene.balance("SAV-2") == BAHT_365_000 + 200_00
    assert (await ledger_totals(scene))["241100"] == 0
    rows = await scene.pool.fetch(
        "SELECT kind, amount_satang, value_date FROM ledger.transfer WHERE kind IN (104, 105) "
        "ORDER BY recorded_seq"
    )
    assert [tuple(row) for row in rows] == [
        (JournalKind.INTEREST_AT_CLOSING, 200_00, date(2026, 6, 29)),
        (JournalKind.CLOSING_SWEEP, BAHT_365_000 + 200_00, date(2026, 6, 29)),
    ]
    async with scene.pool.acquire() as connection:
        contract = await by_no(connection, 1, "SAV-1")
        position = await accounts.position(connection, 1, "SAV-1")
    assert (contract.state, contract.closed_on) == (CLOSED, date(2026, 6, 29))
    assert position.closed


async def test_the_nights_after_leave_a_closed_contract_alone_and_everything_adds_up(
    scene: Savings,
) -> None:
    await close(scene)
    reports = await scene.nights(through=date(2026, 7, 1))
    assert [report.step("accrue").contracts for report in reports] == [1, 1, 1]
    assert await differences(scene) == []
    assert max(await interest_by_date(scene, "SAV-1")) == date(2026, 6, 28)


async def test_what_came_and_went_on_the_day_of_closing_bears_no_interest(scene: Savings) -> None:
    await scene.move("SAV-1", 1_000_000_00)
    await close(scene)
    assert await scene.balance("SAV-2") == BAHT_365_000 + 1_000_000_00 + 200_00
    await scene.night()
    assert await differences(scene) == []


async def test_a_contract_closed_on_the_day_it_was_opened_needs_no_night(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1", "SAV-2"], opened_on=JUNE_27, rates=RATES)
    await scene.move("SAV-1", 5_00)
    await close(scene)
    assert await scene.balance("SAV-2") == 5_00
    await scene.night()
    assert await differences(scene) == []


async def test_a_contract_closed_before_it_bore_stands_at_the_day_before_it_would_have(
    scene: Savings,
) -> None:
    july_5 = date(2026, 7, 5)
    await scene.open("SAV-3", interest_from=july_5)
    await close(scene, "SAV-3", None)
    for night in (None, await scene.night(), await scene.night()):
        async with scene.pool.acquire() as connection:
            found = await positions.position(connection, scene.book.book_id, "SAV-3")
        assert found.interest is not None, night
        assert found.interest.accrued_to == july_5 - timedelta(days=1)
    assert await differences(scene) == []


async def test_interest_too_small_for_a_satang_is_nobodys(database: Database) -> None:
    scene = await open_savings(database, ["SAV-1", "SAV-2"], opened_on=JUNE_27, rates=RATES)
    await scene.move("SAV-1", 10)
    await scene.night()
    outcome = await close(scene)
    assert len(outcome.receipts) == 2
    assert await scene.balance("SAV-2") == 10
    await scene.night()
    assert await differences(scene) == []


async def test_an_empty_contract_is_closed_without_a_journal(scene: Savings) -> None:
    outcome = await close(scene, "SAV-2", None)
    assert [receipt.journal_id for receipt in outcome.receipts] == [None]


async def test_everything_that_stands_against_closing_is_named_at_once(scene: Savings) -> None:
    hold = uuid4()
    await scene.do(PlaceHold(hold_id=hold, account=scene.accounts["SAV-1"], amount_satang=7_00))
    await scene.move("SAV-1", 1_00, value_date=JUNE_27)
    await scene.freeze("SAV-1")
    await scene.cut()
    with pytest.raises(CannotClose) as told:
        await unit_of(scene, to=None)
    for words in (
        f"hold {hold} over 7.00 is open",
        "it is frozen",
        "no night has proven 2026-06-29",
        "its balance is 365001.00 and its interest 200.00",
    ):
        assert words in str(told.value)


async def test_a_late_posting_of_today_waits_for_the_night_that_corrects_it(
    scene: Savings,
) -> None:
    await scene.move("SAV-1", 36_500_00, value_date=JUNE_27)
    with pytest.raises(CannotClose, match="moved today with an earlier value date"):
        await unit_of(scene)
    await scene.night()
    await close(scene)
    assert await scene.balance("SAV-2") == 401_500_00 + 330_00
    await scene.night()
    assert await differences(scene) == []


async def test_a_closed_contract_is_not_closed_again(scene: Savings) -> None:
    await close(scene)
    with pytest.raises(CannotClose, match="was closed on 2026-06-29"):
        await unit_of(scene)


async def test_the_balance_goes_to_another_account_of_the_same_member_only(
    scene: Savings,
) -> None:
    other = parties.Party(
        party_id=2,
        code="0002",
        name_th="อื่น",
        name_en="Other",
        region="north",
        joined_on=date(2020, 1, 1),
    )
    async with scene.pool.acquire() as connection:
        await parties.add_parties(connection, 1, [other])
        (number,) = await accounts.reserve_ids(connection, 1)
    opened = OpenAccount(
        account=number,
        code="SAV-9",
        gl_code="341100",
        currency="THB",
        name_th="9",
        name_en="9",
        party_id=2,
    )
    assert (await scene.do(opened)).status is Status.ACCEPTED
    for code in ("SAV-9", "SAV-1", "BANK"):
        with pytest.raises(CannotClose, match="another account of the same member"):
            await unit_of(scene, to=code)
    with pytest.raises(NotFound, match="no account SAV-7"):
        await unit_of(scene, to="SAV-7")


async def test_two_people_who_close_one_contract_close_it_once(scene: Savings) -> None:
    units = [await unit_of(scene), await unit_of(scene)]
    first, second = await post_units(scene.pool, 1, units)
    assert (first.status, second.status) == (Status.ACCEPTED, Status.STALE)


async def test_a_closing_that_a_posting_overtakes_is_decided_again(scene: Savings) -> None:
    unit = await unit_of(scene)
    await scene.move("SAV-1", 1_00)
    (outcome,) = await post_units(scene.pool, 1, [unit])
    assert outcome.status is Status.STALE


async def test_a_closing_that_the_cut_off_overtakes_is_decided_again_and_waits_for_the_night(
    scene: Savings,
) -> None:
    decided: list[Unit] = []

    async def decide(connection: object) -> Unit:
        if not decided:
            decided.append(await unit_of(scene))
            await scene.cut()
            return decided[0]
        return await unit_of(scene)

    async with Collector(scene.pool) as collector:
        with pytest.raises(CannotClose, match="no night has proven 2026-06-29"):
            await decide_and_post(collector, scene.pool, 1, decide)
    assert await scene.balance("SAV-1") == BAHT_365_000
    await scene.night(date(2026, 6, 29))
    assert await differences(scene) == []


async def test_interest_credited_too_much_is_taken_back_from_what_is_left(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1", "SAV-2"], opened_on=JUNE_27, rates=RATES)
    await scene.move("SAV-1", BAHT_365_000)
    await scene.freeze("SAV-2")
    await scene.nights(through=date(2026, 7, 1))
    await scene.move("SAV-1", -BAHT_365_000, value_date=JUNE_27)
    await scene.night()
    await scene.freeze("SAV-2", thaw=True)
    left = await scene.balance("SAV-1")
    await close(scene, to=None if left == 0 else "SAV-2")
    await scene.night()
    assert await differences(scene) == []
    assert (await ledger_totals(scene))["241100"] == 0


async def test_the_proof_sees_interest_at_closing_that_was_not_what_was_accrued(
    scene: Savings,
) -> None:
    await close(scene)
    await scene.pool.execute(
        "UPDATE products.interest_leg SET credited_satang = credited_satang - 1 "
        "WHERE contract_id = $1",
        scene.contract_id("SAV-1"),
    )
    found = await differences(scene)
    assert any("products.interest_leg SAV-1" in difference for difference in found)


async def test_the_proof_sees_interest_at_closing_that_no_closing_names(scene: Savings) -> None:
    stray = replace(
        journal(scene.product.payable_account, scene.accounts["SAV-1"], 1),
        kind=JournalKind.INTEREST_AT_CLOSING,
    )
    assert (await scene.do(stray)).status is Status.ACCEPTED
    found = await differences(scene)
    assert any("closings name their journals" in difference for difference in found)


async def test_money_that_comes_while_a_contract_closes_is_swept_with_it_or_stays_outside(
    scene: Savings,
) -> None:
    account = scene.accounts["SAV-1"]

    async def decide(_: object) -> Unit:
        return await unit_of(scene)

    async with Collector(scene.pool) as collector:
        deposits = [
            collector.submit(
                1, Unit(operations=(journal(scene.bank, account, 1_00),), actor="test:clerk")
            )
            for _ in range(40)
        ]
        closing_it = decide_and_post(collector, scene.pool, 1, decide)
        *paid_in, closed = await asyncio.gather(*deposits, closing_it)
    assert closed.status is Status.ACCEPTED
    accepted = sum(outcome.status is Status.ACCEPTED for outcome in paid_in)
    codes = {outcome.refusal.code for outcome in paid_in if outcome.refusal is not None}
    assert codes <= {"account_closed"}
    assert await scene.balance("SAV-2") == BAHT_365_000 + 200_00 + accepted * 1_00
    assert await differences(scene) == []


async def test_a_hold_that_has_ended_stands_in_nobodys_way(scene: Savings) -> None:
    hold = uuid4()
    await scene.do(PlaceHold(hold_id=hold, account=scene.accounts["SAV-1"], amount_satang=7_00))
    await scene.do(ReleaseHold(hold_id=hold))
    await close(scene)
