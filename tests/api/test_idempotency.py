"""The promise of an Idempotency-Key: one request, one posting, one answer, for ever."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import asyncpg

from ledger.posting.values import IdempotencyKey
from tests.api.house import ROOT, House, hold_of, journal_of, notice_of


async def _holds(house: House) -> int:
    async with house.database.poster.acquire() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM ledger.hold"))


async def test_without_a_key_nothing_that_moves_money_is_done(house: House) -> None:
    token = await house.key()
    answer = await house.client.post(
        f"{ROOT}/holds", json=hold_of(), headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_missing"
    assert await _holds(house) == 0


async def test_a_retry_gets_the_same_answer_byte_for_byte(house: House) -> None:
    body, key = hold_of(), uuid4().hex
    first = await house.post("/holds", body, key=key)
    again = await house.post("/holds", dict(reversed(body.items())), key=key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert await _holds(house) == 1


async def test_a_lasting_refusal_is_answered_again_also_when_it_would_pass_now(
    house: House,
) -> None:
    body, key = hold_of(amount="8000.00"), uuid4().hex
    in_the_way = await house.place(amount="5000.00")
    first = await house.post("/holds", body, key=key)
    assert first.status_code == 422
    await house.post(f"/holds/{in_the_way}/release", {"reason": "out of the way"})
    again = await house.post("/holds", body, key=key)
    assert (again.status_code, again.content) == (422, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/problem+json"


async def test_a_key_used_for_another_request_is_refused(house: House) -> None:
    body, key = hold_of(), uuid4().hex
    await house.post("/holds", body, key=key)
    for path, other in (
        ("/holds", body | {"amount": "100.01"}),
        (f"/holds/{body['id']}/release", {"reason": "another path"}),
    ):
        answer = await house.post(path, other, key=key)
        assert answer.status_code == 422
        assert answer.json()["code"] == "idempotency_key_reused"
    assert await _holds(house) == 1


async def test_an_invalid_request_leaves_its_key_free(house: House) -> None:
    body, key = hold_of(), uuid4().hex
    for slip in ({"amount": "100"}, {"account": "SAV-9999"}, {"currency": "USD"}):
        assert (await house.post("/holds", body | slip, key=key)).status_code == 422, slip
    mended = await house.post("/holds", body, key=key)
    assert mended.status_code == 201


async def test_each_client_has_its_own_keys(house: House) -> None:
    key = uuid4().hex
    first = await house.post("/holds", hold_of("SAV-0001"), key=key, actor="coop-1:maker")
    second = await house.post("/holds", hold_of("SAV-0002"), key=key, actor="coop-2:maker")
    assert (first.status_code, second.status_code) == (201, 201)


async def test_a_key_that_is_being_worked_on_elsewhere_is_in_progress(
    house: House, database_url: str
) -> None:
    key = uuid4().hex
    name = IdempotencyKey(client="facility", key=key, request_hash=b"")
    elsewhere = await asyncpg.connect(database_url)
    try:
        transaction = elsewhere.transaction()
        await transaction.start()
        await elsewhere.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1))",
            f"{name.client}\x1f{name.key}",
        )
        answer = await house.post("/holds", hold_of(), key=key)
        await transaction.rollback()
    finally:
        await elsewhere.close()
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_key_in_progress"
    assert answer.headers["Retry-After"] == "1"


async def test_the_same_request_many_times_at_once_is_done_once(house: House) -> None:
    body, key = hold_of(), uuid4().hex
    answers = await asyncio.gather(*(house.post("/holds", body, key=key) for _ in range(24)))
    done = [answer for answer in answers if answer.status_code == 201]
    rest = [answer for answer in answers if answer.status_code != 201]
    assert {answer.content for answer in done} == {done[0].content}
    assert [answer.json()["code"] for answer in rest] == ["idempotency_key_in_progress"] * len(rest)
    assert sum("Idempotent-Replayed" not in answer.headers for answer in done) == 1
    assert await _holds(house) == 1


async def test_a_retry_of_a_step_that_changed_the_state_is_a_replay_not_a_conflict(
    house: House,
) -> None:
    notice, key = notice_of(), uuid4().hex
    await house.post("/notices", notice, actor="coop-1:maker")
    path = f"/notices/{notice['id']}/approve"
    first = await house.post(path, {}, key=key)
    again = await house.post(path, {}, key=key)
    assert first.status_code == 200
    assert (again.status_code, again.content) == (200, first.content)
    other = await house.post(path, {})
    assert other.status_code == 409
    assert other.json()["code"] == "wrong_status"


async def test_approvals_of_one_proposal_at_once_post_it_once(house: House) -> None:
    body = journal_of("SAV-0001", "SAV-0002")
    assert (await house.post("/journals", body)).status_code == 202
    path, key = f"/journals/{body['id']}/approve", uuid4().hex
    answers = await asyncio.gather(
        *(house.post(path, {}, key=key, actor="facility:checker") for _ in range(8)),
        *(house.post(path, {}, actor="facility:second") for _ in range(8)),
    )
    posted = [a for a in answers if a.status_code == 200 and "Idempotent-Replayed" not in a.headers]
    assert len(posted) == 1
    assert {a.status_code for a in answers} <= {200, 409}
    position = (await house.get("/accounts/SAV-0002")).json()
    assert position["balance"] == "10100.00"


async def test_a_name_that_stands_twice_in_the_body_is_not_guessed_at(house: House) -> None:
    token = await house.key()
    text = json.dumps(hold_of())[:-1] + ', "amount": "999.00"}'
    answer = await house.client.post(
        f"{ROOT}/holds",
        content=text,
        headers={
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": uuid4().hex,
            "Content-Type": "application/json",
        },
    )
    assert answer.status_code == 400
    assert await _holds(house) == 0
