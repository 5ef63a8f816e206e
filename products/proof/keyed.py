"""Rows compared by key: each that must be is there and says so, and there is no other one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.proof.report import Difference, compare, differ

Fields = dict[tuple[object, ...], dict[str, object]]
"""By key: the columns of a row by name."""


def compare_rows(check: str, place: str, expected: Fields, found: Fields) -> Iterator[Difference]:
    """Every row that is missing, that differs or that nothing asks for; `place` leads its key."""
    for key in [*expected, *(key for key in found if key not in expected)]:
        where = " ".join(map(str, (place, *key)))
        wanted, there = expected.get(key), found.get(key)
        if wanted is None or there is None:
            told = ("a row", "no row") if there is None else ("no row", "a row")
            yield from differ(check, where, *told)
        else:
            yield from compare(check, where, wanted, there)


def picked(rows: Sequence[Mapping[str, Any]], key: Sequence[str], names: Sequence[str]) -> Fields:
    """Rows as recorded: some of their columns, by key."""
    return {tuple(row[name] for name in key): {name: row[name] for name in names} for row in rows}
