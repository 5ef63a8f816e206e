"""Single journals through the collector, 1, 64 and 512 in flight, beside ledgers in SQL alone.

The floors are measured beside each run, in turn with it: the function peer (`benchmarks.peer`), one
autocommit statement that does a bare INSERT and UPDATE, and bare commits of one row, sent by the
same driver. In flight means: so many clients, each of which asks again when it is answered. A verb
of the products beside bare journals: see `benchmarks.verbs`.

    python -m benchmarks.online [--json] [--strict] [--preload N]
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg

from benchmarks import entry, verbs
from benchmarks.bench import RUNS, CheckFailed, Figure, Point, percentile, ratios, say
from benchmarks.made import BOOK, Maker
from benchmarks.peer import PER_SECOND_MIN, Peer, function_peer
from benchmarks.preload import Bench
from ledger.posting.collector import Collector
from ledger.posting.values import Status, Unit

EACH = {1: 600, 64: 9_600, 512: 12_288}
"""Journals a run, by how many are in flight."""
RATIO = {64: 2.5, 512: 4.0}
"""Of the function peer's rate."""
BARE_TIMES = 2.0
"""One in flight: so many times as long as one bare statement."""
P99_MS = 25.0
P99_COMMITS = 20
"""The 99th percentile at 64 in flight, in milliseconds or in bare commits, whichever is more."""
BARE = 500

_TABLES = """
CREATE SCHEMA IF NOT EXISTS bare;
DROP TABLE IF EXISTS bare.entry, bare.balance;
CREATE TABLE bare.entry (id bigint PRIMARY KEY, amount bigint NOT NULL);
CREATE TABLE bare.balance (id integer PRIMARY KEY, amount bigint NOT NULL);
INSERT INTO bare.balance VALUES (1, 0);
"""
_INSERT_AND_UPDATE = """
WITH made AS (INSERT INTO bare.entry VALUES ($1, 100))
UPDATE bare.balance SET amount = amount + 100 WHERE id = 1
"""
_COMMIT = "INSERT INTO bare.entry VALUES ($1, 100)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """One run with so many in flight; times of one answer in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything of one run, measured within seconds of each other."""

    peer: Peer
    bare_ms: float
    commit_ms: float
    online: dict[int, Online]


async def measure(made: Bench) -> list[Point]:
    """Three rounds of floors and all numbers in flight. Raises `Void`, `CheckFailed`."""
    maker = Maker(made.numbers, seed=made.made)
    runs: list[Run] = []
    for _ in range(RUNS):
        peer = await function_peer(made.dsn)
        bare = await _bare(made.dsn, _INSERT_AND_UPDATE)
        commit = await _bare(made.dsn, _COMMIT)
        found = {count: await _online(made, maker, count) for count in EACH}
        runs.append(Run(peer=peer, bare_ms=bare, commit_ms=commit, online=found))
        told = ", ".join(f"{n}: {run.per_second:,.0f}/s" for n, run in found.items())
        say(f"online {told}; peer {peer.per_second:,}/s, bare {bare:.2f} ms, commit {commit:.2f}")
    return [_alone(runs), *(_many(runs, count) for count in RATIO)]


def _alone(runs: list[Run]) -> Point:
    took = tuple(run.online[1].p50_ms for run in runs)
    bare = tuple(run.bare_ms for run in runs)
    return Point(
        name="online, 1 in flight",
        figures=(
            Figure(name="p50", unit="ms", values=took),
            Figure(name="p99", unit="ms", values=tuple(run.online[1].p99_ms for run in runs)),
            Figure(name="bare INSERT + UPDATE", unit="ms", values=bare),
            Figure(name="times the bare statement", values=ratios(took, bare), at_most=BARE_TIMES),
        ),
    )


def _many(runs: list[Run], count: int) -> Point:
    rates = tuple(run.online[count].per_second for run in runs)
    peers = tuple(float(run.peer.per_second) for run in runs)
    p99 = tuple(run.online[count].p99_ms for run in runs)
    commits = tuple(run.commit_ms for run in runs)
    allowed = max(P99_MS, P99_COMMITS * max(commits)) if count == 64 else None
    return Point(
        name=f"online, {count} in flight",
        note=f"the peer is void below {PER_SECOND_MIN:,}/s",
        figures=(
            Figure(name="journals", unit="/s", values=rates),
            Figure(name="function peer, at its best", unit="/s", values=peers),
            Figure(
                name="ratio_to_function_peer", values=ratios(rates, peers), at_least=RATIO[count]
            ),
            Figure(name="p50", unit="ms", values=tuple(run.online[count].p50_ms for run in runs)),
            Figure(name="p99", unit="ms", values=p99, at_most=allowed),
            Figure(name="one bare commit", unit="ms", values=commits),
        ),
    )


async def _bare(dsn: str, statement: str) -> float:
    """The median time of a statement that commits itself, one after another, in milliseconds."""
    connection = await asyncpg.connect(dsn)
    taken = []
    try:
        await connection.execute(_TABLES)
        for number in range(BARE):
            began = time.perf_counter_ns()
            await connection.execute(statement, number)
            taken.append(time.perf_counter_ns() - began)
    finally:
        await connection.close()
    return percentile(taken, 50)


async def _online(made: Bench, maker: Maker, in_flight: int) -> Online:
    units = [maker.unit() for _ in range(EACH[in_flight])]
    taken: list[int] = []
    async with Collector(made.pool) as collector:
        waiting = iter(units)
        # The first one opens the connection.
        await collector.submit(BOOK, maker.unit())
        began = time.perf_counter_ns()
        await asyncio.gather(*(_client(collector, waiting, taken) for _ in range(in_flight)))
        spent = time.perf_counter_ns() - began
    made.posted(len(units) + 1)
    return Online(
        per_second=len(units) * 1e9 / spent,
        p50_ms=percentile(taken, 50),
        p99_ms=percentile(taken, 99),
    )


async def _client(collector: Collector, units: Iterator[Unit], taken: list[int]) -> None:
    for unit in units:
        began = time.perf_counter_ns()
        outcome = await collector.submit(BOOK, unit)
        taken.append(time.perf_counter_ns() - began)
        if outcome.status is not Status.ACCEPTED:
            raise CheckFailed(f"a clean journal was not accepted: {outcome}")


if __name__ == "__main__":
    entry.main(measure, verbs.measure, about=__doc__)
