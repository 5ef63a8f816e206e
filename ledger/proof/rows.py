"""Reading the record in slices: whole batches, in order, a bounded number of rows at a time.

A proof runs beside postings. It never holds a snapshot: rows that are never changed are read up to
a known number in short statements, rows that do change are read in one statement together with
the head, so that the model can be brought to exactly that number. Transfers and movements, of which
there are millions, come as the server's own binary rows (COPY), see `lines`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from ledger.db import Connection
from ledger.proof.lines import TRANSFERS, Lines

SLICE_NUMBERS = 20_000
"""About so many journals and events are in memory at a time; one batch always fits whole."""

_BATCHES = """
SELECT batch_no, business_date, first_seq, last_seq, journal_count, event_count, transfer_count,
    amount_sum, refusal_count, origin, digest_version, digest, fiscal_year, first_voucher, period,
    marks, array_lower(marks, 1) AS marks_from
FROM ledger.batch
WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no LIMIT 500
"""
_EVENTS = """
SELECT recorded_seq, kind, business_date, actor, reason, account_id, hold_id, subject,
    amount_satang, body
FROM ledger.event
WHERE book_id = $1 AND recorded_seq > $2 AND recorded_seq <= $3
ORDER BY recorded_seq
"""
_REFUSALS = """
SELECT batch_no, position, code, sticky, operation_id, event_id, actor, detail, body
FROM ledger.refusal
WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no, position
"""

Row = Any
"""An `asyncpg.Record`: columns by name or position."""

_Y2000 = date(2000, 1, 1).toordinal()
_COPY_HEADER = 19
_COPY_TRAILER = 2


@dataclass(slots=True, kw_only=True)
class Slice:
    """Whole batches and everything numbered in (`after_seq`, `to_seq`].

    lines:     its transfers, in order of number and line.
    events:    event rows in order of their number.
    refusals:  batch_no -> its refusals in order.
    """

    after_batch: int
    to_batch: int
    after_seq: int
    to_seq: int
    batches: list[Row]
    lines: Lines
    events: list[Row]
    refusals: dict[int, list[Row]]


def day_number(day: date) -> int:
    """Days since 2000-01-01, as in binary rows."""
    return day.toordinal() - _Y2000


def day_of(number: int) -> date:
    """The date of a day number."""
    return date.fromordinal(number + _Y2000)


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
    lines = Lines.of(await copied(connection, TRANSFERS, book_id, after[1], to_seq))
    events = await connection.fetch(_EVENTS, book_id, after[1], to_seq)
    refusals: dict[int, list[Row]] = {}
    for row in await connection.fetch(_REFUSALS, book_id, after[0], to_batch):
        refusals.setdefault(row["batch_no"], []).append(row)
    return Slice(
        after_batch=after[0],
        to_batch=to_batch,
        after_seq=after[1],
        to_seq=to_seq,
        batches=batches,
        lines=lines,
        events=events,
        refusals=refusals,
    )


def _bounded(batches: list[Row]) -> list[Row]:
    total = 0
    for count, batch in enumerate(batches):
        total += batch["journal_count"] + batch["event_count"]
        if total > SLICE_NUMBERS and count:
            return batches[:count]
    return batches


async def copied(connection: Connection, question: str, *arguments: int) -> bytes:
    """The answer as the server's binary rows, without the header and trailer of COPY."""
    pieces: list[bytes] = []

    async def keep(piece: bytes) -> None:
        pieces.append(bytes(piece))

    await connection.copy_from_query(question, *arguments, output=keep, format="binary")
    return b"".join(pieces)[_COPY_HEADER:-_COPY_TRAILER]


def uuid_or_none(value: bytes | None) -> UUID | None:
    """A link as the id that it is."""
    return None if value is None else UUID(bytes=value)
