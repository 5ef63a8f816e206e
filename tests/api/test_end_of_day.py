"""End of day over HTTP: nights are run in order, reported, and not run twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import httpx2

from api.app import create_app
from api.auth.keys import issue_key
from pricing.rates import parse_rate_percent
from pricing.sheets import approve_sheet, draft_sheet
from tests.api.house import ROOT, House


async def _price(house: House) -> None:
    """A rate that was approved before the book's first date."""
    engine = house.database.application
    sheet = await draft_sheet(
        engine,
        1,
        product_code="SAVINGS",
        effective_from=date(2026, 6, 1),
        annual_rate_e8=parse_rate_percent("1.5000"),
        made_by="facility:pricing",
    )
    await approve_sheet(
        engine, 1, sheet.sheet_id, approved_by="facility:treasurer", on=date(2026, 5, 31)
    )


async def test_the_nights_up_to_the_current_date_are_run_and_reported_once(house: House) -> None:
    await _price(house)
    await house.desk.next_day()
    ran = await house.post("/end-of-day", {"through": "2026-06-02"})
    assert ran.status_code == 200, ran.text
    nights = ran.json()["data"]
    assert [night["business_date"] for night in nights] == ["2026-06-01", "2026-06-02"]
    # 10,000.00 at 1.5% for a day is 0.41 for each of three members.
    assert nights[0]["interest"] == "1.23"
    assert nights[0]["steps"][0]["step"] == "cut_off"
    days = (await house.get("/end-of-day?limit=2")).json()
    assert [(day["business_date"], day["state"]) for day in days["data"]] == [
        ("2026-06-03", "open"),
        ("2026-06-02", "proven"),
    ]
    rest = (await house.get(f"/end-of-day?after={days['next_cursor']}")).json()
    assert [(day["business_date"], day["state"]) for day in rest["data"]] == [
        ("2026-06-01", "proven")
    ]
    again = await house.post("/end-of-day", {"through": "2026-06-02"})
    assert again.json() == {"data": []}
    assert (await house.get("/end-of-day/2026-06-01")).json() == nights[0]


async def test_a_date_that_has_not_come_is_not_closed(house: House) -> None:
    answer = await house.post("/end-of-day", {"through": "2026-06-02"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/through"
    assert (await house.get("/end-of-day/2026-06-01")).status_code == 404


@asynccontextmanager
async def _live(house: House, now: datetime) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(house.database, house.desk.collector, live=True, clock=lambda: now)
    async with house.database.poster.acquire() as connection:
        key = await issue_key(
            connection,
            client="facility",
            actor="facility:operator",
            scopes=["night:run"],
            book_id=1,
            valid_days=1,
            live=True,
            clock=lambda: now,
        )
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="http://cff",
        headers={"Authorization": f"Bearer {key}"},
    ) as client:
        yield client


async def test_with_live_money_no_day_is_closed_before_it_has_begun_in_bangkok(
    house: House,
) -> None:
    await _price(house)
    body = {"through": "2026-06-01"}
    async with _live(house, datetime(2026, 5, 31, 16, 59, tzinfo=UTC)) as client:
        assert (await client.post(f"{ROOT}/end-of-day", json=body)).status_code == 422
    async with _live(house, datetime(2026, 5, 31, 17, 1, tzinfo=UTC)) as client:
        assert (await client.post(f"{ROOT}/end-of-day", json=body)).status_code == 200
