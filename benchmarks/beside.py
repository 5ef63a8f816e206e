"""Online posting while somebody else has the head: a bulk load, and the night.

Eight clients post journals without pause in this process; the load and the night run in processes
of their own, as `cff post` and `cff end-of-day` do. Alone, beside the load and beside the night
take turns.

    python -m benchmarks.beside [--json] [--strict] [--preload N]
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date

from benchmarks import entry
from benchmarks.bench import RUNS, CheckFailed, Figure, Point, percentile, ratios, say
from benchmarks.made import BOOK, BOOK_CODE, Maker
from benchmarks.memory import load_in_child
from benchmarks.preload import Bench
from benchmarks.savings import open_contracts
from ledger import books
from ledger.db import open_pool
from ledger.posting.collector import Collector
from ledger.posting.values import Status
from products.end_of_day import run_missed

CLIENTS = 8
QUIET_SECONDS = 1.5
LINES = 200_000
CONTRACTS = 5_000
_NIGHT = "--night"


async def measure(made: Bench) -> list[Point]:
    """Three rounds of alone, beside a load, beside a night."""
    await open_contracts(made.pool, made.product, made.numbers[0], CONTRACTS)
    made.uncounted()  # clients post by the clock, nights post what they find
    alone: list[list[int]] = []
    loading: list[list[int]] = []
    night: list[list[int]] = []
    for _ in range(RUNS):
        alone.append(await posting_beside(made, lambda: asyncio.sleep(QUIET_SECONDS)))
        loading.append(await posting_beside(made, lambda: _load(made)))
        night.append(await posting_beside(made, lambda: night_in_child(made)))
        say(
            f"online p50/p99 ms: alone {_both(alone[-1])}, beside a load {_both(loading[-1])}, "
            f"beside the night {_both(night[-1])}"
        )
    return [
        Point(
            name=f"online, {CLIENTS} in flight, beside a bulk load and beside the night",
            figures=(
                *_figures("alone", alone, alone),
                *_figures("beside a load", loading, alone),
                *_figures("beside the night", night, alone),
            ),
        )
    ]


def _both(taken: list[int]) -> str:
    return f"{percentile(taken, 50):.1f}/{percentile(taken, 99):.1f}"


def _figures(name: str, runs: list[list[int]], alone: list[list[int]]) -> list[Figure]:
    medians = tuple(percentile(each, 50) for each in runs)
    usual = tuple(percentile(each, 50) for each in alone)
    watched = runs is not alone
    found = [
        Figure(name=f"{name}: answers", values=tuple(float(len(each)) for each in runs)),
        Figure(name=f"{name}: p50", unit="ms", values=medians),
        Figure(
            name=f"{name}: p99",
            unit="ms",
            values=tuple(percentile(each, 99) for each in runs),
            at_most=100 if watched else None,
        ),
    ]
    if watched:
        times = ratios(medians, usual)
        found.append(Figure(name=f"{name}: p50 to alone", unit="x time", values=times, at_most=3))
    return found


async def posting_beside(made: Bench, work: Callable[[], Awaitable[object]]) -> list[int]:
    """Nanoseconds of every answer while `work` is under way."""
    maker = Maker(made.numbers, seed=time.monotonic_ns())
    taken: list[int] = []
    done = asyncio.Event()

    async def client() -> None:
        while not done.is_set():
            began = time.perf_counter_ns()
            outcome = await collector.submit(BOOK, maker.unit())
            taken.append(time.perf_counter_ns() - began)
            if outcome.status is not Status.ACCEPTED:
                raise CheckFailed(f"an online journal was not accepted: {outcome.refusal}")

    async with Collector(made.pool) as collector:
        clients = [asyncio.create_task(client()) for _ in range(CLIENTS)]
        try:
            await work()
        finally:
            done.set()
            await asyncio.gather(*clients)
    return taken


async def _load(made: Bench) -> None:
    await load_in_child(made, LINES)


async def night_in_child(made: Bench) -> None:
    """The night of the current date, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.beside", _NIGHT, made.dsn, made.today.isoformat()
    )
    if await process.wait() != 0:
        raise CheckFailed(f"the night of {made.today} ended with {process.returncode}")
    async with made.pool.acquire() as connection:
        made.today = (await books.read_head(connection, BOOK)).business_date


async def run_night(dsn: str, day: date) -> None:
    """Close one date; it is sealed by nobody, as reading it for the seal is no part of this."""
    pool = await open_pool(dsn, max_size=4)
    try:
        async with pool.acquire() as connection:
            book = await books.get_book(connection, BOOK_CODE)
        await run_missed(pool, book, through=day)
    finally:
        await pool.close()


if __name__ == "__main__":
    if sys.argv[1:2] == [_NIGHT]:
        asyncio.run(run_night(sys.argv[2], date.fromisoformat(sys.argv[3])))
    else:
        entry.main(measure, about=__doc__)
