"""Other dates, the other axis and earlier numbers on the command line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from api.cli.output import Exit
from ledger import embedded
from ledger.db import open_pool
from ledger.posting.values import Origin
from tests.api.test_command_line import facts, run
from tests.ledger.asof_model import OPENED_ON, Draw, begin_life

_PAID_IN = (Draw(transfers=((0, 1, 100_00),), valued_ago=0),)
_PAID_OUT_LATE = (Draw(transfers=((1, 0, 30_00),), valued_ago=1),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """A book of two days; `known` is the number before the second day's back-dated withdrawal."""

    book: str
    known: int
    head_seq: int


@pytest.fixture(scope="module")
def lived(server: embedded.Lease, template: str) -> Iterator[Lived]:
    """A small book in a database that the command line is pointed at."""
    name = f"cli_{uuid4().hex}"
    before = os.environ.get("CFF_DATABASE_URL")
    os.environ["CFF_DATABASE_URL"] = server.dsn(name)
    try:
        yield asyncio.run(_live(server, template, name))
    finally:
        os.environ.pop("CFF_DATABASE_URL")
        if before is not None:
            os.environ["CFF_DATABASE_URL"] = before
        asyncio.run(_administer(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _live(server: embedded.Lease, template: str, name: str) -> Lived:
    await _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    pool = await open_pool(server.dsn(name))
    try:
        life = await begin_life(pool)
        await life.post(_PAID_IN, Origin.DOORS, OPENED_ON)
        await life.cut()
        known = life.head_seq
        await life.post(_PAID_OUT_LATE, Origin.DOORS, life.today)
        return Lived(book=life.book.code, known=known, head_seq=life.head_seq)
    finally:
        await pool.close()


async def _administer(server: embedded.Lease, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(statement)
    await connection.close()


def test_balances_on_a_date_by_value_and_as_known_at_a_number(lived: Lived) -> None:
    def balance(*options: str) -> str:
        found = facts("balance", "ACC-1", "ACC-2", "--book", lived.book, *options)
        assert [account["account"] for account in found["accounts"]] == ["ACC-1", "ACC-2"]
        return str(found["accounts"][0]["balance"])

    day, known = OPENED_ON.isoformat(), str(lived.known)
    assert balance() == "70.00"
    assert balance("--on", day) == "100.00"
    assert balance("--on", day, "--axis", "value") == "70.00"
    assert balance("--on", day, "--axis", "value", "--known-at", known) == "100.00"
    shown = run("balance", "ACC-1", "--known-at", known, "--book", lived.book).stdout
    assert "known at" in shown
    assert "100.00" in shown


def test_a_trial_balance_and_a_statement_say_at_which_number_they_are_cut(lived: Lived) -> None:
    known = ("--known-at", str(lived.known), "--book", lived.book)
    trial = facts("trial-balance", "--through", "late", *known)
    assert (trial["known_at"], trial["through"]) == (lived.known, "late")
    assert trial["credit_total"] == "100.00"
    statement = facts("statement", "ACC-1", "--axis", "value", *known)
    assert (statement["known_at"], statement["closing"]) == (lived.known, "100.00")
    assert statement["changed_since"] == {
        "lines": 1,
        "first_seq": lived.head_seq,
        "last_seq": lived.head_seq,
    }
    assert "1 lines recorded since" in run("statement", "ACC-1", *known).stdout
    now = facts("statement", "ACC-1", "--axis", "value", "--book", lived.book)
    assert [line["amount"] for line in now["lines"]] == ["100.00", "-30.00"]
    assert [line["voucher"] for line in now["lines"]] == ["2026/1", "2026/2"]


def test_positions_of_several_accounts_stand_at_one_number(lived: Lived) -> None:
    found = facts("position", "ACC-1", "ACC-0", "--book", lived.book)
    assert found["recorded_seq"] == lived.head_seq
    assert [account["account"] for account in found["accounts"]] == ["ACC-1", "ACC-0"]
    assert found["accounts"][0]["balance"] == "70.00"
    shown = run("position", "ACC-1", "--book", lived.book)
    assert f"at number {lived.head_seq}" in shown.stdout


def test_an_export_goes_to_a_date_as_known_at_a_number(lived: Lived, tmp_path: Path) -> None:
    before, now = tmp_path / "before.journal", tmp_path / "now.journal"
    book = ("--book", lived.book)
    facts("export", "hledger", "--out", str(now), *book)
    facts("export", "hledger", "--out", str(before), "--known-at", str(lived.known), *book)
    assert "30.00 THB" in now.read_text(encoding="utf-8")
    assert "30.00 THB" not in before.read_text(encoding="utf-8")
    facts("export", "beancount", "--out", str(before), "--through", OPENED_ON.isoformat(), *book)
    assert f"business dates to {OPENED_ON}" in before.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("balance", "ACC-1", "--known-at", "999"),
        ("trial-balance", "--known-at", "999"),
        ("statement", "ACC-1", "--known-at", "999"),
    ],
)
def test_a_number_that_was_not_given_out_is_bad_input(
    lived: Lived, arguments: tuple[str, ...]
) -> None:
    result = run(*arguments, "--book", lived.book)
    assert result.exit_code == Exit.BAD_INPUT
    assert "a number from 0 to the book's last" in " ".join(result.stderr.split())


def test_an_account_that_is_not_there_is_named_also_among_others(lived: Lived) -> None:
    for verb in ("balance", "position"):
        result = run(verb, "ACC-1", "NOBODY", "--book", lived.book)
        assert result.exit_code == Exit.NOT_FOUND
        assert "no account NOBODY" in result.stderr
