"""The program of the recorded history: many clients and one collector, on connections that break.

As `poster_program` it can be struck at an announced commit; beside that its connections are cut now
and then by themselves: before COMMIT is sent, while its answer is on its way, or when the answer
has come and nobody was told. Every client writes down what it asked, when, and what it was told; it
asks again, under the same ids, until it has an answer.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg

from ledger.db import POSTER_SETTINGS
from ledger.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from ledger.posting.collector import Collector
from ledger.posting.values import Status
from tests.faults.announcing import AnnouncingConnection, Gate, Voice
from tests.faults.client_log import ClientLog, lines
from tests.faults.strikes import Strike
from tests.ledger.history_script import answer_of, unit_of

ASK_AGAIN = (DatabaseUnavailable, OutcomeUnknown, Overloaded)
CUTS = ("unsent", "sent", "answered")


class BreakingConnection(AnnouncingConnection):
    """A connection that is cut at some of its commits."""

    dice: random.Random
    one_in: int

    async def widen_commit(self, *, flushed: bool) -> None:
        """The test's server is not asked to be slow: a program that stands still hears nothing."""

    async def _plain(self, query: str, *args: Any, timeout: float | None = None) -> str:
        if query != "COMMIT;" or self.dice.randrange(self.one_in) != 0:
            return await super()._plain(query, *args, timeout=timeout)
        cut = self.dice.choice(CUTS)
        if cut == "sent":
            commit = asyncio.ensure_future(super()._plain(query))
            # The driver writes its message in the first step of the task, before it waits.
            await asyncio.sleep(0)
            self.terminate()
            await asyncio.wait([commit])
            commit.exception()
        elif cut == "answered":
            await super()._plain(query)
            self.terminate()
        else:
            self.terminate()
        raise ConnectionResetError(f"cut by the test: {cut}")


class Goal:
    """How many steps the clients may make by now; says when all of them have made so many."""

    def __init__(self, clients: int, voice: Voice) -> None:
        self._clients = clients
        self._voice = voice
        self._steps = 0
        self._made: Counter[int] = Counter()
        self._raised = asyncio.Condition()

    async def raise_to(self, steps: int) -> None:
        """Let everybody go so far."""
        async with self._raised:
            self._steps = steps
            self._raised.notify_all()

    async def allows(self, step: int) -> None:
        """Wait until this step may be made."""
        async with self._raised:
            await self._raised.wait_for(lambda: step < self._steps)

    def made(self, step: int) -> None:
        """A client has its answer to this step."""
        self._made[step + 1] += 1
        if self._made[step + 1] == self._clients and step + 1 == self._steps:
            self._voice.say(at="reached", steps=self._steps)


async def client(
    collector: Collector,
    facts: dict[str, Any],
    number: int,
    done: set[str],
    log: ClientLog,
    goal: Goal,
) -> None:
    """One client's requests, in order, each until it is answered."""
    for step in range(facts["steps"]):
        await goal.allows(step)
        unit = unit_of(facts["clients"], number, step)
        name = f"{number}/{step}"
        while name not in done:
            log.write(asked=name, at=time.monotonic_ns())
            try:
                outcome = await collector.submit(facts["book_id"], unit)
            except ASK_AGAIN as error:
                log.write(unsure=name, code=error.code)
                await asyncio.sleep(0.02)
                continue
            except Exception as error:
                log.write(broken=name, error=repr(error))
                raise
            if outcome.status is Status.IN_PROGRESS:
                log.write(unsure=name, code="in_progress")
                await asyncio.sleep(0.005)
                continue
            answer = answer_of(outcome) if outcome.answer is None else json.loads(outcome.answer)
            now = time.monotonic_ns()
            log.write(
                told=name, at=now, batch=outcome.batch_no, status=outcome.status.value,
                replay=outcome.replay, answer=answer,
            )  # fmt: skip
            done.add(name)
        goal.made(step)


async def work(collector: Collector, facts: dict[str, Any], goal: Goal, voice: Voice) -> None:
    """Everything of these clients that the log knows no answer to, as far as the goal allows."""
    path = Path(facts["told"])
    done = {line["told"] for line in lines(path) if "told" in line}
    log = ClientLog(path)
    clients = [
        asyncio.create_task(client(collector, facts, number, done, log, goal))
        for number in facts["mine"]
    ]
    try:
        await asyncio.gather(*clients)
    except Exception as error:
        voice.say(at="broken", error="".join(traceback.format_exception(error)))
        raise
    finally:
        log.close()


async def main(facts: dict[str, Any]) -> None:
    """Obey until the pipe is closed."""
    voice = Voice()
    gate = Gate(voice)
    kind = type(
        "Breaking",
        (BreakingConnection,),
        {
            "gate": gate,
            "dice": random.Random(facts["dice"]),
            "one_in": facts["one_in"],
        },
    )
    pool = await asyncpg.create_pool(
        facts["url"],
        min_size=1,
        max_size=4,
        server_settings=POSTER_SETTINGS,
        connection_class=kind,
    )
    goal = Goal(len(facts["mine"]), voice)
    async with Collector(pool) as collector:
        task = asyncio.create_task(work(collector, facts, goal, voice))
        voice.say(at="ready")
        async for command in voice.commands():
            match command.pop("do"):
                case "arm":
                    gate.arm(Strike.of(command))
                case "go":
                    gate.go_on()
                case "work":
                    await goal.raise_to(command["steps"])
        await task
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
