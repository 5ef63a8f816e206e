"""The life of an account over HTTP: freeze, thaw, limits, plans, closing, undoing, forcing."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from api.auth.scopes import SCOPES
from ledger import accounts
from ledger.posting.values import OpenAccount, Status
from products.catalogue import load_products
from products.contracts import open_savings_contract
from products.end_of_day import run_missed
from products.proof.verify import verify_products
from tests.api.house import House, hold_of, journal_of, notice_of
from tests.builders import post_units
from tests.products.savings_scene import approve_rate

CHECKER, CHIEF = "facility:checker", "facility:chief"
WHY = {"reason": "court order 12/2569"}


async def _account(house: House, code: str = "SAV-0001") -> dict[str, object]:
    answer: dict[str, object] = (await house.get(f"/accounts/{code}")).json()
    return answer


async def _code(house: House, journal: dict[str, object]) -> str:
    """What becomes of a manual journal that a second person approves."""
    assert (await house.post("/journals", journal)).status_code == 202
    answer = await house.post(f"/journals/{journal['id']}/approve", {}, actor=CHECKER)
    return str(answer.json().get("code", "posted"))


async def test_a_freeze_refuses_its_sides_until_it_is_thawed(house: House) -> None:
    path = "/accounts/SAV-0001"
    frozen = await house.post(f"{path}/freeze", WHY | {"credits": True, "until": "2026-06-05"})
    assert frozen.status_code == 200, frozen.text
    assert frozen.json()["receipt"]["recorded_seq"] > 0
    seen = await _account(house)
    assert (seen["debits_frozen"], seen["credits_frozen"]) == (True, True)
    assert await _code(house, journal_of("SAV-0001", "SAV-0002")) == "account_frozen_debit"
    assert await _code(house, journal_of("SAV-0002", "SAV-0001")) == "account_frozen_credit"
    assert (await house.post(f"{path}/thaw", WHY)).status_code == 200
    assert await _code(house, journal_of("SAV-0001", "SAV-0002")) == "posted"


async def test_a_freeze_says_what_is_wrong_with_it(house: House) -> None:
    path = "/accounts/SAV-0001/freeze"
    past = await house.post(path, WHY | {"until": "2026-05-31"})
    assert (past.status_code, past.json()["code"]) == (422, "freeze_until_past")
    neither = await house.post(path, WHY | {"debits": False})
    assert (neither.status_code, neither.json()["code"]) == (422, "invalid_input")
    nobody = await house.post("/accounts/SAV-9999/freeze", WHY)
    assert nobody.status_code == 404
    assert (await house.post(path, {})).status_code == 422


async def test_the_same_request_again_is_answered_and_not_done_again(house: House) -> None:
    path = "/accounts/SAV-0001/freeze"
    first = await house.post(path, WHY, key="freeze-1")
    again = await house.post(path, WHY, key="freeze-1")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    other = await house.post(path, WHY | {"credits": True}, key="freeze-1")
    assert other.json()["code"] == "idempotency_key_reused"


async def test_limits_are_set_planned_cancelled_and_told_for_any_date(house: House) -> None:
    path = "/accounts/SAV-0001"
    body = WHY | {"balance_min": "-500.00", "balance_max": None}
    assert (await house.post(f"{path}/limits", body)).status_code == 200
    assert (await _account(house))["available"] == "10500.00"
    planned = await house.post(f"{path}/limit-plans", body | {"effective_on": "2026-06-03"})
    assert planned.status_code == 201, planned.text
    later = {"balance_min": "0.00", "balance_max": "20000.00", "effective_on": "2026-06-04"}
    second = (await house.post(f"{path}/limit-plans", WHY | later)).json()
    told = (await house.get(f"{path}/limits?on=2026-06-04")).json()
    assert (told["balance_max"], told["planned"]) == ("20000.00", True)
    number = second["plan"]
    cancelled = await house.post(f"{path}/limit-plans/{number}/cancel", WHY)
    assert cancelled.json()["state"] == "cancelled", cancelled.text
    again = await house.post(f"{path}/limit-plans/{number}/cancel", WHY)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_status")
    told = (await house.get(f"{path}/limits?on=2026-06-04")).json()
    assert (told["balance_min"], told["balance_max"], told["planned"]) == ("-500.00", None, True)
    then = (await house.get(f"{path}/limits?on=2026-06-04&known_at={number}")).json()
    assert then["balance_max"] == "20000.00"
    plans = (await house.get(f"{path}/limit-plans")).json()["data"]
    assert [plan["state"] for plan in plans] == ["waiting", "cancelled"]


async def test_limits_that_cannot_be_are_refused(house: House) -> None:
    path = "/accounts/SAV-0001"
    turned = WHY | {"balance_min": "2.00", "balance_max": "1.00"}
    answer = await house.post(f"{path}/limits", turned)
    assert (answer.status_code, answer.json()["code"]) == (422, "limits_impossible")
    answer = await house.post(f"{path}/limit-plans", turned | {"effective_on": "2026-06-03"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    today = WHY | {"balance_min": None, "balance_max": None, "effective_on": "2026-06-01"}
    answer = await house.post(f"{path}/limit-plans", today)
    assert "after 2026-06-01" in answer.text
    answer = await house.post(f"{path}/limits", WHY | {"balance_min": "-0.00", "balance_max": None})
    assert answer.json()["errors"][0]["pointer"] == "#/balance_min"


async def _linked(house: House) -> None:
    """One more contract of the first member, which takes the balance of the one that closes."""
    async with house.desk.pool.acquire() as connection:
        (number,) = await accounts.reserve_ids(connection, 1)
        (product,) = (await load_products(connection, 1)).values()
    unit = open_savings_contract(
        product=product,
        contract_no="SAV-0011",
        party_id=1,
        account_id=number,
        name_th="SAV-0011",
        name_en="SAV-0011",
        actor="test:clerk",
    )
    (outcome,) = await post_units(house.desk.pool, 1, [unit])
    assert outcome.status is Status.ACCEPTED, outcome


async def test_a_contract_is_closed_into_another_of_its_member_and_that_is_undone(
    house: House,
) -> None:
    await _linked(house)
    body = WHY | {"sweep_to": "SAV-0011"}
    closed = await house.post("/accounts/SAV-0001/close", body)
    assert closed.status_code == 200, closed.text
    assert {row["account"]: row["balance"] for row in closed.json()["balances"]} == {
        "SAV-0001": "0.00",
        "SAV-0011": "10000.00",
    }
    assert len(closed.json()["journals"]) == 1
    assert (await _account(house))["closed"] is True
    again = await house.post("/accounts/SAV-0001/close", body)
    assert (again.status_code, again.json()["code"]) == (409, "cannot_close_contract")
    own = await house.post("/accounts/SAV-0001/undo-close", WHY)
    assert (own.status_code, own.json()["code"]) == (403, "forbidden")
    undone = await house.post("/accounts/SAV-0001/undo-close", WHY, actor=CHIEF)
    assert undone.status_code == 200, undone.text
    assert ((await _account(house))["balance"], (await _account(house))["closed"]) == (
        "10000.00",
        False,
    )
    nothing = await house.post("/accounts/SAV-0001/undo-close", WHY, actor=CHIEF)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "cannot_undo_closing")


async def test_holds_and_notices_that_stand_against_closing_are_named(house: House) -> None:
    await _linked(house)
    hold = hold_of("SAV-0001", "10.00")
    notice = notice_of("withdrawal", "SAV-0001", "20.00")
    assert (await house.post("/holds", hold)).status_code == 201
    assert (await house.post("/notices", notice, actor="coop-0001:maker")).status_code == 201
    answer = await house.post("/accounts/SAV-0001/close", WHY | {"sweep_to": "SAV-0011"})
    assert answer.json()["code"] == "cannot_close_contract"
    assert f"hold {hold['id']} over 10.00 is open" in answer.json()["detail"]
    assert f"notice {notice['id']} over 20.00 is held" in answer.json()["detail"]


async def test_interest_is_paid_out_with_the_balance(house: House) -> None:
    tomorrow = house.desk.today + timedelta(days=1)
    await approve_rate(house.database, 1, tomorrow, "10.0000", house.desk.today)
    await run_missed(house.desk.pool, house.desk.book, through=tomorrow)
    pay_out = {"bank": "KTB", "reference": "CLOSE1", "asked_by": "coop-0001:manager"}
    closed = await house.post("/accounts/SAV-0001/close", WHY | {"pay_out": pay_out})
    assert closed.status_code == 200, closed.text
    assert len(closed.json()["journals"]) == 2
    (notice,) = (await house.get("/notices?account=SAV-0001")).json()["data"]
    assert notice["amount"] == "10002.74"
    async with house.desk.pool.acquire() as connection:
        assert (await verify_products(connection, 1)).differences == ()


async def test_the_balance_is_paid_out_by_a_withdrawal_that_the_closing_approves(
    house: House,
) -> None:
    pay_out = {"bank": "KTB", "reference": "CLOSE1", "asked_by": "coop-0001:manager"}
    own = await house.post("/accounts/SAV-0001/close", WHY | {"pay_out": pay_out}, actor=CHIEF)
    assert own.status_code == 200, own.text
    (notice,) = (await house.get("/notices?account=SAV-0001")).json()["data"]
    assert (notice["status"], notice["amount"], notice["approved_by"]) == (
        "paid",
        "10000.00",
        CHIEF,
    )
    undo = await house.post("/accounts/SAV-0001/undo-close", WHY)
    assert undo.json()["code"] == "cannot_undo_closing"
    assert f"notice {notice['id']}" in undo.json()["detail"]
    async with house.desk.pool.acquire() as connection:
        assert (await verify_products(connection, 1)).differences == ()


async def test_who_asked_for_the_payment_does_not_close_the_contract(house: House) -> None:
    pay_out = {"bank": "KTB", "reference": "CLOSE1", "asked_by": "Facility:Clerk"}
    answer = await house.post("/accounts/SAV-0001/close", WHY | {"pay_out": pay_out})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    both = WHY | {"pay_out": pay_out, "sweep_to": "SAV-0002"}
    assert (await house.post("/accounts/SAV-0001/close", both)).json()["code"] == "invalid_input"
    unknown = pay_out | {"bank": "XYZ", "asked_by": "coop-0001:manager"}
    answer = await house.post("/accounts/SAV-0001/close", WHY | {"pay_out": unknown})
    assert answer.json()["code"] == "invalid_input"


async def test_an_account_that_is_no_contracts_is_closed_when_it_is_empty(house: House) -> None:
    async with house.desk.pool.acquire() as connection:
        (number,) = await accounts.reserve_ids(connection, 1)
    petty = OpenAccount(
        account=number,
        code="PETTY",
        gl_code="111100",
        currency="THB",
        name_th="เงินสดย่อย",
        name_en="Petty cash",
    )
    await house.desk.do(petty)
    assert await _code(house, journal_of("PETTY", "SAV-0001", "1.00")) == "posted"
    answer = await house.post("/accounts/PETTY/close", WHY)
    assert (answer.status_code, answer.json()["code"]) == (409, "account_not_empty")
    assert await _code(house, journal_of("SAV-0001", "PETTY", "1.00")) == "posted"
    closed = await house.post("/accounts/PETTY/close", WHY)
    assert closed.status_code == 200, closed.text
    assert (await house.post("/accounts/PETTY/undo-close", WHY)).status_code == 403
    assert (await house.post("/accounts/PETTY/undo-close", WHY, actor=CHIEF)).status_code == 200
    answer = await house.post("/accounts/PETTY/undo-close", WHY, actor=CHIEF)
    assert (answer.status_code, answer.json()["code"]) == (409, "account_not_closed")


async def test_an_account_that_nights_and_payments_post_on_stays_open(house: House) -> None:
    for name in ("suspense payments", "outgoing clearing", "expense", "payable"):
        code = f"A{house.desk.names[name]}"
        answer = await house.post(f"/accounts/{code}/close", WHY)
        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_close_contract")
        assert "nights or payments" in answer.json()["detail"]


async def test_a_rehearsed_closing_tells_its_balances_and_closes_nothing(house: House) -> None:
    await _linked(house)
    path = "/accounts/SAV-0001/close?dry_run=true"
    answer = await house.post(path, WHY | {"sweep_to": "SAV-0011"})
    assert answer.headers["Dry-Run"] == "true"
    assert answer.json()["balances"][-1]["balance"] == "10000.00"
    assert (await _account(house))["closed"] is False


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/accounts/SAV-0001/freeze", "accounts:keep"),
        ("/accounts/SAV-0001/close", "accounts:close"),
        ("/accounts/SAV-0001/undo-close", "accounts:close"),
    ],
)
async def test_each_act_needs_its_right(house: House, path: str, scope: str) -> None:
    actor = "facility:intern"
    house.keys[actor] = await house.key(actor, scopes=[s for s in SCOPES if s != scope])
    answer = await house.post(path, WHY, actor=actor)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def _spent(house: House) -> str:
    """A journal into SAV-0002 whose money has been spent since: it cannot be reversed plainly."""
    made = journal_of("SAV-0001", "SAV-0002", "100.00")
    assert await _code(house, made) == "posted"
    assert await _code(house, journal_of("SAV-0002", "SAV-0003", "10050.00")) == "posted"
    return str(made["id"])


async def test_a_forced_reversal_passes_the_limit_and_says_why_in_the_feed(house: House) -> None:
    spent = await _spent(house)
    plain = {"id": str(uuid4()), "reason": "posted twice"}
    await house.post(f"/journals/{spent}/reverse", plain)
    answer = await house.post(f"/journals/{plain['id']}/approve", {}, actor=CHECKER)
    assert (answer.status_code, answer.json()["code"]) == (422, "below_balance_min")
    forced = {"id": str(uuid4()), "reason": "posted twice", "force": True}
    made = await house.post(f"/journals/{spent}/reverse", forced)
    assert (made.status_code, made.json()["forced"]) == (202, True)
    done = await house.post(f"/journals/{forced['id']}/approve", {}, actor=CHECKER)
    assert done.status_code == 200, done.text
    balances = {row["account"]: row for row in done.json()["balances"]}
    assert balances["SAV-0002"]["balance"] == "-50.00"
    assert balances["SAV-0002"]["excess"] == "50.00"
    seq = done.json()["recorded_seq"]
    items = (await house.get(f"/feed?after={seq - 1}&limit=2")).json()["data"]
    assert [item["recorded_seq"] for item in items] == [seq, seq + 1]
    assert items[1]["kind"] == "journal_forced"
    assert items[1]["subject"] == forced["id"]
    assert items[1]["body"] == {"made_by": "facility:clerk", "reason": "posted twice"}


async def test_forcing_needs_the_right_of_both_persons(house: House) -> None:
    spent = await _spent(house)
    forced = {"id": str(uuid4()), "reason": "posted twice", "force": True}
    weak = [s for s in SCOPES if s != "journals:force"]
    house.keys["facility:intern"] = await house.key("facility:intern", scopes=weak)
    answer = await house.post(f"/journals/{spent}/reverse", forced, actor="facility:intern")
    assert answer.json()["code"] == "scope_missing"
    assert (await house.post(f"/journals/{spent}/reverse", forced)).status_code == 202
    path = f"/journals/{forced['id']}"
    answer = await house.post(f"{path}/approve", {}, actor="facility:intern")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert (await house.post(f"{path}/approve", {}, actor=CHECKER)).status_code == 200
    seen = (await house.get(path)).json()
    assert (seen["forced"], seen["state"]) == (True, "posted")


async def test_the_night_after_a_closing_is_proven(house: House) -> None:
    await _linked(house)
    await house.post("/accounts/SAV-0001/close", WHY | {"sweep_to": "SAV-0011"})
    reports = await run_missed(house.desk.pool, house.desk.book, through=house.desk.today)
    assert len(reports) == 1
