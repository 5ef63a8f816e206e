"""A counter of one book: its desk, driven batch by batch without a collector."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

from ledger.db import Pool
from ledger.posting.desk import Desk
from ledger.posting.held import Held
from ledger.posting.values import IdempotencyKey, Outcome, Unit

SOON = 20


class Counter:
    """A desk and its way of posting: at the counter one batch after another."""

    def __init__(self, pool: Pool, book_id: int) -> None:
        self.held = Held()
        self.desk = Desk(pool, book_id, self.held)

    async def send(self, units: list[Unit]) -> list[Outcome] | None:
        """Post the short way; None when it was not open, or nothing was written."""
        plan = await self.desk.plan(units)
        if plan is None:
            return None
        await self.desk.send(plan)
        await self.landed()
        written, outcomes = self.desk.answer()
        return outcomes if written else None

    async def landed(self) -> None:
        """Wait for the answer to what was sent."""
        while not self.desk.landed:
            await asyncio.wait_for(self.desk.heard(), SOON)

    async def post(self, units: list[Unit]) -> list[Outcome]:
        """As the collector does: the short way, else the long one."""
        return await self.send(units) or await self.desk.post(units)


def keyed(asked: Unit, name: str, body: bytes = b"1") -> Unit:
    """A unit under a key of one client."""
    key = IdempotencyKey(client="web", key=name, request_hash=hashlib.sha256(body).digest())
    return replace(asked, key=key, answer=lambda outcome: outcome.status.value)
