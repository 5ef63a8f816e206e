"""What `python -m benchmarks.<name>` does: preload, measure, prove, print, exit.

Exit codes: 0 measured and proven; 1 a check failed, or a target was missed under --strict; 2 the
measurement is void.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks import preload
from benchmarks.bench import CheckFailed, Point, Report, Void, say
from benchmarks.preload import Bench, preloaded, verify

Measure = Callable[[Bench], Awaitable[list[Point]]]

CHECK_FAILED = 1
VOID = 2


def main(*measures: Measure, about: str, soak: Sequence[Measure] = ()) -> None:
    """Run measures on one book, one after the other, and exit.

    soak: what is measured too under --soak, where the whole book is proven at the end.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--strict", action="store_true", help="a missed target fails as well")
    parser.add_argument("--preload", type=int, default=preload.TRANSFERS, metavar="TRANSFERS")
    parser.add_argument("--soak", action="store_true", help="longer: prove the book from its start")
    given = parser.parse_args()
    wanted = (*measures, *soak) if given.soak else measures
    since = None if given.soak else preload.SEAL
    sys.exit(finish(lambda: measured(wanted, given.preload, since), given.json, given.strict))


async def measured(
    measures: Sequence[Measure], transfers: int, since: int | None = preload.SEAL
) -> Report:
    """Preload, measure, control each point, prove what was posted since a seal, or everything."""
    began = time.monotonic()
    async with preloaded(transfers) as made:
        report = Report(settings=made.settings)
        for measure in measures:
            started = time.monotonic()
            report.points += await measure(made)
            await made.control(measure.__module__)
            say(f"{measure.__module__}: {time.monotonic() - started:.0f} s")
        made.checks.append(await verify(made, since))
        say(made.checks[-1])
        report.checks = made.checks
    report.seconds = time.monotonic() - began
    return report


def finish(work: Callable[[], Awaitable[Report]], as_json: bool, strict: bool) -> int:
    """Run, print, and answer the exit code."""

    async def run() -> Report:
        return await work()

    # Who is told to stop takes its server and files along.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        report = asyncio.run(run())
    except CheckFailed as failed:
        say(f"FAILED: {failed}")
        return CHECK_FAILED
    except Void as void:
        say(f"VOID: {void}")
        return VOID
    sys.stdout.write((report.as_json() if as_json else report.as_table()) + "\n")
    return CHECK_FAILED if strict and report.missed else 0
