"""What every benchmark shares: a private server with fsync on, figures with targets, one table.

A *point* is one named situation; its *figures* hold one value a run. The median is quoted, the
worst run decides whether a target is met. A figure without a target is only shown.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from ledger import embedded, schema
from ledger.db import Pool, open_pool

RUNS = 3
SETTINGS_SHOWN = (
    "server_version",
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
    "autovacuum",
    "max_connections",
)
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


class CheckFailed(Exception):  # noqa: N818 - it is the verdict on a run, not a program's error
    """What was posted is not what should have been: the benchmark has failed."""


class Void(Exception):  # noqa: N818 - likewise
    """The measurement cannot be compared with anything: the benchmark says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity, a value a run, and what it must reach if it must reach anything."""

    name: str
    values: tuple[float, ...]
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        """What is quoted."""
        return statistics.median(self.values)

    @property
    def worst(self) -> float:
        """What decides: the highest where little is good, else the lowest."""
        return max(self.values) if self.little_is_good else min(self.values)

    @property
    def little_is_good(self) -> bool:
        """True of times, bytes and whatever has an upper target."""
        return self.at_most is not None or (self.at_least is None and self.unit in _LITTLE)

    @property
    def met(self) -> bool | None:
        """Whether the worst run meets the target; None without one."""
        if self.at_least is not None:
            return self.worst >= self.at_least
        if self.at_most is not None:
            return self.worst <= self.at_most
        return None

    @property
    def target(self) -> str:
        """The target in words."""
        if self.at_least is not None:
            return f">= {number(self.at_least)}"
        return "" if self.at_most is None else f"<= {number(self.at_most)}"


_LITTLE = frozenset({"us", "ms", "B", "MB", "s", "x time"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One named situation with what was measured in it."""

    name: str
    figures: tuple[Figure, ...]
    note: str = ""


def point(name: str, per_second: int, floor: str, floor_per_second: int, p99_ms: str = "") -> Point:
    """A point that was measured once, beside one floor and without a target."""
    ratio = per_second / floor_per_second
    figures = [
        Figure(name="events", unit="/s", values=(per_second,)),
        Figure(name=f"{floor}", unit="/s", values=(floor_per_second,)),
        Figure(name="ratio", values=(ratio,)),
    ]
    if p99_ms:
        figures.append(Figure(name="p99", unit="ms", values=(float(p99_ms),)))
    return Point(name=name, figures=tuple(figures))


def ratios(above: Sequence[float], below: Sequence[float]) -> tuple[float, ...]:
    """Run by run: each is divided by what was measured beside it."""
    return tuple(a / b for a, b in zip(above, below, strict=True))


def number(value: float) -> str:
    """A value as people read it: thousands with commas, small ones with the places they need."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


@asynccontextmanager
async def private_server() -> AsyncIterator[embedded.Lease]:
    """A server of its own with the product's default settings; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="cff-bench-", dir="/tmp"))
    home.chmod(0o711)  # noqa: ASYNC240 - before anything runs
    try:
        with embedded.lease(home / "pg") as lease:
            yield lease
    finally:
        embedded.stop(home / "pg")
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def private_database() -> AsyncIterator[tuple[str, Pool, dict[str, str]]]:
    """A migrated, empty database on a server of its own with default durability."""
    async with private_server() as lease:
        shown = await new_database(lease.dsn("postgres"), "bench")
        await schema.migrate(lease.dsn("bench"))
        pool = await open_pool(lease.dsn("bench"), max_size=64)
        try:
            yield lease.dsn("bench"), pool, shown
        finally:
            await pool.close()


async def new_database(maintenance: str, name: str) -> dict[str, str]:
    """Create a database; the server's settings. Raises `Void` when it is not a durable one."""
    connection = await asyncpg.connect(maintenance)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        shown = {each: str(await connection.fetchval(f"SHOW {each}")) for each in SETTINGS_SHOWN}
    finally:
        await connection.close()
    loose = [each for each in DURABLE if shown[each] != "on"]
    if loose:
        raise Void(f"{', '.join(loose)} must be on")
    return shown


async def rate(work: Callable[[], Awaitable[None]], events: int, runs: int = RUNS) -> int:
    """Events a second, the median of `runs` runs."""
    found = []
    for _ in range(runs):
        began = time.perf_counter_ns()
        await work()
        found.append(events * 1_000_000_000 // (time.perf_counter_ns() - began))
    return int(statistics.median(found))


def percentile(nanoseconds: Iterable[int], percent: int) -> float:
    """A percentile in milliseconds; the highest value where there are too few for it."""
    ordered = sorted(nanoseconds)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] / 1e6


def percentile_99(nanoseconds: list[int]) -> str:
    """The 99th percentile in milliseconds with two places."""
    return f"{percentile(nanoseconds, 99):.2f}"


@dataclass(slots=True)
class Report:
    """Everything that one call measured, and the checks that held."""

    settings: dict[str, str]
    points: list[Point] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    seconds: float = 0

    @property
    def missed(self) -> list[str]:
        """The targets that the worst run missed."""
        return [
            f"{point.name}: {figure.name} {number(figure.worst)}, must be {figure.target}"
            for point in self.points
            for figure in point.figures
            if figure.met is False
        ]

    def as_json(self) -> str:
        """One document with every value of every run."""
        return json.dumps(
            {
                "settings": self.settings,
                "seconds": self.seconds,
                "points": [_document(each) for each in self.points],
                "checks": self.checks,
                "missed": self.missed,
            },
            indent=2,
        )

    def as_table(self) -> str:
        """The same for people: the median is quoted, the worst run decides."""
        lines = ["server: " + ", ".join(f"{k}={v}" for k, v in self.settings.items()), ""]
        names = [figure.name for each in self.points for figure in each.figures]
        width = max(map(len, names), default=0)
        lines.append(f"  {'':{width}} {'median':>10} {'worst':>10} {'':6} {'target':>9}")
        for each in self.points:
            lines.append(each.name + (f"  ({each.note})" if each.note else ""))
            lines += [_line(figure, width) for figure in each.figures]
        lines += ["", *(f"checked: {each}" for each in self.checks)]
        lines += [f"missed: {each}" for each in self.missed] or ["every target is met"]
        lines.append(f"{self.seconds:.0f} seconds in all")
        return "\n".join(lines)


def _line(figure: Figure, width: int) -> str:
    verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
    values = f"{number(figure.median):>10} {number(figure.worst):>10} {figure.unit:6}"
    return f"  {figure.name:{width}} {values} {figure.target:>9} {verdict}".rstrip()


def _document(each: Point) -> dict[str, object]:
    return {
        "name": each.name,
        "note": each.note,
        "figures": {
            figure.name: {
                "unit": figure.unit,
                "values": list(figure.values),
                "median": figure.median,
                "worst": figure.worst,
                "target": figure.target,
                "met": figure.met,
            }
            for figure in each.figures
        },
    }


def say(line: str) -> None:
    """Tell whoever waits; never on standard output, which holds the result alone."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
