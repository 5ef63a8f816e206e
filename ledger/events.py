"""The feed: everything that took a number, in order, without a gap.

The feed *is* `recorded_seq`: a view over committed journals and numbered events, no second copy.
Because every commit holds the book's head, whoever sees number n sees every number below it; a
consumer's cursor is the last number it has dealt with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import cast
from uuid import UUID

import asyncpg

from ledger.books import read_head
from ledger.db import Connection, statements

SQL = statements(Path(__file__).parent / "sql" / "reads.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTransfer:
    """A transfer of a journal, by account codes; satang."""

    debit: str
    credit: str
    amount_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """A journal (`journal_id` set) or a numbered event (`body` set) as recorded."""

    recorded_seq: int
    kind: str
    business_date: date
    actor: str
    batch_no: int
    recorded_at: datetime
    value_date: date | None = None
    journal_id: UUID | None = None
    reference: str = ""
    narrative: str = ""
    reverses: UUID | None = None
    hold_id: UUID | None = None
    transfers: tuple[FeedTransfer, ...] = ()
    account: str | None = None
    subject: UUID | None = None
    amount_satang: int | None = None
    reason: str = ""
    body: Mapping[str, object] = field(default_factory=dict)


async def feed(
    connection: Connection, book_id: int, after: int, limit: int = 100
) -> list[FeedItem]:
    """At most `limit` items numbered after `after`, in order; none = the consumer is up to date."""
    head = await read_head(connection, book_id)
    upto = min(head.recorded_seq, after + limit)
    journals = await connection.fetch(SQL["feed_journals"], book_id, after, upto)
    events = await connection.fetch(SQL["feed_events"], book_id, after, upto)
    items = [_journal(row) for row in journals] + [_event(row) for row in events]
    return sorted(items, key=lambda item: item.recorded_seq)


def _journal(row: asyncpg.Record) -> FeedItem:
    facts = dict(row)
    sides = zip(
        facts.pop("debit_accounts"), facts.pop("credit_accounts"), facts.pop("amounts"), strict=True
    )
    transfers = tuple(FeedTransfer(debit=d, credit=c, amount_satang=a) for d, c, a in sides)
    return FeedItem(transfers=transfers, **facts)


def _event(row: asyncpg.Record) -> FeedItem:
    facts = dict(row)
    body = cast(Mapping[str, object], json.loads(facts.pop("body")))
    return FeedItem(body=body, **facts)
