"""Sessions that a test lets forward statement by statement, and the order that explains answers.

A `Session` is one transaction on its own connection; it stands before every statement until the
test lets it through, so an interleaving is played, not hoped for. Whether another session waits
for it is asked of PostgreSQL itself, never guessed from the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from ledger.db import POSTER_SETTINGS, Connection
from ledger.posting.values import Origin, Outcome, Status, Unit
from ledger.posting.write import post_batch
from tests.ledger.oracle_book import identity
from tests.ledger.play import Table, heard

_T = TypeVar("_T")

LOOKS_MAX = 2000
"""A look every 2 ms: four seconds at most."""

_BLOCKED = "SELECT cardinality(pg_blocking_pids($1)) > 0"


class Stage:
    """Where a session stands until it is let through; free, it passes."""

    def __init__(self) -> None:
        self.free = True
        self.standing = asyncio.Event()
        self._go = asyncio.Event()

    async def stand(self) -> None:
        """Called before every statement."""
        if self.free:
            return
        self.standing.set()
        await self._go.wait()
        self._go.clear()

    def let_through(self) -> None:
        """Let one statement through."""
        self.standing.clear()
        self._go.set()


class SteppedConnection(asyncpg.Connection):
    """A connection of the driver that stands before each statement."""

    stage: Stage

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """As the driver's, after standing."""
        await self.stage.stand()
        return await super().execute(query, *args, timeout=timeout)

    async def executemany(self, *args: Any, **more: Any) -> None:
        """As the driver's, after standing."""
        await self.stage.stand()
        await super().executemany(*args, **more)

    async def fetch(self, *args: Any, **more: Any) -> Any:
        """As the driver's, after standing."""
        await self.stage.stand()
        return await super().fetch(*args, **more)

    async def fetchrow(self, *args: Any, **more: Any) -> Any:
        """As the driver's, after standing."""
        await self.stage.stand()
        return await super().fetchrow(*args, **more)

    async def fetchval(self, *args: Any, **more: Any) -> Any:
        """As the driver's, after standing."""
        await self.stage.stand()
        return await super().fetchval(*args, **more)


class Session:
    """One session of a test: its connection, and the transaction that it has under way."""

    def __init__(self, connection: Connection, stage: Stage) -> None:
        self.connection = connection
        self._stage = stage
        self.pid: int = connection.get_server_pid()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, role: str | None = None) -> AsyncIterator[Session]:
        """A session, as `role` or as the owner."""
        stage = Stage()
        kind = type("Stepped", (SteppedConnection,), {"stage": stage})
        settings = {} if role is None else POSTER_SETTINGS | {"role": role}
        connection: asyncpg.Connection = await asyncpg.connect(
            url, connection_class=kind, server_settings=settings
        )
        try:
            yield cls(connection, stage)
        finally:
            stage.free = True
            await connection.close()

    async def run(self, work: Callable[[Connection], Awaitable[_T]], statements: int) -> Run[_T]:
        """Start a transaction and let so many of its statements through, or all that it has."""
        self._stage.free = False

        async def transact() -> _T:
            async with self.connection.transaction():
                return await work(self.connection)

        run = Run(self._stage, asyncio.create_task(transact()))
        await run.stands()
        for _ in range(statements):
            await run.step()
        return run


class Run(Awaitable[_T]):
    """A transaction under way; awaiting it lets it go to its end."""

    def __init__(self, stage: Stage, task: asyncio.Task[_T]) -> None:
        self._stage = stage
        self.task = task

    async def stands(self) -> bool:
        """True when it stands before a statement, False when it has ended."""
        standing = asyncio.create_task(self._stage.standing.wait())
        await asyncio.wait([standing, self.task], return_when=asyncio.FIRST_COMPLETED)
        standing.cancel()
        return not self.task.done()

    async def step(self) -> bool:
        """Let one statement through; False when there is none left."""
        if self.task.done():
            return False
        self._stage.let_through()
        return await self.stands()

    def __await__(self) -> Any:
        """To the end."""
        return self._finish().__await__()

    async def _finish(self) -> _T:
        while await self.step():
            pass
        return self.task.result()


async def waits(monitor: Connection, task: asyncio.Task[Any], pid: int) -> bool:
    """True once PostgreSQL says that this session waits for another; False when it has ended."""
    for _ in range(LOOKS_MAX):
        if task.done():
            return False
        if await monitor.fetchval(_BLOCKED, pid):
            return True
        await asyncio.sleep(0.002)
    raise TimeoutError(f"session {pid} neither ends nor waits for anybody")


def posting(
    book_id: int, asked: Unit, origin: Origin = Origin.DOORS
) -> Callable[[Connection], Awaitable[Outcome]]:
    """The work of posting one unit."""

    async def work(connection: Connection) -> Outcome:
        return (await post_batch(connection, book_id, [asked], origin=origin))[0]

    return work


async def explained(table: Table, units: Sequence[Unit], outcomes: Sequence[Outcome]) -> None:
    """Replay in the book's own order: every answer must be the one that a queue would have got."""
    refused = await table.connection.fetch(
        "SELECT batch_no, position, operation_id, code FROM ledger.refusal WHERE book_id = $1",
        table.book_id,
    )
    places = {row["operation_id"]: row["position"] for row in refused}
    taken = {(row["batch_no"], row["position"]) for row in refused}
    ordered: list[tuple[int, int, Unit, Outcome]] = []
    accepted = []
    for asked, outcome in zip(units, outcomes, strict=True):
        assert outcome.batch_no is not None
        if outcome.status is Status.REFUSED:
            assert outcome.failed_operation is not None
            name = identity(asked.operations[outcome.failed_operation])
            ordered.append((outcome.batch_no, places[name], asked, outcome))
        else:
            accepted.append((outcome.receipts[0].recorded_seq, asked, outcome))
    # Within its batch an accepted unit stands in the first place that no refusal has.
    for _, asked, outcome in sorted(accepted, key=lambda entry: entry[0]):
        batch_no = outcome.batch_no or 0
        place = next(n for n in range(len(units)) if (batch_no, n) not in taken)
        taken.add((batch_no, place))
        ordered.append((batch_no, place, asked, outcome))
    for _, _, asked, outcome in sorted(ordered, key=lambda entry: entry[:2]):
        assert table.oracle.batch([asked]) == [heard(outcome)]
