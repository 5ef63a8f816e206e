"""The struck program of a unit over two books: it stands where it is told, and is killed there.

Places: before the first book's batch is written, between the two, before COMMIT, when COMMIT was
sent, and when it was answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import asyncpg

from ledger.db import POSTER_SETTINGS
from ledger.posting.across import post_across
from tests.faults.announcing import Voice
from tests.faults.halves import halves_of

PLACES = ("first write", "second write", "commit", "sent", "answered")
_WRITES = "ledger.write_batch("


class StandingConnection(asyncpg.Connection):
    """A connection of the driver that stands for ever at one place of its transaction."""

    voice: Voice
    place: str
    writes: int = 0

    async def fetchval(self, query: str, *args: Any, **named: Any) -> Any:
        """As the driver's, unless this is the place."""
        if _WRITES in query:
            self.writes += 1
            await self._stand("first write" if self.writes == 1 else "second write")
        return await super().fetchval(query, *args, **named)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """As the driver's, unless this is the place."""
        if query != "COMMIT;":
            return await super().execute(query, *args, timeout=timeout)
        await self._stand("commit")
        commit = asyncio.ensure_future(super().execute(query))
        # The driver writes its message in the first step of the task, before it waits.
        await asyncio.sleep(0)
        await self._stand("sent")
        status = await commit
        await self._stand("answered")
        return status

    async def _stand(self, place: str) -> None:
        if place == self.place:
            self.voice.say(at=place)
            await asyncio.Event().wait()


async def main(facts: dict[str, Any]) -> None:
    """Post when told to; nobody hears of it."""
    voice = Voice()
    kind = type("Standing", (StandingConnection,), {"voice": voice, "place": facts["place"]})
    connection: asyncpg.Connection = await asyncpg.connect(
        facts["url"], server_settings=POSTER_SETTINGS, connection_class=kind
    )
    voice.say(at="ready")
    async for _ in voice.commands():
        async with connection.transaction():
            await post_across(connection, halves_of(facts["books"], facts["name"]))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
