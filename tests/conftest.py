"""A real PostgreSQL for every test: one private server, one migrated template, a clone per test.

`CFF_PG_BIN` chooses other binaries (the ledger's tests run on Debian's PostgreSQL 15 too);
`tests.how_much` says how much they try.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from ledger import embedded, schema
from ledger.db import Database, Pool, open_database, open_pool
from tests.clones import cloned, make_template
from tests.faults.striking import kill_lines
from tests.homes import place
from tests.how_much import load_profile
from tests.products.payments.payments_scene import furnish

load_profile()

# What a test makes fail is logged with its traceback; the default draws it in colours, with the
# source around every line, which takes two seconds each.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
)

# Nights that tests run through the doors make their seal key here, not in somebody's home.
_KEYS = tempfile.TemporaryDirectory(prefix="cff-test-key-")
os.environ.setdefault("CFF_SEAL_KEY_FILE", str(Path(_KEYS.name) / "seal-key.pem"))

# Tests throw their data away; those that kill servers have servers of their own, with fsync on.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
    # Debian's servers compile the plans of our small books for longer than they then run.
    "jit": "off",
}


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.Lease]:
    """A private server of this test run, gone with it."""
    with place("cff-test-") as home, embedded.lease(home / "pg", settings=FAST) as lease:
        yield lease


@pytest.fixture(scope="session")
def template(server: embedded.Lease) -> str:
    """A migrated, empty database to clone."""
    asyncio.run(_make_template(server))
    return "cff_template"


async def _make_template(server: embedded.Lease) -> None:
    await schema.migrate(await make_template(server, "cff_template"))


@pytest.fixture(scope="session")
def desk_template(server: embedded.Lease, template: str) -> str:
    """A payments desk to clone."""
    asyncio.run(_make_desk(server, template))
    return "cff_desk_template"


async def _make_desk(server: embedded.Lease, template: str) -> None:
    pool = await open_pool(await make_template(server, "cff_desk_template", template))
    await furnish(pool)
    await pool.close()


@pytest.fixture
async def database_url(server: embedded.Lease, template: str) -> AsyncIterator[str]:
    """A fresh migrated database."""
    async with cloned(server, template) as url:
        yield url


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
    "tests/api/test_command_line.py",
    "tests/api/test_schemathesis.py",
    "tests/faults/",
    "tests/ledger/test_embedded.py",
    "tests/ledger/test_periods_stateful.py",
    "tests/ledger/test_marks.py",
    "tests/ledger/test_damage_matrix.py",
    "tests/products/test_special_savings.py",
    "tests/products/test_night_",
)
"""What takes longest begins first, so that one worker is not left alone with it at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the rest keeps its order."""

    def turn(item: pytest.Item) -> int:
        for number, path in enumerate(LONGEST):
            if item.nodeid.startswith(path):
                return number
        return len(LONGEST)

    items.sort(key=turn)


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
