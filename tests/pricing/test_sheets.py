"""Rate sheets: two people, a later date, one answer for every date."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import asyncpg
import pytest

from ledger.db import Database
from ledger.errors import Forbidden, InvalidInput, NotFound
from pricing.quotes import quote
from pricing.rate_lines import RateLine
from pricing.sheets import APPROVED, DRAFT, Sheet, approve_sheet, draft_sheet, list_sheets
from pricing.slabs import SlabBasis
from tests.builders import OPENED_ON, make_book

JULY_1 = date(2026, 7, 1)


async def _draft(database: Database, rate: int = 1_250_000, on: date = JULY_1) -> Sheet:
    return await draft_sheet(
        database.application,
        1,
        product_code="SAVINGS",
        effective_from=on,
        annual_rate_e8=rate,
        made_by="treasury",
    )


async def _approve(database: Database, sheet: Sheet, by: str, on: date) -> Sheet:
    return await approve_sheet(database.application, 1, sheet.sheet_id, approved_by=by, on=on)


async def test_a_sheet_prices_from_its_date_once_another_person_approved_it(
    database: Database,
) -> None:
    await make_book(database.poster)
    sheet = await _draft(database)
    assert sheet.state == DRAFT
    async with database.poster.acquire() as connection:
        with pytest.raises(NotFound, match="SAVINGS on 2026-07-01"):
            await quote(connection, 1, "SAVINGS", JULY_1)
        approved = await _approve(database, sheet, "manager", OPENED_ON)
        assert (approved.state, approved.approved_on) == (APPROVED, OPENED_ON)
        found = await quote(connection, 1, "SAVINGS", JULY_1 + timedelta(days=400))
        assert (found.annual_rate_e8, found.sheet_id, found.effective_from) == (
            1_250_000,
            sheet.sheet_id,
            JULY_1,
        )
        with pytest.raises(NotFound, match="SAVINGS on 2026-06-30"):
            await quote(connection, 1, "SAVINGS", date(2026, 6, 30))
    assert await list_sheets(database.application, 1, product_code="SAVINGS") == [approved]


async def test_a_later_sheet_takes_over_on_its_date_and_not_before(database: Database) -> None:
    await make_book(database.poster)
    for rate, on in ((1_250_000, JULY_1), (1_375_000, date(2026, 7, 16))):
        await _approve(database, await _draft(database, rate, on), "manager", OPENED_ON)
    async with database.poster.acquire() as connection:
        rates = [
            (await quote(connection, 1, "SAVINGS", date(2026, 7, day))).annual_rate_e8
            for day in (1, 15, 16)
        ]
    assert rates == [1_250_000, 1_250_000, 1_375_000]


async def test_the_maker_does_not_approve(database: Database) -> None:
    await make_book(database.poster)
    with pytest.raises(Forbidden, match="treasury made this rate sheet"):
        await _approve(database, await _draft(database), "treasury", OPENED_ON)


async def test_no_sheet_is_effective_by_its_approval(database: Database) -> None:
    await make_book(database.poster)
    sheet = await _draft(database, on=OPENED_ON)
    with pytest.raises(InvalidInput, match="before the sheet's effective_from"):
        await _approve(database, sheet, "manager", OPENED_ON)
    # A book that is being opened takes over what was approved before.
    assert (await _approve(database, sheet, "manager", date(2025, 12, 1))).state == APPROVED


async def test_a_sheet_is_approved_on_the_business_date(database: Database) -> None:
    await make_book(database.poster)
    with pytest.raises(InvalidInput, match="the business date that the book stands on"):
        await _approve(database, await _draft(database), "manager", OPENED_ON + timedelta(days=1))


async def test_a_date_has_one_approved_rate(database: Database) -> None:
    await make_book(database.poster)
    await _approve(database, await _draft(database), "manager", OPENED_ON)
    with pytest.raises(InvalidInput, match="effective_from"):
        await _approve(database, await _draft(database, 1), "manager", OPENED_ON)


async def test_what_is_no_draft_cannot_be_approved(database: Database) -> None:
    await make_book(database.poster)
    sheet = await _approve(database, await _draft(database), "manager", OPENED_ON)
    for sheet_id in (sheet.sheet_id, uuid4()):
        with pytest.raises(NotFound, match="draft rate sheet"):
            await approve_sheet(
                database.application, 1, sheet_id, approved_by="other", on=OPENED_ON
            )


async def test_a_rate_outside_its_bounds_is_not_drafted(database: Database) -> None:
    await make_book(database.poster)
    with pytest.raises(InvalidInput, match=r"100000000 \(100%\) at most"):
        await _draft(database, 10**8 + 1)


STEPS = (
    RateLine(slab_from_satang=0, annual_rate_e8=1_250_000),
    RateLine(slab_from_satang=100_000_00, annual_rate_e8=1_500_000),
)


async def _draft_steps(database: Database) -> Sheet:
    return await draft_sheet(
        database.application,
        1,
        product_code="SPECIAL",
        effective_from=JULY_1,
        lines=STEPS,
        made_by="treasury",
    )


async def test_a_sheet_of_slabs_answers_with_the_rate_of_an_amount(database: Database) -> None:
    await make_book(database.poster)
    approved = await _approve(database, await _draft_steps(database), "manager", OPENED_ON)
    assert (approved.lines, approved.annual_rate_e8) == (STEPS, 1_250_000)
    assert await list_sheets(database.application, 1) == [approved]
    async with database.poster.acquire() as connection:
        found = await quote(connection, 1, "SPECIAL", JULY_1)
    assert (found.lines, found.annual_rate_e8) == (STEPS, 1_250_000)
    rates = [found.rate_e8_of(amount) for amount in (0, 100_000_00 - 1, 100_000_00)]
    assert rates == [1_250_000, 1_250_000, 1_500_000]
    by_slice = found.slabs(SlabBasis.SLICE).weighted_e8(100_001_00)
    assert by_slice == 100_000_00 * 1_250_000 + 1_00 * 1_500_000


async def test_lines_belong_to_a_draft_and_never_change(database: Database) -> None:
    await make_book(database.poster)
    sheet = await _draft_steps(database)
    add = "INSERT INTO pricing.rate_line VALUES (1, $1, $2, 7)"
    async with database.poster.acquire() as connection:
        await connection.execute(add, sheet.sheet_id, 1)
        await _approve(database, sheet, "manager", OPENED_ON)
        for statement, arguments in (
            (add, (sheet.sheet_id, 2)),
            ("UPDATE pricing.rate_line SET annual_rate_e8 = 1", ()),
            ("DELETE FROM pricing.rate_line", ()),
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(statement, *arguments)
        assert len((await quote(connection, 1, "SPECIAL", JULY_1)).lines) == 3


async def test_a_sheet_without_a_line_at_its_own_rate_is_not_approved(database: Database) -> None:
    """No door drafts one; a row made by hand could be."""
    await make_book(database.poster)
    for rates in ((), ((0, 7),), ((1, 1_250_000),)):
        sheet = await _draft(database)
        async with database.poster.acquire() as connection, connection.transaction():
            copy = uuid4()
            await connection.execute(
                "INSERT INTO pricing.rate_sheet (book_id, sheet_id, product_code, effective_from, "
                "annual_rate_e8, made_by, made_at) SELECT book_id, $2, product_code, "
                "effective_from, annual_rate_e8, made_by, made_at FROM pricing.rate_sheet "
                "WHERE sheet_id = $1",
                sheet.sheet_id,
                copy,
            )
            await connection.executemany(
                "INSERT INTO pricing.rate_line VALUES (1, $1, $2, $3)",
                [(copy, *rate) for rate in rates],
            )
        with pytest.raises(InvalidInput, match="drafted with its lines"):
            await approve_sheet(database.application, 1, copy, approved_by="manager", on=OPENED_ON)
