"""Manual journals over HTTP: one person makes it, another posts exactly that."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import uuid4

import asyncpg
import pytest

from tests.api.house import House, journal_of
from tests.ledger.period_scene import live_through

CHECKER = "facility:checker"


async def _balance(house: House, account: str) -> str:
    return str((await house.get(f"/accounts/{account}")).json()["balance"])


async def _posted(house: House, **more: object) -> str:
    body = journal_of("SAV-0001", "SAV-0002", **more)  # type: ignore[arg-type]  # fields by name
    assert (await house.post("/journals", body)).status_code == 202
    answer = await house.post(f"/journals/{body['id']}/approve", {}, actor=CHECKER)
    assert answer.status_code == 200, answer.text
    return str(body["id"])


async def test_a_proposal_moves_nothing_until_another_person_approves_it(house: House) -> None:
    body = journal_of("SAV-0001", "SAV-0002", "250.00", value_date="2026-06-01")
    made = await house.post("/journals", body)
    assert made.status_code == 202
    assert made.json()["state"] == "waiting"
    assert made.json()["recorded_seq"] is None
    assert await _balance(house, "SAV-0001") == "10000.00"
    answer = await house.post(f"/journals/{body['id']}/approve", {}, actor=CHECKER)
    posted = answer.json()
    assert posted["state"] == "posted"
    assert posted["transfers"] == [{"debit": "SAV-0001", "credit": "SAV-0002", "amount": "250.00"}]
    assert {row["account"]: row["balance"] for row in posted["balances"]} == {
        "SAV-0001": "9750.00",
        "SAV-0002": "10250.00",
    }
    seen = (await house.get(f"/journals/{body['id']}")).json()
    assert seen["recorded_seq"] == posted["recorded_seq"]
    assert (seen["made_by"], seen["decided_by"], seen["posted_by"]) == (
        "facility:clerk",
        CHECKER,
        CHECKER,
    )


async def test_the_maker_can_neither_approve_nor_reject(house: House) -> None:
    body = journal_of("SAV-0001", "SAV-0002")
    await house.post("/journals", body)
    for verb, said in (("approve", {}), ("reject", {"reason": "changed my mind"})):
        answer = await house.post(f"/journals/{body['id']}/{verb}", said)
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden"
    assert await _balance(house, "SAV-0001") == "10000.00"


async def test_the_database_itself_knows_that_maker_and_checker_differ(house: House) -> None:
    body = journal_of("SAV-0001", "SAV-0002")
    await house.post("/journals", body)
    async with house.database.poster.acquire() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="maker_is_not_checker"):
            await connection.execute(
                "UPDATE ledger.manual_journal SET state = 2, decided_by = made_by, "
                "decided_at = now()"
            )


async def test_a_rejected_proposal_is_never_posted(house: House) -> None:
    body = journal_of("SAV-0001", "SAV-0002")
    await house.post("/journals", body)
    path = f"/journals/{body['id']}"
    rejected = await house.post(f"{path}/reject", {"reason": "wrong account"}, actor=CHECKER)
    assert rejected.json()["state"] == "rejected"
    answer = await house.post(f"{path}/approve", {}, actor=CHECKER)
    assert answer.json()["code"] == "wrong_status"
    seen = (await house.get(path)).json()
    assert seen["state"] == "rejected"
    assert "wrong account" in seen["reason"]


async def test_a_refused_posting_leaves_the_proposal_waiting_and_says_why(house: House) -> None:
    body = journal_of("SAV-0001", "SAV-0002", "10000.01")
    await house.post("/journals", body)
    answer = await house.post(f"/journals/{body['id']}/approve", {}, actor=CHECKER)
    assert answer.status_code == 422
    assert answer.json()["code"] == "below_balance_min"
    assert answer.json()["facts"]["account"] == "SAV-0001"
    assert (await house.get(f"/journals/{body['id']}")).json()["state"] == "waiting"
    assert await _balance(house, "SAV-0002") == "10000.00"


async def test_the_same_proposal_again_is_a_replay_and_another_body_a_conflict(
    house: House,
) -> None:
    body = journal_of("SAV-0001", "SAV-0002")
    await house.post("/journals", body)
    again = await house.post("/journals", body)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    other = await house.post("/journals", body | {"reference": "M-2"})
    assert (other.status_code, other.json()["code"]) == (409, "id_conflict")


async def test_one_proposal_sent_many_times_at_once_is_made_once(house: House) -> None:
    body = journal_of("SAV-0001", "SAV-0002")
    answers = await asyncio.gather(*(house.post("/journals", body) for _ in range(12)))
    assert [answer.status_code for answer in answers] == [202] * 12
    made = [answer for answer in answers if "Idempotent-Replayed" not in answer.headers]
    assert len(made) == 1
    assert len((await house.get("/journals")).json()["data"]) == 1


async def test_a_proposal_names_the_accounts_that_do_not_exist(house: House) -> None:
    body = journal_of("SAV-0001", "SAV-9999")
    answer = await house.post("/journals", body)
    assert answer.json()["code"] == "unknown_account"
    assert answer.json()["errors"][0]["pointer"] == "#/transfers/0/credit"
    same = await house.post("/journals", journal_of("SAV-0001", "SAV-0001"))
    assert same.json()["code"] == "accounts_must_differ"


async def test_a_reversal_is_proposed_approved_and_done_once(house: House) -> None:
    journal_id = await _posted(house)
    proposal = {"id": str(uuid4()), "reason": "posted twice"}
    made = await house.post(f"/journals/{journal_id}/reverse", proposal)
    assert made.status_code == 202
    assert made.json()["reverses"] == journal_id
    assert await _balance(house, "SAV-0001") == "9900.00"
    done = await house.post(f"/journals/{proposal['id']}/approve", {}, actor=CHECKER)
    assert done.json()["kind"] == "reversal"
    assert await _balance(house, "SAV-0001") == "10000.00"
    second = {"id": str(uuid4()), "reason": "posted twice"}
    await house.post(f"/journals/{journal_id}/reverse", second)
    answer = await house.post(f"/journals/{second['id']}/approve", {}, actor=CHECKER)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_reversed")
    of_it = {"id": str(uuid4()), "reason": "back again"}
    answer = await house.post(f"/journals/{proposal['id']}/reverse", of_it)
    assert answer.json()["code"] == "reversal_of_reversal"


async def test_a_journal_of_a_closed_year_is_reversed_with_a_value_date_after_it(
    house: House,
) -> None:
    journal_id = await _posted(house, value_date="2026-06-01")
    async with house.database.poster.acquire() as connection:
        await live_through(connection, 1, date(2026, 12, 31))
    for month in range(6, 13):
        await house.post(f"/periods/months/2026-{month:02d}/close", {})
    closed = await house.post("/periods/years/2026/close", {})
    assert closed.status_code == 200, closed.text
    path = f"/journals/{journal_id}/reverse"
    plain = {"id": str(uuid4()), "reason": "posted twice"}
    assert (await house.post(path, plain)).json()["value_date"] is None
    answer = await house.post(f"/journals/{plain['id']}/approve", {}, actor=CHECKER)
    assert (answer.status_code, answer.json()["code"]) == (422, "value_date_before_floor")
    dated = {"id": str(uuid4()), "reason": "posted twice", "value_date": "2027-01-01"}
    made = await house.post(path, dated)
    assert (made.status_code, made.json()["value_date"]) == (202, "2027-01-01")
    other = await house.post(path, dated | {"value_date": None})
    assert (other.status_code, other.json()["code"]) == (409, "id_conflict")
    done = await house.post(f"/journals/{dated['id']}/approve", {}, actor=CHECKER)
    assert done.status_code == 200, done.text
    assert (done.json()["reverses"], done.json()["value_date"]) == (journal_id, "2027-01-01")
    assert await _balance(house, "SAV-0001") == "10000.00"


async def test_the_journal_of_a_product_is_not_reversed_by_hand(house: House) -> None:
    notice = await house.desk.paid("SAV-0001", 5000)
    journal_id = (await house.desk.notice(notice.id)).posted_journal
    answer = await house.post(
        f"/journals/{journal_id}/reverse", {"id": str(uuid4()), "reason": "by hand"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "journal_belongs_to_product")
    seen = (await house.get(f"/journals/{journal_id}")).json()
    assert (seen["kind"], seen["made_by"]) == ("withdrawal", None)


async def test_accrued_interest_is_not_moved_by_hand(house: House) -> None:
    async with house.desk.pool.acquire() as connection:
        payable = await connection.fetchval(
            "SELECT a.code FROM products.product AS p INNER JOIN ledger.account AS a "
            "ON a.book_id = p.book_id AND a.account_id = p.payable_account"
        )
    answer = await house.post("/journals", journal_of("SAV-0001", payable))
    assert (answer.status_code, answer.json()["code"]) == (422, "controlled_account")
    assert answer.json()["errors"] == [{"pointer": "#/transfers/0/credit", "detail": payable}]


async def test_what_waits_and_the_banks_themselves_are_not_moved_by_hand(house: House) -> None:
    names = ("KTB", "BBL", "suspense receipts", "suspense payments", "outgoing clearing")
    for name in names:
        code = f"A{house.desk.names[name]}"
        answer = await house.post("/journals", journal_of(code, "SAV-0001"))
        assert (answer.status_code, answer.json()["code"]) == (422, "controlled_account")
        assert answer.json()["errors"] == [{"pointer": "#/transfers/0/debit", "detail": code}]
        assert "bank statements and payments only" in answer.json()["detail"]


async def test_a_journal_that_does_not_exist_is_not_found(house: House) -> None:
    path = f"/journals/{uuid4()}"
    assert (await house.get(path)).status_code == 404
    assert (await house.post(f"{path}/approve", {}, actor=CHECKER)).status_code == 404
    proposal = {"id": str(uuid4()), "reason": "no such journal"}
    assert (await house.post(f"{path}/reverse", proposal)).status_code == 404


async def test_waiting_proposals_are_listed_in_the_order_in_which_they_were_made(
    house: House,
) -> None:
    await _posted(house)
    made = [journal_of("SAV-0001", "SAV-0002") for _ in range(3)]
    for body in made:
        await house.post("/journals", body)
    first = (await house.get("/journals?state=waiting&limit=2")).json()
    rest = (await house.get(f"/journals?state=waiting&after={first['next_cursor']}")).json()
    listed = [row["id"] for row in first["data"] + rest["data"]]
    assert listed == [body["id"] for body in made]
    assert len((await house.get("/journals")).json()["data"]) == 4


async def test_who_approves_at_the_same_time_is_answered_each_on_its_own(house: House) -> None:
    pairs = [("SAV-0001", "SAV-0002"), ("SAV-0003", "SAV-0001")]
    bodies = [journal_of(*pairs[n % 2], f"{n + 1}.00") for n in range(8)]
    for body in bodies:
        assert (await house.post("/journals", body)).status_code == 202
    asked = [f"/journals/{body['id']}/approve" for body in bodies]
    refused = house.post(
        f"/journals/{bodies[7]['id']}/reject", {"reason": "not this one"}, actor=CHECKER
    )
    answers = await asyncio.gather(
        *(house.post(path, {}, CHECKER, f"key-{n}") for n, path in enumerate(asked[:6])),
        house.post(f"/journals/{uuid4()}/approve", {}, actor=CHECKER),
        house.post(asked[6], {"reason": "seen with the treasurer"}, actor=CHECKER),
        refused,
        house.post(asked[5], {}),
    )
    assert [answer.status_code for answer in answers] == [200] * 6 + [404, 200, 200, 403]
    for body, answer in zip(bodies, answers[:6], strict=False):
        said = answer.json()
        assert (said["id"], said["transfers"]) == (body["id"], body["transfers"])
        # Each names its own accounts, whatever else was read with it.
        touched = {body["transfers"][0]["debit"], body["transfers"][0]["credit"]}  # type: ignore[index]  # a list of one
        assert {row["account"] for row in said["balances"]} == touched
    assert answers[7].json()["reason"].startswith("agreed")
    reasons = [(await house.get(f"/journals/{b['id']}")).json()["reason"] for b in bodies[5:]]
    assert reasons[0] == "agreed with the treasurer"
    assert reasons[1] == "agreed with the treasurer / seen with the treasurer"
    assert reasons[2] == "agreed with the treasurer / not this one"
    again = await house.post(asked[0], {}, CHECKER, "key-0")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == answers[0].content
