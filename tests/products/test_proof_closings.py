"""The proof of spans of contracts closed and opened again: every damage is found and named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from uuid import uuid4

import asyncpg
import pytest

from ledger import embedded
from ledger.db import Database, open_database
from products.proof.verify import verify_products
from tests.products.closing_scene import BAHT_365_000, close, undo
from tests.products.savings_scene import Savings, open_savings

JUNE_27 = date(2026, 6, 27)
SAV_1 = "(SELECT contract_id FROM products.contract WHERE contract_no = 'SAV-1')"
NEW_ROW = (
    "INSERT INTO products.interest_span SELECT book_id, contract_id, leg, span_no + 1, {first}, "
    "{made}, {balance}, annual_rate_e8, year_days, slope_exact, base_exact "
    "FROM products.interest_span WHERE contract_id = " + SAV_1 + " AND span_no = {after}"
)
ROOM = (
    "UPDATE products.interest_span SET span_no = span_no + 100 "
    "WHERE contract_id = " + SAV_1 + " AND span_no > {after}; "
    "UPDATE products.interest_leg SET span_no = span_no + 1 WHERE contract_id = " + SAV_1 + "; "
)
FILL = (
    "; UPDATE products.interest_span SET span_no = span_no - 99 "
    "WHERE contract_id = " + SAV_1 + " AND span_no > 100"
)


def _changed(column: str, value: str, span_no: int) -> str:
    return (
        f"UPDATE products.interest_span SET {column} = {value} "
        f"WHERE contract_id = {SAV_1} AND span_no = {span_no}"
    )


def _planted(after: int, *, first: str = "from_date", made: str = "made_on", more: int = 0) -> str:
    """A row more, under the number that follows, and all later ones a number on."""
    row = NEW_ROW.format(first=first, made=made, balance=f"balance_satang + {more}", after=after)
    return ROOM.format(after=after) + row + FILL


CLOSED_28, AGAIN_28, CLOSED_30 = 2, 3, 4
"""SAV-1's spans: 27 June's, that of its first closing, the same night's, that of its last one."""
DAMAGES = {
    "a closing that forgets what its period had earned": _changed("base_exact", "0", CLOSED_30),
    "a closing that says it earned more": _changed("base_exact", "base_exact + 1", CLOSED_28),
    "a closing from the next date": _changed("from_date", "from_date + 1", CLOSED_30),
    "a closing that still earns": _changed("slope_exact", "1", CLOSED_28),
    "a closing over a balance": _changed("balance_satang", "1", CLOSED_28),
    "a closing of the day before": _changed("made_on", "made_on - 1", CLOSED_30),
    "two spans for one closing": _planted(CLOSED_30),
    "a span made while it was closed": _planted(CLOSED_30, made="made_on + 1"),
    "a span that tells of no date": _planted(CLOSED_28, more=1),
    "a span of a date to come": _planted(AGAIN_28, first="from_date + 1", more=1),
    "a span lost between two others": (
        f"DELETE FROM products.interest_span WHERE contract_id = {SAV_1} AND span_no = {CLOSED_28};"
        f"UPDATE products.interest_span SET span_no = span_no - 1 "
        f"WHERE contract_id = {SAV_1} AND span_no > {CLOSED_28}; "
        f"UPDATE products.interest_leg SET span_no = span_no - 1 WHERE contract_id = {SAV_1}"
    ),
    "a leg whose span of nothing begins later": (
        f"UPDATE products.interest_leg SET since = since + 3 WHERE contract_id = {SAV_1}"
    ),
}


async def lived(database: Database) -> Savings:
    """SAV-1 closed and opened again on 28 June, closed for good on 30 June."""
    scene = await open_savings(
        database, ["SAV-1", "SAV-2"], opened_on=JUNE_27, rates={JUNE_27: "10.0000"}
    )
    await scene.move("SAV-1", BAHT_365_000)
    await scene.night()
    await close(scene)
    await undo(scene)
    await scene.nights(through=date(2026, 6, 29))
    await close(scene)
    await scene.nights(through=date(2026, 7, 2))
    return scene


@pytest.fixture(scope="module")
async def book(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a book that all cases damage, each undone."""
    name = f"closings_{uuid4().hex}"
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


async def test_a_closing_keeps_the_earnings_of_its_period_and_is_proven(
    book: asyncpg.Connection,
) -> None:
    rows = await book.fetch(
        "SELECT from_date, made_on, slope_exact > 0, base_exact / 160308000000000 / 100 "
        f"FROM products.interest_span WHERE contract_id = {SAV_1} ORDER BY span_no"
    )
    june_28, june_30 = date(2026, 6, 28), date(2026, 6, 30)
    assert [(first, made, earns, int(base)) for first, made, earns, base in rows] == [
        (JUNE_27, JUNE_27, True, 0),
        (june_28, june_28, False, 100),
        (june_28, june_28, True, 100),
        (june_30, june_30, False, 300),
    ]
    report = await verify_products(book, 1)
    assert report.ok, [str(difference) for difference in report.differences]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_closing_is_found_and_named(book: asyncpg.Connection, damage: str) -> None:
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("SET LOCAL session_replication_role = replica")
        await book.execute(DAMAGES[damage])
        report = await verify_products(book, 1)
    finally:
        await transaction.rollback()
    places = [difference.where for difference in report.differences]
    assert any("products.interest_" in place and "SAV-1" in place for place in places), places
