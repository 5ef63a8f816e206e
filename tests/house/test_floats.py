"""No float stands near money; a duration in seconds may be one.

A float is allowed only where it is bound to the name of a duration: a name with one of
`DURATION_WORDS` in it, such as `lock_timeout` or `POLL_INTERVAL_SECONDS`, or the argument of a
function that sleeps or waits. `float()` itself and `int(a / b)`, which goes through a float on its
way to an integer, are never allowed.
"""

from __future__ import annotations

import ast
import re
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

ROOMS = ("ledger", "pricing", "products")
DURATION_WORDS = ("seconds", "timeout", "interval", "delay", "backoff", "elapsed")
WAITING_CALLS = ("sleep", "wait", "wait_for", "timeout")
INTEGER_MAKERS = ("int", "math.floor", "math.ceil", "math.trunc")

_DURATION = re.compile(rf"(^|_)({'|'.join(DURATION_WORDS)})(_|$)", re.IGNORECASE)
_CURE = "int satang, or a ratio of integers settled by ledger.money.round_ratio"


def floats(source: Source) -> Iterator[Offence]:
    """A float literal or annotation that is not a duration, any `float()`, any `int(a / b)`."""
    names = names_of(source)
    allowed = {id(part) for kept in _durations(source.tree) for part in ast.walk(kept)}
    for node in source.nodes:
        what = _float_in(node, names, allowed)
        if what:
            line = getattr(node, "lineno", 1)
            yield Offence(path=source.path, line=line, what=what, cure=_CURE)


def _float_in(node: ast.AST, names: dict[str, str], allowed: set[int]) -> str:
    if isinstance(node, ast.Call):
        called = dotted(node.func, names)
        if called == "float":
            return "float(...)"
        if called in INTEGER_MAKERS and any(_divides(arg) for arg in node.args):
            return f"{called}(a / b), which goes through a float"
    if id(node) in allowed:
        return ""
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        return f"float literal {node.value}"
    if isinstance(node, ast.Name) and node.id == "float":
        return "the type float"
    return ""


def _divides(node: ast.expr) -> bool:
    return any(
        isinstance(part, ast.BinOp) and isinstance(part.op, ast.Div) for part in ast.walk(node)
    )


def _durations(tree: ast.Module) -> Iterator[ast.AST]:
    """The parts of the tree that are bound to the name of a duration."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _durations_of_signature(node)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign) and _is_duration(node.target):
            yield node
        elif isinstance(node, ast.Assign) and all(_is_duration(to) for to in node.targets):
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg and _DURATION.search(node.arg):
            yield node.value
        elif isinstance(node, ast.Call) and _last_name(node.func) in WAITING_CALLS:
            yield from node.args


def _durations_of_signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    if node.returns and _DURATION.search(node.name):
        yield node.returns
    plain = [*node.args.posonlyargs, *node.args.args]
    tail = plain[len(plain) - len(node.args.defaults) :]
    defaults = [*zip(tail, node.args.defaults, strict=True)]
    keywords = [*zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
    for arg in [*plain, *node.args.kwonlyargs]:
        if arg.annotation and _DURATION.search(arg.arg):
            yield arg.annotation
    for arg, default in [*defaults, *keywords]:
        if default and _DURATION.search(arg.arg):
            yield default


def _is_duration(node: ast.expr) -> bool:
    return bool(_DURATION.search(_last_name(node)))


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_no_float_stands_near_money() -> None:
    found = offences_in(floats, python_sources(*ROOMS))
    assert not found, report(found)


@pytest.mark.parametrize(
    "text",
    [
        "rate = 0.0375",
        "x = float('1')",
        "timeout_seconds = float('1')",
        "def pay(amount: float) -> None: ...",
        "def rate() -> float: ...",
        "def pay(amount=1.5): ...",
        "balance: float | None = None",
        "x = int(amount / 3)",
        "import math\nx = math.ceil(amount / 3)",
        "from math import floor\nx = floor(amount / 3)",
        "f(amount=1.5)",
        "rounding = 1.5",
    ],
)
def test_the_rule_finds_a_float_that_could_be_money(text: str) -> None:
    assert found_in(floats, text)


@pytest.mark.parametrize(
    "text",
    [
        "POLL_INTERVAL_SECONDS = 0.05",
        "lock_timeout: float = 1.5",
        "def wait(timeout: float = 2.0, *, retry_delay: float = 0.1) -> None: ...",
        "def elapsed_seconds() -> float: ...",
        "import asyncio\nasyncio.sleep(0.05)",
        "connect(timeout=0.5)",
        "x = amount // 3",
        "path = folder / 'a.sql'",
    ],
)
def test_the_rule_leaves_durations_paths_and_whole_division_alone(text: str) -> None:
    assert not found_in(floats, text)
