"""Books as an older schema left them: rows in the server's own COPY text, with the tables' names.

Such a file was written once by the program of that schema, which has lived the book, and is never
written again: it stands for every book that was opened before.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import asyncpg
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.schema import configuration

_HEADING = re.compile(r"^COPY (\w+)\.(\w+) \(([a-z0-9_, ]+)\)$")
_END = "\\."


async def migrate_to(url: str, version: str) -> None:
    """Bring an empty database to an older version of the schema."""

    def upgrade(connection: Connection) -> None:
        command.upgrade(configuration(connection), version)

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url)
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


async def load(url: str, path: Path) -> None:
    """Put a file's rows into the tables that they name, as they are: no guard asks about them."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica")
        for schema, table, columns, rows in _sections(path):
            # What every schema is born with (kinds, statuses) is there already.
            if await connection.fetchval(f"SELECT NOT EXISTS (SELECT FROM {schema}.{table})"):
                await connection.copy_to_table(
                    table, schema_name=schema, columns=columns, source=io.BytesIO(rows)
                )
    finally:
        await connection.close()


def _sections(path: Path) -> list[tuple[str, str, list[str], bytes]]:
    sections: list[tuple[str, str, list[str], bytes]] = []
    heading: re.Match[str] | None = None
    rows: list[str] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if heading is None:
            heading = _HEADING.match(line)
        elif line == _END:
            schema, table, columns = heading.groups()
            content = "".join(f"{row}\n" for row in rows).encode()
            sections.append((schema, table, columns.split(", "), content))
            heading, rows = None, []
        else:
            rows.append(line)
    return sections
