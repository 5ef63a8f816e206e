"""The payments desk as a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger import embedded
from ledger.db import open_pool
from tests.clones import cloned
from tests.products.payments.payments_scene import Scene, at_desk


@pytest.fixture
async def database_url(server: embedded.Lease, desk_template: str) -> AsyncIterator[str]:
    """A database with the desk as it opens."""
    async with cloned(server, desk_template) as url:
        yield url


@pytest.fixture
async def scene(database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """A fresh desk on its first business date."""
    pool = await open_pool(database_url)
    async with at_desk(pool, tmp_path) as made:
        yield made
    await pool.close()
