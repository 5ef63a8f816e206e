"""Statements for the tests of both forms: files written by hand, and any statement at all."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.money import AMOUNT_MAX
from products.payments.bank_statement import (
    BankStatement,
    LineKind,
    StatementLine,
    clean,
    original_or,
    reference_or,
)

FILES = Path(__file__).parent / "files"
LETTERS = "ABCxyz0129 -/.,\"';&<>=กขฃเแำ์ู๑๙฿"


def sample(name: str) -> bytes:
    """The bytes of one of the hand-written files."""
    return (FILES / name).read_bytes()


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """The block raises `InvalidInput`, and each of the words stands in what it says."""
    with pytest.raises(InvalidInput) as caught:
        yield
    said = str(caught.value)
    for word in words:
        assert word in said, f"{word!r} is not in: {said}"


class EndlessStream(io.RawIOBase):
    """A file that never ends and cannot be sought, as from a pipe; counts what was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size > 0, "all of an endless file was asked for"
        self.bytes_read += size
        return b" " * size


class SparseFile(io.RawIOBase):
    """A file of 200 MB that says so when asked, and must not be read."""

    SIZE = 200 * 1000 * 1000

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.SIZE if whence == io.SEEK_END else offset

    def read(self, size: int | None = -1, /) -> bytes:
        raise AssertionError("a file above the limit was read")


def a_statement(*lines: StatementLine, opening_satang: int = 100_000) -> BankStatement:
    """A statement of one day whose sums close over the lines given."""
    return BankStatement(
        account_no="001-6-00001-1",
        statement_id="S-1",
        sequence_no=1,
        booking_date_from=date(2026, 6, 30),
        booking_date_to=date(2026, 6, 30),
        currency="THB",
        opening_satang=opening_satang,
        closing_satang=opening_satang + sum(line.signed_satang for line in lines),
        lines=lines,
    )


def a_line(line_no: int = 1, bank_reference: str = "R1", amount_satang: int = 100) -> StatementLine:
    """A deposit of one baht."""
    return StatementLine(
        line_no=line_no,
        bank_reference=bank_reference,
        amount_satang=amount_satang,
        is_credit=True,
        booking_date=date(2026, 6, 30),
        value_date=date(2026, 6, 30),
        kind=LineKind.CREDIT_TRANSFER,
    )


def texts(size_max: int) -> st.SearchStrategy[str]:
    """Clean texts in Thai and English, with the signs that XML and CSV give a meaning to."""
    return st.text(alphabet=LETTERS, max_size=size_max).map(clean)


def names(size_max: int) -> st.SearchStrategy[str]:
    """As `texts`, not empty."""
    return texts(size_max).filter(bool)


@st.composite
def lines(draw: st.DrawFn, first: date, last: date) -> StatementLine:
    """Any line that a bank could book from `first` to `last`; its number is given later."""
    kind = draw(st.sampled_from(LineKind))
    is_reversal = draw(st.booleans())
    is_credit = draw(st.booleans())
    if kind in (LineKind.CREDIT_TRANSFER, LineKind.DEBIT_TRANSFER):
        is_credit = (kind is LineKind.CREDIT_TRANSFER) != is_reversal
    remittance = draw(st.one_of(texts(35), st.lists(names(60), max_size=8).map(" ".join)))
    reference = reference_or(draw(texts(35)), remittance)
    booking_date = draw(st.dates(first, last))
    return StatementLine(
        line_no=1,
        bank_reference=draw(names(35)),
        amount_satang=draw(st.integers(1, AMOUNT_MAX)),
        is_credit=is_credit,
        booking_date=booking_date,
        value_date=booking_date + timedelta(days=draw(st.integers(-366, 366))),
        reference=reference,
        remittance=remittance,
        counterparty=draw(texts(140)),
        kind=kind,
        is_reversal=is_reversal,
        original_reference=original_or(draw(texts(35)), reference, kind, is_reversal),
    )


@st.composite
def statements(draw: st.DrawFn) -> BankStatement:
    """Any statement that passes `check` and fits into both forms."""
    first = draw(st.dates(date(1902, 1, 1), date(2397, 1, 1)))
    last = first + timedelta(days=draw(st.integers(0, 40)))
    drawn = draw(
        st.lists(lines(first, last), max_size=6, unique_by=lambda line: line.bank_reference)
    )
    opening = draw(st.integers(-(10**17), 10**17))
    return BankStatement(
        account_no=draw(names(34)),
        statement_id=draw(names(35)),
        sequence_no=draw(st.integers(0, 10**18 - 1)),
        booking_date_from=first,
        booking_date_to=last,
        currency="THB",
        opening_satang=opening,
        closing_satang=opening + sum(line.signed_satang for line in drawn),
        lines=tuple(replace(line, line_no=n) for n, line in enumerate(drawn, start=1)),
    )
