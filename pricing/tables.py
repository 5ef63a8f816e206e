"""Columns of the pricing schema by name, for SQLAlchemy Core. The schema itself is in migrations/.

Only names and types that queries need: constraints and defaults live in the hand-written SQL.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

METADATA = sa.MetaData(schema="pricing")

rate_sheet = sa.Table(
    "rate_sheet",
    METADATA,
    sa.Column("book_id", sa.Integer, primary_key=True),
    sa.Column("sheet_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("product_code", sa.Text),
    sa.Column("effective_from", sa.Date),
    sa.Column("annual_rate_e8", sa.BigInteger),
    sa.Column("state", sa.SmallInteger),
    sa.Column("made_by", sa.Text),
    sa.Column("made_at", sa.DateTime(timezone=True)),
    sa.Column("approved_by", sa.Text),
    sa.Column("approved_on", sa.Date),
    sa.Column("approved_at", sa.DateTime(timezone=True)),
)

rate_line = sa.Table(
    "rate_line",
    METADATA,
    sa.Column("book_id", sa.Integer, primary_key=True),
    sa.Column("sheet_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("slab_from_satang", sa.BigInteger, primary_key=True),
    sa.Column("annual_rate_e8", sa.BigInteger),
)
