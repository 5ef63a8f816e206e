"""A server of our own that keeps its promises: fsync on, killed whole, asked what it remembers.

It differs from the default server in what makes a commit last long enough to be hit:
`commit_siblings = 0` lets `commit_delay` work without other transactions, and with the name of a
standby that never comes a transaction that asks for it (`synchronous_commit = on`) stands between
its flush and its answer. All other transactions use `local`: flushed here, not waiting for anybody,
which is what `on` means without a standby.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from uuid import uuid4

import asyncpg

from ledger import embedded, schema

SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "local",
    "synchronous_standby_names": "one_that_never_comes",
    "commit_siblings": "0",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    # One system call instead of one for each file: the start after a crash takes 0.3 s, not 4.
    "recovery_init_sync_method": "syncfs",
}
LOOKS_MAX = 2000
"""A look every 5 ms: ten seconds at most."""

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
_STATUS = "SELECT pg_xact_status($1::text::xid8)"
_TEMPLATE = "cff_durable"


class Durable:
    """The server under a lease that outlives its crashes."""

    def __init__(self, lease: embedded.Lease) -> None:
        self.lease = lease
        self._killed = 0

    async def make_template(self) -> None:
        """A migrated database to clone; the poster may widen its commits in it."""
        await self._run(f"CREATE DATABASE {_TEMPLATE}")
        await schema.migrate(self.lease.dsn(_TEMPLATE))
        await self._run("GRANT SET ON PARAMETER commit_delay TO cff_poster")

    async def fresh_database(self) -> str:
        """Address of a new, migrated database."""
        name = f"f_{uuid4().hex}"
        await self._run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self.lease.dsn(name)

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.lease.dsn("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def kill(self) -> None:
        """kill -9 of the postmaster and of every process that it started."""
        postmaster = self._killed = self.lease.postmaster_pid
        # Stopped first, so that it starts nobody between our look and our blow.
        os.kill(postmaster, signal.SIGSTOP)
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text("ascii")
        for pid in (postmaster, *map(int, children.split())):
            os.kill(pid, signal.SIGKILL)

    async def revive(self) -> None:
        """Wait until the supervisor has started it again and it answers."""
        await asyncio.to_thread(self._revive)

    def _revive(self) -> None:
        # Its supervisor notices the death within a quarter of a second.
        killed = self._killed
        while self.lease.postmaster_pid == killed:
            time.sleep(0.02)
        self.lease.revive()

    async def flushed(self) -> None:
        """Wait until a commit is on disk and waits for its standby."""
        connection = await asyncpg.connect(self.lease.dsn("postgres"))
        try:
            for _ in range(LOOKS_MAX):
                if await connection.fetchval(_WAITING):
                    return
                await asyncio.sleep(0.005)
        finally:
            await connection.close()
        raise TimeoutError("no commit reached the wait for its standby")

    async def recorded(self, xid: str | None) -> bool:
        """True when the server remembers this transaction as committed; waits while it runs."""
        if xid is None:
            return False
        connection = await asyncpg.connect(self.lease.dsn("postgres"))
        try:
            for _ in range(LOOKS_MAX):
                status = await connection.fetchval(_STATUS, xid)
                if status != "in progress":
                    return bool(status == "committed")
                await asyncio.sleep(0.005)
        except asyncpg.InvalidParameterValueError:
            # A number that the server has not given out: it died with the transaction's memory.
            return False
        finally:
            await connection.close()
        raise TimeoutError(f"transaction {xid} does not end")
