"""What a period adds up to, drawn up before the head is taken and used only if still true.

A draft remembers the batch after which it was drawn up. Under the head one look at the batches
since then tells whether a journal dated up to the period's end came meanwhile; if one did, the
draft is thrown away and drawn up again. So the head is never held over a sum of the whole book.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ledger.books import Book, read_head
from ledger.db import Connection
from ledger.errors import ensure
from ledger.periods.spans import SQL, Span
from ledger.posting.read import HeadRow
from ledger.vouchers import fiscal_year_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What a GL code was debited and credited since the book began; satang."""

    debits: int
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouchers:
    """The vouchers dated within a period: how many, the lowest and the highest number."""

    number: int
    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The trial balance at a period's end as known after a batch, and the period's vouchers."""

    batch_no: int
    through: date
    totals: Mapping[str, Counters]
    vouchers: Vouchers

    @property
    def debits(self) -> int:
        """All debits since the book began, in satang."""
        return sum(counters.debits for counters in self.totals.values())

    @property
    def credits(self) -> int:
        """All credits since the book began, in satang."""
        return sum(counters.credits for counters in self.totals.values())


async def draw_up(connection: Connection, book: Book, span: Span) -> Draft:
    """The control totals of a period as known now. Raises `InvariantBroken` if they do not agree.

    The head is read first: what commits between the reads is later than the draft, and `is_late`
    finds it.
    """
    head = await read_head(connection, book.book_id)
    rows = await connection.fetch(SQL["totals"], book.book_id, span.ends_on)
    year = fiscal_year_of(span.ends_on, book.fiscal_year_start_month)
    found = await connection.fetchrow(
        SQL["vouchers"], book.book_id, year, span.starts_on, span.ends_on
    )
    ensure(found is not None, "an aggregate without a row")
    draft = Draft(
        batch_no=head.batch_no,
        through=span.ends_on,
        totals={
            row["gl_code"]: Counters(debits=int(row["debits"]), credits=int(row["credits"]))
            for row in rows
        },
        vouchers=Vouchers(**dict(found or {})),
    )
    ensure(
        draft.debits == draft.credits,
        f"trial balance of book {book.code} on {span.ends_on}: debits {draft.debits}, "
        f"credits {draft.credits} satang",
    )
    return draft


async def is_late(connection: Connection, book_id: int, head: HeadRow, draft: Draft) -> bool:
    """True when a journal dated up to the period's end came after the draft; ask under the head."""
    if head.batch_no == draft.batch_no:
        return False
    came: bool = await connection.fetchval(
        SQL["came_since"], book_id, draft.batch_no, draft.through
    )
    return came
