"""Seals and trial balances as bytes, as docs/evidence.md lays them out (version 1). Pure.

A seal is what a night signs: which numbers it covers, the root over their journals, the trial
balance of its day as known then, and the hash of the seal before it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ledger.digest import journal_bytes
from ledger.posting.records import JournalRecord

SEAL_VERSION = 1
GENESIS = bytes(32)
"""What the first seal of a book has as the hash before it."""

_EPOCH = date(1970, 1, 1).toordinal()
_VERSION = struct.Struct(">H")
_LENGTH = struct.Struct(">I")
_RANGE = struct.Struct(">QiQQQQ")
_NUMBER = struct.Struct(">Q")
_BALANCE = struct.Struct(">4sHIiQI")
_SUM_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class GlTotal:
    """A line of a trial balance: a GL code's counters since the book began, in satang."""

    gl_code: str
    debits: int
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealContent:
    """What a seal says, before it is signed.

    first_seq, last_seq: the numbers covered. amount_sum: of the transfers sealed, in satang.
    debits, credits: sums of the trial balance. batch_no, batch_digest: the batch that ends with
    last_seq. previous: hash of the seal before it.
    """

    book_id: int
    book_code: str
    seal_no: int
    business_date: date
    first_seq: int
    last_seq: int
    journal_count: int
    transfer_count: int
    amount_sum: int
    merkle_root: bytes
    trial_balance_hash: bytes
    debits: int
    credits: int
    batch_no: int
    batch_digest: bytes
    previous: bytes


def leaf_data(journal: JournalRecord, digest_version: int) -> bytes:
    """What a journal's leaf is the hash of: the version of its bytes, then its bytes."""
    return version_bytes(digest_version) + journal_bytes(journal, digest_version)


def version_bytes(digest_version: int) -> bytes:
    """What the leaf of a journal of that version begins with."""
    return _VERSION.pack(digest_version)


def seal_bytes(seal: SealContent) -> bytes:
    """The bytes that are hashed and signed."""
    return b"".join(
        (
            b"CFFS",
            _VERSION.pack(SEAL_VERSION),
            _LENGTH.pack(seal.book_id),
            _text(seal.book_code),
            _RANGE.pack(
                seal.seal_no,
                _day(seal.business_date),
                seal.first_seq,
                seal.last_seq,
                seal.journal_count,
                seal.transfer_count,
            ),
            _sum(seal.amount_sum),
            seal.merkle_root,
            seal.trial_balance_hash,
            _sum(seal.debits),
            _sum(seal.credits),
            _NUMBER.pack(seal.batch_no),
            seal.batch_digest,
            seal.previous,
        )
    )


def trial_balance_bytes(
    book_id: int, business_date: date, known_at: int, totals: Iterable[GlTotal]
) -> bytes:
    """A trial balance as bytes: GL codes that moved, in order of their bytes."""
    rows = sorted(
        (total for total in totals if total.debits or total.credits),
        key=lambda total: total.gl_code.encode(),
    )
    head = _BALANCE.pack(b"CFFT", SEAL_VERSION, book_id, _day(business_date), known_at, len(rows))
    return head + b"".join(
        _text(row.gl_code) + _sum(row.debits) + _sum(row.credits) for row in rows
    )


def trial_balance_rows(data: bytes) -> tuple[GlTotal, ...]:
    """The lines of a trial balance that was kept as bytes."""
    place, rows = _BALANCE.size, []
    while place < len(data):
        (length,) = _LENGTH.unpack_from(data, place)
        end = place + _LENGTH.size + length
        debits, credits_ = data[end : end + _SUM_BYTES], data[end + _SUM_BYTES :][:_SUM_BYTES]
        rows.append(
            GlTotal(
                gl_code=data[place + _LENGTH.size : end].decode(),
                debits=int.from_bytes(debits),
                credits=int.from_bytes(credits_),
            )
        )
        place = end + 2 * _SUM_BYTES
    return tuple(rows)


def sha256(data: bytes) -> bytes:
    """The one hash of this room."""
    return hashlib.sha256(data).digest()


def _day(day: date) -> int:
    return day.toordinal() - _EPOCH


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH.pack(len(encoded)) + encoded


def _sum(value: int) -> bytes:
    return value.to_bytes(_SUM_BYTES)
