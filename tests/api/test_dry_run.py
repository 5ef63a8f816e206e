"""`?dry_run=true` over HTTP: the answer of the real path, and nothing recorded."""

from __future__ import annotations

from uuid import uuid4

import httpx2

from tests.api.house import House, hold_of, journal_of, notice_of

DRY = "?dry_run=true"
CHECKER = "facility:checker"


async def _standing(house: House) -> tuple[object, ...]:
    """What would show that something was recorded: the last number, batch, key and proposal."""
    async with house.database.poster.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT (SELECT recorded_seq FROM ledger.book_head WHERE book_id = 1), "
            "(SELECT count(*) FROM ledger.batch), (SELECT count(*) FROM ledger.idempotency_key), "
            "(SELECT count(*) FROM ledger.manual_journal), (SELECT count(*) FROM ledger.refusal)"
        )
    assert row is not None
    return tuple(row)


def _same(dry: httpx2.Response, real: httpx2.Response) -> None:
    """The same status; the same body, but for the instants and the request's own number."""
    assert dry.headers["Dry-Run"] == "true"
    assert "Dry-Run" not in real.headers
    assert dry.status_code == real.status_code, (dry.text, real.text)
    passing = ("request_id", "made_at", "decided_at", "received_at")
    bodies = [{k: v for k, v in r.json().items() if k not in passing} for r in (dry, real)]
    assert bodies[0] == bodies[1]


async def test_a_hold_run_dry_answers_as_the_hold_that_is_then_placed(house: House) -> None:
    body, key = hold_of(amount="2500.50"), uuid4().hex
    before = await _standing(house)
    dry = await house.post(f"/holds{DRY}", body, key=key)
    assert dry.json()["balances"][0]["available"] == "7499.50"
    assert await _standing(house) == before
    # The key is still free, also for another request.
    _same(dry, await house.post("/holds?dry_run=false", body, key=key))
    again = await house.post(f"/holds{DRY}", body, key=key)
    assert again.headers["Idempotent-Replayed"] == again.headers["Dry-Run"] == "true"


async def test_a_refusal_run_dry_burns_nothing(house: House) -> None:
    body, before = hold_of(amount="10000.01"), await _standing(house)
    dry = await house.post(f"/holds{DRY}", body)
    assert dry.json()["code"] == "below_balance_min"
    assert await _standing(house) == before
    mended = await house.post("/holds", body | {"amount": "10000.00"})
    assert mended.status_code == 201


async def test_an_approval_run_dry_shows_the_balances_and_leaves_the_proposal_waiting(
    house: House,
) -> None:
    body = journal_of("SAV-0001", "SAV-0002")
    proposed = await house.post("/journals", body)
    assert proposed.status_code == 202, proposed.text
    path, before = f"/journals/{body['id']}/approve", await _standing(house)
    dry = await house.post(path + DRY, {}, actor=CHECKER)
    assert dry.json()["balances"], dry.text
    maker = await house.post(path + DRY, {})
    assert maker.json()["code"] == "forbidden"
    assert await _standing(house) == before
    assert (await house.get(f"/journals/{body['id']}")).json()["state"] == "waiting"
    _same(dry, await house.post(path, {}, actor=CHECKER))


async def test_a_notice_run_dry_holds_nothing(house: House) -> None:
    body, before = notice_of(), await _standing(house)
    dry = await house.post(f"/notices{DRY}", body, actor="coop-1:maker")
    assert dry.status_code == 201, dry.text
    assert await _standing(house) == before
    assert (await house.get(f"/notices/{body['id']}")).status_code == 404
    _same(dry, await house.post("/notices", body, actor="coop-1:maker"))


async def test_a_dry_run_is_true_or_false_and_nothing_else(house: House) -> None:
    answer = await house.post("/holds?dry_run=yes", hold_of())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "query/dry_run"
