"""The posting path at speed: one b-tree a transfer, movements that name journals, runs of files."""

from migrations.runner import run_sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
