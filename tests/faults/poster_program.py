"""The struck program that posts: many clients and one collector in one process.

Each client asks for its wishes one after another, keeps its log, and asks again under the same ids
when it was told that the outcome is unknown or the database away. Started again after a kill, it
asks for all that its log does not know an answer to.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from ledger.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from ledger.posting.collector import Collector
from ledger.posting.values import Outcome, Status
from tests.faults.announcing import Gate, Voice, announcing_pool
from tests.faults.client_log import ClientLog, told
from tests.faults.strikes import Strike
from tests.faults.wishes import Cast, Wish, wishes

ASK_AGAIN = (DatabaseUnavailable, OutcomeUnknown, Overloaded)


def answer_of(outcome: Outcome) -> dict[str, object]:
    """What a client is told, and must be told again: granted or not, its journals' numbers."""
    granted = outcome.status in (Status.ACCEPTED, Status.REPLAYED)
    return {
        "granted": granted,
        "seqs": [r.recorded_seq for r in outcome.receipts if r.journal_id is not None],
        "refusal": None if outcome.refusal is None else outcome.refusal.code,
    }


async def client(collector: Collector, cast: Cast, mine: list[Wish], log: ClientLog) -> None:
    """One client's wishes, in order, each until it is answered."""
    for wish in mine:
        answer = None
        while answer is None:
            log.write(asked=wish.name)
            try:
                outcome = await collector.submit(cast.book_id, wish.unit)
            except ASK_AGAIN as error:
                log.write(unsure=wish.name, code=error.code)
                await asyncio.sleep(0.05)
            except Exception as error:
                log.write(broken=wish.name, error=repr(error))
                raise
            else:
                answer = answer_of(outcome)
                log.write(told=wish.name, replay=outcome.replay, **answer)


async def post(collector: Collector, cast: Cast, log_path: Path, facts: dict[str, Any]) -> None:
    """A round of all clients, without what the log knows already."""
    known = told(log_path)
    log = ClientLog(log_path)
    try:
        everybody = wishes(cast, facts["round"], clients=facts["clients"], each=facts["each"])
        waiting = [[wish for wish in mine if wish.name not in known] for mine in everybody]
        await asyncio.gather(*(client(collector, cast, mine, log) for mine in waiting))
    finally:
        log.close()


async def main(facts: dict[str, Any]) -> None:
    """Obey until the pipe is closed."""
    voice = Voice()
    gate = Gate(voice)
    cast = Cast(book_id=facts["book_id"], bank=facts["bank"], members=tuple(facts["members"]))
    pool = await announcing_pool(facts["url"], gate, facts.get("settings"))
    work: asyncio.Task[None] | None = None

    async def round_(command: dict[str, Any]) -> None:
        try:
            await post(collector, cast, Path(command["log"]), command)
        except Exception as error:
            voice.say(at="broken", error="".join(traceback.format_exception(error)))
            raise
        voice.say(at="done")

    async with Collector(pool) as collector:
        voice.say(at="ready")
        async for command in voice.commands():
            match command.pop("do"):
                case "arm":
                    gate.arm(Strike.of(command))
                case "go":
                    gate.go_on()
                case "post":
                    work = asyncio.create_task(round_(command))
        if work is not None:
            await work
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
