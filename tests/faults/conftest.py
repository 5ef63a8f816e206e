"""The durable server of the fault tests, and the count of kills at the end of the run."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import embedded
from tests.faults.durable import SETTINGS, Durable
from tests.faults.striking import Tally

_TALLY = pytest.StashKey[Tally]()


@pytest.fixture(scope="session")
def durable() -> Iterator[Durable]:
    """A server with fsync on, to be killed; gone with the run."""
    home = Path(tempfile.mkdtemp(prefix="cff-fault-", dir="/tmp"))
    home.chmod(0o711)
    try:
        with embedded.lease(home / "pg", settings=SETTINGS) as lease:
            server = Durable(lease)
            asyncio.run(server.make_template())
            yield server
    finally:
        embedded.stop(home / "pg")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """Where every kill of the run is counted."""
    return pytestconfig.stash.setdefault(_TALLY, Tally())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the kills by path and moment."""
    counted = config.stash.get(_TALLY, None)
    if counted is not None and counted.kills:
        terminalreporter.section("kill -9 by path and moment of a commit")
        for line in counted.lines():
            terminalreporter.write_line(line)
