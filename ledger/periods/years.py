"""Closing a fiscal year and opening it again.

When all months of a year are closed the year is in its late period. Closing it posts, dated on its
last day, the journals that carry income and expense to the result, and raises the floor of value
dates to the next year's start. What the next year has posted on those accounts stays as it is.
Opening the year again reverses those journals on the same day, lowers the floor, and puts the year
back into its late period; its next closing carries the result anew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import asyncpg

from ledger.books import Book
from ledger.db import Connection, Pool, translated
from ledger.errors import InvalidInput, NotFound, Overloaded
from ledger.manual import account_codes
from ledger.periods.acts import (
    TRIES,
    Acted,
    Answer,
    closing_note,
    opening_note,
    post_act,
    require_closed,
    require_nights_run,
    require_reason,
    require_year_closable,
    write_closing,
)
from ledger.periods.result import ResultAccount, close_accounts, opposite
from ledger.periods.spans import SQL, BookPeriod, PeriodState, Span, read_rows, year_of
from ledger.periods.totals import Draft, draw_up, is_late
from ledger.periods.transact import OwnTransaction, own_transaction
from ledger.posting.ids import attempts, event_id
from ledger.posting.read import SQL as POSTING_SQL
from ledger.posting.read import journals_of, take_head
from ledger.posting.values import IdempotencyKey, Journal, Operation, Outcome, Status, Unit

RESULT_GL_CODE = "341100"
"""The chart's code of retained profit: where the result goes unless an account is named."""
CURE = "open the account again by undoing its closing, then repeat this"
"""What a year waits for that an account stands against which was closed meanwhile."""


async def close_year(
    pool: Pool,
    book: Book,
    fiscal_year: int,
    *,
    actor: str,
    reason: str = "",
    result_account: str | None = None,
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
    rehearse: bool = False,
) -> Acted:
    """Close a fiscal year, named by the calendar year in which it ends.

    result_account: code of the account of class 3 that takes the result; None = the only account
                    of the chart's code for retained profit. rehearse: leave no trace.

    A refusal of the judge (an account is frozen, say) leaves the year in its late period. Raises
    `PeriodNotReady` (a month is open, or the year before, or a
    night is to come that corrects by value dates of the year), `PeriodWrongState` (closed already),
    `InvalidInput` (no such result account), `NotFound`, `Overloaded`.
    """
    year = year_of(book, fiscal_year)
    asked = Unit(operations=(), actor=actor, reason=reason, key=key)
    for _ in range(TRIES):
        async with translated(), pool.acquire() as connection:
            require_year_closable(book, await read_rows(connection, book.book_id), year)
            result = await _result_account(connection, book, result_account)
            draft = await draw_up(connection, book, year)
            rows = await connection.fetch(SQL["results"], book.book_id, year.ends_on)
        carried = [_account(row) for row in rows]
        async with own_transaction(pool, book.book_id, rehearse=rehearse) as mine:
            acted = await _close(mine.connection, book, year, draft, carried, result, asked, answer)
        if acted is not None:
            return acted
    raise Overloaded(f"fiscal year {year.name} was posted to {TRIES} times meanwhile; try again")


def _account(row: asyncpg.Record) -> ResultAccount:
    return ResultAccount(**dict(row))


async def _result_account(connection: Connection, book: Book, code: str | None) -> ResultAccount:
    """The account that takes the result. Raises `InvalidInput` when that is not clear."""
    if code is None:
        rows = await connection.fetch(SQL["result_accounts"], book.book_id, RESULT_GL_CODE)
        if len(rows) != 1:
            found = "several accounts" if rows else "no account"
            raise InvalidInput.one(
                "result_account",
                f"{found} of {RESULT_GL_CODE}",
                "the code of the account of class 3 that takes the year's result",
            )
        return _account(rows[0])
    row = await connection.fetchrow(SQL["account"], book.book_id, code)
    if row is None or not row["gl_code"].startswith("3"):
        raise InvalidInput.one(
            "result_account", code, "an account of class 3 (capital) of the book"
        )
    return _account(row)


async def _close(
    connection: Connection,
    book: Book,
    year: Span,
    before: Draft,
    carried: list[ResultAccount],
    result: ResultAccount,
    asked: Unit,
    answer: Answer | None,
) -> Acted | None:
    """Under the head: look again, post, write; None when the draft is no longer true."""
    head = await take_head(connection, book.book_id)
    rows = await read_rows(connection, book.book_id)
    closing = 1 + require_year_closable(book, rows, year)
    await require_nights_run(connection, book, year)
    if await is_late(connection, book.book_id, head, before):
        return None
    event = event_id(book.book_id, "year_close", year.name, closing)
    attempt = (await attempts(connection, book.book_id, [event]))[event]
    close = close_accounts(carried, result, before, event, attempt)

    def acted(outcome: Outcome) -> Acted:
        closed = outcome.status is Status.ACCEPTED
        period = BookPeriod(
            span=year,
            state=PeriodState.CLOSED if closed else PeriodState.LATE,
            closings=closing if closed else closing - 1,
            closed_seq=outcome.receipts[-1].recorded_seq if closed else None,
        )
        return Acted(
            outcome=_with_cure(outcome),
            period=period,
            draft=close.draft,
            result_satang=close.result_satang,
            codes={account.account_id: account.code for account in (*carried, result)},
        )

    note = closing_note(book, year, closing, close.draft)
    told = {
        "result_account": result.code,
        "result_satang": close.result_satang,
        "journals": [str(journal.journal_id) for journal in close.journals],
    }
    note = replace(note, body=dict(note.body) | told)
    unit = replace(asked, operations=(*close.journals, note), event_id=event)
    done = await post_act(connection, book, unit, acted, answer, closing_day=year.ends_on)
    if done.outcome.status is Status.ACCEPTED:
        seq = done.outcome.receipts[-1].recorded_seq
        await write_closing(connection, book, year, closing, seq, close.draft)
        floor = year.ends_on + timedelta(days=1)
        await connection.execute(SQL["move_floor"], book.book_id, floor)
    return done


def _with_cure(outcome: Outcome) -> Outcome:
    """A refusal for a closed account also says what to do about it."""
    refusal = outcome.refusal
    if refusal is None or refusal.code != "account_closed":
        return outcome
    return replace(outcome, refusal=replace(refusal, detail=refusal.detail | {"cure": CURE}))


async def reopen_year(
    pool: Pool,
    book: Book,
    fiscal_year: int,
    *,
    actor: str,
    reason: str,
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
    rehearse: bool = False,
) -> Acted:
    """Open the newest closed fiscal year again: it is in its late period, its closing reversed.

    If the judge refuses a reversal, nothing is recorded and the year stays closed. Raises
    `InvalidInput` unreasoned, `PeriodNotReady` (a later year is closed), `PeriodWrongState` (not
    closed), `NotFound`.
    """
    require_reason(reason)
    year = year_of(book, fiscal_year)
    asked = Unit(operations=(), actor=actor, reason=reason, key=key)
    async with own_transaction(pool, book.book_id, rehearse=rehearse) as mine:
        return await _reopen(mine, book, year, asked, answer)


async def _reopen(
    mine: OwnTransaction, book: Book, year: Span, asked: Unit, answer: Answer | None
) -> Acted:
    connection = mine.connection
    await take_head(connection, book.book_id)
    before = require_closed(book, await read_rows(connection, book.book_id), year)
    event = event_id(book.book_id, "year_reopen", year.name, before.closings)
    # First: judge and guard take nothing in a closed year, nor value dates below the floor.
    await connection.execute(SQL["open_period"], book.book_id, int(year.kind), year.starts_on)
    await connection.execute(SQL["move_floor"], book.book_id, year.starts_on)
    reversals = await _reversals(connection, book.book_id, before)
    codes = await account_codes(connection, book.book_id, reversals)

    def acted(outcome: Outcome) -> Acted:
        opened = outcome.status is Status.ACCEPTED
        state = PeriodState.LATE if opened else PeriodState.CLOSED
        return Acted(outcome=_with_cure(outcome), period=replace(before, state=state), codes=codes)

    operations: tuple[Operation, ...] = (*reversals, opening_note(book, before))
    unit = replace(asked, operations=operations, event_id=event)
    done = await post_act(connection, book, unit, acted, answer, closing_day=year.ends_on)
    if done.outcome.status is not Status.ACCEPTED:
        mine.undo()
    return done


async def _reversals(connection: Connection, book_id: int, closed: BookPeriod) -> list[Journal]:
    """The mirror of each journal that closed the year."""
    if closed.closed_seq is None:
        raise NotFound("closing of fiscal year", closed.span.name)
    rows = await connection.fetch(SQL["closing_journals"], book_id, closed.closed_seq)
    ids = [row["journal_id"] for row in rows]
    records = journals_of(await connection.fetch(POSTING_SQL["recorded_journals"], book_id, ids))
    event = event_id(book_id, "year_reopen", closed.span.name, closed.closings)
    return [opposite(each, records[each].transfers, event) for each in ids]
