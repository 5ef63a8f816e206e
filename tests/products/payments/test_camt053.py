"""The bank's statement as camt.053.001.02: what is read, what is refused, and in which words."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from products.payments.bank_statement import BankStatement, LineKind
from products.payments.iso20022.camt053 import parse, render
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

CREATED_AT = datetime(2026, 6, 30, 14, 5, tzinfo=UTC)

BAD_FILES = [
    ("truncated", ["XML line 42, column 26", "no element found", "cut off"]),
    ("bomb", ["XML bomb", "billion laughs", "'a'"]),
    ("external_entity", ["external entity attack (XXE)", "'secret'", "file:///etc/hostname"]),
    ("version", ["camt.053.001.08", "camt.053.001.02"]),
    ("currency", ["Ntry[1]/Amt/@Ccy: got 'USD'; expected THB", "Bal[CLBD]/Amt/@Ccy: got 'EUR'"]),
    ("buddhist_date", ["Ntry[1]/BookgDt/Dt", "2569", "did you mean 2026-06-30?"]),
    ("missing_closing", ["Stmt[1]/Bal[CLBD]", "closing booked balance", "mandatory"]),
    ("sums", ["got 1,000,001.00", "credits 1.00", "debits 250.00", "= 999,751.00"]),
    ("duplicate", ["Ntry[3], bank_reference: got 'KTB0401'", "Stmt[1]/Ntry[1]"]),
    ("hidden_digits", ["Ntry[1]/Amt", "an element Sub within it"]),
    ("two_amounts", ["Ntry[1]/Amt", "2 elements", "exactly one"]),
    ("dates", ["Ntry[1], booking_date", "Ntry[2], value_date", "within 366 days"]),
    (
        "missing_elements",
        ["Ntry[1]/Amt: got nothing", "Ntry[1]/BkTxCd", "Ntry[1]/AcctSvcrRef", "Stmt[1]/Acct"],
    ),
]
BAD_AMOUNTS = [
    "1e3",
    "NaN",
    "1_000",
    "๑๒",
    "-5.00",
    "0.001",
    "10000000000000.00",
    "0.00",
    "1,000.00",
    "",
    "+1.00",
    "100.",
    "100.505",
]


def one(data: bytes) -> BankStatement:
    """The one statement of a file."""
    (statement,) = parse(data)
    return statement


def test_a_good_day_is_read_with_its_account_dates_and_balances() -> None:
    statement = one(sample("camt053_good_day.xml"))
    assert replace(statement, lines=()) == BankStatement(
        account_no="001-6-00001-1",
        statement_id="KTB-20260630",
        sequence_no=181,
        booking_date_from=date(2026, 6, 30),
        booking_date_to=date(2026, 6, 30),
        currency="THB",
        opening_satang=100_000_000,
        closing_satang=114_750_075,
        lines=(),
    )


def test_the_reference_is_the_end_to_end_id_else_the_structured_one_else_the_remittance() -> None:
    lines = one(sample("camt053_good_day.xml")).lines
    assert [line.reference for line in lines] == [
        "DN-2569-000001",
        "DN2569000002",
        "DN-2569-000003 deposit",
        "WN-2569-000009",
    ]
    assert lines[0].remittance == "ฝากเงิน มิ.ย. 2569"
    assert lines[0].counterparty == "สหกรณ์ออมทรัพย์ครูตัวอย่าง จำกัด"
    assert lines[1].value_date == date(2026, 6, 29)


def test_amounts_are_read_to_the_satang_with_none_to_five_decimals() -> None:
    lines = one(sample("camt053_good_day.xml")).lines
    assert [line.signed_satang for line in lines] == [15_000_050, 2_000_000, 750_025, -3_000_000]


def test_a_pending_entry_is_no_line_and_is_in_no_balance() -> None:
    statement = one(sample("camt053_good_day.xml"))
    assert "KTB0005" not in [line.bank_reference for line in statement.lines]


def test_a_returned_payment_is_known_by_the_reference_under_which_it_went_out() -> None:
    returned, reversal, item = one(sample("camt053_returns.xml")).lines
    assert (returned.kind, returned.is_credit) == (LineKind.RETURN, True)
    assert returned.original_reference == returned.reference == "WN-2569-000009"
    assert returned.counterparty == "สหกรณ์ออมทรัพย์โรงพยาบาลตัวอย่าง จำกัด"
    assert (reversal.kind, reversal.is_reversal) == (LineKind.CREDIT_TRANSFER, True)
    assert (reversal.signed_satang, reversal.original_reference) == (-50_000, "KTB0007")
    assert (item.kind, item.reference) == (LineKind.RETURN, "returned item, account closed")


def test_bank_fees_are_told_from_payments_and_an_overdrawn_balance_is_below_zero() -> None:
    statement = one(sample("camt053_fees.xml"))
    assert [line.kind for line in statement.lines] == [LineKind.FEE, LineKind.FEE, LineKind.OTHER]
    assert (statement.opening_satang, statement.closing_satang) == (-10_000, -13_179)
    assert statement.booking_date_from == date(2026, 6, 30)


def test_a_batch_entry_becomes_several_lines_only_where_its_parts_add_up() -> None:
    lines = one(sample("camt053_batch.xml")).lines
    assert [(line.bank_reference, line.amount_satang, line.reference) for line in lines] == [
        ("KTB0301/1", 10_000, "DN-1"),
        ("KTB0301/2", 20_000, "DN-2"),
        ("KTB0301/3", 30_000, "DN-3"),
        ("KTB0302", 50_000, "two deposits"),
        ("KTB0303", 7_000, "no amounts"),
    ]


@pytest.mark.parametrize(("name", "words"), BAD_FILES, ids=[name for name, _ in BAD_FILES])
def test_a_bad_file_is_refused_in_words_that_show_the_place(name: str, words: list[str]) -> None:
    with refused(*words):
        parse(sample(f"camt053_bad_{name}.xml"))


def test_every_bad_amount_of_a_file_is_listed_with_its_entry() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(sample("camt053_bad_amounts.xml"))
    found = [(problem.where, problem.got) for problem in caught.value.problems]
    assert found == [
        (f"Stmt[1]/Ntry[{number}]/Amt", repr(text))
        for number, text in enumerate(BAD_AMOUNTS, start=1)
    ]


def test_after_fifty_problems_the_list_ends_and_says_so() -> None:
    good = render(a_statement(a_line()), message_id="M", created_at=CREATED_AT)
    start, end = good.index(b"<Ntry>"), good.index(b"</Ntry>") + len(b"</Ntry>")
    bad = good[start:end].replace(b">1.00<", b">x<")
    with pytest.raises(InvalidInput) as caught:
        parse(good[:start] + bad * 60 + good[end:])
    assert len(caught.value.problems) == 51
    assert "Only the first 50 are listed" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "XML line 1"),
        (b"account,amount\n", "XML line 1, column 1"),
        (b"<html/>", "html in the namespace none"),
        (b"<!DOCTYPE a><a/>", "document type declaration"),
        (b"<!DOCTYPE a [<!ENTITY", "document type declaration"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "encoding"),
        (b'<?xml version="1.0" encoding="hex"?><a/>', "encoding"),
    ],
)
def test_what_is_no_statement_at_all_is_refused_without_a_stack_trace(
    data: bytes, word: str
) -> None:
    with refused(word):
        parse(data)


def test_elements_nested_without_end_are_refused() -> None:
    head = sample("camt053_bad_missing_elements.xml").partition(b"><")[0]
    with refused("nested deeper"):
        parse(head + b">" + b"<a>" * 1000)


def test_the_same_statement_twice_in_one_file_is_refused() -> None:
    good = render(a_statement(a_line()), message_id="M", created_at=CREATED_AT)
    start, end = good.index(b"<Stmt>"), good.index(b"</Stmt>") + len(b"</Stmt>")
    with refused("Stmt[2]/Id", "already in this file as Stmt[1]"):
        parse(good[:end] + good[start:])


def test_an_instant_counts_on_its_day_in_bangkok() -> None:
    good = render(a_statement(a_line()), message_id="M", created_at=CREATED_AT)
    late = good.replace(
        b"<BookgDt><Dt>2026-06-30</Dt>", b"<BookgDt><DtTm>2026-06-29T18:30:00Z</DtTm>"
    )
    assert late != good
    assert one(late).lines[0].booking_date == date(2026, 6, 30)


def test_a_file_above_the_limit_is_refused_unread_with_its_size_and_the_limit() -> None:
    with refused("200,000,000 bytes", "at most 52,428,800 bytes"):
        parse(cast("BinaryIO", SparseFile()))
    with refused("101 bytes", "at most 100 bytes"):
        parse(b" " * 101, size_limit=100)


def test_a_stream_without_end_is_given_up_one_byte_beyond_the_limit() -> None:
    stream = EndlessStream()
    with refused("more than 1,000,000 bytes"):
        parse(cast("BinaryIO", stream), size_limit=1_000_000)
    assert stream.bytes_read == 1_000_001


def test_an_open_file_is_read_from_where_it_stands_and_stays_open() -> None:
    statement = a_statement(a_line())
    data = render(statement, message_id="M", created_at=CREATED_AT)
    stream = io.BytesIO(b"skip" + data)
    stream.seek(4)
    assert parse(stream) == (statement,)
    assert not stream.closed


@given(statements())
@drawn(70)
def test_what_was_written_is_read_back_equal(statement: BankStatement) -> None:
    assert parse(render(statement, message_id="M-1", created_at=CREATED_AT)) == (statement,)


def test_a_reversal_without_a_reference_keeps_the_one_of_the_first_payment() -> None:
    statement = a_statement(
        replace(a_line(), is_credit=False, is_reversal=True, original_reference="KTB0007")
    )
    assert parse(render(statement, message_id="M-1", created_at=CREATED_AT)) == (statement,)


def test_an_opening_balance_that_is_not_the_previous_closing_is_refused() -> None:
    good = sample("camt053_good_day.xml")
    start, end = good.index(b"<Bal>"), good.index(b"</Bal>") + len(b"</Bal>")
    previous = good[start:end].replace(b"OPBD", b"PRCD").replace(b"1000000.00", b"900000.00")
    with refused("Bal[OPBD]: got 1,000,000.00", "PRCD, 900,000.00"):
        parse(good[:end] + previous + good[end:])


def test_what_the_message_has_no_room_for_is_refused_and_not_cut() -> None:
    long = replace(a_line(), bank_reference="R" * 36, reference="NOTPROVIDED", remittance="ก" * 141)
    with refused("bank_reference", "at most 35", "NOTPROVIDED", "at most 140", "message_id"):
        render(a_statement(long), message_id="", created_at=CREATED_AT)


def test_a_statement_that_does_not_close_is_not_written() -> None:
    with refused("closing balance"):
        render(replace(a_statement(), closing_satang=1), message_id="M", created_at=CREATED_AT)


@given(st.integers(0, 10_000), st.integers(0, 8), st.binary(max_size=8))
@drawn(100)
def test_a_damaged_file_is_read_or_refused_and_breaks_nothing(
    place: int, cut: int, put: bytes
) -> None:
    good = sample("camt053_returns.xml")
    place %= len(good)
    with suppress(InvalidInput):
        assert len(parse(good[:place] + put + good[place + cut :])) == 1
