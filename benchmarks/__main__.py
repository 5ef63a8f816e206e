"""`python -m benchmarks`: all measurements, as a table or with --json as one document."""

from __future__ import annotations

import argparse
import asyncio

from benchmarks import find, posting, verify
from benchmarks.bench import private_database, show


async def run(as_json: bool) -> None:
    """Measure on a private server and print."""
    async with private_database() as (_, pool, settings):
        points = await posting.measure(pool)
    async with private_database() as (dsn, pool, _):
        points += await verify.measure(pool, dsn)
    points += await find.measure_alone()
    show(points, settings, as_json)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    asyncio.run(run(parser.parse_args().json))
