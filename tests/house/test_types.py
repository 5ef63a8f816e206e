"""Types say what is meant: no `Any` at the doors of the ledger, no error ignored unreasoned."""

from __future__ import annotations

import ast
import io
import re
import tokenize
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

_IGNORE = re.compile(r"#\s*type:\s*ignore")
_REASONED = re.compile(r"#\s*type:\s*ignore\[[a-z0-9, -]+\]\s*[-#]+\s*\w+")


def unreasoned_ignores(source: Source) -> Iterator[Offence]:
    """`type: ignore` without the code of the error or without a reason after it."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type != tokenize.COMMENT or not _IGNORE.search(token.string):
            continue
        if not _REASONED.search(token.string):
            cure = "type: ignore[code] - and the reason why the type checker is wrong here"
            yield Offence(path=source.path, line=token.start[0], what=token.string, cure=cure)


def public_any(source: Source) -> Iterator[Offence]:
    """`Any` in the annotation of a public function, method, field or constant."""
    names = names_of(source)
    for line, name, annotation in _annotations(source.tree.body, ""):
        if any(_is_any(part, names) for part in _whole(annotation)):
            cure = "object, a protocol, or the dataclass that it really is"
            yield Offence(path=source.path, line=line, what=f"Any in {name}", cure=cure)


def _annotations(body: list[ast.stmt], prefix: str) -> Iterator[tuple[int, str, ast.expr]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if _is_public(node.name):
                for annotation in _signature(node):
                    yield node.lineno, prefix + node.name, annotation
        elif isinstance(node, ast.ClassDef) and _is_public(node.name):
            yield from _annotations(node.body, f"{node.name}.")
        elif isinstance(node, ast.AnnAssign):
            name = ast.unparse(node.target)
            if _is_public(name):
                yield node.lineno, prefix + name, node.annotation


def _is_public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    listed = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    for arg in [*listed, node.args.vararg, node.args.kwarg]:
        if arg and arg.annotation:
            yield arg.annotation
    if node.returns:
        yield node.returns


def _whole(annotation: ast.expr) -> Iterator[ast.AST]:
    """Every part of an annotation, those written as text included."""
    for part in ast.walk(annotation):
        yield part
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield from ast.walk(ast.parse(part.value, mode="eval"))


def _is_any(part: ast.AST, names: dict[str, str]) -> bool:
    return isinstance(part, ast.Name | ast.Attribute) and dotted(part, names) == "typing.Any"


def test_every_ignored_type_error_names_its_code_and_its_reason() -> None:
    found = offences_in(unreasoned_ignores, python_sources())
    assert not found, report(found)


def test_no_public_signature_of_the_ledger_says_any() -> None:
    found = offences_in(public_any, python_sources("ledger"))
    assert not found, report(found)


def test_the_rule_finds_an_ignore_without_code_or_reason() -> None:
    mark = "# type" + ": ignore"
    assert found_in(unreasoned_ignores, f"x = 1  {mark}")
    assert found_in(unreasoned_ignores, f"x = 1  {mark}[arg-type]")
    assert not found_in(unreasoned_ignores, f"x = 1  {mark}[arg-type] - the stub is too narrow")
    assert not found_in(unreasoned_ignores, f"x = '{mark}'")


@pytest.mark.parametrize(
    "text",
    [
        "from typing import Any\ndef f(x: Any) -> None: ...",
        "from typing import Any as Whatever\ndef f() -> list[Whatever]: ...",
        "import typing\ndef f(*args: typing.Any) -> None: ...",
        "from typing import Any\nclass A:\n    x: dict[str, Any]",
        "from typing import Any\nclass A:\n    async def f(self, **x: 'list[Any]') -> None: ...",
        "from typing import Any\nRATES: dict[str, Any] = {}",
    ],
)
def test_the_rule_finds_any_in_each_public_place(text: str) -> None:
    assert found_in(public_any, text)


def test_the_rule_leaves_private_names_alone() -> None:
    assert not found_in(public_any, "from typing import Any\ndef _f(x: Any) -> None: ...")
    assert not found_in(public_any, "def f(anything: object) -> None: ...")
