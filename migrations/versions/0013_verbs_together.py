"""Verbs of the products at speed: fewer round trips, and guards that ask once a statement."""

from migrations.runner import run_sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
