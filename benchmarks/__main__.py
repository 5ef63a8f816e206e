"""`python -m benchmarks`: the matrix of at most twelve points, as a table or with --json.

All points share one server and one book of five million transfers; `benchmarks/README.md` says what
each is for. `--soak` adds what eight minutes do not hold: reads of that book when it holds more
than ten million, finding, the proof beside clients, and the proof of the whole book.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from benchmarks import (
    beside,
    entry,
    find,
    hot,
    http,
    online,
    posting,
    reads,
    reads_book,
    verbs,
    verify,
)
from benchmarks.bench import Figure, Point, private_database
from benchmarks.made import BOOK, OPENED_ON, open_accounts
from benchmarks.preload import Bench, load
from benchmarks.reads_book import BUSY, HOT, NAMED, Large
from ledger import books

READ_FROM = 10_000_000
"""Transfers that the book must hold when it is read from."""
OF_THEM = 262_144
"""Lines that touch the accounts whose statements are read."""


async def reading(made: Bench) -> list[Point]:
    """Statement pages, balances and trial balances of the shared book, alone and beside a load."""
    special = await open_accounts(made.pool, [HOT, BUSY, NAMED], None)
    async with made.pool.acquire() as connection:
        head = await books.read_head(connection, BOOK)
    days = (head.business_date - OPENED_ON).days + 1
    book = Large(
        members=made.numbers,
        hot=special[0],
        busy=special[1],
        named=special[2],
        transfers=0,
        days=[OPENED_ON + timedelta(days=day) for day in range(days)],
    )
    made.posted(
        await load(made.pool, reads_book.chunks(book, np.random.default_rng(2569), OF_THEM))
    )
    lacking = READ_FROM - head.recorded_seq - OF_THEM
    if lacking > 0:
        made.posted(await load(made.pool, made.stream(lacking).chunks()))
    alone = await reads.measure(made.pool, book, seed=1)
    made.uncounted()  # the load beside them posts until it is told to stop
    async with reads._loading(made.dsn):
        besides = await reads.measure(made.pool, book, seed=2)
    figures = [
        Figure(
            name=f"{point.name}: {figure.name}",
            unit=figure.unit,
            values=figure.values,
            at_least=figure.at_least,
            at_most=figure.at_most,
        )
        for point in reads.points(alone, besides)
        for figure in point.figures
        if figure.met is not None
    ]
    return [Point(name=f"reads at over {READ_FROM:,} transfers", figures=tuple(figures))]


async def the_rest(_: Bench) -> list[Point]:
    """Measurements with books of their own, each on a server of its own."""
    async with private_database() as (dsn, pool, _settings):
        points = await verify.measure(pool, dsn)
    return points + await find.measure_alone()


if __name__ == "__main__":
    entry.main(
        posting.measure,
        hot.measure,
        online.measure,
        verbs.measure,
        http.measure,
        beside.measure,
        soak=(reading, the_rest),
        about=__doc__,
    )
