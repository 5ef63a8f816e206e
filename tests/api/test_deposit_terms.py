"""Holidays, the table of tax, and the night's report by product, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from ledger.db import Database
from tests.api.house import hold_of
from tests.api.placement_house import MAY_4, PlacementHouse, placement_house

MAY_4_OFF = {"on": "2026-05-04", "name_th": "วันฉัตรมงคล", "name_en": "Coronation Day"}
TAX = {
    "holder": "person",
    "family": "fixed",
    "from_date": "2026-03-01",
    "tax_percent": "10.0000",
    "form": "ภ.ง.ด.2",
    "made_by": "facility:tax-clerk",
}


@pytest.fixture
async def placed(database: Database) -> AsyncIterator[PlacementHouse]:
    """The doors on a book that sells fixed deposits."""
    async with placement_house(database) as house:
        yield house


async def test_a_holiday_moves_the_maturity_of_what_is_placed_after_its_announcement(
    placed: PlacementHouse,
) -> None:
    await placed.opened("FD-1")
    announced = await placed.post("/holidays", MAY_4_OFF)
    assert announced.status_code == 201, announced.text
    assert announced.json() == MAY_4_OFF | {"announced_on": "2026-02-02"}
    await placed.opened("FD-2")
    listed = (await placed.get("/placements")).json()["data"]
    assert [(row["contract"], row["matures_on"]) for row in listed] == [
        ("FD-1", "2026-05-04"),
        ("FD-2", "2026-05-05"),
    ]


async def test_a_holiday_that_stands_already_is_answered_and_one_that_has_begun_is_refused(
    placed: PlacementHouse,
) -> None:
    first = await placed.post("/holidays", MAY_4_OFF)
    again = await placed.post("/holidays", MAY_4_OFF)
    assert (again.status_code, again.json()) == (201, first.json())
    renamed = await placed.post("/holidays", MAY_4_OFF | {"name_en": "Another day"})
    assert (renamed.status_code, renamed.json()["code"]) == (422, "invalid_input")
    today = await placed.post("/holidays", MAY_4_OFF | {"on": "2026-02-02"})
    assert "announced before its date" in today.json()["errors"][0]["detail"]
    nameless = await placed.post("/holidays", MAY_4_OFF | {"name_th": ""})
    assert nameless.json()["errors"][0]["pointer"] == "#/name_th"


async def test_holidays_are_listed_from_the_business_date_on_page_by_page(
    placed: PlacementHouse,
) -> None:
    for day in ("2026-04-13", "2026-04-14", "2026-12-31"):
        assert (await placed.post("/holidays", MAY_4_OFF | {"on": day})).status_code == 201
    first = (await placed.get("/holidays?limit=2", actor="coop-1:maker")).json()
    assert [row["on"] for row in first["data"]] == ["2026-04-13", "2026-04-14"]
    rest = (await placed.get(f"/holidays?limit=2&after={first['next_cursor']}")).json()
    assert [row["on"] for row in rest["data"]] == ["2026-12-31"]
    april = (await placed.get("/holidays?from_date=2026-04-14&to_date=2026-04-30")).json()
    assert [row["on"] for row in april["data"]] == ["2026-04-14"]


async def test_a_rate_of_tax_is_approved_by_another_person_and_taken_from_its_date_on(
    placed: PlacementHouse,
) -> None:
    await placed.opened(linked="SAV-3")
    approved = await placed.post("/tax-rates", TAX)
    assert approved.status_code == 201, approved.text
    assert approved.json() == TAX | {"approved_by": "facility:clerk"}
    assert (await placed.post("/tax-rates", TAX)).json() == approved.json()
    await placed.nights(through=date(2026, 3, 2))
    assert (await placed.placement())["tax"] == "1726.03"
    listed = (await placed.get("/tax-rates")).json()["data"]
    told = [(row["holder"], row["from_date"], row["tax_percent"]) for row in listed]
    assert told == [
        ("cooperative", "2026-02-02", "0.0000"),
        ("company", "2026-02-02", "1.0000"),
        ("person", "2026-02-02", "15.0000"),
        ("person", "2026-03-01", "10.0000"),
    ]
    first = (await placed.get("/tax-rates?limit=3")).json()
    rest = (await placed.get(f"/tax-rates?limit=3&after={first['next_cursor']}")).json()
    assert first["data"] + rest["data"] == listed


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"made_by": "Facility:Clerk"}, "another person than"),
        ({"family": "pawn"}, "one of fixed"),
        ({"tax_percent": "10.0000", "from_date": "2026-02-02"}, "a date without a row yet"),
        ({"tax_percent": "101.0000"}, "0.00 to 100.00"),
        ({"holder": "temple"}, "'cooperative', 'company' or 'person'"),
        ({"form": "x" * 41}, "at most 40"),
    ],
)
async def test_a_row_of_tax_that_cannot_be_is_refused_by_name(
    placed: PlacementHouse, wrong: dict[str, object], words: str
) -> None:
    answer = await placed.post("/tax-rates", TAX | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert words in answer.json()["errors"][0]["detail"]


async def test_a_row_of_tax_is_not_entered_once_its_date_has_come(placed: PlacementHouse) -> None:
    await placed.nights(through=date(2026, 2, 9))
    answer = await placed.post("/tax-rates", TAX | {"from_date": "2026-02-10"})
    assert "entered before its date" in answer.json()["errors"][0]["detail"]


async def test_who_only_reads_announces_and_approves_nothing(placed: PlacementHouse) -> None:
    for path, body in (("/holidays", MAY_4_OFF), ("/tax-rates", TAX)):
        answer = await placed.post(path, body, actor="coop-1:maker")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_the_report_of_a_night_tells_each_product_what_was_paid_rolled_and_left(
    placed: PlacementHouse,
) -> None:
    await placed.opened("FD-1", instruction="pay_out")
    await placed.opened("FD-3", linked="SAV-3")
    await placed.opened("FD-4", instruction="pay_out", paid="at_maturity")
    held = await placed.post("/holds", hold_of("FD-4", "5000000.00"))
    assert held.status_code == 201, held.text
    await placed.nights(through=MAY_4)
    told = (await placed.get("/end-of-day/2026-05-04")).json()["products"]
    fixed, savings = told
    assert (fixed["product"], fixed["name_th"]) == ("FIX_3M", "เงินฝากประจำ")
    # FD-3 alone bears on: the first day of its second term.
    assert fixed["accrued"] == {"contracts": 1, "amount": "616.44"}
    # Two coupons of 32 days and one of 91 days; 15 % of the person's is withheld.
    assert fixed["interest_paid"] == {"contracts": 3, "amount": "95547.95"}
    assert fixed["tax"] == "2958.90"
    assert fixed["paid_out"] == {"contracts": 1, "amount": "10000000.00"}
    assert fixed["rolled"] == {"contracts": 1, "amount": "10000000.00"}
    assert fixed["waiting"] == {"contracts": 1, "amount": "10000000.00"}
    (listed,) = fixed["listed"]
    assert (listed["contract"], listed["step"], listed["code"]) == ("FD-4", "mature", "pledged")
    assert savings["product"] == "SAVINGS"
    assert savings["accrued"]["contracts"] == 3
    nothing = {"contracts": 0, "amount": "0.00"}
    assert savings["interest_paid"] == savings["paid_out"] == nothing
