"""Journals as they are sealed: read in slices up to a known number, each with its digest version.

No slice holds a transaction open: what is read was recorded under a number that is proven.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import asyncpg

from ledger.db import Connection, Pool, statements
from ledger.posting.records import JournalRecord
from ledger.posting.values import Transfer

SQL = statements(Path(__file__).parents[1] / "sql" / "evidence.sql")

Source = Connection | Pool
"""What rows are read from; a pool takes a connection for each slice."""

ROWS = 20_000
"""Transfers read at once: about as many as a tenth of a second brings."""


async def journals_between(
    source: Source, book_id: int, after: int, until: int, *, at_once: int = ROWS
) -> AsyncIterator[tuple[JournalRecord, int]]:
    """Journals numbered `after` < n <= `until` in order, each with its batch's digest version.

    at_once: transfers of a slice; a journal with more of them is read whole nevertheless.
    """
    limit = at_once
    while after < until:
        # Numbers come by ranges, in no order: no more of them are asked for than rows are wanted.
        to_seq = min(until, after + at_once)
        rows = await source.fetch(SQL["journals"], book_id, after, to_seq, limit)
        whole = rows
        if len(rows) == limit:
            # The last journal of a full slice may be cut: it is read again with the next one.
            to_seq = rows[-1]["recorded_seq"] - 1
            whole = [row for row in rows if row["recorded_seq"] <= to_seq]
            limit = at_once if whole else limit * 4
        if whole:
            ends, versions = await versions_between(source, book_id, after, to_seq)
            for seq, lines in groupby(whole, key=itemgetter("recorded_seq")):
                yield journal_of(list(lines)), versions[bisect_left(ends, seq)]
        if whole or not rows:
            after = to_seq


async def versions_between(
    source: Source, book_id: int, after: int, until: int
) -> tuple[list[int], list[int]]:
    """Last numbers of the batches that hold numbers `after` < n <= `until`, their versions."""
    rows = await source.fetch(SQL["batch_versions"], book_id, after, until)
    return [row["last_seq"] for row in rows], [row["digest_version"] for row in rows]


def journal_of(lines: list[asyncpg.Record]) -> JournalRecord:
    """A journal from its transfers in order of their lines."""
    first = lines[0]
    return JournalRecord(
        recorded_seq=first["recorded_seq"],
        journal_id=first["journal_id"],
        kind=first["kind"],
        may_exceed_limit=first["may_exceed_limit"],
        business_date=first["business_date"],
        value_date=first["value_date"],
        actor=first["actor"],
        reference=first["reference"],
        narrative=first["narrative"],
        hold_id=first["hold_id"],
        reverses=first["reverses"],
        forced=first["forced"],
        adjusts=first["adjusts"],
        transfers=tuple(
            Transfer(
                debit=line["debit_account"],
                credit=line["credit_account"],
                amount_satang=line["amount_satang"],
            )
            for line in lines
        ),
    )
