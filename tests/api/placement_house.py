"""The doors on a book that sells fixed deposits: three holders, one product of three months.

SAV-1 is the co-op's (party 1), SAV-2 the company's, SAV-3 the person's; each has 100,000,000.00 on
2 February 2026, when the rate is 2.25 % (docs/placements.md walks through such a placement).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

import httpx2

from api.app import create_app
from ledger.db import Database
from tests.api.house import OpenDoors
from tests.products.placement_scene import Placements, open_placements

FEB_2 = date(2026, 2, 2)
MAY_4 = date(2026, 5, 4)
TEN_MILLION = "10000000.00"
CHECKER = "facility:checker"


@dataclass(slots=True, kw_only=True)
class PlacementHouse(OpenDoors):
    """The doors, and the book behind them, whose nights `made.savings` lives."""

    made: Placements

    async def open(self, number: str = "FD-1", **more: object) -> httpx2.Response:
        """Place a sum at the door."""
        return await self.post("/placements", placement_of(number, **more))

    async def opened(self, number: str = "FD-1", **more: object) -> None:
        """Place a sum, which is accepted."""
        answer = await self.open(number, **more)
        assert answer.status_code == 201, answer.text

    async def placement(self, number: str = "FD-1") -> dict[str, object]:
        """A placement as it stands."""
        answer = await self.get(f"/placements/{number}")
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    async def nights(self, through: date) -> None:
        """Every night up to a date."""
        await self.made.savings.nights(through=through)


def placement_of(number: str = "FD-1", **more: object) -> dict[str, object]:
    """The body of a placement of 10,000,000.00 of the co-op, paid monthly, rolled."""
    ordinary: dict[str, object] = {
        "contract": number,
        "product": "FIX_3M",
        "linked": "SAV-1",
        "amount": TEN_MILLION,
        "paid": "monthly",
        "instruction": "roll_principal",
    }
    return ordinary | more


@asynccontextmanager
async def placement_house(database: Database) -> AsyncIterator[PlacementHouse]:
    """The doors on the book, on 2 February 2026."""
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    app = create_app(database, key_cache_seconds=0)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://cff") as client:
        try:
            yield PlacementHouse(app=app, client=client, database=database, made=made)
        finally:
            await app.state.doors.collector.close()
