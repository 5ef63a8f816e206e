"""Resulting balances: an account's counters after a journal, not only after its batch.

Movements keep the counters of an account after each batch. After a journal inside the batch they
are those, less what the batch's later journals did to the account. A page of the feed looks back
from its own end: batches that end on it need nothing else, and of the one that goes on beyond it,
the rest is added up: journal by journal where movements name them and they are few, else over the
shorter side of the batch, for the accounts of the page alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from ledger.asof import ROWS_FOR_ONE_ID
from ledger.db import Connection, statements
from ledger.errors import ensure

SQL = statements(Path(__file__).parent / "sql" / "feed.sql")

Counters = tuple[int, int]
"""Debits and credits since the account was opened; satang."""

Transfers = Sequence[tuple[int, int, int]]
"""A journal's lines: debit account, credit account, satang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRange:
    """A batch and the numbers that it gave out."""

    batch_no: int
    business_date: date
    first_seq: int
    last_seq: int
    recorded_at: datetime


@dataclass(slots=True)
class _Moved:
    """What one batch did to one account, over all its value dates."""

    debits: int = 0
    credits: int = 0
    debits_after: int = 0
    credits_after: int = 0
    journals: list[UUID] | None = field(default_factory=list)


async def batches_between(
    connection: Connection, book_id: int, after: int, upto: int
) -> list[BatchRange]:
    """The batches that gave out the numbers after `after` up to `upto`, in order."""
    rows = await connection.fetch(SQL["batches"], book_id, after, upto)
    return [BatchRange(**dict(row)) for row in rows]


async def counters_after(
    connection: Connection,
    book_id: int,
    batches: Sequence[BatchRange],
    journals: Mapping[int, Transfers],
    after: int,
    upto: int,
) -> dict[int, dict[int, Counters]]:
    """Counters of each journal's accounts after it.

    journals: every journal numbered after `after` up to `upto`, by number.
    batches:  those that gave out these numbers, in order.
    """
    within = _by_batch(batches, journals)
    moved = await _moved(connection, book_id, batches, within)
    rest = await _beyond(connection, book_id, batches, within, moved, after, upto)
    found: dict[int, dict[int, Counters]] = {}
    for batch in batches:
        own = within[batch.batch_no]
        standing = {
            account: _ends_at(moved, batch.batch_no, account)
            for account in accounts_of(own.values())
        }
        if batch.last_seq > upto:
            standing = {account: _less(at, rest[account]) for account, at in standing.items()}
        for seq in reversed(own):
            did = sums_of([own[seq]])
            found[seq] = {account: standing[account] for account in did}
            for account, sums in did.items():
                standing[account] = _less(standing[account], sums)
    return found


def batch_of(batches: Sequence[BatchRange], seq: int) -> BatchRange:
    """The one of `batches` (in order) that gave out this number."""
    return batches[bisect_left(batches, seq, key=lambda batch: batch.last_seq)]


def accounts_of(journals: Iterable[Transfers]) -> set[int]:
    """Every account that the journals touch."""
    return {account for lines in journals for line in lines for account in line[:2]}


def sums_of(journals: Iterable[Transfers]) -> dict[int, Counters]:
    """What journals do to each account, in order of appearance."""
    sums: dict[int, Counters] = {}
    for lines in journals:
        for debit, credit, amount in lines:
            before = sums.get(debit, (0, 0))
            sums[debit] = (before[0] + amount, before[1])
            before = sums.get(credit, (0, 0))
            sums[credit] = (before[0], before[1] + amount)
    return sums


def _by_batch(
    batches: Sequence[BatchRange], journals: Mapping[int, Transfers]
) -> dict[int, dict[int, Transfers]]:
    """The journals of each batch, in order."""
    within: dict[int, dict[int, Transfers]] = {batch.batch_no: {} for batch in batches}
    for seq in sorted(journals):
        within[batch_of(batches, seq).batch_no][seq] = journals[seq]
    return within


def _less(counters: Counters, sums: Counters) -> Counters:
    return counters[0] - sums[0], counters[1] - sums[1]


async def _moved(
    connection: Connection,
    book_id: int,
    batches: Sequence[BatchRange],
    within: Mapping[int, Mapping[int, Transfers]],
) -> dict[tuple[int, int], _Moved]:
    """By batch and account."""
    wanted = [
        (account, batch.batch_no, batch.business_date)
        for batch in batches
        for account in accounts_of(within[batch.batch_no].values())
    ]
    columns = [list(column) for column in zip(*wanted, strict=True)] if wanted else [[], [], []]
    found: dict[tuple[int, int], _Moved] = {}
    for row in await connection.fetch(SQL["moved"], book_id, *columns):
        moved = found.setdefault((row["batch_no"], row["account_id"]), _Moved())
        moved.debits += row["debits"]
        moved.credits += row["credits"]
        moved.debits_after, moved.credits_after = row["debits_after"], row["credits_after"]
        if row["journals"] is None or moved.journals is None:
            moved.journals = None
        else:
            moved.journals += row["journals"]
    return found


def _ends_at(moved: Mapping[tuple[int, int], _Moved], batch_no: int, account: int) -> Counters:
    row = moved.get((batch_no, account))
    ensure(row is not None, f"batch {batch_no} has no movement of account {account} that it moved")
    return (0, 0) if row is None else (row.debits_after, row.credits_after)


async def _beyond(
    connection: Connection,
    book_id: int,
    batches: Sequence[BatchRange],
    within: Mapping[int, Mapping[int, Transfers]],
    moved: Mapping[tuple[int, int], _Moved],
    after: int,
    upto: int,
) -> dict[int, Counters]:
    """What the page's last batch does after the page, by account of the page."""
    last = batches[-1] if batches and batches[-1].last_seq > upto else None
    first, end = (upto, upto) if last is None else (upto, last.last_seq)
    # In the batch's first half, what came before the page is the shorter way round.
    from_start = last is not None and after - last.first_seq < end - first
    if last is not None and from_start:
        first, end = last.first_seq - 1, max(after, last.first_seq - 1)
    rows = {} if last is None else {a: row for (b, a), row in moved.items() if b == last.batch_no}
    sums = await _moved_between(connection, book_id, rows, first, end)
    if last is None or not from_start:
        return sums
    here = sums_of(within[last.batch_no].values())
    return {
        account: _less(_less((row.debits, row.credits), sums[account]), here[account])
        for account, row in rows.items()
    }


async def _moved_between(
    connection: Connection, book_id: int, rows: Mapping[int, _Moved], first: int, end: int
) -> dict[int, Counters]:
    """What journals of one batch numbered after `first` up to `end` did to these accounts."""
    named = [
        (account, journal_id)
        for account, row in rows.items()
        for journal_id in dict.fromkeys(row.journals or ())
    ]
    if len(named) * ROWS_FOR_ONE_ID > end - first:
        named, read = [], list(rows)
    else:
        read = [account for account, row in rows.items() if row.journals is None]
    found = await connection.fetch(
        SQL["moved_between"],
        book_id,
        [account for account, _ in named],
        [journal_id for _, journal_id in named],
        read,
        first,
        end,
    )
    sums = {row["account_id"]: (row["debits"], row["credits"]) for row in found}
    return {account: sums.get(account, (0, 0)) for account in rows}
