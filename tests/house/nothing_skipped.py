"""Reads what pytest left behind and fails unless every test ran and passed.

`python -m tests.house.nothing_skipped REPORT.xml OUTPUT.txt`: the JUnit report counts what was
skipped or expected to fail; tests that were deselected appear only in pytest's closing line, so
the output is read too. A green run of nothing is a failure.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from defusedxml import ElementTree

_CLOSING = re.compile(r"^=* ?(?=\d+ (?:passed|failed|skipped|error|deselected)).* in [\d.]+s.*$")
_COUNT = re.compile(r"(\d+) (skipped|deselected|xfailed|xpassed|failed|errors?)\b")


def complaints(report_xml: str, output: str) -> list[str]:
    """Why this run does not count; empty when every test ran and passed."""
    return [*_complaints_of_report(report_xml), *_complaints_of_output(output)]


def _complaints_of_report(report_xml: str) -> Iterator[str]:
    cases = [*ElementTree.fromstring(report_xml).iter("testcase")]
    if not cases:
        yield "no test ran"
    for case in cases:
        for kind in ("skipped", "failure", "error"):
            for mark in case.iter(kind):
                name = f"{case.get('classname')}::{case.get('name')}"
                yield f"{kind}: {name}: {mark.get('message', '')}"


def _complaints_of_output(output: str) -> Iterator[str]:
    closing = [line for line in output.splitlines() if _CLOSING.match(line)]
    if not closing:
        yield "pytest's closing line is missing: it did not finish"
    for line in closing:
        for count, kind in _COUNT.findall(line):
            yield f"{count} {kind}"


def main(arguments: Sequence[str]) -> int:
    """Exit code 1, with the reasons, unless every test ran and passed; 2 without two files."""
    if len(arguments) != 2:
        sys.stderr.write("usage: nothing_skipped REPORT.xml OUTPUT.txt\n")
        return 2
    report_xml, output = (Path(name).read_text(encoding="utf-8") for name in arguments)
    found = complaints(report_xml, output)
    for complaint in found:
        sys.stderr.write(f"not accepted: {complaint}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
