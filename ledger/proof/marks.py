"""Marks compared with the transfers: running sums inside large batches, which only readers use.

A batch of more than 2,048 journals of one transfer each may be marked, whole or not at all: its own
row names the journals at the first of every 2,048 numbers and the last, and rows of marks say what
had come by then to each account that has at least one in 1,024 of its transfers, by value date.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from uuid import UUID

import numpy as np

from ledger.db import Connection
from ledger.proof.lines import Flags, Ints
from ledger.proof.model import Batch
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import Row, Slice, day_number, day_of

CHECK = "marks are the transfers"
NUMBERS, SHARE = 2_048, 1_024
_QUESTION = """
SELECT batch_no, account_id, value_date, transfers, debits, credits,
    array_lower(transfers, 1) AS transfers_from, array_lower(debits, 1) AS debits_from,
    array_lower(credits, 1) AS credits_from
FROM ledger.movement_mark
WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no, account_id, value_date
"""
_ACCOUNT_BITS = 32

Marks = dict[int, list[Row]]
"""The marks of a slice by their batch."""


async def read_marks(
    connection: Connection, book_id: int, after_batch: int, to_batch: int
) -> Marks:
    """The marks of the batches after one, up to another."""
    found: Marks = {}
    for row in await connection.fetch(_QUESTION, book_id, after_batch, to_batch):
        found.setdefault(row["batch_no"], []).append(row)
    return found


def check_marks(marks: Marks, piece: Slice, batch: Batch) -> Iterator[Difference]:
    """Every mark of a batch that is wrong, missing among others, or too many."""
    if batch.row is None:
        return
    wanted: dict[int, tuple[list[int], list[int], list[int]]] = {}
    if batch.row["marks"] is not None:
        where = f"ledger.batch {batch.row['batch_no']}"
        found: dict[str, object] = {name: batch.row[name] for name in ("marks", "marks_from")}
        expected: dict[str, object] = {"marks": _at_marks(piece, batch), "marks_from": 1}
        yield from compare(CHECK, where, expected, found)
        wanted = _running(piece, batch)
    rows = marks.pop(batch.row["batch_no"], [])
    for row in rows:
        day, account = day_number(row["value_date"]), row["account_id"]
        sums = wanted.pop(day << _ACCOUNT_BITS | account, None)
        if sums is None:
            yield from differ(CHECK, _place(row["batch_no"], day, account), "no row", "a row")
            continue
        told: dict[str, object] = dict(zip(_SUMS, sums, strict=True))
        told.update(dict.fromkeys(_SUBSCRIPTS, 1))
        stands: dict[str, object] = {name: row[name] for name in told}
        yield from compare(CHECK, _place(row["batch_no"], day, account), told, stands)
    for key in wanted:
        day, account = key >> _ACCOUNT_BITS, key & ((1 << _ACCOUNT_BITS) - 1)
        yield from differ(CHECK, _place(batch.row["batch_no"], day, account), "a row", "none")


def check_left(marks: Marks) -> Iterator[Difference]:
    """What is left is of batches that have no row."""
    for batch_no, rows in marks.items():
        for row in rows:
            place = _place(batch_no, day_number(row["value_date"]), row["account_id"])
            yield from differ(CHECK, place, "no row", "a row")


_SUMS = ("transfers", "debits", "credits")
_SUBSCRIPTS = ("transfers_from", "debits_from", "credits_from")
"""Where the arrays begin: readers ask for an element by its number."""


def _place(batch_no: int, value_day: int, account: int) -> str:
    value = day_of(value_day)
    return f"ledger.movement_mark account {account}, batch {batch_no}, value {value}"


def _may_be(batch: Batch) -> bool:
    """True of a batch large enough to be marked."""
    count = batch.last_line - batch.first_line
    one_each = batch.journals == count and batch.first_event == batch.last_event
    return count > NUMBERS and one_each


def _at_marks(piece: Slice, batch: Batch) -> list[UUID] | None:
    """The journals at the first of every stretch of numbers, and the last."""
    if not _may_be(batch):
        return None
    places = [*range(batch.first_line, batch.last_line, NUMBERS), batch.last_line - 1]
    return [UUID(bytes=piece.lines.ids[place].tobytes()) for place in places]


def _running(piece: Slice, batch: Batch) -> dict[int, tuple[list[int], list[int], list[int]]]:
    """Value day << 32 | account -> what it came to, after each stretch of numbers but the last."""
    count = batch.last_line - batch.first_line
    if not _may_be(batch):
        return {}
    of_account: dict[int, int] = {}
    for key, sums in batch.moved.items():
        account = key & ((1 << _ACCOUNT_BITS) - 1)
        of_account[account] = of_account.get(account, 0) + sums[2]
    dense = [account for account, lines in of_account.items() if lines * SHARE >= count]
    part, lines = slice(batch.first_line, batch.last_line), piece.lines
    days = lines.value_days[part].astype(np.int64) << _ACCOUNT_BITS
    keys, places, amounts = [], [], []
    for accounts in (lines.debits[part], lines.credits[part]):
        found = np.flatnonzero(np.isin(accounts, dense))
        keys.append(days[found] | accounts[found])
        places.append(found)
        amounts.append(lines.amounts[part][found])
    of, place = np.concatenate(keys), np.concatenate(places)
    order = np.lexsort((place, of))
    debited = (np.arange(len(of)) < len(keys[0]))[order]
    of, place, amount = of[order], place[order], np.concatenate(amounts)[order]
    ends = np.arange(NUMBERS, count, NUMBERS)
    debits, credits_ = _sums_of(amount, debited), _sums_of(amount, ~debited)
    told: dict[int, tuple[list[int], list[int], list[int]]] = {}
    for first, last in itertools.pairwise([*np.flatnonzero(np.diff(of, prepend=-1)), len(of)]):
        upto = (first + np.searchsorted(place[first:last], ends)).tolist()
        told[int(of[first])] = (
            [each - int(first) for each in upto],
            [debits[each] - debits[first] for each in upto],
            [credits_[each] - credits_[first] for each in upto],
        )
    return told


def _sums_of(amounts: Ints, counted: Flags) -> list[int]:
    """What the counted amounts come to before each place and at the end; larger than 64 bits."""
    return [0, *itertools.accumulate(np.where(counted, amounts, 0).tolist())]
