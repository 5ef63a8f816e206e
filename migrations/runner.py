"""Runs the .sql file that lies beside a revision: same number, same name, other ending."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

from ledger.errors import InvariantBroken


def run_sql(revision_file: str) -> None:
    """Execute the SQL twin of a revision file in the migration's own transaction.

    The script goes to the driver as it stands: prepared statements take one command only, and no
    parameter style may touch its colons and percent signs.
    """
    script = Path(revision_file).with_suffix(".sql").read_text(encoding="utf-8")
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise InvariantBroken("a migration without a connection to the database")
    await_only(driver.execute(script))
