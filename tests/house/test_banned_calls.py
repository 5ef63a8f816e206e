"""Calls that hurt a ledger, each with what stands in its place.

The clock is read in one function, or no day can be replayed. A float near money loses a satang
sooner or later. `assert` disappears under `-O`. An exception that is swallowed is a broken
invariant that nobody hears of.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.sources import (
    Offence,
    Source,
    dotted,
    found_in,
    names_of,
    offences_in,
    python_sources,
    report,
)

PRODUCTION = ("ledger", "pricing", "products", "api", "migrations", "examples")
PACKAGES = ("ledger", "pricing", "products", "api")

CLOCK_HOME = "ledger/dates.py"
LOGGING_HOME = "api/logs.py"
"""Where the standard library's loggers of others (server, migrations) are joined to structlog."""

_CLOCK = "take a clock, or ledger.dates.now()"
_CODE = "data is parsed, never run"

BANNED_NAMES = {
    "datetime.datetime.now": _CLOCK,
    "datetime.datetime.utcnow": _CLOCK,
    "datetime.datetime.today": _CLOCK,
    "datetime.date.today": _CLOCK,
    "time.time": f"{_CLOCK}; durations are measured with time.monotonic()",
    "time.time_ns": f"{_CLOCK}; durations are measured with time.monotonic_ns()",
    "time.localtime": _CLOCK,
    "time.gmtime": _CLOCK,
    "round": "ledger.money.round_ratio, which names its rounding mode",
    "eval": _CODE,
    "exec": _CODE,
    "compile": _CODE,
}
"""Whole name -> what stands in its place. Named is enough: `key=date.today` hides a call too."""

BANNED_MODULES = {
    "pickle": "a file format with a parser of its own, such as JSONL",
    "marshal": "a file format with a parser of its own, such as JSONL",
    "shelve": "the database",
    "logging": "structlog",
}


def banned_names(source: Source) -> Iterator[Offence]:
    """A banned function, called or handed on, under whatever name it was imported."""
    names = names_of(source)
    for node in source.nodes:
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        whole = dotted(node, names)
        if whole not in BANNED_NAMES or not isinstance(node.ctx, ast.Load):
            continue
        cure = BANNED_NAMES[whole]
        if not (source.path == CLOCK_HOME and cure.startswith(_CLOCK)):
            yield Offence(path=source.path, line=node.lineno, what=whole, cure=cure)


def banned_modules(source: Source) -> Iterator[Offence]:
    """An import of a module that has no business here."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            top = module.split(".")[0]
            if top in BANNED_MODULES and not (top == "logging" and source.path == LOGGING_HOME):
                cure = BANNED_MODULES[top]
                yield Offence(
                    path=source.path, line=node.lineno, what=f"import {module}", cure=cure
                )


def bare_asserts(source: Source) -> Iterator[Offence]:
    """`assert` outside tests: `python -O` removes it."""
    for node in source.nodes:
        if isinstance(node, ast.Assert):
            cure = "ledger.errors.ensure(condition, what)"
            yield Offence(path=source.path, line=node.lineno, what="assert", cure=cure)


def prints(source: Source) -> Iterator[Offence]:
    """`print` outside the command line: a library does not talk."""
    if source.path.startswith("api/cli/"):
        return
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id == "print":
            cure = "return it, or log it with structlog; api/cli speaks to people"
            yield Offence(path=source.path, line=node.lineno, what="print", cure=cure)


def swallowed_errors(source: Source) -> Iterator[Offence]:
    """An except clause, or `suppress`, that takes every exception and does nothing with it."""
    names = names_of(source)
    cure = "name the exception you expect; let the rest be loud"
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and _takes_all(node) and _does_nothing(node.body):
            yield Offence(path=source.path, line=node.lineno, what="except ...: pass", cure=cure)
        if isinstance(node, ast.Call) and dotted(node.func, names) == "contextlib.suppress":
            wide = [arg for arg in node.args if _is_wide(arg)]
            if wide:
                yield Offence(
                    path=source.path, line=node.lineno, what="suppress(Exception)", cure=cure
                )


def _takes_all(handler: ast.ExceptHandler) -> bool:
    kind = handler.type
    if isinstance(kind, ast.Tuple):
        return any(_is_wide(element) for element in kind.elts)
    return kind is None or _is_wide(kind)


def _is_wide(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"Exception", "BaseException"}


def _does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(node, ast.Pass | ast.Continue)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def test_no_banned_function_is_named_outside_tests() -> None:
    found = offences_in(banned_names, python_sources(*PRODUCTION))
    assert not found, report(found)


def test_no_banned_module_is_imported_outside_tests() -> None:
    found = offences_in(banned_modules, python_sources(*PRODUCTION))
    assert not found, report(found)


def test_no_bare_assert_stands_outside_tests() -> None:
    found = offences_in(bare_asserts, python_sources(*PRODUCTION))
    assert not found, report(found)


def test_only_the_command_line_prints() -> None:
    found = offences_in(prints, python_sources(*PACKAGES, "migrations"))
    assert not found, report(found)


def test_no_error_is_swallowed_anywhere() -> None:
    found = offences_in(swallowed_errors, python_sources())
    assert not found, report(found)


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime\nx = datetime.now()",
        "from datetime import datetime as dt\nx = dt.utcnow()",
        "import datetime\nx = datetime.datetime.today()",
        "import datetime as d\nx = d.date.today()",
        "from datetime import date\nfactory = date.today",
        "import time\nx = time.time()",
        "from time import time as t\nx = t()",
        "x = round(1, 2)",
        "x = eval('1')",
        "exec('x = 1')",
    ],
)
def test_the_rule_finds_a_banned_function_under_any_name(text: str) -> None:
    assert found_in(banned_names, text)


@pytest.mark.parametrize(
    "text",
    [
        "from ledger.dates import now\nx = now()",
        "import time\nx = time.monotonic()",
        "import asyncio\nx = asyncio.create_subprocess_exec('true')",
        "import re\nx = re.compile('a')",
    ],
)
def test_the_rule_leaves_the_replacements_alone(text: str) -> None:
    assert not found_in(banned_names, text)


def test_the_clock_may_be_read_at_its_home_and_nothing_else_is_allowed_there() -> None:
    assert not found_in(banned_names, "from datetime import datetime\ndatetime.now()", CLOCK_HOME)
    assert found_in(banned_names, "round(1)", CLOCK_HOME)


def test_the_other_rules_find_their_planted_offenders() -> None:
    assert found_in(banned_modules, "import pickle")
    assert found_in(banned_modules, "from logging.config import fileConfig")
    assert not found_in(banned_modules, "import logging", LOGGING_HOME)
    assert not found_in(banned_modules, "import structlog")
    assert found_in(bare_asserts, "assert 1 > 0")
    assert found_in(prints, "print('hello')")
    assert not found_in(prints, "print('hello')", "api/cli/demo.py")
    for caught in ("except Exception: pass", "except: pass", "except (OSError, Exception): ..."):
        assert found_in(swallowed_errors, f"try:\n    x = 1\n{caught}")
    assert found_in(swallowed_errors, "import contextlib\nwith contextlib.suppress(Exception): ...")
    assert not found_in(swallowed_errors, "try:\n    x = 1\nexcept OSError: pass")
    assert not found_in(swallowed_errors, "try:\n    x = 1\nexcept Exception: raise")
