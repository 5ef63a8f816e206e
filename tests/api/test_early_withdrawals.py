"""Early withdrawals over HTTP: looked at, proposed by one person, done by another or rejected.

The rules of the book: nothing before a month is over, then the savings rate of 1 %, from two months
on half of the placement's own rate.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from ledger.db import Database
from tests.api.placement_house import (
    CHECKER,
    MAY_4,
    TEN_MILLION,
    PlacementHouse,
    placement_house,
)

PATH = "/placements/FD-1/early-withdrawal"
WHY = {"reason": "needs the money"}


@pytest.fixture
async def just_placed(database: Database) -> AsyncIterator[PlacementHouse]:
    """10,000,000.00 of the person, paid monthly, placed today."""
    async with placement_house(database) as house:
        await house.opened(linked="SAV-3")
        yield house


@pytest.fixture
async def placed(just_placed: PlacementHouse) -> PlacementHouse:
    """The same when nights up to 9 March are lived."""
    await just_placed.nights(through=date(2026, 3, 9))
    return just_placed


async def test_the_figures_say_what_the_days_have_earned_after_all(placed: PlacementHouse) -> None:
    told = (await placed.get(PATH, actor="coop-3:maker")).json()
    assert (told["on"], told["held_months"], told["rate_source"]) == ("2026-03-10", 1, "savings")
    assert told["pieces"] == [
        {"from_date": "2026-02-02", "to_date": "2026-03-10", "annual_rate_percent": "1.0000"}
    ]
    # 36 days at 2.25 % had accrued; 36 days at 1 % are earned; the coupon of 28 days was paid.
    assert (told["accrued"], told["earned"], told["paid"]) == ("22191.78", "9863.01", "17260.27")
    assert (told["claw_back"], told["tax"], told["tax_kept"]) == ("7397.26", "0.00", "2589.04")
    assert told["payout"] == "9992602.74"
    assert told["proposal"] is None


async def test_one_person_proposes_and_another_ends_it_for_the_payout_that_he_saw(
    placed: PlacementHouse,
) -> None:
    proposed = await placed.post(PATH, WHY)
    assert proposed.status_code == 201, proposed.text
    assert proposed.json()["figures"]["payout"] == "9992602.74"
    assert proposed.json()["journals"] == []
    waiting = (await placed.get(PATH)).json()["proposal"]
    assert (waiting["state"], waiting["proposed_by"]) == ("proposed", "facility:clerk")
    payout = {"payout": "9992602.74"}
    own = await placed.post(f"{PATH}/do", payout)
    assert (own.status_code, own.json()["code"]) == (403, "forbidden")
    other = await placed.post(f"{PATH}/do", {"payout": "9992602.75"}, actor=CHECKER)
    assert (other.status_code, other.json()["code"]) == (409, "early_payout_differs")
    assert "9,992,602.74" in other.json()["detail"]
    before = await placed.made.balance("SAV-3")
    done = await placed.post(f"{PATH}/do", payout, actor=CHECKER, key="do-1")
    assert done.status_code == 200, done.text
    assert await placed.made.balance("SAV-3") - before == 9_992_602_74
    assert len(done.json()["journals"]) == 3
    again = await placed.post(f"{PATH}/do", payout, actor=CHECKER, key="do-1")
    assert again.headers["Idempotent-Replayed"] == "true"
    found = await placed.placement()
    assert (found["state"], found["closed_on"]) == ("ended_early", "2026-03-10")
    ends = found["early_withdrawals"]
    assert isinstance(ends, list)
    assert (ends[0]["state"], ends[0]["decided_by"]) == ("done", CHECKER)
    assert (ends[0]["earned"], ends[0]["paid"]) == ("9863.01", "17260.27")
    await placed.nights(through=date(2026, 3, 10))


async def test_a_rejected_withdrawal_lets_the_term_run_on(placed: PlacementHouse) -> None:
    assert (await placed.post(PATH, WHY)).status_code == 201
    twice = await placed.post(PATH, WHY)
    assert (twice.status_code, twice.json()["code"]) == (409, "cannot_end_placement_early")
    told = {"remark": "a loan against it is cheaper"}
    own = await placed.post(f"{PATH}/reject", told)
    assert own.json()["code"] == "forbidden"
    rejected = await placed.post(f"{PATH}/reject", told, actor=CHECKER)
    assert rejected.status_code == 200, rejected.text
    assert rejected.json()["figures"] is None
    assert rejected.json()["journals"] == []
    found = await placed.placement()
    assert (found["state"], found["balance"]) == ("running", TEN_MILLION)
    late = await placed.post(f"{PATH}/do", {"payout": "9992602.74"}, actor=CHECKER)
    assert (late.status_code, late.json()["code"]) == (404, "not_found")


async def test_a_placement_that_matures_today_or_has_ended_is_not_withdrawn_early(
    placed: PlacementHouse,
) -> None:
    await placed.nights(through=date(2026, 5, 3))
    for answer in (await placed.get(PATH), await placed.post(PATH, WHY)):
        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_end_placement_early")
        assert "it matures today" in answer.json()["detail"]
    await placed.post("/placements/FD-1/instruction", {"instruction": "pay_out"} | WHY)
    await placed.nights(through=MAY_4)
    ended = await placed.get(PATH)
    assert "it was closed on 2026-05-04" in ended.json()["detail"]


@pytest.mark.parametrize(
    ("verb", "body", "pointer"),
    [
        ("", {}, "#/reason"),
        ("", {"reason": " "}, "#/reason"),
        ("/do", {"payout": "9992602.7"}, "#/payout"),
        ("/do", {}, "#/payout"),
        ("/reject", {}, "#/remark"),
    ],
)
async def test_a_step_that_says_too_little_is_refused_by_field(
    just_placed: PlacementHouse, verb: str, body: dict[str, object], pointer: str
) -> None:
    answer = await just_placed.post(f"{PATH}{verb}", body, actor=CHECKER)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_who_may_only_write_does_not_decide(just_placed: PlacementHouse) -> None:
    assert (await just_placed.post(PATH, WHY)).status_code == 201
    key = await just_placed.key("facility:officer", scopes=["placements:read", "placements:write"])
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "officer-1"}
    for verb, body in (("do", {"payout": TEN_MILLION}), ("reject", {"remark": "not now"})):
        answer = await just_placed.client.post(
            f"/v1/books/book-1{PATH}/{verb}", json=body, headers=headers
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
