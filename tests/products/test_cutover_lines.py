"""Every bad line of a cut-over is named by file, line and field, with what was expected there.

Each case changes one cell of the example (or adds a line); all cases together in one directory are
all named, and nothing of such a directory is posted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.db import Database
from ledger.history.texts import Findings
from products.cutover.files import LAYOUTS, read_directory
from products.cutover.judging import judge
from products.cutover.loading import check_cut_over, load_cut_over
from products.cutover.values import Standing
from tests.products.cutover_scene import add, change, example, read, write

CASES: tuple[tuple[str, int, dict[str, str], str, str], ...] = (
    ("book", 2, {"code": "Old House"}, "book.csv:2:code", "2 to 32 of a-z"),
    ("book", 2, {"opened_on": "31/02/2569"}, "book.csv:2:opened_on", "no such day"),
    ("book", 2, {"opened_on": "2026-05-31"}, "book.csv:2:opened_on", "did you mean 2569"),
    ("book", 2, {"fiscal_year_start_month": "13"}, "book.csv:2:fiscal_year_start_month", "0 to 12"),
    ("book", 2, {"fiscal_year_start_month": "0"}, "book.csv:2:fiscal_year_start_month", "1 to 12"),
    ("book", 2, {"opening_account": "RESERVE"}, "book:2:opening_account", "no balance of its own"),
    ("chart", 2, {"gl_code": "611100"}, "chart.csv:2:gl_code", "six digits"),
    ("chart", 3, {"gl_code": "111100"}, "chart:3:gl_code", "another one"),
    ("members", 2, {"party_id": "x"}, "members.csv:2:party_id", "a whole number"),
    ("members", 3, {"joined_on": "01/07/51"}, "members.csv:3:joined_on", "Buddhist era"),
    ("members", 3, {"code": "0001"}, "members:3:code", "another one"),
    ("members", 3, {"name_th": ""}, "members.csv:3:name_th", "1 to 200 characters"),
    ("accounts", 3, {"gl_code": "999999"}, "accounts.csv:3:gl_code", "of the chart"),
    ("accounts", 3, {"gl_code": "211100"}, "accounts.csv:3:gl_code", "no product keeps"),
    ("accounts", 3, {"code": "bank"}, "accounts.csv:3:code", "an account code"),
    ("accounts", 3, {"debit": "1,000,000.00"}, "accounts.csv:3:debit", "two places"),
    ("accounts", 3, {"debit": "-5.00"}, "accounts.csv:3:debit", "the other column"),
    ("accounts", 3, {"credit": "1.00"}, "accounts.csv:3:credit", "one side only"),
    ("accounts", 10, {"code": "SAV-0001"}, "contracts.csv:2:code", "accounts.csv:10 has it"),
    ("accounts", 9, {"credit": "3094.54"}, "accounts.csv:9:credit", "3094.55, the sum of"),
    ("products", 2, {"day_count": "30/360"}, "products.csv:2:day_count", "ACT_365F"),
    ("products", 2, {"rounding": "NEAREST"}, "products.csv:2:rounding", "HALF_UP"),
    ("products", 2, {"capitalisation_days": "02-29"}, "products.csv:2:capitalisation_days", "date"),
    ("products", 2, {"payable_account": "NONE"}, "products.csv:2:payable_account", "of accounts"),
    ("products", 2, {"gl_deposits": "211900"}, "products.csv:2:gl_deposits", "of the chart"),
    ("rates", 2, {"annual_rate_percent": "1.5%"}, "rates.csv:2:annual_rate_percent", "percentage"),
    ("rates", 2, {"approved_by": "Facility:Treasury"}, "rates.csv:2:approved_by", "second person"),
    ("rates", 2, {"approved_on": "01/01/2569"}, "rates.csv:2:approved_on", "before it takes"),
    ("rates", 2, {"product_code": "NOTES"}, "rates.csv:2:product_code", "one of products"),
    ("rates", 2, {"effective_from": "02/06/2569"}, "contracts.csv:2:product_code", "in force"),
    ("banks", 2, {"account": "NOWHERE"}, "banks.csv:2:account", "one of accounts"),
    (
        "banks",
        2,
        {"last_statement_balance": "999999.00"},
        "banks.csv:2:last_statement_balance",
        "1000000.00, the debit balance",
    ),
    ("banks", 2, {"last_statement_no": "-1"}, "banks.csv:2:last_statement_no", "whole number"),
    ("payments", 2, {"bank_fees": "NOWHERE"}, "payments.csv:2:bank_fees", "one of accounts"),
    (
        "payments",
        2,
        {"suspense_receipts": "RESERVE"},
        "payments.csv:2:suspense_receipts",
        "begins with zero",
    ),
    ("slabs", 2, {"slab_from": "0.00"}, "slabs.csv:2:slab_from", "more than zero"),
    ("slabs", 2, {"annual_rate_percent": "2"}, "slabs.csv:2:annual_rate_percent", "percentage"),
    ("slabs", 2, {"effective_from": "02/01/2569"}, "slabs.csv:2:effective_from", "one of rates"),
    ("slabs", 2, {"product_code": "SAVINGS2"}, "slabs.csv:2:effective_from", "one of rates"),
    ("slabs", 3, {"slab_from": "100000.00"}, "rates.csv:3:slabs[2].slab_from", "more than 100000"),
    ("slabs", 3, {"slab_from": "99999.99"}, "rates.csv:3:slabs[2].slab_from", "more than 100000"),
    ("special_savings", 2, {"slab_rule": "all"}, "special_savings.csv:2:slab_rule", "whole, slice"),
    ("special_savings", 2, {"product_code": "X1"}, "special_savings.csv:2:product_code", "one of"),
    ("special_savings", 2, {"minimum": "-1.00"}, "special_savings.csv:2:minimum", "or more"),
    ("contracts", 2, {"product_code": "NOTES"}, "contracts.csv:2:product_code", "of products"),
    ("contracts", 2, {"party_id": "77"}, "contracts.csv:2:party_id", "one of members"),
    ("contracts", 3, {"contract_no": "SAV-0001"}, "contracts.csv:3:code", "contracts.csv:2 has it"),
    ("contracts", 2, {"balance": "5000"}, "contracts.csv:2:balance", "two places"),
    (
        "contracts",
        4,
        {"balance": "-0.01"},
        "contracts.csv:4:balance",
        "within the account's limits",
    ),
    ("contracts", 2, {"accrued": "12.3"}, "contracts.csv:2:accrued", "two to ten places"),
    ("contracts", 2, {"accrued": "-1.00"}, "contracts.csv:2:accrued", "two to ten places"),
    ("contracts", 2, {"accrued_exact": "17"}, "contracts.csv:2:accrued", "the other one empty"),
    ("contracts", 2, {"accrued_to": "29/05/2569"}, "contracts.csv:2:accrued_to", "run the old"),
    ("contracts", 2, {"accrued_to": "31/5/2569"}, "contracts.csv:2:accrued_to", "Buddhist era"),
    ("limits", 2, {"account": "SAV-9999"}, "limits.csv:2:account", "of these files"),
    ("limits", 2, {"balance_max": "99.99"}, "limits.csv:2:balance_max", "100.00 or more"),
    ("limits", 2, {"balance_min": "250000.01"}, "contracts.csv:3:balance", "limits"),
    ("holds", 2, {"amount": "0.00"}, "holds.csv:2:amount", "more than zero"),
    ("holds", 2, {"amount": "500000.01"}, "holds.csv:2:amount", "at most 500000.00"),
    ("holds", 2, {"account": "SAV-9999"}, "holds.csv:2:account", "of these files"),
    ("holds", 2, {"expires_on": "30/05/2569"}, "holds.csv:2:expires_on", "would have expired"),
    ("holds", 2, {"hold_id": "a b"}, "holds.csv:2:hold_id", "1 to 64"),
    ("notices", 2, {"id": "17"}, "notices.csv:2:id", "a UUID"),
    ("notices", 2, {"kind": "transfer"}, "notices.csv:2:kind", "deposit, withdrawal"),
    ("notices", 2, {"status": "held"}, "notices.csv:2:status", "one of received"),
    ("notices", 3, {"status": "paid"}, "notices.csv:3:status", "one of held, approved"),
    ("notices", 2, {"expires_on": "30/06/2569"}, "notices.csv:2:expires_on", "holds nothing"),
    ("notices", 3, {"approved_by": "x:y"}, "notices.csv:3:approved_by", "only an approved"),
    ("notices", 4, {"approved_by": ""}, "notices.csv:4:approved_by", "1 to 64 characters"),
    ("notices", 4, {"approved_by": "COOP-0001:maker"}, "notices.csv:4:approved_by", "made_by is"),
    ("notices", 4, {"approved_by": "facility:intake"}, "notices.csv:4:approved_by", "received_by"),
    ("notices", 4, {"amount": "497000.01"}, "notices.csv:4:amount", "at most 497000.00"),
    ("notices", 3, {"expires_on": ""}, "notices.csv:3:expires_on", "Buddhist era"),
    ("notices", 2, {"bank": "BBL"}, "notices.csv:2:bank", "one of banks"),
    ("notices", 2, {"account": "RESERVE"}, "notices.csv:2:account", "one of contracts"),
    ("notices", 2, {"value_date": "01/08/2569"}, "notices.csv:2:value_date", "to 30/06/2569"),
    ("notices", 2, {"reference": "dep 500"}, "notices.csv:2:reference", "A-Z and 0-9"),
    ("freezes", 2, {"debits": "no"}, "freezes.csv:2:debits", "yes for debits"),
    ("freezes", 2, {"debits": "true"}, "freezes.csv:2:debits", "one of yes, no"),
    ("freezes", 2, {"until": "30/05/2569"}, "freezes.csv:2:until", "or later"),
    ("freezes", 2, {"account": "SAV-9999"}, "freezes.csv:2:account", "of these files"),
    ("trial_balance", 3, {"gl_code": "111100"}, "trial_balance.csv:3:gl_code", "once"),
    ("trial_balance", 3, {"credit": "750000.01"}, "trial_balance.csv:1:credit", "same sum"),
)


def _said(directory: Path) -> list[str]:
    findings = Findings()
    cut_over = read_directory(directory, findings)
    judge(cut_over, Standing(), findings)
    return [str(problem) for problem in findings.problems]


@pytest.mark.parametrize(
    ("name", "line", "cells", "where", "expected"),
    CASES,
    ids=[f"{case[3]}-{'-'.join(case[2].values())}" for case in CASES],
)
def test_a_bad_line_is_named_with_its_file_line_and_field_and_what_was_expected(
    tmp_path: Path, name: str, line: int, cells: dict[str, str], where: str, expected: str
) -> None:
    files = example(tmp_path)
    change(files, name, line, **cells)
    said = _said(files)
    assert any(text.startswith(f"{where}: got ") and expected in text for text in said), said


def test_every_file_of_a_cut_over_has_a_case_of_a_bad_line() -> None:
    assert {case[0] for case in CASES} == set(LAYOUTS)


def test_the_example_itself_has_no_bad_line(tmp_path: Path) -> None:
    assert _said(example(tmp_path)) == []


async def test_bad_lines_of_many_files_are_all_named_at_once_and_nothing_is_posted(
    database: Database, tmp_path: Path
) -> None:
    files = example(tmp_path)
    chosen = [case for case in CASES if case[0] in ("holds", "freezes", "limits")][::2]
    for name, _, cells, _, _ in chosen:
        add(files, name, **cells)
    for verb in (check_cut_over, load_cut_over):
        report = await verb(database.poster, files)
        assert not report.loaded
        named = {problem.where.split(":")[0] for problem in report.problems.problems}
        assert {"holds.csv", "freezes.csv", "limits.csv"} <= named
        assert report.problems.count >= len(chosen)
    assert await database.poster.fetchval("SELECT count(*) FROM ledger.book") == 0


def test_a_file_that_nobody_knows_and_one_that_is_missing_are_named(tmp_path: Path) -> None:
    files = example(tmp_path)
    (files / "trial_balance.csv").rename(files / "balances.csv")
    said = _said(files)
    assert any(text.startswith("balances.csv:0:file: got") for text in said)
    assert any(text.startswith("trial_balance.csv:0:file: got") for text in said)


def test_a_product_of_a_term_is_refused_by_the_file_and_by_the_field_that_would_bring_it(
    tmp_path: Path,
) -> None:
    files = example(tmp_path)
    header, rows = read(files / "products.csv")
    write(files / "products.csv", [*header, "family"], [row | {"family": "fixed"} for row in rows])
    (files / "placements.csv").write_text("contract_no,linked_no\nFD-1,SAV-0001\n")
    said = _said(files)
    assert any(text.startswith("products.csv:1:header: got") for text in said)
    assert any(text.startswith("placements.csv:0:file: got") for text in said)


def test_a_file_given_twice_in_two_forms_is_named(tmp_path: Path) -> None:
    files = example(tmp_path)
    (files / "limits.jsonl").write_text("{}\n", encoding="utf-8")
    assert any("limits.jsonl:0:file: got" in text for text in _said(files))


@pytest.mark.parametrize(
    ("text", "where", "expected"),
    [
        (b"account,debits\nSAV-0003,yes\n", "freezes.csv:1:header", "the columns account,debits"),
        (b"", "freezes.csv:1:header", "the columns"),
        (
            b"account,debits,credits,until\nSAV-0003,yes\n",
            "freezes.csv:2:line",
            "4 fields with commas",
        ),
        (
            b"account,debits,credits,until\nSAV-\xff,yes,no,\n",
            "freezes.csv:2:line",
            "text in UTF-8",
        ),
        (b'account,debits,credits,until\n"SAV,yes,no,\n', "freezes.csv:2:line", "commas between"),
    ],
)
def test_a_file_that_is_no_csv_of_its_layout_is_named(
    tmp_path: Path, text: bytes, where: str, expected: str
) -> None:
    files = example(tmp_path)
    (files / "freezes.csv").write_bytes(text)
    said = _said(files)
    assert any(each.startswith(where) and expected in each for each in said), said


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"account": "SAV-0002"', "limits.jsonl:1:line"),
        ('["SAV-0002"]', "limits.jsonl:1:line"),
        ('{"account": "SAV-0002", "account": "SAV-0001"}', "limits.jsonl:1:line"),
        ('{"account": "SAV-0002", "owner": "1"}', "limits.jsonl:1:owner"),
        ('{"account": 2, "balance_min": "1.00"}', "limits.jsonl:1:account"),
        ('{"account": "SAV-0002", "balance_min": 100}', "limits.jsonl:1:balance_min"),
    ],
)
def test_a_line_that_is_no_json_object_of_texts_is_named(
    tmp_path: Path, text: str, where: str
) -> None:
    files = example(tmp_path)
    (files / "limits.csv").unlink()
    (files / "limits.jsonl").write_text(f"{text}\n", encoding="utf-8")
    assert any(each.startswith(f"{where}: got") for each in _said(files)), _said(files)
