"""Reading seal files, and checking that a chain of seals holds: hashes, order, signatures, trust.

A file is what a member kept, so every field is looked at before it is used; `Unreadable` names the
place. What can be read and is wrong is a difference, by seal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import TypeVar

from ledger.proof.report import Difference, differ
from ledger.proof.sealed import ZEROS, KeptSeal, Unreadable, seal_bytes, signed_by

T = TypeVar("T")

CHAIN = "seals follow each other without a gap"
SIGNED = "each seal is signed by its key"
TRUST = "the last seal is signed by a key that is trusted"

_MONEY = re.compile(r"(-?)(0|[1-9][0-9]{0,36})\.([0-9]{2})", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealFile:
    """Seals in the order of the file, and public keys by their key_id, worked out from the key."""

    keys: dict[str, bytes]
    seals: tuple[KeptSeal, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one JSON object, each taken as what it must be; `where` is for messages."""

    values: Mapping[str, object]
    where: str

    @classmethod
    def of(cls, value: object, where: str) -> Fields:
        """The object at this place. Raises `Unreadable`."""
        if not isinstance(value, dict):
            raise Unreadable(f"{where}: expected a JSON object")
        return cls(value, where)

    def _take(self, name: str, kind: type[T], expected: str) -> T:
        value = self.values.get(name)
        # A JSON true is no number.
        if not isinstance(value, kind) or isinstance(value, bool):
            raise Unreadable(f"{self.where}, field {name}: got {value!r}; expected {expected}")
        return value

    def text(self, name: str) -> str:
        """A text."""
        value = self._take(name, str, "a text")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unreadable(f"{self.where}, field {name}: not a text in UTF-8") from None
        return value

    def number(self, name: str, size: int = 8) -> int:
        """A whole number from zero that fits into `size` bytes."""
        value = self._take(name, int, "a whole number")
        if not 0 <= value < 1 << (8 * size):
            raise Unreadable(f"{self.where}, field {name}: {value} is out of range")
        return value

    def hex(self, name: str, length: int | None = None) -> bytes:
        """Bytes as lower-case hex, of a fixed length when one is given."""
        value = self._take(name, str, "lower-case hex")
        if not _HEX.fullmatch(value) or length not in (None, len(value) // 2):
            size = "" if length is None else f" of {length} bytes"
            raise Unreadable(f"{self.where}, field {name}: expected lower-case hex{size}")
        return bytes.fromhex(value)

    def day(self, name: str) -> date:
        """An ISO date."""
        value = self._take(name, str, "a date YYYY-MM-DD")
        try:
            if _DAY.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise Unreadable(f"{self.where}, field {name}: got {value!r}; expected YYYY-MM-DD")

    def satang(self, name: str, *, signed: bool = False) -> int:
        """Money with two places, as satang."""
        value = self._take(name, str, 'money such as "1234.50"')
        match = _MONEY.fullmatch(value)
        if match is None or (match[1] and not signed) or value == "-0.00":
            raise Unreadable(f'{self.where}, field {name}: got {value!r}; expected "1234.50"')
        satang = int(match[2]) * 100 + int(match[3])
        if satang >= 1 << 127:
            raise Unreadable(f"{self.where}, field {name}: {value} is out of range")
        return -satang if match[1] else satang

    def items(self, name: str) -> list[object]:
        """A list."""
        value = self._take(name, list, "a list")
        return list(value)


def require_format(fields: Fields, wanted: str) -> None:
    """Raise `Unreadable` unless the file says that it is of this format, version 1."""
    found = (fields.values.get("format"), fields.values.get("version"))
    if found != (wanted, 1):
        raise Unreadable(f"{fields.where}: format and version are {found}, not ({wanted!r}, 1)")


def read_seal_file(document: object) -> SealFile:
    """The seals and keys of a parsed file. Raises `Unreadable`; nothing is checked yet."""
    fields = Fields.of(document, "seal file")
    require_format(fields, "cff-seals")
    keys: dict[str, bytes] = {}
    for place, entry in enumerate(fields.items("keys"), start=1):
        public = Fields.of(entry, f"key {place}").hex("public_key", 32)
        keys[fingerprint(public)[:16]] = public
    seals = [
        _seal(Fields.of(entry, f"seal at place {place}"))
        for place, entry in enumerate(fields.items("seals"), start=1)
    ]
    if not seals:
        raise Unreadable("seal file: no seals in it")
    return SealFile(keys=keys, seals=tuple(seals))


def fingerprint(public_key: bytes) -> str:
    """SHA-256 of the raw public key as 64 hex digits."""
    return sha256(public_key).hexdigest()


def _seal(fields: Fields) -> KeptSeal:
    def hashed(name: str) -> bytes:
        return fields.hex(name, 32)

    number: Callable[[str], int] = fields.number
    return KeptSeal(
        version=fields.number("version", 2),
        book_id=fields.number("book_id", 4),
        book=fields.text("book"),
        seal_no=number("seal_no"),
        business_date=fields.day("business_date"),
        first_seq=number("first_seq"),
        last_seq=number("last_seq"),
        journal_count=number("journal_count"),
        transfer_count=number("transfer_count"),
        amount_sum=fields.satang("amount_sum"),
        merkle_root=hashed("merkle_root"),
        trial_balance_hash=hashed("trial_balance_hash"),
        debits=fields.satang("debits"),
        credits=fields.satang("credits"),
        batch_no=number("batch_no"),
        batch_digest=hashed("batch_digest"),
        previous=hashed("previous"),
        hash=hashed("hash"),
        signature=fields.hex("signature", 64),
        key_id=fields.text("key_id"),
    )


def check_seals(
    seals: Sequence[KeptSeal], keys: Mapping[str, bytes], trusted: Sequence[str] = ()
) -> Iterator[Difference]:
    """What is wrong with a chain of seals. trusted: fingerprints, of which one must have signed
    the last seal; none = the keys of the file are taken at their word.
    """
    before: KeptSeal | None = None
    for seal in seals:
        where = f"seal {seal.seal_no}"
        data = seal_bytes(seal)
        yield from differ(CHAIN, f"{where}, version", 1, seal.version)
        yield from differ(CHAIN, f"{where}, hash", sha256(data).hexdigest(), seal.hash.hex())
        yield from differ(CHAIN, f"{where}, debits and credits", seal.debits, seal.credits)
        yield from _continues(before, seal, where)
        public = keys.get(seal.key_id)
        if public is None:
            yield from differ(SIGNED, where, f"key {seal.key_id} in the file", "no such key")
        elif not signed_by(public, seal.signature, data):
            yield from differ(SIGNED, where, f"a signature of key {seal.key_id}", "another one")
        before = seal
    if trusted:
        last = keys.get(seals[-1].key_id, b"")
        if fingerprint(last) not in trusted:
            yield from differ(
                TRUST, f"seal {seals[-1].seal_no}", " or ".join(trusted), fingerprint(last)
            )


def _continues(before: KeptSeal | None, seal: KeptSeal, where: str) -> Iterator[Difference]:
    if before is None and seal.seal_no > 1:
        # The file begins later than the book: what went before is not looked at.
        return
    if before is None:
        expected: tuple[object, ...] = (seal.book_id, seal.book, 1, 1)
        previous = ZEROS
    else:
        expected = (before.book_id, before.book, before.seal_no + 1, before.last_seq + 1)
        previous = before.hash
        if seal.business_date <= before.business_date:
            later = f"a date after {before.business_date}"
            yield from differ(CHAIN, f"{where}, business date", later, seal.business_date)
    found = (seal.book_id, seal.book, seal.seal_no, seal.first_seq)
    yield from differ(CHAIN, f"{where}, book, number, first number", expected, found)
    yield from differ(CHAIN, f"{where}, previous hash", previous.hex(), seal.previous.hex())
