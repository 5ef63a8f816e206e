"""The record: batches, transfers, movements, numbered events, holds, refusals, keys, days."""

from migrations.runner import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
