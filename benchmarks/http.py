"""Over HTTP: doors that post, beside idle twins with the same authentication and validation.

Three processes: the server (one uvicorn worker, as `cff serve` runs it), the load generator with 64
requests in flight, and this one, which waits. A hold posts in one request: key, judge, number,
digest, commit. A manual journal takes two people: it is proposed, then approved, and the approval
posts it. Identity, key and body are new in every request.

    python -m benchmarks.http [--json] [--strict] [--preload N]
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from api.auth.keys import issue_key
from api.auth.scopes import Scope
from benchmarks import entry
from benchmarks.bench import RUNS, CheckFailed, Figure, Point, percentile, ratios, say
from benchmarks.made import BOOK, BOOK_CODE
from benchmarks.preload import Bench

IN_FLIGHT = 64
REQUESTS = 768
WARM_UP = 200
START_SECONDS = 30
DRIVE_SECONDS = 60
"""A run that takes longer is stuck."""
ACCOUNTS_NAMED = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A door and what is said to it; its idle twin stands under /idle instead of /v1.

    ids: how the ids of its things begin; a proposal and its approval speak of the same thing.
    """

    name: str
    path: str
    body: str
    expected: int
    scope: Scope
    ids: str = "01910000"


HOLD = Door(
    name="hold",
    path=f"/books/{BOOK_CODE}/holds",
    body='{"id":"$ID","account":"$A","amount":"0.01","reference":"REF00000000000000001"}',
    expected=201,
    scope="holds:write",
    ids="01900000",
)
PROPOSAL = Door(
    name="proposal",
    path=f"/books/{BOOK_CODE}/journals",
    body='{"id":"$ID","reason":"measured","reference":"REF00000000000000001",'
    '"transfers":[{"debit":"$A","credit":"$B","amount":"0.01"}]}',
    expected=202,
    scope="journals:write",
)
APPROVAL = Door(
    name="approval",
    path=f"/books/{BOOK_CODE}/journals/$ID/approve",
    body="{}",
    expected=200,
    scope="journals:approve",
)
DOORS = (HOLD, PROPOSAL, APPROVAL)
"""In this order: an approval needs its proposal."""
POSTING = (HOLD, APPROVAL)
"""Those that move something, and so have the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """What the load generator saw of one run."""

    per_second: float
    p50_ms: float
    p99_ms: float
    answer_bytes: int


Round = dict[str, tuple[Driven, Driven]]
"""By door: the door itself, then its twin."""


@dataclass(slots=True, kw_only=True)
class House:
    """Where the doors are, each door's key, and which ids have been used."""

    port: int
    keys: Mapping[str, str]
    codes: list[str]
    first: int = 1

    async def round(self, count: int) -> Round:
        """So many requests at each door and at its twin, in turns."""
        found: Round = {}
        for door in DOORS:
            posting = await self._drive(door, "/v1", count)
            idle = await self._drive(door, "/idle", count)
            if abs(posting.answer_bytes - idle.answer_bytes) * 10 > posting.answer_bytes:
                raise CheckFailed(
                    f"an answer of {door.name} has {posting.answer_bytes} bytes, its twin's "
                    f"{idle.answer_bytes}"
                )
            found[door.name] = posting, idle
            say(f"HTTP {door.name}: {posting.per_second:,.0f}/s, idle {idle.per_second:,.0f}/s")
        self.first += count
        return found

    async def _drive(self, door: Door, root: str, count: int) -> Driven:
        task = {
            "name": door.name,
            "ids": door.ids,
            "path": root + door.path,
            "body": door.body,
            "expected": door.expected,
            "key": self.keys[door.name],
            "accounts": self.codes,
            "port": self.port,
            "count": count,
            "first": self.first,
            "clients": IN_FLIGHT,
        }
        found = await _load(door.name, task)
        if found["statuses"] != {str(door.expected): count}:
            raise CheckFailed(f"{door.name}: answers {found['statuses']}: {found['first_wrong']}")
        return Driven(
            per_second=count * 1e9 / found["nanoseconds"],
            p50_ms=percentile(found["taken"], 50),
            p99_ms=percentile(found["taken"], 99),
            answer_bytes=found["answer_bytes"],
        )


async def measure(made: Bench) -> list[Point]:
    """Each door in turns with its twin; what was answered must be what was recorded."""
    before = await _recorded(made)
    rows = await made.pool.fetch(
        "SELECT code FROM ledger.account WHERE account_id = ANY($1::int []) ORDER BY 1 LIMIT $2",
        made.numbers,
        ACCOUNTS_NAMED,
    )
    async with _server(made) as port:
        house = House(
            port=port,
            # Maker and checker are two people.
            keys={door.name: await _key(made, door) for door in DOORS},
            codes=[str(row["code"]) for row in rows],
        )
        await house.round(WARM_UP)
        rounds = [await house.round(REQUESTS) for _ in range(RUNS)]
    sent = WARM_UP + RUNS * REQUESTS
    made.posted(sent)
    events, journals = (b - a for a, b in zip(before, await _recorded(made), strict=True))
    if (events, journals) != (2 * sent, sent):
        raise CheckFailed(
            f"{sent:,} holds, proposals and approvals were answered; {events:,} events and "
            f"{journals:,} journals were recorded"
        )
    figures = [figure for door in DOORS for figure in _figures(door, rounds)]
    return [Point(name=f"HTTP, {IN_FLIGHT} in flight", figures=tuple(figures))]


def _figures(door: Door, rounds: list[Round]) -> list[Figure]:
    posting = [each[door.name][0] for each in rounds]
    rates = tuple(each.per_second for each in posting)
    idle = tuple(each[door.name][1].per_second for each in rounds)
    return [
        Figure(name=f"{door.name}: requests", unit="/s", values=rates),
        Figure(name=f"{door.name}: p50", unit="ms", values=tuple(e.p50_ms for e in posting)),
        Figure(name=f"{door.name}: p99", unit="ms", values=tuple(e.p99_ms for e in posting)),
        Figure(name=f"{door.name}: idle endpoint", unit="/s", values=idle),
        Figure(
            name=f"{door.name}: ratio_to_idle_endpoint",
            values=ratios(rates, idle),
            at_least=0.5 if door in POSTING else None,
        ),
    ]


async def _key(made: Bench, door: Door) -> str:
    async with made.pool.acquire() as connection:
        return await issue_key(
            connection,
            client="bench",
            actor=f"bench:{door.name}",
            scopes=[door.scope],
            book_id=BOOK,
            valid_days=1,
        )


async def _recorded(made: Bench) -> tuple[int, int]:
    """Events and journals of the whole book."""
    row = await made.pool.fetchrow(
        "SELECT sum(event_count) AS events, sum(journal_count) AS journals FROM ledger.batch"
    )
    return (0, 0) if row is None else (int(row["events"]), int(row["journals"]))


async def _load(name: str, task: dict[str, object]) -> dict[str, Any]:
    """Run the load generator once; what it wrote. Raises `CheckFailed` when it is stuck."""
    process = await create_subprocess_exec(
        sys.executable, "-m", "benchmarks.http_load", stdin=PIPE, stdout=PIPE
    )
    try:
        async with asyncio.timeout(DRIVE_SECONDS):
            out, _ = await process.communicate(json.dumps(task).encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise CheckFailed(f"{name}: some answers took over {DRIVE_SECONDS} s") from None
    if process.returncode != 0:
        raise CheckFailed(f"{name}: the load generator ended with {process.returncode}")
    found: dict[str, Any] = json.loads(out)
    return found


@asynccontextmanager
async def _server(made: Bench) -> AsyncIterator[int]:
    """The server's process; its port."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = int(line.getsockname()[1])
    process = await create_subprocess_exec(
        sys.executable, "-m", "benchmarks.http_server", made.dsn, str(port), stdout=DEVNULL
    )
    try:
        await _listens(process, port)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(process: Process, port: int) -> None:
    for _ in range(START_SECONDS * 20):
        if process.returncode is not None:
            break
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise CheckFailed("the HTTP server does not listen")


if __name__ == "__main__":
    entry.main(measure, about=__doc__)
