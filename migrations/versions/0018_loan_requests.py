"""Loan requests from draft to conditions met, and the limits and authorities they are judged by."""

from migrations.runner import run_sql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
