"""The loan desk as a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ledger.db import Pool
from tests.products.loans.loan_scene import LoanScene, loan_scene


@pytest.fixture
async def scene(pool: Pool) -> AsyncIterator[LoanScene]:
    """A fresh loan desk on its first business date."""
    async with loan_scene(pool) as made:
        yield made
