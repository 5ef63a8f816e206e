"""The key that seals are signed with: Ed25519, its private half in a file outside the database.

The file is PEM (PKCS 8), readable by its owner alone, made by the first night that needs it. A
database with a key in force takes no other: a file that was lost is not silently replaced, since
the members know the fingerprint of the old one. Rotation is a decision of a person.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.db import Connection, statements
from ledger.errors import CffError

_SQL = statements(Path(__file__).parents[1] / "sql" / "evidence.sql")

Say = Callable[[str], None]


class SealKeyUnusable(CffError):  # noqa: N818
    """The private key is missing, unreadable or not the one in force; nothing was sealed.

    Days that were proven stay proven; the next night with the right key seals them.
    """

    code = "seal_key_unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key as 32 raw bytes."""

    raw: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the raw bytes as 64 hex digits: what members are told."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def key_id(self) -> str:
        """The first 16 digits of the fingerprint: how seals name their key."""
        return self.fingerprint[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key, loaded; `sign` gives the 64 bytes of an Ed25519 signature."""

    public: PublicKey
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """Where the private key lies, and whom to tell when one is made."""

    path: Path
    say: Say

    @property
    def following(self) -> Path:
        """Where a new key waits while a rotation is under way."""
        return self.path.with_name(self.path.name + ".next")

    async def signer(self, connection: Connection) -> Signer:
        """The key in force; made and registered when neither file nor database has one.

        Raises `SealKeyUnusable` when the file is gone or cannot be trusted, when the database has
        another key in force, or a rotation stopped halfway.
        """
        in_force = await connection.fetchval(_SQL["key_in_force"])
        if in_force is None and not _there(self.path):
            made = _make(self.path)
            self.say(
                f"made a key for day seals: {self.path} (back it up; keep it secret). Give its "
                f"fingerprint to the members: {made.public.fingerprint}"
            )
        if not _there(self.path):
            raise SealKeyUnusable(
                f"the key {in_force} that seals are signed with is not at {self.path}: bring the "
                "file back or name it in CFF_SEAL_KEY_FILE; if it is lost, run "
                "`cff seals rotate-key`. Days are proven; the next end-of-day seals them"
            )
        signer = load(self.path)
        if in_force is None:
            await connection.execute(_SQL["register_key"], signer.public.key_id, signer.public.raw)
            in_force = await connection.fetchval(_SQL["key_in_force"])
        if in_force != signer.public.key_id:
            raise SealKeyUnusable(
                f"{self.path} holds key {signer.public.key_id}, the database takes seals of key "
                f"{in_force} only: name the right file in CFF_SEAL_KEY_FILE, or finish a rotation "
                "with `cff seals rotate-key`"
            )
        return signer

    async def rotate(self, connection: Connection) -> tuple[str | None, PublicKey]:
        """Put a new key in force: the id of the retired one and the new public key.

        Safe to repeat: an interrupted rotation is finished, not started again. A key in the file
        that this database has never seen was made for another one: it is taken over.
        """
        if not _there(self.following) and _there(self.path):
            here = load(self.path)
            if not await connection.fetchval(_SQL["key_known"], here.public.key_id):
                retired = await connection.fetchval(_SQL["key_in_force"])
                await _replace(connection, here.public)
                return retired, here.public
        waiting = load(self.following) if _there(self.following) else _make(self.following)
        retired = await connection.fetchval(_SQL["key_in_force"])
        if retired != waiting.public.key_id:
            await _replace(connection, waiting.public)
        if _there(self.path):
            retired = load(self.path).public.key_id
            _move(self.path, self.path.with_name(f"{self.path.name}.{retired}.retired"))
        _move(self.following, self.path)
        return retired, waiting.public


def load(path: Path) -> Signer:
    """The private key in a file. Raises `SealKeyUnusable` if others may read it, or it is none."""
    with _on_disk(path):
        mode, pem = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    if mode & 0o077:
        raise SealKeyUnusable(f"others may read {path}: make it mode 0600, or rotate the key")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SealKeyUnusable(f"{path} is no private key as PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SealKeyUnusable(f"{path} holds no Ed25519 key but {type(key).__name__}")
    return _signer(key)


def public_pem(public: PublicKey) -> str:
    """The public key as PEM text."""
    head = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo of Ed25519, RFC 8410
    encoded = serialization.load_der_public_key(head + public.raw)
    return encoded.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _signer(key: Ed25519PrivateKey) -> Signer:
    raw = key.public_key().public_bytes_raw()
    return Signer(public=PublicKey(raw=raw), sign=key.sign)


def _make(path: Path) -> Signer:
    """A new key in a file that nobody else may read, whole or not there at all."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    with _on_disk(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link refuses a name that is taken: two nights that begin at once end with one key.
            os.link(draft, path)
        except FileExistsError:
            return load(path)
        finally:
            draft.unlink()
    return _signer(key)


def _there(path: Path) -> bool:
    with _on_disk(path):
        return path.exists()


def _move(path: Path, to: Path) -> None:
    with _on_disk(path):
        path.rename(to)


@contextmanager
def _on_disk(path: Path) -> Iterator[None]:
    """A disk that refuses is not a database that is gone: say which file it was."""
    try:
        yield
    except OSError as error:
        raise SealKeyUnusable(f"the key file {path} cannot be used: {error}") from error


async def _replace(connection: Connection, public: PublicKey) -> None:
    async with connection.transaction():
        await connection.execute(_SQL["retire_keys"])
        await connection.execute(_SQL["register_key"], public.key_id, public.raw)
