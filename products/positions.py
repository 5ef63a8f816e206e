"""One look at an account: everything that a teller, a treasurer or a collector asks of it at once.

Balance, open holds, what is available, interest accrued and not yet credited, limits and the next
planned change of them, excess, freeze and state, the business date and the number at which all of
it is true. It is one statement, so it is one snapshot: no posting, hold or night stands between any
two of the figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.accounts import Account, account_of
from ledger.db import Connection, statements
from ledger.errors import NotFound

_SQL = statements(Path(__file__).parent / "sql" / "positions.sql")

HOLDS_SHOWN = 20
"""So many open holds are listed, oldest first; their number and sum always count all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHold:
    """An open hold of the account; satang. `expires_on`: the last day on which it can be taken."""

    hold_id: UUID
    amount_satang: int
    expires_on: date | None
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccruedInterest:
    """Interest of the account's contract that is accrued, to the satang, and not yet credited.

    accrued_to: the last date that a night has accrued.
    """

    contract_no: str
    product_code: str
    accrued_satang: int
    accrued_to: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLimits:
    """The next planned change: limits that take effect at the cut-off to `effective_on`; satang."""

    effective_on: date
    balance_min_satang: int | None
    balance_max_satang: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullPosition:
    """How an account stands in every respect at one number; satang.

    available_satang: balance less holds less `balance_min`, never below 0; None without a limit.
    hold_count, held_satang: of all open holds; `holds` lists the oldest of them.
    interest:         None for an account without a contract that bears interest.
    frozen_until:     last business date of a freeze that ends by itself.
    changed_seq:      number of the last change; recorded_seq: the book's last when this was read.
    """

    account: Account
    balance_satang: int
    held_satang: int
    hold_count: int
    holds: tuple[OpenHold, ...]
    available_satang: int | None
    interest: AccruedInterest | None
    balance_min_satang: int | None
    balance_max_satang: int | None
    planned_limits: PlannedLimits | None
    excess_satang: int
    closed: bool
    debits_frozen: bool
    credits_frozen: bool
    frozen_until: date | None
    changed_seq: int
    business_date: date
    recorded_seq: int


async def positions(
    connection: Connection, book_id: int, codes: Iterable[str], *, holds_shown: int = HOLDS_SHOWN
) -> dict[str, FullPosition]:
    """Accounts by their codes, all from one snapshot; a code that no account has is absent."""
    rows = await connection.fetch(_SQL["positions"], book_id, list(set(codes)), holds_shown)
    return {row["code"]: _position(row) for row in rows}


async def position(
    connection: Connection, book_id: int, code: str, *, holds_shown: int = HOLDS_SHOWN
) -> FullPosition:
    """One account. Raises `NotFound`."""
    found = await positions(connection, book_id, [code], holds_shown=holds_shown)
    if code not in found:
        raise NotFound("account", code)
    return found[code]


def _position(row: asyncpg.Record) -> FullPosition:
    balance = row["credits"] - row["debits"]
    minimum = row["balance_min"]
    return FullPosition(
        account=account_of(row),
        balance_satang=balance,
        held_satang=row["held"],
        hold_count=row["hold_count"],
        holds=_holds(row),
        available_satang=None if minimum is None else max(0, balance - row["held"] - minimum),
        interest=_interest(row),
        balance_min_satang=minimum,
        balance_max_satang=row["balance_max"],
        planned_limits=_planned(row),
        excess_satang=row["excess_satang"],
        closed=row["state"] == 2,
        debits_frozen=bool(row["frozen"] & 1),
        credits_frozen=bool(row["frozen"] & 2),
        frozen_until=row["frozen_until"],
        changed_seq=row["changed_seq"],
        business_date=row["business_date"],
        recorded_seq=row["recorded_seq"],
    )


def _holds(row: asyncpg.Record) -> tuple[OpenHold, ...]:
    columns = (row["hold_ids"], row["hold_amounts"], row["hold_ends"], row["hold_references"])
    return tuple(
        OpenHold(hold_id=hold_id, amount_satang=amount, expires_on=end, reference=reference)
        for hold_id, amount, end, reference in zip(*columns, strict=True)
    )


def _interest(row: asyncpg.Record) -> AccruedInterest | None:
    if row["accrued_to"] is None:
        return None
    return AccruedInterest(
        contract_no=row["contract_no"],
        product_code=row["product_code"],
        accrued_satang=row["interest_satang"],
        accrued_to=row["accrued_to"],
    )


def _planned(row: asyncpg.Record) -> PlannedLimits | None:
    if row["planned_on"] is None:
        return None
    return PlannedLimits(
        effective_on=row["planned_on"],
        balance_min_satang=row["planned_min"],
        balance_max_satang=row["planned_max"],
    )
