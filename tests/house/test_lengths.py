"""Lengths: a module is read in a sitting, a function on a screen.

The aim is 100 to 300 lines and 25 lines; the walls stand at 500 and 60. A flat list of guards reads
like a prospectus and may be longer: it is then named in `FLAT_GUARD_LISTS`, with its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.sources import Offence, Source, found_in, offences_in, python_sources, report

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60

FLAT_GUARD_LISTS: dict[str, str] = {}
"""Path::function -> why it is a flat list that would be harder to read in pieces."""


def long_modules(source: Source) -> Iterator[Offence]:
    """A module over the wall."""
    lines = source.text.count("\n")
    if lines > MODULE_LINES_MAX:
        yield Offence(
            path=source.path,
            line=lines,
            what=f"{lines} lines in a module",
            cure=f"split it by what it speaks of; the wall is {MODULE_LINES_MAX}",
        )


def long_functions(source: Source) -> Iterator[Offence]:
    """A function over the wall, from its `def` to its last line."""
    for node in source.nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX and f"{source.path}::{node.name}" not in FLAT_GUARD_LISTS:
            yield Offence(
                path=source.path,
                line=node.lineno,
                what=f"{lines} lines in {node.name}()",
                cure=f"give its paragraphs names of their own; the wall is {FUNCTION_LINES_MAX}",
            )


def test_no_module_is_longer_than_the_wall() -> None:
    found = offences_in(long_modules, python_sources())
    assert not found, report(found)


def test_no_function_is_longer_than_the_wall() -> None:
    found = offences_in(long_functions, python_sources())
    assert not found, report(found)


def test_every_exempt_function_still_exists_and_is_still_long() -> None:
    lengths = {
        f"{source.path}::{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for source in python_sources()
        for node in source.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    idle = [name for name in FLAT_GUARD_LISTS if lengths.get(name, 0) <= FUNCTION_LINES_MAX]
    assert not idle, f"take these out of FLAT_GUARD_LISTS, they need no exemption: {idle}"


def test_the_rules_find_what_is_one_line_too_long_and_nothing_shorter() -> None:
    assert found_in(long_modules, "x = 1\n" * (MODULE_LINES_MAX + 1))
    assert not found_in(long_modules, "x = 1\n" * MODULE_LINES_MAX)
    assert found_in(long_functions, "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX)
    assert found_in(long_functions, "async def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX)
    assert not found_in(long_functions, "def f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1))
