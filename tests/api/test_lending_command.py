"""`cff lending`: the rules of a file come into force as a whole, and are shown as of a date."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.output import Exit
from tests.house.sources import ROOT
from tests.products.cutover_scene import OPENING

RUNNER = CliRunner()
EXAMPLE = ROOT / "examples" / "lending_rules.json"


@pytest.fixture
def here(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with a book of three members that the command line works on; its URL."""
    monkeypatch.setenv("CFF_DATABASE_URL", database_url)
    monkeypatch.setenv("CFF_BOOK", "old-house")
    assert _run("cut-over", "load", OPENING).exit_code == 0
    return database_url


def _run(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


def _facts(*arguments: str | Path) -> dict[str, Any]:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _count(url: str, table: str) -> int:
    async def counted() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval(f"SELECT count(*) FROM products.{table}"))
        finally:
            await connection.close()

    return asyncio.run(counted())


def test_a_clerk_loads_the_example_and_sees_who_approves_how_much(here: str) -> None:
    loaded = _facts("lending", "load", EXAMPLE)
    assert (loaded["authorities"], loaded["approvers"], loaded["ceilings"]) == (3, 8, 2)
    shown = _facts("lending", "show")
    assert shown["loan_kinds"] == ["LONG", "SHORT"]
    assert shown["authorities"][0] == {
        "amount_up_to": "5000000.00",
        "way": "sequence",
        "levels": [1, 2],
        "approvals": 2,
        "quorum": 2,
        "seats": 2,
        "valid_days": 60,
    }
    assert {"actor": "facility:director", "level": 3} in shown["approvers"]
    assert _facts("lending", "show", "--on", "2025-12-31")["authorities"] == []
    told = _run("lending", "show").stdout
    assert "50,000,000.00" in told
    assert "facility:deputy" in told
    assert "no kind of loan is offered" in _run("lending", "show", "--on", "2025-12-31").stdout


def test_a_file_that_was_loaded_or_is_wrong_adds_nothing(here: str, tmp_path: Path) -> None:
    assert _run("lending", "load", EXAMPLE).exit_code == 0
    again = _run("lending", "load", EXAMPLE)
    assert again.exit_code == Exit.BAD_INPUT
    assert "loan_kind_pkey" in again.stderr
    rules = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    for kind in rules["loan_kinds"]:
        kind["effective_from"] = "2027-01-01"
    half = tmp_path / "half.json"
    half.write_text(json.dumps(rules), encoding="utf-8")
    assert _run("lending", "load", half).exit_code == Exit.BAD_INPUT
    assert _count(here, "loan_kind") == 2
    rules["authorities"][0]["amount_up_to"] = "1e6"
    half.write_text(json.dumps(rules), encoding="utf-8")
    bad = _run("lending", "load", half)
    assert bad.exit_code == Exit.BAD_INPUT
    assert "authorities/0/amount_up_to" in bad.stderr
    assert _run("lending", "load", tmp_path / "none.json").exit_code == Exit.BAD_INPUT
