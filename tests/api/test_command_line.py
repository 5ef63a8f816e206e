"""The command line as a clerk meets it: facts as JSON, clear errors, telling exit codes.

One small demo month (two banking days) is lived in its own database; every verb is tried on it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import typer
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.output import Exit
from ledger import embedded
from tests.house.sources import ROOT

RUNNER = CliRunner()
LAST = "2026-06-04"


@pytest.fixture(scope="module")
def demo(server: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A database in which `cff demo` has lived until 4 June; yields the folder of its files."""
    name = f"cli_{uuid4().hex}"
    asyncio.run(_administer(server, f"CREATE DATABASE {name}"))
    files = tmp_path_factory.mktemp("month")
    before = os.environ.get("CFF_DATABASE_URL")
    os.environ["CFF_DATABASE_URL"] = server.dsn(name)
    try:
        result = run("demo", "--through", LAST, "--files", str(files), "--json")
        assert result.exit_code == 0, result.output
        (files / "facts.json").write_text(result.stdout, encoding="utf-8")
        yield files
    finally:
        if before is None:
            del os.environ["CFF_DATABASE_URL"]
        else:
            os.environ["CFF_DATABASE_URL"] = before
        asyncio.run(_administer(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _administer(server: embedded.Lease, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(statement)
    await connection.close()


def run(*arguments: str) -> Result:
    """`cff` with these arguments, in this process."""
    return RUNNER.invoke(app, list(arguments))


def facts(*arguments: str, code: int = 0) -> dict[str, Any]:
    """The JSON document that a verb prints."""
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_the_demo_accounts_for_every_line_it_was_given(demo: Path) -> None:
    told = json.loads((demo / "facts.json").read_text(encoding="utf-8"))
    lines = sum(
        len(path.read_text(encoding="utf-8").splitlines())
        for path in (demo / "notices").glob("*.jsonl")
        if path.stem <= LAST
    )
    assert told["accepted"] + told["replayed"] + sum(told["refused"].values()) == lines
    assert told["notice_lines"] == lines
    assert told["accepted_over_http"] > 250
    assert told["verified"] is True
    assert [day["business_date"] for day in told["closed_days"]][-1] == LAST
    assert all(bank["unexplained"] == "0.00" for bank in told["bank_reconciliation"]["banks"])
    trial = told["trial_balance"]
    assert trial["debit_total"] == trial["credit_total"]


def test_a_second_demo_replaces_nothing_that_it_did_not_make(demo: Path) -> None:
    result = run("demo")
    assert result.exit_code == Exit.BAD_INPUT
    assert "a database without books" in result.stderr


def test_the_trial_balance_of_a_closed_day_balances(demo: Path) -> None:
    trial = facts("trial-balance", "--on", LAST)
    assert trial["debit_total"] == trial["credit_total"] != "0.00"
    assert "งบ" not in run("trial-balance", "--on", LAST).stderr
    assert "211100" in run("trial-balance", "--on", LAST).stdout


def test_balance_and_statement_agree(demo: Path) -> None:
    account = facts("balance", "SAV-0242")
    statement = facts("statement", "SAV-0242")
    assert statement["closing"] == account["balance"]
    assert "brought forward" in run("statement", "SAV-0242").stdout


def test_days_are_listed_with_their_state(demo: Path) -> None:
    states = {day["business_date"]: day["state"] for day in facts("days")["days"]}
    assert states[LAST] == "proven"
    assert states["2026-06-05"] == "open"
    assert "proven" in run("days").stdout


def test_the_feed_goes_on_after_a_number(demo: Path) -> None:
    items = facts("feed", "--after", "10", "--limit", "5")["items"]
    assert [item["recorded_seq"] for item in items] == [11, 12, 13, 14, 15]
    assert run("feed", "--limit", "2").exit_code == 0


def test_verify_says_what_it_checked(demo: Path) -> None:
    proof = facts("verify")
    assert proof["ok"] is True
    assert proof["checked"]["journals"] > 1000
    assert "verified" in run("verify").stdout


def test_the_banks_reconcile_and_suspense_is_listed_by_age(demo: Path) -> None:
    banks = facts("bank", "reconcile", "--on", LAST)["banks"]
    assert {bank["bank"] for bank in banks} == {"BBL", "KBANK", "KTB"}
    ages = facts("bank", "suspense")["ages"]
    assert sum(age["receipts"] for age in ages) > 0
    assert "KTB" in run("bank", "reconcile", "--on", LAST).stdout
    assert "proposals wait" in run("bank", "suspense").stdout


def test_both_exports_are_written(demo: Path) -> None:
    for form in ("hledger", "beancount"):
        target = demo / f"book.{form}"
        assert facts("export", form, "--out", str(target))["file"] == str(target)
        assert "SAV-0242" in target.read_text(encoding="utf-8")
    assert run("export", "hledger", "--json").exit_code == Exit.BAD_INPUT


def test_the_same_files_again_are_a_no_op_that_says_so(demo: Path) -> None:
    notices = demo / "inbox" / f"{LAST}.jsonl"
    again = facts("notices", "load", str(notices), code=Exit.CHECK_FAILED)
    assert again["repeated"] is True
    assert "loaded before" in run("notices", "load", str(notices)).stdout
    statement = facts("bank", "load", str(demo / "statements" / f"KTB-{LAST}.xml"))
    assert statement["repeated"] is True


def test_a_file_of_nonsense_names_every_bad_line_and_judges_the_rest(demo: Path) -> None:
    bad = demo / "bad.jsonl"
    good = json.dumps(
        {
            "id": str(uuid4()),
            "kind": "deposit",
            "account": "SAV-0001",
            "amount": "10.00",
            "bank": "KTB",
            "value_date": "2026-06-05",
            "reference": "DX1",
            "made_by": "coop-0001:maker",
        }
    )
    wrong = [good.replace("10.00", amount) for amount in ("1e3", "๑๒", "NaN", "-0.00", "0.001")]
    bad.write_text("\n".join(["{", *wrong, good]) + "\n", encoding="utf-8")
    result = demo / "bad.result.jsonl"
    report = facts("notices", "load", str(bad), "--result", str(result), code=Exit.CHECK_FAILED)
    assert (report["accepted"], report["refused"]) == (1, {"invalid_input": 6})
    told = [json.loads(line) for line in result.read_text(encoding="utf-8").splitlines()]
    assert [line["line"] for line in told] == list(range(1, 8))
    assert "amount" in told[1]["problems"][0]["where"]


def test_the_night_closes_the_next_date_when_asked(demo: Path) -> None:
    closed = facts("end-of-day", "--through", "2026-06-05")["closed"]
    assert [night["business_date"] for night in closed] == ["2026-06-05"]
    assert facts("end-of-day")["closed"] == []
    assert "0 dates closed" in run("end-of-day").stdout


def newest_of(product: str) -> dict[str, Any]:
    """The first sheet of a product that the list shows."""
    sheets = facts("rates", "list")["sheets"]
    return next(sheet for sheet in sheets if sheet["product"] == product)


def test_a_rate_is_drafted_by_one_person_and_approved_by_another(demo: Path) -> None:
    said = ("SAVINGS", "1.5000", "--from", "2026-07-01", "--actor", "facility:officer")
    draft = facts("rates", "draft", *said)
    assert draft["state"] == "draft"
    own = run("rates", "approve", draft["sheet_id"], "--actor", "facility:officer")
    assert own.exit_code == Exit.REFUSED
    approved = facts("rates", "approve", draft["sheet_id"], "--actor", "facility:manager")
    assert (approved["state"], approved["approved_by"]) == ("approved", "facility:manager")
    assert newest_of("SAVINGS")["annual_rate_percent"].startswith("1.5")
    assert "SAVINGS" in run("rates", "list").stdout


def test_a_sheet_of_slabs_is_drafted_shown_and_refused_by_name(demo: Path) -> None:
    said = ("SAVINGS", "1.2500", "--from", "2026-08-01", "--actor", "facility:officer")
    steps = ("--slab", "100000.00=1.5000", "--slab", "1000000.00=2.0000")
    drafted = run("rates", "draft", *said, *steps)
    assert "1.2500; from 100000.00 1.5000; from 1000000.00 2.0000" in drafted.stdout
    sheet = newest_of("SAVINGS")
    assert sheet["annual_rate_percent"] == "1.2500"
    assert sheet["slabs"] == [
        {"from": "0.00", "annual_rate_percent": "1.2500"},
        {"from": "100000.00", "annual_rate_percent": "1.5000"},
        {"from": "1000000.00", "annual_rate_percent": "2.0000"},
    ]
    assert "100000.00" in run("rates", "list").stdout
    falling = ("--slab", "100000.00=1.5000", "--slab", "50000.00=2.0000")
    refused = run("rates", "draft", *said, *falling)
    assert refused.exit_code == Exit.BAD_INPUT
    assert "slabs[2].slab_from: got 50000.00, not increasing" in " ".join(refused.stderr.split())


def test_an_account_is_frozen_and_thawed_with_a_reason(demo: Path) -> None:
    why = ("--actor", "facility:legal", "--reason", "court order")
    assert facts("account", "freeze", "SAV-0003", "--credits", *why)["outcome"] == "accepted"
    frozen = facts("balance", "SAV-0003")
    assert frozen["debits_frozen"] is frozen["credits_frozen"] is True
    assert facts("account", "thaw", "SAV-0003", *why)["outcome"] == "accepted"
    assert facts("balance", "SAV-0003")["debits_frozen"] is False


def test_a_contract_with_money_in_it_is_not_closed(demo: Path) -> None:
    why = ("--actor", "facility:desk", "--reason", "asked to")
    refused = run("contract", "close", "SAV-0004", *why)
    assert refused.exit_code == Exit.REFUSED
    assert "its balance is" in " ".join(refused.stderr.split())


def test_keys_are_shown_once_and_revoked_by_their_prefix(demo: Path) -> None:
    key = facts("keys", "issue", "portal", "coop-0001:maker", "--member", "0001")["key"]
    prefix = key.split("_")[2]
    assert facts("keys", "revoke", prefix) == {"revoked": prefix}
    assert run("keys", "revoke", prefix).exit_code == Exit.NOT_FOUND


def test_the_database_says_where_it_is(demo: Path) -> None:
    status = facts("db", "status")
    assert status["schema"] == status["needs_schema"]
    assert status["books"] == ["cff"]
    assert facts("db", "migrate")["schema"] == status["schema"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("balance", "SAV-9999"), Exit.NOT_FOUND, "no account SAV-9999"),
        (("trial-balance", "--on", "2569-06-30"), Exit.BAD_INPUT, "did you mean 2026-06-30"),
        (("trial-balance", "--book", "nowhere"), Exit.NOT_FOUND, "known: cff"),
        (("notices", "load", "no-such-file"), Exit.BAD_INPUT, "a file that exists"),
        (("end-of-day", "--through", "yesterday"), Exit.BAD_INPUT, "YYYY-MM-DD"),
        (("demo", "--through", "2026-07-01"), Exit.BAD_INPUT, "a date in June 2026"),
        (("keys", "issue", "p", "a", "--scope", "all"), Exit.BAD_INPUT, "accounts:read"),
        (("keys", "issue", "p", "a", "--member", "7"), Exit.NOT_FOUND, "no party 7"),
    ],
)
def test_an_error_says_what_was_wrong_and_its_code_says_which_kind(
    demo: Path, arguments: tuple[str, ...], code: Exit, words: str
) -> None:
    plain = run(*arguments)
    assert plain.exit_code == code
    assert words in " ".join(plain.stderr.split())
    told = json.loads(run(*arguments, "--json").stderr)
    assert words in told["message"]


def test_a_database_that_is_not_there_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFF_DATABASE_URL", "postgresql://nobody@/none?host=/nowhere")
    result = run("verify")
    assert result.exit_code == Exit.DATABASE
    assert "cannot connect to the database" in result.stderr


def test_every_verb_is_in_the_documents_and_has_json(demo: Path) -> None:
    documents = (ROOT / "README.md").read_text() + (ROOT / "docs" / "operations.md").read_text()
    for name, options in _verbs(typer.main.get_command(app), ""):
        assert f"cff {name}" in documents, f"say in docs/operations.md what `cff {name}` does"
        assert "--json" in options, f"cff {name} lacks --json"


def _verbs(command: Any, path: str) -> Iterator[tuple[str, set[str]]]:
    for name, child in getattr(command, "commands", {}).items():
        whole = f"{path} {name}".strip()
        if hasattr(child, "commands"):
            yield from _verbs(child, whole)
        else:
            yield whole, {option for each in child.params for option in each.opts}


def test_the_program_itself_starts_and_lists_its_verbs() -> None:
    program = Path(sys.executable).parent / "cff"
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
    assert "end-of-day" in shown.stdout
