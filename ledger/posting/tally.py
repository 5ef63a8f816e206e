"""What accepted lines did: movement rows, and sums by account. Pure, columns in and out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledger.posting.frames import Moved, Posted
from ledger.posting.lines import Bytes, Ints
from ledger.posting.marks import Marks, marks_of
from ledger.posting.movements import named_max


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Sums of a batch by account, and where each line's two touches stand among all touches.

    account:     account numbers, ascending. debits, credits, last_seq: of each, over the batch.
    by_account:  place of the account of each movement row. row_...: the movement rows, as columns.
    marks:       inside a large batch, of those rows that have so many lines.
    """

    account: Ints
    debits: Ints
    credits: Ints
    last_seq: Ints
    by_account: Ints
    row_account: Ints
    row_value_date: Ints
    row_debits: Ints
    row_credits: Ints
    row_first: Ints
    ids: Bytes
    marks: Marks

    def moved(self, debits_after: Ints, credits_after: Ints, batch_transfers: int) -> Moved:
        """The movement rows, given the counters of each account after the batch."""
        transfers = np.diff(self.row_first)
        return Moved(
            account=self.row_account,
            value_date=self.row_value_date,
            debits=self.row_debits,
            credits=self.row_credits,
            debits_after=debits_after[self.by_account],
            credits_after=credits_after[self.by_account],
            first=self.row_first,
            ids=self.ids,
            named=transfers <= named_max(batch_transfers),
        )


def tally(posted: Posted) -> Tally:
    """Sort the touches of all lines by account, value date and number, and sum them up.

    Sums of an account fit in 64 bits: its counters were judged to stay below 9 * 10^18.
    """
    lines = posted.lines
    touched = np.stack([lines.debit, lines.credit], axis=1).astype(np.int64).reshape(-1)
    dates = np.repeat(posted.value_date, 2)
    order = _order(touched, dates)
    touched, dates = touched[order], dates[order]
    amount = np.repeat(lines.amount_satang, 2)[order]
    is_credit = (order & 1).astype(np.bool_)
    seqs = np.repeat(posted.recorded_seq, 2)[order]
    new_account = _changes(touched)
    new_row = new_account | _changes(dates)
    accounts, rows = np.flatnonzero(new_account), np.flatnonzero(new_row)
    debits, credited = np.where(is_credit, 0, amount), np.where(is_credit, amount, 0)
    row_first, by_account = np.append(rows, len(touched)), np.cumsum(new_account[rows]) - 1
    return Tally(
        account=touched[accounts],
        debits=_sums(debits, accounts),
        credits=_sums(credited, accounts),
        last_seq=np.maximum.reduceat(seqs, accounts) if len(accounts) else seqs,
        by_account=by_account,
        row_account=touched[rows],
        row_value_date=dates[rows],
        row_debits=_sums(debits, rows),
        row_credits=_sums(credited, rows),
        row_first=row_first,
        ids=lines.ids[order >> 1],
        marks=marks_of(
            len(lines),
            places=order >> 1,
            debits=debits,
            credits_=credited,
            row_first=row_first,
            by_account=by_account,
        ),
    )


def _order(touched: Ints, dates: Ints) -> Ints:
    """Stable order by account and date; one sort when both fit in one number, as they do."""
    if not len(dates):
        return np.zeros(0, np.int64)
    first = int(dates.min())
    width = int(dates.max()) - first + 1
    key = touched * width + (dates - first)
    return np.argsort(key, kind="stable").astype(np.int64)


def _changes(values: Ints) -> NDArray[np.bool_]:
    found = np.ones(len(values), np.bool_)
    found[1:] = values[1:] != values[:-1]
    return found


def _sums(values: Ints, starts: Ints) -> Ints:
    return np.add.reduceat(values, starts) if len(starts) else values[:0]
