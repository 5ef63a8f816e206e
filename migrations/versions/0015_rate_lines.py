"""Rate sheets by slab of balance, and products with a slab rule and a minimum balance."""

from migrations.runner import run_sql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
