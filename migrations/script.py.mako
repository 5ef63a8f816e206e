"""${message}.

READ BEFORE YOU WRITE: the doors keep running on the old code while this migrates. Add, do not
rename; new columns are NULL-able or have a default; indexes on large tables are built
CONCURRENTLY in a migration of their own; what the old code still writes stays until the next
release. The SQL lives beside this file under the same number.
"""

from migrations.runner import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this number."""
    run_sql(__file__)
