"""What the house rules read: the files of the clone, their syntax trees, and names made whole.

The files are those that git tracks or would take (`--others --exclude-standard`), so a rule holds
in the work tree before the commit and in a fresh clone after it.
"""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUR_PACKAGES = ("ledger", "pricing", "products", "api")
"""The four packages of the arrow, from the floor up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offence:
    """One place where a rule is broken: the line, what stands there, and what to write instead."""

    path: str
    line: int
    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what} -> {self.cure}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A Python file: its path relative to the clone, and its text."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The syntax tree; a file that Python cannot read raises `SyntaxError` here."""
        return _parse(self.path, self.text)

    @property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree, walked once for all rules."""
        return _walk(self.path, self.text)

    @property
    def module(self) -> str:
        """The dotted name; a package is named by its `__init__.py`."""
        parts = self.path.removesuffix(".py").split("/")
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """The dotted name that a relative import starts from."""
        parts = self.path.split("/")
        return ".".join(parts[:-1])


Rule = Callable[[Source], Iterable[Offence]]


@functools.cache
def _parse(path: str, text: str) -> ast.Module:
    return ast.parse(text, filename=path)


@functools.cache
def _walk(path: str, text: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_parse(path, text)))


@functools.cache
def files() -> tuple[str, ...]:
    """Every file of the clone that git tracks or would take, relative to its root, sorted."""
    # The clone may belong to another user (a container, a checkout by root): we only list names.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"]
    listing = subprocess.run(
        [*command, "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    names = {name for name in listing.stdout.decode().split("\0") if name}
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


@functools.cache
def python_sources(*rooms: str) -> tuple[Source, ...]:
    """The Python files under the named rooms ("ledger", "api/cli"), or all of them."""
    wanted = tuple(f"{room}/" for room in rooms)
    return tuple(
        Source(path=name, text=(ROOT / name).read_text(encoding="utf-8"))
        for name in files()
        if name.endswith(".py") and (not rooms or name.startswith(wanted))
    )


def offences_in(rule: Rule, sources: Iterable[Source]) -> list[Offence]:
    """What `rule` finds in all `sources`, in the order of the files."""
    return [offence for source in sources for offence in rule(source)]


def found_in(rule: Rule, text: str, path: str = "ledger/planted.py") -> list[str]:
    """What `rule` says of a planted text standing at `path`: for the rule's own test."""
    return [str(offence) for offence in rule(Source(path=path, text=text))]


def report(offences: Iterable[Offence]) -> str:
    """The message of a failing rule: one offence a line, each with its cure."""
    return "\n" + "\n".join(str(offence) for offence in offences)


@functools.cache
def imports(source: Source) -> tuple[tuple[int, str, str], ...]:
    """Each import as (line, local name, dotted name), relative ones made absolute."""
    return tuple(_imports(source))


def _imports(source: Source) -> Iterator[tuple[int, str, str]]:
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.split(".")[0]
                yield node.lineno, alias.asname or whole, alias.name if alias.asname else whole
                if not alias.asname and "." in alias.name:
                    yield node.lineno, alias.name, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = _base_of(node, source)
            for alias in node.names:
                yield node.lineno, alias.asname or alias.name, f"{base}.{alias.name}"


def _base_of(node: ast.ImportFrom, source: Source) -> str:
    if node.level == 0:
        return node.module or ""
    parts = source.package.split(".")
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """The whole name of `a.b.c` with the local name of an import replaced by what it stands for."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = dotted(node.value, names)
        return f"{base}.{node.attr}" if base else None
    return None


def names_of(source: Source) -> dict[str, str]:
    """Local name -> dotted name, for every import in the file."""
    return {local: whole for _, local, whole in imports(source)}
