"""API keys: `cff_test_<prefix>_<secret>`, made once, shown once, kept only as SHA-256.

The prefix finds the row, the secret (256 random bits) proves it. A secret of that strength needs no
slow hash: there is nothing to guess. `KeyRing` keeps rows for a few seconds, so that most requests
ask the database nothing; a revoked key stops within that time, an expired one at once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from api.auth.scopes import PARTY_SCOPES, SCOPES, Scope
from ledger import dates
from ledger.db import Connection, Pool, translated
from ledger.errors import InvalidInput

_TOKEN = re.compile(r"^cff_(test|live)_([0-9a-f]{12})_([0-9a-f]{64})$", re.ASCII)
_NOBODY = hashlib.sha256(b"nobody").digest()
_KEPT_MAX = 4096

_INSERT = """
INSERT INTO api.api_key (key_id, prefix, secret_sha256, client, actor, scopes, book_id, party_id,
    made_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_REVOKE = """
UPDATE api.api_key SET revoked_at = $2 WHERE prefix = $1 AND revoked_at IS NULL
"""
_FIND = """
SELECT k.secret_sha256, k.client, k.actor, k.scopes, k.book_id, b.code AS book_code, k.party_id,
    k.expires_at, k.revoked_at
FROM api.api_key AS k
INNER JOIN ledger.book AS b ON b.book_id = k.book_id
WHERE k.prefix = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is at the door.

    client:   scope of idempotency keys: one program of one organisation.
    actor:    the person or service that acts; maker and checker are told apart by it.
    party_id: set for a member co-op: it sees and moves what is its own, nothing else.
    """

    client: str
    actor: str
    scopes: frozenset[Scope]
    book_id: int
    book_code: str
    party_id: int | None

    def may_see(self, party_id: int | None) -> bool:
        """True when something of this party is the caller's to see."""
        return self.party_id is None or self.party_id == party_id


@dataclass(frozen=True, slots=True)
class _Row:
    secret_sha256: bytes
    expires_at: datetime
    revoked: bool
    caller: Caller


async def issue_key(
    connection: Connection,
    *,
    client: str,
    actor: str,
    scopes: Iterable[Scope],
    book_id: int,
    party_id: int | None = None,
    valid_days: int,
    live: bool = False,
    clock: dates.Clock = dates.now,
) -> str:
    """Make a key and return it; it is not kept and cannot be shown again.

    Raises `InvalidInput` for an unknown scope, one that a member's key may not hold, or a life
    that is not 1 to 3,660 days.
    """
    wanted = sorted(set(scopes))
    allowed = PARTY_SCOPES if party_id is not None else frozenset(SCOPES)
    for scope in wanted:
        if scope not in allowed:
            raise InvalidInput.one("scopes", scope, f"some of {', '.join(sorted(allowed))}")
    if not wanted:
        raise InvalidInput.one("scopes", "none", f"at least one of {', '.join(sorted(allowed))}")
    if not 1 <= valid_days <= 3660:
        raise InvalidInput.one("valid_days", valid_days, "1 to 3660 days")
    for name, text in (("client", client), ("actor", actor)):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9:._@-]{0,63}", text, re.ASCII):
            raise InvalidInput.one(name, text, '1 to 64 characters such as "coop-0001:maker"')
    prefix, secret = secrets.token_hex(6), secrets.token_hex(32)
    made_at = clock()
    await connection.execute(
        _INSERT,
        uuid4(),
        prefix,
        _digest(secret),
        client,
        actor,
        wanted,
        book_id,
        party_id,
        made_at,
        made_at + timedelta(days=valid_days),
    )
    return f"cff_{'live' if live else 'test'}_{prefix}_{secret}"


async def revoke_key(
    connection: Connection, prefix: str, *, clock: dates.Clock = dates.now
) -> bool:
    """Revoke the key with this prefix; False when there is none that is still valid."""
    status: str = await connection.execute(_REVOKE, prefix, clock())
    return status.endswith(" 1")


class KeyRing:
    """Recognises tokens; keeps what it read for `seconds`, also that a prefix is unknown."""

    def __init__(self, pool: Pool, *, clock: dates.Clock, live: bool, seconds: int) -> None:
        self._pool = pool
        self._clock = clock
        self._word = "live" if live else "test"
        self._seconds = seconds
        self._kept: OrderedDict[str, tuple[int, _Row | None]] = OrderedDict()

    async def recognise(self, token: str) -> Caller | None:
        """The caller whose key this is; None when it is malformed, wrong, expired or revoked."""
        match = _TOKEN.match(token)
        if match is None or token.endswith("\n") or match.group(1) != self._word:
            return None
        row = await self._row(match.group(2))
        expected = _NOBODY if row is None else row.secret_sha256
        proven = hmac.compare_digest(_digest(match.group(3)), expected)
        if row is None or not proven or row.revoked or row.expires_at <= self._clock():
            return None
        return row.caller

    async def _row(self, prefix: str) -> _Row | None:
        now = time.monotonic_ns()
        kept = self._kept.get(prefix)
        if kept is not None and now - kept[0] < self._seconds * 1_000_000_000:
            return kept[1]
        row = await self._read(prefix)
        self._kept[prefix] = (now, row)
        self._kept.move_to_end(prefix)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return row

    async def _read(self, prefix: str) -> _Row | None:
        async with translated(), self._pool.acquire() as connection:
            found = await connection.fetchrow(_FIND, prefix)
        if found is None:
            return None
        # A row that was written by hand cannot open a door that a member's key may not open.
        allowed = PARTY_SCOPES if found["party_id"] is not None else frozenset(SCOPES)
        return _Row(
            secret_sha256=found["secret_sha256"],
            expires_at=found["expires_at"],
            revoked=found["revoked_at"] is not None,
            caller=Caller(
                client=found["client"],
                actor=found["actor"],
                scopes=frozenset(scope for scope in allowed if scope in found["scopes"]),
                book_id=found["book_id"],
                book_code=found["book_code"],
                party_id=found["party_id"],
            ),
        )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()
