"""`cff verify` for the ledger: replay everything, compare everything, beside running postings.

First the record up to the head, slice by slice; then the rows that change, each read together with
the head of its moment, to which the model is advanced first. So the proof needs no snapshot and no
lock, and what is posted meanwhile is proven too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from ledger.db import Connection
from ledger.proof.checks import Thread, check_slice
from ledger.proof.closings import Closings, check_stray_dates
from ledger.proof.model import Model
from ledger.proof.report import Findings, Report, differ
from ledger.proof.rows import Journal, read_slice
from ledger.proof.standing import (
    check_accounts,
    check_ended_holds,
    check_head_and_days,
    check_open_holds,
    check_reversed_once,
)

Progress = Callable[[int, int], None]
"""Called now and then with (last number proven, number to prove)."""

_HEAD = """
SELECT b.opened_on, b.fiscal_year_start_month AS first_month, h.batch_no, h.recorded_seq
FROM ledger.book AS b LEFT JOIN ledger.book_head AS h ON h.book_id = b.book_id
WHERE b.book_id = $1
"""


class _Run:
    """One proof of one book under way: the model, where it stands, what was found."""

    def __init__(
        self, connection: Connection, book_id: int, model: Model, progress: Progress | None
    ) -> None:
        self.connection = connection
        self.book_id = book_id
        self.model = model
        self.thread = Thread(book_id)
        self.closings = Closings()
        self.findings = Findings()
        self._progress = progress
        self._batch, self._seq = 0, 0

    async def advance(self, batch_no: int, seq: int) -> None:
        """Replay and check slice after slice until batch `batch_no` and number `seq`."""
        while self._batch < batch_no or self._seq < seq:
            piece = await read_slice(
                self.connection,
                self.book_id,
                after=(self._batch, self._seq),
                until=(batch_no, seq),
            )
            replayed = self.model.replay(piece)
            self.findings.add(check_slice(self.thread, piece, replayed))
            self.findings.add(
                await check_ended_holds(self.connection, self.book_id, replayed.ended)
            )
            for day in replayed.proven:
                self.findings.add(
                    await self.closings.check(self.connection, self.book_id, self.model, day)
                )
            self._batch, self._seq = piece.to_batch, piece.to_seq
            self._count(piece.records, len(piece.batches), len(piece.movements))
            self.findings.counts["refusals"] += len(piece.refusals)
            self.findings.counts["days_proven"] += len(replayed.proven)
            if self._progress is not None:
                self._progress(self._seq, seq)

    def _count(self, records: list[object], batches: int, movements: int) -> None:
        counts = self.findings.counts
        journals = [record for record in records if isinstance(record, Journal)]
        counts["batches"] += batches
        counts["movements"] += movements
        counts["journals"] += len(journals)
        counts["events"] += len(records) - len(journals)
        counts["transfers"] += sum(len(journal.lines) for journal in journals)

    async def standing(self) -> None:
        """Compare what stands now."""
        connection, book_id, model = self.connection, self.book_id, self.model
        add = self.findings.add
        add(await check_open_holds(connection, book_id, model, self.advance))
        add(await check_accounts(connection, book_id, model, self.advance))
        add(await check_reversed_once(connection, book_id))
        add(await check_stray_dates(connection, book_id))
        add(await check_head_and_days(connection, book_id, model, self.thread, self.advance))
        self.findings.counts["accounts"] = len(model.accounts)
        self.findings.counts["holds"] = model.holds_placed
        self.findings.counts["recorded_seq"] = self._seq


async def verify_ledger(
    connection: Connection, book_id: int, progress: Progress | None = None
) -> Report:
    """Prove one book's ledger from its transfers and events; `Report.ok` says whether it holds.

    Reads only, in short statements; must not run inside a transaction that pins a snapshot. An
    unknown book, or one without a head, is a difference, not an error.
    """
    row = await connection.fetchrow(_HEAD, book_id)
    if row is None or row["recorded_seq"] is None:
        findings = Findings()
        findings.add(differ("the book exists", f"ledger.book {book_id}", "a book, a head", "none"))
        return findings.report(book_id)
    opened_on, month = row["opened_on"], row["first_month"]
    floor = date(opened_on.year - (opened_on.month < month), month, 1)
    run = _Run(connection, book_id, Model(opened_on, floor), progress)
    await run.advance(row["batch_no"], row["recorded_seq"])
    await run.standing()
    return run.findings.report(book_id)
