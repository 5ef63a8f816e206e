"""Any opening that can be drawn: the loaded book's trial balance equals the one that was given.

Directories are drawn at random, with holds, interest to ten places and limits; each becomes a book
of its own in one database. The control is not decoration: a satang too much in it commits nothing.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.db import Database
from ledger.money import Rounding, format_baht, round_ratio
from products.cutover.loading import Report, load_cut_over
from tests.how_much import drawn
from tests.products.cutover_scene import change, example, proof, read, write

_NUMBERS = count(1)
_BALANCES = st.one_of(st.just(0), st.integers(1, 10**6), st.integers(1, 10**13))
_ACCRUED = st.integers(0, 10**14)
"""Interest in hundred-millionths of a satang: ten places of baht."""


def _draw_files(
    folder: Path, contracts: list[tuple[int, int]], own: list[int], held_share: int
) -> tuple[Path, dict[str, int]]:
    """A directory with these contracts and own accounts, and its trial balance by GL code."""
    number = next(_NUMBERS)
    files = example(folder / str(number))
    for name in ("notices", "freezes", "limits"):
        (files / f"{name}.csv").unlink()
    change(files, "book", 2, code=f"drawn-{number}")
    header, rows = read(files / "contracts.csv")
    kept = [
        rows[0]
        | {
            "contract_no": f"SAV-{place:04d}",
            "balance": format_baht(balance),
            "accrued": f"{accrued // 10**10}.{accrued % 10**10:010d}",
        }
        for place, (balance, accrued) in enumerate(contracts)
    ]
    write(files / "contracts.csv", header, kept)
    _holds(files, contracts, held_share)
    return files, _own_accounts(files, contracts, own)


def _holds(files: Path, contracts: list[tuple[int, int]], held_share: int) -> None:
    header, rows = read(files / "holds.csv")
    made = [
        rows[0]
        | {
            "hold_id": f"H-{place}",
            "account": f"SAV-{place:04d}",
            "amount": format_baht(balance * held_share // 100),
        }
        for place, (balance, _) in enumerate(contracts)
        if balance * held_share // 100
    ]
    write(files / "holds.csv", header, made)


def _own_accounts(files: Path, contracts: list[tuple[int, int]], own: list[int]) -> dict[str, int]:
    """Own accounts: interest, some of any sign, and the reserve that makes the sum zero."""
    interest = sum(round_ratio(each, 10**8, Rounding.HALF_UP) for _, each in contracts)
    deposits = sum(balance for balance, _ in contracts)
    balances = {"INT-PAYABLE": interest, "INT-EXPENSE": -interest, "BANK-KTB": own[0]}
    balances["BANK-FEES"] = own[1]
    balances["RESERVE"] = -deposits - own[0] - own[1]
    header, rows = read(files / "accounts.csv")
    for row in rows:
        satang = balances.get(row["code"], 0)
        row["debit"] = format_baht(-satang) if satang < 0 else ""
        row["credit"] = format_baht(satang) if satang > 0 else ""
    write(files / "accounts.csv", header, rows)
    change(files, "banks", 2, last_statement_balance=format_baht(-own[0]))
    codes = {row["code"]: row["gl_code"] for row in rows}
    trial = {codes[code]: satang for code, satang in balances.items()} | {"211100": deposits}
    _control(files, trial)
    return trial


def _control(files: Path, trial: dict[str, int]) -> None:
    rows = [
        {
            "gl_code": code,
            "debit": format_baht(max(0, -satang)),
            "credit": format_baht(max(0, satang)),
        }
        for code, satang in trial.items()
    ]
    write(files / "trial_balance.csv", ("gl_code", "debit", "credit"), rows)


async def _trial_balance(database: Database, report: Report) -> dict[str, int]:
    rows = await database.poster.fetch(
        "SELECT a.gl_code, sum(t.credit - t.debit)::numeric AS net FROM ("
        " SELECT book_id, credit_account AS account_id, amount_satang AS credit, 0 AS debit"
        " FROM ledger.transfer UNION ALL"
        " SELECT book_id, debit_account, 0, amount_satang FROM ledger.transfer) AS t "
        "INNER JOIN ledger.account AS a USING (book_id, account_id) "
        "INNER JOIN ledger.book AS b USING (book_id) WHERE b.code = $1 GROUP BY 1",
        report.book_code,
    )
    return {row["gl_code"]: int(row["net"]) for row in rows if row["net"]}


@settings(drawn(15), suppress_health_check=list(HealthCheck))
@given(
    contracts=st.lists(st.tuples(_BALANCES, _ACCRUED), min_size=1, max_size=8),
    own=st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=2),
    held_share=st.integers(0, 100),
    off_by=st.integers(1, 10**6),
)
async def test_any_opening_that_is_drawn_stands_as_its_trial_balance_says(
    database: Database,
    tmp_path_factory: pytest.TempPathFactory,
    contracts: list[tuple[int, int]],
    own: list[int],
    held_share: int,
    off_by: int,
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    files, trial = _draw_files(folder, contracts, own, held_share)
    # The control with two codes that are off: named, and nothing is committed.
    _control(
        files, trial | {"111100": trial["111100"] - off_by, "541100": trial["541100"] + off_by}
    )
    refused = await load_cut_over(database.poster, files)
    assert not refused.loaded
    assert {
        (each.gl_code, each.found_satang - each.expected_satang) for each in refused.differences
    } == {("111100", off_by), ("541100", -off_by)}
    assert await _trial_balance(database, refused) == {}
    _control(files, trial)
    report = await load_cut_over(database.poster, files)
    assert report.loaded, [*map(str, report.problems.problems), *map(str, report.differences)]
    assert await _trial_balance(database, report) == {c: net for c, net in trial.items() if net}
    book_id = await database.poster.fetchval(
        "SELECT book_id FROM ledger.book WHERE code = $1", report.book_code
    )
    assert await proof(database, book_id) == []
