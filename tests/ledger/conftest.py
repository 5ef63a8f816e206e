"""One database for the many small tests of the posting path, each on a fresh book of its own.

Cloning a database takes longer than most of these tests; books do not see each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from ledger import embedded
from ledger.db import Pool, open_pool
from tests.clones import cloned
from tests.ledger.play import Table, next_book_id, set_table


@pytest.fixture(scope="session")
async def shared_url(server: embedded.Lease, template: str) -> AsyncIterator[str]:
    """A database that tests share, each with books of its own."""
    async with cloned(server, template) as url:
        yield url


@pytest.fixture(scope="session")
async def shared_pool(shared_url: str) -> AsyncIterator[Pool]:
    """The poster's pool on the shared database."""
    opened = await open_pool(shared_url)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def bare_table(shared_pool: Pool) -> AsyncIterator[Table]:
    """A fresh book with its accounts open, and the oracle beside it; proven at the end."""
    async with shared_pool.acquire() as connection:
        table = await set_table(connection, next_book_id(), Counter())
        yield table
        if table.sound:
            await table.verify()
