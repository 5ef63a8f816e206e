"""What makes a statement whole, whatever file it came from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from products.payments.bank_statement import LineKind, check
from tests.products.payments.bank_statements import a_line, a_statement, refused


def test_a_statement_whose_sums_close_passes() -> None:
    statement = a_statement(a_line(1, "R1"), replace(a_line(2, "R2"), is_reversal=False))
    assert statement.closing_satang == 100_200
    check(statement)


def test_a_balance_that_does_not_follow_from_the_lines_is_named_with_its_numbers() -> None:
    statement = replace(a_statement(a_line()), closing_satang=100_000)
    with refused("opening 1,000.00", "credits 1.00", "debits 0.00", "1,001.00", "got 1,000.00"):
        check(statement)


def test_an_entry_that_stands_twice_is_named_with_both_lines() -> None:
    with refused("line 3, bank_reference", "not already on line 1"):
        check(a_statement(a_line(1, "R1"), a_line(2, "R2"), a_line(3, "R1")))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"amount_satang": 0}, "amount_satang"),
        ({"amount_satang": 10**15}, "amount_satang"),
        ({"booking_date": date(2026, 7, 1)}, "booking_date"),
        ({"value_date": date(2025, 6, 28)}, "value_date"),
        ({"bank_reference": ""}, "bank_reference"),
        ({"line_no": 2}, "line_no"),
        ({"remittance": "deposit"}, "reference"),
        ({"original_reference": "DN-1"}, "original_reference"),
        ({"kind": LineKind.DEBIT_TRANSFER}, "DEBIT_TRANSFER as a credit"),
        ({"is_reversal": True}, "CREDIT_TRANSFER as a credit"),
        ({"counterparty": "a\x00b"}, "control characters"),
        ({"counterparty": " a"}, "white space"),
        ({"counterparty": "ก" * 141}, "at most 140 characters"),
    ],
)
def test_a_line_that_cannot_be_is_refused(change: dict[str, Any], word: str) -> None:
    with refused(word, "line 1"):
        check(a_statement(replace(a_line(), **change)))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"account_no": ""}, "account_no"),
        ({"sequence_no": -1}, "sequence_no"),
        ({"currency": "USD"}, "currency"),
        ({"booking_date_to": date(2026, 6, 29)}, "2026-06-30 to 2026-06-29"),
        ({"opening_satang": 10**18, "closing_satang": 10**18}, "opening_satang"),
    ],
)
def test_a_statement_head_that_cannot_be_is_refused(change: dict[str, Any], word: str) -> None:
    with refused(word):
        check(replace(a_statement(), **change))
