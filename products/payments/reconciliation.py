"""Bank reconciliation: the book's bank account against the bank's own statement, on a date.

    closing balance of the last statement up to the date
  - lines of those statements that the book posts on a later business date (or not yet)
  + lines of later statements that the book posted on or before it
  = what the book says the bank holds

Every explained line is listed. What is left over is unexplained and must be zero: somebody moved
the bank's account without a line of the bank. The chain of statements is checked besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from uuid import UUID

from ledger.books import Book
from ledger.db import Connection
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
    findings:            what is wrong, in words; empty when all is well.
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
    """Every bank account of the book on a business date, in order of the bank code."""
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
    return [
        compare(
            bank,
            on,
            chains.get(code, ()),
            balances[code],
            tuple(item for item in items if item.bank_code == code),
        )
        for code, bank in banks.items()
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
