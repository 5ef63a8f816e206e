"""The payments desk as a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger.db import Pool
from tests.products.payments.payments_scene import Scene, payments_scene


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    """A fresh desk on its first business date."""
    async with payments_scene(pool, tmp_path) as made:
        yield made
