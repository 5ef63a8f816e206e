"""Balances of any date, on either axis, as known at any number; thousands of accounts at once.

Three dates: a *business date* (accounting), a *value date* (interest), and `recorded_seq`, which
says what was known. Recorded things never change, so what was known at a number needs nothing but
the batches up to it and, of the batch that the number cuts, its journals up to it. A `Pin` is such
a moment; everything that is read under one pin stands at the same moment, however many statements
it takes and whatever is posted meanwhile.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import InvalidInput, NotFound
from ledger.posting.marks import EVERY

ROWS_FOR_ONE_ID = 25
"""A journal found by its id costs about what so many rows cost that are read in order."""

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
                   those numbered `cut_from` to `known_at`, its last one is `cut_to`.
    """

    book_id: int
    known_at: int
    head_seq: int
    business_date: date
    last_day: date
    batch_no: int
    cut_batch_no: int
    cut_from: int
    cut_to: int


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
    row = await connection.fetchrow(SQL["pin"], book_id, known_at, None)
    if row is None:
        raise NotFound("book", book_id)
    return _pinned(book_id, row)


async def pin_account(
    connection: Connection, book_id: int, code: str, known_at: int | None
) -> tuple[Pin, int]:
    """Fix a moment, as `pin` does, and the account of a code, in one statement.

    Raises `NotFound` for the account, `InvalidInput` for a number that was not given out.
    """
    row = await connection.fetchrow(SQL["pin"], book_id, known_at, code)
    if row is None or row["account_id"] is None:
        raise NotFound("account", code)
    return _pinned(book_id, row), row["account_id"]


def _pinned(book_id: int, row: asyncpg.Record) -> Pin:
    facts = dict(row)
    del facts["account_id"]
    found = Pin(book_id=book_id, **facts)
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
    """Counters of accounts at the close of `on`, all at one pin.

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
        at.last_day,
    )
    found = _by_account(rows)
    if at.cut_batch_no:
        for account, known in (await _of_cut(connection, at, wanted, on, axis)).items():
            found[account] = _sum(found[account], known, 1)
    return found


async def _of_cut(
    connection: Connection, at: Pin, wanted: list[int], on: date, axis: Axis
) -> dict[int, AsOf]:
    """What the known journals of the cut batch did to the accounts with a date up to `on`.

    From the nearest mark where there are marks; else by id where the movements name few, else over
    the shorter part of the batch.
    """
    by_value = axis is Axis.VALUE
    mark = (at.known_at - at.cut_from + 1 + EVERY // 2) // EVERY
    place = min(at.cut_from - 1 + mark * EVERY, at.cut_to)
    span = (min(place, at.known_at) + 1, max(place, at.known_at))
    stretch = [(number - at.cut_from) // EVERY for number in span]
    rows = await connection.fetch(
        SQL["moved_in_cut"],
        at.book_id,
        wanted,
        at.cut_batch_no,
        on,
        by_value,
        mark,
        stretch[0] + 1,
        stretch[1] + 2,
    )
    last = on if by_value else None
    marked = [row for row in rows if row["marked"]]
    found: dict[int, AsOf] = {}
    if marked:
        found = _by_account(marked, "marked_")
        sums = await _between(connection, at, list(found), span, last, marked[0]["near"])
        sign = 1 if place < at.known_at else -1
        found = {each: _sum(done, sums.get(each, AsOf()), sign) for each, done in found.items()}
    return found | await _unmarked(connection, at, [r for r in rows if not r["marked"]], last)


async def _between(
    connection: Connection,
    at: Pin,
    accounts: list[int],
    span: tuple[int, int],
    last: date | None,
    near: Sequence[UUID | None],
) -> dict[int, AsOf]:
    """What the numbers of a span, from one to another, did to accounts with value dates up to
    `last`; near: the journals between which their rows should lie.
    """
    numbers = span[1] - span[0] + 1
    if numbers <= 0:
        return {}
    if None not in near:
        rows = await connection.fetch(SQL["sums_near"], at.book_id, accounts, *span, last, *near)
        if rows[0]["seen"] == numbers:
            return _by_account(rows)
    rows = await connection.fetch(SQL["sums_between"], at.book_id, accounts, *span, last)
    return _by_account(rows)


async def _unmarked(
    connection: Connection, at: Pin, rows: Sequence[asyncpg.Record], last: date | None
) -> dict[int, AsOf]:
    """The same of accounts that have no marks in the batch."""
    if not rows:
        return {}
    known, rest = (at.cut_from, at.known_at), (at.known_at + 1, at.cut_to)
    from_start = known[1] - known[0] <= rest[1] - rest[0]
    span = known if from_start else rest
    pairs = [(row["account_id"], each) for row in rows for each in row["journals"] or ()]
    named = all(row["journals"] is not None for row in rows)
    if named and len(pairs) * ROWS_FOR_ONE_ID <= span[1] - span[0] + 1:
        ids = [account for account, _ in pairs], [journal_id for _, journal_id in pairs]
        return _by_account(await connection.fetch(SQL["sums_by_id"], at.book_id, *ids, at.known_at))
    whole = _by_account(rows)
    sums = _by_account(
        await connection.fetch(SQL["sums_between"], at.book_id, list(whole), *span, last)
    )
    if from_start:
        return sums
    return {account: _sum(total, sums.get(account, AsOf()), -1) for account, total in whole.items()}


def _by_account(rows: Iterable[asyncpg.Record], what: str = "") -> dict[int, AsOf]:
    found: dict[int, AsOf] = {}
    for row in rows:
        moved = AsOf(debits=row[f"{what}debits"], credits=row[f"{what}credits"])
        found[row["account_id"]] = _sum(found.get(row["account_id"], AsOf()), moved, 1)
    return found


def _sum(one: AsOf, other: AsOf, sign: int) -> AsOf:
    return AsOf(debits=one.debits + sign * other.debits, credits=one.credits + sign * other.credits)


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

    A few statements, however many accounts. Raises as `pin` does.
    """
    at = await pin(connection, book_id, known_at)
    return await balances_at(connection, at, account_ids, on=on, axis=axis)
