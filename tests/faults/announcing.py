"""Inside the struck program: a connection of the driver that says where its commits stand.

The program under test gets an ordinary asyncpg pool whose connections are of this class; nothing
of ours is replaced. Unarmed, a connection only passes on what it is asked. Armed with a `Strike`,
it announces the transaction's number and how far its commit has come, and stands there until it is
killed or told to go on. COMMIT is widened by `commit_delay`, or, to strike when it is on disk
already, by waiting for a standby that never comes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import asyncpg

from ledger.db import POSTER_SETTINGS, Pool
from tests.faults.strikes import Moment, Strike

COMMIT_DELAY_MICROSECONDS = 100_000
_WRITES = "ledger.write_batch("
_XID = "SELECT pg_current_xact_id_if_assigned()::text"


class Voice:
    """The struck program's pipe to the test: announcements out, commands in."""

    def __init__(self) -> None:
        # What anybody prints goes to the log, never between announcements.
        self._out = os.dup(1)
        os.dup2(2, 1)

    def say(self, **facts: object) -> None:
        """Announce something; it is in the pipe when this returns, whatever happens next."""
        os.write(self._out, json.dumps(facts).encode() + b"\n")

    async def commands(self) -> AsyncIterator[dict[str, Any]]:
        """What the test asks for, until it closes the pipe."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        try:
            while line := await reader.readline():
                yield json.loads(line)
        finally:
            transport.close()


class Gate:
    """Decides at which statement of which commit to stand, and stands there."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._strike: Strike | None = None
        self._go = asyncio.Event()

    def arm(self, strike: Strike) -> None:
        """Stand at the moment of this strike, once."""
        self._strike = strike
        self._go.clear()

    def go_on(self) -> None:
        """Leave the place where the gate stands."""
        self._strike = None
        self._go.set()

    async def statement(self, connection: AnnouncingConnection) -> None:
        """Called before every statement of a transaction but BEGIN and COMMIT."""
        strike = self._strike
        if strike is None or strike.moment is not Moment.BEFORE or strike.statement == 0:
            return
        connection.statements_done += 1
        if connection.statements_done == strike.statement and strike.skip == 0:
            await self._stand("before", await connection.xid())

    async def commit(
        self, connection: AnnouncingConnection, send: Callable[[], Awaitable[str]]
    ) -> str:
        """Called instead of COMMIT; `send` is the COMMIT."""
        xid = await connection.xid() if self._strike is not None else None
        strike = self._strike
        if strike is None or xid is None:
            return await send()
        if strike.skip > 0:
            self._strike = replace(strike, skip=strike.skip - 1)
            return await send()
        if strike.moment is Moment.INSIDE:
            return await self._inside(connection, strike, xid, send)
        if strike.moment is Moment.BEFORE:
            await self._stand("before", xid)
            return await send()
        status = await send()
        await self._stand("answered", xid)
        return status

    async def _inside(
        self,
        connection: AnnouncingConnection,
        strike: Strike,
        xid: str,
        send: Callable[[], Awaitable[str]],
    ) -> str:
        self._strike = None
        await connection.widen_commit(flushed=strike.flushed)
        commit = asyncio.ensure_future(send())
        # The driver writes its message in the first step of the task, before it waits.
        await asyncio.sleep(0)
        self._voice.say(at="sent", xid=xid)
        if strike.frozen:
            os.kill(os.getpid(), signal.SIGSTOP)
        try:
            status = await commit
        except BaseException:
            self._voice.say(at="lost", xid=xid)
            raise
        self._voice.say(at="answered", xid=xid)
        return status

    async def _stand(self, place: str, xid: str | None) -> None:
        frozen = self._strike is not None and self._strike.frozen
        self._strike = None
        self._voice.say(at=place, xid=xid)
        if frozen:
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            await self._go.wait()


class AnnouncingConnection(asyncpg.Connection):
    """A connection that passes its gate before each statement of a transaction."""

    gate: Gate
    statements_done: int = 0

    async def xid(self) -> str | None:
        """Number of the transaction under way, None while it has recorded nothing."""
        found: str | None = await super().fetchval(_XID)
        return found

    async def widen_commit(self, *, flushed: bool) -> None:
        """Make the coming COMMIT take long: before it is on disk, or once it is there."""
        if flushed:
            await super().execute("SET LOCAL synchronous_commit TO on")
        else:
            await super().execute(f"SET LOCAL commit_delay TO {COMMIT_DELAY_MICROSECONDS}")

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """As the driver's, with the gate before it."""
        if query.startswith("BEGIN"):
            self.statements_done = 0
        elif query == "COMMIT;":
            return await self.gate.commit(self, lambda: self._plain(query))
        else:
            await self._pass()
        return await self._plain(query, *args, timeout=timeout)

    async def executemany(self, *args: Any, **more: Any) -> None:
        """As the driver's, with the gate before it."""
        await self._pass()
        await super().executemany(*args, **more)

    async def fetch(self, *args: Any, **more: Any) -> Any:
        """As the driver's, with the gate before it."""
        await self._pass()
        return await super().fetch(*args, **more)

    async def fetchrow(self, *args: Any, **more: Any) -> Any:
        """As the driver's, with the gate before it."""
        await self._pass()
        return await super().fetchrow(*args, **more)

    async def fetchval(self, query: str, *args: Any, **more: Any) -> Any:
        """As the driver's, with the gate before it.

        A batch written by one statement commits itself. Here it is taken apart, so that its commit
        can be struck like any other; whoever asked for it sees one call that is lost or answered.
        """
        if _WRITES in query and not self.is_in_transaction():
            async with self.transaction():
                await self._pass()
                return await super().fetchval(query, *args, **more)
        await self._pass()
        return await super().fetchval(query, *args, **more)

    async def copy_to_table(self, *args: Any, **more: Any) -> str:
        """As the driver's, with the gate before it."""
        await self._pass()
        done: str = await super().copy_to_table(*args, **more)
        return done

    async def _plain(self, query: str, *args: Any, timeout: float | None = None) -> str:
        return await super().execute(query, *args, timeout=timeout)

    async def _pass(self) -> None:
        if self.is_in_transaction():
            await self.gate.statement(self)


async def announcing_pool(url: str, gate: Gate, settings: Mapping[str, str] | None = None) -> Pool:
    """The poster's pool as `ledger.db.open_pool` makes it, of connections with this gate.

    settings: of the server, laid over the poster's.
    """
    laid = POSTER_SETTINGS | dict(settings or {})
    kind = type("GatedConnection", (AnnouncingConnection,), {"gate": gate})
    return await asyncpg.create_pool(
        url, min_size=1, max_size=8, server_settings=laid, connection_class=kind
    )
