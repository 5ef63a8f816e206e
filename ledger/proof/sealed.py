"""Seals, leaves and trees a second time, written from docs/evidence.md and docs/digest.md. Pure.

Nothing of `ledger.evidence` or `ledger.digest` is used here: what was sealed by one reading of the
documents is checked by another. Journals are taken apart from their bytes as well as put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ZEROS = bytes(32)
_EPOCH = date(1970, 1, 1)


class Unreadable(ValueError):  # noqa: N818 - the name is what the member reads
    """A file, or a part of one, is not what docs/evidence.md describes; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSeal:
    """A seal as a file or a row says it is; sums in satang. Nothing of it is checked yet."""

    version: int
    book_id: int
    book: str
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
    hash: bytes
    signature: bytes
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedJournal:
    """A journal taken apart from its bytes; `lines` are (debit, credit, satang)."""

    recorded_seq: int
    journal_id: UUID
    kind: int
    may_exceed_limit: bool
    business_date: date
    value_date: date
    forced: bool
    hold_id: UUID | None
    reverses: UUID | None
    adjusts: UUID | None
    actor: str
    reference: str
    narrative: str
    lines: tuple[tuple[int, int, int], ...]


def number(value: int, size: int) -> bytes:
    """A number of so many bytes, big-endian; below zero in two's complement."""
    return value.to_bytes(size, "big", signed=value < 0)


def day_bytes(value: date) -> bytes:
    """Days since 1970-01-01, signed, four bytes."""
    return (value - _EPOCH).days.to_bytes(4, "big", signed=True)


def text_bytes(value: str) -> bytes:
    """Length in bytes, then UTF-8."""
    encoded = value.encode()
    return number(len(encoded), 4) + encoded


def seal_bytes(seal: KeptSeal) -> bytes:
    """What a seal's hash is the hash of, and what is signed."""
    head = b"CFFS" + number(seal.version, 2) + number(seal.book_id, 4) + text_bytes(seal.book)
    covered = number(seal.seal_no, 8) + day_bytes(seal.business_date)
    covered += number(seal.first_seq, 8) + number(seal.last_seq, 8)
    covered += number(seal.journal_count, 8) + number(seal.transfer_count, 8)
    sums = number(seal.amount_sum, 16) + seal.merkle_root + seal.trial_balance_hash
    sums += number(seal.debits, 16) + number(seal.credits, 16)
    return head + covered + sums + number(seal.batch_no, 8) + seal.batch_digest + seal.previous


def trial_balance_bytes(
    book_id: int, on: date, known_at: int, totals: Sequence[tuple[str, int, int]]
) -> bytes:
    """A trial balance: (GL code, debits, credits) of codes that moved, in any order."""
    moved = sorted((t for t in totals if t[1] or t[2]), key=lambda t: t[0].encode())
    head = b"CFFT" + number(1, 2) + number(book_id, 4) + day_bytes(on) + number(known_at, 8)
    rows = [text_bytes(code) + number(d, 16) + number(c, 16) for code, d, c in moved]
    return head + number(len(rows), 4) + b"".join(rows)


def journal_bytes(journal: SealedJournal, version: int) -> bytes:
    """A journal as it stands in its batch's digest of that version (docs/digest.md)."""
    parts = [
        b"\x01",
        number(journal.recorded_seq, 8),
        journal.journal_id.bytes,
        number(journal.kind, 2),
        number(journal.may_exceed_limit, 1),
        day_bytes(journal.business_date),
        day_bytes(journal.value_date),
    ]
    if version >= 2:
        parts.append(number(journal.forced, 1))
    parts += [_maybe(journal.hold_id), _maybe(journal.reverses)]
    if version >= 2:
        parts.append(_maybe(journal.adjusts))
    parts += [text_bytes(journal.actor), text_bytes(journal.reference)]
    parts += [text_bytes(journal.narrative), number(len(journal.lines), 4)]
    parts += [number(d, 4) + number(c, 4) + number(a, 8) for d, c, a in journal.lines]
    return b"".join(parts)


def _maybe(value: UUID | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + value.bytes


def leaf(data: bytes, version: int) -> bytes:
    """The leaf of a journal's bytes."""
    return sha256(b"\x00" + number(version, 2) + data).digest()


class GrowingTree:
    """A tree's root from its leaves, one after the other; holds one hash for each power of two."""

    def __init__(self) -> None:
        self.leaves = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, leaf_hash: bytes) -> None:
        """The next leaf; neighbours of the same size become one."""
        size, here = 1, leaf_hash
        while self._peaks and self._peaks[-1][0] == size:
            _, left = self._peaks.pop()
            size, here = 2 * size, sha256(b"\x01" + left + here).digest()
        self._peaks.append((size, here))
        self.leaves += 1

    def root(self) -> bytes:
        """The root over everything so far: every split is at the largest power of two below n."""
        if not self._peaks:
            return sha256(b"").digest()
        _, here = self._peaks[-1]
        for _, left in reversed(self._peaks[:-1]):
            here = sha256(b"\x01" + left + here).digest()
        return here


def root_from(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a path leads to; None when no leaf `index` of `size` has such a path."""
    if size == 1:
        return leaf_hash if index == 0 and not path else None
    if not 0 <= index < size or not path:
        return None
    split = 1 << ((size - 1).bit_length() - 1)
    below, last = path[:-1], path[-1]
    if index < split:
        left = root_from(leaf_hash, index, split, below)
        return None if left is None else sha256(b"\x01" + left + last).digest()
    right = root_from(leaf_hash, index - split, size - split, below)
    return None if right is None else sha256(b"\x01" + last + right).digest()


def signed_by(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """True when the Ed25519 signature over `data` is the key's."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


class _Bytes:
    """Reads what is expected next, and notices when there is too little or too much."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise Unreadable(f"bytes end at {len(self._data)}, {size} more were expected")
        self._at += size
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def flag(self) -> bool:
        value = self.number(1)
        if value > 1:
            raise Unreadable(f"byte {self._at - 1} is {value}, 0 or 1 was expected")
        return value == 1

    def day(self) -> date:
        days = int.from_bytes(self.take(4), "big", signed=True)
        try:
            return date.fromordinal(_EPOCH.toordinal() + days)
        except (ValueError, OverflowError) as error:
            raise Unreadable(f"day {days} is no date") from error

    def text(self) -> str:
        try:
            return self.take(self.number(4)).decode()
        except UnicodeDecodeError as error:
            raise Unreadable("a text is not UTF-8") from error

    def maybe_id(self) -> UUID | None:
        return UUID(bytes=self.take(16)) if self.flag() else None

    def end(self) -> None:
        if self._at != len(self._data):
            raise Unreadable(f"{len(self._data) - self._at} bytes too many")


def read_journal(data: bytes, version: int) -> SealedJournal:
    """A journal from its bytes. Raises `Unreadable` unless they are exactly one journal's."""
    if version not in (1, 2):
        raise Unreadable(f"digest version {version} is not known here")
    source = _Bytes(data)
    if source.number(1) != 1:
        raise Unreadable("these are not a journal's bytes")
    seq, journal_id, kind = source.number(8), UUID(bytes=source.take(16)), source.number(2)
    may_exceed, business_date, value_date = source.flag(), source.day(), source.day()
    forced = source.flag() if version >= 2 else False
    hold_id, reverses = source.maybe_id(), source.maybe_id()
    adjusts = source.maybe_id() if version >= 2 else None
    actor, reference, narrative = source.text(), source.text(), source.text()
    lines = [
        (source.number(4), source.number(4), source.number(8)) for _ in range(source.number(4))
    ]
    source.end()
    return SealedJournal(
        recorded_seq=seq,
        journal_id=journal_id,
        kind=kind,
        may_exceed_limit=may_exceed,
        business_date=business_date,
        value_date=value_date,
        forced=forced,
        hold_id=hold_id,
        reverses=reverses,
        adjusts=adjusts,
        actor=actor,
        reference=reference,
        narrative=narrative,
        lines=tuple(lines),
    )
