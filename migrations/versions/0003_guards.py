"""The database's own last line: append-only tables, batch and movement guards, grants, rounding."""

from migrations.runner import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
