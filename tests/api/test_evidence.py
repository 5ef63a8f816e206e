"""Evidence at the doors and on the command line: seals, proofs, statement files, who sees them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.settings import Settings
from ledger import embedded, schema
from ledger.db import open_pool
from ledger.errors import InvalidInput
from ledger.evidence.keys import KeyFile
from ledger.homes import default_home
from ledger.proof.offline import verify_statement
from ledger.proof.seal_file import check_seals, read_seal_file
from ledger.proof.sealed import leaf, read_journal, root_from
from products.sealing import seal_missing
from tests.api.house import House, notice_of
from tests.builders import journal, make_scene, post

RUNNER = CliRunner()


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    """A key file that is not there yet."""
    return KeyFile(path=tmp_path / "seal-key.pem", say=lambda _: None)


async def close_day(house: House, key: KeyFile) -> None:
    """Run the night of 1 June through the door, and seal it."""
    answer = await house.post("/end-of-day", {"through": "2026-06-01"})
    assert answer.status_code == 200, answer.text
    await seal_missing(house.database.poster, 1, key)


async def journal_of_member(house: House, code: str) -> str:
    """Id of a journal that moved this account."""
    found = await house.database.poster.fetchval(
        "SELECT t.journal_id::text FROM ledger.transfer AS t INNER JOIN ledger.account AS a "
        "ON a.account_id IN (t.debit_account, t.credit_account) WHERE a.code = $1 "
        "AND NOT EXISTS (SELECT FROM ledger.transfer AS o INNER JOIN ledger.account AS b "
        "ON b.account_id IN (o.debit_account, o.credit_account) AND b.party_id <> a.party_id "
        "WHERE o.journal_id = t.journal_id)",
        code,
    )
    return str(found)


async def test_a_seal_and_a_proof_from_the_doors_hold_by_themselves(
    house: House, key: KeyFile
) -> None:
    named = await journal_of_member(house, "SAV-0001")
    early = await house.get(f"/journals/{named}/proof")
    assert (early.status_code, early.json()["code"]) == (409, "not_sealed_yet")
    await close_day(house, key)
    page = (await house.get("/seals")).json()
    assert not page["has_more"]
    (listed,) = page["data"]
    file = read_seal_file(
        {
            "format": "cff-seals",
            "version": 1,
            "keys": [{"public_key": listed["public_key"]}],
            "seals": page["data"],
        }
    )
    assert not list(check_seals(file.seals, file.keys))
    proof = (await house.get(f"/journals/{named}/proof")).json()
    assert proof["seal"] == listed
    data, version = bytes.fromhex(proof["journal"]), proof["digest_version"]
    assert str(read_journal(data, version).journal_id) == named == proof["journal_id"]
    path = [bytes.fromhex(node) for node in proof["path"]]
    root = root_from(leaf(data, version), proof["leaf_index"], proof["tree_size"], path)
    assert root == file.seals[0].merkle_root
    one = (await house.get("/seals/1")).json()
    assert sum(baht(row["debits"]) for row in one["trial_balance"]) == baht(one["debits"])
    assert {name: one[name] for name in listed} == listed
    for path_ in ("/seals/2", f"/journals/{uuid4()}/proof"):
        assert (await house.get(path_)).status_code == 404


def baht(text: str) -> int:
    """Satang of a text."""
    return int(text.replace(".", ""))


async def test_pages_of_seals_join(house: House, key: KeyFile) -> None:
    for day in ("2026-06-01", "2026-06-02", "2026-06-03"):
        answer = await house.post("/end-of-day", {"through": day})
        assert answer.status_code == 200, answer.text
    await seal_missing(house.database.poster, 1, key)
    first = (await house.get("/seals?limit=2")).json()
    rest = (await house.get(f"/seals?limit=2&after={first['next_cursor']}")).json()
    assert [seal["seal_no"] for seal in first["data"] + rest["data"]] == [1, 2, 3]
    assert (first["has_more"], rest["has_more"]) == (True, False)


async def test_a_statement_file_from_the_doors_is_proven_offline(
    house: House, key: KeyFile
) -> None:
    early = await house.get("/accounts/SAV-0001/statement-file")
    assert (early.status_code, early.json()["code"]) == (409, "not_sealed_yet")
    await close_day(house, key)
    document = (await house.get("/accounts/SAV-0001/statement-file?from=2026-06-01")).json()
    seals = (await house.get("/seals")).json()["data"]
    file = {
        "format": "cff-seals",
        "version": 1,
        "keys": [{"public_key": seals[0]["public_key"]}],
        "seals": seals,
    }
    verdict = verify_statement(document, file)
    assert verdict.report.ok, verdict.report.differences
    assert verdict.report.counts["lines"] >= 1
    wrong = await house.get("/accounts/SAV-0001/statement-file?from=2026-06-02&to=2026-06-01")
    assert wrong.status_code == 422


async def test_a_member_sees_seals_and_proofs_of_its_own_money_only(
    house: House, key: KeyFile
) -> None:
    theirs = await journal_of_member(house, "SAV-0002")
    own = await journal_of_member(house, "SAV-0001")
    actor = "coop-1:maker"
    for hidden in (f"/journals/{theirs}/proof", "/accounts/SAV-0002/statement-file"):
        assert (await house.get(hidden, actor)).status_code == 404
    await close_day(house, key)
    assert (await house.get(f"/journals/{own}/proof", actor)).status_code == 200
    assert (await house.get("/accounts/SAV-0001/statement-file", actor)).status_code == 200
    for hidden in (f"/journals/{theirs}/proof", "/accounts/SAV-0002/statement-file"):
        assert (await house.get(hidden, actor)).status_code == 404
    one = await house.get("/seals/1", actor)
    assert (one.status_code, one.json()["trial_balance"]) == (200, None)


async def test_receipts_carry_the_batch_and_its_digest(house: House) -> None:
    """What a member holds before any seal: number, batch and digest of every write."""
    hold = await house.post(
        "/holds", {"id": str(uuid4()), "account": "SAV-0001", "amount": "5.00", "reference": "R"}
    )
    notice = await house.post("/notices", notice_of("deposit"), "coop-1:maker")
    for answer in (hold, notice):
        assert answer.status_code == 201, answer.text
        receipt = answer.json()["receipt"]
        row = await house.database.poster.fetchrow(
            "SELECT digest, first_seq, last_seq FROM ledger.batch WHERE batch_no = $1",
            receipt["batch_no"],
        )
        assert row is not None
        assert receipt["digest"] == row["digest"].hex()
        assert row["first_seq"] <= receipt["recorded_seq"] <= row["last_seq"]


async def test_a_night_at_the_door_that_cannot_seal_says_so_and_the_day_is_closed(
    house: House, key: KeyFile
) -> None:
    async with house.database.poster.acquire() as connection:
        await key.signer(connection)
    key.path.unlink()
    house.app.state.doors = house.app.state.doors.__class__(
        **{
            name: getattr(house.app.state.doors, name)
            for name in house.app.state.doors.__dataclass_fields__
            if name != "seal_key"
        },
        seal_key=key,
    )
    answer = await house.post("/end-of-day", {"through": "2026-06-01"})
    assert (answer.status_code, answer.json()["code"]) == (503, "seal_key_unusable")
    days = (await house.get("/end-of-day")).json()["data"]
    assert [day["state"] for day in days if day["business_date"] == "2026-06-01"] == ["proven"]


@pytest.fixture(scope="module")
def cff(server: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The command line on a small book `book-1`; yields a folder for files."""
    name = f"cli_{uuid4().hex}"
    asyncio.run(_make(server, name))
    files = tmp_path_factory.mktemp("evidence")
    named = {
        "CFF_DATABASE_URL": server.dsn(name),
        "CFF_BOOK": "book-1",
        "CFF_SEAL_KEY_FILE": str(files / "seal-key.pem"),
    }
    before = {variable: os.environ.get(variable) for variable in named}
    os.environ.update(named)
    try:
        yield files
    finally:
        for variable, value in before.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value
        asyncio.run(_administer(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _administer(server: embedded.Lease, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(statement)
    await connection.close()


async def _make(server: embedded.Lease, name: str) -> None:
    await _administer(server, f"CREATE DATABASE {name}")
    await schema.migrate(server.dsn(name))
    pool = await open_pool(server.dsn(name))
    scene = await make_scene(pool, opening=1_000_00)
    await post(pool, 1, [journal(scene.bank, scene.members[0], 250_00, reference="R-1")])
    await pool.close()


def facts(*arguments: str, code: int = 0) -> dict[str, Any]:
    """The JSON document that a verb prints."""
    result = RUNNER.invoke(app, [*arguments, "--json"])
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_evidence_from_the_command_line_end_to_end(cff: Path) -> None:
    statement, seals = str(cff / "statement.json"), str(cff / "seals.json")
    assert RUNNER.invoke(app, ["statement-file", "SAV-0001", "--out", statement]).exit_code == 5
    night = RUNNER.invoke(app, ["end-of-day", "--through", "2026-06-01"])
    assert night.exit_code == 0, night.output
    assert "made a key for day seals" in night.stderr.replace("\n", " ")
    key = facts("seals", "key")
    assert key["file"] == str(cff / "seal-key.pem")
    assert facts("seals", "export", "--out", seals)["seals"] == 1
    made = facts("statement-file", "SAV-0001", "--out", statement, "--from", "2026-06-01")
    assert (made["opening"], made["closing"], made["lines"]) == ("0.00", "1250.00", 2)
    told = facts("verify-statement", statement, seals, "--key", key["fingerprint"])
    assert told["key"] == "given and matching"
    pem = cff / "public.pem"
    pem.write_text(key["public_key"], encoding="ascii")
    assert facts("verify-statement", statement, seals, "--key", str(pem))["ok"]
    assert not facts("verify-statement", statement, seals, "--key", "ab" * 32, code=1)["ok"]
    assert RUNNER.invoke(app, ["verify-statement", statement, seals, "--key", "x"]).exit_code == 2
    assert facts("verify", "--against", seals)["checked"]["seals"] >= 1
    plain = RUNNER.invoke(app, ["verify-statement", statement, seals])
    assert plain.exit_code == 0
    assert "This does not show" in plain.stdout


def test_a_rotation_is_told_and_the_next_night_seals_with_the_new_key(cff: Path) -> None:
    assert RUNNER.invoke(app, ["end-of-day", "--through", "2026-06-02"]).exit_code == 0
    before = facts("seals", "key")
    rotated = facts("seals", "rotate-key")
    assert rotated["retired_key_id"] == before["key_id"] != rotated["key_id"]
    assert RUNNER.invoke(app, ["end-of-day", "--through", "2026-06-03"]).exit_code == 0
    listed = facts("seals", "list")["seals"]
    assert [seal["key_id"] for seal in listed][-2:] == [before["key_id"], rotated["key_id"]]
    assert "Day seals" in RUNNER.invoke(app, ["seals", "list"]).stdout


def test_a_book_that_was_changed_is_not_the_one_that_was_sealed(cff: Path) -> None:
    seals = cff / "kept.json"
    assert RUNNER.invoke(app, ["end-of-day", "--through", "2026-06-04"]).exit_code == 0
    facts("seals", "export", "--out", str(seals))
    kept = json.loads(seals.read_text(encoding="utf-8"))
    forged = kept["seals"][0] | {"merkle_root": "0" * 64}
    seals.write_text(json.dumps(kept | {"seals": [forged, *kept["seals"][1:]]}), encoding="utf-8")
    found = facts("verify", "--against", str(seals), code=1)
    assert any("Merkle root" in each["where"] for each in found["differences"])
    seals.write_text("[]", encoding="utf-8")
    assert RUNNER.invoke(app, ["verify", "--against", str(seals)]).exit_code == 2


def test_where_the_key_lies_follows_from_the_settings(tmp_path: Path) -> None:
    read = Settings.from_environment({"CFF_SEAL_KEY_FILE": str(tmp_path / "key")})
    assert read.seal_key_path == tmp_path / "key"
    with pytest.raises(InvalidInput, match="CFF_SEAL_KEY_FILE"):
        Settings.from_environment({"CFF_SEAL_KEY_FILE": "key.pem"})
    named = Settings(seal_key_file=str(tmp_path / "key"))
    assert named.seal_key_path == tmp_path / "key"
    private = Settings().seal_key_path
    assert private.parent == default_home().parent
    assert Settings(database_url="postgresql://x/y").seal_key_path.parts[-2:] == (
        "cff",
        "seal-key.pem",
    )
