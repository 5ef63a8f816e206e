"""Closing a month and opening it again.

A month closes when each of its days is proven and each earlier month of the book is closed; the
closing records the trial balance at the month's end as known at its own number. The month that was
closed last may be opened again, for a reason, while its fiscal year is open. What an earlier
closing recorded stays.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from ledger.books import Book
from ledger.db import Pool, translated
from ledger.errors import Overloaded
from ledger.periods.acts import (
    TRIES,
    Acted,
    Answer,
    closing_note,
    opening_note,
    post_act,
    require_month_closable,
    require_month_openable,
    require_reason,
    write_closing,
)
from ledger.periods.spans import SQL, BookPeriod, PeriodState, Span, month_of, read_rows
from ledger.periods.totals import Draft, draw_up, is_late
from ledger.periods.transact import OwnTransaction, own_transaction
from ledger.posting.read import take_head
from ledger.posting.values import IdempotencyKey, Outcome, Status, Unit


async def close_month(
    pool: Pool,
    book: Book,
    month: date,
    *,
    actor: str,
    reason: str = "",
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
    rehearse: bool = False,
) -> Acted:
    """Close the month of a date. rehearse: answer as if closed, and leave no trace.

    Raises `PeriodNotReady` (a day is not proven, an earlier month or the year's state stands
    against it), `PeriodWrongState` (closed already), `NotFound`, `Overloaded`.
    """
    span = month_of(month)
    for _ in range(TRIES):
        async with translated(), pool.acquire() as connection:
            rows = await read_rows(connection, book.book_id)
            await require_month_closable(connection, book, rows, span)
            draft = await draw_up(connection, book, span)
        async with own_transaction(pool, book.book_id, rehearse=rehearse) as mine:
            acted = await _close(mine, book, span, draft, _asked(actor, reason, key), answer)
        if acted is not None:
            return acted
    raise Overloaded(f"{span.name} of book {book.code} was posted to {TRIES} times meanwhile")


def _asked(actor: str, reason: str, key: IdempotencyKey | None) -> Unit:
    return Unit(operations=(), actor=actor, reason=reason, key=key)


async def _close(
    mine: OwnTransaction, book: Book, span: Span, draft: Draft, asked: Unit, answer: Answer | None
) -> Acted | None:
    """Under the head: look again, post, write; None when the draft is no longer true."""
    connection = mine.connection
    head = await take_head(connection, book.book_id)
    rows = await read_rows(connection, book.book_id)
    closing = 1 + await require_month_closable(connection, book, rows, span)
    if await is_late(connection, book.book_id, head, draft):
        return None

    def acted(outcome: Outcome) -> Acted:
        seq = outcome.receipts[-1].recorded_seq if outcome.receipts else None
        period = BookPeriod(span=span, state=PeriodState.CLOSED, closings=closing, closed_seq=seq)
        return Acted(outcome=outcome, period=period, draft=draft)

    unit = replace(asked, operations=(closing_note(book, span, closing, draft),))
    done = await post_act(connection, book, unit, acted, answer)
    if done.outcome.status is Status.ACCEPTED:
        seq = done.outcome.receipts[-1].recorded_seq
        await write_closing(connection, book, span, closing, seq, draft)
    return done


async def reopen_month(
    pool: Pool,
    book: Book,
    month: date,
    *,
    actor: str,
    reason: str,
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
    rehearse: bool = False,
) -> Acted:
    """Open the month of a date again, the newest closed one of an open fiscal year.

    Raises `InvalidInput` unreasoned, `PeriodNotReady` (a later month is closed, or its year),
    `PeriodWrongState` (not closed), `NotFound`.
    """
    require_reason(reason)
    span = month_of(month)
    async with own_transaction(pool, book.book_id, rehearse=rehearse) as mine:
        await take_head(mine.connection, book.book_id)
        before = require_month_openable(book, await read_rows(mine.connection, book.book_id), span)
        after = replace(before, state=PeriodState.OPEN_AGAIN)

        def acted(outcome: Outcome) -> Acted:
            return Acted(outcome=outcome, period=after)

        unit = replace(_asked(actor, reason, key), operations=(opening_note(book, before),))
        done = await post_act(mine.connection, book, unit, acted, answer)
        if done.outcome.status is Status.ACCEPTED:
            await mine.connection.execute(
                SQL["open_period"], book.book_id, int(span.kind), span.starts_on
            )
    return done
