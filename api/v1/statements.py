"""Bank statements: load a file, see what was loaded, line by line.

Loading needs no Idempotency-Key: a statement is known by its content, the same file again is a
no-op that says so. The file is the body itself, camt.053 or CSV, written to disk as it arrives.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated
from uuid import UUID

import anyio
import asyncpg
from fastapi import APIRouter, Depends, Request, Response

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import BODIES, READS, ProblemError, failing
from api.v1.fields import CalendarDate, Currency, Id, SignedAmount, View
from api.v1.pages import After, Limit, Page, cursor, next_page, number_after
from ledger.books import get_book
from ledger.errors import NotFound
from ledger.money import format_baht
from products.payments.bank_statement import LineKind
from products.payments.lines import LineStatus
from products.payments.statements import LoadedStatement, StatementReport, load_statement

router = APIRouter(prefix="/books/{book}/statements", tags=["bank statements"])
ReadStatements = Annotated[Caller, Depends(in_book("statements:read"))]
WriteStatements = Annotated[Caller, Depends(in_book("statements:write"))]

_SUFFIXES = {"application/xml": ".xml", "text/xml": ".xml", "text/csv": ".csv"}
_FILE = {"schema": {"type": "string", "format": "binary"}}
_REQUEST = {"requestBody": {"required": True, "content": dict.fromkeys(_SUFFIXES, _FILE)}}

_STATEMENTS = """
SELECT s.statement_id, s.bank_code, s.sequence_no, s.bank_reference, s.booking_from, s.booking_to,
    s.opening_satang, s.closing_satang, s.line_count, s.loaded_on, s.loaded_seq
FROM products.bank_statement AS s
WHERE s.book_id = $1 AND s.loaded_seq > $2
ORDER BY s.loaded_seq LIMIT $3
"""
_LINES = """
SELECT l.line_id, l.statement_id, l.bank_code, l.line_no, l.bank_reference, l.amount_satang,
    l.is_credit, l.booking_date, l.value_date, l.kind, l.is_reversal, l.reference, l.remittance,
    l.counterparty, l.status, l.posted_on, l.posted_journal
FROM products.bank_line AS l
WHERE l.book_id = $1 AND l.statement_id = $2 AND l.line_no > $3
ORDER BY l.line_no LIMIT $4
"""
_STATEMENT_EXISTS = """
SELECT EXISTS (
    SELECT FROM products.bank_statement AS s WHERE s.book_id = $1 AND s.statement_id = $2
)
"""


class LoadedView(View):
    """One statement of the file; `repeated`: it was loaded before with this very content."""

    bank: str
    sequence_no: int
    lines: int
    closing_balance: SignedAmount
    repeated: bool


class LoadView(View):
    """What loading did. `settled` counts lines by what became of them; `repeated`: these bytes
    were loaded before; `stuck` names lines that could not be posted yet, with the reason.
    """

    repeated: bool
    data: list[LoadedView]
    settled: dict[str, int]
    proposals: int
    stuck: dict[str, str]


class StatementHeadView(View):
    """A statement without its lines."""

    id: UUID
    bank: str
    sequence_no: int
    bank_reference: str
    booking_from: CalendarDate
    booking_to: CalendarDate
    opening_balance: SignedAmount
    closing_balance: SignedAmount
    currency: Currency
    line_count: int
    loaded_on: CalendarDate
    loaded_seq: int


class BankLineView(View):
    """A line of a statement: the bank's facts, and what became of it in the book."""

    id: UUID
    statement_id: UUID
    bank: str
    line_no: int
    bank_reference: str
    amount: SignedAmount
    is_credit: bool
    booking_date: CalendarDate
    value_date: CalendarDate
    kind: str
    is_reversal: bool
    reference: str
    remittance: str
    counterparty: str
    status: str
    status_th: str
    posted_on: CalendarDate | None
    journal_id: UUID | None


@router.post(
    "",
    responses=failing(*BODIES, "statement_refused", "outcome_unknown"),
    openapi_extra=_REQUEST,
    operation_id="load_statement",
)
async def load_bank_statement(
    request: Request, doors: OpenDoors, caller: WriteStatements
) -> LoadView:
    """Load a camt.053 or CSV file; what is matched without doubt is posted at once."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _SUFFIXES:
        expected = ", ".join(_SUFFIXES)
        raise ProblemError("unsupported_media_type", f"got {media_type!r}; expected {expected}")
    async with doors.read() as connection:
        book = await get_book(connection, caller.book_code)
    async with _kept(request, f"statement{_SUFFIXES[media_type]}") as path:
        report = await load_statement(
            doors.database.poster, doors.collector, book, path, received_by=caller.actor
        )
    return _report(report)


@asynccontextmanager
async def _kept(request: Request, name: str) -> AsyncIterator[Path]:
    """The body as a file of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cff-statement-") as folder:
        path = Path(folder) / name
        async with await anyio.open_file(path, "wb") as file:
            async for piece in request.stream():
                await file.write(piece)
        yield path


def _report(report: StatementReport) -> LoadView:
    return LoadView(
        repeated=report.repeated,
        data=[_loaded(statement) for statement in report.statements],
        settled=report.settled.counts,
        proposals=report.settled.proposals,
        stuck={str(line_id): code for line_id, code in report.settled.stuck.items()},
    )


def _loaded(statement: LoadedStatement) -> LoadedView:
    return LoadedView(
        bank=statement.bank_code,
        sequence_no=statement.sequence_no,
        lines=statement.lines,
        closing_balance=format_baht(statement.closing_satang),
        repeated=statement.repeated,
    )


@router.get("", responses=failing(*READS), operation_id="list_statements")
async def list_statements(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadStatements,
    limit: Limit = 50,
    after: After = None,
) -> Page[StatementHeadView]:
    """Statements in the order in which they were loaded."""
    async with doors.read() as connection:
        rows = await connection.fetch(_STATEMENTS, caller.book_id, number_after(after), limit + 1)
    return next_page(request, response, rows, limit, _head, lambda row: cursor(row["loaded_seq"]))


@router.get("/{statement_id}/lines", responses=failing(*READS), operation_id="list_statement_lines")
async def list_statement_lines(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadStatements,
    statement_id: Id,
    limit: Limit = 50,
    after: After = None,
) -> Page[BankLineView]:
    """The lines of a statement in the bank's order."""
    start = min(number_after(after), 2**31 - 1)
    async with doors.read() as connection:
        if not await connection.fetchval(_STATEMENT_EXISTS, caller.book_id, statement_id):
            raise NotFound("statement", statement_id)
        rows = await connection.fetch(_LINES, caller.book_id, statement_id, start, limit + 1)
    return next_page(request, response, rows, limit, _line, lambda row: cursor(row["line_no"]))


def _head(row: asyncpg.Record) -> StatementHeadView:
    facts = dict(row)
    return StatementHeadView(
        id=facts.pop("statement_id"),
        bank=facts.pop("bank_code"),
        opening_balance=format_baht(facts.pop("opening_satang")),
        closing_balance=format_baht(facts.pop("closing_satang")),
        currency="THB",
        **facts,
    )


def _line(row: asyncpg.Record) -> BankLineView:
    facts = dict(row)
    status = LineStatus(facts.pop("status"))
    posted_on: date | None = facts.pop("posted_on")
    return BankLineView(
        id=facts.pop("line_id"),
        bank=facts.pop("bank_code"),
        amount=format_baht(facts.pop("amount_satang")),
        kind=LineKind(facts.pop("kind")).name.lower(),
        status=status.code,
        status_th=status.name_th,
        posted_on=posted_on,
        journal_id=facts.pop("posted_journal"),
        **facts,
    )
