"""A batch's digest: SHA-256 over the canonical bytes of everything the batch recorded.

The layout is documented byte by byte in docs/digest.md and versioned from the first day; batches
of version 1 stay as they are and stay checkable, new ones are of version 2.
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

from ledger.errors import ensure
from ledger.posting.records import EventRecord, JournalRecord, RefusalRecord

DIGEST_VERSION = 2
"""What new batches are written with."""
VERSIONS = (1, 2)
"""What this module can still work out."""
GENESIS = bytes(32)
_EPOCH = date(1970, 1, 1).toordinal()
_HEADER = struct.Struct(">4sH32sIQiBQQI")
_YEAR = struct.Struct(">HQB")
_JOURNAL = struct.Struct(">BQ16sHBii")
_BARE_FLAGS = bytes(4)
"""Of a journal that is not forced and captures, reverses and adjusts nothing."""
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
    version: int = DIGEST_VERSION,
    fiscal_year: int = 0,
    first_voucher: int = 0,
    period: int = 0,
    packed: Iterable[bytes] = (),
) -> bytes:
    """The 32 bytes that stand for one batch and, through `previous`, for all before it.

    packed: canonical bytes of journals in order of number, after those of `records`.

    fiscal_year, first_voucher, period: as on the batch row; 0 where the row has none. Version 1
    knows none of them.
    """
    _known(version)
    parts: list[bytes] = []
    for record in records:
        if isinstance(record, JournalRecord):
            _journal(parts, record, version)
        else:
            _event(parts, record)
    parts += packed
    for refusal in refusals:
        _refusal(parts, refusal)
    header = _HEADER.pack(
        b"CFFD",
        version,
        previous,
        book_id,
        batch_no,
        _day(business_date),
        origin,
        first_seq,
        last_seq,
        last_seq - first_seq + 1,
    )
    if version > 1:
        header += _YEAR.pack(fiscal_year, first_voucher, period)
    return hashlib.sha256(header + b"".join(parts)).digest()


def journal_bytes(record: JournalRecord, version: int) -> bytes:
    """The canonical bytes of one journal, exactly as they stand in the digest of its batch.

    version: the digest_version of that batch.
    """
    _known(version)
    parts: list[bytes] = []
    _journal(parts, record, version)
    return b"".join(parts)


def _known(version: int) -> None:
    ensure(version in VERSIONS, f"digest version {version} is not one of {VERSIONS}")


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


def _journal(parts: list[bytes], journal: JournalRecord, version: int) -> None:
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
    if version > 1 and not (
        journal.forced or journal.hold_id or journal.reverses or journal.adjusts
    ):
        parts.append(_BARE_FLAGS)
    else:
        if version > 1:
            parts.append(b"\x01" if journal.forced else b"\x00")
        _maybe_uuid(parts, journal.hold_id)
        _maybe_uuid(parts, journal.reverses)
        if version > 1:
            _maybe_uuid(parts, journal.adjusts)
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
