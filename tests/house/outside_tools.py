"""The tools that the tests use and that no wheel brings: which are missing, and how to get them.

`python -m tests.house.outside_tools` names what is missing and goes on; with `--required` it fails.
The tests that need a tool ask `missing_tools` too, so that they and this list cannot disagree.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

POSTGRESQL_15_BIN = Path("/usr/lib/postgresql/15/bin")
"""Where Debian keeps the server's programs, which it leaves out of PATH."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program from outside: its name, what it is for, its package, and where it would be."""

    name: str
    purpose: str
    package: str
    program: str

    @property
    def is_missing(self) -> bool:
        """True when the program is not on this machine."""
        return shutil.which(self.program) is None


TOOLS = (
    Tool(
        name="hledger",
        purpose="reads our export and must agree with our balances",
        package="hledger",
        program="hledger",
    ),
    Tool(
        name="PostgreSQL 15",
        purpose="the oldest server we support; the ledger's tests run on it as well",
        package="postgresql-15",
        program=str(POSTGRESQL_15_BIN / "initdb"),
    ),
)


def missing_tools(tools: Sequence[Tool] = TOOLS) -> list[Tool]:
    """Those of `tools` that are not on this machine."""
    return [tool for tool in tools if tool.is_missing]


def need(name: str) -> None:
    """Skip the calling test if the tool is missing; `.ci/run` accepts no skip."""
    for tool in missing_tools():
        if tool.name == name:
            pytest.skip(f"{name} is not on this machine: apt-get install {tool.package}")


def describe(missing: Sequence[Tool]) -> str:
    """What is missing, for what, and the one command that brings it."""
    if not missing:
        return "==> outside tools: all there"
    lines = ["==> outside tools missing; the tests that need them are skipped:"]
    lines += [f"    {tool.name}: {tool.purpose}" for tool in missing]
    packages = " ".join(tool.package for tool in missing)
    return "\n".join([*lines, f"    get them with: apt-get install {packages}"])


def main(arguments: Sequence[str]) -> int:
    """Say what is missing; exit code 1 only with `--required`."""
    missing = missing_tools()
    sys.stdout.write(describe(missing) + "\n")
    return 1 if missing and "--required" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
