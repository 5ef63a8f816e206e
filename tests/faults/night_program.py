"""The struck program of the night: what `cff end-of-day` does, again until the dates are proven.

A night that loses its server ends with an error and is started once more, as an operator would; a
killed one is started by the test in a new process.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from datetime import date
from typing import Any

from ledger.books import Book, get_book
from ledger.db import Pool
from ledger.errors import DatabaseUnavailable
from products.end_of_day import NightRunning, run_missed
from tests.faults.announcing import Gate, Voice, announcing_pool
from tests.faults.strikes import Strike


async def nights(pool: Pool, book: Book, through: date) -> None:
    """Run every missed night; once more whenever the server was lost meanwhile."""
    while True:
        try:
            await run_missed(pool, book, through=through)
        except (DatabaseUnavailable, NightRunning):
            await asyncio.sleep(0.05)
        else:
            return


async def main(facts: dict[str, Any]) -> None:
    """Obey until the pipe is closed."""
    voice = Voice()
    gate = Gate(voice)
    pool = await announcing_pool(facts["url"], gate)
    async with pool.acquire() as connection:
        book = await get_book(connection, facts["book"])
    work: asyncio.Task[None] | None = None

    async def run(through: date) -> None:
        try:
            await nights(pool, book, through)
        except Exception as error:
            voice.say(at="broken", error="".join(traceback.format_exception(error)))
            raise
        voice.say(at="done")

    voice.say(at="ready")
    async for command in voice.commands():
        match command.pop("do"):
            case "arm":
                gate.arm(Strike.of(command))
            case "go":
                gate.go_on()
            case "nights":
                work = asyncio.create_task(run(date.fromisoformat(command["through"])))
    if work is not None:
        await work
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
