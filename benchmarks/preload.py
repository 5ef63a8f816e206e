"""The book that points are measured in: five million transfers by the bulk path, closed and sealed.

It is made once for a call and shared by all points, one after the other, so that every point finds
a big book and the proof at the end (`cff verify --since` the seal) covers all of them at once.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from asyncio import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import asyncpg
import numpy as np

from benchmarks.bench import CheckFailed, new_database, private_server, say
from benchmarks.controls import control_totals
from benchmarks.made import BOOK, BOOK_CODE, OPENED_ON, open_book
from benchmarks.savings import sell_savings
from benchmarks.streams import CHUNK, Ids, Stream
from benchmarks.traffic import Traffic, counted_pool
from ledger import books, schema
from ledger.db import Pool
from ledger.evidence.keys import KeyFile
from ledger.posting.bulk import BulkWriter
from ledger.posting.lines import Lines
from ledger.posting.outcomes import LineOutcomes
from products.catalogue import Product
from products.end_of_day import run_missed

TRANSFERS = 5_000_000
ACTOR = "bench:loader"
DATABASE = "bench"
SEAL = 1
"""The seal of the preload: the first and only one."""


@dataclass(slots=True, kw_only=True)
class Bench:
    """The server, the book, and how far the benchmark's own count of it has come.

    product:  of the contracts that nights work on.
    dsn:      as the superuser. pool: as the poster, counted by `traffic`. folder: for files.
    numbers:  the ordinary accounts. today: the business date.
    made:     lines made so far: no two streams share an id.
    accepted: transfers that points believe to have posted since the last control.
    """

    dsn: str
    pool: Pool
    traffic: Traffic
    settings: dict[str, str]
    numbers: list[int]
    today: date
    product: Product
    folder: Path = Path()
    made: int = 0
    accepted: int | None = 0
    checks: list[str] = field(default_factory=list)
    standing: tuple[int, int] = (0, 0)

    def stream(
        self, count: int, *, numbers: Iterable[int] | None = None, ids: Ids = Ids.ORDERED
    ) -> Stream:
        """`count` new lines on the current business date."""
        chosen = np.array(list(self.numbers if numbers is None else numbers), np.int32)
        first = self.made
        # Streams do not share a millisecond.
        self.made += -(-count // CHUNK) * CHUNK
        return Stream(numbers=chosen, count=count, first=first, today=self.today, ids=ids)

    async def control(self, point: str) -> None:
        """Control totals over everything since the last call. Raises `CheckFailed`."""
        seq, batch = self.standing
        async with self.pool.acquire() as connection:
            told = await control_totals(
                connection, after_seq=seq, after_batch=batch, expected=self.accepted
            )
            head = await books.read_head(connection, BOOK)
        self.standing, self.accepted = (head.recorded_seq, head.batch_no), 0
        self.checks.append(f"{point}: {told}")

    def posted(self, transfers: int) -> None:
        """A point has posted so many; the next control expects them."""
        if self.accepted is not None:
            self.accepted += transfers

    def uncounted(self) -> None:
        """A point posts by the clock: the next control compares the tellings with each other."""
        self.accepted = None


@asynccontextmanager
async def preloaded(transfers: int = TRANSFERS) -> AsyncIterator[Bench]:
    """A server with the book in it; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cff-bench-files-", dir="/tmp"))
    try:
        async with private_server() as lease:
            settings = await new_database(lease.dsn("postgres"), DATABASE)
            await schema.migrate(lease.dsn(DATABASE))
            traffic = Traffic()
            pool = await counted_pool(lease.dsn(DATABASE), traffic)
            try:
                yield await _filled(lease.dsn(DATABASE), pool, traffic, settings, folder, transfers)
            finally:
                await pool.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _filled(
    dsn: str,
    pool: Pool,
    traffic: Traffic,
    settings: dict[str, str],
    folder: Path,
    transfers: int,
) -> Bench:
    began = time.monotonic()
    made = Bench(
        dsn=dsn,
        pool=pool,
        traffic=traffic,
        settings=settings,
        numbers=await open_book(pool),
        product=await sell_savings(pool, dsn, OPENED_ON),
        folder=folder,
        today=OPENED_ON,
    )
    await load(pool, made.stream(transfers).chunks())
    loaded = time.monotonic()
    async with pool.acquire() as connection:
        book = await books.get_book(connection, BOOK_CODE)
    await run_missed(pool, book, through=OPENED_ON, seal_key=seal_key(made))
    sealed = time.monotonic()
    superuser = await asyncpg.connect(dsn)
    await superuser.execute("VACUUM (ANALYZE)")
    await superuser.execute("CHECKPOINT")
    await superuser.close()
    async with pool.acquire() as connection:
        made.today = (await books.read_head(connection, BOOK)).business_date
    made.posted(transfers)
    await made.control("preload")
    say(
        f"preloaded {transfers:,} transfers in {loaded - began:.0f} s, closed and sealed the day "
        f"in {sealed - loaded:.0f} s, vacuum and totals {time.monotonic() - sealed:.0f} s"
    )
    return made


def seal_key(made: Bench) -> KeyFile:
    """The key of the benchmark's own seals."""
    return KeyFile(path=made.folder / "seal-key.pem", say=lambda _: None)


async def load(pool: Pool, chunks: Iterable[Lines]) -> int:
    """Post lines by the bulk path, all of which must be accepted; how many there were."""
    accepted = 0

    async def count(_: object, __: int, outcomes: LineOutcomes) -> None:
        nonlocal accepted
        refused = np.flatnonzero(outcomes.status != 1)
        if len(refused):
            raise CheckFailed(f"a clean line was not posted: {outcomes.refusals}")
        accepted += len(outcomes.status)

    async def source() -> AsyncIterator[Lines]:
        for chunk in chunks:
            yield chunk

    writer = BulkWriter(pool, BOOK, actor=ACTOR)
    await writer.load(source(), count)
    return accepted


async def verify(made: Bench, since: int | None) -> str:
    """`cff verify`, whole or `--since` a seal, as a person runs it. Raises `CheckFailed`."""
    words = ["verify", *([] if since is None else ["--since", str(since)])]
    began = time.monotonic()
    process = await subprocess.create_subprocess_exec(
        sys.executable,
        "-c",
        "from api.cli.main import main; main()",
        *words,
        "--json",
        env=os.environ | {"CFF_DATABASE_URL": made.dsn, "CFF_BOOK": BOOK_CODE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise CheckFailed(f"cff {' '.join(words)}: {err.decode()[-2000:]} {out.decode()[:2000]}")
    checked = json.loads(out)["checked"]
    seconds = time.monotonic() - began
    return f"cff {' '.join(words)}: {checked['transfers']:,} transfers in {seconds:.0f} s"
