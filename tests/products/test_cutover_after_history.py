"""A book whose history was imported goes live: its contracts are taken over, not opened again.

The balances are there already, so the files must agree with them to the satang; what the cut-over
adds is what journals do not say: contracts, interest to the last unit, holds, notices, limits.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ledger import accounts, books
from ledger.db import Database
from ledger.history.importing import import_history
from products.cutover.loading import CutOverRefused, load_cut_over
from products.end_of_day import run_missed
from tests.products.cutover_scene import EXAMPLE, change, example, proof, read, write

HISTORY = EXAMPLE / "history.jsonl"
BALANCES = EXAMPLE / "history_trial_balances.csv"


def _files(folder: Path) -> Path:
    """The example, changed into what completes the example history on 1 March 2569."""
    files = example(folder)
    for name in ("notices", "freezes", "limits", "banks", "payments", "holds"):
        (files / f"{name}.csv").unlink()
    for name in ("chart", "members"):
        (files / f"{name}.csv").unlink()
    change(files, "book", 2, code="old-year", opened_on="01/03/2569")
    header, rows = read(files / "contracts.csv")
    taken = rows[0] | {"balance": "100500.00", "accrued": "127.8149", "accrued_to": "28/02/2569"}
    write(files / "contracts.csv", header, [taken])
    header, rows = read(files / "accounts.csv")
    sides = {
        "BANK-KTB": ("150500.00", ""),
        "INT-EXPENSE": ("127.81", ""),
        "INT-PAYABLE": ("", "127.81"),
        "RESERVE": ("", "50000.00"),
    }
    kept = [
        row | {"debit": sides[row["code"]][0], "credit": sides[row["code"]][1]}
        for row in rows
        if row["code"] in sides
    ]
    write(files / "accounts.csv", header, kept)
    control = {"111100": "150500.00", "211100": "", "241100": "", "311100": "", "511100": "127.81"}
    credit = {"211100": "100500.00", "241100": "127.81", "311100": "50000.00"}
    lines = [
        {"gl_code": code, "debit": debit, "credit": credit.get(code, "")}
        for code, debit in control.items()
    ]
    write(files / "trial_balance.csv", ("gl_code", "debit", "credit"), lines)
    return files


async def test_an_imported_book_goes_live_with_its_contracts_and_their_interest(
    database: Database, tmp_path: Path
) -> None:
    assert (await import_history(database.poster, HISTORY, balances=BALANCES)).ok
    files = _files(tmp_path)
    report = await load_cut_over(database.poster, files)
    assert report.loaded, [*map(str, report.problems.problems), *map(str, report.differences)]
    async with database.poster.acquire() as connection:
        book = await books.get_book(connection, "old-year")
    assert await proof(database, book.book_id) == []
    await run_missed(database.poster, book, through=date(2026, 6, 30))
    async with database.poster.acquire() as connection:
        position = await accounts.position(connection, book.book_id, "SAV-0001")
    # 127.8149 brought + 100,500.00 x 1.5% x 122/365 (503.87671...) = 631.69161...
    assert position.balance_satang == 10_050_000 + 63_169
    assert await proof(database, book.book_id) == []


async def test_what_the_files_say_must_be_what_the_history_left(
    database: Database, tmp_path: Path
) -> None:
    await import_history(database.poster, HISTORY, balances=BALANCES)
    files = _files(tmp_path)
    change(files, "contracts", 2, balance="100499.99", party_id="9")
    change(files, "book", 2, opened_on="02/03/2569")
    report = await load_cut_over(database.poster, files)
    assert not report.loaded
    said = [str(problem) for problem in report.problems.problems]
    assert any("opened_on: got '02/03/2569'; expected 01/03/2569" in text for text in said)
    assert any("balance: got '100499.99'; expected 100500.00" in text for text in said)
    assert any("party_id: got '9'; expected 1, as its account was imported" in t for t in said)


async def test_a_book_whose_history_is_not_there_to_its_end_is_not_cut_over(
    database: Database, tmp_path: Path
) -> None:
    def die(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await import_history(database.poster, HISTORY, posting=die)
    with pytest.raises(CutOverRefused, match="not imported to its end"):
        await load_cut_over(database.poster, _files(tmp_path))
