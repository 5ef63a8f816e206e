"""What ten years of history cost the night and who reads: the first month beside the last.

Every day of the years is lived: one contract in `MOVED` moves, the night is the real one
(`products.end_of_day.run_day`, sealed), rates change once a year, interest is credited twice, fixed
deposits pay and roll. At the end `cff verify` proves all of it. A night is compared with the same
kind of night; a statement is that of the last thirty days, so that both have as many lines.

Blocks are what client backends asked of shared buffers, found there or not (`pg_stat_io`).

    python -m benchmarks.ten_years [--json] [--strict] [--years N] [--contracts N]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks import entry
from benchmarks.bench import RUNS, Figure, Point, Report, private_server, ratios, say
from benchmarks.made import BOOK, BOOK_CODE, OPENED_ON
from benchmarks.night_books import (
    NightBook,
    move,
    night,
    night_book,
    open_families,
    settle,
    superuser,
)
from benchmarks.preload import seal_key, verify
from benchmarks.savings import HALF_YEARS, approve_rate
from ledger import books
from ledger.db import Connection, Pool
from ledger.statements import statement
from products import contracts, positions
from products.end_of_day import run_day
from products.explaining import explain

YEARS, CONTRACTS = 10, 5_000
MOVED = 15
"""By day one contract in so many moves: two dozen movements a year."""
MONTH = timedelta(days=30)
NIGHTS = 5
"""Nights of a run: the median of them is taken."""
READS = 200
WARMING = 8
AT_MOST = 1.2
"""Times the first month's."""
_MORE_MS = 2
"""A read may also take so much more than in the first month."""
_ONLY_SHOWN = "yesterday's interest, explained"
"""Worked out again from every movement there was: it reads more every year."""
_BLOCKS = """
SELECT sum(i.hits + i.reads)::bigint FROM pg_stat_io AS i WHERE i.backend_type = 'client backend'
"""

Read = Callable[[Connection, str], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one run: median seconds, and blocks, of a night or a read."""

    seconds: float
    blocks: float


async def run(years: int, count: int) -> Report:
    """Live the years, measure at both ends, prove the book. Raises `CheckFailed`, `Void`."""
    began = time.monotonic()
    async with (
        private_server() as lease,
        night_book(lease, "years", open_families, count, HALF_YEARS) as book,
    ):
        report = Report(settings=book.settings)
        await _live(book, OPENED_ON + MONTH)
        early = await _measured(book)
        await _live(book, OPENED_ON.replace(year=OPENED_ON.year + years) + MONTH)
        late = await _measured(book)
        report.points = [_point(name, years, early[name], late[name]) for name in early]
        book.uncounted()
        await book.control(f"{years} years")
        report.checks = [*book.checks, await verify(book, None)]
    report.seconds = time.monotonic() - began
    return report


async def _live(book: NightBook, until: date) -> None:
    """Every day up to a date, its night included, untimed; another rate each year."""
    async with book.pool.acquire() as acquired:
        standing = await books.get_book(acquired, BOOK_CODE)
    while book.today < until:
        tomorrow = book.today + timedelta(days=1)
        if (tomorrow.month, tomorrow.day) == (1, 1):
            await approve_rate(book.dsn, f"1.{tomorrow.year % 100:02d}00", tomorrow)
            say(f"{book.today}: lived")
        await move(book, MOVED)
        await run_day(book.pool, standing, book.today, seal_key=seal_key(book))
        book.today = tomorrow


async def _measured(book: NightBook) -> dict[str, list[Cost]]:
    """Nights and reads as they cost now, `RUNS` of each."""
    await settle(book)
    found: dict[str, list[Cost]] = {}
    for _ in range(RUNS):
        found.setdefault("night", []).append(await _nights(book))
        for name, read in _READS.items():
            found.setdefault(name, []).append(await _reads(book, read))
    told = {name: statistics.median(each.seconds for each in some) for name, some in found.items()}
    say(f"{book.today}: " + ", ".join(f"{name} {each * 1e3:.2f} ms" for name, each in told.items()))
    return found


async def _nights(book: NightBook) -> Cost:
    """Ordinary nights: none that ends a period or follows one."""
    taken: list[float] = []
    blocks = 0
    while len(taken) < NIGHTS:
        await move(book, MOVED)
        before = await _blocks(book)
        timed = await night(book)
        if _ordinary(book.today - timedelta(days=1)):
            blocks += await _blocks(book) - before
            taken.append(timed.whole)
    return Cost(seconds=statistics.median(taken), blocks=blocks / NIGHTS)


def _ordinary(night_of: date) -> bool:
    return not {(night_of - timedelta(days=each)).strftime("%m-%d") for each in (0, 1)} & HALF_YEARS


async def _reads(book: NightBook, read: Read) -> Cost:
    """Reads of contracts by turns, on a connection that has its plans."""
    dice = random.Random(book.today.toordinal())
    numbers = [f"S-{number:07d}" for number in dice.sample(book.contracts.tolist(), READS)]
    taken: list[float] = []
    async with book.pool.acquire() as connection:
        for number in numbers[:WARMING]:
            await read(connection, number)
        before = await _blocks(book, connection)
        for number in numbers:
            began = time.perf_counter()
            await read(connection, number)
            taken.append(time.perf_counter() - began)
        blocks = await _blocks(book, connection) - before
    return Cost(seconds=statistics.median(taken), blocks=blocks / READS)


async def _blocks(book: NightBook, *held: Connection) -> int:
    """Blocks asked for so far, after every connection has told its own."""
    await _tell(book.pool, held)
    async with superuser(book) as owner:
        return int(await owner.fetchval(_BLOCKS))


async def _tell(pool: Pool, held: tuple[Connection, ...]) -> None:
    """A backend tells what it asked for when it likes, unless it is told to."""
    idle = [await pool.acquire() for _ in range(pool.get_idle_size())]
    try:
        for connection in (*held, *idle):
            await connection.fetchval("SELECT pg_stat_force_next_flush()")
    finally:
        for connection in idle:
            await pool.release(connection)


async def _page(connection: Connection, number: str) -> object:
    head = await books.read_head(connection, BOOK)
    return await statement(connection, BOOK, number, from_date=head.business_date - MONTH)


async def _view(connection: Connection, number: str) -> object:
    return await positions.position(connection, BOOK, number)


async def _explained(connection: Connection, number: str) -> object:
    head = await books.read_head(connection, BOOK)
    contract = await contracts.by_no(connection, BOOK, number)
    return await explain(connection, contract, head.business_date - timedelta(days=1))


_READS: dict[str, Read] = {
    "statement page, the last thirty days": _page,
    "contract view": _view,
    _ONLY_SHOWN: _explained,
}


def _point(name: str, years: int, early: list[Cost], late: list[Cost]) -> Point:
    figures = []
    then = [each.seconds * 1e3 for each in early]
    now = [each.seconds * 1e3 for each in late]
    room: float | None = AT_MOST
    blocks: float | None = AT_MOST
    if name in _READS:
        room = max(AT_MOST, 1 + _MORE_MS / statistics.median(then))
    if name == _ONLY_SHOWN:
        room = blocks = None
    for what, unit, of_then, of_now, at_most in (
        ("time", "ms", then, now, room),
        ("blocks", "", [each.blocks for each in early], [each.blocks for each in late], blocks),
    ):
        figures += [
            Figure(name=f"{what}, first month", unit=unit, values=tuple(of_then)),
            Figure(name=f"{what}, after {years} years", unit=unit, values=tuple(of_now)),
            Figure(
                name=f"{what}: to the first month",
                unit="x time",
                values=ratios(of_now, of_then),
                at_most=at_most,
            ),
        ]
    return Point(name=name, figures=tuple(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--strict", action="store_true", help="a missed target fails as well")
    parser.add_argument("--years", type=int, default=YEARS, help="lived between the two months")
    parser.add_argument("--contracts", type=int, default=CONTRACTS)
    given = parser.parse_args()
    sys.exit(entry.finish(lambda: run(given.years, given.contracts), given.json, given.strict))
