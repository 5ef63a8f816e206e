"""A bank's statement as CSV, for banks that have no XML.

Text: UTF-8, with or without a byte order mark, or CP874 (the Thai code page of Windows, which holds
TIS-620). Bytes that are good UTF-8 are taken as such; name the encoding where a file is so short
that both fit. Comma between fields, double quote around fields that need it, one header line:

    account_no, statement_id, sequence_no, opening_balance, closing_balance    the statement
    line_no, booking_date, value_date, direction, amount, kind,                the line
    bank_reference, reference, remittance, counterparty

and, where the file has them, booking_date_from, booking_date_to (else: first and last booking date
of its lines), is_reversal (yes, no or empty), original_reference. The order of the columns is free,
their names are not. The statement's fields are repeated on each of its rows. A statement without
lines has one row, empty from line_no on, and needs the two dates.

Amounts have exactly two places and ASCII digits (1234.50); dates are YYYY-MM-DD of the common era;
direction is CR (money to us) or DR; kind is a name of `LineKind`; line_no counts from 1.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Literal, TypeVar

from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.money import CURRENCY, format_baht, parse_baht, parse_signed_baht
from products.payments.bank_statement import (
    NAME_LENGTH_MAX,
    BankStatement,
    LineKind,
    StatementLine,
    check,
    clean,
    duplicates,
    original_or,
    problems_of,
    reference_or,
)
from products.payments.intake import SIZE_LIMIT_BYTES, Findings, open_limited

Encoding = Literal["utf-8", "cp874"]

STATEMENT_COLUMNS = (
    "account_no",
    "statement_id",
    "sequence_no",
    "opening_balance",
    "closing_balance",
)
LINE_COLUMNS = (
    "line_no",
    "booking_date",
    "value_date",
    "direction",
    "amount",
    "kind",
    "bank_reference",
    "reference",
    "remittance",
    "counterparty",
)
OPTIONAL_STATEMENT_COLUMNS = ("booking_date_from", "booking_date_to")
OPTIONAL_LINE_COLUMNS = ("is_reversal", "original_reference")
COLUMNS = STATEMENT_COLUMNS + LINE_COLUMNS + OPTIONAL_STATEMENT_COLUMNS + OPTIONAL_LINE_COLUMNS

STATEMENTS_MAX = 1000
"""In one file: more than the Facility has accounts at all its banks together."""

_DIRECTIONS = {"CR": True, "DR": False}
_REVERSALS = {"yes": True, "no": False, "": False}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One row by column name, with the line of the file on which it begins."""

    line: int
    fields: dict[str, str]

    def where(self, column: str) -> str:
        return f"line {self.line}, field {column}"

    def get(self, column: str) -> str:
        return self.fields.get(column, "")

    def choice(self, column: str, meanings: dict[str, T]) -> T:
        text = self.get(column)
        if text not in meanings:
            expected = " or ".join(name or "nothing" for name in meanings)
            raise InvalidInput.one(self.where(column), text, expected)
        return meanings[text]

    def number(self, column: str) -> int:
        text = self.get(column)
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise InvalidInput.one(self.where(column), text, "a number of 1 to 18 digits")
        return int(text)

    def day(self, column: str) -> date:
        return parse_date(self.get(column), self.where(column))


def parse(
    source: BinaryIO | bytes,
    *,
    size_limit: int = SIZE_LIMIT_BYTES,
    encoding: Encoding | None = None,
) -> tuple[BankStatement, ...]:
    """The statements of a CSV file, in its order; each passes `bank_statement.check`.

    Raises `InvalidInput` with every problem (at most 50), each with its line and field.
    `encoding` is found out where it is not given. `source` is not closed.
    """
    text = _decode(open_limited(source, size_limit).read(), encoding)
    findings = Findings()
    groups: dict[tuple[str, str], _Statement] = {}
    statements: list[BankStatement | None] = []
    try:
        for row in _rows(text, findings):
            key = row.get("account_no"), row.get("statement_id")
            if key not in groups:
                groups[key] = _Statement(row, findings)
            groups[key].add(row)
            if len(groups) > STATEMENTS_MAX:
                expected = f"at most {STATEMENTS_MAX} statements in a file"
                raise InvalidInput.one(f"line {row.line}", "one more", expected)
        if not groups and not findings:
            findings.note("line 2", "", "at least one row: a statement without lines has one too")
        statements = [group.finish() for group in groups.values()]
    except InvalidInput as error:
        findings.extend(error.problems)
    findings.raise_if_any()
    return tuple(statement for statement in statements if statement is not None)


def render(statements: Iterable[BankStatement], *, encoding: Encoding = "utf-8") -> bytes:
    """A CSV file with all columns. Raises `InvalidInput` for a statement that fails `check`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for statement in statements:
        check(statement)
        head = _head_fields(statement)
        for fields in [_line_fields(line) for line in statement.lines] or [{}]:
            both = head | fields
            writer.writerow([both.get(column, "") for column in COLUMNS])
    try:
        return out.getvalue().encode(encoding)
    except UnicodeEncodeError as error:
        got = error.object[error.start : error.end]
        raise InvalidInput.one("the statements' texts", got, f"letters of {encoding}") from None


def _decode(data: bytes, encoding: Encoding | None) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InvalidInput.one("the file", "UTF-16", "UTF-8 or CP874", "Save it again as UTF-8.")
    names = [encoding] if encoding else ["utf-8", "cp874"]
    places = []
    for name in names:
        try:
            return data.removeprefix(codecs.BOM_UTF8).decode(name)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            places.append(f"{name} ends at line {line} (byte {data[error.start]:#04x})")
    raise InvalidInput.one("the file", ", ".join(places), "text in " + " or ".join(names))


def _rows(text: str, findings: Findings) -> Iterator[_Row]:
    """The rows with a field for each column; a bad header or bad quoting ends the reading."""
    records = _records(text)
    _, first = next(records, (1, []))
    header = [name.strip() for name in first]
    _check_header(header)
    for line, cells in records:
        if cells and len(cells) != len(header):
            findings.note(f"line {line}", f"{len(cells)} fields", f"{len(header)}, as the header")
        elif cells:
            yield _Row(line=line, fields=dict(zip(header, map(clean, cells), strict=True)))


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins; a quoted field may hold line ends."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        expected = "fields with commas between, quotes closed, at most 131,072 characters each"
        raise InvalidInput.one(f"line {begins}", str(error), expected) from None


def _check_header(header: list[str]) -> None:
    problems = Findings()
    if not any(header):
        raise InvalidInput.one("line 1", "nothing", f"a header with {','.join(COLUMNS)}")
    for column in STATEMENT_COLUMNS + LINE_COLUMNS:
        if column not in header:
            problems.note("line 1, header", "no such column", f"the column {column}")
    for column in sorted(set(header)):
        if column not in COLUMNS:
            problems.note("line 1, header", column, f"only columns of {', '.join(COLUMNS)}")
        if header.count(column) > 1:
            problems.note("line 1, header", column, "each column once")
    problems.raise_if_any()


class _Statement:
    """One statement while its rows are read: what its first row says of it, and its lines."""

    def __init__(self, head: _Row, findings: Findings) -> None:
        self._head = head
        self._findings = findings
        self._is_clean = True
        self._rows = 0
        self._rows_with_line = 0
        self._lines: list[StatementLine] = []
        self._places: list[int] = []

    def add(self, row: _Row) -> None:
        """Read one row, the first included; its problems are noted."""
        found_before = len(self._findings)
        self._rows += 1
        for column in STATEMENT_COLUMNS + OPTIONAL_STATEMENT_COLUMNS:
            if row.get(column) != self._head.get(column):
                expected = f"{self._head.get(column)!r} as on line {self._head.line}"
                self._findings.note(row.where(column), row.get(column), expected)
        if any(row.get(column) for column in LINE_COLUMNS):
            self._rows_with_line += 1
            line = _line(row, self._findings)
            if line is not None:
                self._lines.append(line)
                self._places.append(row.line)
        if self._rows > 1 and self._rows_with_line < self._rows:
            expected = "every row with its line, or one row alone without"
            self._findings.note(f"line {row.line}", "rows with and without a line", expected)
        self._is_clean = self._is_clean and len(self._findings) == found_before

    def finish(self) -> BankStatement | None:
        """The statement, or None with every problem noted."""
        found_before = len(self._findings)
        head, attempt, lines = self._head, self._findings.attempt, tuple(self._lines)
        sequence_no = attempt(lambda: head.number("sequence_no"))
        opening = attempt(lambda: _balance(head, "opening_balance"))
        closing = attempt(lambda: _balance(head, "closing_balance"))
        days = None
        if self._is_clean:
            days = attempt(lambda: _days(head, lines))
        if sequence_no is None or opening is None or closing is None or days is None:
            # Sums would differ because of what could not be read; doubles are doubles all the same.
            self._findings.extend(duplicates(lines, self._place))
            return None
        statement = BankStatement(
            account_no=head.get("account_no"),
            statement_id=head.get("statement_id"),
            sequence_no=sequence_no,
            booking_date_from=days[0],
            booking_date_to=days[1],
            currency=CURRENCY,
            opening_satang=opening,
            closing_satang=closing,
            lines=lines,
        )
        whole = f"line {head.line}, statement {statement.statement_id[:NAME_LENGTH_MAX]}"
        self._findings.extend(problems_of(statement, self._place, whole))
        return statement if len(self._findings) == found_before else None

    def _place(self, position: int) -> str:
        return f"line {self._places[position - 1]}"


def _line(row: _Row, findings: Findings) -> StatementLine | None:
    attempt = findings.attempt
    line_no = attempt(lambda: row.number("line_no"))
    booking_date = attempt(lambda: row.day("booking_date"))
    value_date = attempt(lambda: row.day("value_date"))
    is_credit = attempt(lambda: row.choice("direction", _DIRECTIONS))
    amount = attempt(lambda: parse_baht(row.get("amount"), row.where("amount")))
    kind = attempt(lambda: row.choice("kind", {kind.name: kind for kind in LineKind}))
    is_reversal = attempt(lambda: row.choice("is_reversal", _REVERSALS))
    if (
        line_no is None
        or booking_date is None
        or value_date is None
        or is_credit is None
        or amount is None
        or kind is None
        or is_reversal is None
    ):
        return None
    reference = reference_or(row.get("reference"), row.get("remittance"))
    return StatementLine(
        line_no=line_no,
        bank_reference=row.get("bank_reference"),
        amount_satang=amount,
        is_credit=is_credit,
        booking_date=booking_date,
        value_date=value_date,
        reference=reference,
        remittance=row.get("remittance"),
        counterparty=row.get("counterparty"),
        kind=kind,
        is_reversal=is_reversal,
        original_reference=original_or(row.get("original_reference"), reference, kind, is_reversal),
    )


def _balance(row: _Row, column: str) -> int:
    return parse_signed_baht(row.get(column), row.where(column))


def _days(head: _Row, lines: tuple[StatementLine, ...]) -> tuple[date, date]:
    """First and last day: as stated, else those of the lines."""
    booked = [line.booking_date for line in lines]
    found: list[date] = []
    pick: Callable[[list[date]], date]
    for column, pick in (("booking_date_from", min), ("booking_date_to", max)):
        if head.get(column) or not booked:
            found.append(head.day(column))
        else:
            found.append(pick(booked))
    return found[0], found[1]


def _head_fields(statement: BankStatement) -> dict[str, str]:
    return {
        "account_no": statement.account_no,
        "statement_id": statement.statement_id,
        "sequence_no": str(statement.sequence_no),
        "opening_balance": format_baht(statement.opening_satang),
        "closing_balance": format_baht(statement.closing_satang),
        "booking_date_from": statement.booking_date_from.isoformat(),
        "booking_date_to": statement.booking_date_to.isoformat(),
    }


def _line_fields(line: StatementLine) -> dict[str, str]:
    return {
        "line_no": str(line.line_no),
        "booking_date": line.booking_date.isoformat(),
        "value_date": line.value_date.isoformat(),
        "direction": "CR" if line.is_credit else "DR",
        "amount": format_baht(line.amount_satang),
        "kind": line.kind.name,
        "bank_reference": line.bank_reference,
        "reference": line.reference,
        "remittance": line.remittance,
        "counterparty": line.counterparty,
        "is_reversal": "yes" if line.is_reversal else "no",
        "original_reference": line.original_reference,
    }
