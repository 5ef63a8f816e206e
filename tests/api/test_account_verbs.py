"""`cff account ...`: the life of an account from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.cli.output import Exit
from ledger.db import open_database
from ledger.posting.values import Status
from products.catalogue import load_products
from products.contracts import open_savings_contract
from tests.builders import post_units
from tests.products.payments.payments_scene import payments_scene

RUNNER = CliRunner()
BOOK = ("--book", "book-1")
WHY = ("--actor", "facility:legal", "--reason", "court order")
CHIEF = ("--actor", "facility:chief", "--reason", "closed by mistake")


async def _furnish(url: str, folder: Path) -> None:
    """The payments desk, with a second contract of the first member."""
    database = await open_database(url)
    try:
        async with payments_scene(database.poster, folder):
            async with database.poster.acquire() as connection:
                number = await connection.fetchval("SELECT nextval('ledger.account_id')::int")
                (product,) = (await load_products(connection, 1)).values()
            unit = open_savings_contract(
                product=product,
                contract_no="SAV-0011",
                party_id=1,
                account_id=number,
                name_th="SAV-0011",
                name_en="SAV-0011",
                actor="test:clerk",
            )
            (outcome,) = await post_units(database.poster, 1, [unit])
            assert outcome.status is Status.ACCEPTED, outcome
    finally:
        await database.close()


@pytest.fixture
def desk(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database that `cff` finds."""
    asyncio.run(_furnish(database_url, tmp_path))
    monkeypatch.setenv("CFF_DATABASE_URL", database_url)


def _facts(*arguments: str, code: int = 0) -> Any:
    """What the verb says as JSON."""
    result = RUNNER.invoke(app, [*arguments, *BOOK, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def _refused(*arguments: str) -> str:
    """The words of a verb that was refused before anything was posted."""
    result = RUNNER.invoke(app, [*arguments, *BOOK])
    assert result.exit_code == Exit.REFUSED, result.output
    return " ".join(result.stderr.split())


def test_a_freeze_has_a_last_day_and_a_thaw_ends_it_before(desk: None) -> None:
    frozen = _facts("account", "freeze", "SAV-0001", "--credits", "--until", "2026-06-30", *WHY)
    assert (frozen["outcome"], frozen["until"]) == ("accepted", "2026-06-30")
    assert _facts("balance", "SAV-0001")["credits_frozen"] is True
    past = _facts("account", "freeze", "SAV-0001", "--until", "2026-05-01", *WHY, code=1)
    assert past["code"] == "freeze_until_past"
    assert _facts("account", "thaw", "SAV-0001", *WHY)["outcome"] == "accepted"
    assert _facts("balance", "SAV-0001")["credits_frozen"] is False


def test_limits_are_set_planned_listed_and_cancelled(desk: None) -> None:
    assert _facts("account", "limits", "SAV-0001", "--min", "-500.00", *WHY)["recorded_seq"]
    assert _facts("balance", "SAV-0001")["available"] == "10500.00"
    said = ("--from", "2026-06-03", "--min", "-900.00", "--max", "20000.00")
    plan = _facts("account", "plan-limits", "SAV-0001", *said, *WHY)["recorded_seq"]
    told = _facts("account", "plans", "SAV-0001", "--on", "2026-06-03")
    assert [(p["plan"], p["state"]) for p in told["plans"]] == [(plan, "waiting")]
    assert (told["limits"]["balance_min"], told["limits"]["planned"]) == ("-900.00", True)
    shown = RUNNER.invoke(app, ["account", "plans", "SAV-0001", "--on", "2026-06-03", *BOOK])
    assert "20000.00" in shown.stdout
    assert _facts("account", "cancel-plan", "SAV-0001", str(plan), *WHY)["outcome"] == "accepted"
    assert "is cancelled already" in _refused("account", "cancel-plan", "SAV-0001", str(plan), *WHY)
    before = _facts("account", "plans", "SAV-0001", "--on", "2026-05-01")
    assert before["limits"]["open"] is False


def test_a_contract_is_closed_into_another_and_another_person_undoes_it(desk: None) -> None:
    refusal = _refused("account", "close", "SAV-0001", *WHY)
    assert "its balance is 10000.00" in refusal
    closed = _facts("account", "close", "SAV-0001", "--to", "SAV-0011", *WHY)
    assert closed["outcome"] == "accepted"
    assert _facts("balance", "SAV-0011")["balance"] == "10000.00"
    assert "another person" in _refused("account", "undo-close", "SAV-0001", *WHY)
    assert _facts("account", "undo-close", "SAV-0001", *CHIEF)["outcome"] == "accepted"
    assert _facts("balance", "SAV-0001")["balance"] == "10000.00"


def test_a_balance_is_paid_out_through_a_bank_when_it_is_said_who_asked(desk: None) -> None:
    bank = ("--bank", "KTB")
    alone = RUNNER.invoke(app, ["account", "close", "SAV-0001", *bank, *WHY, *BOOK])
    assert alone.exit_code == Exit.BAD_INPUT
    asked = ("--reference", "CLOSE1", "--asked-by", "coop-0001:manager")
    both = RUNNER.invoke(
        app, ["account", "close", "SAV-0001", "--to", "X1", *bank, *asked, *WHY, *BOOK]
    )
    assert both.exit_code == Exit.BAD_INPUT
    assert _facts("account", "close", "SAV-0001", *bank, *asked, *WHY)["outcome"] == "accepted"
    assert "not called back" in _refused("account", "undo-close", "SAV-0001", *CHIEF)


def test_an_account_that_does_not_exist_is_not_found(desk: None) -> None:
    for verb in ("freeze", "thaw", "limits", "close", "undo-close"):
        result = RUNNER.invoke(app, ["account", verb, "SAV-9999", *WHY, *BOOK])
        assert result.exit_code == Exit.NOT_FOUND
