"""API keys: who is let in, how far, and whose money they see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx2
import pytest

from api.app import create_app
from api.auth.keys import KeyRing, issue_key, revoke_key
from api.auth.scopes import MEANINGS, PARTY_SCOPES, SCOPES
from ledger import dates
from ledger.errors import InvalidInput
from tests.api.house import ROOT, House, hold_of, notice_of


async def _get(house: House, token: str | None) -> httpx2.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await house.client.get(f"{ROOT}/accounts/SAV-0001", headers=headers)


async def test_without_a_key_nothing_is_shown(house: House) -> None:
    answer = await _get(house, None)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"


async def test_a_key_with_one_wrong_digit_is_nobodys(house: House) -> None:
    key = await house.key()
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert (await _get(house, key)).status_code == 200
    for token in (wrong, key.upper(), key[:-1], "", "cff_test_x", key.replace("_", "-")):
        assert (await _get(house, token)).status_code == 401, token


async def test_only_the_hash_of_a_secret_is_kept(house: House) -> None:
    key = await house.key()
    async with house.database.poster.acquire() as connection:
        stored = str(await connection.fetch("SELECT * FROM api.api_key"))
    assert key.split("_")[3] not in stored
    assert key.split("_")[2] in stored


async def test_a_revoked_key_opens_nothing(house: House) -> None:
    key = await house.key()
    assert (await _get(house, key)).status_code == 200
    async with house.database.poster.acquire() as connection:
        assert await revoke_key(connection, key.split("_")[2])
        assert not await revoke_key(connection, key.split("_")[2])
    assert (await _get(house, key)).status_code == 401


async def test_a_revoked_key_lives_on_in_a_ring_for_its_few_seconds_only(house: House) -> None:
    key = await house.key()
    ring = KeyRing(house.database.poster, clock=dates.now, live=False, seconds=60)
    assert await ring.recognise(key) is not None
    async with house.database.poster.acquire() as connection:
        await revoke_key(connection, key.split("_")[2])
    assert await ring.recognise(key) is not None
    fresh = KeyRing(house.database.poster, clock=dates.now, live=False, seconds=0)
    assert await fresh.recognise(key) is None


@dataclass
class _Clock:
    at: datetime

    def __call__(self) -> datetime:
        return self.at


async def test_a_key_ends_on_its_day_also_while_it_is_remembered(house: House) -> None:
    clock = _Clock(dates.now())
    key = await house.key(valid_days=30)
    ring = KeyRing(house.database.poster, clock=clock, live=False, seconds=60)
    assert await ring.recognise(key) is not None
    clock.at += timedelta(days=30, seconds=1)
    assert await ring.recognise(key) is None


async def test_a_test_key_opens_no_door_to_live_money(house: House) -> None:
    key = await house.key()
    live = create_app(house.database, house.desk.collector, live=True)
    transport = httpx2.ASGITransport(app=live)
    async with httpx2.AsyncClient(transport=transport, base_url="http://cff") as client:
        headers = {"Authorization": f"Bearer {key}"}
        assert (await client.get("/v1/books", headers=headers)).status_code == 401
        async with house.database.poster.acquire() as connection:
            live_key = await issue_key(
                connection,
                client="facility",
                actor="facility:clerk",
                scopes=["books:read"],
                book_id=1,
                valid_days=1,
                live=True,
            )
        headers = {"Authorization": f"Bearer {live_key}"}
        assert (await client.get("/v1/books", headers=headers)).status_code == 200


async def test_a_missing_scope_is_named(house: House) -> None:
    house.keys["facility:reader"] = await house.key("facility:reader", ["accounts:read"])
    answer = await house.post("/holds", hold_of(), actor="facility:reader")
    assert answer.status_code == 403
    assert answer.json()["code"] == "scope_missing"
    assert "holds:write" in answer.json()["detail"]
    assert (await house.get("/accounts", actor="facility:reader")).status_code == 200


async def test_another_book_does_not_exist_for_a_key(house: House) -> None:
    key = await house.key()
    headers = {"Authorization": f"Bearer {key}"}
    answer = await house.client.get("/v1/books/book-2/accounts", headers=headers)
    assert answer.status_code == 404
    listed = (await house.client.get("/v1/books", headers=headers)).json()
    assert [book["code"] for book in listed["data"]] == ["book-1"]


async def test_a_member_sees_only_what_is_its_own(house: House) -> None:
    me, other = "coop-1:maker", "coop-2:maker"
    listed = (await house.get("/accounts", actor=me)).json()["data"]
    assert [account["account"] for account in listed] == ["SAV-0001"]
    hold_id = await house.place("SAV-0002")
    notice = notice_of(account="SAV-0002")
    assert (await house.post("/notices", notice, actor=other)).status_code == 201
    for path in (
        "/accounts/SAV-0002",
        "/accounts/SAV-0002/statement",
        "/balances?account=SAV-0001&account=SAV-0002",
        "/holds?account=SAV-0002",
        f"/holds/{hold_id}",
        f"/notices/{notice['id']}",
    ):
        hidden = await house.get(path, actor=me)
        assert hidden.status_code == 404, path
        unknown = await house.get(path.replace("SAV-0002", "SAV-9999"), actor=me)
        assert unknown.status_code == 404
    assert (await house.get("/notices", actor=me)).json()["data"] == []
    assert len((await house.get("/notices", actor=other)).json()["data"]) == 1


async def test_a_member_moves_only_what_is_its_own(house: House) -> None:
    me = "coop-1:maker"
    hold_id = await house.place("SAV-0002")
    theirs = notice_of(account="SAV-0002")
    await house.post("/notices", theirs, actor="coop-2:maker")
    assert (await house.post("/holds", hold_of("SAV-0002"), actor=me)).status_code == 422
    release = await house.post(f"/holds/{hold_id}/release", {"reason": "for me"}, actor=me)
    assert release.status_code == 404
    for verb, body in (("approve", {}), ("reject", {"reason": "not mine"})):
        answer = await house.post(f"/notices/{theirs['id']}/{verb}", body, actor=me)
        assert answer.status_code == 404
    sent = await house.post("/notices", notice_of(account="SAV-0002"), actor=me)
    assert sent.json()["code"] == "unknown_account"
    taken = await house.post("/notices", notice_of(id=theirs["id"]), actor=me)
    assert taken.json()["code"] == "id_conflict"
    assert "SAV-0002" not in taken.text


async def test_what_looks_at_the_whole_book_is_not_for_members(house: House) -> None:
    for path in ("/journals", "/feed", "/trial-balance", "/suspense", "/statements", "/end-of-day"):
        assert (await house.get(path, actor="coop-1:maker")).status_code == 403, path
    async with house.database.poster.acquire() as connection:
        await connection.execute(
            "UPDATE api.api_key SET scopes = $1 WHERE party_id = 1", list(SCOPES)
        )
    assert (await house.get("/feed", actor="coop-1:maker")).status_code == 403


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["feed:read"], "party_id": 1}, "scopes"),
        ({"valid_days": 0}, "valid_days"),
        ({"actor": "a b"}, "actor"),
        ({"client": ""}, "client"),
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(
    house: House, fields: dict[str, object], named: str
) -> None:
    ordinary: dict[str, object] = {
        "client": "facility",
        "actor": "facility:clerk",
        "scopes": ["books:read"],
        "book_id": 1,
        "valid_days": 1,
    }
    async with house.database.poster.acquire() as connection:
        with pytest.raises(InvalidInput, match=named):
            await issue_key(connection, **(ordinary | fields))  # type: ignore[arg-type]  # wrong on purpose


async def test_many_requests_of_a_remembered_key_ask_for_it_once(house: House) -> None:
    ring = KeyRing(house.database.poster, clock=dates.now, live=False, seconds=60)
    key = await house.key()
    asked = 0

    async def counted(prefix: str) -> object:
        nonlocal asked
        asked += 1
        return await KeyRing._read(ring, prefix)

    ring._read = counted  # type: ignore[method-assign,assignment]  # counts what passes through
    for _ in range(10):
        assert await ring.recognise(key) is not None
        assert await ring.recognise(f"cff_test_{'0' * 12}_{'0' * 64}") is None
    assert asked == 2


def test_every_scope_is_explained_and_members_hold_a_part() -> None:
    assert set(MEANINGS) == set(SCOPES)
    assert set(SCOPES) > PARTY_SCOPES
