"""The struck program that loads: one bulk writer, a load at a time, its answers in a log.

What a batch was answered is logged when the next one is under way, so only what was committed is.
Told that the outcome is unknown or the database away, it posts the whole load again: the same ids
tell what was recorded. Started again after a kill, it does the same.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ledger.db import Connection
from ledger.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from ledger.posting.bulk import BulkWriter
from ledger.posting.lines import Lines
from ledger.posting.outcomes import LineOutcomes, LineStatus
from tests.faults.announcing import Gate, Voice, announcing_pool
from tests.faults.bulk_loads import columns_of, load_of
from tests.faults.client_log import ClientLog
from tests.faults.strikes import Strike
from tests.faults.wishes import Cast

ASK_AGAIN = (DatabaseUnavailable, OutcomeUnknown, Overloaded)
LINES_MAX = 60


async def chunks_of(lines: Lines, length: int) -> AsyncIterator[Lines]:
    """The load in pieces, as a source would read it."""
    for first in range(0, len(lines), length):
        yield lines.slice(first, min(first + length, len(lines)))


def answers_of(first: int, outcomes: LineOutcomes) -> list[list[object]]:
    """What the lines of a batch were answered: place, status, number or reason."""
    return [
        [
            first + place,
            LineStatus(outcomes.status[place]).name.lower(),
            int(outcomes.recorded_seq[place])
            if place not in outcomes.refusals
            else outcomes.refusals[place].code,
        ]
        for place in range(len(outcomes))
    ]


async def load(writer: BulkWriter, cast: Cast, log: ClientLog, facts: dict[str, Any]) -> None:
    """Post the load of this name until it is through."""
    lines = columns_of(load_of(cast, facts["round"], facts["lines"]))
    pending: list[list[object]] = []

    async def note(_: Connection, first: int, outcomes: LineOutcomes) -> None:
        if pending:
            log.write(committed=pending)
        pending[:] = answers_of(first, outcomes)

    while True:
        pending.clear()
        try:
            await writer.load(chunks_of(lines, facts["chunk"]), note)
        except ASK_AGAIN as error:
            log.write(unsure=facts["round"], code=error.code)
            await asyncio.sleep(0.05)
        else:
            log.write(committed=pending)
            return


async def main(facts: dict[str, Any]) -> None:
    """Obey until the pipe is closed."""
    voice = Voice()
    gate = Gate(voice)
    cast = Cast(book_id=facts["book_id"], bank=facts["bank"], members=tuple(facts["members"]))
    pool = await announcing_pool(facts["url"], gate)
    writer = BulkWriter(pool, cast.book_id, actor="test:loader", lines_max=LINES_MAX)
    work: asyncio.Task[None] | None = None

    async def round_(command: dict[str, Any]) -> None:
        log = ClientLog(Path(command["log"]))
        try:
            await load(writer, cast, log, command)
        except Exception as error:
            voice.say(at="broken", error="".join(traceback.format_exception(error)))
            raise
        finally:
            log.close()
        voice.say(at="done")

    voice.say(at="ready")
    async for command in voice.commands():
        match command.pop("do"):
            case "arm":
                gate.arm(Strike.of(command))
            case "go":
                gate.go_on()
            case "load":
                work = asyncio.create_task(round_(command))
    if work is not None:
        await work
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
