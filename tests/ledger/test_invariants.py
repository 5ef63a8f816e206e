"""docs/invariants.md keeps its word: each invariant has its four legs, and each leg exists.

That the tests it names exist is checked by the house rules for documents.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.ledger import test_planted_bugs, test_planted_evidence, test_planted_readings
from tests.ledger.bulk import test_bulk_planted_bugs
from tests.products import test_planted_cutover, test_planted_placements
from tests.products.loans import test_planted_requests

ROOT = Path(__file__).parents[2]
BUGS = {
    *map(str, test_planted_bugs.BUGS),
    *map(str, test_planted_bugs.LATER_BUGS),
    *map(str, test_planted_bugs.CROSS_BOOK_BUGS),
    *map(str, test_planted_readings.BUGS),
    *(plant.__name__.strip("_") for plant in test_planted_readings.PROOF_BUGS.values()),
    *(plant.__name__.strip("_") for plant in test_planted_evidence.BUGS),
    *(plant.__name__.strip("_") for plant in test_planted_cutover.BUGS),
    *(plant.__name__.strip("_") for plant in test_planted_placements.BUGS),
    *(plant.__name__.strip("_") for plant in test_planted_requests.BUGS),
    *map(str, test_bulk_planted_bugs.BUGS),
}
LEGS = ("database", "verify", "property", "planted")


def _invariants() -> dict[str, dict[str, list[str]]]:
    text = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
    found: dict[str, dict[str, list[str]]] = {}
    for block in text.split("\n## ")[1:]:
        legs = re.findall(r"^- (\w+): (.+)$", block, re.MULTILINE)
        found[block.splitlines()[0]] = {
            leg: re.findall(r"`([a-z0-9_]+)`", names) for leg, names in legs
        }
    return found


def _text(pattern: str) -> str:
    paths = sorted(ROOT.glob(pattern))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _named(leg: str) -> set[str]:
    return {name for legs in _invariants().values() for name in legs[leg]}


def test_every_invariant_stands_on_four_legs_and_is_numbered_in_order() -> None:
    invariants = _invariants()
    assert [title.split(".")[0] for title in invariants] == [
        str(number) for number in range(1, len(invariants) + 1)
    ]
    for title, legs in invariants.items():
        assert tuple(legs) == LEGS, title
        assert all(legs.values()), title


def test_every_constraint_and_every_check_that_it_names_exists() -> None:
    schema = _text("migrations/versions/*.sql")
    proof = _text("ledger/proof/*.py") + _text("products/proof/*.py")
    assert [name for name in sorted(_named("database")) if name not in schema] == []
    assert [name for name in sorted(_named("verify")) if f"def {name}(" not in proof] == []


def test_every_planted_bug_belongs_to_an_invariant_and_is_there() -> None:
    assert _named("planted") == BUGS
