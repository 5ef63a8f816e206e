"""Periods over HTTP and on the command line: closing, opening again, dated journals, vouchers."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from uuid import uuid4

import httpx2
import pytest
from typer.testing import CliRunner

from api.auth.scopes import SCOPES, Scope
from api.cli.main import app
from products.end_of_day import run_missed
from tests.api.house import ROOT, House, journal_of
from tests.ledger.period_scene import live_through

CHECKER = "facility:checker"
JUNE, JUNE_END = "2026-06", date(2026, 6, 30)
YEAR_END = date(2026, 12, 31)
WHY = {"reason": "the auditor asked for it"}


async def _lived(house: House, last: date) -> None:
    async with house.database.poster.acquire() as connection:
        await live_through(connection, 1, last)


async def _do(house: House, what: str, body: object = None, **more: str) -> httpx2.Response:
    return await house.post(f"/periods/{what}", {} if body is None else body, **more)


async def _months_closed(house: House) -> None:
    """Every month of 2026 since the book was opened, lived and closed."""
    await _lived(house, YEAR_END)
    for month in range(6, 13):
        assert (await _do(house, f"months/2026-{month:02d}/close")).status_code == 200


async def _approved(house: House, body: dict[str, object]) -> httpx2.Response:
    made = await house.post("/journals", body)
    assert made.status_code == 202, made.text
    return await house.post(f"/journals/{body['id']}/approve", {}, actor=CHECKER)


def _fees(house: House) -> str:
    return f"A{house.desk.names['fees']}"


def _capital(house: House) -> str:
    return f"A{house.desk.names['capital']}"


async def test_a_closed_month_is_answered_with_its_control_totals_and_listed(house: House) -> None:
    await _lived(house, JUNE_END)
    answer = await _do(house, f"months/{JUNE}/close")
    assert answer.status_code == 200, answer.text
    closed = answer.json()
    assert (closed["state"], closed["closings"], closed["period"]) == ("closed", 1, JUNE)
    assert closed["debits"] == closed["credits"] == "2000000.00"
    assert closed["receipt"]["recorded_seq"] == closed["closed_seq"]
    listed = (await house.get("/periods")).json()["data"]
    assert [(row["period"], row["state"]) for row in listed] == [
        ("2026", "open"),
        ("2026-07", "open"),
        (JUNE, "closed"),
    ]
    known = (await house.get(f"/periods/months/{JUNE}")).json()
    (act,) = known["acts"]
    assert (act["actor"], act["closing"], act["opened_again"]) == ("facility:clerk", 1, False)
    by_code = {row["gl_code"]: row for row in act["control_totals"]}
    assert by_code["211100"] == {"gl_code": "211100", "debits": "0.00", "credits": "30000.00"}


async def test_the_same_request_again_gets_the_same_bytes_and_another_one_is_told(
    house: House,
) -> None:
    await _lived(house, JUNE_END)
    first = await _do(house, f"months/{JUNE}/close", key="close-june")
    again = await _do(house, f"months/{JUNE}/close", key="close-june")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await _do(house, f"months/{JUNE}/close", key="another")
    assert (other.status_code, other.json()["code"]) == (409, "wrong_status")


async def test_many_who_close_a_month_at_once_get_one_closing(house: House) -> None:
    await _lived(house, JUNE_END)
    answers = await asyncio.gather(*(_do(house, f"months/{JUNE}/close") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]


async def test_a_month_with_a_day_that_is_not_proven_is_not_closed(house: House) -> None:
    answer = await _do(house, f"months/{JUNE}/close")
    assert (answer.status_code, answer.json()["code"]) == (409, "period_not_ready")
    assert "2026-06-01 is not proven" in answer.json()["detail"]
    for name, status in (("2026-13", 422), ("2569-06", 422), ("2026-05", 404)):
        assert (await _do(house, f"months/{name}/close")).status_code == status


async def test_a_rehearsed_closing_answers_and_closes_nothing(house: House) -> None:
    await _lived(house, JUNE_END)
    answer = await _do(house, f"months/{JUNE}/close?dry_run=true", key="k")
    assert (answer.status_code, answer.headers["Dry-Run"]) == (200, "true")
    assert (await house.get(f"/periods/months/{JUNE}")).json()["state"] == "open"
    real = await _do(house, f"months/{JUNE}/close", key="k")
    told = ("closed_seq", "debits", "credits", "vouchers")
    assert [real.json()[name] for name in told] == [answer.json()[name] for name in told]


async def test_a_closed_month_refuses_adjustments_until_it_is_opened_with_a_reason(
    house: House,
) -> None:
    await _lived(house, JUNE_END)
    await _do(house, f"months/{JUNE}/close")
    body = journal_of(_fees(house), _capital(house), "25.00", business_date="2026-06-15")
    refused = await _approved(house, body)
    assert (refused.status_code, refused.json()["code"]) == (422, "period_closed")
    assert (await _do(house, f"months/{JUNE}/reopen", {})).status_code == 422
    opened = await _do(house, f"months/{JUNE}/reopen", WHY)
    assert (opened.status_code, opened.json()["state"]) == (200, "open_again")
    posted = await _approved(house, body | {"id": str(uuid4())})
    assert posted.status_code == 200, posted.text
    seen = posted.json()
    assert (seen["kind"], seen["business_date"]) == ("adjustment", "2026-06-15")
    second = await _do(house, f"months/{JUNE}/close")
    assert second.json()["closings"] == 2
    acts = (await house.get(f"/periods/months/{JUNE}")).json()["acts"]
    assert [act["opened_again"] for act in acts] == [False, True, False]
    costs = [{r["gl_code"] for r in act["control_totals"]} & {"541100"} for act in acts]
    assert costs == [set(), set(), {"541100"}]


async def test_an_adjustment_names_what_it_corrects_and_shows_its_voucher(house: House) -> None:
    wrong = await _approved(house, journal_of(_fees(house), _capital(house), "25.00"))
    voucher = wrong.json()["voucher"]
    assert voucher == f"2026/{voucher.partition('/')[2]}"
    await _lived(house, date(2026, 6, 10))
    body = journal_of(
        _capital(house),
        _fees(house),
        "5.00",
        business_date="2026-06-01",
        adjusts=wrong.json()["id"],
    )
    waiting = await house.post("/journals", body)
    assert (waiting.json()["business_date"], waiting.json()["voucher"]) == ("2026-06-01", None)
    answer = await house.post(f"/journals/{body['id']}/approve", {}, actor=CHECKER)
    posted = answer.json()
    assert posted["adjusts"] == wrong.json()["id"]
    seen = (await house.get(f"/vouchers/{posted['voucher']}")).json()
    assert (seen["id"], seen["voucher"]) == (body["id"], posted["voucher"])
    assert (await house.get("/vouchers/2026/999999")).status_code == 404
    same = await house.post("/journals", body | {"business_date": "2026-06-02"})
    assert same.json()["code"] == "id_conflict"


async def test_who_adjusts_holds_the_right_and_is_not_alone(house: House) -> None:
    await _lived(house, date(2026, 6, 10))
    without: list[Scope] = [scope for scope in SCOPES if scope != "journals:adjust"]
    for actor in ("facility:junior", "facility:senior"):
        house.keys[actor] = await house.key(actor, without)
    body = journal_of(_fees(house), _capital(house), "25.00", business_date="2026-06-02")
    answer = await house.post("/journals", body, actor="facility:junior")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert (await house.post("/journals", body)).status_code == 202
    path = f"/journals/{body['id']}/approve"
    answer = await house.post(path, {}, actor="facility:senior")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert (await house.post(path, {})).json()["code"] == "forbidden"
    answers = await asyncio.gather(
        *(house.post(path, {}, actor=f"facility:c{n}") for n in range(4))
    )
    made = [a for a in answers if a.status_code == 200 and "Idempotent-Replayed" not in a.headers]
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    fees = (await house.get(f"/accounts/{_fees(house)}")).json()
    assert fees["balance"] == "-25.00"


async def test_accounts_that_products_control_are_not_adjusted(house: House) -> None:
    await _lived(house, date(2026, 6, 10))
    # A contract's account too: its night has accrued that day, and no later one would correct it.
    for account in (f"A{house.desk.names['payable']}", "SAV-0001"):
        body = journal_of(_fees(house), account, "1.00", business_date="2026-06-02")
        assert (await house.post("/journals", body)).json()["code"] == "controlled_account"


async def test_a_rehearsed_adjustment_posts_nothing(house: House) -> None:
    await _lived(house, date(2026, 6, 10))
    body = journal_of(_fees(house), _capital(house), "25.00", business_date="2026-06-02")
    await house.post("/journals", body)
    path = f"/journals/{body['id']}/approve"
    answer = await house.post(f"{path}?dry_run=true", {}, actor=CHECKER)
    assert (answer.status_code, answer.json()["state"]) == (200, "posted")
    assert (await house.get(f"/journals/{body['id']}")).json()["state"] == "waiting"
    assert (await house.post(path, {}, actor=CHECKER)).status_code == 200


async def test_a_year_is_audited_closed_opened_again_and_closed(house: House) -> None:
    await _approved(house, journal_of(_fees(house), _capital(house), "25.00"))
    await _months_closed(house)
    year = (await house.get("/periods/years/2026")).json()
    assert (year["state"], year["acts"]) == ("late", [])
    late = journal_of(
        _fees(house), _capital(house), "5.00", business_date=YEAR_END.isoformat(), late_period=True
    )
    posted = (await _approved(house, late)).json()
    assert (posted["late_period"], posted["business_date"]) == (True, "2026-12-31")
    closed = await _do(house, "years/2026/close", {"result_account": _capital(house)})
    assert closed.status_code == 200, closed.text
    assert (closed.json()["result"], closed.json()["state"]) == ("-30.00", "closed")
    number = closed.json()["last_voucher"]
    journal = (await house.get(f"/vouchers/2026/{number}")).json()
    assert journal["kind"] == "year_close"
    assert journal["transfers"] == [
        {"debit": _capital(house), "credit": _fees(house), "amount": "30.00"}
    ]
    by_hand = await house.post(
        f"/journals/{journal['id']}/reverse", {"id": str(uuid4()), "reason": "by hand"}
    )
    assert by_hand.json()["code"] == "journal_belongs_to_product"
    month = await _do(house, "months/2026-12/reopen", WHY)
    assert (month.status_code, month.json()["code"]) == (409, "period_not_ready")
    opened = await _do(house, "years/2026/reopen", WHY)
    assert (opened.status_code, opened.json()["state"]) == (200, "late")
    again = await _do(house, "years/2026/close")
    assert (again.json()["closings"], again.json()["result"]) == (2, "-30.00")
    acts = (await house.get("/periods/years/2026")).json()["acts"]
    assert [(act["opened_again"], act["closing"]) for act in acts] == [
        (False, 1),
        (True, 1),
        (False, 2),
    ]
    for act in (acts[0], acts[2]):
        rows = {row["gl_code"]: row for row in act["control_totals"]}
        assert rows["541100"]["debits"] == rows["541100"]["credits"]


async def test_the_trial_balance_of_a_closed_month_reads_for_ever_as_it_was_known(
    house: House,
) -> None:
    await run_missed(house.database.poster, house.desk.book, through=JUNE_END)
    closed = (await _do(house, f"months/{JUNE}/close")).json()
    kept = (await house.get(f"/periods/months/{JUNE}")).json()["acts"][0]["control_totals"]

    async def known(at: int | None) -> list[dict[str, str]]:
        number = "" if at is None else f"&known_at={at}"
        trial = (await house.get(f"/trial-balance?on=2026-06-30{number}")).json()
        names = ("gl_code", "debits", "credits")
        return [{name: row[name] for name in names} for row in trial["data"]]

    assert await known(closed["closed_seq"]) == await known(None) == kept
    await _do(house, f"months/{JUNE}/reopen", WHY)
    body = journal_of(_fees(house), _capital(house), "25.00", business_date="2026-06-30")
    assert (await _approved(house, body)).status_code == 200
    again = (await _do(house, f"months/{JUNE}/close")).json()
    await run_missed(house.database.poster, house.desk.book, through=date(2026, 7, 2))
    assert await known(closed["closed_seq"]) == kept
    acts = (await house.get(f"/periods/months/{JUNE}")).json()["acts"]
    assert await known(again["closed_seq"]) == acts[2]["control_totals"] != kept
    assert await known(None) == acts[2]["control_totals"]


async def test_a_refused_closing_of_the_year_names_the_account(house: House) -> None:
    await _approved(house, journal_of(_fees(house), "SAV-0001", "25.00"))
    await house.desk.freeze("fees", debits=False, credits=True)
    await _months_closed(house)
    answer = await _do(house, "years/2026/close")
    assert (answer.status_code, answer.json()["code"]) == (422, "account_frozen_credit")
    assert answer.json()["facts"]["account"] == _fees(house)
    assert (await house.get("/periods/years/2026")).json()["state"] == "late"


async def test_an_account_of_income_or_expense_closes_after_its_year_and_before_it_moves_again(
    house: House,
) -> None:
    path = f"/accounts/{_fees(house)}/close"
    await _approved(house, journal_of(_fees(house), _capital(house), "25.00"))
    await _approved(house, journal_of(_capital(house), _fees(house), "25.00"))
    await _months_closed(house)
    answer = await house.post(path, WHY)
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_close_contract")
    assert "moved on 2026-06-01, in a fiscal year that is not closed" in answer.json()["detail"]
    late = journal_of(
        _fees(house), _capital(house), "5.00", business_date=YEAR_END.isoformat(), late_period=True
    )
    assert (await _approved(house, late)).status_code == 200
    assert (await _do(house, "years/2026/close")).status_code == 200
    closed = await house.post(path, WHY)
    assert closed.status_code == 200, closed.text
    refused = await _do(house, "years/2026/reopen", WHY)
    assert (refused.status_code, refused.json()["code"]) == (409, "account_closed")
    assert refused.json()["facts"]["account"] == _fees(house)
    assert "undoing its closing" in refused.json()["detail"]
    undone = await house.post(f"/accounts/{_fees(house)}/undo-close", WHY, actor=CHECKER)
    assert undone.status_code == 200, undone.text
    assert (await _do(house, "years/2026/reopen", WHY)).status_code == 200


async def test_a_late_journal_says_which_year_it_is_for(house: House) -> None:
    answer = await house.post("/journals", journal_of("SAV-0001", "SAV-0002", late_period=True))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["errors"][0]["pointer"] == "#/business_date"


async def test_each_act_needs_its_own_right(house: House) -> None:
    wanted: dict[str, Scope] = {
        f"months/{JUNE}/close": "periods:close",
        f"months/{JUNE}/reopen": "periods:reopen",
        "years/2026/close": "periods:close",
        "years/2026/reopen": "periods:reopen",
    }
    for what, scope in wanted.items():
        actor = f"facility:no-{scope}"
        house.keys[actor] = await house.key(actor, [s for s in SCOPES if s != scope])
        answer = await _do(house, what, WHY, actor=actor)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    house.keys["reader"] = await house.key("reader", [s for s in SCOPES if s != "periods:read"])
    for path in ("", f"/months/{JUNE}", "/years/2026"):
        assert (await house.get(f"/periods{path}", actor="reader")).status_code == 403


async def test_periods_are_listed_page_by_page(house: House) -> None:
    await _lived(house, date(2027, 1, 15))
    listed: list[str] = []
    path = "/periods?limit=4"
    while path:
        answer = await house.get(path)
        listed += [row["period"] for row in answer.json()["data"]]
        link = answer.headers.get("Link", "")
        path = link.partition("<")[2].partition(">")[0].removeprefix(ROOT)
    assert listed == [
        "2027", "2027-01", "2026", *(f"2026-{month:02d}" for month in range(12, 5, -1))
    ]  # fmt: skip


@pytest.fixture
def cff(house: House, database_url: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """`cff` on the house's database, its JSON and its exit code."""
    monkeypatch.setenv("CFF_DATABASE_URL", database_url)
    monkeypatch.setenv("CFF_BOOK", "book-1")

    async def call(*arguments: str) -> tuple[int, dict[str, object]]:
        def run() -> tuple[int, dict[str, object]]:
            result = CliRunner().invoke(app, [*arguments, "--json"])
            text = result.stdout if result.stdout.startswith("{") else result.stderr
            return result.exit_code, json.loads(text)

        return await asyncio.to_thread(run)

    return call


async def test_the_command_line_closes_opens_and_lists_periods(house: House, cff: object) -> None:
    assert callable(cff)
    await _lived(house, JUNE_END)
    who = ("--actor", "facility:chief")
    code, told = await cff("periods", "close-month", "2026-07", *who)
    assert (code, told["error"]) == (5, "period_not_ready")
    code, told = await cff("periods", "close-month", "July", *who)
    assert (code, told["error"]) == (2, "invalid_input")
    code, told = await cff("periods", "close-month", JUNE, *who)
    assert (code, told["state"], told["debits"]) == (0, "closed", "2000000.00")
    code, told = await cff("periods", "reopen-month", JUNE, *who, "--reason", "one is missing")
    assert (code, told["state"]) == (0, "open_again")
    code, told = await cff("periods", "list")
    assert [row["state"] for row in told["periods"]] == ["open", "open", "open_again"]
    code, told = await cff("periods", "close-year", "2026", *who)
    assert (code, told["error"]) == (5, "period_not_ready")
    code, told = await cff("periods", "reopen-year", "2026", *who, "--reason", "none was closed")
    assert (code, told["error"]) == (5, "wrong_status")


async def test_the_command_line_shows_a_voucher(house: House, cff: object) -> None:
    assert callable(cff)
    posted = await _approved(house, journal_of("SAV-0001", "SAV-0002", "12.00"))
    voucher = posted.json()["voucher"]
    code, told = await cff("voucher", voucher)
    assert (code, told["journal_id"]) == (0, posted.json()["id"])
    assert told["transfers"] == [{"debit": "SAV-0001", "credit": "SAV-0002", "amount": "12.00"}]
    assert (await cff("voucher", "2026/999999"))[0] == 4
    assert (await cff("voucher", "no-number"))[0] == 2
