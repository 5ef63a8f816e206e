"""The bank's statement as CSV: what is read, what is refused, and in which words."""

from __future__ import annotations

import codecs
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from products.payments.bank_statement import BankStatement, LineKind, StatementLine
from products.payments.csv_statement import COLUMNS, Encoding, parse, render
from tests.how_much import drawn
from tests.products.payments.bank_statements import (
    EndlessStream,
    SparseFile,
    a_line,
    a_statement,
    refused,
    sample,
    statements,
)

BAD_FILES = [
    ("header", ["line 1, header", "the column amount", "'ammount'"]),
    ("buddhist_date", ["line 2, field booking_date", "did you mean 2026-06-30?"]),
    ("direction_and_kind", ["field direction: got 'C'; expected CR or DR", "field kind"]),
    ("sums", ["line 2, statement GSB-181", "credits 2.00", "= 1,002.00", "got 1,001.00"]),
    ("duplicate", ["line 3, bank_reference: got 'G7'", "not already on line 2"]),
    ("disagreement", ["line 3, field closing_balance: got '1002.00'", "'1001.00' as on line 2"]),
    ("line_no", ["line 3, line_no: got 3; expected 2"]),
    ("width", ["line 2: got '16 fields'; expected 15"]),
    ("quote", ["line 2", "quotes closed"]),
    ("no_rows", ["line 2", "at least one row"]),
    ("empty_day_without_dates", ["line 2, field booking_date_from"]),
]
BAD_AMOUNTS = ["1e3", "1_000.50", "๑๒", "NaN", "-0.00", "0.001", "10000000000000.00", "0.00"]


def test_a_good_day_is_read_line_by_line() -> None:
    (statement,) = parse(sample("csv_good.csv"))
    deposit, fee = statement.lines
    assert deposit == StatementLine(
        line_no=1,
        bank_reference="G1",
        amount_satang=25_000,
        is_credit=True,
        booking_date=date(2026, 6, 30),
        value_date=date(2026, 6, 29),
        reference="DN-2569-000001",
        remittance="ฝากเงิน มิ.ย. 2569",
        counterparty="สหกรณ์ออมทรัพย์ครูตัวอย่าง, จำกัด",
        kind=LineKind.CREDIT_TRANSFER,
    )
    assert (fee.kind, fee.signed_satang, fee.reference) == (LineKind.FEE, -1_000, "ค่าธรรมเนียม")
    assert (statement.opening_satang, statement.closing_satang) == (100_000, 124_000)
    assert statement.booking_date_from == statement.booking_date_to == date(2026, 6, 30)


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + sample("csv_good.csv"),
        sample("csv_good.csv").decode().encode("cp874"),
        sample("csv_good.csv").replace(b"\n", b"\r\n"),
    ],
    ids=["utf-8 with a mark", "cp874", "dos line ends"],
)
def test_the_same_statement_in_each_encoding_reads_the_same(data: bytes) -> None:
    assert parse(data) == parse(sample("csv_good.csv"))


def test_a_day_without_movement_is_a_statement_without_lines() -> None:
    (statement,) = parse(sample("csv_empty_day.csv"))
    assert statement.lines == ()
    assert statement.opening_satang == statement.closing_satang == 100_000


@pytest.mark.parametrize(("name", "words"), BAD_FILES, ids=[name for name, _ in BAD_FILES])
def test_a_bad_file_is_refused_in_words_that_show_the_place(name: str, words: list[str]) -> None:
    with refused(*words):
        parse(sample(f"csv_bad_{name}.csv"))


def test_every_bad_amount_of_a_file_is_listed_with_its_line() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(sample("csv_bad_amounts.csv"))
    found = [(problem.where, problem.got) for problem in caught.value.problems]
    assert found == [
        (f"line {line}, field amount", repr(text)) for line, text in enumerate(BAD_AMOUNTS, start=2)
    ]


def test_after_fifty_problems_the_list_ends_and_says_so() -> None:
    header, first = sample("csv_bad_amounts.csv").splitlines(keepends=True)[:2]
    with pytest.raises(InvalidInput) as caught:
        parse(header + first * 60)
    assert len(caught.value.problems) == 51
    assert "Only the first 50 are listed" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "a header with account_no"),
        ("ก".encode("utf-16"), "UTF-16"),
        (b"account_no\n\xff\xfe\n", "line 2 (byte 0xff)"),
        (b"account_no,account_no\n", "each column once"),
    ],
)
def test_what_is_no_statement_at_all_is_refused(data: bytes, word: str) -> None:
    with refused(word):
        parse(data)


def test_a_file_above_the_limit_is_refused_unread_with_its_size_and_the_limit() -> None:
    with refused("200,000,000 bytes", "at most 52,428,800 bytes"):
        parse(cast("BinaryIO", SparseFile()))
    stream = EndlessStream()
    with refused("more than 1,000,000 bytes"):
        parse(cast("BinaryIO", stream), size_limit=1_000_000)
    assert stream.bytes_read == 1_000_001


def test_rows_with_and_without_a_line_do_not_mix_in_one_statement() -> None:
    data = render([a_statement(a_line())]).decode()
    header, row = data.splitlines()
    cells = row.split(",")
    empty = ",".join(cells[:5] + [""] * 10 + cells[15:17] + ["", ""])
    with refused("line 3", "one row alone without"):
        parse("\n".join([header, row, empty]).encode())


@given(
    st.lists(statements(), min_size=1, max_size=3, unique_by=lambda s: s.statement_id),
    st.sampled_from(["utf-8", "cp874"]),
)
@drawn(70)
def test_what_was_written_is_read_back_equal(
    written: list[BankStatement], encoding: Encoding
) -> None:
    data = render(written, encoding=encoding)
    assert parse(data, encoding=encoding) == tuple(written)


def test_a_letter_that_the_code_page_lacks_is_refused_and_not_replaced() -> None:
    statement = a_statement(replace(a_line(), counterparty="銀行"))
    with refused("cp874", "銀"):
        render([statement], encoding="cp874")


def test_the_header_written_names_every_column_once() -> None:
    header = render([]).decode().strip().split(",")
    assert header == list(COLUMNS)
    assert len(set(header)) == len(header)


@given(st.integers(0, 10_000), st.integers(0, 8), st.binary(max_size=8))
@drawn(100)
def test_a_damaged_file_is_read_or_refused_and_breaks_nothing(
    place: int, cut: int, put: bytes
) -> None:
    good = sample("csv_good.csv")
    place %= len(good)
    with suppress(InvalidInput):
        assert parse(good[:place] + put + good[place + cut :])
