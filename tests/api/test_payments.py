"""Notices, bank statements and suspense over HTTP: the same services, the same bank."""

from __future__ import annotations

from uuid import uuid4

import httpx2
import pytest

from ledger import dates
from products.payments import csv_statement
from products.payments.bank_statement import BankStatement
from products.payments.iso20022 import camt053_write
from tests.api.house import ROOT, House, notice_of

MAKER, CHECKER, PAYER = "coop-1:maker", "facility:checker", "facility:payer"


async def _upload(
    house: House, content: bytes, media_type: str = "text/csv", actor: str = "facility:clerk"
) -> httpx2.Response:
    headers = await house._headers(actor)
    return await house.client.post(
        f"{ROOT}/statements", content=content, headers=headers | {"Content-Type": media_type}
    )


async def test_a_deposit_is_announced_and_posted_by_the_banks_line(house: House) -> None:
    notice = notice_of("deposit", amount="500.00")
    sent = await house.post("/notices", notice, actor=MAKER)
    assert sent.status_code == 201
    assert (sent.json()["status"], sent.json()["status_th"]) == ("received", "รับเรื่อง")
    statement = house.desk.statement(house.desk.line(50_000, str(notice["reference"])))
    loaded = await _upload(house, csv_statement.render([statement]))
    assert loaded.status_code == 200, loaded.text
    assert loaded.json()["settled"] == {"matched": 1}
    seen = (await house.get(f"/notices/{notice['id']}", actor=MAKER)).json()
    assert seen["status"] == "posted"
    assert [change["code"] for change in seen["history"]] == ["notice_received", "notice_posted"]
    assert (await house.get("/accounts/SAV-0001")).json()["balance"] == "10500.00"


async def test_a_withdrawal_is_held_approved_by_a_second_person_and_paid(house: House) -> None:
    notice = notice_of(amount="700.00")
    sent = await house.post("/notices", notice, actor=MAKER)
    assert sent.json()["status"] == "held"
    assert (await house.get("/accounts/SAV-0001")).json()["available"] == "9300.00"
    path = f"/notices/{notice['id']}"
    early = await house.post(f"{path}/pay", {}, actor=PAYER)
    assert (early.status_code, early.json()["code"]) == (409, "wrong_status")
    own = await house.post(f"{path}/approve", {}, actor=MAKER)
    assert (own.status_code, own.json()["code"]) == (403, "forbidden")
    approved = await house.post(f"{path}/approve", {}, actor=CHECKER)
    assert (approved.json()["status"], approved.json()["approved_by"]) == ("approved", CHECKER)
    paid = await house.post(f"{path}/pay", {"reason": "run of noon"}, actor=PAYER)
    assert paid.json()["status"] == "paid"
    seen = (await house.get(path)).json()
    for name in ("status", "changed_seq", "journal_id", "approved_by"):
        assert seen[name] == paid.json()[name], name
    assert (await house.get("/accounts/SAV-0001")).json()["balance"] == "9300.00"


async def test_a_rejected_withdrawal_gives_its_hold_back(house: House) -> None:
    notice = notice_of(amount="700.00")
    await house.post("/notices", notice, actor=MAKER)
    path = f"/notices/{notice['id']}/reject"
    assert (await house.post(path, {}, actor=CHECKER)).status_code == 422
    answer = await house.post(path, {"reason": "not authorised"}, actor=CHECKER)
    assert answer.json()["status"] == "rejected"
    assert (await house.get("/accounts/SAV-0001")).json()["available"] == "10000.00"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"bank": "QQQ"}, "unknown_bank"),
        ({"value_date": "2026-09-01"}, "value_date_out_of_range"),
        ({"amount": "10000.01"}, "below_balance_min"),
        ({"account": "SAV-7777"}, "unknown_account"),
    ],
)
async def test_a_notice_that_cannot_be_taken_says_why(
    house: House, fields: dict[str, object], code: str
) -> None:
    answer = await house.post("/notices", notice_of() | fields, actor=MAKER)
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert (await house.get("/notices")).json()["data"] == []


async def test_the_same_notice_again_is_a_replay_and_another_body_a_conflict(house: House) -> None:
    notice = notice_of()
    await house.post("/notices", notice, actor=MAKER)
    again = await house.post("/notices", notice, actor=MAKER)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    other = await house.post("/notices", notice | {"amount": "99.00"}, actor=MAKER)
    assert (other.status_code, other.json()["code"]) == (409, "id_conflict")
    assert other.json()["errors"][0]["pointer"] == "#/amount"


async def test_notices_are_listed_by_status(house: House) -> None:
    first, second = notice_of(), notice_of("deposit")
    for body in (first, second):
        await house.post("/notices", body, actor=MAKER)
    held = (await house.get("/notices?status=held")).json()["data"]
    assert [row["id"] for row in held] == [first["id"]]
    assert len((await house.get("/notices")).json()["data"]) == 2


def _camt(statement: BankStatement) -> bytes:
    return camt053_write.render(statement, message_id="M1", created_at=dates.now())


async def test_the_same_statement_twice_is_a_no_op_that_says_so(house: House) -> None:
    content = csv_statement.render([house.desk.statement(house.desk.line(12_300, "NOBODY"))])
    first = (await _upload(house, content)).json()
    again = (await _upload(house, content)).json()
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["settled"] == {"suspended": 1}
    assert again["settled"] == {}
    listed = (await house.get("/statements")).json()["data"]
    assert [(row["bank"], row["sequence_no"], row["line_count"]) for row in listed] == [
        ("KTB", 102, 1)
    ]
    lines = (await house.get(f"/statements/{listed[0]['id']}/lines")).json()["data"]
    assert [(row["amount"], row["status"]) for row in lines] == [("123.00", "suspense")]


async def test_a_statement_as_xml_is_read_and_a_gap_is_refused(house: House) -> None:
    desk = house.desk
    first, second = desk.statement(desk.line(100)), desk.statement(desk.line(200))
    gap = await _upload(house, _camt(second), "application/xml")
    assert (gap.status_code, gap.json()["code"]) == (409, "statement_refused")
    assert (await _upload(house, _camt(first), "application/xml")).status_code == 200
    assert (await _upload(house, _camt(second), "text/xml")).status_code == 200


async def test_a_broken_statement_names_every_place_and_posts_nothing(house: House) -> None:
    content = csv_statement.render([house.desk.statement(house.desk.line(100))])
    broken = await _upload(house, content.replace(b"1.00", b"1e3"))
    assert broken.status_code == 422
    assert "line" in broken.json()["errors"][0]["pointer"]
    for cut in (b"", b"<Document", content[: len(content) // 2]):
        assert (await _upload(house, cut)).status_code == 422
    assert (await house.get("/statements")).json()["data"] == []


async def test_a_statement_needs_a_type_that_is_read(house: House) -> None:
    answer = await _upload(house, b"{}", "application/json")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_suspended_line_is_matched_by_a_person_and_taken_apart_again(house: House) -> None:
    desk = house.desk
    line = desk.line(30_000, "TYPO")
    await _upload(house, csv_statement.render([desk.statement(line)]))
    notice = notice_of("deposit", amount="300.00")
    await house.post("/notices", notice, actor=MAKER)
    waiting = (await house.get("/suspense")).json()
    assert waiting["ages"][0] == {
        "days": "0-1",
        "receipts": 1,
        "receipts_amount": "300.00",
        "payments": 0,
        "payments_amount": "0.00",
    }
    line_id = waiting["data"][0]["line_id"]
    short = notice_of("deposit", amount="299.00")
    await house.post("/notices", short, actor=MAKER)
    reason = {"reason": "the payer telephoned"}
    wrong = await house.post(f"/lines/{line_id}/match", {"notice_ids": [short["id"]]} | reason)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "amounts_differ")
    body, key = {"notice_ids": [notice["id"]]} | reason, uuid4().hex
    matched = await house.post(f"/lines/{line_id}/match", body, key=key)
    assert matched.status_code == 200, matched.text
    again = await house.post(f"/lines/{line_id}/match", body, key=key)
    assert again.content == matched.content
    assert (await house.get("/accounts/SAV-0001")).json()["balance"] == "10300.00"
    assert (await house.get("/suspense")).json()["data"] == []
    apart = await house.post(f"/lines/{line_id}/unmatch", {"reason": "it was another member"})
    assert apart.status_code == 200, apart.text
    assert (await house.get("/accounts/SAV-0001")).json()["balance"] == "10000.00"
    assert (await house.get(f"/notices/{notice['id']}")).json()["status"] == "received"
    twice = await house.post(f"/lines/{line_id}/unmatch", {"reason": "it was another member"})
    assert (twice.status_code, twice.json()["code"]) == (409, "cannot_match")


async def test_a_line_that_does_not_exist_is_not_found(house: House) -> None:
    body = {"notice_ids": [str(uuid4())], "reason": "the payer telephoned"}
    assert (await house.post(f"/lines/{uuid4()}/match", body)).status_code == 404
    assert (await house.get(f"/statements/{uuid4()}/lines")).status_code == 404
