"""The path and its floors, timed in turns with the same care: a checkpoint before, one inside.

Dirty pages of whatever ran before are flushed first; in the middle of each run another connection
asks for a checkpoint, so that every run pays for whole pages in its WAL once more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import numpy as np

from benchmarks.bench import CheckFailed, Figure, percentile
from benchmarks.made import BOOK
from benchmarks.preload import ACTOR, Bench
from ledger.db import Connection
from ledger.posting.bulk import BulkWriter
from ledger.posting.lines import Lines
from ledger.posting.outcomes import LineOutcomes


@dataclass(slots=True)
class Timed:
    """One run of the path over arrays.

    nanoseconds: from the first array to the last commit. batches: of each, head to head.
    outcomes:    what was answered, batch by batch.
    """

    lines: int
    nanoseconds: int = 0
    batches: list[int] = field(default_factory=list)
    outcomes: list[LineOutcomes] = field(default_factory=list)
    wal_bytes: int = 0
    trips: int = 0
    commits: int = 0

    @property
    def per_second(self) -> float:
        """Lines a second."""
        return self.lines * 1e9 / self.nanoseconds

    @property
    def sizes(self) -> list[int]:
        """Lines of each batch."""
        return [len(each) for each in self.outcomes]

    @property
    def posted(self) -> int:
        """Lines that were accepted now."""
        return sum(int((each.status == 1).sum()) for each in self.outcomes)


@asynccontextmanager
async def checkpoint_at(dsn: str, at_half: asyncio.Event) -> AsyncIterator[None]:
    """One checkpoint before the block and one when `at_half` is set inside it; both are awaited.

    Raises `CheckFailed` when the block ends without having set it.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CHECKPOINT")

        async def inside() -> None:
            await at_half.wait()
            await connection.execute("CHECKPOINT")

        task = asyncio.create_task(inside())
        yield
        if not at_half.is_set():
            task.cancel()
            raise CheckFailed("a run ended without the checkpoint inside it")
        await task
    finally:
        await connection.close()


async def wal_position(connection: Connection) -> int:
    """How many bytes of WAL there have been."""
    return int(
        await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
    )


async def path(made: Bench, chunks: Sequence[Lines]) -> Timed:
    """Post arrays by the bulk path; nothing is expected of the outcomes here."""
    found = Timed(lines=sum(map(len, chunks)))
    at_half = asyncio.Event()
    observer = await asyncpg.connect(made.dsn)
    writer = BulkWriter(made.pool, BOOK, actor=ACTOR)

    async def source() -> AsyncIterator[Lines]:
        for chunk in chunks:
            yield chunk

    async def hook(_: Connection, __: int, outcomes: LineOutcomes) -> None:
        found.outcomes.append(outcomes)
        found.batches.append(time.perf_counter_ns())
        if sum(found.sizes) * 2 >= found.lines:
            at_half.set()

    try:
        async with checkpoint_at(made.dsn, at_half):
            wal, before = await wal_position(observer), made.traffic.snapshot()
            began = time.perf_counter_ns()
            await writer.load(source(), hook)
            found.nanoseconds = time.perf_counter_ns() - began
            after = made.traffic.snapshot()
            found.wal_bytes = await wal_position(observer) - wal
    finally:
        await observer.close()
    found.trips, found.commits = after[0] - before[0], after[1] - before[1]
    found.batches = np.diff([began, *found.batches]).tolist()
    made.posted(found.posted)
    return found


async def floor(dsn: str, run: Callable[[asyncio.Event], Awaitable[int]], lines: int) -> float:
    """Lines a second of a floor's run, checkpoints as for the path."""
    at_half = asyncio.Event()
    async with checkpoint_at(dsn, at_half):
        nanoseconds = await run(at_half)
    return lines * 1e9 / nanoseconds


def all_posted(timed: Timed) -> Timed:
    """The run, all of whose lines must have been accepted. Raises `CheckFailed`."""
    if timed.posted != timed.lines:
        refused = next(
            (refusal for each in timed.outcomes for refusal in each.refusals.values()), None
        )
        raise CheckFailed(
            f"{timed.posted:,} of {timed.lines:,} clean lines were posted; the first refusal: "
            f"{refusal_words(refused)}"
        )
    return timed


def refusal_words(refusal: object) -> str:
    """A refusal for a message; there may be none."""
    return "none" if refusal is None else str(refusal)


def costs(runs: Sequence[Timed], wal_at_most: float | None = None) -> list[Figure]:
    """The figures that every bulk point shows beside its rate."""
    batches = [each.batches for each in runs]
    return [
        Figure(
            name="WAL a transfer",
            unit="B",
            values=tuple(each.wal_bytes / max(1, each.posted) for each in runs),
            at_most=wal_at_most,
        ),
        Figure(name="batch p50", unit="ms", values=tuple(percentile(b, 50) for b in batches)),
        Figure(name="batch p99", unit="ms", values=tuple(percentile(b, 99) for b in batches)),
        Figure(name="round trips", values=tuple(float(each.trips) for each in runs)),
        Figure(name="commits", values=tuple(float(each.commits) for each in runs)),
    ]


def rates(runs: Sequence[Timed]) -> tuple[float, ...]:
    """Lines a second of each run."""
    return tuple(each.per_second for each in runs)
