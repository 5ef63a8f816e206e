"""Holds as they stand: placing, capturing and releasing are operations of a unit."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.accounts import by_codes
from ledger.db import Connection, statements
from ledger.errors import NotFound

SQL = statements(Path(__file__).parent / "sql" / "reads.sql")


class HoldStatus(enum.IntEnum):
    """A hold is open until exactly one of the other three happens to it."""

    OPEN = 1
    CAPTURED = 2
    RELEASED = 3
    EXPIRED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An amount set aside on an account; `captured_satang` is what a journal took of it."""

    hold_id: UUID
    account: str
    amount_satang: int
    captured_satang: int
    status: HoldStatus
    expires_on: date | None
    reference: str
    placed_seq: int
    changed_seq: int


def _hold(row: asyncpg.Record) -> Hold:
    facts = dict(row)
    return Hold(status=HoldStatus(facts.pop("state")), **facts)


async def get_hold(connection: Connection, book_id: int, hold_id: UUID) -> Hold:
    """One hold. Raises `NotFound`."""
    row = await connection.fetchrow(SQL["hold"], book_id, hold_id)
    if row is None:
        raise NotFound("hold", hold_id)
    return _hold(row)


async def open_holds(connection: Connection, book_id: int, code: str) -> list[Hold]:
    """The open holds of an account, oldest first. Raises `NotFound` for the account."""
    found = await by_codes(connection, book_id, [code])
    if code not in found:
        raise NotFound("account", code)
    rows = await connection.fetch(SQL["open_holds"], book_id, found[code].account_id)
    return [_hold(row) for row in rows]
