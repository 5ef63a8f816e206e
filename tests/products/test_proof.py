"""The proof of interest: silent on sound nights, and it names whatever was damaged."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import uuid4

import asyncpg
import pytest

from ledger import embedded
from ledger.db import Database, open_database
from ledger.money import Rounding
from ledger.proof.report import Report
from ledger.proof.verify import verify_ledger
from products.catalogue import NIGHT_DAY_COUNTS
from products.proof.verify import verify_products
from tests.products.savings_scene import Savings, approve_rate, open_savings

START = date(2026, 6, 27)
SPANS = "spans are the balances by value date"
CREDITS = "capitalisations are what was accrued"
STANDING = "interest stands where its spans leave it"
RATES = "rates are the approved sheets'"
GENERAL = "accrual journals are the contracts' sum"
PAYABLE = "accrued payable is accrued less credited"
CONTROL = "contracts add up to their control account"
JOURNALS = "capitalisations are their journals"
ORPHANS = "interest belongs to contracts"

DAMAGES: dict[str, tuple[str, str, str]] = {
    # what is hurt: (statement, check that must find it, place that it must name)
    "a span over another balance": (
        "UPDATE products.interest_span SET balance_satang = balance_satang + 1 "
        "WHERE from_date = '2026-06-28'",
        SPANS,
        "products.interest_span SAV-1 2026-06-28",
    ),
    "a span that earns another amount": (
        "UPDATE products.interest_span SET slope_exact = slope_exact + 1 "
        "WHERE from_date = '2026-06-28'",
        SPANS,
        "products.interest_span SAV-1 2026-06-28",
    ),
    "a span on another base": (
        "UPDATE products.interest_span SET base_exact = base_exact + 1 "
        "WHERE from_date = '2026-07-01'",
        SPANS,
        "products.interest_span SAV-2 2026-07-01",
    ),
    "a span lost": (
        "DELETE FROM products.interest_span WHERE from_date = '2026-06-28'",
        SPANS,
        "products.interest_span SAV-1 2026-06-28",
    ),
    "a span before interest began": (
        "INSERT INTO products.interest_span SELECT book_id, contract_id, 1, 99, '2026-06-01', "
        "'2026-06-01', 0, 0, 365, 0, 0 FROM products.contract WHERE contract_no = 'SAV-1'",
        SPANS,
        "products.interest_span SAV-1 2026-06-01",
    ),
    "a span of nobody": (
        "INSERT INTO products.interest_span VALUES "
        "(1, gen_random_uuid(), 1, 1, '2026-06-28', '2026-06-28', 0, 0, 365, 0, 0)",
        ORPHANS,
        "products.interest_span of contract",
    ),
    "a span of a leg that no contract has": (
        "INSERT INTO products.interest_span SELECT book_id, contract_id, 7, 1, '2026-06-28', "
        "'2026-06-28', 0, 0, 365, 0, 0 FROM products.contract WHERE contract_no = 'SAV-1'",
        ORPHANS,
        "products.interest_span of contract",
    ),
    "a corrected span of another amount": (
        "UPDATE products.interest_span SET slope_exact = slope_exact + 1 "
        "WHERE from_date = '2026-06-28' AND made_on = '2026-07-02'",
        SPANS,
        "products.interest_span SAV-2 2026-06-28 made on 2026-07-02",
    ),
    "a corrected span lost": (
        "DELETE FROM products.interest_span WHERE from_date = '2026-06-30' "
        "AND made_on = '2026-07-02'",
        SPANS,
        "products.interest_span SAV-2 2026-06-30 made on 2026-07-02",
    ),
    "a correction too many": (
        "INSERT INTO products.interest_span SELECT book_id, contract_id, 1, 99, '2026-06-28', "
        "'2026-07-03', 5, 0, 365, 1, 0 FROM products.contract WHERE contract_no = 'SAV-1'",
        SPANS,
        "products.interest_span SAV-1 2026-06-28 made on 2026-07-03",
    ),
    "spans told in another order": (
        "UPDATE products.interest_span SET span_no = 100 - span_no",
        SPANS,
        "products.interest_span SAV-1",
    ),
    "a capitalisation of another amount": (
        "UPDATE products.capitalisation SET amount_satang = amount_satang + 1 "
        "WHERE made_on = period_end",
        CREDITS,
        "products.capitalisation SAV-1 2026-06-30 made on 2026-06-30",
    ),
    "a corrected capitalisation of another amount": (
        "UPDATE products.capitalisation SET amount_satang = amount_satang + 1 "
        "WHERE made_on > period_end",
        CREDITS,
        "products.capitalisation SAV-2 2026-06-30 made on 2026-07-02",
    ),
    "a capitalisation lost": (
        "DELETE FROM products.capitalisation WHERE made_on = period_end",
        CREDITS,
        "products.capitalisation SAV-1 2026-06-30 made on 2026-06-30",
    ),
    "a capitalisation too many": (
        "INSERT INTO products.capitalisation SELECT book_id, contract_id, '2026-06-29', "
        "'2026-06-29', 7, gen_random_uuid() FROM products.contract WHERE contract_no = 'SAV-1'",
        CREDITS,
        "products.capitalisation SAV-1 2026-06-29 made on 2026-06-29",
    ),
    "a capitalisation that names another journal": (
        "UPDATE products.capitalisation SET journal_id = gen_random_uuid() "
        "WHERE made_on = period_end",
        JOURNALS,
        "products.capitalisation SAV-1 2026-06-30",
    ),
    "a leg that settled too little": (
        "UPDATE products.interest_leg SET settled_satang = settled_satang - 1",
        STANDING,
        "products.interest_leg SAV-1",
    ),
    "a leg with another running period": (
        "UPDATE products.interest_leg SET base_exact = base_exact + 1",
        STANDING,
        "products.interest_leg SAV-2",
    ),
    "a leg that begins its span a day later": (
        "UPDATE products.interest_leg SET since = since + 1",
        STANDING,
        "products.interest_leg SAV-1",
    ),
    "a leg lost": (
        "DELETE FROM products.interest_leg",
        STANDING,
        "products.interest_leg SAV-1",
    ),
    "a rate that nobody approved": (
        "UPDATE products.day_rate SET annual_rate_e8 = annual_rate_e8 + 1 "
        "WHERE business_date = '2026-06-29'",
        RATES,
        "products.day_rate SAVINGS 2026-06-29",
    ),
    "an accrual journal of another amount": (
        "UPDATE ledger.transfer SET amount_satang = amount_satang + 1 "
        "WHERE kind = 101 AND business_date = '2026-06-28'",
        GENERAL,
        "business date 2026-06-28, value date 2026-06-28",
    ),
    "an accrual journal lost": (
        "DELETE FROM ledger.transfer WHERE kind = 101 AND value_date = '2026-06-29'",
        GENERAL,
        "business date 2026-06-29, value date 2026-06-29",
    ),
    "accrued payable that nobody is owed": (
        "UPDATE ledger.balance SET credits = credits + 1 WHERE account_id = (SELECT account_id "
        "FROM ledger.account WHERE code = 'INTEREST-PAYABLE')",
        PAYABLE,
        "ledger.balance account INTEREST-PAYABLE",
    ),
    "a deposit on the control account that is no contract's": (
        "UPDATE ledger.account SET gl_code = '211100' WHERE code = 'BANK'",
        CONTROL,
        "GL code 211100",
    ),
}


def listed(report: Report) -> str:
    """The differences of a report, one a line."""
    return "\n".join(map(str, report.differences))


async def lived(database: Database) -> Savings:
    """Eight dates over a capitalisation with late postings into the period that was credited."""
    scene = await open_savings(
        database, ["SAV-1", "SAV-2", "SAV-3"], opened_on=START, rates={START: "1.25"}
    )
    await scene.move("SAV-1", 100_000_00)
    await scene.move("SAV-2", 33_333_33)
    await scene.night()
    await scene.move("SAV-1", -17_00)
    await scene.night()
    await approve_rate(database, 1, date(2026, 6, 30), "2.50", on=scene.today)
    await scene.night()
    await scene.night()
    await scene.move("SAV-2", 5_000_00)
    await scene.cut()
    await scene.night(date(2026, 7, 1))
    await scene.move("SAV-2", 900_000_00, date(2026, 6, 28))
    await scene.move("SAV-3", 10_00, date(2026, 6, 30))
    await scene.move("SAV-1", 3_00, date(2026, 7, 1))
    await scene.night()
    await scene.night()
    return scene


@pytest.fixture(scope="module")
async def book(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a book that all cases damage, each undone."""
    name = f"proof_{uuid4().hex}"
    keeper = await asyncpg.connect(server.dsn("postgres"))
    await keeper.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    database = await open_database(server.dsn(name))
    try:
        await lived(database)
        connection = await asyncpg.connect(server.dsn(name))
        yield connection
        await connection.close()
    finally:
        await database.close()
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


async def test_nights_with_late_postings_over_a_capitalisation_are_proven(
    book: asyncpg.Connection,
) -> None:
    report = await verify_products(book, 1)
    assert report.ok, listed(report)
    for table, name in (("contract", "contracts"), ("interest_span", "spans")):
        assert report.counts[name] == await book.fetchval(f"SELECT count(*) FROM products.{table}")
    assert await book.fetchval(
        "SELECT count(*) FROM products.interest_span WHERE made_on > from_date"
    )
    assert await book.fetchval(
        "SELECT count(*) FROM products.capitalisation WHERE made_on > period_end"
    )
    ledger = await verify_ledger(book, 1)
    assert ledger.ok, listed(ledger)
    assert ledger.counts["days_proven"] == 7


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_found_and_named(book: asyncpg.Connection, damage: str) -> None:
    statement, check, place = DAMAGES[damage]
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("SET LOCAL session_replication_role = replica")
        await book.execute(statement)
        report = await verify_products(book, 1)
    finally:
        await transaction.rollback()
    assert not report.ok
    places = [d.where for d in report.differences if d.check == check]
    assert any(place in where for where in places), listed(report)


@pytest.mark.parametrize("seed", [3, 105, 106, 115, 117, 119])
async def test_any_history_is_proven_after_each_of_its_nights(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    scene = await open_savings(
        database,
        ["SAV-1", "SAV-2"],
        opened_on=START,
        rates={START: "3.75"},
        day_count=chance.choice(NIGHT_DAY_COUNTS),
        rounding=chance.choice(list(Rounding)),
        capitalisation_days=frozenset({"06-30", "07-03", "07-06"}),
    )
    frozen = False
    for _ in range(12):
        for _ in range(chance.randrange(4)):
            back = scene.today - timedelta(days=chance.choice((0, 0, 1, 2, 5, 9)))
            amount = chance.choice((1, -1, 1)) * chance.randrange(1, 50_000_00)
            await scene.move(chance.choice(("SAV-1", "SAV-2")), amount, back, check=False)
        if chance.random() < 0.4:
            frozen = not frozen
            await scene.freeze("SAV-1", thaw=not frozen)
        if chance.random() < 0.3:
            await scene.cut()
            continue
        await scene.nights(scene.today)
        async with scene.pool.acquire() as connection:
            report = await verify_products(connection, 1)
            assert report.ok, f"{scene.today}: {listed(report)}"
    await scene.nights(scene.today)
    async with scene.pool.acquire() as connection:
        for report in (await verify_products(connection, 1), await verify_ledger(connection, 1)):
            assert report.ok, listed(report)


async def test_a_book_without_products_is_proven(database: Database) -> None:
    async with database.poster.acquire() as connection:
        report = await verify_products(connection, 1)
    assert report.ok
    assert report.counts["contracts"] == 0
