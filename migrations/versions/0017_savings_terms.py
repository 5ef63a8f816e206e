"""What special savings ask of first deposits and withdrawals, and the fee beyond the free ones."""

from migrations.runner import run_sql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
