"""The bytes of a batch written down value by value, with nothing of the packing that they check.

COPY's binary form is PostgreSQL's documentation (COPY, "Binary Format"); a value's own bytes are
those of its type's binary input. The digest's layout is docs/digest.md.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import date
from uuid import UUID

_Y2K = date(2000, 1, 1)
_UNIX = date(1970, 1, 1)
UUID_OID = 2950


def copied(rows: Sequence[Sequence[bytes | None]]) -> bytes:
    """Rows of encoded values as COPY takes them."""
    parts = [b"PGCOPY\n\377\r\n\0", struct.pack("!II", 0, 0)]
    for row in rows:
        parts.append(struct.pack("!h", len(row)))
        for value in row:
            if value is None:
                parts.append(struct.pack("!i", -1))
            else:
                parts.append(struct.pack("!i", len(value)))
                parts.append(value)
    parts.append(struct.pack("!h", -1))
    return b"".join(parts)


def int2(value: int) -> bytes:
    """smallint"""
    return struct.pack("!h", value)


def int4(value: int) -> bytes:
    """integer"""
    return struct.pack("!i", value)


def int8(value: int) -> bytes:
    """bigint"""
    return struct.pack("!q", value)


def day(value: date) -> bytes:
    """date"""
    return struct.pack("!i", (value - _Y2K).days)


def uuids(values: Sequence[UUID]) -> bytes:
    """uuid[] of one dimension, at least one element, numbered from 1."""
    head = struct.pack("!iiIii", 1, 0, UUID_OID, len(values), 1)
    return head + b"".join(struct.pack("!i", 16) + value.bytes for value in values)


def transfer(
    *,
    book_id: int,
    journal_id: UUID,
    seq: int,
    debit: int,
    credit: int,
    amount: int,
    kind: int,
    business_date: date,
    value_date: date,
    actor: str,
    reference: str,
    narrative: str,
) -> list[bytes | None]:
    """A row of `ledger.transfer` of a journal of one line."""
    return [
        int4(book_id),
        journal_id.bytes,
        int4(0),
        int8(seq),
        int4(debit),
        int4(credit),
        int8(amount),
        int2(kind),
        b"\0",
        b"\0",
        day(business_date),
        day(value_date),
        actor.encode(),
        reference.encode(),
        narrative.encode(),
        None,
        None,
        None,
    ]


def canonical_journal(
    *,
    journal_id: UUID,
    seq: int,
    debit: int,
    credit: int,
    amount: int,
    kind: int,
    business_date: date,
    value_date: date,
    actor: str,
    reference: str,
    narrative: str,
) -> bytes:
    """A journal of one line as it stands in a digest of version 2."""
    texts = b"".join(
        struct.pack(">I", len(text.encode())) + text.encode()
        for text in (actor, reference, narrative)
    )
    days = [(each - _UNIX).days for each in (business_date, value_date)]
    return (
        struct.pack(">BQ", 1, seq)
        + journal_id.bytes
        + struct.pack(">HBii", kind, 0, *days)
        # Not forced; no hold, no reversal, no adjustment.
        + bytes(4)
        + texts
        + struct.pack(">I", 1)
        + struct.pack(">IIQ", debit, credit, amount)
    )
