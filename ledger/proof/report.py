"""What a proof answers: counts of what was looked at, and every difference it found.

A difference names the check, the place (table and key), what the proof worked out and what the
database holds. A check that fails everywhere would drown the reader, so the first hundred of each
check are kept and the rest are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

LISTED = 100
"""How many differences of one check are kept word for word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One disagreement: `where` is the table and key, `expected` is what the proof says."""

    check: str
    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The verdict on one book.

    differences: at most `LISTED` of each check, in the order in which they were found.
    totals:      how many each check found, listed or not; a check that found none is not named.
    counts:      what was looked at: rows of each table, the last number, the last batch.
    """

    book_id: int
    differences: tuple[Difference, ...]
    totals: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when nothing at all differed."""
        return not self.totals


@dataclass(slots=True)
class Findings:
    """Collects differences and counts while a proof runs."""

    differences: list[Difference] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, found: Iterable[Difference]) -> None:
        """Keep these: all are counted, the first `LISTED` of each check are kept."""
        for difference in found:
            self.totals[difference.check] += 1
            if self.totals[difference.check] <= LISTED:
                self.differences.append(difference)

    def report(self, book_id: int) -> Report:
        """The verdict so far."""
        return Report(
            book_id=book_id,
            differences=tuple(self.differences),
            totals=dict(self.totals),
            counts=dict(self.counts),
        )


def differ(check: str, where: str, expected: object, found: object) -> list[Difference]:
    """A list with the difference of two values, or an empty one when they are equal."""
    if expected == found:
        return []
    return [Difference(check=check, where=where, expected=str(expected), found=str(found))]


def compare(
    check: str, where: str, expected: dict[str, object], found: dict[str, object]
) -> list[Difference]:
    """One difference naming every field in which the two disagree; empty when they agree."""
    wrong = [name for name in expected if expected[name] != found.get(name)]
    if not wrong:
        return []
    return [
        Difference(
            check=check,
            where=where,
            expected=", ".join(f"{name} {expected[name]}" for name in wrong),
            found=", ".join(f"{name} {found.get(name)}" for name in wrong),
        )
    ]
