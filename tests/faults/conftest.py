"""The durable server of the fault tests, and the kills that each test tells of."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from ledger import embedded
from tests.faults.durable import SETTINGS, Durable
from tests.faults.striking import Tally
from tests.homes import place


@pytest.fixture(scope="session")
def durable() -> Iterator[Durable]:
    """A server with fsync on, to be killed; gone with the run."""
    with place("cff-fault-") as home, embedded.lease(home / "pg", settings=SETTINGS) as lease:
        server = Durable(lease)
        asyncio.run(server.make_template())
        yield server


@pytest.fixture(scope="session")
def tally() -> Tally:
    """Where every kill of this process is counted."""
    return Tally()


@pytest.fixture(autouse=True)
def told_kills(tally: Tally, record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Hand the kills of each test to the summary at the end, from whatever process it ran in."""
    kills, recorded = Counter(tally.kills), Counter(tally.recorded)
    yield
    for (struck, moment), count in (tally.kills - kills).items():
        kept = (tally.recorded - recorded)[struck, moment]
        record_property("kills", [struck.name, moment.name, count, kept])
