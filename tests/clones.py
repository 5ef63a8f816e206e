"""A database for a test: a copy of one that stands ready, dropped afterwards.

A copy takes 30 ms, and everything in it is as if made for this test: migrated, and furnished if
its template was. What many tests begin with is built once, in a template of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from ledger.embedded import Lease


@asynccontextmanager
async def cloned(server: Lease, template: str) -> AsyncIterator[str]:
    """The address of a fresh copy of `template`, to which nobody may be connected."""
    name = f"t_{uuid4().hex}"
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield server.dsn(name)
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


async def make_template(server: Lease, name: str, source: str = "template1") -> str:
    """The address of a new database for others to be copied from, itself a copy of `source`."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
    await connection.close()
    return server.dsn(name)
