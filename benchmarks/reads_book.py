"""A large book to read from: ten thousand accounts, hot ones, days closed, an open day.

Everything in it is made by the product: lines by the bulk path, each closed day by its night. A
last stretch of the open day is posted in batches as small as online posting makes them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from benchmarks.made import (
    ACCOUNTS,
    AMOUNT_MAX,
    BOOK,
    BOOK_CODE,
    OPENED_ON,
    open_accounts,
    open_book,
)
from benchmarks.preload import load
from ledger import books
from ledger.db import Connection, Pool
from ledger.kinds import JournalKind
from ledger.posting.bulk import BulkWriter
from ledger.posting.lines import EPOCH, Lines, Texts
from products.end_of_day import run_missed

CHUNK = 65_536
ONLINE_BATCH = 128
ONLINE_SHARE = 100
"""One transfer in so many of the whole stands in batches of `ONLINE_BATCH`, in the open day."""
DAYS = 10
HOT, BUSY, NAMED = "HOT", "BUSY", "NAMED"
"""On every transfer of every second chunk; on one in 40; on one in 100."""


@dataclass(slots=True)
class Large:
    """The book as it was filled: numbers of its accounts, lines so far, business dates."""

    members: list[int]
    hot: int
    busy: int
    named: int
    transfers: int = 0
    days: list[date] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The open business date."""
        return self.days[-1]


async def fill(pool: Pool, transfers: int) -> AsyncIterator[Large]:
    """Fill a book with so many transfers over `DAYS` days; yields after each day."""
    members = await open_book(pool)
    hot, busy, named = await open_accounts(pool, [HOT, BUSY, NAMED], None)
    book = Large(members=members, hot=hot, busy=busy, named=named)
    dice = np.random.default_rng(2569)
    async with pool.acquire() as connection:
        kept = await books.get_book(connection, BOOK_CODE)
    online = transfers // ONLINE_SHARE
    each = -(-(transfers - online) // DAYS)
    for place in range(DAYS):
        book.days.append(OPENED_ON + timedelta(days=place))
        await load(pool, chunks(book, dice, min(each, transfers - online - book.transfers)))
        if place < DAYS - 1:
            await run_missed(pool, kept, through=book.today)
        else:
            await _online(pool, book, dice, online)
        yield book
    async with pool.acquire() as connection:
        await as_owner(connection, "VACUUM (ANALYZE)")


def chunks(book: Large, dice: np.random.Generator, count: int) -> Iterator[Lines]:
    """So many lines more, a chunk in memory at a time."""
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first)
        yield lines(book, dice, size)
        book.transfers += size


async def _online(pool: Pool, book: Large, dice: np.random.Generator, count: int) -> None:
    async def source() -> AsyncIterator[Lines]:
        for first in range(0, count, ONLINE_BATCH):
            size = min(ONLINE_BATCH, count - first)
            yield lines(book, dice, size)
            book.transfers += size

    async def nothing(*_: object) -> None:
        """No position is kept."""

    writer = BulkWriter(pool, BOOK, actor="bench:online", lines_max=ONLINE_BATCH)
    await writer.load(source(), nothing)


def lines(book: Large, dice: np.random.Generator, size: int) -> Lines:
    """Random journals; every second chunk has the hot account on one side of all of them."""
    first = book.transfers + 1
    numbers = np.arange(first, first + size, dtype=np.int64)
    members = np.array(book.members, np.int32)
    debit = members[dice.integers(0, ACCOUNTS, size)]
    # Never the account itself: it is moved on by 1 to ACCOUNTS - 1 places.
    credit = members[(debit - members[0] + dice.integers(1, ACCOUNTS, size)) % ACCOUNTS]
    other = np.zeros(size, np.int32)
    if first // CHUNK % 2:
        other[:] = book.hot
    other[numbers % 40 == 0] = book.busy
    other[numbers % 100 == 1] = book.named
    debit = np.where((other > 0) & (numbers % 2 == 0), other, debit)
    credit = np.where((other > 0) & (numbers % 2 == 1), other, credit)
    ids = np.zeros((size, 16), np.uint8)
    ids[:, :8] = numbers.astype(">u8").view(np.uint8).reshape(size, 8)
    ids[:, 8:] = dice.integers(0, 256, (size, 8), dtype=np.uint8)
    back = np.where(numbers % 50 == 0, numbers % 3, 0)
    value = np.maximum(book.today.toordinal() - back, OPENED_ON.toordinal()) - EPOCH
    return Lines(
        ids=ids,
        debit=debit.astype(np.int32),
        credit=credit.astype(np.int32),
        amount_satang=dice.integers(1, AMOUNT_MAX, size),
        kind=np.full(size, int(JournalKind.MANUAL), np.int16),
        value_date=value.astype(np.int32),
        reference=Texts.of([f"REF{number:017d}" for number in numbers.tolist()]),
        narrative=Texts.of([""] * size),
    )


async def as_owner(connection: Connection, statement: str) -> None:
    """Run something that only the owner may."""
    await connection.execute("SET ROLE postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.execute("RESET ROLE")
