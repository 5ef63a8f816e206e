"""A recorded history: thirty-two clients in two processes, killed and cut off, and then explained.

The clients post, hold, capture, release, reverse, freeze, open and close through the collectors of
two processes on one book. The processes are killed with kill -9 at commits and started again; their
connections are cut around COMMIT. Whoever got no answer asks again under the same ids. Afterwards
the whole record is replayed in the book's own order on the sequential oracle: it must say the same
of every request, every balance and every hold, and the order must respect the clock on the wall.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg
import pytest

from ledger.posting.values import Unit
from tests.faults.servant import Servant
from tests.faults.strikes import Moment, Strike
from tests.how_much import PROFILE
from tests.ledger.history_script import name_of, unit_of
from tests.ledger.play import Table, next_book_id, set_table
from tests.ledger.recorded import (
    Explained,
    Logs,
    check_real_time,
    check_told,
    entries,
    explain,
)

CLIENTS = 32
SEED = 2569


@dataclass(frozen=True, slots=True)
class Plan:
    """How much happens: requests a client, kills, and how often a commit is cut off: one in."""

    steps: int
    kills: int
    one_in: int


PLANS = {
    "quick": Plan(steps=15, kills=4, one_in=12),
    "ci": Plan(steps=40, kills=12, one_in=12),
    "soak": Plan(steps=300, kills=60, one_in=15),
}


@dataclass(slots=True)
class Front:
    """Two processes at one book, and what has been done to them."""

    url: str
    table: Table
    plan: Plan
    home: Path
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))
    servants: list[Servant] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)

    def log(self, place: int) -> Path:
        """Where the clients of the n-th process write."""
        return self.home / f"clients-{place}.jsonl"

    async def start(self, place: int) -> Servant:
        """Start the n-th process; its clients go on where their log ends."""
        return await Servant.start(
            "history_program",
            self.home / f"stderr-{place}",
            url=self.url,
            book_id=self.table.book_id,
            clients=CLIENTS,
            mine=list(range(place, CLIENTS, 2)),
            steps=self.plan.steps,
            one_in=self.plan.one_in,
            dice=f"{SEED}/{place}/{sum(self.kills.values())}",
            told=str(self.log(place)),
        )

    async def reached(self, place: int, steps: int, *places: str) -> str:
        """Wait until all clients of a process have made so many steps, or it stands somewhere."""
        while True:
            found = await self.servants[place].until("reached", *places)
            if found["at"] != "reached":
                return str(found["at"])
            if found["steps"] == steps:
                return "reached"

    async def kill(self, place: int, steps: int) -> None:
        """kill -9 of the n-th process at one of its commits; start it again."""
        blow = Strike(
            moment=self.dice.choice(list(Moment)),
            skip=self.dice.randrange(3),
            statement=0 if self.dice.random() < 0.5 else self.dice.randint(1, 8),
            frozen=self.dice.random() < 0.5,
            flushed=False,
            delay_ms=0,
        )
        servant = self.servants[place]
        await servant.arm(blow)
        for each in self.servants:
            await each.tell("work", steps=steps)
        found = await self.reached(place, steps, "before", "sent", "answered")
        await servant.kill()
        self.kills[found] += 1
        self.servants[place] = await self.start(place)
        await self.servants[place].tell("work", steps=steps)

    async def run(self) -> None:
        """Let everybody go on a little, and kill one of the two; in turn, to the last step."""
        self.servants = list(await asyncio.gather(*(self.start(place) for place in range(2))))
        for number in range(1, self.plan.kills + 1):
            await self.kill(number % 2, number * self.plan.steps // self.plan.kills)
        for place in range(2):
            await self.reached(place, self.plan.steps)


@pytest.fixture
async def front(database_url: str, tmp_path: Path) -> AsyncIterator[Front]:
    """A fresh book with two processes at it."""
    async with AsyncExitStack() as stack:
        connection = await asyncpg.connect(database_url, server_settings={"role": "cff_poster"})
        stack.push_async_callback(connection.close)
        table = await set_table(connection, next_book_id(), Counter())
        plan = PLANS[PROFILE]
        made = Front(url=database_url, table=table, plan=plan, home=tmp_path)
        yield made
        for servant in made.servants:
            await servant.end()


def asked_by(name: str) -> Unit:
    """The request of a name."""
    return unit_of(CLIENTS, *name_of(name))


@pytest.mark.timeout(3600)  # the long profile takes its time
async def test_a_recorded_history_of_many_clients_is_that_of_a_queue(
    front: Front, record_property: Callable[[str, object], None]
) -> None:
    await front.run()
    logs = Logs.read(front.log(place) for place in range(2))
    everybody = {f"{c}/{step}" for c in range(CLIENTS) for step in range(front.plan.steps)}
    assert logs.told.keys() == everybody
    found = await entries(front.table.connection, front.table.book_id)
    explained = explain(front.table, found, asked_by)
    check_told(logs, explained, asked_by)
    pairs = check_real_time(logs, explained)
    await front.table.compare(accepted=True)
    await front.table.verify()
    record_property("told", told(front, logs, explained, pairs))
    lies_are_found(logs, explained)
    assert sum(front.kills.values()) == front.plan.kills
    assert front.kills["reached"] < front.plan.kills
    assert pairs > len(everybody)


def lies_are_found(logs: Logs, explained: Explained) -> None:
    """The checks can fail: a number that was never given out, an answer before its question."""
    liar = next(told for told in logs.told.values() if told.answer["seqs"] and not told.replay)
    lie = replace(liar, answer=liar.answer | {"seqs": [liar.answer["seqs"][0] + 1]})
    with pytest.raises(AssertionError, match="is not what the book has"):
        check_told(replace(logs, told=logs.told | {lie.name: lie}), explained, asked_by)
    last = max(logs.told.values(), key=lambda told: told.batch or 0)
    early = replace(last, at=min(logs.asked.values()) - 1)
    with pytest.raises(AssertionError, match="asked after an answer of batch"):
        check_real_time(replace(logs, told=logs.told | {early.name: early}), explained)


def told(front: Front, logs: Logs, explained: Explained, pairs: int) -> str:
    """The run in one line."""
    recorded = Counter(answer.code or answer.status for _, answer in explained.order)
    again = [name for name, count in logs.asks.items() if count > 1]
    found = sum(1 for name in again if logs.told[name].replay)
    refused = ", ".join(f"{code} {count}" for code, count in sorted(recorded.items()))
    return (
        f"recorded history: {CLIENTS} clients in 2 processes, {sum(logs.asks.values())} asks of "
        f"{len(logs.told)} requests in {len({e.batch for e, _ in explained.order})} batches; "
        f"{sum(front.kills.values())} processes killed ({_counts(front.kills)}); unsure: "
        f"{_counts(logs.unsure)}; {len(again)} asked again, of which {found} had been recorded; "
        f"{pairs} pairs in the clock's order; "
        f"recorded: {refused}"
    )


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
