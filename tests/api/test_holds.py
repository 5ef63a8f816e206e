"""Holds over HTTP: placed, seen, given back; refusals as problems."""

from __future__ import annotations

from uuid import uuid4

from tests.api.house import House, hold_of, notice_of


async def test_a_hold_is_placed_and_counts_at_once(house: House) -> None:
    body = hold_of(amount="2500.50")
    answer = await house.post("/holds", body)
    assert answer.status_code == 201, answer.text
    placed = answer.json()
    assert placed["status"] == "open"
    assert placed["amount"] == "2500.50"
    assert placed["receipt"]["business_date"] == "2026-06-01"
    assert placed["balances"] == [
        {
            "account": "SAV-0001",
            "balance": "10000.00",
            "held": "2500.50",
            "available": "7499.50",
            "excess": "0.00",
        }
    ]
    position = (await house.get("/accounts/SAV-0001")).json()
    assert (position["held"], position["available"]) == ("2500.50", "7499.50")
    seen = (await house.get(f"/holds/{body['id']}")).json()
    assert seen["placed_seq"] == placed["receipt"]["recorded_seq"]


async def test_a_hold_is_released_once(house: House) -> None:
    hold_id = await house.place()
    released = await house.post(f"/holds/{hold_id}/release", {"reason": "no longer needed"})
    assert released.status_code == 200
    assert released.json()["status"] == "released"
    assert released.json()["balances"][0]["available"] == "10000.00"
    again = await house.post(f"/holds/{hold_id}/release", {"reason": "no longer needed"})
    assert again.status_code == 409
    assert again.json()["code"] == "hold_not_open"


async def test_a_hold_beyond_what_is_available_is_refused_with_the_facts(house: House) -> None:
    answer = await house.post("/holds", hold_of(amount="10000.01"))
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "below_balance_min"
    assert problem["facts"]["account"] == "SAV-0001"
    assert problem["facts"]["available_amount"] == "10000.00"
    assert "_satang" not in answer.text


async def test_the_same_hold_under_a_new_key_is_a_replay_as_it_stands(house: House) -> None:
    body = hold_of()
    first = await house.post("/holds", body)
    again = await house.post("/holds", body)
    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["placed_seq"] == first.json()["placed_seq"]


async def test_the_same_id_with_another_amount_names_what_differs(house: House) -> None:
    body = hold_of()
    await house.post("/holds", body)
    answer = await house.post("/holds", body | {"amount": "99.00"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "id_conflict"
    assert answer.json()["facts"]["differing_fields"] == ["amount_satang"]


async def test_the_hold_of_a_notice_is_given_back_by_rejecting_the_notice_only(
    house: House,
) -> None:
    notice = notice_of()
    await house.post("/notices", notice, actor="coop-1:maker")
    answer = await house.post(f"/holds/{notice['id']}/release", {"reason": "give it back"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "hold_belongs_to_notice"


async def test_the_open_holds_of_an_account_are_listed_oldest_first(house: House) -> None:
    first, second = await house.place(), await house.place()
    other = await house.place("SAV-0002")
    listed = (await house.get("/holds?account=SAV-0001")).json()["data"]
    assert [hold["id"] for hold in listed] == [first, second]
    assert other not in str(listed)


async def test_a_hold_that_does_not_exist_is_not_found(house: House) -> None:
    assert (await house.get(f"/holds/{uuid4()}")).status_code == 404
    assert (await house.get("/holds?account=SAV-9999")).status_code == 404
    answer = await house.post(f"/holds/{uuid4()}/release", {"reason": "no longer needed"})
    assert answer.status_code == 404
    unknown = await house.post("/holds", hold_of("SAV-9999"))
    assert unknown.status_code == 422
    assert unknown.json()["code"] == "unknown_account"
    assert unknown.json()["errors"][0]["pointer"] == "#/account"
