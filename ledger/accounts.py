"""Accounts: their fixed facts, their numbers, and how they stand now.

`balance` is credits less debits for every account: what a member has on deposit is positive, an
asset or an expense is negative. Opening, freezing and closing are operations of a unit
(`ledger.posting.values`); this room only reads and hands out numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import asyncpg

from ledger.db import Connection
from ledger.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Fixed facts of an account; `code` is what people and the doors call it."""

    account_id: int
    code: str
    gl_code: str
    currency: str
    party_id: int | None
    name_th: str
    name_en: str
    opened_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How an account stands, read in one statement with the head: all in satang.

    available_satang: balance less holds less `balance_min`, never below 0; None without a limit.
    recorded_seq:     the book's last number when this was read.
    """

    account: Account
    balance_satang: int
    held_satang: int
    available_satang: int | None
    balance_min_satang: int | None
    balance_max_satang: int | None
    excess_satang: int
    closed: bool
    debits_frozen: bool
    credits_frozen: bool
    recorded_seq: int


_ACCOUNT = """
SELECT a.account_id, a.code, a.gl_code, a.currency, a.party_id, a.name_th, a.name_en, a.opened_on
FROM ledger.account AS a
"""
_POSITION = """
SELECT a.account_id, a.code, a.gl_code, a.currency, a.party_id, a.name_th, a.name_en, a.opened_on,
    b.debits, b.credits, b.held, b.balance_min, b.balance_max, b.excess_satang, b.state, b.frozen,
    h.recorded_seq
FROM ledger.account AS a
INNER JOIN ledger.balance AS b ON b.book_id = a.book_id AND b.account_id = a.account_id
INNER JOIN ledger.book_head AS h ON h.book_id = a.book_id
"""
_FACTS = (
    "account_id",
    "code",
    "gl_code",
    "currency",
    "party_id",
    "name_th",
    "name_en",
    "opened_on",
)


def account_of(row: asyncpg.Record) -> Account:
    """An account from a row that has its columns."""
    return Account(**{name: row[name] for name in _FACTS})


def _position(row: asyncpg.Record) -> Position:
    balance = row["credits"] - row["debits"]
    minimum = row["balance_min"]
    return Position(
        account=account_of(row),
        balance_satang=balance,
        held_satang=row["held"],
        available_satang=None if minimum is None else max(0, balance - row["held"] - minimum),
        balance_min_satang=minimum,
        balance_max_satang=row["balance_max"],
        excess_satang=row["excess_satang"],
        closed=row["state"] == 2,
        debits_frozen=bool(row["frozen"] & 1),
        credits_frozen=bool(row["frozen"] & 2),
        recorded_seq=row["recorded_seq"],
    )


async def reserve_ids(connection: Connection, count: int) -> list[int]:
    """Numbers for accounts that are about to be opened; one left unused is no harm."""
    rows = await connection.fetch(
        "SELECT nextval('ledger.account_id')::int AS account_id FROM generate_series(1, $1)", count
    )
    return [row["account_id"] for row in rows]


async def by_codes(
    connection: Connection, book_id: int, codes: Iterable[str]
) -> dict[str, Account]:
    """Accounts by their codes; a code that no account has is simply absent."""
    rows = await connection.fetch(
        _ACCOUNT + "WHERE a.book_id = $1 AND a.code = ANY($2::text [])", book_id, list(set(codes))
    )
    return {row["code"]: account_of(row) for row in rows}


async def position(connection: Connection, book_id: int, code: str) -> Position:
    """How one account stands now. Raises `NotFound`."""
    row = await connection.fetchrow(
        _POSITION + "WHERE a.book_id = $1 AND a.code = $2", book_id, code
    )
    if row is None:
        raise NotFound("account", code)
    return _position(row)


async def positions(
    connection: Connection,
    book_id: int,
    *,
    after: str = "",
    limit: int = 100,
    party_id: int | None = None,
    gl_code: str | None = None,
) -> list[Position]:
    """Accounts in order of code, after `after`, at most `limit`; of one party or GL code."""
    rows = await connection.fetch(
        _POSITION + "WHERE a.book_id = $1 AND a.code > $2 AND ($3::int IS NULL OR a.party_id = $3) "
        "AND ($4::text IS NULL OR a.gl_code = $4) ORDER BY a.code LIMIT $5",
        book_id,
        after,
        party_id,
        gl_code,
        limit,
    )
    return [_position(row) for row in rows]


async def largest(
    connection: Connection, book_id: int, *, gl_code: str, limit: int
) -> list[Position]:
    """The accounts of a GL code with the highest balances, highest first."""
    rows = await connection.fetch(
        _POSITION + "WHERE a.book_id = $1 AND a.gl_code = $2 "
        "ORDER BY b.credits - b.debits DESC, a.code LIMIT $3",
        book_id,
        gl_code,
        limit,
    )
    return [_position(row) for row in rows]
