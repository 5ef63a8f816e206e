"""The model behind `cff verify` is independent, and tests try the real thing.

A proof that shares arithmetic with what it proves repeats its mistakes. `ledger/proof` and
`products/proof.py` have their own bytes, rounding, day counts and allocation, written from docs/;
of our packages they may import each other and the reading of rows, nothing else. import-linter
forbids the rooms it is told of; this list allows, so a new room is closed to them from its first
day. A test that replaces a piece of ours tests the replacement: only planted bugs may do so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.sources import (
    OUR_PACKAGES,
    Offence,
    Source,
    dotted,
    found_in,
    imports,
    names_of,
    offences_in,
    python_sources,
    report,
)

PROOF_ROOMS = ("ledger/proof/", "products/proof/")
PROOF_MAY_IMPORT = ("ledger.proof", "products.proof", "ledger.db")
MOCKING_MODULES = ("unittest.mock", "mock", "pytest_mock")


def borrowed_by_proof(source: Source) -> Iterator[Offence]:
    """An import of the independent model that reaches into what it proves."""
    if not source.path.startswith(PROOF_ROOMS):
        return
    for line, _, whole in imports(source):
        if whole.split(".")[0] not in OUR_PACKAGES or whole in OUR_PACKAGES:
            continue
        if not any(f"{whole}.".startswith(f"{room}.") for room in PROOF_MAY_IMPORT):
            cure = "write it again from docs/: the model shares nothing but the reading of rows"
            yield Offence(path=source.path, line=line, what=f"import of {whole}", cure=cure)


def replaced_pieces(source: Source) -> Iterator[Offence]:
    """A mock, or a `monkeypatch.setattr` on one of our packages, outside a planted bug."""
    if "planted" in source.path.rpartition("/")[2]:
        return
    cure = "call the real thing; a bug planted on purpose lives in a file named *planted*"
    for line, _, whole in imports(source):
        if any(f"{whole}.".startswith(f"{module}.") for module in MOCKING_MODULES):
            yield Offence(path=source.path, line=line, what=f"import of {whole}", cure=cure)
    names = names_of(source)
    for node in source.nodes:
        if isinstance(node, ast.Call) and node.args and _patches(node.func):
            target = _target(node.args[0], names)
            if target.split(".")[0] in OUR_PACKAGES:
                yield Offence(
                    path=source.path, line=node.lineno, what=f"{target} replaced", cure=cure
                )


def _patches(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and called.attr in {"setattr", "delattr"}


def _target(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return dotted(node, names) or ""


def test_the_independent_model_borrows_nothing_from_what_it_proves() -> None:
    found = offences_in(borrowed_by_proof, python_sources("ledger", "products"))
    assert not found, report(found)


def test_no_test_replaces_a_piece_of_ours() -> None:
    found = offences_in(replaced_pieces, python_sources("tests"))
    assert not found, report(found)


def test_the_rule_finds_what_a_proof_borrows() -> None:
    home = "ledger/proof/model.py"
    for borrowed in ("from ledger.money import round_ratio", "from ledger import money"):
        assert found_in(borrowed_by_proof, borrowed, home)
    assert found_in(borrowed_by_proof, "from ..posting import judge", home)
    assert found_in(borrowed_by_proof, "import products.interest", "products/proof/life.py")
    for allowed in ("from ledger.db import x", "from . import rows", "import ledger.proof.rows"):
        assert not found_in(borrowed_by_proof, allowed, home)
    assert not found_in(borrowed_by_proof, "from ledger import money", "ledger/books.py")


def test_the_rule_finds_a_piece_that_a_test_replaces() -> None:
    path = "tests/ledger/test_x.py"
    planted = (
        "from unittest import mock",
        "from unittest.mock import patch",
        "def test_x(monkeypatch): monkeypatch.setattr('ledger.money.round_ratio', None)",
        "from ledger import money\ndef test_x(m): m.setattr(money, 'round_ratio', None)",
    )
    for text in planted:
        assert found_in(replaced_pieces, text, path)
        assert not found_in(replaced_pieces, text, "tests/ledger/test_planted_bugs.py")
    assert not found_in(replaced_pieces, "def test_x(m): m.setattr('os.environ', {})", path)
