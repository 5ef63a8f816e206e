"""Interest in spans: a row where something changed, instead of one a contract and night."""

from migrations.runner import run_sql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
