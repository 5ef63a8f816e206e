"""Roles by duty, books, chart, parties, accounts: who and where."""

from migrations.runner import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
