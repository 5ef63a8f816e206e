"""Rate sheets, products, contracts, and the interest that the night works out."""

from migrations.runner import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
