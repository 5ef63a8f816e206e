"""What is compared batch by batch: `CHECKS`, each a small function from a batch to differences.

Each takes the rows as they were read and what the model made of them, and names every place where
the two disagree. They look at what is never changed (batches, transfers, movements, refusals);
`links` looks at what journals refer to, `closings` at days and periods, and `standing` compares the
rows that do change, once, at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ledger.proof import chain
from ledger.proof.book import Book
from ledger.proof.marks import Marks, check_left, check_marks
from ledger.proof.model import Batch
from ledger.proof.movements import Movements, check_movements
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import Slice


@dataclass(slots=True)
class Thread:
    """What one batch hands on to the next: the last batch row's own words."""

    book_id: int
    batch_no: int = 0
    last_seq: int = 0
    digest: bytes = chain.START


@dataclass(frozen=True, slots=True)
class Replayed:
    """A batch of a slice with the book as it stands after it."""

    piece: Slice
    movements: Movements
    marks: Marks
    batch: Batch
    book: Book
    journals: chain.Journals


Check = Callable[[Thread, Replayed], Iterator[Difference]]


def numbers_have_no_gap(_: Thread, replayed: Replayed) -> Iterator[Difference]:
    """Every number up to the head is one journal or one event, never two, never none."""
    check = "recorded_seq is gap-free"
    for seq in replayed.batch.twice:
        yield from differ(check, f"recorded_seq {seq}", "one record", "two records")
    for first, last in replayed.batch.gaps:
        yield from differ(check, f"recorded_seq {first} to {last}", "one record each", "none")


def batches_follow_one_another(thread: Thread, replayed: Replayed) -> Iterator[Difference]:
    """Batches are numbered without gap, and each begins at the number after the last one's."""
    check = "batches follow one another"
    row = replayed.batch.row
    if row is not None:
        where = f"ledger.batch {row['batch_no']}"
        if row["batch_no"] != thread.batch_no + 1:
            expected = f"batch_no {thread.batch_no + 1}"
            yield from differ(check, where, expected, f"batch_no {row['batch_no']}")
        if row["first_seq"] != thread.last_seq + 1:
            expected = f"first_seq {thread.last_seq + 1}"
            yield from differ(check, where, expected, f"first_seq {row['first_seq']}")
    for seq in replayed.batch.strays:
        yield from differ(check, f"recorded_seq {seq}", "a batch that has it", "none")


def batches_count_their_records(_: Thread, replayed: Replayed) -> Iterator[Difference]:
    """The counts and the sum of a batch row are those of its transfers, events and refusals."""
    batch, row = replayed.batch, replayed.batch.row
    if row is None:
        return
    expected: dict[str, object] = {
        "journal_count": batch.journals,
        "event_count": batch.last_event - batch.first_event,
        "transfer_count": batch.last_line - batch.first_line,
        "amount_sum": batch.amount_sum,
        "refusal_count": len(replayed.piece.refusals.get(row["batch_no"], ())),
    }
    if any(row[name] != value for name, value in expected.items()):
        found: dict[str, object] = {name: int(row[name]) for name in expected}
        where = f"ledger.batch {row['batch_no']}"
        yield from compare("batches count their records", where, expected, found)


def dates_are_the_batch_s(_: Thread, replayed: Replayed) -> Iterator[Difference]:
    """Every journal and event carries the business date of its batch."""
    for seq, found in replayed.batch.dated_otherwise.items():
        expected = replayed.batch.row["business_date"]
        where = f"recorded_seq {seq}"
        yield from differ("a batch has one business date", where, expected, found)


def vouchers_have_no_gap(_: Thread, replayed: Replayed) -> Iterator[Difference]:
    """A batch is of its date's fiscal year, and its vouchers go on where the year's last ended."""
    row, book = replayed.batch.row, replayed.book
    if row is None:
        return
    year = book.year_name(row["business_date"])
    voucher = book.vouchers.get(year, 0) + 1
    book.vouchers[year] = voucher - 1 + replayed.batch.journals
    book.voucher_year = max(book.voucher_year, year)
    if row["fiscal_year"] != year or row["first_voucher"] != voucher:
        expected: dict[str, object] = {"fiscal_year": year, "first_voucher": voucher}
        found: dict[str, object] = {name: row[name] for name in expected}
        where = f"ledger.batch {row['batch_no']}"
        yield from compare("voucher numbers are gap-free", where, expected, found)


def digests_chain(thread: Thread, replayed: Replayed) -> Iterator[Difference]:
    """A batch's digest is that of its rows after the digest of the batch before it."""
    check = "the digest chain is unbroken"
    piece, row = replayed.piece, replayed.batch.row
    if row is None:
        return
    where = f"ledger.batch {row['batch_no']}"
    if row["digest_version"] not in chain.VERSIONS:
        expected = f"digest_version {' or '.join(map(str, chain.VERSIONS))}"
        yield from differ(check, where, expected, f"digest_version {row['digest_version']}")
    refusals = piece.refusals.get(row["batch_no"], ())
    try:
        records = _in_order(replayed)
        digest = chain.digest_of(thread.book_id, thread.digest, row, records, refusals)
    except struct.error as error:
        yield from differ(check, where, "numbers that fit their places", str(error))
        return
    if digest != row["digest"]:
        yield from differ(check, where, digest.hex(), row["digest"].hex())


def _in_order(replayed: Replayed) -> list[bytes]:
    batch = replayed.batch
    if batch.first_event == batch.last_event:
        return [replayed.journals.data]
    events = replayed.piece.events[batch.first_event : batch.last_event]
    records = [(event["recorded_seq"], chain.event(event)) for event in events]
    records += replayed.journals.items()
    records.sort(key=lambda record: record[0])
    return [record for _, record in records]


def movements_are_the_transfers(_: Thread, replayed: Replayed) -> Iterator[Difference]:
    """Movements are the transfers by batch, account and value date, with the counters after."""
    batch = replayed.batch
    if batch.row is not None:
        yield from check_movements(
            replayed.movements,
            batch.row,
            batch.last_line - batch.first_line,
            batch.moved,
            replayed.book.accounts,
        )


def marks_are_the_transfers(_: Thread, replayed: Replayed) -> Iterator[Difference]:
    """Marks inside a large batch are running sums of its transfers, by account and value date."""
    yield from check_marks(replayed.marks, replayed.piece, replayed.batch)


def journals_are_whole(_: Thread, replayed: Replayed) -> Iterator[Difference]:
    """The transfers of one number are lines 0, 1, 2 ... of one journal, equal but for the money."""
    for seq, odd in replayed.batch.odd.items():
        yield from differ("journals are whole", f"ledger.transfer {seq}", "lines that fit", odd)


def rules_were_kept(_: Thread, replayed: Replayed) -> Iterator[Difference]:
    """Limits, freezes, closings, holds, dates and periods allowed every row that is recorded."""
    yield from replayed.book.broken
    replayed.book.broken = []


def forced_journals_say_why(_: Thread, replayed: Replayed) -> Iterator[Difference]:
    """A forced journal is followed by the note that says so, with a reason; no other has one."""
    check = "forced journals say why"
    notes = {journal.bytes: note for journal, note in replayed.batch.heard.forced.items()}
    for journal_id, seq in replayed.batch.forced.items():
        note = notes.pop(journal_id, None)
        if note is None or note[0] != seq + 1 or not note[1]:
            found = "none" if note is None else f"number {note[0]}, reason {note[1]!r}"
            expected = f"the event journal_forced at number {seq + 1}, with a reason"
            yield from differ(check, f"ledger.transfer {seq}", expected, found)
    for seq, _reason in notes.values():
        yield from differ(check, f"ledger.event {seq}", "a forced journal of its batch", "none")


CHECKS: tuple[Check, ...] = (
    numbers_have_no_gap,
    batches_follow_one_another,
    batches_count_their_records,
    dates_are_the_batch_s,
    vouchers_have_no_gap,
    digests_chain,
    journals_are_whole,
    rules_were_kept,
    movements_are_the_transfers,
    marks_are_the_transfers,
    forced_journals_say_why,
)
"""Every check of a batch, in the order in which they run."""


def check_batch(thread: Thread, replayed: Replayed) -> Iterator[Difference]:
    """Every difference of one batch; afterwards `thread` stands at its end."""
    for check in CHECKS:
        yield from check(thread, replayed)
    row = replayed.batch.row
    if row is not None:
        thread.batch_no, thread.last_seq = row["batch_no"], row["last_seq"]
        thread.digest = row["digest"]


def check_rest(
    thread: Thread, piece: Slice, movements: Movements, marks: Marks
) -> Iterator[Difference]:
    """What a slice holds of batches that have no row."""
    if thread.batch_no < piece.to_batch:
        where = f"ledger.batch {thread.batch_no + 1}"
        yield from differ("batches follow one another", where, "a row", "none")
    batches = {row["batch_no"] for row in piece.batches}
    yield from movements.rest()
    yield from check_left(marks)
    for number, refusals in piece.refusals.items():
        if number not in batches:
            where = f"ledger.refusal of batch {number}"
            yield from differ("batches count their records", where, "a batch", len(refusals))
