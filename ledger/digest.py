"""A batch's digest: SHA-256 over the canonical bytes of everything the batch recorded.

The layout is documented byte by byte in docs/digest.md and versioned from the first day.
Fixed-width big-endian numbers, length-prefixed UTF-8, a presence byte before what may be
missing: no two different batches have the same bytes, and no rendering of a document can change
them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from datetime import date
from uuid import UUID

from ledger.posting.records import EventRecord, JournalRecord, RefusalRecord

DIGEST_VERSION = 1
GENESIS = bytes(32)
_EPOCH = date(1970, 1, 1).toordinal()
_HEADER = struct.Struct(">4sH32sIQiBQQI")
_JOURNAL = struct.Struct(">BQ16sHBii")
_TRANSFER = struct.Struct(">IIQ")
_EVENT = struct.Struct(">BQHi")
_REFUSAL = struct.Struct(">BIB")
_LENGTH = struct.Struct(">I")
_NUMBER = struct.Struct(">Q")


def batch_digest(
    *,
    previous: bytes,
    book_id: int,
    batch_no: int,
    business_date: date,
    origin: int,
    first_seq: int,
    last_seq: int,
    records: Iterable[JournalRecord | EventRecord],
    refusals: Iterable[RefusalRecord],
) -> bytes:
    """The 32 bytes that stand for one batch and, through `previous`, for all before it."""
    parts: list[bytes] = []
    for record in records:
        if isinstance(record, JournalRecord):
            _journal(parts, record)
        else:
            _event(parts, record)
    for refusal in refusals:
        _refusal(parts, refusal)
    header = _HEADER.pack(
        b"CFFD",
        DIGEST_VERSION,
        previous,
        book_id,
        batch_no,
        _day(business_date),
        origin,
        first_seq,
        last_seq,
        last_seq - first_seq + 1,
    )
    return hashlib.sha256(header + b"".join(parts)).digest()


def _day(day: date) -> int:
    return day.toordinal() - _EPOCH


def _text(parts: list[bytes], text: str) -> None:
    encoded = text.encode()
    parts.append(_LENGTH.pack(len(encoded)))
    parts.append(encoded)


def _maybe_uuid(parts: list[bytes], value: UUID | None) -> None:
    parts.append(b"\x00" if value is None else b"\x01" + value.bytes)


def _maybe_number(parts: list[bytes], value: int | None) -> None:
    parts.append(b"\x00" if value is None else b"\x01" + _NUMBER.pack(value))


def _journal(parts: list[bytes], journal: JournalRecord) -> None:
    parts.append(
        _JOURNAL.pack(
            1,
            journal.recorded_seq,
            journal.journal_id.bytes,
            journal.kind,
            journal.may_exceed_limit,
            _day(journal.business_date),
            _day(journal.value_date),
        )
    )
    _maybe_uuid(parts, journal.hold_id)
    _maybe_uuid(parts, journal.reverses)
    _text(parts, journal.actor)
    _text(parts, journal.reference)
    _text(parts, journal.narrative)
    parts.append(_LENGTH.pack(len(journal.transfers)))
    for transfer in journal.transfers:
        parts.append(_TRANSFER.pack(transfer.debit, transfer.credit, transfer.amount_satang))


def _event(parts: list[bytes], event: EventRecord) -> None:
    parts.append(_EVENT.pack(2, event.recorded_seq, event.kind, _day(event.business_date)))
    _maybe_number(parts, event.account_id)
    _maybe_uuid(parts, event.hold_id)
    _maybe_uuid(parts, event.subject)
    _maybe_number(parts, event.amount_satang)
    _text(parts, event.actor)
    _text(parts, event.reason)
    _text(parts, event.body)


def _refusal(parts: list[bytes], refusal: RefusalRecord) -> None:
    parts.append(_REFUSAL.pack(3, refusal.position, refusal.sticky))
    _maybe_uuid(parts, refusal.operation_id)
    _maybe_uuid(parts, refusal.event_id)
    _text(parts, refusal.code)
    _text(parts, refusal.actor)
    _text(parts, refusal.detail)
    _text(parts, refusal.body)
