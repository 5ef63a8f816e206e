"""`cff verify` for the ledger: replay everything, compare everything, beside running postings.

First the record up to the head, slice by slice; then the rows that change, each read together with
the head of its moment, to which the model is advanced first. So the proof needs no snapshot and no
lock, and what is posted meanwhile is proven too. `kept` makes a run that was killed go on where it
stood; `since` takes a seal's word for what it covers and proves what came after.
"""

from __future__ import annotations

from pathlib import Path

from ledger.db import Connection
from ledger.proof import checkpoint
from ledger.proof.book import Book
from ledger.proof.report import Findings, Report, differ
from ledger.proof.run import Progress, Run
from ledger.proof.tail import begin_after

__all__ = ["Progress", "verify_ledger"]

_HEAD = """
SELECT b.opened_on, b.fiscal_year_start_month AS first_month, h.batch_no, h.recorded_seq
FROM ledger.book AS b LEFT JOIN ledger.book_head AS h ON h.book_id = b.book_id
WHERE b.book_id = $1
"""


async def verify_ledger(
    connection: Connection,
    book_id: int,
    progress: Progress | None = None,
    *,
    kept: Path | None = None,
    since: int | None = None,
) -> Report:
    """Prove one book's ledger from its transfers and events; `Report.ok` says whether it holds.

    kept:  file of the run's checkpoint: resumed from if it is there, removed at the end.
    since: number of a seal: what it covers is taken as it stands (docs/operations.md says what
           that trusts), and everything after it is proven.

    Reads only, in short statements; must not run inside a transaction that pins a snapshot. An
    unknown book, one without a head, or an unknown seal is a difference, not an error. Raises
    `Unreadable` for a checkpoint that is none of this book.
    """
    row = await connection.fetchrow(_HEAD, book_id)
    if row is None or row["recorded_seq"] is None:
        findings = Findings()
        findings.add(differ("the book exists", f"ledger.book {book_id}", "a book, a head", "none"))
        return findings.report(book_id)
    run = Run(connection, book_id, Book(row["opened_on"], row["first_month"]), progress, kept)
    if kept is not None and checkpoint.is_there(kept):
        await run.resume(kept)
    else:
        await run.seals.begin(connection)
        if since is not None:
            run.findings.add(await begin_after(run, since))
    await run.advance(row["batch_no"], row["recorded_seq"])
    await run.standing()
    checkpoint.forget(kept)
    return run.findings.report(book_id)
