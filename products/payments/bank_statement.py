"""A bank's statement as a value: the form that every bank's file is turned into.

The readers (`iso20022.camt053`, `csv_statement`) give these dataclasses and nothing else; matching
and reconciliation never see XML or CSV. A statement that passes `check` is whole: its sums close,
no entry stands in it twice, its texts are clean. Both writers refuse a statement that does not
pass, and reading back what they wrote gives an equal statement.

Money is seen from our side of the bank account: a credit is money that came to us.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from ledger.errors import InvalidInput, Problem, shorten
from ledger.money import AMOUNT_MAX, BALANCE_MAX, CURRENCY, format_baht

SEQUENCE_MAX = 10**18 - 1
NAME_LENGTH_MAX = 140
TEXT_LENGTH_MAX = 2000
VALUE_DATE_DAYS_MAX = 366
"""A value date further than this from its booking date is a typing mistake, not a back-dating."""

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class LineKind(enum.Enum):
    """What a line of a statement is. Stored as the value."""

    CREDIT_TRANSFER = 1  # money from another account (or the reversal of one: then a debit)
    DEBIT_TRANSFER = 2  # money to another account (or the reversal of one: then a credit)
    RETURN = 3  # a payment that came back, or that the bank took back
    FEE = 4  # the bank's charge, or its refund
    OTHER = 5  # anything else: for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One booked movement on the bank account.

    line_no:            1, 2, 3 ... in the order of the file.
    bank_reference:     the bank's own reference; unique within its statement.
    amount_satang:      always more than zero; the direction is `is_credit`.
    is_credit:          True: money came to us.
    booking_date:       the day of the bank's books; within the statement's dates.
    value_date:         the day from which the bank counts it.
    reference:          the payer's reference (end-to-end id), else the remittance, else "".
    remittance:         what the payer wrote, else the bank's own note, else "".
    counterparty:       the name of the other side, or "".
    kind:               see `LineKind`.
    is_reversal:        the bank undoes an earlier line of its own.
    original_reference: returns and reversals only: by which the first payment can be found;
                        `reference` where the bank names no other. Otherwise "".
    """

    line_no: int
    bank_reference: str
    amount_satang: int
    is_credit: bool
    booking_date: date
    value_date: date
    reference: str = ""
    remittance: str = ""
    counterparty: str = ""
    kind: LineKind = LineKind.OTHER
    is_reversal: bool = False
    original_reference: str = ""

    @property
    def signed_satang(self) -> int:
        """The amount in satang as it changes the balance: credits plus, debits minus."""
        return self.amount_satang if self.is_credit else -self.amount_satang


@dataclass(frozen=True, slots=True, kw_only=True)
class BankStatement:
    """One statement of one bank account: from an opening to a closing booked balance.

    account_no:        as in the bank's file; nothing is added, removed or masked.
    statement_id:      the bank's name for it; with account_no it is unique in a file.
    sequence_no:       the bank's running number, by which gaps are found.
    booking_date_from: first day covered; booking_date_to: last day, that of the closing balance.
    opening_satang:    below zero when the account is overdrawn; closing_satang likewise.
    """

    account_no: str
    statement_id: str
    sequence_no: int
    booking_date_from: date
    booking_date_to: date
    currency: str
    opening_satang: int
    closing_satang: int
    lines: tuple[StatementLine, ...]


Place = Callable[[int], str]
"""Where in its file a line stands, by its position from 1: "Ntry[3]" or "line 7"."""


def check(statement: BankStatement) -> None:
    """Raise `InvalidInput` with every problem of the statement; return None if there is none."""
    found = tuple(problems_of(statement))
    if found:
        raise InvalidInput(found)


def problems_of(
    statement: BankStatement,
    place: Place = "line {}".format,
    whole: str = "statement",
) -> Iterator[Problem]:
    """Every problem of a statement; `place` and `whole` say where as its author would point."""
    yield from _head_problems(statement, whole)
    for position, line in enumerate(statement.lines, start=1):
        where = place(position)
        if line.line_no != position:
            yield _problem(f"{where}, line_no", line.line_no, f"{position}: lines count from 1")
        yield from _line_problems(line, where)
        yield from _date_problems(line, where, statement)
    yield from duplicates(statement.lines, place)
    yield from _sum_problems(statement, whole)


def duplicates(
    lines: tuple[StatementLine, ...], place: Place = "line {}".format
) -> Iterator[Problem]:
    """The lines whose bank reference already stands on an earlier line, both named."""
    first: dict[str, int] = {}
    for position, line in enumerate(lines, start=1):
        earlier = first.setdefault(line.bank_reference, position)
        if earlier != position:
            yield _problem(
                f"{place(position)}, bank_reference",
                line.bank_reference,
                f"a reference that is not already on {place(earlier)}",
                "The same entry stands twice: ask the bank for a corrected statement.",
            )


def clean(text: str) -> str:
    """A text with its white space collapsed: as it stands in every text field of a line."""
    return " ".join(text.split())


def reference_or(reference: str, remittance: str) -> str:
    """The rule of `StatementLine.reference`: without a reference, the remittance is all we have."""
    return reference or remittance


def original_or(stated: str, reference: str, kind: LineKind, is_reversal: bool) -> str:
    """The rule of `StatementLine.original_reference`: for returns and reversals, else ""."""
    if kind is not LineKind.RETURN and not is_reversal:
        return ""
    return stated or reference


def is_original_credit(is_credit: bool, kind: LineKind, is_reversal: bool) -> bool:
    """The direction of the payment itself: a return or a reversal runs against it."""
    return is_credit != (is_reversal or kind is LineKind.RETURN)


def _problem(where: str, got: object, expected: str, fix: str = "") -> Problem:
    return Problem(where=where, got=shorten(got), expected=expected, fix=fix)


def _head_problems(statement: BankStatement, whole: str) -> Iterator[Problem]:
    for name in ("account_no", "statement_id"):
        text = getattr(statement, name)
        yield from _text_problems(f"{whole}, {name}", text, NAME_LENGTH_MAX, required=True)
    if not 0 <= statement.sequence_no <= SEQUENCE_MAX:
        yield _problem(f"{whole}, sequence_no", statement.sequence_no, "0 to 18 digits")
    if statement.currency != CURRENCY:
        yield _problem(f"{whole}, currency", statement.currency, CURRENCY)
    if statement.booking_date_from > statement.booking_date_to:
        yield _problem(
            f"{whole}, dates",
            f"{statement.booking_date_from} to {statement.booking_date_to}",
            "a first day that is not after the last",
        )
    for name in ("opening_satang", "closing_satang"):
        if abs(getattr(statement, name)) > BALANCE_MAX:
            yield _problem(
                f"{whole}, {name}", getattr(statement, name), f"within ±{BALANCE_MAX} satang"
            )


def _line_problems(line: StatementLine, where: str) -> Iterator[Problem]:
    yield from _text_problems(
        f"{where}, bank_reference", line.bank_reference, NAME_LENGTH_MAX, required=True
    )
    for name in ("reference", "remittance", "original_reference"):
        yield from _text_problems(f"{where}, {name}", getattr(line, name), TEXT_LENGTH_MAX)
    yield from _text_problems(f"{where}, counterparty", line.counterparty, NAME_LENGTH_MAX)
    if not 1 <= line.amount_satang <= AMOUNT_MAX:
        yield _problem(f"{where}, amount_satang", line.amount_satang, f"1 to {AMOUNT_MAX} satang")
    if line.reference != reference_or(line.reference, line.remittance):
        yield _problem(f"{where}, reference", "", "the remittance where there is no reference")
    original = original_or(line.original_reference, line.reference, line.kind, line.is_reversal)
    if line.original_reference != original:
        yield _problem(f"{where}, original_reference", line.original_reference, repr(original))
    expected = {LineKind.CREDIT_TRANSFER: True, LineKind.DEBIT_TRANSFER: False}.get(line.kind)
    if expected is not None and line.is_credit != (expected != line.is_reversal):
        yield _problem(
            f"{where}, kind",
            f"{line.kind.name} as a {'credit' if line.is_credit else 'debit'}",
            "CREDIT_TRANSFER for money in, DEBIT_TRANSFER for money out; a reversal turns it",
        )


def _date_problems(line: StatementLine, where: str, statement: BankStatement) -> Iterator[Problem]:
    first, last = statement.booking_date_from, statement.booking_date_to
    if not first <= line.booking_date <= last:
        yield _problem(
            f"{where}, booking_date", str(line.booking_date), f"a day from {first} to {last}"
        )
    if abs((line.value_date - line.booking_date).days) > VALUE_DATE_DAYS_MAX:
        yield _problem(
            f"{where}, value_date",
            str(line.value_date),
            f"a day within {VALUE_DATE_DAYS_MAX} days of the booking date {line.booking_date}",
        )


def _sum_problems(statement: BankStatement, whole: str) -> Iterator[Problem]:
    came = sum(line.amount_satang for line in statement.lines if line.is_credit)
    went = sum(line.amount_satang for line in statement.lines if not line.is_credit)
    computed = statement.opening_satang + came - went
    if computed != statement.closing_satang:
        opening, closing, difference = (
            format_baht(satang, thousands=True)
            for satang in (
                statement.opening_satang,
                statement.closing_satang,
                statement.closing_satang - computed,
            )
        )
        yield Problem(
            where=f"{whole}, closing balance",
            got=closing,
            expected=f"opening {opening} + credits {format_baht(came, thousands=True)}"
            f" - debits {format_baht(went, thousands=True)}"
            f" = {format_baht(computed, thousands=True)}",
            fix=f"The difference is {difference}: an entry is missing, doubled or wrong.",
        )


def _text_problems(
    where: str, text: str, length_max: int, *, required: bool = False
) -> Iterator[Problem]:
    if required and not text:
        yield _problem(where, text, "a text that is not empty")
    if len(text) > length_max:
        yield _problem(where, text, f"at most {length_max} characters, not {len(text)}")
    if _FORBIDDEN.search(text):
        yield _problem(where, text, "a text without control characters")
    elif clean(text) != text:
        yield _problem(where, text, "a text without white space doubled or at its ends")
