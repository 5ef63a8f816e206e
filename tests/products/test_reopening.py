"""A closing undone: as if it had never been, or as the value-dated balances say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import accounts
from ledger.db import Database
from ledger.embedded import Lease
from ledger.errors import Forbidden
from ledger.posting.values import OpenAccount, Status, Unit
from products import closing, reopening
from products.closing import CannotClose
from products.contracts import ACTIVE, CLOSED, by_no
from products.reopening import CannotUndo
from tests.builders import post_units
from tests.how_much import drawn
from tests.products.closing_scene import (
    BAHT_365_000,
    JUNE_27,
    RATES,
    close,
    differences,
    two_contracts,
    undo,
)
from tests.products.savings_scene import (
    Savings,
    approve_rate,
    balances_by_value_date,
    export,
    fresh_database,
    interest_by_date,
    ledger_totals,
    open_savings,
    posted_interest,
)


@pytest.fixture
async def scene(database: Database) -> Savings:
    """SAV-1 with 365,000.00 since 27 June, SAV-2 of the same member, 28 June proven."""
    return await two_contracts(database)


async def test_closed_and_undone_on_one_day_is_as_if_it_had_never_been_closed(
    server: Lease, template: str
) -> None:
    told = []
    async with (
        fresh_database(server, template) as one,
        fresh_database(server, template) as other,
    ):
        for database, closes in ((one, False), (other, True)):
            scene = await open_savings(database, ["SAV-1", "SAV-2"], opened_on=JUNE_27, rates=RATES)
            await scene.move("SAV-1", BAHT_365_000)
            await scene.nights(through=date(2026, 6, 28))
            if closes:
                await close(scene)
                await undo(scene)
                await close(scene)
                await undo(scene)
            await scene.nights(through=date(2026, 7, 2))
            assert await differences(scene) == []
            told.append(await _what_interest_sees(scene))
    assert told[0] == told[1]


async def _what_interest_sees(scene: Savings) -> dict[str, object]:
    return {
        "balances": [await balances_by_value_date(scene, f"SAV-{n}") for n in (1, 2)],
        "interest": [await interest_by_date(scene, f"SAV-{n}") for n in (1, 2)],
        "expense": await posted_interest(scene),
        "totals": await ledger_totals(scene),
        "standing": (await export(scene))["standing"],
    }


async def test_undone_some_days_later_it_earns_what_its_value_dated_balances_say(
    scene: Savings,
) -> None:
    await close(scene)
    await scene.nights(through=date(2026, 7, 1))
    await undo(scene)
    assert await scene.balance("SAV-1") == BAHT_365_000
    assert await scene.balance("SAV-2") > 0  # interest of the days on which it had the money
    assert await differences(scene) == []
    await scene.night()
    days = await interest_by_date(scene, "SAV-1")
    assert {on: balance for on, (balance, _) in days.items()} == {
        JUNE_27 + timedelta(days=n): BAHT_365_000 for n in range(6)
    }
    assert await differences(scene) == []
    await scene.nights(through=date(2026, 12, 31))
    assert await differences(scene) == []
    assert (await ledger_totals(scene))["241100"] == 0


async def test_the_only_contract_of_a_product_is_undone_at_the_rates_of_the_days_between(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_27, rates=RATES)
    await _member_account(scene, "MEMBER-1")
    await approve_rate(database, 1, date(2026, 6, 29), "20.0000", JUNE_27)
    await scene.move("SAV-1", BAHT_365_000)
    await scene.night()
    await close(scene, to="MEMBER-1")
    await scene.nights(through=date(2026, 6, 29))
    await undo(scene)
    await scene.night()
    assert await posted_interest(scene) == {
        JUNE_27: 100_00,
        date(2026, 6, 28): 100_00,
        date(2026, 6, 29): 200_00,
        date(2026, 6, 30): 200_00,
    }
    assert await differences(scene) == []


async def _member_account(scene: Savings, code: str) -> None:
    """An account of the member outside every product."""
    async with scene.pool.acquire() as connection:
        (number,) = await accounts.reserve_ids(connection, 1)
    opened = OpenAccount(
        account=number,
        code=code,
        gl_code="341100",
        currency="THB",
        name_th=code,
        name_en=code,
        party_id=1,
        balance_min=0,
    )
    assert (await scene.do(opened)).status is Status.ACCEPTED
    scene.accounts[code] = number


async def test_an_empty_contract_is_opened_again_and_earns_from_then_on(scene: Savings) -> None:
    await close(scene, "SAV-2", None)
    await scene.nights(through=date(2026, 7, 1))
    await undo(scene, "SAV-2")
    await scene.move("SAV-2", BAHT_365_000)
    await scene.night()
    assert {on for on, (_, exact) in (await interest_by_date(scene, "SAV-2")).items() if exact} == {
        date(2026, 7, 2)
    }
    await scene.move("SAV-2", 36_500_00, value_date=date(2026, 6, 29))
    await scene.nights(through=date(2026, 7, 4))
    assert await differences(scene) == []


async def test_whoever_closed_it_cannot_undo_it(scene: Savings) -> None:
    await close(scene)
    with pytest.raises(Forbidden, match="another person must undo it"):
        await undo(scene, actor="Test:Clerk")


async def test_a_contract_that_is_open_has_no_closing_to_undo(scene: Savings) -> None:
    with pytest.raises(CannotUndo, match="is not closed"):
        await undo(scene)


async def test_a_closing_is_not_undone_while_nights_are_missing(scene: Savings) -> None:
    await close(scene)
    await scene.cut()
    with pytest.raises(CannotUndo, match="no night has proven 2026-06-29"):
        await undo(scene)


async def test_a_closing_whose_money_was_spent_since_is_not_undone(scene: Savings) -> None:
    await close(scene)
    await scene.move("SAV-2", -BAHT_365_000)
    async with scene.pool.acquire() as connection:
        unit = await reopening.undo_closing(connection, 1, "SAV-1", actor="test:chief", reason="no")
    (outcome,) = await post_units(scene.pool, 1, [unit])
    assert outcome.refusal is not None
    assert outcome.refusal.code == "below_balance_min"
    async with scene.pool.acquire() as connection:
        assert (await by_no(connection, 1, "SAV-1")).state == CLOSED
    await scene.move("SAV-2", BAHT_365_000)
    await undo(scene)
    async with scene.pool.acquire() as connection:
        assert (await by_no(connection, 1, "SAV-1")).state == ACTIVE


steps = st.lists(
    st.tuples(
        st.sampled_from(["move", "late", "close", "undo", "night", "night"]),
        st.integers(-50_000_00, 90_000_00).filter(bool),
        st.integers(1, 5),
    ),
    min_size=4,
    max_size=16,
)


@given(acts=steps)
@drawn(8)
async def test_whatever_is_closed_and_undone_the_proof_agrees_and_nothing_is_left_unpaid(
    server: Lease, template: str, acts: Sequence[tuple[str, int, int]]
) -> None:
    async with fresh_database(server, template) as database:
        scene = await open_savings(
            database,
            ["SAV-1", "SAV-2"],
            opened_on=JUNE_27,
            rates={JUNE_27: "9.7300", date(2026, 6, 30): "3.1000"},
            capitalisation_days=frozenset({"06-30", "07-03", "07-09"}),
        )
        await scene.move("SAV-1", 100_000_00)
        for what, amount, days in acts:
            if what == "night":
                await scene.night()
            elif what == "close":
                await _try(scene, closing.close_contract, CannotClose, sweep_to="SAV-2")
            elif what == "undo":
                await _try(scene, reopening.undo_closing, CannotUndo)
            else:
                late = scene.today - timedelta(days=days if what == "late" else 0)
                await scene.move("SAV-1", amount, max(late, date(2026, 6, 1)), check=False)
        await scene.nights(through=scene.today)
        assert await differences(scene) == []
        async with scene.pool.acquire() as connection:
            contract = await by_no(connection, 1, "SAV-1")
        if contract.state == CLOSED:
            standing = {row[0]: row[5:] for row in (await export(scene))["standing"]}
            accrued, credited = standing["SAV-1"]
            assert accrued == credited


async def _try(
    scene: Savings, decide: object, refused: type[Exception], **more: object
) -> UUID | None:
    """Close or undo if it can be done; whoever undoes is another person."""
    actor = "test:clerk" if refused is CannotClose else "test:chief"
    async with scene.pool.acquire() as connection:
        try:
            unit: Unit = await decide(  # type: ignore[operator]  # either of two functions
                connection, 1, "SAV-1", actor=actor, reason="perhaps", **more
            )
        except refused:
            return None
    (outcome,) = await post_units(scene.pool, 1, [unit])
    assert outcome.status in (Status.ACCEPTED, Status.REFUSED), outcome
    return None
