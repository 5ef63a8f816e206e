"""Balances of any date, on either axis, as known at any number; thousands of accounts at once.

Three dates: a *business date* (accounting), a *value date* (interest), and `recorded_seq`, which
says what was known. Recorded things never change, so what was known at a number needs nothing but
the batches up to it and, of the batch that the number cuts, its journals up to it. A `Pin` is such
a moment; everything that is read under one pin stands at the same moment, however many statements
it takes and whatever is posted meanwhile.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ledger.db import Connection, statements
from ledger.errors import InvalidInput, NotFound

SQL = statements(Path(__file__).parent / "sql" / "asof.sql")


class Axis(enum.Enum):
    """Which date a reader means: the accounting date or the date from which interest counts."""

    BUSINESS = "business"
    VALUE = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A moment of knowledge of one book.

    known_at:      the last number that is known. head_seq: the book's last when the pin was set.
    business_date: the head's, likewise. last_day: the business date when `known_at` was given out.
    batch_no:      the last batch that is known whole.
    cut_batch_no:  the batch of which a part is known, 0 when there is none; its known journals are
                   those numbered `cut_from` to `known_at`.
    """

    book_id: int
    known_at: int
    head_seq: int
    business_date: date
    last_day: date
    batch_no: int
    cut_batch_no: int
    cut_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """Counters of an account on a date as known at a number; satang, both only grow."""

    debits: int = 0
    credits: int = 0

    @property
    def balance_satang(self) -> int:
        """Credits less debits."""
        return self.credits - self.debits


async def pin(connection: Connection, book_id: int, known_at: int | None = None) -> Pin:
    """Fix a moment: number `known_at`, None for the head's.

    Raises `NotFound` for the book, `InvalidInput` for a number that the book has not given out.
    """
    row = await connection.fetchrow(SQL["pin"], book_id, known_at)
    if row is None:
        raise NotFound("book", book_id)
    found = Pin(book_id=book_id, **dict(row))
    if not 0 <= found.known_at <= found.head_seq:
        raise InvalidInput.one(
            "known_at",
            found.known_at,
            f"a number from 0 to the book's last, {found.head_seq}",
            "Only what has been recorded can be known.",
        )
    return found


async def balances_at(
    connection: Connection, at: Pin, account_ids: Iterable[int], *, on: date, axis: Axis
) -> dict[int, AsOf]:
    """Counters of accounts at the close of `on`, all at one pin, in one statement.

    Every account asked for is answered; one that had not moved, or is not there, with zeros.
    """
    wanted = list(dict.fromkeys(account_ids))
    rows = await connection.fetch(
        SQL["balances"],
        at.book_id,
        wanted,
        on,
        axis is Axis.VALUE,
        at.known_at,
        at.batch_no,
        at.cut_from,
        at.last_day,
    )
    return {row["account_id"]: AsOf(debits=row["debits"], credits=row["credits"]) for row in rows}


async def balances(
    connection: Connection,
    book_id: int,
    account_ids: Iterable[int],
    *,
    on: date,
    axis: Axis = Axis.BUSINESS,
    known_at: int | None = None,
) -> dict[int, AsOf]:
    """Counters of accounts at the close of `on` by `axis`, as known at a number (None: now).

    Two statements, however many accounts. Raises as `pin` does.
    """
    at = await pin(connection, book_id, known_at)
    return await balances_at(connection, at, account_ids, on=on, axis=axis)
