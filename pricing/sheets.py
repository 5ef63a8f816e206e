"""Rate sheets: drafted by one person, approved by another, never effective before that.

The database holds the promises itself (maker is not approver, an approval names its person and its
business date, no effect before a later one); here they become errors in words. Sheets take no
number, so they are the application's: SQLAlchemy Core, each call one transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.dates import Clock, now
from ledger.errors import Forbidden, InvalidInput, NotFound
from pricing.rates import format_rate_percent
from pricing.tables import rate_sheet

DRAFT, APPROVED, WITHDRAWN = 1, 2, 3
SHEET_GUARD = "LG007"
"""SQLSTATE of the trigger that keeps sheets as they were drafted and dated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One effective-dated rate of one product. `state` is DRAFT, APPROVED or WITHDRAWN."""

    book_id: int
    sheet_id: UUID
    product_code: str
    effective_from: date
    annual_rate_e8: int
    state: int
    made_by: str
    approved_by: str | None = None
    approved_on: date | None = None


_COLUMNS = [
    rate_sheet.c[name]
    for name in (
        "book_id",
        "sheet_id",
        "product_code",
        "effective_from",
        "annual_rate_e8",
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
    annual_rate_e8: int,
    made_by: str,
    clock: Clock = now,
) -> Sheet:
    """A new draft; it prices nothing until somebody else approves it."""
    format_rate_percent(annual_rate_e8)
    sheet = Sheet(
        book_id=book_id,
        sheet_id=uuid4(),
        product_code=product_code,
        effective_from=effective_from,
        annual_rate_e8=annual_rate_e8,
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
                annual_rate_e8=annual_rate_e8,
                state=DRAFT,
                made_by=made_by,
                made_at=clock(),
            )
        )
    return sheet


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
        row = (await connection.execute(change)).mappings().one_or_none()
    if row is None:
        raise NotFound("draft rate sheet", sheet_id)
    return Sheet(**row)


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
    return [Sheet(**row) for row in rows]


@asynccontextmanager
async def _in_words(person: str, on: date) -> AsyncIterator[None]:
    """The constraints of an approval as errors of ours, chosen by the constraint's name."""
    try:
        yield
    except DBAPIError as error:
        name, state = _of_server(error, "constraint_name"), _of_server(error, "sqlstate")
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
