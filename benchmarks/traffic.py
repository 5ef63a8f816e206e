"""Counts what goes to the server and comes back: round trips and commits of a pool's connections.

A round trip is a statement that was sent and answered; a COPY is two, its statement and its rows.
Only what the driver does by itself (preparing a statement for the first time) is not counted.
"""

from __future__ import annotations

from typing import Any

import asyncpg

from ledger.db import POSTER, POSTER_SETTINGS, Pool, reset


class Traffic:
    """Round trips and commits so far."""

    trips = 0
    commits = 0

    def snapshot(self) -> tuple[int, int]:
        """Both, to be taken away from a later snapshot."""
        return self.trips, self.commits


def counting(traffic: Traffic) -> type[asyncpg.Connection]:
    """The driver's connection, counting into `traffic`."""

    class Counting(asyncpg.Connection):
        """One connection; every public call that talks to the server is counted."""

        async def execute(self, query: str, *args: Any, **named: Any) -> str:
            traffic.trips += 1
            # A statement with arguments outside a transaction commits itself, as the last one
            # of a transaction does by name.
            if query.startswith("COMMIT") or (args and not self.is_in_transaction()):
                traffic.commits += 1
            return await super().execute(query, *args, **named)

        async def executemany(self, *args: Any, **named: Any) -> None:
            traffic.trips += 1
            await super().executemany(*args, **named)

        async def fetch(self, *args: Any, **named: Any) -> Any:
            traffic.trips += 1
            return await super().fetch(*args, **named)

        async def fetchrow(self, *args: Any, **named: Any) -> Any:
            traffic.trips += 1
            return await super().fetchrow(*args, **named)

        async def fetchval(self, *args: Any, **named: Any) -> Any:
            traffic.trips += 1
            return await super().fetchval(*args, **named)

        async def copy_to_table(self, *args: Any, **named: Any) -> str:
            traffic.trips += 2
            return await super().copy_to_table(*args, **named)

        async def copy_records_to_table(self, *args: Any, **named: Any) -> str:
            traffic.trips += 2
            return await super().copy_records_to_table(*args, **named)

    return Counting


async def counted_pool(url: str, traffic: Traffic, max_size: int = 64) -> Pool:
    """A pool like the poster's whose connections are counted."""
    settings = dict(POSTER_SETTINGS) | {"role": POSTER, "application_name": "cff-bench"}
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=max_size,
        server_settings=settings,
        connection_class=counting(traffic),
        reset=reset,
    )
