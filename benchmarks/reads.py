"""Reading a large book: statement pages, balances, trial balances, alone and beside a bulk load.

    .venv/bin/python -m benchmarks.reads --transfers 10000000

The load posts in a process of its own, as the product's does, from before the first read to behind
the last. At the end statements, balances and the trial balance must agree to the satang.

A server is warm from its first minute on, so each kind of read is made a few times before it is
timed: the connection has its plans, and what the process held before is frozen as a server does it
(`cff serve`). The data stays as cold as it is: what is timed reads other accounts and dates.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import time
from asyncio import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np

from benchmarks import entry, reads_book
from benchmarks.bench import (
    CheckFailed,
    Figure,
    Point,
    Report,
    percentile,
    private_database,
    say,
)
from benchmarks.made import ACCOUNTS, BOOK, OPENED_ON
from benchmarks.preload import load
from benchmarks.reads_book import BUSY, DAYS, HOT, NAMED, Large
from ledger import accounts, asof, balances, books
from ledger.asof import Axis
from ledger.db import Connection, Pool, open_pool
from ledger.statements import StatementPage, statement

TRANSFERS = 10_000_000
TIMES = 200
TIMES_OF_ALL = 20
"""How often a trial balance is read; every other read `TIMES`."""
WARMING = 8
"""So many reads of a kind go before those that are timed: PostgreSQL makes its plans in six."""
PAGE_MS, BALANCE_MS, TRIAL_MS = 10, 5, 300
_LOAD = "--load"
_MEMBERS_CHECKED = 3
_FOR_EVER = 10**9

Read = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Asker:
    """Makes reads whose account, date and place vary; the same seed makes the same ones."""

    connection: Connection
    numbers: dict[str, int]
    days: list[date]
    head_seq: int
    dice: random.Random

    def member(self) -> str:
        """A member's account."""
        return f"A-{self.dice.randrange(1, ACCOUNTS + 1):06d}"

    async def page(self, code: str, axis: Axis = Axis.BUSINESS, cut: bool = False) -> StatementPage:
        """The first page of an account's statement from some date on."""
        known_at = self.dice.randrange(self.head_seq // 2, self.head_seq) if cut else None
        first = self.dice.choice(self.days)
        return await statement(
            self.connection, BOOK, code, from_date=first, axis=axis, known_at=known_at
        )

    async def balance(self, code: str, axis: Axis = Axis.BUSINESS) -> object:
        """A balance as of some date."""
        on, number = self.dice.choice(self.days), self.numbers[code]
        return await asof.balances(self.connection, BOOK, [number], on=on, axis=axis)


async def _deep(asker: Asker, code: str, axis: Axis, times: int) -> list[int]:
    """Pages that follow a page, each from another place inside a batch."""
    taken: list[int] = []
    page = await asker.page(code, axis)
    for _ in range(WARMING + times):
        if page.next_cursor is None:
            page = await asker.page(code, axis)
            continue
        began = time.perf_counter_ns()
        page = await statement(asker.connection, BOOK, code, after=page.next_cursor, axis=axis)
        taken.append(time.perf_counter_ns() - began)
    return taken[WARMING:]


async def _timed(read: Read, times: int) -> list[int]:
    for _ in range(WARMING):
        await read()
    taken = []
    for _ in range(times):
        began = time.perf_counter_ns()
        await read()
        taken.append(time.perf_counter_ns() - began)
    return taken


def _pages(asker: Asker) -> Iterator[tuple[str, Read]]:
    yield "statement page, a member's", lambda: asker.page(asker.member())
    yield (
        "statement page, a member's, by value date",
        lambda: asker.page(asker.member(), Axis.VALUE),
    )
    for code, what in ((HOT, "the hot account's"), (BUSY, "one in 40"), (NAMED, "one in 100")):
        yield f"statement page, {what}", partial(asker.page, code)
        yield f"statement page, {what}, by value date", partial(asker.page, code, Axis.VALUE)
        yield f"statement page, {what}, known at some number", partial(asker.page, code, cut=True)


def _of_one(asker: Asker) -> Iterator[tuple[str, Read]]:
    def position(code: str) -> Awaitable[object]:
        return accounts.position(asker.connection, BOOK, code)

    yield "balance now", lambda: position(asker.member())
    yield "balance as of a date, a member's", lambda: asker.balance(asker.member())
    yield "balance as of a date, the hot account's", lambda: asker.balance(HOT)
    yield "balance as of a value date, the hot account's", lambda: asker.balance(HOT, Axis.VALUE)


def _of_all(asker: Asker) -> Iterator[tuple[str, Read]]:
    def trial(on: date) -> Awaitable[object]:
        return balances.trial_balance(asker.connection, BOOK, on)

    yield "trial balance now", lambda: trial(asker.days[-1])
    yield "trial balance of a closed day", lambda: trial(asker.dice.choice(asker.days[:-1]))


async def measure(pool: Pool, book: Large, seed: int) -> dict[str, tuple[list[int], int]]:
    """Every kind of read: nanoseconds of each, and the limit of its 99th percentile in ms.

    seed: draws accounts, dates and places; another one reads other data.
    """
    gc.collect()
    gc.freeze()
    found: dict[str, tuple[list[int], int]] = {}
    async with pool.acquire() as connection:
        asker = Asker(
            connection=connection,
            numbers=await _numbers(connection),
            days=book.days,
            head_seq=(await books.read_head(connection, BOOK)).recorded_seq,
            dice=random.Random(seed),
        )
        for reads, times, limit in (
            (_pages(asker), TIMES, PAGE_MS),
            (_of_one(asker), TIMES, BALANCE_MS),
            (_of_all(asker), TIMES_OF_ALL, TRIAL_MS),
        ):
            for name, read in reads:
                found[name] = (await _timed(read, times), limit)
        for axis in Axis:
            for code in (HOT, BUSY, NAMED):
                name = f"following page, {code}, by {axis.value} date"
                found[name] = (await _deep(asker, code, axis, TIMES), PAGE_MS)
    return found


async def _numbers(connection: Connection) -> dict[str, int]:
    rows = await connection.fetch(
        "SELECT code, account_id FROM ledger.account WHERE book_id = $1", BOOK
    )
    return {row["code"]: row["account_id"] for row in rows}


def points(
    alone: dict[str, tuple[list[int], int]], beside: dict[str, tuple[list[int], int]]
) -> list[Point]:
    """A point a kind of read; the limit holds alone and beside the load."""
    found = []
    for name, (taken, limit) in alone.items():
        figures: list[Figure] = []
        for when, times in (("", taken), (" beside a bulk load", beside[name][0])):
            figures += [
                Figure(name=f"p50{when}", unit="ms", values=(percentile(times, 50),)),
                Figure(
                    name=f"p99{when}", unit="ms", values=(percentile(times, 99),), at_most=limit
                ),
            ]
        found.append(Point(name=name, figures=tuple(figures)))
    return found


@asynccontextmanager
async def _loading(dsn: str) -> AsyncIterator[None]:
    """A bulk load that goes on for as long as the context, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.reads", _LOAD, dsn, stdout=subprocess.PIPE
    )
    try:
        if process.stdout is None or not await process.stdout.readline():
            raise CheckFailed("the load did not begin")
        yield
        if process.returncode is not None:
            raise CheckFailed(f"the load ended by itself with {process.returncode}")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _load(dsn: str) -> None:
    """Post until somebody ends this process; says so when the first lines are on their way."""
    pool = await open_pool(dsn, max_size=4)
    async with pool.acquire() as connection:
        numbers = await _numbers(connection)
        head = await books.read_head(connection, BOOK)
    book = Large(
        members=[numbers[f"A-{number:06d}"] for number in range(1, ACCOUNTS + 1)],
        hot=numbers[HOT],
        busy=numbers[BUSY],
        named=numbers[NAMED],
        transfers=head.recorded_seq,
        days=[head.business_date],
    )
    dice = np.random.default_rng()

    sys.stdout.write("loading\n")
    sys.stdout.flush()
    await load(pool, reads_book.chunks(book, dice, _FOR_EVER))


async def check(pool: Pool) -> str:
    """Statements read page by page, balances and the trial balance say the same."""
    async with pool.acquire() as connection:
        numbers = await _numbers(connection)
        at = await asof.pin(connection, BOOK)
        on, ids = at.business_date, list(numbers.values())
        stand = await asof.balances_at(connection, at, ids, on=on, axis=Axis.BUSINESS)
        by_value = await asof.balances_at(connection, at, ids, on=on, axis=Axis.VALUE)
        if by_value != stand:
            raise CheckFailed("balances of the last date differ between the axes")
        trial = await balances.trial_balance_at(connection, at, on)
        debits = sum(row.debits for row in trial.rows)
        summed = sum(each.debits for each in stand.values())
        _agree("debits of balances and trial balance", summed, debits)
        _agree("debits and credits", debits, sum(row.credits for row in trial.rows))
        moved = await connection.fetchval(
            "SELECT sum(amount_sum) FROM ledger.batch WHERE book_id = $1", BOOK
        )
        _agree("debits and what the batches moved", debits, int(moved))
        for place in range(_MEMBERS_CHECKED):
            code = f"A-{1 + place * ACCOUNTS // _MEMBERS_CHECKED:06d}"
            for axis in Axis:
                closing = await _whole(connection, code, axis, at.known_at)
                _agree(f"statement of {code}", closing, stand[numbers[code]].balance_satang)
        first = OPENED_ON + timedelta(days=DAYS // 2)
        for code in (HOT, BUSY, NAMED):
            before = await asof.balances_at(
                connection, at, [numbers[code]], on=first - timedelta(days=1), axis=Axis.BUSINESS
            )
            opening = await statement(connection, BOOK, code, from_date=first)
            _agree(f"opening of {code}", opening.opening_satang, *_balances(before))
    return "statements = balances = trial balance = what the batches moved"


def _balances(found: dict[int, asof.AsOf]) -> Iterator[int]:
    return (each.balance_satang for each in found.values())


async def _whole(connection: Connection, code: str, axis: Axis, known_at: int) -> int:
    """Every page of a statement; its lines must lead from one page's end to the next one's."""
    page = await statement(connection, BOOK, code, axis=axis, known_at=known_at)
    total = sum(line.amount_satang for line in page.lines)
    while page.next_cursor is not None:
        page = await statement(connection, BOOK, code, axis=axis, after=page.next_cursor)
        total += sum(line.amount_satang for line in page.lines)
    _agree(f"lines of {code}", total, page.closing_satang)
    return page.closing_satang


def _agree(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise CheckFailed(f"{what}: {found} and {expected} satang")


async def run(transfers: int) -> Report:
    """Fill, read alone, read beside a load, check."""
    began = time.monotonic()
    async with private_database() as (dsn, pool, settings):
        report = Report(settings=settings)
        book: Large | None = None
        async for book in reads_book.fill(pool, transfers):
            say(f"{book.transfers:,} transfers filled, {time.monotonic() - began:.0f} s")
        if book is None:
            raise CheckFailed("nothing was filled")
        report.checks.append(await check(pool))
        alone = await measure(pool, book, seed=1)
        async with _loading(dsn):
            beside = await measure(pool, book, seed=2)
        report.points = points(alone, beside)
        report.checks.append(await check(pool))
        async with pool.acquire() as connection:
            reached = (await books.read_head(connection, BOOK)).recorded_seq
        report.checks.append(f"largest book read: {reached:,} numbers")
    report.seconds = time.monotonic() - began
    return report


if __name__ == "__main__":
    if sys.argv[1:2] == [_LOAD]:
        asyncio.run(_load(sys.argv[2]))
        sys.exit(0)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--transfers", type=int, default=TRANSFERS)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--strict", action="store_true", help="a missed target fails as well")
    given = parser.parse_args()
    sys.exit(entry.finish(lambda: run(given.transfers), given.json, given.strict))
