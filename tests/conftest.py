"""A real PostgreSQL for every test: one private server, one migrated template, a clone per test.

`CFF_PG_BIN` chooses other binaries (the ledger's tests run on Debian's PostgreSQL 15 too);
`CFF_PROFILE` chooses how much Hypothesis does: quick (default), ci, soak.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from ledger import embedded, schema
from ledger.db import Database, Pool, open_database, open_pool
from tests.faults.striking import kill_lines

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
for _name, _examples, _steps in (("quick", 30, 30), ("ci", 300, 50), ("soak", 3000, 80)):
    settings.register_profile(
        _name,
        max_examples=_examples,
        stateful_step_count=_steps,
        deadline=None,
        suppress_health_check=_SLOW_IS_FINE,
        print_blob=True,
    )
settings.load_profile(os.environ.get("CFF_PROFILE", "quick"))

# Nights that tests run through the doors make their seal key here, not in somebody's home.
_KEYS = tempfile.TemporaryDirectory(prefix="cff-test-key-")
os.environ.setdefault("CFF_SEAL_KEY_FILE", str(Path(_KEYS.name) / "seal-key.pem"))

# Tests throw their data away; those that kill servers have servers of their own, with fsync on.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.Lease]:
    """A private server of this test run, gone with it."""
    home = Path(tempfile.mkdtemp(prefix="cff-test-", dir="/tmp"))
    home.chmod(0o711)
    try:
        with embedded.lease(home / "pg", settings=FAST) as lease:
            yield lease
    finally:
        embedded.stop(home / "pg")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: embedded.Lease) -> str:
    """A migrated, empty database to clone."""
    asyncio.run(_make_template(server))
    return "cff_template"


async def _make_template(server: embedded.Lease) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute("CREATE DATABASE cff_template")
    await connection.close()
    await schema.migrate(server.dsn("cff_template"))


@pytest.fixture
async def database_url(server: embedded.Lease, template: str) -> AsyncIterator[str]:
    """A fresh migrated database."""
    name = f"t_{uuid4().hex}"
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.dsn(name)
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Both pools on a fresh database."""
    opened = await open_database(database_url)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """The poster's pool on a fresh database."""
    opened = await open_pool(database_url)
    try:
        yield opened
    finally:
        await opened.close()


LONGEST = (
    "tests/ledger/test_stateful.py",
    "tests/ledger/test_planted_bugs.py",
    "tests/ledger/test_periods_stateful.py",
    "tests/faults/",
)
"""What takes longest begins first, so that one worker is not left alone with it at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the rest keeps its order."""

    def place(item: pytest.Item) -> int:
        for number, path in enumerate(LONGEST):
            if item.nodeid.startswith(path):
                return number
        return len(LONGEST)

    items.sort(key=place)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests want to be known: how much they tried, whom they killed and when."""
    # The report of a teardown is the last of its test and has all its properties.
    reports = [r for r in terminalreporter.getreports("") if r.when == "teardown"]
    properties = [pair for report in reports for pair in report.user_properties]
    told = [str(value) for name, value in properties if name == "told"]
    kills = [value for name, value in properties if name == "kills"]
    if kills:
        told += kill_lines(kills)
    if told:
        terminalreporter.section("what was tried")
        for line in told:
            terminalreporter.write_line(line)
