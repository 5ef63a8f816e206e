"""Journals drawn as they are recorded, and rows as the server would send them (COPY, binary)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, timedelta
from uuid import UUID

from hypothesis import strategies as st

from ledger.posting.records import JournalRecord
from ledger.posting.values import Transfer

ACCOUNTS = {1: "111100", 2: "211100", 7: "211100", 2**31 - 1: "511100"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
IDS = st.uuids() | st.none()
DAYS = st.dates(date(1970, 1, 1) - timedelta(days=400), date(2200, 1, 1))


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    """A transfer between two accounts of the book, of any amount that a row can hold."""
    debit, credit = draw(st.permutations(sorted(ACCOUNTS)))[:2]
    amount = draw(st.integers(1, 100) | st.integers(1, 10**15 - 1) | st.integers(1, 2**63 - 1))
    return Transfer(debit=debit, credit=credit, amount_satang=amount)


@st.composite
def journals(draw: st.DrawFn, *, plain: bool = False) -> JournalRecord:
    """A journal as it is recorded; its number is given later. plain: one transfer, no links."""
    plain = plain or draw(st.booleans())
    forced = draw(st.booleans())
    return JournalRecord(
        recorded_seq=0,
        journal_id=draw(st.uuids()),
        kind=draw(st.integers(0, 2**15 - 1)),
        may_exceed_limit=forced or draw(st.booleans()),
        forced=forced,
        business_date=draw(DAYS),
        value_date=draw(DAYS),
        actor=draw(st.just("bench:loader") | TEXTS),
        reference=draw(st.just("REF00000000000009997") | TEXTS),
        narrative=draw(st.just("") | TEXTS),
        hold_id=None if plain else draw(IDS),
        reverses=None if plain else draw(IDS),
        adjusts=None if plain else draw(IDS),
        transfers=tuple(draw(st.lists(transfers(), min_size=1, max_size=1 if plain else 3))),
    )


@st.composite
def numbered(draw: st.DrawFn, *, plain: bool = False) -> list[JournalRecord]:
    """Journals in order of their numbers, which have gaps: events take numbers too."""
    drawn = draw(st.lists(journals(plain=plain), min_size=1, max_size=12))
    seq, found = draw(st.integers(0, 2**40)), []
    for each in drawn:
        seq += draw(st.integers(1, 3))
        names = [each.name for each in fields(JournalRecord) if each.name != "recorded_seq"]
        found.append(
            JournalRecord(recorded_seq=seq, **{name: getattr(each, name) for name in names})
        )
    return found


def _field(value: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4) + value


def id_bytes(value: UUID | None) -> bytes | None:
    """An id as a field of a row."""
    return None if value is None else value.bytes


def copy_row(values: Sequence[bytes | None]) -> bytes:
    """A row as PostgreSQL's documentation of binary COPY has it."""
    return struct.pack(">h", len(values)) + b"".join(map(_field, values))
