"""Periods, voucher numbers and planned limits, and the guards that keep them."""

from migrations.runner import run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
