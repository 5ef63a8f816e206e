"""API keys, the lookup rows of kinds and statuses, and the grants of products and pricing."""

from migrations.runner import run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
