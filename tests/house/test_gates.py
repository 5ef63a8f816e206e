"""The gates themselves: the helpers of `.ci/run` and of `make`, and that `make help` names all."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.house.nothing_skipped import complaints
from tests.house.outside_tools import TOOLS, Tool, describe, missing_tools
from tests.house.sources import ROOT

PASSED = "=== 2 passed in 0.10s ==="
TARGETS = ("setup", "demo", "test", "check", "bench", "serve", "verify", "soak", "clean")


def _case(inner: str) -> str:
    case = f'<testcase classname="a" name="b">{inner}</testcase>'
    return f"<testsuites><testsuite>{case}</testsuite></testsuites>"


GREEN = _case("")


def test_a_run_in_which_every_test_passed_is_accepted() -> None:
    assert complaints(GREEN, PASSED) == []
    assert complaints(GREEN, "2 passed in 61.10s (0:01:01)") == []


@pytest.mark.parametrize(
    ("report_xml", "output", "reason"),
    [
        (_case('<skipped message="no hledger"/>'), PASSED, "no hledger"),
        (_case('<skipped type="pytest.xfail" message="later"/>'), PASSED, "later"),
        (_case('<failure message="1 != 2"/>'), PASSED, "1 != 2"),
        (_case('<error message="no server"/>'), PASSED, "no server"),
        ("<testsuites/>", PASSED, "no test ran"),
        (GREEN, "=== 1 passed, 3 deselected in 0.10s ===", "3 deselected"),
        (GREEN, "=== 1 passed, 1 skipped in 0.10s ===", "1 skipped"),
        (GREEN, "=== 1 passed, 1 xpassed in 0.10s ===", "1 xpassed"),
        (GREEN, "1 failed, 1 passed in 0.10s", "1 failed"),
        (GREEN, "Killed", "closing line"),
    ],
)
def test_a_run_that_left_something_out_is_not_accepted(
    report_xml: str, output: str, reason: str
) -> None:
    assert reason in "\n".join(complaints(report_xml, output))


def test_a_missing_tool_is_named_with_the_way_to_get_it() -> None:
    absent = Tool(name="Abacus", purpose="counts", package="abacus", program="no-such-program-here")
    present = Tool(name="Shell", purpose="runs", package="dash", program="sh")
    assert missing_tools([absent, present]) == [absent]
    assert "apt-get install abacus" in describe([absent])
    assert "all there" in describe([])
    assert {tool.package for tool in TOOLS} == {"hledger", "postgresql-15"}


def test_make_help_describes_every_target() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    described = re.findall(r"^  make (\w+) +\S", said.stdout, flags=re.MULTILINE)
    assert set(TARGETS) <= set(described)


def test_the_gate_of_the_clone_can_be_run() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111, "chmod +x .ci/run"
