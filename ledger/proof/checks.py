"""What is compared: `CHECKS`, each a small function from a slice and its replay to differences.

Each takes the rows as they were read and what the model made of them, and names every place where
the two disagree. They look at what is never changed (batches, transfers, movements, refusals) and
at holds that have ended; `standing` compares the rows that do change, once, at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ledger.proof import chain
from ledger.proof.model import Batch, Hold, Replayed
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import Journal, Row, Slice, seq_of


@dataclass(slots=True)
class Thread:
    """What one slice hands on to the next: the last batch row's own words."""

    book_id: int
    batch_no: int = 0
    last_seq: int = 0
    digest: bytes = chain.START


Check = Callable[[Thread, Slice, Replayed], Iterator[Difference]]


def numbers_have_no_gap(_: Thread, piece: Slice, __: Replayed) -> Iterator[Difference]:
    """Every number up to the head is one journal or one event, never two, never none."""
    check = "recorded_seq is gap-free"
    expected = piece.after_seq + 1
    for record in piece.records:
        seq = seq_of(record)
        if seq < expected:
            yield from differ(check, f"recorded_seq {seq}", "one record", "two records")
        elif seq > expected:
            missing = f"{expected} to {seq - 1}"
            yield from differ(check, f"recorded_seq {missing}", "one record each", "none")
        expected = max(expected, seq + 1)
    if expected <= piece.to_seq:
        missing = f"{expected} to {piece.to_seq}"
        yield from differ(check, f"recorded_seq {missing}", "one record each", "none")


def batches_follow_one_another(
    thread: Thread, piece: Slice, replayed: Replayed
) -> Iterator[Difference]:
    """Batches are numbered without gap, and each begins at the number after the last one's."""
    check = "batches follow one another"
    batch_no, seq = thread.batch_no, thread.last_seq
    for row in piece.batches:
        where = f"ledger.batch {row['batch_no']}"
        yield from differ(check, where, f"batch_no {batch_no + 1}", f"batch_no {row['batch_no']}")
        yield from differ(check, where, f"first_seq {seq + 1}", f"first_seq {row['first_seq']}")
        batch_no, seq = row["batch_no"], row["last_seq"]
    if batch_no < piece.to_batch:
        yield from differ(check, f"ledger.batch {batch_no + 1}", "a row", "none")
    for record in replayed.strays:
        yield from differ(check, f"recorded_seq {seq_of(record)}", "a batch that has it", "none")


def batches_count_their_records(
    _: Thread, piece: Slice, replayed: Replayed
) -> Iterator[Difference]:
    """The counts and the sum of a batch row are those of its transfers, events and refusals."""
    refusals: dict[int, int] = {}
    for row in piece.refusals:
        refusals[row["batch_no"]] = refusals.get(row["batch_no"], 0) + 1
    for batch in replayed.batches:
        number = batch.row["batch_no"]
        expected: dict[str, object] = {
            "journal_count": batch.journals,
            "event_count": len(batch.records) - batch.journals,
            "transfer_count": batch.transfers,
            "amount_sum": batch.amount_sum,
            "refusal_count": refusals.pop(number, 0),
        }
        found = {name: int(batch.row[name]) for name in expected}
        yield from compare(
            "batches count their records", f"ledger.batch {number}", expected, dict(found)
        )
    for number, count in refusals.items():
        yield from differ(
            "batches count their records", f"ledger.refusal of batch {number}", "a batch", count
        )


def dates_are_the_batch_s(_: Thread, __: Slice, replayed: Replayed) -> Iterator[Difference]:
    """Every journal and event carries the business date of its batch."""
    for batch in replayed.batches:
        expected = batch.row["business_date"]
        for record in batch.records:
            found = _business_date(record)
            if found != expected:
                where = f"recorded_seq {seq_of(record)}"
                yield from differ("a batch has one business date", where, expected, found)


def digests_chain(thread: Thread, piece: Slice, replayed: Replayed) -> Iterator[Difference]:
    """A batch's digest is that of its rows after the digest of the batch before it."""
    check = "the digest chain is unbroken"
    refusals: dict[int, list[Row]] = {}
    for row in piece.refusals:
        refusals.setdefault(row["batch_no"], []).append(row)
    previous = thread.digest
    for batch in replayed.batches:
        number = batch.row["batch_no"]
        where = f"ledger.batch {number}"
        yield from differ(check, where, chain.VERSION, batch.row["digest_version"])
        try:
            digest = chain.digest_of(
                thread.book_id, previous, batch.row, batch.records, refusals.get(number, [])
            )
            yield from differ(check, where, digest.hex(), batch.row["digest"].hex())
        except struct.error as error:
            yield from differ(check, where, "numbers that fit their places", str(error))
        previous = batch.row["digest"]


def movements_are_the_transfers(
    _: Thread, piece: Slice, replayed: Replayed
) -> Iterator[Difference]:
    """Movements are the transfers by batch, account and value date, with the counters after."""
    check = "movements are the transfers"
    wanted: dict[tuple[object, ...], Batch] = {}
    for batch in replayed.batches:
        number, date = batch.row["batch_no"], batch.row["business_date"]
        for account_id, value_date in batch.moved:
            wanted[(account_id, date, number, value_date)] = batch
    for row in piece.movements:
        place = tuple(row[:4])
        where = "ledger.movement account {}, {}, batch {}, value {}".format(*place)
        found = wanted.pop(place, None)
        if found is None:
            yield from differ(check, where, "no row", "a row")
        else:
            yield from _movement(check, where, found, row)
    for place in wanted:
        where = "ledger.movement account {}, {}, batch {}, value {}".format(*place)
        yield from differ(check, where, "a row", "none")


def _movement(check: str, where: str, batch: Batch, row: Row) -> Iterator[Difference]:
    moved = batch.moved[(row["account_id"], row["value_date"])]
    after = batch.after[row["account_id"]]
    if (
        row["debits"] == moved.debits
        and row["credits"] == moved.credits
        and (row["debits_after"], row["credits_after"]) == after
        and (row["seqs"] is None or row["seqs"] == moved.seqs)
    ):
        return
    expected: dict[str, object] = {
        "debits": moved.debits,
        "credits": moved.credits,
        "debits_after": after[0],
        "credits_after": after[1],
        "seqs": moved.seqs,
    }
    found = {name: row[name] for name in expected}
    if found["seqs"] is None:
        found["seqs"] = moved.seqs
    yield from compare(check, where, expected, found)


def journals_are_whole(_: Thread, piece: Slice, __: Replayed) -> Iterator[Difference]:
    """The transfers of one number are lines 0, 1, 2 ... of one journal, equal but for the money."""
    for record in piece.records:
        if isinstance(record, Journal) and record.odd:
            where = f"ledger.transfer {record.recorded_seq}"
            yield from differ("journals are whole", where, "lines that fit", record.odd)


def rules_were_kept(_: Thread, __: Slice, replayed: Replayed) -> Iterator[Difference]:
    """Limits, freezes, closings, holds and dates allowed every row that is recorded."""
    yield from replayed.broken


def reversals_mirror(_: Thread, piece: Slice, __: Replayed) -> Iterator[Difference]:
    """A reversal turns an earlier journal round line by line, and no reversal is reversed."""
    check = "reversals mirror their journals"
    for record in piece.records:
        if not isinstance(record, Journal) or record.reverses is None:
            continue
        where = f"ledger.transfer {record.recorded_seq}"
        target = piece.reversed.get(record.reverses)
        if target is None:
            yield from differ(check, where, f"journal {record.reverses} to reverse", "none")
            continue
        mirrored = [(row["credit_account"], row["debit_account"], row[5]) for row in target]
        yield from differ(check, where, mirrored, [tuple(line) for line in record.lines])
        if target[0]["recorded_seq"] >= record.recorded_seq or target[0]["reverses"] is not None:
            found = f"journal {record.reverses} at {target[0]['recorded_seq']}"
            yield from differ(check, where, "an earlier journal that is no reversal", found)


def refused_ids_stay_unused(_: Thread, piece: Slice, __: Replayed) -> Iterator[Difference]:
    """An id refused for good is never the id of a recorded journal or hold."""
    for identity, seq in piece.burnt.items():
        where = f"ledger.refusal of {identity}"
        yield from differ("refused ids stay unused", where, "nothing recorded", f"number {seq}")


CHECKS: tuple[Check, ...] = (
    numbers_have_no_gap,
    batches_follow_one_another,
    batches_count_their_records,
    dates_are_the_batch_s,
    digests_chain,
    journals_are_whole,
    rules_were_kept,
    movements_are_the_transfers,
    reversals_mirror,
    refused_ids_stay_unused,
)
"""Every check of a slice, in the order in which they run."""


def check_slice(thread: Thread, piece: Slice, replayed: Replayed) -> Iterator[Difference]:
    """Every difference of one slice; afterwards `thread` stands at its end."""
    for check in CHECKS:
        yield from check(thread, piece, replayed)
    if piece.batches:
        last = piece.batches[-1]
        thread.batch_no, thread.last_seq = last["batch_no"], last["last_seq"]
        thread.digest = last["digest"]


def hold_row(hold: Hold) -> dict[str, object]:
    """The row of `ledger.hold` that the model expects."""
    return {
        "account_id": hold.account_id,
        "amount_satang": hold.amount,
        "captured_satang": hold.captured,
        "state": hold.state,
        "expires_on": hold.expires_on,
        "reference": hold.reference,
        "placed_seq": hold.placed_seq,
        "changed_seq": hold.changed_seq,
    }


def _business_date(record: Journal | Row) -> object:
    return record.business_date if isinstance(record, Journal) else record["business_date"]
