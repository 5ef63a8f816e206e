"""A judged batch of lines put together: its rows as bytes, its digest, what it leaves. Pure.

Nothing here asks the database: given the head that the batch will find, all of it follows. So it
can be made while the batch before is still being copied, and used if that one leaves this head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from ledger import digest
from ledger.posting.columns import literal
from ledger.posting.frames import (
    Posted,
    journal_frames,
    mark_frames,
    movement_frames,
    transfer_frames,
)
from ledger.posting.judged import Judged
from ledger.posting.lines import Ints, Lines, days_of
from ledger.posting.marks import EVERY
from ledger.posting.outcomes import LineOutcomes, LineStatus
from ledger.posting.read import HeadRow
from ledger.posting.sheet import Sheet
from ledger.posting.tally import Tally, tally
from ledger.posting.values import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What a batch is given by the head: its date, its first number and its first voucher."""

    business_date: date
    fiscal_year: int
    first_voucher: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A batch of lines ready to be written, if it records anything at all.

    before, after: the head that it must find, and the one that it leaves.
    slots:         the accounts of `tally` on the sheet; `excess` and counters after the batch.
    """

    before: HeadRow
    after: HeadRow
    numbers: Numbers
    judged: Judged
    outcomes: LineOutcomes
    journals: int
    amount_sum: int
    transfers: Sequence[bytes]
    movements: bytes
    marks: bytes
    marked_ids: str | None
    tally: Tally
    slots: Ints
    debits_after: Ints
    credits_after: Ints
    excess_after: Ints

    @property
    def records(self) -> bool:
        """False when every line was a replay or refused before."""
        return self.journals > 0 or bool(self.judged.refusals)


def assemble(
    book_id: int,
    actor: str,
    before: HeadRow,
    numbers: Numbers,
    lines: Lines,
    judged: Judged,
    sheet: Sheet,
) -> Assembled:
    """Number the accepted lines, sum them up, pack them, and digest the batch."""
    accepted = np.flatnonzero(judged.accepted)
    journals = len(accepted)
    seqs = before.recorded_seq + 1 + np.arange(journals, dtype=np.int64)
    whole = journals == len(lines)
    posted = Posted(
        book_id=book_id,
        actor=actor,
        business_date=days_of(numbers.business_date),
        lines=lines if whole else lines.take(accepted),
        recorded_seq=seqs,
        value_date=judged.value_date if whole else judged.value_date[accepted],
    )
    found = tally(posted)
    slots = sheet.slots(found.account).astype(np.int64)
    debits, credits_ = sheet.debits[slots] + found.debits, sheet.credits[slots] + found.credits
    moved = found.moved(debits, credits_, journals)
    records = journals > 0 or bool(judged.refusals)
    batch_no = before.batch_no + records
    sealed = _digest(book_id, before, batch_no, numbers, posted, judged) if records else b""
    return Assembled(
        before=before,
        after=_after(before, numbers, batch_no, journals, sealed or before.digest),
        numbers=numbers,
        judged=judged,
        outcomes=_outcomes(judged, posted, numbers, accepted, batch_no if records else None),
        journals=journals,
        # Python's integers: 2^17 amounts of nearly 10^15 do not fit in 64 bits.
        amount_sum=sum(posted.lines.amount_satang.tolist()),
        transfers=list(transfer_frames(posted)) if journals else (),
        movements=movement_frames(book_id, batch_no, posted.business_date, moved),
        marks=mark_frames(book_id, batch_no, moved, found.marks),
        marked_ids=_marked_ids(posted.lines),
        tally=found,
        slots=slots,
        debits_after=debits,
        credits_after=credits_,
        excess_after=sheet.excess_at(slots, credits_ - debits),
    )


def _marked_ids(lines: Lines) -> str | None:
    """The journals at every mark from the first line on, and the last; None in a small batch."""
    if len(lines) <= EVERY:
        return None
    places = [*range(0, len(lines), EVERY), len(lines) - 1]
    return literal(lines.ids[place].tobytes().hex() for place in places)


def _digest(
    book_id: int,
    before: HeadRow,
    batch_no: int,
    numbers: Numbers,
    posted: Posted,
    judged: Judged,
) -> bytes:
    return digest.batch_digest(
        previous=before.digest,
        book_id=book_id,
        batch_no=batch_no,
        business_date=numbers.business_date,
        origin=Origin.BULK,
        first_seq=before.recorded_seq + 1,
        last_seq=before.recorded_seq + len(posted.lines),
        records=(),
        packed=journal_frames(posted) if len(posted.lines) else (),
        refusals=judged.refusals,
        fiscal_year=numbers.fiscal_year,
        first_voucher=numbers.first_voucher,
    )


def _after(
    before: HeadRow, numbers: Numbers, batch_no: int, journals: int, sealed: bytes
) -> HeadRow:
    newest = batch_no > before.batch_no and numbers.fiscal_year >= before.voucher_year
    return replace(
        before,
        recorded_seq=before.recorded_seq + journals,
        batch_no=batch_no,
        digest=sealed,
        voucher_year=numbers.fiscal_year if newest else before.voucher_year,
        voucher_no=numbers.first_voucher + journals - 1 if newest else before.voucher_no,
    )


def _outcomes(
    judged: Judged, posted: Posted, numbers: Numbers, accepted: Ints, batch_no: int | None
) -> LineOutcomes:
    """What became of each line; a replay has the number that its id was recorded under."""
    count = len(judged.accepted)
    found = LineOutcomes(
        status=np.full(count, LineStatus.REFUSED, np.uint8),
        recorded_seq=np.zeros(count, np.int64),
        voucher_no=np.zeros(count, np.int64),
        fiscal_year=np.zeros(count, np.int32),
        business_date=np.zeros(count, np.int32),
        value_date=np.zeros(count, np.int32),
        refusals=judged.refused,
        batch_no=batch_no,
    )
    found.status[accepted] = LineStatus.POSTED
    found.recorded_seq[accepted] = posted.recorded_seq
    found.voucher_no[accepted] = numbers.first_voucher + np.arange(len(accepted))
    found.fiscal_year[accepted] = numbers.fiscal_year
    found.business_date[accepted] = posted.business_date
    found.value_date[accepted] = posted.value_date
    for place, first in judged.repeats.items():
        found.copy(first, place)
    for place, record in judged.replays.items():
        found.status[place] = LineStatus.REPLAYED
        found.recorded_seq[place] = record.recorded_seq
        found.business_date[place] = days_of(record.business_date)
        found.value_date[place] = days_of(record.value_date)
    return found
