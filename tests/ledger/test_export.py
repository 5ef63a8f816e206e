"""The real hledger and beancount accept our exports and agree with our balances to the satang."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
from beancount import loader
from beancount.core import data

from ledger import embedded
from ledger.errors import NotFound
from ledger.export.beancount import export_beancount
from ledger.export.hledger import export_hledger
from tests.house.outside_tools import need
from tests.ledger.proof_book import BOOK, CHART, FIRST_DAY, lived_book, named

HLEDGER_TOPS = {
    "1": "assets",
    "2": "liabilities",
    "3": "equity",
    "4": "income",
    "5": "expenses",
    "9": "memorandum",
}
BEANCOUNT_TOPS = {
    "1": "Assets",
    "2": "Liabilities",
    "3": "Equity",
    "4": "Income",
    "5": "Expenses",
    "9": "Equity:Memo",
}


@pytest.fixture(scope="module")
async def book(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A book in which everything has happened once."""
    async with lived_book(server, template) as connection:
        yield connection


def hledger(journal: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real hledger on a journal file."""
    need("hledger")
    program = shutil.which("hledger") or "hledger"
    return subprocess.run(
        [program, "-f", str(journal), *arguments],
        capture_output=True,
        text=True,
        env={"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
        check=False,
    )


def hledger_balances(journal: Path, *arguments: str) -> dict[str, Decimal]:
    """Balances of every account that hledger sees, debits positive."""
    ran = hledger(journal, "balance", "--flat", "--empty", "-N", "-O", "csv", *arguments)
    assert ran.returncode == 0, ran.stderr
    rows = csv.DictReader(io.StringIO(ran.stdout))
    return {row["account"]: Decimal(row["balance"].removesuffix(" THB")) for row in rows}


async def write_hledger(book: asyncpg.Connection, to: Path, through: date | None = None) -> Path:
    with to.open("w", encoding="utf-8") as out:
        await export_hledger(book, BOOK, out, through=through)
    return to


async def write_beancount(book: asyncpg.Connection, to: Path, through: date | None = None) -> Path:
    with to.open("w", encoding="utf-8") as out:
        await export_beancount(book, BOOK, out, through=through)
    return to


async def our_balances(book: asyncpg.Connection, tops: dict[str, str]) -> dict[str, Decimal]:
    """Our balances under the names of an export, debits positive, baht."""
    rows = await book.fetch("SELECT account_id, debits - credits AS balance FROM ledger.balance")
    balances = {row["account_id"]: Decimal(row["balance"]) / 100 for row in rows}
    return {
        f"{tops[gl_code[0]]}:{gl_code}:{code}": balances[number]
        for number, code, gl_code, _ in CHART
    }


async def test_hledger_accepts_the_book_and_agrees_with_every_balance(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    journal = await write_hledger(book, tmp_path / "book.journal")
    checked = hledger(journal, "check", "--strict")
    assert checked.returncode == 0, checked.stderr
    assert hledger_balances(journal) == await our_balances(book, HLEDGER_TOPS)


async def test_hledger_refuses_the_book_when_one_satang_is_changed(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    journal = await write_hledger(book, tmp_path / "book.journal")
    text = journal.read_text(encoding="utf-8")
    changed = text.replace("  1000.00 THB", "  1000.01 THB", 1).replace(
        "  -1000.00 THB", "  -1000.01 THB", 1
    )
    assert changed != text
    journal.write_text(changed, encoding="utf-8")
    ran = hledger(journal, "check")
    assert ran.returncode != 0
    assert "balance assertion" in ran.stderr


async def test_hledger_sees_one_entry_a_journal_with_both_dates(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    journal = await write_hledger(book, tmp_path / "book.journal")
    printed = hledger(journal, "print", f"tag:journal_id={named('deposit-b')}").stdout
    assert printed.startswith("2026-06-01=2026-05-28 ")
    entries = await book.fetchval("SELECT count(DISTINCT recorded_seq) FROM ledger.transfer")
    for dates in ("2026-06-01=", "2026-06-02=", "2026-06-03="):
        assert dates in journal.read_text(encoding="utf-8")
    assert journal.read_text(encoding="utf-8").count("; journal_id:") == entries
    before = hledger_balances(journal, "--date2", "--end", "2026-06-01")
    assert before["liabilities:211100:SAV-0002"] == Decimal("-500.00")


async def test_an_export_through_a_date_stands_where_the_date_closed(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    rows = await book.fetch("SELECT account_id, debits - credits AS balance FROM ledger.snapshot")
    closing = {row["account_id"]: Decimal(row["balance"]) / 100 for row in rows}
    journal = await write_hledger(book, tmp_path / "day.journal", FIRST_DAY)
    found = hledger_balances(journal)
    for number, code, gl_code, _ in CHART:
        assert found[f"{HLEDGER_TOPS[gl_code[0]]}:{gl_code}:{code}"] == closing[number]
    entries, errors, _ = loader.load_file(
        str(await write_beancount(book, tmp_path / "day.beancount", FIRST_DAY))
    )
    assert not errors
    assert {e.date for e in entries if isinstance(e, data.Transaction)} == {FIRST_DAY}


async def test_beancount_accepts_the_book_and_agrees_with_every_balance(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    path = await write_beancount(book, tmp_path / "book.beancount")
    entries, errors, _ = loader.load_file(str(path))
    assert not errors, errors
    found = dict.fromkeys(await our_balances(book, BEANCOUNT_TOPS), Decimal(0))
    for transaction in (entry for entry in entries if isinstance(entry, data.Transaction)):
        for posting in transaction.postings:
            assert posting.units is not None
            assert posting.units.number is not None
            found[posting.account] += posting.units.number
    assert found == await our_balances(book, BEANCOUNT_TOPS)
    transactions = [entry for entry in entries if isinstance(entry, data.Transaction)]
    journals = await book.fetchval("SELECT count(DISTINCT recorded_seq) FROM ledger.transfer")
    assert len(transactions) == journals
    late = next(t for t in transactions if t.meta["journal_id"] == str(named("deposit-b")))
    assert (late.date, late.meta["value_date"]) == (FIRST_DAY, date(2026, 5, 28))


async def test_the_beancount_program_checks_our_balances_to_the_satang(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    path = await write_beancount(book, tmp_path / "book.beancount")
    assert bean_check(path).returncode == 0, bean_check(path).stderr
    text = path.read_text(encoding="utf-8")
    changed = text.replace("  0.25 THB", "  0.26 THB", 1).replace("  -0.25 THB", "  -0.26 THB", 1)
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    ran = bean_check(path)
    assert ran.returncode != 0
    assert "Balance failed" in ran.stderr


def bean_check(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the real bean-check, which is installed beside this Python."""
    program = Path(sys.executable).parent / "bean-check"
    return subprocess.run(
        [str(program), "--no-cache", str(path)], capture_output=True, text=True, check=False
    )


async def test_an_export_of_an_unknown_book_says_so(book: asyncpg.Connection) -> None:
    with pytest.raises(NotFound, match="no book 77"):
        await export_hledger(book, 77, io.StringIO())
    with pytest.raises(NotFound, match="no book 77"):
        await export_beancount(book, 77, io.StringIO())
