"""Reading together: one reading for all who ask at once; an error is told to the guilty alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ledger.db import Connection, Pool
from ledger.errors import DatabaseUnavailable, NotFound
from ledger.posting.together import Together


class Shelf:
    """Knows the numbers 1 to 9; remembers what it was asked at one go."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.opened = asyncio.Event()

    async def load(
        self, connection: Connection, book_id: int, wanted: Sequence[int]
    ) -> dict[int, int]:
        self.asked.append(list(wanted))
        self.opened.set()
        found = await connection.fetch(
            "SELECT n, n * $1::int FROM unnest($2::int[]) AS n", book_id, list(wanted)
        )
        unknown = [number for number in wanted if number > 9]
        if unknown:
            raise NotFound("number", unknown[0])
        return {row[0]: row[1] for row in found}


async def test_who_asks_at_the_same_time_is_read_for_by_one_reading(shared_pool: Pool) -> None:
    shelf, together = Shelf(), Together()
    load = shelf.load
    asked = (together.read(shared_pool, load, 3, number) for number in range(1, 9))
    found = await asyncio.gather(*asked)
    assert [each[number] for number, each in enumerate(found, start=1)] == list(range(3, 27, 3))
    assert shelf.asked == [list(range(1, 9))]
    assert (await together.read(shared_pool, load, 2, 9))[9] == 18


async def test_who_asks_while_a_reading_is_under_way_is_read_for_by_the_next(
    shared_pool: Pool,
) -> None:
    shelf, together = Shelf(), Together()
    load = shelf.load
    first = asyncio.create_task(together.read(shared_pool, load, 1, 1))
    await shelf.opened.wait()
    later = [asyncio.create_task(together.read(shared_pool, load, 1, n)) for n in (2, 3)]
    await asyncio.gather(first, *later)
    assert shelf.asked == [[1], [2, 3]]


async def test_only_who_asked_for_what_is_not_there_is_told_so(shared_pool: Pool) -> None:
    shelf, together = Shelf(), Together()
    load = shelf.load
    found = await asyncio.gather(
        *(together.read(shared_pool, load, 1, number) for number in (1, 10, 2)),
        return_exceptions=True,
    )
    assert [type(each) for each in found] == [dict, NotFound, dict]
    assert shelf.asked == [[1, 10, 2], [1], [10], [2]]


async def test_a_connection_that_dies_fails_who_was_read_for_on_it_and_nobody_after_them(
    shared_pool: Pool,
) -> None:
    shelf, together = Shelf(), Together()

    async def load(connection: Connection, book_id: int, wanted: Sequence[int]) -> dict[int, int]:
        found = await shelf.load(connection, book_id, wanted)
        if 1 in wanted:
            connection.terminate()
            await connection.fetch("SELECT 1")
        return found

    first = asyncio.create_task(together.read(shared_pool, load, 1, 1))
    await shelf.opened.wait()
    # It asks before the first has its answer, and so is read for right after it.
    second = asyncio.create_task(together.read(shared_pool, load, 1, 2))
    found = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(each) for each in found] == [DatabaseUnavailable, dict]
