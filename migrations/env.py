"""Alembic's entry: one transaction, time-outs, and one migrator at a time.

The schema is hand-written SQL; Alembic only keeps the order. An advisory lock makes a second
migrator wait its turn, and `lock_timeout` makes a migration give up rather than block the doors.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

MIGRATION_LOCK = 4_660_001


def run(connection: Connection) -> None:
    """Run the pending migrations on a connection handed over by `ledger.schema`."""
    context.configure(
        connection=connection,
        target_metadata=None,
        version_table="cff_schema_version",
        version_table_schema="public",
    )
    with context.begin_transaction():
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '300s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("offline mode is not supported: run `cff db migrate`")
run(context.config.attributes["connection"])
