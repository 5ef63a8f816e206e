"""Reading the record in slices: whole batches, in order, a bounded number of rows at a time.

A proof runs beside postings. It never holds a snapshot: rows that are never changed are read up to
a known number in short statements, rows that do change are read in one statement together with
the head, so that the model can be brought to exactly that number. A journal is put together here
from its transfers; whether they fit together is for the checks to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from ledger.db import Connection

SLICE_NUMBERS = 20_000
"""About so many journals and events are in memory at a time; one batch always fits whole."""

_BATCHES = """
SELECT batch_no, business_date, first_seq, last_seq, journal_count, event_count, transfer_count,
    amount_sum, refusal_count, origin, digest_version, digest
FROM ledger.batch
WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no LIMIT 500
"""
_TRANSFERS = """
SELECT recorded_seq, line, debit_account, credit_account, amount_satang, journal_id, kind,
    may_exceed_limit, business_date, value_date, actor, reference, narrative, hold_id, reverses
FROM ledger.transfer
WHERE book_id = $1 AND recorded_seq > $2 AND recorded_seq <= $3
ORDER BY recorded_seq, line
"""
_EVENTS = """
SELECT recorded_seq, kind, business_date, actor, reason, account_id, hold_id, subject,
    amount_satang, body
FROM ledger.event
WHERE book_id = $1 AND recorded_seq > $2 AND recorded_seq <= $3
ORDER BY recorded_seq
"""
_MOVEMENTS = """
SELECT account_id, business_date, batch_no, value_date, debits, credits, debits_after,
    credits_after, seqs
FROM ledger.movement WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
"""
_REFUSALS = """
SELECT batch_no, position, code, sticky, operation_id, event_id, actor, detail, body
FROM ledger.refusal
WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no, position
"""
_REVERSED = """
SELECT journal_id, recorded_seq, line, debit_account, credit_account, amount_satang, reverses
FROM ledger.transfer WHERE book_id = $1 AND journal_id = ANY($2::uuid[])
ORDER BY journal_id, line
"""
_BURNT = """
SELECT i.id, coalesce(
    (SELECT t.recorded_seq FROM ledger.transfer AS t
     WHERE t.book_id = $1 AND t.journal_id = i.id ORDER BY t.line LIMIT 1),
    (SELECT h.placed_seq FROM ledger.hold AS h WHERE h.book_id = $1 AND h.hold_id = i.id)
) AS recorded_seq
FROM unnest($2::uuid[]) AS i (id)
"""

Row = Any
"""An `asyncpg.Record`: columns by name or position."""


@dataclass(slots=True)
class Journal:
    """A journal put together from its transfers; `odd` says how they do not fit together."""

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
    lines: list[tuple[int, int, int]] = field(default_factory=list)
    odd: str = ""


@dataclass(slots=True, kw_only=True)
class Slice:
    """Whole batches and everything numbered in (`after_seq`, `to_seq`].

    records:  journals and event rows in order of their number.
    reversed: the journals (their transfers) that journals of this slice reverse, by id.
    burnt:    ids refused for good in this slice that are recorded after all: id -> its number.
    """

    after_batch: int
    to_batch: int
    after_seq: int
    to_seq: int
    batches: list[Row]
    records: list[Journal | Row]
    movements: list[Row]
    refusals: list[Row]
    reversed: dict[UUID, list[Row]]
    burnt: dict[UUID, int]


def journals_of(rows: list[Row]) -> list[Journal]:
    """Journals of transfers that are sorted by number and line."""
    journals: list[Journal] = []
    if not rows:
        return journals
    first, journal = rows[0], Journal(0, *rows[0][5:15])
    for row in rows:
        if row[0] != journal.recorded_seq:
            first, journal = row, Journal(row[0], *row[5:15])
            journals.append(journal)
        elif row[5:15] != first[5:15]:
            journal.odd = f"line {row[1]} differs from line {first[1]} in more than its money"
        if row[1] != len(journal.lines):
            journal.odd = f"line {row[1]} stands where line {len(journal.lines)} should"
        journal.lines.append(row[2:5])
    return journals


async def read_slice(
    connection: Connection,
    book_id: int,
    *,
    after: tuple[int, int],
    until: tuple[int, int],
) -> Slice:
    """The next slice after (batch, number) `after`, at most up to `until`."""
    batches = _bounded(await connection.fetch(_BATCHES, book_id, after[0], until[0]))
    last = not batches or batches[-1]["batch_no"] >= until[0]
    to_batch = until[0] if last else batches[-1]["batch_no"]
    to_seq = until[1] if last else max(after[1], min(until[1], batches[-1]["last_seq"]))
    transfers = await connection.fetch(_TRANSFERS, book_id, after[1], to_seq)
    events = await connection.fetch(_EVENTS, book_id, after[1], to_seq)
    journals = journals_of(transfers)
    refusals = await connection.fetch(_REFUSALS, book_id, after[0], to_batch)
    return Slice(
        after_batch=after[0],
        to_batch=to_batch,
        after_seq=after[1],
        to_seq=to_seq,
        batches=batches,
        records=_merged(journals, events),
        movements=await connection.fetch(_MOVEMENTS, book_id, after[0], to_batch),
        refusals=refusals,
        reversed=await _read_reversed(connection, book_id, journals),
        burnt=await _read_burnt(connection, book_id, refusals),
    )


def seq_of(record: Journal | Row) -> int:
    """The number of a journal or of an event row."""
    seq: int = record.recorded_seq if isinstance(record, Journal) else record["recorded_seq"]
    return seq


def _bounded(batches: list[Row]) -> list[Row]:
    total = 0
    for count, batch in enumerate(batches):
        total += batch["journal_count"] + batch["event_count"]
        if total > SLICE_NUMBERS and count:
            return batches[:count]
    return batches


def _merged(journals: list[Journal], events: list[Row]) -> list[Journal | Row]:
    merged: list[Journal | Row] = [*journals, *events]
    merged.sort(key=seq_of)
    return merged


async def _read_reversed(
    connection: Connection, book_id: int, journals: list[Journal]
) -> dict[UUID, list[Row]]:
    wanted = [journal.reverses for journal in journals if journal.reverses is not None]
    found: dict[UUID, list[Row]] = {}
    if wanted:
        for row in await connection.fetch(_REVERSED, book_id, wanted):
            found.setdefault(row["journal_id"], []).append(row)
    return found


async def _read_burnt(connection: Connection, book_id: int, refusals: list[Row]) -> dict[UUID, int]:
    ids = [row["operation_id"] for row in refusals if row["sticky"] and row["operation_id"]]
    if not ids:
        return {}
    rows = await connection.fetch(_BURNT, book_id, ids)
    return {row["id"]: row["recorded_seq"] for row in rows if row["recorded_seq"] is not None}
