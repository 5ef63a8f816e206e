"""The floors: what the same rows cost a server that is asked to judge nothing.

Floor A: binary COPY of the rows into a logged table with only the id's unique key.
Floor B: the same into a copy of every table and index that the path writes, balances and head
moved, in the path's batches and commits.
Both use one connection, and frames made beforehand by the path's own encoder; the tables begin
empty, so their keys are smaller than the book's, which makes both floors higher, never lower.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

import asyncpg
import numpy as np
from numpy.typing import NDArray

from benchmarks.made import BOOK, OPENED_ON
from ledger.db import Connection
from ledger.posting.frames import (
    MOVEMENT_COLUMNS,
    TRANSFER_COLUMNS,
    Posted,
    movement_frames,
    transfer_frames,
)
from ledger.posting.lines import Lines, days_of
from ledger.posting.tally import tally

_COPIED = ("transfer", "movement", "batch", "balance", "book_head")
_RELOPTIONS = """
SELECT array_to_string(c.reloptions, ', ') FROM pg_class AS c
WHERE c.oid = $1::text::regclass AND c.reloptions IS NOT NULL
"""
_BATCH = """
INSERT INTO floor.batch (
    book_id, batch_no, business_date, first_seq, last_seq, journal_count, event_count,
    transfer_count, amount_sum, refusal_count, origin, period, fiscal_year, first_voucher,
    digest_version, digest
) VALUES ($1, $2, $3, $4, $5, $6, 0, $6, $7, 0, 3, 0, 2026, $4, 2, $8)
"""
_BALANCES = """
UPDATE floor.balance AS b
SET debits = t.debits, credits = t.credits, changed_seq = t.changed_seq
FROM unnest($2::int [], $3::bigint [], $4::bigint [], $5::bigint []) AS t (
    account_id, debits, credits, changed_seq
)
WHERE b.book_id = $1 AND b.account_id = t.account_id
"""
_HEAD = """
UPDATE floor.book_head SET recorded_seq = $2, batch_no = $3, digest = $4, voucher_no = $2
WHERE book_id = $1
"""
_BARE = """
CREATE SCHEMA IF NOT EXISTS floor;
DROP TABLE IF EXISTS floor.bare_row, floor.bare_sum;
CREATE TABLE floor.bare_row (id bigint PRIMARY KEY, amount bigint);
CREATE TABLE floor.bare_sum (id int PRIMARY KEY, amount bigint);
INSERT INTO floor.bare_sum VALUES (1, 0);
"""
_BARE_STATEMENT = """
WITH i AS (INSERT INTO floor.bare_row VALUES ($1, 100))
UPDATE floor.bare_sum SET amount = amount + 100 WHERE id = 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One batch as it goes to the server: frames, and the parameters of the small statements."""

    count: int
    transfers: tuple[bytes, ...]
    movements: bytes
    batch: tuple[object, ...]
    balances: tuple[object, ...]
    head: tuple[object, ...]


class Floors:
    """The floor tables, and where their book stands."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._seq = 0
        self._batch_no = 0
        self._debits: NDArray[np.int64] = np.zeros(0, np.int64)
        self._credits: NDArray[np.int64] = np.zeros(0, np.int64)

    async def make(self) -> None:
        """Create the tables: copies with indexes, constraints and storage options; no guards."""
        execute = self._connection.execute
        await execute("DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor")
        for name in _COPIED:
            await execute(f"CREATE TABLE floor.{name} (LIKE ledger.{name} INCLUDING ALL)")
            options = await self._connection.fetchval(_RELOPTIONS, f"ledger.{name}")
            if options:
                await execute(f"ALTER TABLE floor.{name} SET ({options})")
        await execute(
            "CREATE TABLE floor.bare (LIKE ledger.transfer);"
            "ALTER TABLE floor.bare ADD PRIMARY KEY (book_id, journal_id, line);"
            "INSERT INTO floor.balance SELECT * FROM ledger.balance;"
            "INSERT INTO floor.book_head SELECT * FROM ledger.book_head;"
            "UPDATE floor.balance SET debits = 0, credits = 0, balance_min = -9 * 10^17::bigint,"
            " balance_max = NULL, excess_satang = 0;"
            "ANALYZE floor.balance"
        )
        highest = await self._connection.fetchval("SELECT max(account_id) FROM floor.balance")
        self._debits = np.zeros(int(highest) + 1, np.int64)
        self._credits = np.zeros(int(highest) + 1, np.int64)

    def encode(self, chunks: Sequence[Lines]) -> list[Encoded]:
        """Frames of batches as if every line had been accepted."""
        return [self._encode(each) for each in chunks]

    def _encode(self, lines: Lines) -> Encoded:
        count, first = len(lines), self._seq + 1
        self._seq += count
        self._batch_no += 1
        posted = Posted(
            book_id=BOOK,
            actor="bench:loader",
            business_date=days_of(OPENED_ON),
            lines=lines,
            recorded_seq=np.arange(first, first + count, dtype=np.int64),
            value_date=np.full(count, days_of(OPENED_ON), np.int64),
        )
        found = tally(posted)
        self._debits[found.account] += found.debits
        self._credits[found.account] += found.credits
        debits, credits_ = self._debits[found.account], self._credits[found.account]
        moved = found.moved(debits, credits_, count)
        digest = bytes(32)
        amount = int(lines.amount_satang.sum())
        return Encoded(
            count=count,
            transfers=tuple(transfer_frames(posted)),
            movements=movement_frames(BOOK, self._batch_no, days_of(OPENED_ON), moved),
            batch=(BOOK, self._batch_no, OPENED_ON, first, self._seq, count, amount, digest),
            balances=(
                BOOK,
                found.account.tolist(),
                debits.tolist(),
                credits_.tolist(),
                found.last_seq.tolist(),
            ),
            head=(BOOK, self._seq, self._batch_no, digest),
        )

    async def floor_a(self, batches: Iterable[Encoded], at_half: asyncio.Event) -> int:
        """Bare COPY, a commit a batch; nanoseconds. `at_half` is set after half of the batches."""
        return await self._timed(list(batches), self._bare, at_half)

    async def floor_b(self, batches: Iterable[Encoded], at_half: asyncio.Event) -> int:
        """Everything that the path writes, a commit a batch; nanoseconds."""
        return await self._timed(list(batches), self._whole, at_half)

    async def _timed(self, batches: list[Encoded], write: object, at_half: asyncio.Event) -> int:
        began = time.perf_counter_ns()
        for place, batch in enumerate(batches):
            if place == len(batches) // 2:
                at_half.set()
            async with self._connection.transaction():
                await write(batch)  # type: ignore[operator]  # one of the two below
        return time.perf_counter_ns() - began

    async def _bare(self, batch: Encoded) -> None:
        await _copy(self._connection, "bare", TRANSFER_COLUMNS, batch.transfers)

    async def _whole(self, batch: Encoded) -> None:
        await self._connection.execute(_BATCH, *batch.batch)
        await _copy(self._connection, "transfer", TRANSFER_COLUMNS, batch.transfers)
        await _copy(self._connection, "movement", MOVEMENT_COLUMNS, (batch.movements,))
        await self._connection.execute(_BALANCES, *batch.balances)
        await self._connection.execute(_HEAD, *batch.head)


async def _copy(
    connection: Connection, table: str, columns: Sequence[str], frames: Iterable[bytes]
) -> None:
    async def source() -> AsyncIterator[bytes]:
        for frame in frames:
            yield frame

    await connection.copy_to_table(
        table, source=source(), columns=list(columns), schema_name="floor", format="binary"
    )


async def bare_statement(dsn: str, count: int = 1_500) -> list[int]:
    """One autocommit INSERT + UPDATE after another by one client: nanoseconds of each.

    The statement is prepared by the driver as the path's are; `dsn` must name a superuser.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_BARE)
        taken = []
        for number in range(count):
            began = time.perf_counter_ns()
            await connection.execute(_BARE_STATEMENT, number)
            taken.append(time.perf_counter_ns() - began)
    finally:
        await connection.close()
    # The first ones prepare the statement and fill caches.
    return taken[count // 10 :]
