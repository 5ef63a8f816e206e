"""Reading the record in slices: whole batches, in order, a bounded number of rows at a time.

A proof runs beside postings. It never holds a snapshot: rows that are never changed are read up to
a known number in short statements, rows that do change are read in one statement together with
the head, so that the model can be brought to exactly that number. Transfers and movements, of which
there are millions, come as the server's own binary rows (COPY): one `struct` takes a row apart, no
object is made of it. What the fields of a transfer are is said by `Line`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from ledger.db import Connection

SLICE_NUMBERS = 20_000
"""About so many journals and events are in memory at a time; one batch always fits whole."""

_BATCHES = """
SELECT batch_no, business_date, first_seq, last_seq, journal_count, event_count, transfer_count,
    amount_sum, refusal_count, origin, digest_version, digest, fiscal_year, first_voucher, period,
    marks
FROM ledger.batch
WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no LIMIT 500
"""
_TRANSFERS = """
SELECT recorded_seq, line, debit_account, credit_account, amount_satang, journal_id, kind,
    may_exceed_limit, forced, business_date, value_date,
    (hold_id IS NOT NULL OR reverses IS NOT NULL OR adjusts IS NOT NULL) AS linked,
    octet_length(actor) + octet_length(reference) + octet_length(narrative) AS octets,
    actor, reference, narrative, hold_id, reverses, adjusts
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
_LINE = struct.Struct(">2x4xq4xi4xi4xi4xq4x16s4xh4x?4x?4xi4xi4x?4xi")
_LENGTH = struct.Struct(">i")
_TEXTS = 3
_LINKS = 3


Fields = tuple[int, int, int, int, int, bytes, int, bool, bool, int, int, bool, int]
"""The fields of `Line`, in order, as `struct` gives them."""


class Line(NamedTuple):
    """A transfer as it was read; days count from 2000-01-01, the server's own epoch.

    linked: it captures, reverses or adjusts something (see `Slice.links`).
    octets: length of its three texts.
    """

    seq: int
    line: int
    debit: int
    credit: int
    amount: int
    journal_id: bytes
    kind: int
    may_exceed_limit: bool
    forced: bool
    business_day: int
    value_day: int
    linked: bool
    octets: int


class Links(NamedTuple):
    """What a journal refers to, as the 16 bytes of its id."""

    hold_id: bytes | None
    reverses: bytes | None
    adjusts: bytes | None


NO_LINKS = Links(None, None, None)


@dataclass(slots=True, kw_only=True)
class Slice:
    """Whole batches and everything numbered in (`after_seq`, `to_seq`].

    lines:     the fields of `Line`, in order of number and line.
    texts:     to each line its actor, reference and narrative, each a u32 length and UTF-8.
    links:     place of a line in `lines` -> what it refers to.
    events:    event rows in order of their number.
    refusals:  batch_no -> its refusals in order.
    """

    after_batch: int
    to_batch: int
    after_seq: int
    to_seq: int
    batches: list[Row]
    lines: list[Fields]
    texts: list[bytes]
    links: dict[int, Links]
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
    lines, texts, links = _lines(await copied(connection, _TRANSFERS, book_id, after[1], to_seq))
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
        texts=texts,
        links=links,
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


def _lines(rows: bytes) -> tuple[list[Fields], list[bytes], dict[int, Links]]:
    lines: list[Fields] = []
    texts: list[bytes] = []
    links: dict[int, Links] = {}
    unpack, fixed = _LINE.unpack_from, _LINE.size
    place, end = 0, len(rows)
    while place < end:
        line: Fields = unpack(rows, place)
        place += fixed
        after = place + line[12] + 4 * _TEXTS
        texts.append(rows[place:after])
        if line[11]:
            links[len(lines)], place = _read_links(rows, after)
        else:
            place = after + 4 * _LINKS
        lines.append(line)
    return lines, texts, links


def _read_links(rows: bytes, place: int) -> tuple[Links, int]:
    found: list[bytes | None] = []
    for _ in range(_LINKS):
        (length,) = _LENGTH.unpack_from(rows, place)
        place += 4
        found.append(None if length < 0 else rows[place : place + length])
        place += max(length, 0)
    return Links(*found), place


def uuid_or_none(value: bytes | None) -> UUID | None:
    """A link as the id that it is."""
    return None if value is None else UUID(bytes=value)
