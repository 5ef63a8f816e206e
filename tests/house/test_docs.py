"""What is public is explained, and what the documents point at is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.sources import (
    OUR_PACKAGES,
    ROOT,
    Offence,
    Source,
    files,
    found_in,
    offences_in,
    python_sources,
    report,
)

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/architecture.md",
    "docs/accounting.md",
    "docs/invariants.md",
    "docs/refusals.md",
    "docs/glossary.md",
    "docs/operations.md",
)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def undocumented(source: Source) -> Iterator[Offence]:
    """A module, or a public class, function or method, without a docstring."""
    if not ast.get_docstring(source.tree):
        cure = "open the file with the idea of the module, in 3 to 10 lines"
        yield Offence(path=source.path, line=1, what="module without a docstring", cure=cure)
    for name, node in _public(source.tree.body, ""):
        if not ast.get_docstring(node):
            cure = "say what it means, its units, its errors"
            yield Offence(
                path=source.path, line=node.lineno, what=f"{name} without a docstring", cure=cure
            )


def _public(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Definition]]:
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_") and not _repeats(node):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body, f"{node.name}.")


def _repeats(node: Definition) -> bool:
    """True of a definition that another one, documented, already speaks for."""
    marks = {ast.unparse(mark).split("(")[0].split(".")[-1] for mark in node.decorator_list}
    return bool(marks & {"overload", "override", "setter"})


def broken_links(path: str, text: str, known: frozenset[str]) -> Iterator[Offence]:
    """A relative link of a document that leads to no file or directory of the clone."""
    prose = _FENCE.sub(lambda fence: "\n" * fence.group().count("\n"), text)
    for number, line in enumerate(_CODE.sub("", prose).splitlines(), start=1):
        for target in _LINK.findall(line):
            if _ELSEWHERE.match(target) or target.startswith("#"):
                continue
            if _resolve(path, target.split("#")[0]) not in known:
                cure = "name a file of the clone, relative to this document"
                yield Offence(path=path, line=number, what=f"link to {target}", cure=cure)


def _resolve(path: str, target: str) -> str:
    parts = path.split("/")[:-1]
    for step in target.strip("/").split("/"):
        if step == "..":
            # Out of the clone: keep the step, so that the target is known to nobody.
            parts = parts[:-1] if parts else ["outside the clone"]
        elif step not in ("", "."):
            parts.append(step)
    return "/".join(parts)


def _known() -> frozenset[str]:
    """Every file of the clone and every directory that holds one."""
    known = {""}
    for name in files():
        steps = name.split("/")
        known.update("/".join(steps[:count]) for count in range(1, len(steps) + 1))
    return frozenset(known)


def test_every_public_name_is_explained() -> None:
    found = offences_in(undocumented, python_sources(*OUR_PACKAGES))
    assert not found, report(found)


def test_the_documents_that_a_newcomer_needs_exist() -> None:
    missing = [name for name in DOCUMENTS if name not in files()]
    assert not missing, f"write these documents: {missing}"


def test_every_relative_link_of_a_document_leads_somewhere() -> None:
    known = _known()
    found = [
        offence
        for name in files()
        if name.endswith(".md")
        for offence in broken_links(name, (ROOT / name).read_text(encoding="utf-8"), known)
    ]
    assert not found, report(found)


def test_the_rule_finds_each_kind_of_missing_docstring() -> None:
    text = "class A:\n    def b(self): ...\n    def _c(self): ...\ndef d(): ...\ndef _e(): ..."
    said = "\n".join(found_in(undocumented, text))
    assert [word in said for word in ("module", "A ", "A.b ", "d ")] == [True] * 4
    assert "_c" not in said
    assert "_e" not in said
    assert not found_in(undocumented, '"""Idea."""\n\n\ndef f():\n    """What."""')


def test_the_rule_finds_a_broken_link_and_follows_a_good_one() -> None:
    known = frozenset({"", "docs", "docs/a.md", "README.md"})
    planted = "[x](b.md) and [y](../../etc)\n```\n[z](in-code.md)\n```\n[w](../gone.md#here)"
    lines = [offence.line for offence in broken_links("docs/a.md", planted, known)]
    assert lines == [1, 1, 5]
    good = "[x](a.md#part) [y](../README.md) [z](https://example.org) [w](#here) [v](../docs/)"
    assert not [*broken_links("docs/a.md", good, known)]
