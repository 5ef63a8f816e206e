"""What every benchmark shares: a private server with fsync on, a book, honest timing, one table."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg

from ledger import embedded, schema
from ledger.db import Pool, open_pool

SETTINGS_SHOWN = ("fsync", "full_page_writes", "synchronous_commit", "shared_buffers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measured point: what, how many a second, its floor, and the ratio to it."""

    name: str
    per_second: int
    floor: str
    floor_per_second: int
    ratio: str
    p99_ms: str = ""


def point(name: str, per_second: int, floor: str, floor_per_second: int, p99_ms: str = "") -> Point:
    """A point with its ratio to three places."""
    thousandths = per_second * 1000 // floor_per_second
    return Point(
        name=name,
        per_second=per_second,
        floor=floor,
        floor_per_second=floor_per_second,
        ratio=f"{thousandths // 1000}.{thousandths % 1000:03d}",
        p99_ms=p99_ms,
    )


@asynccontextmanager
async def private_database() -> AsyncIterator[tuple[str, Pool, dict[str, str]]]:
    """A migrated database on a server of its own with default durability; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="cff-bench-", dir="/tmp"))
    home.chmod(0o711)  # noqa: ASYNC240 - before anything runs
    try:
        with embedded.lease(home / "pg") as lease:
            maintenance = await asyncpg.connect(lease.dsn("postgres"))
            await maintenance.execute("CREATE DATABASE bench")
            shown = {name: await maintenance.fetchval(f"SHOW {name}") for name in SETTINGS_SHOWN}
            await maintenance.close()
            await schema.migrate(lease.dsn("bench"))
            pool = await open_pool(lease.dsn("bench"), max_size=64)
            try:
                yield lease.dsn("bench"), pool, shown
            finally:
                await pool.close()
    finally:
        embedded.stop(home / "pg")
        shutil.rmtree(home, ignore_errors=True)


async def rate(work: Callable[[], Awaitable[None]], events: int, runs: int = 3) -> int:
    """Events a second, the median of `runs` runs."""
    found = []
    for _ in range(runs):
        began = time.perf_counter_ns()
        await work()
        found.append(events * 1_000_000_000 // (time.perf_counter_ns() - began))
    return int(statistics.median(found))


def percentile_99(nanoseconds: list[int]) -> str:
    """The 99th percentile in milliseconds with two places."""
    hundredths = sorted(nanoseconds)[len(nanoseconds) * 99 // 100] // 10_000
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def show(points: list[Point], settings: dict[str, str], as_json: bool) -> None:
    """The table, or the same as one JSON document."""
    if as_json:
        document = {"settings": settings, "points": [asdict(each) for each in points]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    sys.stdout.write("server: " + ", ".join(f"{k}={v}" for k, v in settings.items()) + "\n\n")
    sys.stdout.write(f"{'point':44} {'per s':>9} {'p99 ms':>8}  {'ratio':>7}  floor\n")
    for each in points:
        sys.stdout.write(
            f"{each.name:44} {each.per_second:9,} {each.p99_ms:>8}  {each.ratio:>7}  "
            f"{each.floor} ({each.floor_per_second:,}/s)\n"
        )
