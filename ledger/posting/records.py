"""What the judge hands to the writer: numbered records, exactly as they will stand in the tables.

They are also what a batch's digest is made of, so they hold plain values only. Texts are final
here: `body` and `detail` are canonical JSON that nothing renders again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from json.encoder import encode_basestring
from uuid import UUID

from ledger.posting.values import Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRecord:
    """An accepted (or formerly recorded) journal with its number and its dates settled."""

    recorded_seq: int
    journal_id: UUID
    kind: int
    may_exceed_limit: bool
    business_date: date
    value_date: date
    actor: str
    reference: str
    narrative: str
    hold_id: UUID | None
    reverses: UUID | None
    transfers: tuple[Transfer, ...]
    forced: bool = False
    adjusts: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """A numbered event that is no journal."""

    recorded_seq: int
    kind: int
    business_date: date
    actor: str
    reason: str
    account_id: int | None
    hold_id: UUID | None
    subject: UUID | None
    amount_satang: int | None
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalRecord:
    """A remembered "no". `position` is the unit's place in its batch."""

    position: int
    code: str
    sticky: bool
    operation_id: UUID | None
    event_id: UUID | None
    actor: str
    detail: str
    body: str


def canonical_json(value: Mapping[str, object]) -> str:
    """JSON text with sorted keys and no spaces; dates and uuids as their ISO text."""
    parts = []
    for name in sorted(value):
        fact = value[name]
        kind = type(fact)
        if kind is int:
            text = str(fact)
        elif kind is str:
            text = encode_basestring(fact)  # type: ignore[arg-type]  # kind is str
        elif fact is None:
            text = "null"
        elif isinstance(fact, UUID):
            text = f'"{fact}"'
        else:
            return _ENCODER.encode(value)
        parts.append(f"{encode_basestring(name)}:{text}")
    # Refusals and notes by the ten thousand are as flat as this: a fifth of the encoder's time.
    return "{" + ",".join(parts) + "}"


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain
)
"""Made once: making one a call costs as much as the encoding."""
