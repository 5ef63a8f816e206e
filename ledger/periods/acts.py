"""What closing and opening a period have in common: conditions, the note, the rows, the answer.

The rows are written after the batch, not as row writes of the unit: the guard on batches refuses a
period that is closed already. All of it is one transaction that holds the head.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import ClassVar, cast
from uuid import UUID

from ledger.books import Book, read_head
from ledger.db import Connection
from ledger.errors import CffError, InvalidInput
from ledger.kinds import EventKind
from ledger.periods.spans import (
    SQL,
    BookPeriod,
    PeriodState,
    Rows,
    Span,
    is_closed,
    months_between,
    months_in,
    require_of_book,
    standing,
    year_with,
)
from ledger.periods.totals import Counters, Draft
from ledger.posting.ids import event_id
from ledger.posting.values import Note, Origin, Outcome, Period, Unit
from ledger.posting.write import post_batch

TRIES = 5
"""So often a draft is drawn up anew because the period was posted to meanwhile."""


class PeriodNotReady(CffError):  # noqa: N818 - the name is what the accountant reads
    """Something else must be closed, or opened again, first; nothing was recorded."""

    code: ClassVar[str] = "period_not_ready"


class PeriodWrongState(CffError):  # noqa: N818
    """The period is closed already, or is not closed; nothing was recorded."""

    code: ClassVar[str] = "wrong_status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What became of closing or opening a period.

    outcome: as of any unit; a refusal leaves the period as it was.
    period:  how it stands afterwards. draft: its control totals when it was closed.
    result_satang: income less expense that the closing of a year carried to the result.
    codes:   account codes, to name accounts in a refusal.
    """

    outcome: Outcome
    period: BookPeriod
    draft: Draft | None = None
    result_satang: int | None = None
    codes: Mapping[int, str] = field(default_factory=dict)


Answer = Callable[[Acted], str]
"""Makes the text that is kept under the idempotency key; called before the commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodAct:
    """A closing or an opening again, as recorded.

    closing: which closing it was, or which one it undid; totals are those of a closing.
    """

    recorded_seq: int
    opened_again: bool
    closing: int
    actor: str
    reason: str
    recorded_at: datetime
    body: Mapping[str, object]
    totals: Mapping[str, Counters]


async def post_act(
    connection: Connection,
    book: Book,
    unit: Unit,
    acted: Callable[[Outcome], Acted],
    answer: Answer | None,
    *,
    closing_day: date | None = None,
) -> Acted:
    """Post the unit of an act as a batch of its own; `acted` says what an outcome means for it.

    closing_day: the last day of the fiscal year that is closed or opened; None for a month, whose
                 note stands on the current business date and moves nothing.
    """
    if answer is not None:
        unit = replace(unit, answer=lambda outcome: answer(acted(outcome)))
    (outcome,) = await post_batch(
        connection,
        book.book_id,
        [unit],
        origin=Origin.DOORS if closing_day is None else Origin.ADJUST,
        business_date=closing_day,
        period=Period.ORDINARY if closing_day is None else Period.YEAR_CLOSE,
    )
    return acted(outcome)


def subject_of(book_id: int, span: Span) -> UUID:
    """The id under which the events of a period are found."""
    return event_id(book_id, "period", int(span.kind), span.starts_on)


def closing_note(book: Book, span: Span, closing: int, draft: Draft) -> Note:
    """The numbered event of a closing: what was closed, and what it added up to."""
    return Note(
        kind=EventKind.PERIOD_CLOSED,
        subject=subject_of(book.book_id, span),
        body=_named(span, closing)
        | {
            "debits_satang": draft.debits,
            "credits_satang": draft.credits,
            "gl_codes": len(draft.totals),
            "vouchers": draft.vouchers.number,
            "first_voucher": draft.vouchers.first,
            "last_voucher": draft.vouchers.last,
        },
    )


def opening_note(book: Book, before: BookPeriod) -> Note:
    """The numbered event of a period that is opened again: which closing it undoes."""
    return Note(
        kind=EventKind.PERIOD_REOPENED,
        subject=subject_of(book.book_id, before.span),
        body=_named(before.span, before.closings) | {"closed_seq": before.closed_seq},
    )


def _named(span: Span, closing: int) -> dict[str, object]:
    return {
        "kind": span.kind.name.lower(),
        "name": span.name,
        "starts_on": span.starts_on.isoformat(),
        "ends_on": span.ends_on.isoformat(),
        "closing": closing,
    }


async def write_closing(
    connection: Connection, book: Book, span: Span, closing: int, seq: int, draft: Draft
) -> None:
    """The period's row and this closing's control totals."""
    key = (book.book_id, int(span.kind), span.starts_on)
    await connection.execute(SQL["close_period"], *key, span.ends_on, closing, seq)
    await connection.execute(
        SQL["keep_totals"],
        *key,
        closing,
        list(draft.totals),
        [counters.debits for counters in draft.totals.values()],
        [counters.credits for counters in draft.totals.values()],
    )


def require_reason(reason: str) -> None:
    """Raises `InvalidInput` when nobody said why."""
    if not reason.strip():
        raise InvalidInput.one("reason", reason, "why the period is opened again")


def require_open(book: Book, rows: Rows, span: Span) -> BookPeriod:
    """The period, if it is not closed. Raises `PeriodWrongState`, `NotFound`."""
    require_of_book(book, span)
    found = standing(book, rows, span)
    if found.state is PeriodState.CLOSED:
        raise PeriodWrongState(
            f"{span.name} of book {book.code} is closed already, at number {found.closed_seq}"
        )
    return found


def require_closed(book: Book, rows: Rows, span: Span) -> BookPeriod:
    """The period, if it is closed and the newest closed of its kind.

    Raises `PeriodWrongState`, `PeriodNotReady`, `NotFound`.
    """
    require_of_book(book, span)
    found = standing(book, rows, span)
    if found.state is not PeriodState.CLOSED:
        raise PeriodWrongState(f"{span.name} of book {book.code} is not closed")
    newest = max(start for (kind, start), row in rows.items() if kind is span.kind and row.closed)
    if newest > span.starts_on:
        raise PeriodNotReady(
            f"{span.name} of book {book.code} cannot be opened before a later one: the period "
            f"that begins on {newest} is closed too. Open the newest first"
        )
    return found


async def require_month_closable(connection: Connection, book: Book, rows: Rows, span: Span) -> int:
    """The number of closings so far of a month that may close. Raises what stands against it."""
    found = require_open(book, rows, span)
    _require_year_open(book, rows, span)
    first = max(span.starts_on, book.opened_on)
    head_date = (await read_head(connection, book.book_id)).business_date
    unproven: date | None = await connection.fetchval(
        SQL["first_unproven"], book.book_id, first, span.ends_on
    )
    if head_date <= span.ends_on and unproven is None:
        unproven = max(head_date, first)
    if unproven is not None:
        raise PeriodNotReady(
            f"{span.name} of book {book.code} cannot be closed: {unproven} is not proven. "
            "Run end-of-day first"
        )
    for earlier in months_between(book.opened_on, span.starts_on):
        if earlier.starts_on < span.starts_on and not is_closed(rows, earlier):
            raise PeriodNotReady(
                f"{span.name} of book {book.code} waits for {earlier.name}, which is not closed: "
                "close the months in order"
            )
    return found.closings


def require_month_openable(book: Book, rows: Rows, span: Span) -> BookPeriod:
    """A month that may be opened again. Raises what stands against it."""
    found = require_closed(book, rows, span)
    _require_year_open(book, rows, span)
    return found


def _require_year_open(book: Book, rows: Rows, month: Span) -> None:
    year = year_with(book, month.starts_on)
    if is_closed(rows, year):
        raise PeriodNotReady(
            f"fiscal year {year.name} of book {book.code} is closed: open it again first"
        )


def require_year_closable(book: Book, rows: Rows, year: Span) -> int:
    """The number of closings so far of a year that may close. Raises what stands against it."""
    found = require_open(book, rows, year)
    for month in months_in(book, year):
        if not is_closed(rows, month):
            raise PeriodNotReady(
                f"fiscal year {year.name} of book {book.code} waits for its month {month.name}, "
                "which is not closed"
            )
    if year.starts_on > book.opened_on:
        before = year_with(book, date.fromordinal(year.starts_on.toordinal() - 1))
        if not is_closed(rows, before):
            raise PeriodNotReady(
                f"fiscal year {year.name} of book {book.code} waits for {before.name}, which is "
                "not closed: close the years in order"
            )
    return found.closings


async def require_nights_run(connection: Connection, book: Book, year: Span) -> None:
    """Raises `PeriodNotReady` while a night is to come that corrects by value dates of the year.

    Once the year is closed such a correction would be below the floor of value dates: that night
    and every one after it would stand still. Ask under the head.
    """
    waits: date | None = await connection.fetchval(SQL["late_postings"], book.book_id, year.ends_on)
    if waits is not None:
        raise PeriodNotReady(
            f"fiscal year {year.name} of book {book.code} cannot be closed: {waits} has postings "
            f"with value dates up to {year.ends_on} and is not proven. Run end-of-day first"
        )


async def acts_of(connection: Connection, book: Book, span: Span) -> list[PeriodAct]:
    """Every closing of a period, with its totals, and every opening again, in order."""
    subject = subject_of(book.book_id, span)
    kept = await connection.fetch(SQL["kept_totals"], book.book_id, int(span.kind), span.starts_on)
    totals: dict[int, dict[str, Counters]] = {}
    for row in kept:
        counters = Counters(debits=int(row["debits"]), credits=int(row["credits"]))
        totals.setdefault(row["closing"], {})[row["gl_code"]] = counters
    return [
        _act(dict(row), totals)
        for row in await connection.fetch(SQL["acts"], book.book_id, subject)
    ]


def _act(row: dict[str, object], totals: Mapping[int, Mapping[str, Counters]]) -> PeriodAct:
    body = cast(dict[str, object], json.loads(str(row["body"])))
    closing = cast(int, body["closing"])
    opened_again = row["kind"] == EventKind.PERIOD_REOPENED
    return PeriodAct(
        recorded_seq=cast(int, row["recorded_seq"]),
        opened_again=opened_again,
        closing=closing,
        actor=str(row["actor"]),
        reason=str(row["reason"]),
        recorded_at=cast(datetime, row["recorded_at"]),
        body=body,
        totals={} if opened_again else totals.get(closing, {}),
    )
