"""The feed: everything that took a number, in order, without a gap, with what it led to.

The feed *is* `recorded_seq`: a view over committed journals and numbered events, no second copy.
Because every commit holds the book's head, whoever sees number n sees every number below it; a
consumer's cursor is the last number it has dealt with. A journal comes with the balances of its
accounts after it; an event with the account's facts as they were recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import cast
from uuid import UUID

import asyncpg

from ledger.books import read_head
from ledger.db import Connection
from ledger.resulting import (
    SQL,
    BatchRange,
    Counters,
    Transfers,
    accounts_of,
    batch_of,
    batches_between,
    counters_after,
)

TRANSFERS_MAX = 20_000
"""A page ends early when its journals have more transfers than this, never within a journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTransfer:
    """A transfer of a journal, by account codes; satang."""

    debit: str
    credit: str
    amount_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedBalance:
    """An account after the journal: counters since it was opened; satang."""

    account: str
    debits_satang: int
    credits_satang: int

    @property
    def balance_satang(self) -> int:
        """Credits less debits."""
        return self.credits_satang - self.debits_satang


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """A journal (`journal_id` set) or a numbered event (`body` set) as recorded.

    balances: of the journal's accounts after it, in order of their first appearance in it.
    """

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
    balances: tuple[FeedBalance, ...] = ()
    account: str | None = None
    subject: UUID | None = None
    amount_satang: int | None = None
    reason: str = ""
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """Items in order, and the book's last number; the page is the last one if it reaches that."""

    items: tuple[FeedItem, ...]
    head_seq: int


async def feed_page(connection: Connection, book_id: int, after: int, limit: int = 100) -> FeedPage:
    """At most `limit` items numbered after `after`, in order. Raises `NotFound`."""
    head = (await read_head(connection, book_id)).recorded_seq
    upto = min(head, after + limit)
    items = await items_between(connection, book_id, after, upto) if upto > after else []
    return FeedPage(items=tuple(items), head_seq=head)


async def feed(
    connection: Connection, book_id: int, after: int, limit: int = 100
) -> list[FeedItem]:
    """The items of `feed_page`; none = the consumer is up to date."""
    return list((await feed_page(connection, book_id, after, limit)).items)


async def items_between(
    connection: Connection,
    book_id: int,
    after: int,
    upto: int,
    *,
    transfers_max: int = TRANSFERS_MAX,
) -> list[FeedItem]:
    """The items after `after` up to `upto`, which must be recorded; the first of them when they
    have more than `transfers_max` transfers.
    """
    rows = await connection.fetch(SQL["transfers"], book_id, after, upto, transfers_max + 1)
    if len(rows) > transfers_max:
        upto = rows[-1]["recorded_seq"]
        rows = [row for row in rows if row["recorded_seq"] < upto]
        if rows:
            upto -= 1
        else:
            rows = await connection.fetch(SQL["transfers"], book_id, upto - 1, upto, None)
    journals = {
        seq: list(lines) for seq, lines in groupby(rows, lambda row: int(row["recorded_seq"]))
    }
    lines = {
        seq: [(row["debit_account"], row["credit_account"], row["amount_satang"]) for row in of]
        for seq, of in journals.items()
    }
    batches = await batches_between(connection, book_id, after, upto)
    counters = await counters_after(connection, book_id, batches, lines, after, upto)
    names = await connection.fetch(
        SQL["account_codes"], book_id, sorted(accounts_of(lines.values()))
    )
    codes = {row["account_id"]: row["code"] for row in names}
    events = await connection.fetch(SQL["events"], book_id, after, upto)
    items = [
        _journal(of[0], lines[seq], counters[seq], codes, batch_of(batches, seq))
        for seq, of in journals.items()
    ]
    items += [_event(row, batch_of(batches, row["recorded_seq"])) for row in events]
    return sorted(items, key=lambda item: item.recorded_seq)


def _journal(
    row: asyncpg.Record,
    lines: Transfers,
    counters: Mapping[int, Counters],
    codes: Mapping[int, str],
    batch: BatchRange,
) -> FeedItem:
    return FeedItem(
        recorded_seq=row["recorded_seq"],
        kind=row["kind"],
        business_date=row["business_date"],
        actor=row["actor"],
        batch_no=batch.batch_no,
        recorded_at=batch.recorded_at,
        value_date=row["value_date"],
        journal_id=row["journal_id"],
        reference=row["reference"],
        narrative=row["narrative"],
        reverses=row["reverses"],
        hold_id=row["hold_id"],
        transfers=tuple(
            FeedTransfer(debit=codes[debit], credit=codes[credit], amount_satang=amount)
            for debit, credit, amount in lines
        ),
        balances=tuple(
            FeedBalance(account=codes[account], debits_satang=at[0], credits_satang=at[1])
            for account, at in counters.items()
        ),
    )


def _event(row: asyncpg.Record, batch: BatchRange) -> FeedItem:
    facts = dict(row)
    body = cast(Mapping[str, object], json.loads(facts.pop("body")))
    return FeedItem(body=body, batch_no=batch.batch_no, recorded_at=batch.recorded_at, **facts)
