"""The chunks of a night: each contract of the date in exactly one of them, in the order of keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from ledger.db import Database
from pricing.rates import parse_rate_percent
from pricing.sheets import approve_sheet, draft_sheet
from products.catalogue import create_product
from products.night import Night, contract_chunks
from tests.products.savings_scene import Savings, open_savings

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
JUNE_1 = date(2026, 6, 1)


async def _two_products(database: Database) -> tuple[Savings, dict[str, list[UUID]]]:
    """Five contracts of one product, one of another, and one that bears from tomorrow on."""
    scene = await open_savings(
        database,
        [f"SAV-{n}" for n in range(5)],
        opened_on=JUNE_1,
        rates={JUNE_1: "1.0000"},
    )
    other = replace(scene.product, product_code="OTHER")
    async with scene.pool.acquire() as connection:
        await create_product(connection, other)
    sheet = await draft_sheet(
        database.application,
        scene.book.book_id,
        product_code="OTHER",
        effective_from=JUNE_1,
        annual_rate_e8=parse_rate_percent("2.0000"),
        made_by="test:treasury",
    )
    await approve_sheet(
        database.application,
        scene.book.book_id,
        sheet.sheet_id,
        approved_by="test:manager",
        on=date(2026, 5, 31),
    )
    expected = {"SAVINGS": sorted(scene.contract_id(number) for number in scene.accounts)}
    await scene.open("TOMORROW", interest_from=date(2026, 6, 2))
    scene.product = other
    await scene.open("OTHER-1")
    return scene, expected | {"OTHER": [scene.contract_id("OTHER-1")]}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
async def test_every_contract_of_the_date_is_in_one_chunk_whatever_their_size(
    database: Database, size: int
) -> None:
    scene, expected = await _two_products(database)
    night = Night(pool=scene.pool, book_id=scene.book.book_id, business_date=JUNE_1, products={})
    chunks = await contract_chunks(night, size)
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert [chunk.product_code for chunk in chunks] == sorted(c.product_code for c in chunks)
    for product, ids in expected.items():
        mine = [chunk for chunk in chunks if chunk.product_code == product]
        pieces = [ids[at : at + size] for at in range(0, len(ids), size)]
        assert [chunk.contracts for chunk in mine] == [len(piece) for piece in pieces]
        assert [chunk.first for chunk in mine] == [FIRST, *(piece[0] for piece in pieces[1:])]
        assert [chunk.stop for chunk in mine] == [*(piece[0] for piece in pieces[1:]), LAST]
