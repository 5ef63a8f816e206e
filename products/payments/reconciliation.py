"""Bank reconciliation: the book's bank account against the bank's own statement, on a date.

    closing balance of the last statement up to the date
  - lines of those statements that the book posts on a later business date (or not yet)
  + lines of later statements that the book posted on or before it
  = what the book says the bank holds

Every explained line is listed. What is left over is unexplained and must be zero: somebody moved
the bank's account without a line of the bank. The chain of statements is checked besides; so are
the accounts on which payments wait, whose every satang is a suspended line or a payment under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from uuid import UUID

from ledger.books import Book, read_head
from ledger.db import Connection
from ledger.errors import InvalidInput
from ledger.money import format_baht
from products.payments.banks import SQL, BankAccount, bank_accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingItem:
    """A line that bank and book count on different days.

    in_statement: True: the bank has it, the book not yet; False: the other way round.
    posted_on:    None while it is not posted.
    """

    line_id: UUID
    bank_code: str
    bank_reference: str
    is_credit: bool
    amount_satang: int
    booking_date: date
    value_date: date
    posted_on: date | None
    sequence_no: int
    in_statement: bool

    @property
    def signed_satang(self) -> int:
        """By how much it makes the statement's balance larger than the book's."""
        money = self.amount_satang if self.is_credit else -self.amount_satang
        return money if self.in_statement else -money


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementHead:
    """A loaded statement without its lines."""

    bank_code: str
    sequence_no: int
    booking_from: date
    booking_to: date
    opening_satang: int
    closing_satang: int
    line_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BankReconciliation:
    """One bank account on one business date; money in satang, seen from our side.

    statement_date:      last day of the last statement; None before the first one, when the
                         balance that the book opened with stands for it.
    unexplained_satang:  statement - explained - book; anything but zero is a finding.
    findings:            what is wrong, in words; empty when all is well. What concerns the
                         accounts on which payments wait, which no bank has to itself, stands with
                         the first bank.
    """

    bank_code: str
    on: date
    statement_no: int
    statement_date: date | None
    statement_satang: int
    book_satang: int
    explained: tuple[TimingItem, ...]
    unexplained_satang: int
    findings: tuple[str, ...]

    @property
    def explained_satang(self) -> int:
        """Sum of the explained items."""
        return sum(item.signed_satang for item in self.explained)


async def reconcile(connection: Connection, book: Book, on: date) -> list[BankReconciliation]:
    """Every bank account of the book on a business date, in order of the bank code.

    Raises `InvalidInput` for a date that the book has not come to, or before its opening.
    """
    today = (await read_head(connection, book.book_id)).business_date
    if not book.opened_on <= on <= today:
        expected = f"a date from {book.opened_on}, the opening, to {today}, the business date"
        raise InvalidInput.one(f"reconciliation of book {book.code}", on.isoformat(), expected)
    banks = await bank_accounts(connection, book.book_id)
    heads = [
        StatementHead(**dict(row))
        for row in await connection.fetch(SQL["statements_until"], book.book_id, on)
    ]
    chains = {code: tuple(own) for code, own in groupby(heads, key=lambda head: head.bank_code)}
    rows = await connection.fetch(SQL["book_balances"], book.book_id, on)
    balances = {row["bank_code"]: int(row["balance_satang"]) for row in rows}
    rows = await connection.fetch(SQL["timing_items"], book.book_id, on)
    items = [TimingItem(**dict(row)) for row in rows]
    found = [
        compare(
            bank,
            on,
            chains.get(code, ()),
            balances[code],
            tuple(item for item in items if item.bank_code == code),
        )
        for code, bank in banks.items()
    ]
    rows = await connection.fetch(SQL["waiting"], book.book_id, on)
    waiting = [text for row in rows for text in unexplained(**dict(row))]
    return [
        replace(bank, findings=(*bank.findings, *behind(bank, found), *(() if i else waiting)))
        for i, bank in enumerate(found)
    ]


def behind(bank: BankReconciliation, banks: Sequence[BankReconciliation]) -> list[str]:
    """That the bank's last statement is older than another bank's: one may have been forgotten."""
    newest = max(banks, key=lambda other: other.statement_date or date.min)
    if (newest.statement_date or date.min) <= (bank.statement_date or date.min):
        return []
    since = "yet" if bank.statement_date is None else f"since {bank.statement_date}"
    return [
        f"{bank.bank_code}: no statement {since} while {newest.bank_code} has "
        f"{newest.statement_date}"
    ]


def unexplained(names: str, explained: int, ledger: int) -> list[str]:
    """That an account holds other than its lines and payments say; money in satang, a credit is
    positive.
    """
    if explained == ledger:
        return []
    return [
        f"{names}: {format_baht(ledger - explained, thousands=True)} baht are explained by no line "
        f"of the bank and no payment (there should be {format_baht(explained, thousands=True)}, "
        f"there is {format_baht(ledger, thousands=True)})"
    ]


def compare(
    bank: BankAccount,
    on: date,
    chain: Sequence[StatementHead],
    book_satang: int,
    explained: tuple[TimingItem, ...],
) -> BankReconciliation:
    """One account's reconciliation from its facts. Pure."""
    last = chain[-1] if chain else None
    statement_satang = bank.opening_satang if last is None else last.closing_satang
    unexplained = statement_satang - sum(item.signed_satang for item in explained) - book_satang
    findings = continuity(bank, chain)
    if unexplained:
        findings.append(
            f"{bank.bank_code}: {format_baht(unexplained, thousands=True)} baht between statement "
            "and book are explained by no line of the bank"
        )
    return BankReconciliation(
        bank_code=bank.bank_code,
        on=on,
        statement_no=bank.opening_sequence_no if last is None else last.sequence_no,
        statement_date=None if last is None else last.booking_to,
        statement_satang=statement_satang,
        book_satang=book_satang,
        explained=explained,
        unexplained_satang=unexplained,
        findings=tuple(findings),
    )


def continuity(bank: BankAccount, chain: Sequence[StatementHead]) -> list[str]:
    """Where the chain of statements breaks: a gap in the numbers, an opening that is not the last
    closing, days that run backwards. Loading refuses these; here they are looked for again.
    """
    found = []
    number, closing = bank.opening_sequence_no, bank.opening_satang
    last_day = date.min
    for head in chain:
        name = f"{bank.bank_code} statement {head.sequence_no}"
        if head.sequence_no != number + 1:
            found.append(f"{name} follows {number}")
        if head.opening_satang != closing:
            opened, closed = format_baht(head.opening_satang), format_baht(closing)
            found.append(f"{name} opens with {opened}, the last one closed with {closed}")
        if head.booking_from < last_day:
            found.append(f"{name} begins on {head.booking_from}, the last one ended on {last_day}")
        number, closing, last_day = head.sequence_no, head.closing_satang, head.booking_to
    return found
