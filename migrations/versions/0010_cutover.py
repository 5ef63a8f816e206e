"""Cut-over: imported, loaded and live postings kept apart, and the notes that say so."""

from migrations.runner import run_sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
