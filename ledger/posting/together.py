"""Reading together: what many tasks ask for at once is read by one set of statements.

What is asked while a reading is under way waits for the next one; no timer. So the number of round
trips follows the number of readings, not of those who ask, and one who asks alone is read for at
once. Nothing is locked: whoever decides on what was read names its versions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ledger.db import Connection, Pool, give_back, is_lost, translated

TOGETHER_MAX = 512

Wanted = TypeVar("Wanted")
Found = TypeVar("Found")

Load = Callable[[Connection, int, Sequence[Wanted]], Awaitable[Found]]
"""Reads of a book whatever is asked for; what it answers is shared by all who asked."""


@dataclass(slots=True)
class _Asked:
    wanted: Any
    answer: asyncio.Future[Any]


@dataclass(slots=True)
class _Reading:
    waiting: list[_Asked] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


_Name = tuple[Pool, Load[Any, Any], int]


class Together:
    """Reads for many tasks of this process: one reading at a time for each book and `Load`."""

    def __init__(self) -> None:
        self._readings: dict[_Name, _Reading] = {}

    async def read(
        self, pool: Pool, load: Load[Wanted, Found], book_id: int, wanted: Wanted
    ) -> Found:
        """What `load` answers to `wanted` and whatever else is asked of it now.

        Raises what the load raises for `wanted` alone, `DatabaseUnavailable`.
        """
        name = (pool, load, book_id)
        reading = self._readings.get(name)
        if reading is None:
            reading = self._readings[name] = _Reading()
            reading.task = asyncio.create_task(self._drain(name, reading))
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        reading.waiting.append(_Asked(wanted, answer))
        return await answer

    async def _drain(self, name: _Name, reading: _Reading) -> None:
        """Read until nobody waits; the connection is kept meanwhile, unless it dies."""
        pool, load, book_id = name
        connection = None
        try:
            while reading.waiting:
                if connection is not None and is_lost(connection):
                    lost, connection = connection, None
                    await give_back(pool, lost)
                if connection is None:
                    async with translated():
                        connection = await pool.acquire()
                asked = reading.waiting[:TOGETHER_MAX]
                del reading.waiting[:TOGETHER_MAX]
                await _read(connection, load, book_id, asked)
        except Exception as error:  # noqa: BLE001 - each must reach the task that waits for it
            _fail(reading.waiting, error)
        finally:
            # From here on who asks begins a new reading; nothing is awaited in between.
            del self._readings[name]
            if connection is not None:
                await give_back(pool, connection)


async def _read(
    connection: Connection, load: Load[Any, Any], book_id: int, asked: Sequence[_Asked]
) -> None:
    """Read once for all; if that fails, for each alone, so that only the guilty one fails."""
    try:
        async with translated():
            found = await load(connection, book_id, [each.wanted for each in asked])
    except Exception as error:  # noqa: BLE001 - each must reach the task that waits for it
        if len(asked) == 1:
            _fail(asked, error)
            return
        for each in asked:
            await _read(connection, load, book_id, [each])
        return
    for each in asked:
        if not each.answer.done():
            each.answer.set_result(found)


def _fail(asked: Sequence[_Asked], error: Exception) -> None:
    for each in asked:
        if not each.answer.done():
            each.answer.set_exception(error)
