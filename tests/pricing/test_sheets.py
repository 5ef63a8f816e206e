"""Rate sheets: two people, a later date, one answer for every date."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from ledger.db import Database
from ledger.errors import Forbidden, InvalidInput, InvariantBroken, NotFound
from pricing.quotes import quote
from pricing.sheets import APPROVED, DRAFT, Sheet, approve_sheet, draft_sheet, list_sheets
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
    with pytest.raises(InvariantBroken, match="lies outside"):
        await _draft(database, 10**8 + 1)
