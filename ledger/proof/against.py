"""`cff verify --against`: the book's rows against seals that somebody kept.

Every seal of the file is made again from the transfers, with this room's own bytes and tree: root,
counts, trial balance, sums, digest, hash; then the stored seals are held against it. An owner can
make all of the book agree with itself again after an edit; a seal kept elsewhere still disagrees.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from itertools import groupby
from operator import itemgetter

import asyncpg

from ledger.db import Connection
from ledger.proof.report import Difference, Findings, Report, differ
from ledger.proof.sealed import (
    GrowingTree,
    KeptSeal,
    SealedJournal,
    journal_bytes,
    leaf,
    trial_balance_bytes,
)

AGAINST = "the book is the one that was sealed"
STORED = "the stored seals are those that were kept"
ONE_HEAD = "all lines of a journal say the same of it"

Progress = Callable[[int, int], None]

ROWS = 20_000
_HEAD_FIELDS = 13

_BOOK = "SELECT code FROM ledger.book WHERE book_id = $1"
_GL_CODES = "SELECT account_id, gl_code FROM ledger.account WHERE book_id = $1"
_TRANSFERS = """
SELECT recorded_seq, journal_id, kind, may_exceed_limit, business_date, value_date, forced,
    hold_id, reverses, adjusts, actor, reference, narrative, debit_account, credit_account,
    amount_satang
FROM ledger.transfer
WHERE book_id = $1 AND recorded_seq > $2 AND recorded_seq <= $3
ORDER BY recorded_seq, line LIMIT $4
"""
_VERSIONS = """
SELECT last_seq, digest_version FROM ledger.batch
WHERE book_id = $1 AND last_seq > $2 AND first_seq <= $3 AND last_seq >= first_seq
    AND last_seq <= coalesce((
        SELECT min(n.last_seq) FROM ledger.batch AS n WHERE n.book_id = $1 AND n.last_seq >= $3
    ), $3)
ORDER BY last_seq
"""
_LAST_BATCH = """
SELECT batch_no, last_seq, digest FROM ledger.batch
WHERE book_id = $1 AND last_seq >= $2 ORDER BY last_seq, batch_no LIMIT 1
"""
_STORED = """
SELECT hash, signature, key_id FROM ledger.seal WHERE book_id = $1 AND seal_no = $2
"""


@dataclass(slots=True)
class _Totals:
    """Turnover by business date and GL code; dates are added up as they close."""

    gl_codes: dict[int, str]
    closed: defaultdict[str, list[int]]
    open: defaultdict[date, defaultdict[str, list[int]]]

    def add(self, journal: SealedJournal) -> None:
        by_code = self.open[journal.business_date]
        for debit, credit, amount in journal.lines:
            by_code[self.gl_codes.get(debit, f"account {debit}")][0] += amount
            by_code[self.gl_codes.get(credit, f"account {credit}")][1] += amount

    def through(self, day: date) -> list[tuple[str, int, int]]:
        """The trial balance of a day, of everything added so far."""
        for on in [each for each in self.open if each <= day]:
            for code, (debits, credited) in self.open.pop(on).items():
                self.closed[code][0] += debits
                self.closed[code][1] += credited
        return [(code, debits, credited) for code, (debits, credited) in self.closed.items()]


async def verify_against(
    connection: Connection,
    book_id: int,
    seals: Sequence[KeptSeal],
    progress: Progress | None = None,
    *,
    at_once: int = ROWS,
) -> Report:
    """Make every kept seal again from the book's rows and compare. Reads only, in short statements.

    The seals are taken in order; whether they hang together is `seal_file.check_seals`' to say.
    at_once: transfers of a slice.
    """
    found = Findings()
    rows = await connection.fetch(_GL_CODES, book_id)
    totals = _Totals(
        gl_codes={row["account_id"]: row["gl_code"] for row in rows},
        closed=defaultdict(_nothing),
        open=defaultdict(_no_codes),
    )
    code = await connection.fetchval(_BOOK, book_id)
    at, until = 0, max((seal.last_seq for seal in seals), default=0)
    for seal in seals:
        found.add(differ(AGAINST, f"book of seal {seal.seal_no}", seal.book, code))
        if seal.first_seq - 1 > at:
            # What lies before the first kept seal counts in its trial balance.
            await _read(connection, book_id, (at, seal.first_seq - 1, at_once), totals, found)
        covered = (seal.first_seq - 1, seal.last_seq, at_once)
        made = await _read(connection, book_id, covered, totals, found)
        found.add(_compare(seal, made, totals.through(seal.business_date)))
        found.add(await _ends(connection, book_id, seal))
        found.add(await _stored(connection, book_id, seal))
        at = seal.last_seq
        found.counts["seals"] += 1
        found.counts["sealed_journals"] += made.tree.leaves
        if progress is not None:
            progress(at, until)
    return found.report(book_id)


def _nothing() -> list[int]:
    return [0, 0]


def _no_codes() -> defaultdict[str, list[int]]:
    return defaultdict(_nothing)


@dataclass(slots=True)
class _Made:
    """What the rows of a range come to."""

    tree: GrowingTree = field(default_factory=GrowingTree)
    transfers: int = 0
    amounts: int = 0


async def _read(
    connection: Connection,
    book_id: int,
    covered: tuple[int, int, int],
    totals: _Totals,
    found: Findings,
) -> _Made:
    made = _Made()
    async for journal, version, odd in _journals(connection, book_id, *covered):
        made.tree.add(leaf(journal_bytes(journal, version), version))
        made.transfers += len(journal.lines)
        made.amounts += sum(amount for _, _, amount in journal.lines)
        totals.add(journal)
        if odd:
            found.add(differ(ONE_HEAD, f"journal {journal.recorded_seq}", "one head", "several"))
    return made


async def _journals(
    connection: Connection, book_id: int, after: int, until: int, at_once: int
) -> AsyncIterator[tuple[SealedJournal, int, bool]]:
    """(journal, digest version, whether its lines disagree) in order, read in slices."""
    limit = at_once
    while after < until:
        to_seq = min(until, after + at_once)
        rows = await connection.fetch(_TRANSFERS, book_id, after, to_seq, limit)
        if len(rows) == limit:
            # The last journal of a full slice may be cut short.
            to_seq = rows[-1]["recorded_seq"] - 1
            rows = [row for row in rows if row["recorded_seq"] <= to_seq]
            if not rows:
                limit *= 4
                continue
        limit = at_once
        batches = await connection.fetch(_VERSIONS, book_id, after, to_seq)
        ends = [row["last_seq"] for row in batches]
        for seq, group in groupby(rows, key=itemgetter("recorded_seq")):
            lines = list(group)
            place = bisect_left(ends, seq)
            version = batches[place]["digest_version"] if place < len(ends) else 0
            heads = {tuple(line)[:_HEAD_FIELDS] for line in lines}
            yield _journal(lines), version, len(heads) > 1
        after = to_seq


def _journal(lines: list[asyncpg.Record]) -> SealedJournal:
    head = lines[0]
    return SealedJournal(
        **{name: head[name] for name in SealedJournal.__dataclass_fields__ if name != "lines"},
        lines=tuple(tuple(line)[_HEAD_FIELDS:] for line in lines),
    )


def _compare(
    seal: KeptSeal, made: _Made, totals: list[tuple[str, int, int]]
) -> Iterator[Difference]:
    where = f"seal {seal.seal_no}"
    balance = trial_balance_bytes(seal.book_id, seal.business_date, seal.last_seq, totals)
    for what, kept, now in (
        ("Merkle root", seal.merkle_root.hex(), made.tree.root().hex()),
        ("journals", seal.journal_count, made.tree.leaves),
        ("transfers", seal.transfer_count, made.transfers),
        ("amounts in satang", seal.amount_sum, made.amounts),
        ("trial balance", seal.trial_balance_hash.hex(), sha256(balance).hexdigest()),
        ("debits in satang", seal.debits, sum(debits for _, debits, _ in totals)),
        ("credits in satang", seal.credits, sum(credited for _, _, credited in totals)),
    ):
        yield from differ(AGAINST, f"{where}, {what}", kept, now)


async def _ends(connection: Connection, book_id: int, seal: KeptSeal) -> list[Difference]:
    """The batch that ends with the seal's last number, and its digest."""
    where = f"seal {seal.seal_no}, batch and digest"
    row = await connection.fetchrow(_LAST_BATCH, book_id, seal.last_seq)
    expected = (seal.batch_no, seal.last_seq, seal.batch_digest.hex())
    now = None if row is None else (row["batch_no"], row["last_seq"], row["digest"].hex())
    return differ(AGAINST, where, expected, now)


async def _stored(connection: Connection, book_id: int, seal: KeptSeal) -> list[Difference]:
    """The seal as the book keeps it; the same key may sign no other one."""
    row = await connection.fetchrow(_STORED, book_id, seal.seal_no)
    kept = (seal.hash.hex(), seal.signature.hex(), seal.key_id)
    now = None if row is None else (row["hash"].hex(), row["signature"].hex(), row["key_id"])
    return differ(STORED, f"ledger.seal {seal.seal_no}", kept, now)
