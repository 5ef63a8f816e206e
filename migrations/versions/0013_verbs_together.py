"""Verbs of the products at speed: the head taken with what is asked under it, guards by statement."""

from migrations.runner import run_sql

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
