"""The cut-over as a clerk types it: check, load, import; facts as JSON and telling exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.output import Exit
from tests.products.cutover_scene import EXAMPLE, OPENING, change, example

RUNNER = CliRunner()
HISTORY = EXAMPLE / "history.jsonl"
BALANCES = EXAMPLE / "history_trial_balances.csv"


@pytest.fixture
def here(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh database that the command line works on."""
    monkeypatch.setenv("CFF_DATABASE_URL", database_url)


def _run(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


def _facts(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    result = _run(*arguments, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_clerk_checks_loads_and_verifies_the_example(here: None) -> None:
    checked = _facts("cut-over", "check", OPENING)
    assert (checked["ok"], checked["loaded"], checked["contracts"]) == (True, False, 3)
    loaded = _facts("cut-over", "load", OPENING)
    assert (loaded["loaded"], loaded["repeated"]) == (True, False)
    assert (loaded["debits"], loaded["interest_brought"]) == ("1003094.55", "3094.55")
    assert _facts("cut-over", "load", OPENING)["repeated"] is True
    assert _facts("verify", "--book", "old-house")["ok"] is True
    shown = _run("cut-over", "check", OPENING)
    assert "nothing was done" in shown.stdout


def test_bad_files_exit_with_a_failed_check_and_name_every_line(here: None, tmp_path: Path) -> None:
    files = example(tmp_path)
    change(files, "holds", 2, amount="1e3")
    change(files, "trial_balance", 3, credit="749999.00")
    for verb in ("check", "load"):
        facts = _facts("cut-over", verb, files, code=Exit.CHECK_FAILED)
        assert facts["problem_count"] == 2
        assert [problem["where"] for problem in facts["problems"]] == [
            "holds.csv:2:amount",
            "trial_balance.csv:1:credit",
        ]
        assert facts["differences"][0].startswith("GL code 211100 at 31/05/2569: expected 749,999")
    shown = _run("cut-over", "load", files)
    assert shown.exit_code == Exit.CHECK_FAILED
    assert "nothing was posted" in shown.stdout
    assert "holds.csv:2:amount: got '1e3'" in shown.stderr


def test_other_files_are_refused_and_a_missing_directory_is_bad_input(
    here: None, tmp_path: Path
) -> None:
    _facts("cut-over", "load", OPENING)
    files = example(tmp_path)
    change(files, "members", 2, name_en="Renamed")
    refused = _run("cut-over", "load", files, "--json")
    assert refused.exit_code == Exit.REFUSED
    assert json.loads(refused.stderr)["error"] == "other_cut_over"
    assert _run("cut-over", "check", tmp_path / "nowhere").exit_code == Exit.BAD_INPUT


def test_a_clerk_imports_a_history_and_closes_its_first_month(here: None) -> None:
    facts = _facts("import-history", HISTORY, "--trial-balances", BALANCES)
    assert (facts["ok"], facts["journals"], facts["trial_balances_agreed"]) == (True, 4, 2)
    assert facts["live_on"] == "2026-03-01"
    again = _facts("import-history", HISTORY, "--trial-balances", BALANCES)
    assert again["repeated"] is True
    assert _facts("verify", "--book", "old-year")["ok"] is True
    trial = _facts("trial-balance", "--book", "old-year", "--on", "2026-01-31")
    assert trial["debit_total"] == trial["credit_total"] == "151127.81"


def test_a_history_that_is_no_history_exits_with_a_failed_check(here: None, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"record": "journal"}\nno json\n', encoding="utf-8")
    facts = _facts("import-history", path, code=Exit.CHECK_FAILED)
    assert facts["live_on"] is None
    assert {problem["where"].split(":")[1] for problem in facts["problems"]} == {"1", "2"}
    assert _run("import-history", tmp_path / "nowhere").exit_code == Exit.BAD_INPUT
