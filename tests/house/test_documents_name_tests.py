"""Documents that say "this is tested" name the test; each name must be a test that exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.sources import ROOT

NAME = re.compile(r"`(test_[a-z0-9_]+)`")


def _test_names() -> set[str]:
    names: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
        names.add(path.stem)
    return names


@pytest.mark.parametrize("document", ["accounting.md", "invariants.md"])
def test_every_test_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    named = NAME.findall(text)
    assert named, f"docs/{document} names no test"
    missing = sorted(set(named) - _test_names())
    assert not missing, f"docs/{document} names tests that do not exist: {', '.join(missing)}"


def test_every_row_of_the_accounting_document_names_its_test() -> None:
    text = (ROOT / "docs" / "accounting.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    bare = [row for row in rows if not row.startswith("| event") and not NAME.search(row)]
    assert rows
    assert not bare, f"rows of docs/accounting.md without a test: {bare}"
