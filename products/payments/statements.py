"""Loading a bank's statement: read it, see that it continues the last one, keep it, post its lines.

Two moves, not one. First *one* unit writes the statement with all its lines and the numbered note
that it was loaded: there is no half statement, and the next one's continuity rests on it. Then
each line is a unit of its own (`settling`), so that one frozen account does not keep a thousand
good lines waiting, and the head is never held for a whole statement. A line is `new` until its unit
is accepted; a killed load leaves lines that are new, and loading the same file again, or the next
statement, or any matching run, takes up just those, under the same ids.

Meanwhile the reconciliation stays true: lines not yet posted are explained items.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import asyncpg

from ledger.books import Book, read_head
from ledger.db import Connection, Pool
from ledger.errors import CffError, InvalidInput, Overloaded, Problem
from ledger.money import format_baht
from ledger.posting.collector import Collector
from ledger.posting.ids import event_id
from ledger.posting.values import FIRST_SEQ, Note, RowWrite, Status, Unit
from products.kinds import EventKind
from products.payments import csv_statement
from products.payments.bank_statement import BankStatement
from products.payments.banks import SQL, BankAccount, bank_accounts
from products.payments.file_intake import Intake, begin_intake, digest_of, finish_intake
from products.payments.intake import SIZE_LIMIT_BYTES
from products.payments.iso20022 import camt053
from products.payments.settling import Settled, settle

_TRIES = 5
_CONTENT_VERSION = "1"


class StatementRefused(CffError):  # noqa: N818 - the name is what the clerk reads
    """The statement does not continue what is loaded; nothing of it was recorded."""

    code: ClassVar[str] = "statement_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedStatement:
    """One statement of a file. `repeated`: it was loaded before with this very content."""

    bank_code: str
    sequence_no: int
    lines: int
    closing_satang: int
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementReport:
    """What loading a file did. `repeated`: these bytes were loaded and finished before."""

    statements: tuple[LoadedStatement, ...]
    settled: Settled
    repeated: bool = False


async def load_statement(
    pool: Pool, collector: Collector, book: Book, source: Path, *, received_by: str
) -> StatementReport:
    """Load a camt.053 or CSV file: all its statements in order, each whole or not at all.

    The same file again is a no-op that says so. Raises `InvalidInput` for a file that cannot be
    read or names an account that is not ours, `StatementRefused` where continuity breaks.
    """
    # Reading a large file takes seconds; the doors of this process go on meanwhile.
    digest, size = await asyncio.to_thread(digest_of, source, SIZE_LIMIT_BYTES)
    statements = await asyncio.to_thread(parse_statements, source)
    intake = Intake(
        book_id=book.book_id, sha256=digest, kind="statement", name=source.name, size=size
    )
    done = await begin_intake(pool, intake, received_by)
    loaded: list[LoadedStatement] = []
    settled = Settled()
    try:
        for statement in statements:
            loaded.append(await _load_one(pool, collector, book, statement, digest, received_by))
    except CffError:
        # A later statement of the file is refused: what was loaded before it is posted.
        await _settle_banks(pool, collector, book, loaded)
        raise
    if done is None:
        settled = await _settle_banks(pool, collector, book, loaded)
        await finish_intake(pool, intake, {"statements": len(loaded), "counts": settled.counts})
    return StatementReport(statements=tuple(loaded), settled=settled, repeated=done is not None)


async def _settle_banks(
    pool: Pool, collector: Collector, book: Book, loaded: Sequence[LoadedStatement]
) -> Settled:
    settled = Settled()
    for bank_code in dict.fromkeys(item.bank_code for item in loaded):
        found = await settle(pool, collector, book.book_id, bank_code=bank_code)
        settled = _sum(settled, found)
    return settled


def parse_statements(source: Path) -> tuple[BankStatement, ...]:
    """The statements of a file; what begins with "<" is XML. Raises `InvalidInput`."""
    with source.open("rb") as stream:
        start = stream.read(256).lstrip(b"\xef\xbb\xbf \t\r\n")
        stream.seek(0)
        if start.startswith(b"<"):
            return camt053.parse(stream)
        return csv_statement.parse(stream)


async def _load_one(
    pool: Pool,
    collector: Collector,
    book: Book,
    statement: BankStatement,
    file_sha256: bytes,
    received_by: str,
) -> LoadedStatement:
    for _ in range(_TRIES):
        # One snapshot: another desk may be loading the same statement at this moment.
        async with (
            pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            bank = await _bank_of(connection, book, statement)
            unit = await _decide_load(
                connection, book.book_id, bank, statement, file_sha256, received_by
            )
        if unit is not None:
            try:
                outcome = await collector.submit(book.book_id, unit)
            except asyncpg.UniqueViolationError:
                continue  # another process has just loaded it: look again
            if outcome.status is not Status.ACCEPTED:
                raise StatementRefused(
                    f"statement {statement.statement_id}: {outcome.status.value}"
                )
        return LoadedStatement(
            bank_code=bank.bank_code,
            sequence_no=statement.sequence_no,
            lines=len(statement.lines),
            closing_satang=statement.closing_satang,
            repeated=unit is None,
        )
    raise Overloaded(f"statement {statement.statement_id} is being loaded elsewhere; try again")


async def _bank_of(connection: Connection, book: Book, statement: BankStatement) -> BankAccount:
    banks = await bank_accounts(connection, book.book_id)
    for bank in banks.values():
        if bank.account_no == statement.account_no:
            return bank
    ours = ", ".join(f"{bank.account_no} ({bank.bank_code})" for bank in banks.values())
    raise InvalidInput.one(
        f"statement {statement.statement_id}, account number",
        statement.account_no,
        f"an account of book {book.code}: {ours or 'none is registered yet'}",
    )


async def _decide_load(
    connection: Connection,
    book_id: int,
    bank: BankAccount,
    statement: BankStatement,
    file_sha256: bytes,
    received_by: str,
) -> Unit | None:
    """The unit that records the statement; None when it is recorded already, the same."""
    content = content_sha256(statement)
    row = await connection.fetchrow(
        SQL["statement_of"], book_id, bank.bank_code, min(statement.sequence_no, 2**31 - 1)
    )
    if row is not None:
        if row["content_sha256"] == content:
            return None
        raise StatementRefused(
            f"statement {statement.sequence_no} of {bank.bank_code} is loaded already with other "
            f"content (number {row['loaded_seq']} of the book): ask the bank which one holds"
        )
    today = (await read_head(connection, book_id)).business_date
    if statement.booking_date_to > today:
        # Its lines would count from an earlier day than the bank's own.
        raise StatementRefused(
            f"statement {statement.sequence_no} of {bank.bank_code} ends on "
            f"{statement.booking_date_to}, but the book's business date is {today}: load it once "
            "the book has come to that date"
        )
    last = await connection.fetchrow(SQL["last_statement"], book_id, bank.bank_code)
    _check_continues(
        bank,
        statement,
        last_no=bank.opening_sequence_no if last is None else last["sequence_no"],
        closing=bank.opening_satang if last is None else last["closing_satang"],
        last_day=None if last is None else last["booking_to"],
    )
    await _check_references(connection, book_id, bank, statement)
    return _load_unit(book_id, bank, statement, content, file_sha256, received_by)


def _check_continues(
    bank: BankAccount,
    statement: BankStatement,
    *,
    last_no: int,
    closing: int,
    last_day: date | None,
) -> None:
    """The number follows the last one's, it opens with that one's closing balance, and its days
    do not begin before that one's ended.
    """
    if statement.sequence_no != last_no + 1:
        first, last = last_no + 1, statement.sequence_no - 1
        gap = f"{first} is missing" if first == last else f"{first} to {last} are missing"
        behind = statement.sequence_no <= last_no
        missing = "it lies before what is loaded" if behind else f"{gap}: load that first"
        raise StatementRefused(
            f"statement {statement.sequence_no} of {bank.bank_code} does not follow {last_no}, "
            f"the last one loaded: {missing}"
        )
    if statement.opening_satang != closing:
        raise StatementRefused(
            f"statement {statement.sequence_no} of {bank.bank_code} opens with "
            f"{format_baht(statement.opening_satang, thousands=True)}, but statement {last_no} "
            f"closed with {format_baht(closing, thousands=True)}: ask the bank for the right one"
        )
    if last_day is not None and statement.booking_date_from < last_day:
        raise StatementRefused(
            f"statement {statement.sequence_no} of {bank.bank_code} begins on "
            f"{statement.booking_date_from}, but statement {last_no} ended on {last_day}: "
            "ask the bank for the right dates"
        )


async def _check_references(
    connection: Connection, book_id: int, bank: BankAccount, statement: BankStatement
) -> None:
    """No line of it stands in an earlier statement. Raises `InvalidInput` with each that does."""
    references = [line.bank_reference for line in statement.lines]
    rows = await connection.fetch(SQL["known_references"], book_id, bank.bank_code, references)
    if not rows:
        return
    line_of = {line.bank_reference: line.line_no for line in statement.lines}
    raise InvalidInput(
        [
            Problem(
                where=f"statement {statement.statement_id}, line {line_of[row['bank_reference']]}",
                got=row["bank_reference"],
                expected=f"a reference that is not already in statement {row['sequence_no']}",
                fix="The bank has sent the same entry twice: ask it for a corrected statement.",
            )
            for row in rows[:50]
        ]
    )


def content_sha256(statement: BankStatement) -> bytes:
    """SHA-256 over the facts of a statement, however the file writes them."""
    digest = hashlib.sha256(_CONTENT_VERSION.encode())
    heads = [getattr(statement, f.name) for f in fields(statement) if f.name != "lines"]
    rows = [getattr(line, f.name) for line in statement.lines for f in fields(line)]
    for value in heads + rows:
        text = str(value).encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.digest()


def _load_unit(
    book_id: int,
    bank: BankAccount,
    statement: BankStatement,
    content: bytes,
    file_sha256: bytes,
    received_by: str,
) -> Unit:
    statement_id = event_id(book_id, "statement", bank.bank_code, statement.sequence_no)
    note = Note(
        kind=EventKind.STATEMENT_LOADED,
        subject=statement_id,
        account=bank.account_id,
        body={
            "bank": bank.bank_code,
            "sequence_no": statement.sequence_no,
            "opening_satang": statement.opening_satang,
            "closing_satang": statement.closing_satang,
            "lines": len(statement.lines),
            "content_sha256": content.hex(),
            "file_sha256": file_sha256.hex(),
        },
    )
    arguments = (
        book_id,
        statement_id,
        bank.bank_code,
        statement.sequence_no,
        statement.statement_id,
        statement.booking_date_from,
        statement.booking_date_to,
        statement.opening_satang,
        statement.closing_satang,
        FIRST_SEQ,
        content,
        file_sha256,
        *_line_columns(statement_id, statement),
    )
    write = RowWrite(statement=SQL["insert_statement"], arguments=arguments)
    return Unit(operations=(note,), actor=received_by, writes=(write,))


def _line_columns(statement_id: UUID, statement: BankStatement) -> Sequence[list[object]]:
    lines = statement.lines
    return (
        [event_id(statement_id, line.line_no) for line in lines],
        [line.line_no for line in lines],
        [line.bank_reference for line in lines],
        [line.amount_satang for line in lines],
        [line.is_credit for line in lines],
        [line.booking_date for line in lines],
        [line.value_date for line in lines],
        [line.kind.value for line in lines],
        [line.is_reversal for line in lines],
        [line.reference for line in lines],
        [line.remittance for line in lines],
        [line.counterparty for line in lines],
        [line.original_reference for line in lines],
    )


def _sum(left: Settled, right: Settled) -> Settled:
    counts = dict(left.counts)
    for name, count in right.counts.items():
        counts[name] = counts.get(name, 0) + count
    return Settled(
        counts=counts,
        proposals=left.proposals + right.proposals,
        stuck=left.stuck | right.stuck,
    )
