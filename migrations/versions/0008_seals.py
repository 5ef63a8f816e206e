"""Day seals, the upper nodes of their trees, the public keys that they are signed with."""

from migrations.runner import run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
