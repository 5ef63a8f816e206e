"""Ids that our own products make: the same event always asks under the same id.

A killed run that starts again must find its own journals, so their ids are derived, never drawn.
A sticky refusal burns the id of the operation at fault; hence an id also contains the *attempt* =
1 + the number of remembered sticky refusals of that same event, read before the unit is decided
(and never a counter of runs). Units carry the event as `Unit.event_id`, which is how the refusals
are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from hashlib import sha1
from uuid import UUID

from asyncpg.pgproto import pgproto

from ledger.db import Connection

CFF_NAMESPACE = UUID("5f3c6a0e-9f4d-5b57-8a42-6d1f0c7e21b8")
"""The name space of every derived id; a fixed random value, never to be changed."""

_ATTEMPTS = """
SELECT r.event_id, count(*) AS refused
FROM ledger.refusal AS r
WHERE r.book_id = $1 AND r.event_id = ANY($2::uuid[]) AND r.sticky
GROUP BY r.event_id
"""


def event_id(*parts: str | int | date | UUID) -> UUID:
    """The id of an event named by its parts, e.g. `event_id(book_id, "line_posted", line_id)`.

    Parts are joined by their text under a separator that no part contains; order matters.
    """
    return _derived(CFF_NAMESPACE, "\x1f".join([str(part) for part in parts]))


def journal_id(event: UUID, attempt: int) -> UUID:
    """The id of the journal that makes `event` happen at its n-th `attempt` (1 is the first)."""
    return _derived(event, str(attempt))


def _derived(space: UUID, name: str) -> UUID:
    """`uuid.uuid5`, said in fewer steps, as the driver's own kind of UUID: it equals any other, and
    is made, written and compared in a fraction of the time. Every journal of our own takes several.
    """
    digest = bytearray(sha1(space.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    # Version 5 and the variant.
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return pgproto.UUID(bytes(digest))


async def attempts(
    connection: Connection, book_id: int, event_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """The attempt that comes next for each event: 1 + its remembered sticky refusals."""
    if not event_ids:
        return {}
    rows = await connection.fetch(_ATTEMPTS, book_id, list(event_ids))
    refused = {row["event_id"]: int(row["refused"]) for row in rows}
    return {event: 1 + refused.get(event, 0) for event in event_ids}
