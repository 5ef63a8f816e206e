"""Placements over HTTP: previewed, placed, listed by maturity, read, instructed, paid out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from ledger.db import Database
from ledger.proof.verify import verify_ledger
from products.proof.verify import verify_products
from tests.api.house import hold_of
from tests.api.placement_house import (
    CHECKER,
    MAY_4,
    TEN_MILLION,
    PlacementHouse,
    placement_house,
    placement_of,
)

PREVIEW = "/placement-products/FIX_3M/preview"
COUPONS = [
    ("2026-02-02", "2026-03-02", "17260.27"),
    ("2026-03-02", "2026-04-02", "19109.59"),
    ("2026-04-02", "2026-05-04", "19726.03"),
]


@pytest.fixture
async def placed(database: Database) -> AsyncIterator[PlacementHouse]:
    """The doors on a book that sells fixed deposits."""
    async with placement_house(database) as house:
        yield house


async def test_what_is_offered_is_told_with_the_rates_of_today(placed: PlacementHouse) -> None:
    (offer,) = (await placed.get("/placement-products", actor="coop-1:maker")).json()["data"]
    assert (offer["product"], offer["months"], offer["due_rule"]) == ("FIX_3M", 3, "NEXT")
    assert offer["paid"] == ["at_maturity", "monthly"]
    assert offer["slabs"] == [{"slab_from": "0.00", "annual_rate_percent": "2.2500"}]
    assert [rule["source"] for rule in offer["early_rules"]] == ["nothing", "savings", "contract"]


async def test_a_sum_gives_what_its_preview_said_and_the_preview_writes_nothing(
    placed: PlacementHouse,
) -> None:
    before = (await placed.get("")).json()["recorded_seq"]
    asked = f"{PREVIEW}?amount={TEN_MILLION}&paid=monthly&holder=company"
    told = (await placed.get(asked)).json()
    assert (await placed.get("")).json()["recorded_seq"] == before
    assert [(c["from_date"], c["pays_on"], c["interest"]) for c in told["coupons"]] == COUPONS
    # One per cent of each coupon, rounded by itself.
    assert [coupon["tax"] for coupon in told["coupons"]] == ["172.60", "191.10", "197.26"]
    assert (told["interest"], told["tax"], told["net"]) == ("56095.89", "560.96", "55534.93")
    await placed.opened(linked="SAV-2")
    found = await placed.placement()
    terms, coupons = found["terms"], found["coupons"]
    assert isinstance(terms, list)
    assert isinstance(coupons, list)
    (term,) = terms
    same = ("begins_on", "matures_on", "principal", "annual_rate_percent", "sheet")
    assert [term[name] for name in same] == [told[name] for name in same]
    assert [(c["from_date"], c["pays_on"], c["interest"]) for c in coupons] == COUPONS


async def test_a_preview_is_taxed_as_the_member_whose_key_asks(placed: PlacementHouse) -> None:
    asked = f"{PREVIEW}?amount={TEN_MILLION}"
    by_actor = {
        actor: (await placed.get(asked, actor=actor)).json()
        for actor in ("facility:clerk", "coop-1:maker", "coop-2:maker", "coop-3:maker")
    }
    assert [told["holder"] for told in by_actor.values()] == [
        "cooperative",
        "cooperative",
        "company",
        "person",
    ]
    assert [told["tax"] for told in by_actor.values()] == ["0.00", "0.00", "560.96", "8414.38"]


async def test_a_sum_is_placed_once_however_often_it_is_asked(placed: PlacementHouse) -> None:
    body = placement_of()
    first = await placed.post("/placements", body, key="place-1")
    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["begins_on"], told["matures_on"]) == ("2026-02-02", "2026-05-04")
    assert told["annual_rate_percent"] == "2.2500"
    assert {b["account"]: b["balance"] for b in told["balances"]} == {
        "SAV-1": "90000000.00",
        "FD-1": TEN_MILLION,
    }
    assert len(told["journals"]) == 1
    assert told["receipt"]["recorded_seq"] > 0
    again = await placed.post("/placements", body, key="place-1")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    anew = await placed.post("/placements", body)
    assert (anew.status_code, anew.json()["code"]) == (409, "account_exists")
    assert "FD-1 is a contract since 2026-02-02" in anew.json()["detail"]
    assert await placed.made.balance("SAV-1") == 90_000_000_00


async def test_a_rehearsal_answers_as_the_opening_would_and_places_nothing(
    placed: PlacementHouse,
) -> None:
    answer = await placed.post("/placements?dry_run=true", placement_of())
    assert (answer.status_code, answer.headers["Dry-Run"]) == (201, "true")
    assert (await placed.get("/placements/FD-1")).status_code == 404
    assert await placed.made.balance("SAV-1") == 100_000_000_00


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"product": "FIX_9M"}, 404, "not_found"),
        ({"product": "SAVINGS"}, 422, "invalid_input"),
        ({"linked": "SAV-9"}, 404, "not_found"),
        ({"linked": "FIX-PAYABLE"}, 404, "not_found"),
        ({"paid": "quarterly"}, 409, "cannot_place"),
        ({"amount": "100000000.01"}, 409, "cannot_place"),
        ({"amount": "0.00"}, 422, "invalid_input"),
        ({"paid": "weekly"}, 422, "invalid_input"),
        ({"instruction": "keep"}, 422, "invalid_input"),
        ({"contract": "SAV-1"}, 409, "account_exists"),
        ({"surprise": "x"}, 422, "invalid_input"),
    ],
)
async def test_what_cannot_be_placed_is_refused_by_name(
    placed: PlacementHouse, wrong: dict[str, object], status: int, code: str
) -> None:
    answer = await placed.post("/placements", placement_of() | wrong)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await placed.made.balance("SAV-1") == 100_000_000_00


async def test_a_sum_that_the_savings_do_not_hold_is_refused_with_what_is_there(
    placed: PlacementHouse,
) -> None:
    await placed.opened(amount="95000000.00")
    answer = await placed.open("FD-2")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "below_balance_min")
    assert problem["facts"]["account"] == "SAV-1"
    assert (await placed.get("/placements/FD-2")).status_code == 404


async def test_everything_against_a_sum_is_named_at_once(placed: PlacementHouse) -> None:
    asked = f"{PREVIEW}?amount=100000000.01&paid=yearly"
    for answer in (
        await placed.get(asked),
        await placed.open(amount="100000000.01", paid="yearly"),
    ):
        detail = answer.json()["detail"]
        assert "the sum is 100,000,000.01, allowed is 0.01 to 100,000,000.00" in detail
        assert "interest is not paid YEARLY, offered is AT_MATURITY, MONTHLY" in detail


async def test_a_member_sees_its_own_placements_and_places_none(placed: PlacementHouse) -> None:
    await placed.opened("FD-1")
    await placed.opened("FD-2", linked="SAV-2")
    listed = (await placed.get("/placements", actor="coop-2:maker")).json()["data"]
    assert [row["contract"] for row in listed] == ["FD-2"]
    assert (await placed.get("/placements/FD-2", actor="coop-2:maker")).status_code == 200
    for path in (
        "/placements/FD-1",
        "/placements/FD-1/early-withdrawal",
        "/placements?party=0001",
        "/tax-withheld?from_date=2026-01-01&to_date=2026-12-31&party=0001",
    ):
        answer = await placed.get(path, actor="coop-2:maker")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    refused = await placed.post("/placements", placement_of("FD-3"), actor="coop-2:maker")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


async def test_the_maturity_list_is_in_order_of_maturity_page_by_page(
    placed: PlacementHouse,
) -> None:
    await placed.opened("FD-2", linked="SAV-2")
    await placed.opened("FD-1")
    await placed.nights(through=date(2026, 2, 2))
    await placed.opened("FD-0")
    first = await placed.get("/placements?limit=2")
    rows = first.json()["data"]
    assert [(row["matures_on"], row["contract"]) for row in rows] == [
        ("2026-05-04", "FD-0"),
        ("2026-05-04", "FD-1"),
    ]
    assert 'rel="next"' in first.headers["Link"]
    rest = await placed.get(f"/placements?limit=2&after={first.json()['next_cursor']}")
    assert [row["contract"] for row in rest.json()["data"]] == ["FD-2"]
    assert rest.json()["has_more"] is False


async def test_the_maturity_list_is_of_a_range_a_product_a_member_or_a_state(
    placed: PlacementHouse,
) -> None:
    await placed.opened("FD-1", instruction="pay_out")
    await placed.opened("FD-2", linked="SAV-2")
    await placed.nights(through=date(2026, 2, 9))
    await placed.opened("FD-3", linked="SAV-3")
    await placed.nights(through=MAY_4)

    async def told(query: str) -> list[str]:
        answer = await placed.get(f"/placements{query}")
        assert answer.status_code == 200, answer.text
        return [row["contract"] for row in answer.json()["data"]]

    assert await told("") == ["FD-3", "FD-2"]
    assert await told("?state=all") == ["FD-1", "FD-3", "FD-2"]
    assert await told("?state=closed") == ["FD-1"]
    assert await told("?matures_from=2026-05-05&matures_to=2026-05-31") == ["FD-3"]
    assert await told("?party=0002") == ["FD-2"]
    assert await told("?product=FIX_3M&matures_from=2026-08-04") == ["FD-2"]
    assert await told("?product=SAVINGS") == []
    backwards = await placed.get("/placements?matures_from=2026-05-31&matures_to=2026-05-05")
    assert backwards.json()["errors"][0]["pointer"] == "query/matures_from"
    forged = await placed.get("/placements?after=Zm9yZ2Vk")
    assert forged.json()["errors"][0]["pointer"] == "query/after"


async def test_coupons_say_what_was_paid_and_taxed_and_what_is_owed_by_now(
    placed: PlacementHouse,
) -> None:
    await placed.opened(linked="SAV-3")
    await placed.nights(through=date(2026, 3, 2))
    found = await placed.placement()
    coupons = found["coupons"]
    assert isinstance(coupons, list)
    paid = coupons[0]["payment"]
    assert (paid["paid_on"], paid["interest"], paid["tax"]) == (
        "2026-03-02",
        "17260.27",
        "2589.04",
    )
    assert (paid["net"], paid["form"]) == ("14671.23", "ภ.ง.ด.2")
    assert coupons[1]["payment"] is None
    # One day of the second coupon: 10,000,000.00 at 2.25 % for a day.
    assert (found["owed"], found["accrued_to"]) == ("616.44", "2026-03-02")
    assert (found["interest_paid"], found["tax"]) == ("17260.27", "2589.04")
    assert (found["holder"], found["state"]) == ("person", "running")


async def test_tax_withheld_is_told_by_holder_and_by_payment(placed: PlacementHouse) -> None:
    await placed.opened("FD-1")
    await placed.opened("FD-3", linked="SAV-3")
    await placed.opened("FD-4", linked="SAV-3", paid="at_maturity")
    await placed.nights(through=MAY_4)
    year = "?from_date=2026-01-01&to_date=2026-12-31"
    holders = (await placed.get(f"/tax-withheld{year}")).json()["data"]
    told = [(h["holder"]["party"], h["payments"], h["interest"], h["tax"]) for h in holders]
    # Four payments of the person: 2,589.04 + 2,866.44 + 2,958.90 + 8,414.38.
    assert told == [("0001", 3, "56095.89", "0.00"), ("0003", 4, "112191.78", "16828.76")]
    assert (holders[1]["form"], holders[1]["tax_percent"]) == ("ภ.ง.ด.2", "15.0000")
    assert (holders[1]["first_on"], holders[1]["last_on"]) == ("2026-03-02", "2026-05-04")
    march = "?from_date=2026-03-01&to_date=2026-03-31&party=0003"
    (payment,) = (await placed.get(f"/tax-withheld/payments{march}")).json()["data"]
    assert (payment["contract"], payment["paid_on"]) == ("FD-3", "2026-03-02")
    assert payment["holder"]["name_th"] == "นายทดสอบ ใจดี"
    own = await placed.get(f"/tax-withheld{year}", actor="coop-1:maker")
    assert [row["holder"]["party"] for row in own.json()["data"]] == ["0001"]
    backwards = await placed.get("/tax-withheld?from_date=2026-02-01&to_date=2026-01-01")
    assert backwards.json()["errors"][0]["pointer"] == "query/from_date"


@pytest.mark.parametrize("path", ["/tax-withheld", "/tax-withheld/payments"])
async def test_pages_of_tax_join_without_a_gap(placed: PlacementHouse, path: str) -> None:
    for number, linked in (("FD-1", "SAV-1"), ("FD-2", "SAV-2"), ("FD-3", "SAV-3")):
        await placed.opened(number, linked=linked)
    await placed.nights(through=date(2026, 3, 2))
    asked = f"{path}?from_date=2026-01-01&to_date=2026-12-31"
    whole = (await placed.get(asked)).json()["data"]
    seen: list[object] = []
    after = ""
    while True:
        page = (await placed.get(f"{asked}&limit=1{after}")).json()
        seen += page["data"]
        if not page["has_more"]:
            break
        after = f"&after={page['next_cursor']}"
    assert seen == whole
    assert len(whole) == 3


async def test_an_instruction_is_changed_and_the_night_follows_it(placed: PlacementHouse) -> None:
    await placed.opened()
    told = {"instruction": "pay_out", "reason": "asked by letter 12/2569"}
    answer = await placed.post("/placements/FD-1/instruction", told)
    assert answer.status_code == 200, answer.text
    assert (await placed.placement())["instruction"] == "pay_out"
    same = await placed.post("/placements/FD-1/instruction", told)
    assert (same.status_code, same.json()["code"]) == (409, "cannot_instruct_placement")
    await placed.nights(through=MAY_4)
    found = await placed.placement()
    assert (found["state"], found["closed_on"]) == ("paid_out", "2026-05-04")
    assert await placed.made.balance("SAV-1") == 100_000_000_00 + 56_095_89


async def test_an_instruction_that_says_nothing_or_names_anothers_account_is_refused(
    placed: PlacementHouse,
) -> None:
    await placed.opened()
    path, why = "/placements/FD-1/instruction", {"reason": "asked by letter"}
    nothing = await placed.post(path, why)
    assert nothing.json()["errors"][0]["pointer"] == "#/instruction"
    others = await placed.post(path, why | {"linked": "SAV-2"})
    assert others.json()["code"] == "cannot_instruct_placement"
    itself = await placed.post(path, why | {"linked": "FD-1"})
    assert itself.json()["code"] == "cannot_place"
    missing = await placed.post("/placements/FD-9/instruction", why | {"instruction": "pay_out"})
    assert missing.status_code == 404
    savings = await placed.post("/placements/SAV-1/instruction", why | {"instruction": "pay_out"})
    assert savings.status_code == 404


async def test_a_pledged_placement_waits_and_is_paid_out_when_its_hold_is_gone(
    placed: PlacementHouse,
) -> None:
    await placed.opened(instruction="pay_out")
    hold = await placed.post("/holds", hold_of("FD-1", "5000000.00"))
    assert hold.status_code == 201, hold.text
    await placed.nights(through=MAY_4)
    found = await placed.placement()
    assert (found["state"], found["in_the_way"]) == ("waiting", ["pledged"])
    listed = (await placed.get("/placements")).json()["data"]
    assert (listed[0]["state"], listed[0]["matured_on"]) == ("waiting", "2026-05-04")
    body = {"reason": "pledge released"}
    refused = await placed.post("/placements/FD-1/pay-out", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "cannot_pay_out_placement")
    assert "holds of 5,000,000.00 stand on it" in refused.json()["detail"]
    released = await placed.post(f"/holds/{hold.json()['id']}/release", {"reason": "loan repaid"})
    assert released.status_code == 200, released.text
    paid = await placed.post("/placements/FD-1/pay-out", body)
    assert paid.status_code == 200, paid.text
    assert {b["account"]: b["balance"] for b in paid.json()["balances"]}["FD-1"] == "0.00"
    assert (await placed.placement())["state"] == "paid_out"
    late = await placed.post("/placements/FD-1/pay-out", body)
    assert late.json()["code"] == "cannot_pay_out_placement"


async def test_the_book_is_proven_after_everything_that_the_doors_do(
    placed: PlacementHouse,
) -> None:
    await placed.opened("FD-1", instruction="pay_out")
    await placed.opened("FD-3", linked="SAV-3", instruction="roll_all")
    await placed.opened("FD-4", linked="SAV-3")
    why = {"reason": "asked by letter"}
    await placed.post("/placements/FD-3/instruction", why | {"instruction": "roll_principal"})
    await placed.nights(through=date(2026, 3, 9))
    path = "/placements/FD-4/early-withdrawal"
    assert (await placed.post(path, why)).status_code == 201
    payout = {"payout": (await placed.get(path)).json()["payout"]}
    assert (await placed.post(f"{path}/do", payout, actor=CHECKER)).status_code == 200
    await placed.nights(through=MAY_4)
    async with placed.database.poster.acquire() as connection:
        assert (await verify_ledger(connection, 1)).ok
        report = await verify_products(connection, 1)
    assert report.ok, report.differences
