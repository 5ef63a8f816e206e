"""The first steps of a night: `cut_off`, `expire_holds`, `resolve_rates`.

`cut_off` moves the head to the next calendar day, unless the clock or a door has done it, with what
takes effect then (`ledger.cut_off`): from then on doors post there and the night has the date to
itself. `expire_holds` gives back holds whose last
day has passed, with the withdrawal notices that they stood for. `resolve_rates` freezes the rate of
the date for each product that bears interest.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.cut_off import end_business_date, take_head_date
from ledger.db import Connection, statements
from ledger.posting.values import (
    FIRST_SEQ,
    Note,
    Origin,
    ReleaseHold,
    RowWrite,
    Status,
    Unit,
)
from pricing.quotes import quote
from products.kinds import EventKind
from products.night import (
    ACTOR,
    ChunkResult,
    DayNotProven,
    Night,
    Progress,
    Retry,
    chunk_transaction,
    post,
    run_chunk,
)

_SQL = statements(Path(__file__).parent / "sql" / "day_opening.sql")

CUT_OFF = "cut_off"
EXPIRE_HOLDS = "expire_holds"
RESOLVE_RATES = "resolve_rates"

ALREADY_ENDED = "hold_not_open"
"""A door captured or released the hold between our look and our posting: nothing left to expire."""


async def cut_off(night: Night) -> None:
    """Move the book to the next calendar day if it still stands on this night's date."""
    await run_chunk(night, CUT_OFF, 0, 1, partial(_cut_off, night))


async def expire_holds(night: Night) -> None:
    """Release every open hold whose last day is this date or lies before it."""
    number = 0
    while await _expire_some(night, number):
        number += 1
    await run_chunk(night, EXPIRE_HOLDS, 0, 1, _nothing)


async def resolve_rates(night: Night) -> None:
    """Freeze the date's rate of each product that has contracts bearing interest on it.

    Raises `NotFound` naming product and date when no approved rate is in force.
    """
    await run_chunk(night, RESOLVE_RATES, 0, 1, partial(_resolve_rates, night))


async def _nothing(_: Connection, __: Retry | None) -> ChunkResult:
    return ChunkResult()


async def _cut_off(night: Night, connection: Connection, _: Retry | None) -> ChunkResult:
    # The head is taken before it is read: the clock or a door may be moving it just now.
    head_date = await take_head_date(connection, night.book_id)
    if head_date < night.business_date:
        raise DayNotProven(
            f"{night.business_date} has not begun: the book stands on {head_date}. Run its nights "
            "in order"
        )
    await end_business_date(
        connection, night.book_id, night.business_date, actor=ACTOR, origin=Origin.NIGHT
    )
    return ChunkResult()


async def _expire_some(night: Night, number: int) -> bool:
    """Expire up to a chunk's worth of holds; False when none was due."""
    async with chunk_transaction(night) as connection:
        due = await connection.fetch(
            _SQL["due_holds"], night.book_id, night.business_date, night.sizes.journals
        )
        if not due:
            return False
        ids = [row["hold_id"] for row in due]
        # The night waits for rows that a door holds, in key order, before it takes the head.
        notices = await connection.fetch(_SQL["lock_withdrawals"], night.book_id, ids)
        pending = {row["notice_id"]: row for row in notices}
        units = [_expiry(night, row, pending.get(row["hold_id"])) for row in due]
        outcomes = await post(connection, night, units)
        amount = 0
        for row, outcome in zip(due, outcomes, strict=True):
            if outcome.status is Status.ACCEPTED:
                amount += row["amount_satang"]
            elif outcome.refusal is None or outcome.refusal.code != ALREADY_ENDED:
                raise DayNotProven(f"hold {row['hold_id']} cannot expire: {outcome.refusal}")
        await connection.execute(
            _SQL["record_expiry"],
            night.book_id,
            night.business_date,
            EXPIRE_HOLDS,
            len(due),
            amount,
        )
    if night.say is not None:
        night.say(
            Progress(
                business_date=night.business_date,
                step=EXPIRE_HOLDS,
                chunk=number + 1,
                chunks=number + 1,
            )
        )
    return True


def _expiry(night: Night, row: asyncpg.Record, notice: asyncpg.Record | None) -> Unit:
    """The unit that ends one hold, and the notice that it was placed for, if that still waits."""
    hold_id: UUID = row["hold_id"]
    release = ReleaseHold(hold_id=hold_id, expired=True)
    if notice is None:
        return Unit(operations=(release,), actor=ACTOR, reason="the hold's last day has passed")
    note = Note(
        kind=EventKind.NOTICE_EXPIRED,
        subject=hold_id,
        account=row["account_id"],
        amount_satang=row["amount_satang"],
        body={"from": notice["code"], "to": "expired"},
    )
    return Unit(
        operations=(note, release),
        actor=ACTOR,
        reason="the notice was not paid by its last day",
        writes=(
            RowWrite(
                statement=_SQL["expire_notice"],
                arguments=(night.book_id, hold_id, notice["version"], FIRST_SEQ),
            ),
        ),
    )


async def _resolve_rates(night: Night, connection: Connection, _: Retry | None) -> ChunkResult:
    rows = await connection.fetch(_SQL["bearing_products"], night.book_id, night.business_date)
    for row in rows:
        code = row["product_code"]
        answer = await quote(connection, night.book_id, code, night.business_date)
        await connection.execute(
            _SQL["freeze_rate"],
            night.book_id,
            night.business_date,
            code,
            answer.annual_rate_e8,
            answer.sheet_id,
        )
    return ChunkResult(contracts=sum(row["contracts"] for row in rows))
