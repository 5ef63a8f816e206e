"""The doors as a fixture: the real application on a real database, spoken to in process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from api.app import create_app
from ledger import embedded
from ledger.db import Database
from tests.api.house import House
from tests.clones import cloned
from tests.products.payments.payments_scene import at_desk


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """The doors on a fresh payments desk; a revoked key stops at once."""
    async with at_desk(database.poster, tmp_path) as desk:
        app = create_app(database, desk.collector, key_cache_seconds=0)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://cff") as client:
            yield House(app=app, client=client, database=database, desk=desk)


@pytest.fixture
async def database_url(
    request: pytest.FixtureRequest, server: embedded.Lease, template: str, desk_template: str
) -> AsyncIterator[str]:
    """A fresh database: furnished for the doors of a `house`, else empty."""
    with_desk = "house" in request.fixturenames
    async with cloned(server, desk_template if with_desk else template) as url:
        yield url
