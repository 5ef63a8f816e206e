"""Marks: what the movements of large batches came to after every so many of the batch's numbers.

A statement that begins inside a large batch, or is cut there, starts from the nearest mark, so it
never adds up more than the rows between two of them. Few accounts have so many lines in a batch
that marks pay; of each that has, every movement of the batch is marked. Pure, columns in and out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.posting.lines import Ints

EVERY = 2_048
"""Numbers of the batch from one mark to the next."""
SHARE = 1_024
"""Accounts with at least one in so many of the batch's transfers are marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Running sums of some movement rows: a row each, a column a mark.

    rows: places of the movement rows that are marked, ascending.
    """

    rows: Ints
    transfers: Ints
    debits: Ints
    credits: Ints


def marks_of(
    batch_transfers: int,
    *,
    places: Ints,
    debits: Ints,
    credits_: Ints,
    row_first: Ints,
    by_account: Ints,
) -> Marks:
    """Marks of a batch whose touches are in order of account, value date and number.

    places:     of each touch, the place of its number in the batch, from 0. `debits`, `credits_`
                are what it does; `row_first` says where the touches of each movement row begin, one
                more than there are rows; `by_account` is the place of each row's account.
    """
    ends = np.arange(EVERY, batch_transfers, EVERY, dtype=np.int64)
    touches = np.zeros(len(by_account), np.int64)
    np.add.at(touches, by_account, np.diff(row_first))
    dense = (touches * SHARE >= batch_transfers) & (len(ends) > 0)
    rows = np.flatnonzero(dense[by_account]).astype(np.int64)
    upto = np.zeros((len(rows), len(ends)), np.int64)
    for place, row in enumerate(rows.tolist()):
        first, last = int(row_first[row]), int(row_first[row + 1])
        upto[place] = first + np.searchsorted(places[first:last], ends)
    starts = row_first[rows][:, None]
    # They may run over 64 bits on the way; what an account's own lines come to does not.
    debited, credited = _running(debits), _running(credits_)
    return Marks(
        rows=rows,
        transfers=upto - starts,
        debits=debited[upto] - debited[starts],
        credits=credited[upto] - credited[starts],
    )


def _running(values: Ints) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
