"""Movements compared with the transfers: by batch, account and value date, the counters after.

There are nearly as many movements as transfers, so they are taken apart and compared in one pass
over the server's own binary rows, which come in the order of their batches; only a row that is
wrong becomes a `Moved`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from ledger.db import Connection
from ledger.proof.book import Account
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import copied, day_number, day_of

CHECK = "movements are the transfers"
_WHERE = "ledger.movement account {}, {}, batch {}, value {}"
_QUESTION = """
SELECT batch_no, account_id, value_date, business_date, debits, credits, debits_after,
    credits_after, coalesce(cardinality(seqs), -1) AS named, seqs
FROM ledger.movement WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no
"""
_ROW = struct.Struct(">2x4xq4xi4xi4xi4xq4xq4xq4xq4xi")
_ONE = struct.Struct(">q")
_ARRAY_HEAD = 24
_EMPTY_ARRAY = 16
_ELEMENT = 12
_ACCOUNT_BITS = 32
_SEQS = 2
"""Place of the first number in the sums of `Batch.moved`."""


class Moved(NamedTuple):
    """A movement as it was read; `named` journals stand in `seqs`, -1 = too many to name."""

    batch_no: int
    account_id: int
    value_day: int
    business_day: int
    debits: int
    credits: int
    debits_after: int
    credits_after: int
    named: int
    seqs: tuple[int, ...] | None


def key_of(account_id: int, value_day: int) -> int:
    """What a batch did is kept by account and value day, in one number."""
    return value_day << _ACCOUNT_BITS | account_id


def account_of(key: int) -> int:
    """The account of a key."""
    return key & ((1 << _ACCOUNT_BITS) - 1)


def value_day_of(key: int) -> int:
    """The value day of a key."""
    return key >> _ACCOUNT_BITS


@dataclass(slots=True)
class Movements:
    """The movements of a slice, read once from front to back; `count` says how many so far."""

    rows: bytes
    place: int = 0
    count: int = 0
    wrong: list[Moved] = field(default_factory=list)

    def compare(
        self, batch_no: int, day: int, moved: dict[int, list[int]], accounts: dict[int, Account]
    ) -> int:
        """Compare those of a batch and of batches before it; answers how many are right.

        moved: what the model says; `accounts` stand after the batch. The others are in `wrong`.
        """
        rows, place, end, unpack = self.rows, self.place, len(self.rows), _ROW.unpack_from
        fixed, one, right = _ROW.size, _ONE.unpack_from, 0
        while place < end:
            row = unpack(rows, place)
            number, account_id, value_day, on, debits, credits_, after_d, after_c, named = row
            if number > batch_no:
                break
            array = place + fixed
            sums = moved.get(value_day << _ACCOUNT_BITS | account_id)
            if named == 1:
                following = array + _ARRAY_HEAD + _ELEMENT
                same = sums is not None and sums[_SEQS:] == [one(rows, following - 8)[0]]
            else:
                seqs, following = _seqs(rows, array, named)
                same = sums is not None and (seqs is None or sums[_SEQS:] == seqs)
            account = accounts.get(account_id)
            if (
                same
                and sums is not None
                and account is not None
                and debits == sums[0]
                and credits_ == sums[1]
                and after_d == account.debits
                and after_c == account.credits
                and on == day
                and number == batch_no
            ):
                right += 1
            else:
                self.wrong.append(_moved(rows, place))
            self.count += 1
            place = following
        self.place = place
        return right

    def keys(self, place: int, batch_no: int, day: int) -> set[int]:
        """The keys of the batch's rows of its own business date, from a place on."""
        found: set[int] = set()
        while place < self.place:
            moved = _moved(self.rows, place)
            if moved.batch_no == batch_no and moved.business_day == day:
                found.add(key_of(moved.account_id, moved.value_day))
            place = _seqs(self.rows, place + _ROW.size, moved.named)[1]
        return found

    def rest(self) -> Iterator[Difference]:
        """What is left is of batches that have no row."""
        while self.place < len(self.rows):
            moved = _moved(self.rows, self.place)
            yield from differ(CHECK, name(moved), "no row", "a row")
            self.place = _seqs(self.rows, self.place + _ROW.size, moved.named)[1]


async def read_movements(
    connection: Connection, book_id: int, after_batch: int, to_batch: int
) -> Movements:
    """The movements of the batches after one, up to another."""
    return Movements(await copied(connection, _QUESTION, book_id, after_batch, to_batch))


def check_movements(
    movements: Movements,
    batch_no: int,
    business_date: date,
    moved: dict[int, list[int]],
    accounts: dict[int, Account],
) -> Iterator[Difference]:
    """Every movement of a batch that is wrong, missing or too many."""
    day, start = day_number(business_date), movements.place
    right = movements.compare(batch_no, day, moved, accounts)
    if right == len(moved) and not movements.wrong:
        return
    wrong, movements.wrong = movements.wrong, []
    for found in wrong:
        sums = moved.get(key_of(found.account_id, found.value_day))
        if sums is None or found.business_day != day or found.batch_no != batch_no:
            yield from differ(CHECK, name(found), "no row", "a row")
            continue
        account = accounts[found.account_id]
        expected: dict[str, object] = {
            "debits": sums[0],
            "credits": sums[1],
            "debits_after": account.debits,
            "credits_after": account.credits,
            "seqs": sums[_SEQS:],
        }
        fields: dict[str, object] = {each: getattr(found, each) for each in list(expected)[:-1]}
        fields["seqs"] = sums[_SEQS:] if found.seqs is None else list(found.seqs)
        yield from compare(CHECK, name(found), expected, fields)
    for key in moved.keys() - movements.keys(start, batch_no, day):
        place = (account_of(key), business_date, batch_no, day_of(value_day_of(key)))
        yield from differ(CHECK, _WHERE.format(*place), "a row", "none")


def name(movement: Moved) -> str:
    """A movement by its key."""
    on, value = day_of(movement.business_day), day_of(movement.value_day)
    return _WHERE.format(movement.account_id, on, movement.batch_no, value)


def _seqs(rows: bytes, array: int, named: int) -> tuple[list[int] | None, int]:
    """The numbers in an array at a place, and the place after it."""
    if named < 0:
        return None, array + 4
    if named == 0:
        return [], array + _EMPTY_ARRAY
    numbers = struct.unpack_from(f">{'4xq' * named}", rows, array + _ARRAY_HEAD)
    return list(numbers), array + _ARRAY_HEAD + _ELEMENT * named


def _moved(rows: bytes, place: int) -> Moved:
    fields: tuple[int, ...] = _ROW.unpack_from(rows, place)
    seqs, _ = _seqs(rows, place + _ROW.size, fields[-1])
    return Moved._make((*fields, None if seqs is None else tuple(seqs)))
