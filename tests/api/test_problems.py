"""What bad input gets: one shape, the field named, nothing half done."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from api.app import create_app
from api.problems import PROBLEMS, failing
from ledger.refusals import REFUSALS
from tests.api.house import ROOT, House, hold_of

WRONG_AMOUNTS = (
    "1e3",
    "1_000.50",
    "๑๒.๐๐",
    "NaN",
    "-0.00",
    "0.00",
    "0.001",
    "1,000.00",
    "+1.00",
    "-1.00",
    " 1.00",
    "1.00\n",
    "01.00",
    "1",
    "10000000000000.00",
    "Infinity",
    "",
    1000,
    10.5,
    None,
    True,
    ["1.00"],
)


@pytest.mark.parametrize("amount", WRONG_AMOUNTS)
async def test_an_amount_in_any_other_form_is_refused_by_name(house: House, amount: object) -> None:
    answer = await house.post("/holds", hold_of() | {"amount": amount})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid_input"
    assert [error["pointer"] for error in problem["errors"]] == ["#/amount"]


async def test_one_satang_and_the_largest_amount_are_amounts(house: House) -> None:
    assert (await house.post("/holds", hold_of(amount="0.01"))).status_code == 201
    largest = await house.post("/holds", hold_of(amount="9999999999999.99"))
    assert largest.json()["code"] == "below_balance_min"


@pytest.mark.parametrize("day", ["2569-06-30", "2026-02-30", "30/06/2026", "2026-6-1", 20260601])
async def test_a_date_in_any_other_form_is_refused_by_name(house: House, day: object) -> None:
    answer = await house.post("/holds", hold_of() | {"expires_on": day})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/expires_on"


async def test_a_buddhist_year_is_told_the_year_it_means(house: House) -> None:
    answer = await house.post("/holds", hold_of() | {"expires_on": "2569-06-30"})
    assert "2026-06-30" in answer.json()["errors"][0]["detail"]


async def test_every_problem_of_a_body_is_listed_at_once(house: House) -> None:
    body = {"account": 7, "amount": "1.0", "surprise": "x", "id": "not-an-id"}
    answer = await house.post("/holds", body)
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {"#/account", "#/amount", "#/surprise", "#/id"}


async def test_a_problem_has_the_whole_shape_of_rfc_9457(house: House) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = await house.post(
        "/holds", hold_of(amount="99999.00"), traceparent=f"00-{trace}-b7ad6b7169203331-01"
    )
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == answer.status_code == 422
    assert problem["instance"] == f"{ROOT}/holds"
    assert problem["request_id"] == answer.headers["X-Request-Id"] == trace
    assert problem["title"]
    assert problem["title_th"] == "ยอดเงินที่ใช้ได้ไม่พอ"
    page = await house.client.get(problem["type"])
    assert page.json()["code"] == problem["code"] == "below_balance_min"
    assert (await house.client.get("/problems/no_such_problem")).status_code == 404


async def _raw(house: House, content: bytes, media_type: str) -> httpx2.Response:
    token = await house.key()
    headers = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": uuid4().hex,
        "Content-Type": media_type,
    }
    return await house.client.post(f"{ROOT}/holds", content=content, headers=headers)


@pytest.mark.parametrize(
    "content",
    [b'{"id": ', b"\xff\xfe", b"[" * 100_000, b'{"amount": ' + b"9" * 5000 + b"}"],
)
async def test_a_body_that_cannot_be_decoded_is_a_400(house: House, content: bytes) -> None:
    answer = await _raw(house, content, "application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed_body"


async def test_a_lone_surrogate_and_a_control_sign_reach_no_table(house: House) -> None:
    for text in (b'"\\ud800"', b'"a\\u0000b"', b'"line\\nbreak"'):
        body = json.dumps(hold_of()).encode().replace(b'"R1"', text)
        assert (await _raw(house, body, "application/json")).status_code == 422
    strange = json.dumps(hold_of()).encode()[:-1] + b', "\\ud800": 1}'
    assert (await _raw(house, strange, "application/json")).status_code == 422


async def test_another_content_type_is_a_415(house: House) -> None:
    body = json.dumps(hold_of()).encode()
    answer = await _raw(house, body, "text/plain")
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


async def test_a_body_over_the_limit_is_refused_announced_or_not(house: House) -> None:
    large = b'{"reference": "' + b"x" * 1_100_000 + b'"}'
    announced = await _raw(house, large, "application/json")
    assert announced.status_code == 413
    assert announced.json()["code"] == "body_too_large"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    token = await house.key()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    streamed = await house.client.post(f"{ROOT}/holds", content=pieces(), headers=headers)
    assert streamed.status_code == 413


async def test_a_path_or_a_method_that_is_not_there_is_a_problem_too(house: House) -> None:
    missing = await house.client.get("/v2/books")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    token = await house.key()
    headers = {"Authorization": f"Bearer {token}"}
    answer = await house.client.delete(f"{ROOT}/holds", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, POST"


async def test_what_breaks_inside_is_logged_and_not_shown(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(house.database, house.desk.collector)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the secret reason")

    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://cff") as client:
        answer = await client.get("/broken")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "secret" not in answer.text
    logged = capsys.readouterr()
    assert "the secret reason" in logged.out + logged.err
    assert answer.json()["request_id"] in logged.out + logged.err


async def test_a_database_that_went_away_is_a_503_and_says_try_again(house: House) -> None:
    token = await house.key()
    await house.database.poster.close()
    headers = {"Authorization": f"Bearer {token}"}
    for path in (f"{ROOT}/accounts", "/healthz"):
        answer = await house.client.get(path, headers=headers)
        assert answer.status_code == 503, path
        assert answer.json()["code"] == "database_unavailable"
        assert answer.headers["Retry-After"] == "1"


async def test_a_healthy_house_says_so(house: House) -> None:
    answer = await house.client.get("/healthz")
    assert answer.json() == {"status": "ok"}


def test_every_refusal_of_the_judge_has_its_status() -> None:
    assert {rule.code for rule in REFUSALS} <= set(PROBLEMS)
    assert {PROBLEMS[rule.code].status for rule in REFUSALS} == {409, 422}
    assert all(kind.title and kind.title_th for kind in PROBLEMS.values())


async def test_every_operation_lists_the_problems_it_may_answer(house: House) -> None:
    document = (await house.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/v1"):
                continue
            wanted = {"401", "403", "404", "422", "500", "503"}
            wanted |= {"400", "413", "415"} if method == "post" else set()
            assert wanted <= set(operation["responses"]), (method, path)
            for status in wanted:
                content = operation["responses"][status]["content"]
                assert list(content) == ["application/problem+json"], (method, path, status)
    held = document["paths"]["/v1/books/{book}/holds"]["post"]["responses"]
    assert "`below_balance_min`" in held["422"]["description"]
    assert set(failing("id_conflict", "not_found")) == {404, 409}


@pytest.mark.parametrize(
    "lost",
    [
        asyncpg.InternalClientError("cannot switch to state 15; another operation is in progress"),
        asyncpg.InterfaceError("connection is closed"),
        ConnectionResetError("by the server"),
    ],
    ids=lambda lost: type(lost).__name__,
)
async def test_a_server_that_dies_under_a_door_is_unavailable_and_not_an_internal_error(
    house: House, lost: Exception
) -> None:
    app = create_app(house.database)

    @app.get("/dies")
    async def dies() -> None:
        raise lost

    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://doors") as client:
        answer = await client.get("/dies")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer.headers["Retry-After"]
