"""Bulk posting: a million lines from arrays, from a file, with what is wrong in real files.

Every transfer is a journal of its own with a client-made id, kind, actor, value date and a
20-character reference; full semantics: ids looked up, bodies kept for naming conflicts, limits
judged, movements, digest, numbers, head. The path's time starts at the arrays; its floors (see
`benchmarks.floors`) are measured in turns with it, on the same lines.

    python -m benchmarks.posting [--json] [--strict] [--preload N]
    python -m benchmarks.posting --memory        # the loader's memory, ten minutes
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial

import asyncpg
import numpy as np

from benchmarks import entry, model
from benchmarks.bench import RUNS, Figure, Point, ratios, say
from benchmarks.files import codes_of, post_csv
from benchmarks.floors import Floors
from benchmarks.made import BALANCE_MIN
from benchmarks.peer import Peer, function_peer
from benchmarks.preload import Bench
from benchmarks.streams import Ids, regrouped, with_columns
from benchmarks.timed import Timed, all_posted, costs, floor, path, rates
from ledger.posting.lines import Ints, Lines, joined

MILLION = 1_000_000
HALF = 500_000
QUARTER = 262_144
"""Two full batches, for random ids."""
FULL_BATCHES = 524_288
"""Four full batches: enough for a ratio between two runs of the path itself."""
SHARE = 100
"""One line in so many is a replay; as many break a limit; as many are malformed."""
BREAKING = -BALANCE_MIN * 2
"""An amount that no ordinary account has room for."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Runs of the path with lines a second of floor A and floor B, each right after its run."""

    runs: list[Timed] = field(default_factory=list)
    floor_a: list[float] = field(default_factory=list)
    floor_b: list[float] = field(default_factory=list)


async def measure(made: Bench) -> list[Point]:
    """The points of bulk posting, in the order of the table."""
    connection = await asyncpg.connect(made.dsn)
    try:
        floors = Floors(connection)
        await floors.make()
        peer = await function_peer(made.dsn)
        ordered, from_file = await in_memory_and_from_file(made, floors)
        points = [_uniform(ordered, peer), _from_file(ordered, from_file)]
        random = await beside_floors(made, floors, Ids.RANDOM, QUARTER)
        points.append(_random(random))
    finally:
        await connection.execute("DROP SCHEMA IF EXISTS floor CASCADE")
        await connection.close()
    points.append(await dirty(made))
    return points


async def in_memory_and_from_file(made: Bench, floors: Floors) -> tuple[Beside, list[float]]:
    """A million lines from arrays beside their floors, and half as many from a file, in turns."""
    found, files = Beside(), []
    codes = await codes_of(made)
    for _ in range(RUNS):
        await one_run(made, floors, Ids.ORDERED, MILLION, found)
        files.append(await post_csv(made, HALF, codes))
        await made.control("from a file")
        say(f"from a file: {files[-1]:,.0f}/s")
    return found, files


async def beside_floors(made: Bench, floors: Floors, ids: Ids, count: int) -> Beside:
    """Runs of the path, each with its floors right after it."""
    found = Beside()
    for _ in range(RUNS):
        await one_run(made, floors, ids, count, found)
    return found


async def one_run(made: Bench, floors: Floors, ids: Ids, count: int, found: Beside) -> None:
    """The path, then floor A, then floor B, on the same lines and in the same batches."""
    chunks = made.stream(count, ids=ids).arrays()
    timed = all_posted(await path(made, chunks))
    await made.control(ids.value)
    batches = floors.encode(regrouped(chunks, timed.sizes))
    a = await floor(made.dsn, partial(floors.floor_a, batches), count)
    b = await floor(made.dsn, partial(floors.floor_b, batches), count)
    found.runs.append(timed)
    found.floor_a.append(a)
    found.floor_b.append(b)
    say(f"{ids.value}: {timed.per_second:,.0f}/s, floors A {a:,.0f}/s B {b:,.0f}/s")


def _uniform(found: Beside, peer: Peer) -> Point:
    made = rates(found.runs)
    return Point(
        name=f"bulk, {MILLION:,} lines, time-ordered ids",
        figures=(
            Figure(name="transfers", unit="/s", values=made),
            Figure(name="ratio_to_floor_a", values=ratios(made, found.floor_a), at_least=0.45),
            Figure(name="ratio_to_floor_b", values=ratios(made, found.floor_b), at_least=0.7),
            Figure(
                name="ratio_to_function_peer",
                values=tuple(each / peer.per_second for each in made),
            ),
            *costs(found.runs, wal_at_most=300),
            Figure(name="floor A", unit="/s", values=tuple(found.floor_a)),
            Figure(name="floor B", unit="/s", values=tuple(found.floor_b)),
            Figure(name="function peer", unit="/s", values=(float(peer.per_second),)),
        ),
        note=f"the aim is 0.85 of A; the peer is at its best with {peer.clients} clients",
    )


def _from_file(found: Beside, files: list[float]) -> Point:
    return Point(
        name=f"bulk, {HALF:,} lines from a CSV, with the result file",
        figures=(
            Figure(name="transfers", unit="/s", values=tuple(files)),
            Figure(
                name="ratio_to_in_memory", values=ratios(files, rates(found.runs)), at_least=0.6
            ),
        ),
    )


def _random(found: Beside) -> Point:
    made = rates(found.runs)
    return Point(
        name=f"bulk, {QUARTER:,} lines, random ids",
        figures=(
            Figure(name="transfers", unit="/s", values=made),
            Figure(name="ratio_to_floor_a", values=ratios(made, found.floor_a)),
            Figure(name="ratio_to_floor_b", values=ratios(made, found.floor_b)),
            *costs(found.runs),
        ),
    )


async def dirty(made: Bench) -> Point:
    """One percent each of replays, broken limits and malformed lines, beside clean lines."""
    clean, spoilt = [], []
    for number in range(RUNS):
        chunks = made.stream(FULL_BATCHES).arrays()
        clean.append(all_posted(await path(made, chunks)))
        async with made.pool.acquire() as connection:
            sequential = await model.Model.of_book(connection)
        first = sequential.seq - FULL_BATCHES
        sequential.recorded = {
            line[0]: (line, first + place)
            for place, line in enumerate(
                (line for chunk in chunks for line in model.lines_of(chunk)), 1
            )
        }
        lines = spoil(made.stream(FULL_BATCHES).arrays(), chunks, seed=number)
        timed = await path(made, lines)
        told = model.compare(sequential, lines, timed.outcomes)
        async with made.pool.acquire() as connection:
            await model.compare_balances(sequential, connection)
        spoilt.append(timed)
        made.checks.append(f"with wrong lines, run {number + 1}, as the sequential model: {told}")
        say(f"wrong lines: {timed.per_second:,.0f}/s, clean {clean[-1].per_second:,.0f}/s")
    await made.control("wrong lines")
    times = ratios(rates(clean), rates(spoilt))
    return Point(
        name="bulk, 1% replays, 1% broken limits, 1% malformed",
        figures=(
            Figure(name="lines", unit="/s", values=rates(spoilt)),
            Figure(name="time_to_clean", unit="x time", values=times, at_most=1.3),
            *costs(spoilt),
        ),
    )


def spoil(chunks: list[Lines], recorded: list[Lines], seed: int) -> list[Lines]:
    """Of a hundred lines one becomes a replay, one breaks a limit, one is malformed.

    Replays: half of what is recorded already, half of the line before it. Malformed: no amount,
    an account that is not there, or one account on both sides.
    """
    dice = np.random.default_rng([seed, 2570])
    return [_spoilt(dice, chunk, old) for chunk, old in zip(chunks, recorded, strict=True)]


def _spoilt(dice: np.random.Generator, lines: Lines, old: Lines) -> Lines:
    count = len(lines)
    places = dice.permutation(np.arange(1, count))[: 3 * (count // SHARE)]
    replays, broken, malformed = np.split(np.sort(places.reshape(3, -1), axis=1), 3)
    amount, credit = lines.amount_satang.copy(), lines.credit.copy()
    amount[broken] = BREAKING
    no_amount, nobody, same = np.array_split(malformed[0], 3)
    amount[no_amount] = 0
    credit[nobody] = np.int32(2**31 - 1)
    credit[same] = lines.debit[same]
    lines = with_columns(lines, amount_satang=amount, credit=credit)
    # A place to take from: among the recorded lines, or right before among these.
    of_old, of_these = replays[0][::2], replays[0][1::2]
    sources = np.arange(count)
    sources[of_these] = of_these - 1
    lines = lines.take(sources)
    return _replaced(lines, of_old, old)


def _replaced(lines: Lines, places: Ints, old: Lines) -> Lines:
    both = joined([lines, old])
    sources = np.arange(len(lines))
    sources[places] = places + len(lines)
    return both.take(sources)


if __name__ == "__main__":
    if "--memory" in sys.argv:
        from benchmarks import memory

        sys.exit(memory.main(sys.argv))
    entry.main(measure, about=__doc__)
