"""The two databases of the bulk tests, shared by all of them in a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger import embedded
from tests.ledger.bulk.twins import Twins


@pytest.fixture(scope="session")
def twins(server: embedded.Lease, template: str) -> Iterator[Twins]:
    """Two databases that begin alike."""
    made = Twins(server, template)
    yield made
    made.close()
