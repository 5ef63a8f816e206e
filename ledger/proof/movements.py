"""Movements compared with the transfers: by batch, account and value date, the counters after.

There are nearly as many movements as transfers, so they are taken apart and compared in one pass
over the server's own binary rows, which come in the order of their batches; only a row that is
wrong becomes a `Moved`. A movement names its journals, in order of number, unless there are more
than 64 and more than one in 64 of the batch's transfers; then it names none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from ledger.db import Connection
from ledger.proof.book import Account
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import Row, copied, day_number, day_of

CHECK = "movements are the transfers"
_WHERE = "ledger.movement account {}, {}, batch {}, value {}"
_QUESTION = """
SELECT batch_no, account_id, value_date, business_date, debits, credits, debits_after,
    credits_after, transfers, coalesce(cardinality(journals), -1) AS named, journals
FROM ledger.movement WHERE book_id = $1 AND batch_no > $2 AND batch_no <= $3
ORDER BY batch_no
"""
_ROW = struct.Struct(">2x4xq4xi4xi4xi4xq4xq4xq4xq4xi4xi")
_ARRAY_HEAD = 24
_FIRST = 20
"""Where the first subscript of an array stands in its head; readers ask for ids by their place."""
_FROM_ONE = b"\x00\x00\x00\x01"
_EMPTY_ARRAY = 16
ID_LENGTH = (16).to_bytes(4)
ELEMENT = 20
"""Bytes of an id in an array: its length and itself."""
_ACCOUNT_BITS = 32
_TRANSFERS, _JOURNALS = 2, 3
"""Places of the count and of the journals in the sums of `Batch.moved`."""


Sums = list[Any]
"""Of `Batch.moved`: debits, credits, number of transfers, the ids of the journals in order.

The ids are a list, or bytes: as they stand in the server's rows, each after its length.
"""


class Moved(NamedTuple):
    """A movement as it was read; `named` journals follow it, -1 = none is named."""

    batch_no: int
    account_id: int
    value_day: int
    business_day: int
    debits: int
    credits: int
    debits_after: int
    credits_after: int
    transfers: int
    named: int


def named_most(batch_transfers: int) -> int:
    """How many journals a movement of a batch with so many transfers names at most."""
    return max(64, batch_transfers // 64)


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
    wrong: list[tuple[Moved, bytes]] = field(default_factory=list)

    def compare(
        self,
        batch_no: int,
        day: int,
        most: int,
        moved: dict[int, Sums],
        accounts: dict[int, Account],
    ) -> int:
        """Compare those of a batch and of batches before it; answers how many are right.

        moved: what the model says; `accounts` stand after the batch. Movements of more than `most`
        journals name none. The others are in `wrong`.
        """
        rows, place, end, unpack = self.rows, self.place, len(self.rows), _ROW.unpack_from
        fixed, right = _ROW.size, 0
        while place < end:
            row = unpack(rows, place)
            number, account_id, value_day, on, debits, credits_, after_d, after_c, n, named = row
            if number > batch_no:
                break
            array = place + fixed
            following = _after_array(array, named)
            sums = moved.get(value_day << _ACCOUNT_BITS | account_id)
            account = accounts.get(account_id)
            if (
                sums is not None
                and account is not None
                and debits == sums[0]
                and credits_ == sums[1]
                and n == sums[_TRANSFERS]
                and after_d == account.debits
                and after_c == account.credits
                and on == day
                and number == batch_no
                and named
                and (named < 0 or rows[array + _FIRST : array + _ARRAY_HEAD] == _FROM_ONE)
                and rows[array + _ARRAY_HEAD : following] == _named(sums, most)
            ):
                right += 1
            else:
                self.wrong.append((_moved(rows, place), rows[array + _FIRST : following]))
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
            place = _after_array(place + _ROW.size, moved.named)
        return found

    def rest(self) -> Iterator[Difference]:
        """What is left is of batches that have no row."""
        while self.place < len(self.rows):
            moved = _moved(self.rows, self.place)
            yield from differ(CHECK, name(moved), "no row", "a row")
            self.place = _after_array(self.place + _ROW.size, moved.named)


async def read_movements(
    connection: Connection, book_id: int, after_batch: int, to_batch: int
) -> Movements:
    """The movements of the batches after one, up to another."""
    return Movements(await copied(connection, _QUESTION, book_id, after_batch, to_batch))


def check_movements(
    movements: Movements,
    row: Row,
    transfers: int,
    moved: dict[int, Sums],
    accounts: dict[int, Account],
) -> Iterator[Difference]:
    """Every movement of a batch row of so many transfers that is wrong, missing or too many."""
    batch_no, business_date = row["batch_no"], row["business_date"]
    day, start, most = day_number(business_date), movements.place, named_most(transfers)
    right = movements.compare(batch_no, day, most, moved, accounts)
    if right == len(moved) and not movements.wrong:
        return
    wrong, movements.wrong = movements.wrong, []
    for found, journals in wrong:
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
            "transfers": sums[_TRANSFERS],
        }
        fields: dict[str, object] = {each: getattr(found, each) for each in expected}
        expected["journals"] = _names(_FROM_ONE + _named(sums, most))
        fields["journals"] = _names(journals)
        yield from compare(CHECK, name(found), expected, fields)
    for key in moved.keys() - movements.keys(start, batch_no, day):
        place = (account_of(key), business_date, batch_no, day_of(value_day_of(key)))
        yield from differ(CHECK, _WHERE.format(*place), "a row", "none")


def name(movement: Moved) -> str:
    """A movement by its key."""
    on, value = day_of(movement.business_day), day_of(movement.value_day)
    return _WHERE.format(movement.account_id, on, movement.batch_no, value)


def _after_array(array: int, named: int) -> int:
    """The place after an array of so many ids."""
    if named > 0:
        return array + _ARRAY_HEAD + ELEMENT * named
    return array + (4 if named < 0 else _EMPTY_ARRAY)


def _named(sums: Sums, most: int) -> bytes:
    """The ids that a movement should name, as they stand in the server's rows."""
    ids: list[bytes] | bytes = sums[_JOURNALS]
    if isinstance(ids, bytes):
        return b"" if len(ids) > ELEMENT * most else ids
    if len(ids) == 1:
        return ID_LENGTH + ids[0]
    return b"" if len(ids) > most else ID_LENGTH + ID_LENGTH.join(ids)


def _names(journals: bytes) -> list[str] | str:
    """Ids of an array as text, after its first subscript, which is told when it is not 1."""
    first = len(_FROM_ONE)
    places = range(first + len(ID_LENGTH), len(journals), ELEMENT)
    found = [str(UUID(bytes=journals[place : place + 16])) for place in places]
    if found and journals[:first] != _FROM_ONE:
        found.insert(0, f"numbered from {int.from_bytes(journals[:first], signed=True)}")
    return found or "none named"


def _moved(rows: bytes, place: int) -> Moved:
    return Moved._make(_ROW.unpack_from(rows, place))
