"""The published cases, and how an answer is held against one.

Money and rates are compared as exact decimals: within the tolerance of the case, which is mostly
zero. Null means that the figure was not published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tests.house.sources import ROOT

VECTORS = ROOT / "tests" / "vectors"

Case = dict[str, Any]


def published_cases() -> list[Case]:
    """Every case of every file, in the order of the names of the files."""
    found: list[Case] = []
    for path in sorted(VECTORS.glob("*.json")):
        found += json.loads(path.read_text(encoding="utf-8"))["cases"]
    return found


def asked(case: Case) -> Case:
    """What of a published case `cff calc` is handed."""
    return {name: case[name] for name in ("id", "kind", "engine", "inputs") if name in case}


def differences(case: Case, result: Case) -> list[str]:
    """Where a result differs from what was published by more than the tolerance, in words."""
    return [*_compared("", case["expected"], result, Decimal(case["tolerance"]))]


def _compared(path: str, wanted: Any, got: Any, tolerance: Decimal) -> Iterator[str]:
    if wanted is None:
        return
    if isinstance(wanted, dict):
        yield from _objects(path, wanted, got, tolerance)
    elif isinstance(wanted, list):
        yield from _lists(path, wanted, got, tolerance)
    elif isinstance(wanted, str) and _is_decimal(wanted):
        if not isinstance(got, str) or abs(Decimal(got) - Decimal(wanted)) > tolerance:
            yield f"{path}: published {wanted}, ours {got!r}"
    elif got != wanted:
        yield f"{path}: published {wanted!r}, ours {got!r}"


def _objects(path: str, wanted: Case, got: Any, tolerance: Decimal) -> Iterator[str]:
    partial = wanted.get("rows_are_partial", False)
    for name, value in wanted.items():
        if name == "rows_are_partial":
            continue
        if name not in got:
            yield f"{path}.{name}: published, and not in our answer"
        elif name == "rows" and partial:
            ours = {row["n"]: row for row in got["rows"]}
            for row in value:
                yield from _compared(f"row {row['n']}", row, ours.get(row["n"], {}), tolerance)
        else:
            yield from _compared(f"{path}.{name}", value, got[name], tolerance)


def _lists(path: str, wanted: list[Any], got: list[Any], tolerance: Decimal) -> Iterator[str]:
    if len(wanted) != len(got):
        yield f"{path}: {len(wanted)} published, ours are {len(got)}"
    for at, (theirs, ours) in enumerate(zip(wanted, got, strict=False)):
        yield from _compared(f"{path}[{at}]", theirs, ours, tolerance)


def _is_decimal(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()
