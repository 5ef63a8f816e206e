"""Marks inside large batches: a statement that begins or is cut in one adds up a few rows only."""

from migrations.runner import run_sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
