"""Placements: fixed deposits with their terms and coupons, early withdrawal, withholding tax."""

from migrations.runner import run_sql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
