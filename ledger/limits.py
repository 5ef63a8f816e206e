"""Limits of accounts: planned for a later business date, cancelled, and read back for any date.

A plan is a numbered note and a row that waits; the cut-off before its date sets the limits
(`ledger.cut_off`). Which limits stood on a date follows from the events alone, as known at any
number: those in force when the date was cut off, and for dates that had not begun by then, what
was planned by then. Limits lowered below their use are never refused: the account keeps an excess.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar, Literal

import asyncpg

from ledger import accounts, money
from ledger.books import read_head
from ledger.db import Connection, Pool, statements
from ledger.errors import CffError, InvalidInput, InvariantBroken, NotFound
from ledger.kinds import EventKind
from ledger.posting.collector import Collector, Decide, decide_and_post
from ledger.posting.values import FIRST_SEQ, Note, Outcome, RowWrite, Unit

_SQL = statements(Path(__file__).parent / "sql" / "limits.sql")
_CLOSED = 2


class PlanEnded(CffError):  # noqa: N818 - the name is what the clerk reads
    """The plan has been applied or cancelled already, or the account is closed."""

    code: ClassVar[str] = "wrong_status"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPlan:
    """Limits that take effect with a business date; satang, None = no limit.

    planned_seq: number of the note that planned it; the plan's name within its account.
    applied_seq: number of the cut-off that set it; cancelled_seq: of the note that cancelled it.
    """

    planned_seq: int
    effective_on: date
    balance_min: int | None
    balance_max: int | None
    applied_seq: int | None
    cancelled_seq: int | None
    planned_by: str
    reason: str

    @property
    def state(self) -> Literal["waiting", "applied", "cancelled"]:
        """The word for where it stands."""
        if self.cancelled_seq is not None:
            return "cancelled"
        return "waiting" if self.applied_seq is None else "applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOn:
    """The limits of an account on a date; satang, None = no limit.

    recorded_seq: number of the event that they come from.
    planned:      they were only planned by then.
    """

    balance_min: int | None
    balance_max: int | None
    recorded_seq: int
    planned: bool


async def plan_limits(
    connection: Connection,
    book_id: int,
    code: str,
    *,
    effective_on: date,
    balance_min: int | None,
    balance_max: int | None,
    actor: str,
    reason: str,
) -> Unit:
    """The unit that plans new limits for a later business date (for `decide_and_post`).

    Raises `NotFound`, `PlanEnded` for a closed account, `InvalidInput` for a date that has begun
    and for limits that cannot be.
    """
    number, standing = await _standing(connection, book_id, code)
    today: date = standing["business_date"]
    if effective_on <= today:
        raise InvalidInput.one(
            "effective_on",
            effective_on.isoformat(),
            f"a business date after {today}",
            "Limits from today on are set at once, not planned.",
        )
    _require_possible(balance_min, balance_max)
    if standing["state"] == _CLOSED:
        raise PlanEnded(f"account {code} is closed: its limits are not planned")
    note = Note(
        kind=EventKind.LIMITS_PLANNED,
        account=number,
        body={
            "effective_on": effective_on,
            "balance_min": balance_min,
            "balance_max": balance_max,
        },
    )
    write = RowWrite(
        statement=_SQL["plan"],
        arguments=(
            book_id,
            number,
            FIRST_SEQ,
            effective_on,
            balance_min,
            balance_max,
        ),
    )
    return Unit(operations=(note,), actor=actor, reason=reason, on=today, writes=(write,))


async def cancel_plan(
    connection: Connection, book_id: int, code: str, planned_seq: int, *, actor: str, reason: str
) -> Unit:
    """The unit that cancels a plan that waits. Raises `NotFound`, `PlanEnded`."""
    number = await _number(connection, book_id, code)
    found = [
        plan for plan in await plans(connection, book_id, code) if plan.planned_seq == planned_seq
    ]
    if not found:
        raise NotFound("plan of limits", f"{planned_seq} of account {code}")
    if found[0].state != "waiting":
        raise PlanEnded(f"plan {planned_seq} of account {code} is {found[0].state} already")
    return Unit(
        operations=(
            Note(kind=EventKind.LIMITS_PLANNED, account=number, body={"cancels": planned_seq}),
        ),
        actor=actor,
        reason=reason,
        # The table's guard refuses a plan that ends meanwhile: `cancel_and_post` decides again. How
        # the account moves is nobody's business here; a busy one would never be done.
        writes=(
            RowWrite(statement=_SQL["cancel"], arguments=(book_id, number, planned_seq, FIRST_SEQ)),
        ),
    )


async def cancel_and_post(
    collector: Collector, pool: Pool, book_id: int, decide: Decide
) -> Outcome:
    """Post what `cancel_plan` decides. Raises `PlanEnded` also for a plan that ends meanwhile."""
    try:
        return await decide_and_post(collector, pool, book_id, decide)
    except InvariantBroken:
        # The guard of the table refused: it was cancelled or applied at once. Deciding says so.
        async with pool.acquire() as connection:
            await decide(connection)
        raise


async def plans(connection: Connection, book_id: int, code: str) -> list[LimitPlan]:
    """Every plan of an account in the order in which they were made. Raises `NotFound`."""
    number = await _number(connection, book_id, code)
    rows = await connection.fetch(_SQL["plans"], book_id, number)
    return [LimitPlan(**dict(row)) for row in rows]


async def limits_on(
    connection: Connection, book_id: int, code: str, on: date, *, known_at: int | None = None
) -> LimitsOn | None:
    """The limits on the date `on`, at its end, as known at a number (None = now).

    None when the account was not open by then. Raises `NotFound`.
    """
    found = await accounts.by_codes(connection, book_id, [code])
    if code not in found:
        raise NotFound("account", code)
    number = found[code].account_id
    if on < found[code].opened_on:
        return None
    head = await read_head(connection, book_id)
    seq = head.recorded_seq if known_at is None else min(known_at, head.recorded_seq)
    row = await connection.fetchrow(_SQL["in_force"], book_id, number, on, seq)
    if row is None:
        return None
    stood_on = await connection.fetchval(_SQL["date_at"], book_id, seq)
    if on > stood_on:
        plan = await connection.fetchrow(_SQL["planned"], book_id, number, on, seq, stood_on)
        if plan is not None:
            return _limits(plan, planned=True)
    return _limits(row, planned=False)


def _limits(row: asyncpg.Record, *, planned: bool) -> LimitsOn:
    body = json.loads(row["body"])
    return LimitsOn(
        balance_min=body["balance_min"],
        balance_max=body["balance_max"],
        recorded_seq=row["recorded_seq"],
        planned=planned,
    )


def _require_possible(low: int | None, high: int | None) -> None:
    """What the judge will ask at the cut-off is asked now: then nobody is there to mend it."""
    given = [limit for limit in (low, high) if limit is not None]
    if any(abs(limit) > money.BALANCE_MAX for limit in given):
        shown = ", ".join(str(limit) for limit in given)
        raise InvalidInput.one("balance_min, balance_max", shown, "limits within the range")
    if low is not None and high is not None and low > high:
        raise InvalidInput.one(
            "balance_min, balance_max",
            f"{money.format_baht(low)} above {money.format_baht(high)}",
            "a lower limit up to the upper one",
        )


async def _number(connection: Connection, book_id: int, code: str) -> int:
    found = await accounts.by_codes(connection, book_id, [code])
    if code not in found:
        raise NotFound("account", code)
    return found[code].account_id


async def _standing(connection: Connection, book_id: int, code: str) -> tuple[int, asyncpg.Record]:
    number = await _number(connection, book_id, code)
    row = await connection.fetchrow(_SQL["standing"], book_id, number)
    if row is None:
        raise NotFound("balance of account", code)
    return number, row
