"""The proof of placements: silent on sound books, and it names whatever was damaged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from uuid import uuid4

import asyncpg
import pytest

from ledger import embedded
from ledger.db import Database, open_database
from ledger.proof.report import Report
from ledger.proof.verify import verify_ledger
from products.proof.verify import verify_products
from tests.ledger.damaging import changed, lost, planted
from tests.products.closing_scene import differences
from tests.products.damaged_placements import DAMAGES, PLACED
from tests.products.placed_life import FEB_2, a_month, lived
from tests.products.test_proof import listed


@pytest.fixture(scope="module")
async def book(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a book that all cases damage, each undone."""
    name = f"placed_{uuid4().hex}"
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


async def test_a_month_of_placements_is_proven(database: Database) -> None:
    made = await a_month(database)
    rolled, closed = await made.rows("term", "ROLLS"), await made.rows("contract", "ENDS")
    assert [term["begins_on"] for term in rolled] == [FEB_2, date(2026, 3, 3)]
    assert closed[0]["closed_on"] == date(2026, 3, 3)
    assert await differences(made.savings) == []


async def test_placements_that_lived_everything_are_proven(book: asyncpg.Connection) -> None:
    report = await verify_products(book, 1)
    assert report.ok, listed(report)
    ledger = await verify_ledger(book, 1)
    assert ledger.ok, listed(ledger)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_to_a_placement_is_found_and_named(
    book: asyncpg.Connection, damage: str
) -> None:
    statement, check, place = DAMAGES[damage]
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("SET LOCAL session_replication_role = replica")
        done = await book.execute(statement)
        report = await verify_products(book, 1)
    finally:
        await transaction.rollback()
    assert not done.endswith(" 0"), done
    places = [d.where for d in report.differences if d.check == check]
    assert any(place in where for where in places), listed(report)


async def verify(connection: asyncpg.Connection) -> Report:
    """The proof of products."""
    return await verify_products(connection, 1)


@pytest.mark.parametrize("table", PLACED)
async def test_a_changed_row_of_a_placement_is_found_and_named_whatever_column(
    book: asyncpg.Connection, table: str
) -> None:
    unfound = await changed(book, table, PLACED[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", PLACED)
async def test_a_lost_row_of_a_placement_is_found_and_named(
    book: asyncpg.Connection, table: str
) -> None:
    unfound = await lost(book, table, PLACED[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", PLACED)
async def test_a_planted_row_of_a_placement_is_found_and_named(
    book: asyncpg.Connection, table: str
) -> None:
    unfound = await planted(book, table, PLACED[table], verify)
    assert not unfound, "\n".join(unfound)
