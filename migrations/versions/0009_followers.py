"""Followers of the feed: their cursors, why one was set back, and the search rows."""

from migrations.runner import run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
