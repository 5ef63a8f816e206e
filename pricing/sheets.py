"""Rate sheets: drafted by one person, approved by another, never effective before that.

A sheet has a line for each slab of balances; the simplest has one, for every balance. Lines are
drafted with their sheet, in one transaction, and never change.

The database holds the promises itself (maker is not approver, an approval names its person and its
business date, no effect before a later one); here they become errors in words. Sheets take no
number, so they are the application's: SQLAlchemy Core, each call one transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.dates import Clock, now
from ledger.errors import Forbidden, InvalidInput, NotFound, ensure
from pricing.rate_lines import RateLine, one_rate, require_lines
from pricing.tables import rate_line, rate_sheet

DRAFT, APPROVED, WITHDRAWN = 1, 2, 3
SHEET_GUARD = "LG007"
"""SQLSTATE of the triggers that keep sheets as they were drafted and dated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The rates of one product from a date on. `state` is DRAFT, APPROVED or WITHDRAWN.

    lines: the rate of each slab of balances, lowest first, gapless.
    """

    book_id: int
    sheet_id: UUID
    product_code: str
    effective_from: date
    lines: tuple[RateLine, ...]
    state: int
    made_by: str
    approved_by: str | None = None
    approved_on: date | None = None

    @property
    def annual_rate_e8(self) -> int:
        """The rate of the slab from zero."""
        return self.lines[0].annual_rate_e8


_COLUMNS = [
    rate_sheet.c[name]
    for name in (
        "book_id",
        "sheet_id",
        "product_code",
        "effective_from",
        "state",
        "made_by",
        "approved_by",
        "approved_on",
    )
]


async def draft_sheet(
    engine: AsyncEngine,
    book_id: int,
    *,
    product_code: str,
    effective_from: date,
    annual_rate_e8: int | None = None,
    lines: Sequence[RateLine] = (),
    made_by: str,
    clock: Clock = now,
) -> Sheet:
    """A new draft; it prices nothing until somebody else approves it.

    `annual_rate_e8` is one rate for every balance; `lines`, instead of it, are rates by slab.
    Raises `InvalidInput` naming every gap, overlap, negative or not increasing bound, bad rate.
    """
    ensure(annual_rate_e8 is None or not lines, "a sheet has one rate or lines, never both")
    sheet = Sheet(
        book_id=book_id,
        sheet_id=uuid4(),
        product_code=product_code,
        effective_from=effective_from,
        lines=require_lines(lines if annual_rate_e8 is None else one_rate(annual_rate_e8)),
        state=DRAFT,
        made_by=made_by,
    )
    async with engine.begin() as connection:
        await connection.execute(
            sa.insert(rate_sheet).values(
                book_id=book_id,
                sheet_id=sheet.sheet_id,
                product_code=product_code,
                effective_from=effective_from,
                annual_rate_e8=sheet.annual_rate_e8,
                state=DRAFT,
                made_by=made_by,
                made_at=clock(),
            )
        )
        await connection.execute(sa.insert(rate_line), [_row(sheet, line) for line in sheet.lines])
    return sheet


def _row(sheet: Sheet, line: RateLine) -> dict[str, object]:
    return {
        "book_id": sheet.book_id,
        "sheet_id": sheet.sheet_id,
        "slab_from_satang": line.slab_from_satang,
        "annual_rate_e8": line.annual_rate_e8,
    }


async def approve_sheet(
    engine: AsyncEngine,
    book_id: int,
    sheet_id: UUID,
    *,
    approved_by: str,
    on: date,
    clock: Clock = now,
) -> Sheet:
    """Approve a draft on the business date `on`; it is in force from a later date.

    While a book still stands on its first date, sheets approved before it are taken over: `on` may
    then be earlier. Raises `NotFound` when there is no such draft, `Forbidden` when the maker
    approves, and `InvalidInput` when `on` is another date, when the sheet would be effective by
    its approval, or when another sheet of the product is approved for that very date.
    """
    change = (
        sa.update(rate_sheet)
        .where(
            rate_sheet.c.book_id == book_id,
            rate_sheet.c.sheet_id == sheet_id,
            rate_sheet.c.state == DRAFT,
        )
        .values(state=APPROVED, approved_by=approved_by, approved_on=on, approved_at=clock())
        .returning(*_COLUMNS)
    )
    async with _in_words(approved_by, on), engine.begin() as connection:
        rows = (await connection.execute(change)).mappings().all()
        sheets = await _with_lines(connection, book_id, rows)
    if not sheets:
        raise NotFound("draft rate sheet", sheet_id)
    return sheets[0]


async def list_sheets(
    engine: AsyncEngine, book_id: int, *, product_code: str | None = None
) -> list[Sheet]:
    """All sheets of a book (of a product), newest effective date first."""
    question = (
        sa.select(*_COLUMNS)
        .where(rate_sheet.c.book_id == book_id)
        .order_by(
            rate_sheet.c.product_code, rate_sheet.c.effective_from.desc(), rate_sheet.c.sheet_id
        )
    )
    if product_code is not None:
        question = question.where(rate_sheet.c.product_code == product_code)
    async with engine.connect() as connection:
        rows = (await connection.execute(question)).mappings().all()
        return await _with_lines(connection, book_id, rows)


async def _with_lines(
    connection: AsyncConnection, book_id: int, rows: Sequence[sa.RowMapping]
) -> list[Sheet]:
    """Rows of sheets with the lines of each, all read by one question."""
    question = (
        sa.select(rate_line.c.sheet_id, rate_line.c.slab_from_satang, rate_line.c.annual_rate_e8)
        .where(
            rate_line.c.book_id == book_id,
            rate_line.c.sheet_id.in_([row["sheet_id"] for row in rows]),
        )
        .order_by(rate_line.c.sheet_id, rate_line.c.slab_from_satang)
    )
    lines: dict[UUID, list[RateLine]] = {}
    for line in (await connection.execute(question)).mappings():
        facts: dict[str, Any] = dict(line)
        lines.setdefault(facts.pop("sheet_id"), []).append(RateLine(**facts))
    return [Sheet(**row, lines=tuple(lines[row["sheet_id"]])) for row in rows]


@asynccontextmanager
async def _in_words(person: str, on: date) -> AsyncIterator[None]:
    """The constraints of an approval as errors of ours, chosen by the constraint's name."""
    try:
        yield
    except DBAPIError as error:
        name, state = _of_server(error, "constraint_name"), _of_server(error, "sqlstate")
        if name == "approved_with_its_lines":
            raise InvalidInput.one(
                "lines",
                "a sheet without a line from 0.00 at its own rate",
                "a sheet drafted with its lines",
                "Draft it anew.",
            ) from error
        if state == SHEET_GUARD:
            raise InvalidInput.one(
                "approved_on", on.isoformat(), "the business date that the book stands on"
            ) from error
        if name == "sheet_maker_is_not_approver":
            raise Forbidden(
                f"{person} made this rate sheet: a second person must approve it"
            ) from error
        if name == "never_effective_before_approval":
            raise InvalidInput.one(
                "approved_on",
                on.isoformat(),
                "a date before the sheet's effective_from",
                "A rate never reaches back: draft it for a later date.",
            ) from error
        if name == "one_approved_rate_a_day":
            raise InvalidInput.one(
                "effective_from",
                "a date that has an approved sheet",
                "a date of the product without one",
                "An approved rate is not replaced: draft the new one for another date.",
            ) from error
        raise


def _of_server(error: DBAPIError, field: str) -> str | None:
    """A field of the server's own error, which the driver keeps as the cause of its exception."""
    cause = error.orig.__cause__ if error.orig is not None else None
    value = getattr(cause, field, None)
    return value if isinstance(value, str) else None
