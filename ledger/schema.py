"""The schema's version: migrating to it, and refusing a database that is older than this code.

Alembic runs the numbered SQL files; `REQUIRED` is the newest of them. A newer database is fine:
migrations add, so old code runs on a new schema while a deployment rolls. The one that takes away
(0014: interest is kept in spans) makes nights, openings and closings of older code fail, loudly and
undone; its doors for money go on. A rate sheet that older code drafts since 0015 has no lines and
is not approved.
"""

from __future__ import annotations

from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.errors import DatabaseTooOld

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = max(path.name[:4] for path in (ROOT / "migrations" / "versions").glob("[0-9]*.sql"))


def configuration(connection: Connection) -> Config:
    """What Alembic is to know: where the migrations are, and the connection that they run on."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(configuration(connection), "head")


async def migrate(url: str) -> None:
    """Bring the database at `url` (postgresql://...) to the newest schema; safe to repeat.

    Must connect as a role that owns the schemas and may create roles: the migrator.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url)
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def current_version(connection: asyncpg.Connection) -> str | None:
    """The schema version of a database, or None when it has never been migrated."""
    present = await connection.fetchval("SELECT to_regclass('public.cff_schema_version')")
    if present is None:
        return None
    version: str | None = await connection.fetchval("SELECT version_num FROM cff_schema_version")
    return version


async def require_current(connection: asyncpg.Connection) -> None:
    """Raise `DatabaseTooOld` unless the database is at least at `REQUIRED`."""
    version = await current_version(connection)
    if version is None or version < REQUIRED:
        raise DatabaseTooOld(
            f"the database's schema is {version or 'empty'}, this code needs {REQUIRED}: "
            "run `cff db migrate` as the migrator"
        )
