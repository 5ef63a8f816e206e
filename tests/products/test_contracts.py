"""Contracts and products: opened on the date they are recorded; an empty one is just closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ledger.db import Database
from ledger.errors import InvalidInput, NotFound
from ledger.kinds import EventKind as LedgerEventKind
from ledger.kinds import JournalKind as LedgerJournalKind
from ledger.posting.values import Status
from pricing.slabs import SlabBasis
from products.catalogue import create_product, load_product, load_products
from products.closing import CannotClose, close_contract
from products.contracts import ACTIVE, CLOSED, by_ids, by_no, by_nos
from products.interest import DayCount
from products.kinds import EventKind, JournalKind
from tests.builders import post_units
from tests.products.savings_scene import Savings, open_savings

JUNE_1 = date(2026, 6, 1)


@pytest.fixture
async def scene(database: Database) -> Savings:
    """Two empty contracts on the first day of a book."""
    return await open_savings(
        database, ["SAV-1", "SAV-2"], opened_on=JUNE_1, rates={JUNE_1: "1.5000"}
    )


async def _close(scene: Savings, number: str) -> Status:
    async with scene.pool.acquire() as connection:
        unit = await close_contract(connection, 1, number, actor="test:clerk", reason="asked")
    (outcome,) = await post_units(scene.pool, 1, [unit])
    return outcome.status


async def test_a_contract_is_found_by_its_number_and_by_its_id(scene: Savings) -> None:
    async with scene.pool.acquire() as connection:
        contract = await by_no(connection, 1, "SAV-1")
        assert await by_ids(connection, 1, [contract.contract_id]) == {
            contract.contract_id: contract
        }
        assert set(await by_nos(connection, 1, ["SAV-1", "SAV-2", "SAV-9"])) == {"SAV-1", "SAV-2"}
        with pytest.raises(NotFound, match="no contract SAV-9"):
            await by_no(connection, 1, "SAV-9")
    assert (contract.opened_on, contract.interest_from, contract.state) == (JUNE_1, JUNE_1, ACTIVE)
    assert contract.account_id == scene.accounts["SAV-1"]


async def test_interest_begins_on_the_date_asked_for_but_never_before_the_opening(
    scene: Savings,
) -> None:
    await scene.open("SAV-3", interest_from=date(2020, 1, 1))
    await scene.open("SAV-4", interest_from=date(2026, 6, 3))
    async with scene.pool.acquire() as connection:
        found = await by_nos(connection, 1, ["SAV-3", "SAV-4"])
    assert found["SAV-3"].interest_from == JUNE_1
    assert found["SAV-4"].interest_from == date(2026, 6, 3)
    for number in ("SAV-3", "SAV-4"):
        await scene.move(number, 365_000_00)
    reports = await scene.nights(through=date(2026, 6, 3))
    assert [report.interest_satang for report in reports] == [15_00, 15_00, 30_00]


async def test_an_empty_contract_is_closed_with_its_account(scene: Savings) -> None:
    assert await _close(scene, "SAV-1") is Status.ACCEPTED
    async with scene.pool.acquire() as connection:
        contract = await by_no(connection, 1, "SAV-1")
    assert (contract.state, contract.closed_on, contract.version) == (CLOSED, JUNE_1, 2)
    assert (await scene.move("SAV-1", 1_00, check=False)).refusal is not None
    with pytest.raises(CannotClose, match="contract SAV-1 was closed on 2026-06-01"):
        await _close(scene, "SAV-1")
    assert (await scene.night()).step("accrue").contracts == 1


async def test_a_contract_with_money_is_not_closed_before_it_is_said_where_that_goes(
    scene: Savings,
) -> None:
    await scene.move("SAV-1", 5_00)
    with pytest.raises(CannotClose, match=r"its balance is 5\.00 and its interest 0\.00"):
        await _close(scene, "SAV-1")


async def test_a_contract_is_not_closed_while_nights_are_missing(scene: Savings) -> None:
    await scene.cut()
    await scene.cut()
    with pytest.raises(CannotClose, match="no night has proven 2026-06-01"):
        await _close(scene, "SAV-1")


async def test_two_people_who_close_one_contract_do_it_once(scene: Savings) -> None:
    async with scene.pool.acquire() as connection:
        units = [await close_contract(connection, 1, "SAV-1", actor=who) for who in ("a", "b")]
    first, second = await post_units(scene.pool, 1, units)
    assert (first.status, second.status) == (Status.ACCEPTED, Status.STALE)


async def test_a_product_is_read_back_as_it_was_made(scene: Savings) -> None:
    async with scene.pool.acquire() as connection:
        assert await load_product(connection, 1, "SAVINGS") == scene.product
        assert list(await load_products(connection, 1)) == ["SAVINGS"]
        with pytest.raises(NotFound, match="no product GOLD"):
            await load_product(connection, 1, "GOLD")


async def test_a_product_that_cannot_be_is_refused_with_the_field_named(scene: Savings) -> None:
    terms = scene.product.terms
    for wrong, field in (
        (replace(scene.product, product_code="savings"), "product_code"),
        (replace(scene.product, product_code="NEW1", family="loans"), "family"),
        (replace(scene.product, product_code="NEW1", slab_rule=SlabBasis.SLICE), "family"),
        (replace(scene.product, product_code="NEW1", minimum_satang=1), "family"),
        (replace(scene.product, product_code="NEW1", minimum_satang=-1), "minimum_satang"),
        (scene.product, "product_code"),
        (replace(scene.product, product_code="S2", gl_deposits="999999"), "gl_deposits"),
        (
            replace(
                scene.product,
                product_code="S2",
                terms=replace(terms, capitalisation_days=frozenset({"02-29"})),
            ),
            "capitalisation_days, 02-29",
        ),
        (
            replace(
                scene.product,
                product_code="S2",
                terms=replace(terms, capitalisation_days=frozenset()),
            ),
            "capitalisation_days",
        ),
        (
            replace(
                scene.product,
                product_code="S2",
                terms=replace(terms, day_count=DayCount.THIRTY_360),
            ),
            "THIRTY_360'; expected one of ACT_365F, ACT_ACT_CALYEAR",
        ),
        (
            replace(scene.product, product_code="S2", terms=replace(terms, step_satang=25)),
            "step_satang: got 25; expected 1",
        ),
    ):
        async with scene.pool.acquire() as connection:
            with pytest.raises(InvalidInput, match=field):
                await create_product(connection, wrong)


async def test_kinds_of_products_are_the_rows_that_people_read(scene: Savings) -> None:
    for table, kinds in (
        ("journal_kind", (*LedgerJournalKind, *JournalKind)),
        ("event_kind", (*LedgerEventKind, *EventKind)),
    ):
        rows = await scene.pool.fetch(f"SELECT kind, code FROM ledger.{table} ORDER BY kind")
        assert [tuple(row) for row in rows] == sorted((k.value, k.name.lower()) for k in kinds)
