"""A payment between two books that follows from its name alone: program and test make the same."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import NAMESPACE_OID, uuid5

from ledger.posting.values import Unit
from tests.builders import journal

BANK, SAV = 1, 2


def halves_of(books: Sequence[int], name: str) -> list[tuple[int, Unit]]:
    """100 satang from a member of the first book to a member of the second, through the banks."""
    journal_id = uuid5(NAMESPACE_OID, f"{list(books)}/{name}")
    pairs = ((SAV, BANK), (BANK, SAV))
    return [
        (book, Unit(operations=(journal(*pair, 100, journal_id=journal_id),), actor="test:clerk"))
        for book, pair in zip(books, pairs, strict=True)
    ]
