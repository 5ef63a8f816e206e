"""The loader's memory: a process that posts ten million lines must not need more than for one.

    python -m benchmarks.posting --memory [LINES]

Each load is a process of its own that makes its lines chunk by chunk as a file would give them; its
peak is what the system says of it at the end. The server is the same for both.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from datetime import date

import numpy as np

from benchmarks.bench import CheckFailed, Figure, Point, Report
from benchmarks.entry import finish
from benchmarks.preload import Bench, load, preloaded
from benchmarks.streams import Stream
from ledger.db import open_pool

LARGE = 10_000_000
SMALL_SHARE = 10
_CHILD = "--memory-child"


def main(arguments: list[str]) -> int:
    """Measure both loads, print, and answer the exit code; or be one of the loads."""
    if _CHILD in arguments:
        asyncio.run(_child(arguments[arguments.index(_CHILD) + 1]))
        return 0
    given = [each for each in arguments[1:] if each.isdigit()]
    large = int(given[0]) if given else LARGE
    return finish(lambda: _measured(large), "--json" in arguments, "--strict" in arguments)


async def _measured(large: int) -> Report:
    began = time.monotonic()
    async with preloaded(transfers=large // SMALL_SHARE) as made:
        report = Report(settings=made.settings)
        small_mb = await load_in_child(made, large // SMALL_SHARE)
        large_mb = await load_in_child(made, large)
        await made.control("memory")
        report.checks = made.checks
    report.points.append(
        Point(
            name=f"memory of the loader, {large:,} lines",
            figures=(
                Figure(name="peak", unit="MB", values=(large_mb,)),
                Figure(name=f"peak at {large // SMALL_SHARE:,}", unit="MB", values=(small_mb,)),
                Figure(name="ratio", values=(large_mb / small_mb,), at_most=1.1),
            ),
        )
    )
    report.seconds = time.monotonic() - began
    return report


async def load_in_child(made: Bench, count: int) -> float:
    """Post `count` clean lines in a process of its own; its peak in megabytes."""
    stream = made.stream(count)
    given = {
        "dsn": made.dsn,
        "numbers": made.numbers,
        "first": stream.first,
        "count": count,
        "today": made.today.isoformat(),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.posting",
        "--memory",
        _CHILD,
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(json.dumps(given).encode())
    if process.returncode != 0:
        raise CheckFailed(f"the load of {count:,} lines ended with {process.returncode}")
    made.posted(count)
    return float(json.loads(out)["peak_kb"] / 1024)


async def _child(_: str) -> None:
    given = json.loads(sys.stdin.read())
    stream = Stream(
        numbers=np.array(given["numbers"], np.int32),
        count=given["count"],
        first=given["first"],
        today=date.fromisoformat(given["today"]),
    )
    pool = await open_pool(given["dsn"], max_size=4)
    await load(pool, stream.chunks())
    await pool.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(json.dumps({"peak_kb": peak}))
