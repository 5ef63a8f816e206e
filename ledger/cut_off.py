"""Cut-off: one business date ends, the next begins, and what was waiting for it takes effect.

One unit: the date moves, then freezes past their last day thaw, then limits planned for the new
date are set, each with an event of its own. What is due is looked up while the head is held, so
nothing can be added or taken away between the look and the posting; rows of plans change under the
head only, so nothing here waits for anybody who waits for the head. Limits of two plans for one
account and date are set in the order in which they were planned: the later one stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ledger.db import Connection, statements
from ledger.errors import NotFound, ensure
from ledger.posting.values import (
    FIRST_SEQ,
    MoveBusinessDate,
    Operation,
    Origin,
    RowWrite,
    SetFreeze,
    SetLimits,
    Status,
    Unit,
)
from ledger.posting.write import post_batch

_SQL = statements(Path(__file__).parent / "sql" / "cut_off.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What takes effect with a new date: the operations, and the plans' rows to mark."""

    operations: tuple[Operation, ...] = ()
    writes: tuple[RowWrite, ...] = ()


NOTHING_DUE = Due()


def cut_off_unit(to: date, *, actor: str, due: Due = NOTHING_DUE) -> Unit:
    """The unit that ends the current business date and begins `to`, the next calendar day."""
    return Unit(
        operations=(MoveBusinessDate(to=to), *due.operations),
        actor=actor,
        reason="cut-off",
        writes=due.writes,
    )


async def take_head_date(connection: Connection, book_id: int) -> date:
    """Lock the book's head and read its business date. Raises `NotFound`."""
    found: date | None = await connection.fetchval(_SQL["take_head_date"], book_id)
    if found is None:
        raise NotFound("book", book_id)
    return found


async def what_is_due(connection: Connection, book_id: int, to: date) -> Due:
    """What takes effect when `to` begins; the head must be held until it is posted."""
    thaws = await connection.fetch(_SQL["due_thaws"], book_id, to)
    plans = await connection.fetch(_SQL["due_limits"], book_id, to)
    operations: list[Operation] = [
        SetFreeze(account=row["account_id"], debits=False, credits=False) for row in thaws
    ]
    operations += [
        SetLimits(
            account=row["account_id"],
            balance_min=row["balance_min"],
            balance_max=row["balance_max"],
        )
        for row in plans
    ]
    if not plans:
        return Due(operations=tuple(operations))
    mark = RowWrite(
        statement=_SQL["apply_plans"],
        arguments=(
            book_id,
            [row["account_id"] for row in plans],
            [row["planned_seq"] for row in plans],
            FIRST_SEQ,
        ),
    )
    return Due(operations=tuple(operations), writes=(mark,))


async def end_business_date(
    connection: Connection, book_id: int, ending: date, *, actor: str, origin: Origin
) -> bool:
    """End the date if the book still stands on it; False when somebody else has ended it.

    Runs in its caller's transaction, which holds the book's head from here to its commit.
    Raises `NotFound`; `InvariantBroken` if what is due is refused, which nothing may bring about.
    """
    if await take_head_date(connection, book_id) != ending:
        return False
    to = ending + timedelta(days=1)
    unit = cut_off_unit(to, actor=actor, due=await what_is_due(connection, book_id, to))
    (outcome,) = await post_batch(connection, book_id, [unit], origin=origin, business_date=ending)
    ensure(
        outcome.status is Status.ACCEPTED,
        f"the cut-off of {ending} of book {book_id} was not accepted: {outcome.refusal}",
    )
    return True
