"""Journals by the stream: what is told, when, and what a broken connection leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from ledger.loading.runs import only_loader
from products.payments import banks
from tests.api.house import BOOK, ROOT, House

HEADER = "id,debit,credit,amount,value_date,reference\n"
CLERK = "facility:clerk"


def line(amount: str = "1.00", debit: str = "SAV-0001", made: str = "") -> str:
    """A line in order under a new id."""
    return f"{made or uuid4()},{debit},SAV-0002,{amount},,PAY\n"


async def send(
    house: House,
    body: str,
    run: object = None,
    media_type: str = "text/csv",
    actor: str = CLERK,
    **query: object,
) -> httpx2.Response:
    """POST a body."""
    await house.get("", actor)  # makes the actor's key
    headers = {"Authorization": f"Bearer {house.keys[actor]}", "Content-Type": media_type}
    asked = {name: str(value) for name, value in query.items()}
    return await house.client.post(
        f"{ROOT}/bulk/{run or uuid4()}", content=body.encode(), headers=headers, params=asked
    )


def told(answer: httpx2.Response) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The result lines of an answer, and its last line."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    *lines, last = [json.loads(each) for each in answer.text.splitlines()]
    return lines, last


async def test_each_line_of_a_stream_is_answered_in_order(house: House) -> None:
    made = str(uuid4())
    body = HEADER + line(made=made) + line("x") + line("99999.00") + line(made=made)
    run = uuid4()
    lines, last = told(await send(house, body, run))
    assert [each["line"] for each in lines] == [2, 3, 4, 5]
    outcomes = [each["outcome"] for each in lines]
    assert outcomes == ["posted", "malformed", "refused", "replayed"]
    assert lines[0]["recorded_seq"] == lines[3]["recorded_seq"]
    assert lines[2]["code"] == "below_balance_min"
    assert last == {
        "run": str(run),
        "actor": CLERK,
        "finished": True,
        "lines": 4,
        "posted": 1,
        "replayed": 1,
        "refused": 1,
        "malformed": 1,
    }
    assert (await house.get(f"/bulk/{run}")).json() == last
    journal = (await house.get(f"/journals/{made}")).json()
    assert journal["transfers"] == [{"debit": "SAV-0001", "credit": "SAV-0002", "amount": "1.00"}]


async def test_json_lines_are_taken_as_well(house: House) -> None:
    row = dict(zip(HEADER.strip().split(","), line().strip().split(","), strict=True))
    body = json.dumps(row) + "\n" + json.dumps(row | {"amount": 7}) + "\n"
    lines, last = told(await send(house, body, media_type="application/x-ndjson"))
    assert [(each["line"], each["outcome"]) for each in lines] == [(1, "posted"), (2, "malformed")]
    assert last["finished"] is True


async def test_a_body_larger_than_any_other_door_takes_is_posted(house: House) -> None:
    body = HEADER + "".join(line("0.01") for _ in range(17_000))
    assert len(body) > 1024 * 1024
    lines, last = told(await send(house, body))
    assert (len(lines), last["posted"]) == (17_000, 17_000)


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        ("debit,credit,amount\n", "text/csv", 422, "invalid_input"),
        ("", "text/csv", 422, "invalid_input"),
        ('{"debit":"X"}\n', "application/x-ndjson", 422, "invalid_input"),
        (HEADER, "application/json", 415, "unsupported_media_type"),
        ("x" * 20_000, "text/csv", 422, "invalid_input"),
    ],
)
async def test_what_cannot_be_posted_at_all_is_a_problem_before_the_first_byte(
    house: House, body: str, media_type: str, status: int, code: str
) -> None:
    run = uuid4()
    answer = await send(house, body, run, media_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await house.get(f"/bulk/{run}")).status_code == 404


async def test_a_stream_goes_on_after_the_lines_that_are_committed(house: House) -> None:
    run = uuid4()
    sent = [line() for _ in range(6)]
    await _hang_up(house, run, HEADER + "".join(sent[:4]) + sent[4][:20])
    position = (await house.get(f"/bulk/{run}")).json()
    done = position["lines"]
    assert (done, position["finished"]) == (4, False)
    wrong = await send(house, HEADER + sent[5], run, after=done + 1)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "run_differs")
    lines, last = told(await send(house, HEADER + "".join(sent[done:]), run, after=done))
    assert [each["line"] for each in lines] == [6, 7]
    assert (last["lines"], last["posted"], last["finished"]) == (6, 6, True)
    again = await send(house, HEADER + line(), run, after=6)
    assert (again.status_code, again.json()["code"]) == (409, "run_differs")
    # Or everything under a new run: what is recorded is answered with its numbers.
    lines, last = told(await send(house, HEADER + "".join(sent)))
    assert {each["outcome"] for each in lines} == {"replayed"}


async def test_a_sender_who_hangs_up_leaves_whole_lines_and_no_half_one(house: House) -> None:
    run = uuid4()
    half = str(uuid4())
    await _hang_up(house, run, HEADER + line() + line(made=half)[:60])
    assert (await house.get(f"/bulk/{run}")).json()["posted"] == 1
    assert (await house.get(f"/journals/{half}")).status_code == 404
    # And one that hangs up before anything was whole leaves nothing.
    await _hang_up(house, nothing := uuid4(), "id,deb")
    assert (await house.get(f"/bulk/{nothing}")).status_code == 404


async def test_outcomes_come_while_the_stream_is_still_being_sent(house: House) -> None:
    heard: list[str] = []
    answered = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield (HEADER + line()).encode()
        await asyncio.wait_for(answered.wait(), 20)
        yield line().encode()

    async def hear(message: MutableMapping[str, Any]) -> None:
        if message.get("body"):
            heard.append(message["body"].decode())
            answered.set()

    await _speak(house, uuid4(), body(), hear)
    lines = "".join(heard).splitlines()
    assert [json.loads(each).get("outcome") for each in lines] == ["posted", "posted", None]


async def test_a_second_sender_of_the_same_run_is_refused(house: House) -> None:
    run = uuid4()
    async with only_loader(house.database.poster, 1, run):
        answer = await send(house, HEADER + line(), run)
    assert (answer.status_code, answer.json()["code"]) == (409, "run_busy")


async def test_a_run_is_its_actors_own(house: House) -> None:
    run = uuid4()
    told(await send(house, HEADER + line(), run))
    answer = await send(house, HEADER + line(), run, actor="facility:other")
    assert (answer.status_code, answer.json()["code"]) == (409, "run_differs")


async def test_too_many_streams_at_once_are_told_to_come_later(house: House) -> None:
    house.app.state.bulk_streams = 2
    answer = await send(house, HEADER + line())
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "1"


async def test_lines_on_accounts_of_the_night_or_of_payments_are_malformed(house: House) -> None:
    async with house.database.poster.acquire() as connection:
        moved_by_payments = await banks.controlled_accounts(connection, 1)
        controlled = await connection.fetchval(
            "SELECT a.code FROM ledger.account AS a WHERE a.book_id = 1 AND a.account_id = $1",
            min(moved_by_payments),
        )
    lines, _ = told(await send(house, HEADER + line(debit=controlled)))
    assert (lines[0]["outcome"], lines[0]["field"]) == ("malformed", "debit")
    assert "moved by hand" in lines[0]["expected"]


async def test_a_key_without_the_right_posts_no_lines(house: House) -> None:
    house.keys["facility:weak"] = await house.key("facility:weak", ["journals:write", "books:read"])
    answer = await send(house, HEADER + line(), actor="facility:weak")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def _hang_up(house: House, run: UUID, text: str) -> None:
    """Send this much, wait until its whole lines are answered, and be gone."""
    whole = max(0, text.count("\n") - 1)
    heard: list[str] = []
    all_heard = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield text.encode()
        if whole:
            await asyncio.wait_for(all_heard.wait(), 20)

    async def hear(message: MutableMapping[str, Any]) -> None:
        heard.append(message.get("body", b"").decode())
        if "".join(heard).count("\n") >= whole:
            all_heard.set()

    await _speak(house, run, body(), hear, gone=True)


async def _speak(
    house: House, run: UUID, body: AsyncIterator[bytes], hear: Any, *, gone: bool = False
) -> None:
    """Speak ASGI to the door itself: a client that reads while it sends, or disappears."""
    await house.get("", CLERK)

    async def receive() -> MutableMapping[str, Any]:
        async for block in body:
            return {"type": "http.request", "body": block, "more_body": True}
        return {"type": "http.disconnect"} if gone else {"type": "http.request", "body": b""}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": f"/v1/books/{BOOK}/bulk/{run}",
        "raw_path": f"/v1/books/{BOOK}/bulk/{run}".encode(),
        "query_string": b"",
        "headers": [
            (b"authorization", f"Bearer {house.keys[CLERK]}".encode()),
            (b"content-type", b"text/csv"),
        ],
        "root_path": "",
        "server": ("cff", 80),
        "client": ("test", 1),
    }
    await house.app(scope, receive, hear)
