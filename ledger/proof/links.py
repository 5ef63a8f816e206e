"""What journals and events refer to, looked up and compared: after a slice, in short statements.

Reversals and what they mirror, adjustments and what they correct, ids that were refused for good,
journals that settled an account which was closed, their reversals when it is opened again, and the
other halves of money between books.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ledger.db import Connection
from ledger.proof.model import Batch
from ledger.proof.report import Difference, differ
from ledger.proof.rows import Row, Slice, uuid_or_none

_CROSS_BOOK = 34

_JOURNALS = """
SELECT journal_id, recorded_seq, line, debit_account, credit_account, amount_satang, reverses
FROM ledger.transfer WHERE book_id = $1 AND journal_id = ANY($2::uuid[])
ORDER BY journal_id, line
"""
_REVERSALS = """
SELECT reverses, recorded_seq FROM ledger.transfer
WHERE book_id = $1 AND reverses = ANY($2::uuid[]) AND reverses IS NOT NULL AND line = 0
"""
_BURNT = """
SELECT i.id, coalesce(
    (SELECT t.recorded_seq FROM ledger.transfer AS t
     WHERE t.book_id = $1 AND t.journal_id = i.id ORDER BY t.line LIMIT 1),
    (SELECT h.placed_seq FROM ledger.hold AS h WHERE h.book_id = $1 AND h.hold_id = i.id)
) AS recorded_seq
FROM unnest($2::uuid[]) AS i (id)
"""
_HALVES = """
SELECT w.seq, w.book_id, EXISTS (
    SELECT FROM ledger.transfer AS t WHERE t.book_id = w.book_id AND t.journal_id = w.journal_id
) AND EXISTS (
    SELECT FROM ledger.event AS e
    WHERE e.book_id = w.book_id AND e.subject = w.journal_id AND e.kind = 34 AND e.body = w.body
) AS there
FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::int[]) AS w (seq, journal_id, body, book_id)
"""


@dataclass(slots=True)
class Referred:
    """What a slice refers to, gathered while it is replayed.

    settled, reopened: number of the event -> (its journals, first and last number of its batch).
    """

    settled: dict[int, tuple[frozenset[UUID], int, int]] = field(default_factory=dict)
    reopened: dict[int, tuple[frozenset[UUID], int, int]] = field(default_factory=dict)

    def take(self, batch: Batch) -> None:
        """Note what a batch's events refer to."""
        if batch.row is None:
            return
        first, last = batch.row["first_seq"], batch.row["last_seq"]
        for seq, ids in batch.heard.settled.items():
            self.settled[seq] = (ids, first, seq)
        for seq, ids in batch.heard.reopened.items():
            self.reopened[seq] = (ids, seq, last)


async def check_links(
    connection: Connection, book_id: int, piece: Slice, referred: Referred
) -> list[Difference]:
    """Every difference in what a slice refers to."""
    found = await _linked(connection, book_id, piece)
    found += await _accounts_closed(connection, book_id, referred)
    found += await refused_ids_stay_unused(connection, book_id, piece)
    return found + await _halves(connection, book_id, piece)


async def _linked(connection: Connection, book_id: int, piece: Slice) -> list[Difference]:
    if not piece.lines.links:
        return []
    wanted = {
        identity
        for links in piece.lines.links.values()
        for identity in (uuid_or_none(links.reverses), uuid_or_none(links.adjusts))
        if identity is not None
    }
    journals = await _journals(connection, book_id, wanted)
    found: list[Difference] = []
    for place, links in piece.lines.links.items():
        seq, line = piece.lines.seqs.item(place), piece.lines.lines.item(place)
        if line == 0 and links.reverses is not None:
            found += reversals_mirror(piece, place, seq, UUID(bytes=links.reverses), journals)
        if line == 0 and links.adjusts is not None:
            found += _adjusts(seq, UUID(bytes=links.adjusts), journals)
    return found


async def _journals(connection: Connection, book_id: int, ids: set[UUID]) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = {}
    if ids:
        for row in await connection.fetch(_JOURNALS, book_id, list(ids)):
            found.setdefault(row["journal_id"], []).append(row)
    return found


def reversals_mirror(
    piece: Slice, place: int, seq: int, reverses: UUID, journals: dict[UUID, list[Row]]
) -> Iterator[Difference]:
    """A reversal turns an earlier journal round line by line, and no reversal is reversed."""
    check, where = "reversals mirror their journals", f"ledger.transfer {seq}"
    target = journals.get(reverses)
    if target is None:
        yield from differ(check, where, f"journal {reverses} to reverse", "none")
        return
    mine, lines = [], piece.lines.fields
    while place < len(lines) and lines[place][0] == seq:
        mine.append(tuple(lines[place][2:5]))
        place += 1
    mirrored = [(row["credit_account"], row["debit_account"], row[5]) for row in target]
    yield from differ(check, where, mirrored, mine)
    if target[0]["recorded_seq"] >= seq or target[0]["reverses"] is not None:
        found = f"journal {reverses} at {target[0]['recorded_seq']}"
        yield from differ(check, where, "an earlier journal that is no reversal", found)


def _adjusts(seq: int, adjusts: UUID, journals: dict[UUID, list[Row]]) -> Iterator[Difference]:
    """An adjustment names an earlier journal."""
    target = journals.get(adjusts)
    if target is None or target[0]["recorded_seq"] >= seq:
        found = "none" if target is None else f"one at {target[0]['recorded_seq']}"
        where, expected = f"ledger.transfer {seq}", f"an earlier journal {adjusts}"
        yield from differ("adjustments name earlier journals", where, expected, found)


async def _accounts_closed(
    connection: Connection, book_id: int, referred: Referred
) -> list[Difference]:
    """A closing names journals of its own unit; the re-opening reverses every one of them."""
    found: list[Difference] = []
    ids = {identity for named, _, _ in referred.settled.values() for identity in named}
    journals = await _journals(connection, book_id, ids)
    for seq, (named, first, last) in referred.settled.items():
        for identity in sorted(named, key=str):
            row = journals.get(identity)
            if row is None or not first <= row[0]["recorded_seq"] < last:
                where, expected = f"ledger.event {seq}", f"journal {identity} in the same unit"
                found += differ("closings name what settled them", where, expected, "none")
    ids = {identity for named, _, _ in referred.reopened.values() for identity in named}
    reversals = {}
    if ids:
        rows = await connection.fetch(_REVERSALS, book_id, list(ids))
        reversals = {row["reverses"]: row["recorded_seq"] for row in rows}
    for seq, (named, first, last) in referred.reopened.items():
        for identity in sorted(named, key=str):
            if not first < reversals.get(identity, 0) <= last:
                where, expected = f"ledger.event {seq}", f"a reversal of {identity} after it"
                found += differ("re-openings undo the closing", where, expected, "none")
    return found


async def refused_ids_stay_unused(
    connection: Connection, book_id: int, piece: Slice
) -> list[Difference]:
    """An id refused for good is never the id of a recorded journal or hold."""
    ids = [
        row["operation_id"]
        for rows in piece.refusals.values()
        for row in rows
        if row["sticky"] and row["operation_id"]
    ]
    if not ids:
        return []
    found: list[Difference] = []
    for row in await connection.fetch(_BURNT, book_id, ids):
        seq = row["recorded_seq"]
        if seq is not None:
            where = f"ledger.refusal of {row['id']}"
            found += differ("refused ids stay unused", where, "nothing recorded", f"number {seq}")
    return found


async def _halves(connection: Connection, book_id: int, piece: Slice) -> list[Difference]:
    """Money between books: each other book that a note names has the journal and the same note."""
    wanted: list[tuple[int, UUID | None, str, int]] = []
    for event in piece.events:
        if event["kind"] == _CROSS_BOOK:
            for other in _books_of(event["body"]):
                if other != book_id:
                    seq = event["recorded_seq"]
                    wanted.append((seq, event["subject"], event["body"], other))
    if not wanted:
        return []
    columns: Sequence[list[object]] = [list(column) for column in zip(*wanted, strict=True)]
    found: list[Difference] = []
    for row in await connection.fetch(_HALVES, *columns):
        if not row["there"]:
            where, expected = f"ledger.event {row['seq']}", f"its half in book {row['book_id']}"
            found += differ("money between books has both halves", where, expected, "none")
    return found


def _books_of(text: str) -> list[int]:
    try:
        body = json.loads(text)
    except ValueError:
        return []
    books = body.get("books") if isinstance(body, dict) else None
    return [each for each in books if isinstance(each, int)] if isinstance(books, list) else []
