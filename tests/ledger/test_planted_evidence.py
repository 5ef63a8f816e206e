"""Bugs planted in the making of seals: each gives seals that the independent reader refuses.

The reader (`ledger.proof`) was written from docs/evidence.md; a maker that departs from it
anywhere makes seals that do not follow from the book's rows, or that do not hold by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ledger.db import Pool
from ledger.evidence import canonical, merkle, reading
from ledger.evidence.canonical import SealContent
from ledger.proof.against import verify_against
from ledger.proof.seal_file import check_seals, read_seal_file
from tests.ledger.sealed_book import SealedBook, open_sealed_book

Patch = pytest.MonkeyPatch


async def faults(book: SealedBook) -> list[str]:
    """Two sealed days, and everything that is wrong with their seals."""
    await book.deposit(25_000, text="ใบฝาก 12")
    await book.close()
    await book.deposit(300, value_date=date(2026, 6, 1))
    await book.close()
    kept = read_seal_file(await book.seal_file())
    found = [str(each) for each in check_seals(kept.seals, kept.keys)]
    async with book.pool.acquire() as connection:
        report = await verify_against(connection, book.book_id, kept.seals)
    return found + [str(each) for each in report.differences]


def _sealed_instead(patch: Patch, right: str, wrong: str) -> None:
    question = reading.SQL["journal_rows"]
    assert right in question
    patch.setitem(reading.SQL, "journal_rows", question.replace(right, wrong))


def _a_leaf_may_pass_for_a_node(patch: Patch) -> None:
    patch.setattr(merkle, "LEAF", merkle.NODE)


def _branches_change_sides(patch: Patch) -> None:
    right = merkle._level_above

    def level_above(level: list[bytes]) -> list[bytes]:
        return right([each for at in range(0, len(level), 2) for each in level[at : at + 2][::-1]])

    patch.setattr(merkle, "_level_above", level_above)


def _narratives_are_not_sealed(patch: Patch) -> None:
    _sealed_instead(patch, "t.narrative", "''")


def _back_dated_journals_are_under_no_seal(patch: Patch) -> None:
    _sealed_instead(patch, "ORDER BY", "AND t.value_date = t.business_date ORDER BY")


def _the_trial_balance_forgets_when_it_was_known(patch: Patch) -> None:
    right = canonical.trial_balance_bytes
    patch.setattr(
        canonical,
        "trial_balance_bytes",
        lambda book_id, on, known_at, totals: right(book_id, on, 0, totals),
    )


def _the_signature_does_not_cover_the_seal_before(patch: Patch) -> None:
    right = canonical.seal_bytes

    def bytes_of(content: SealContent) -> bytes:
        return right(replace(content, previous=canonical.GENESIS))

    patch.setattr(canonical, "seal_bytes", bytes_of)


BUGS: tuple[Callable[[Patch], None], ...] = (
    _a_leaf_may_pass_for_a_node,
    _branches_change_sides,
    _narratives_are_not_sealed,
    _back_dated_journals_are_under_no_seal,
    _the_trial_balance_forgets_when_it_was_known,
    _the_signature_does_not_cover_the_seal_before,
)


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__.strip("_"))
async def test_seals_made_with_a_planted_bug_are_refused(
    pool: Pool, tmp_path: Path, monkeypatch: Patch, plant: Callable[[Patch], None]
) -> None:
    book = await open_sealed_book(pool, tmp_path)
    plant(monkeypatch)
    assert await faults(book)


async def test_seals_made_without_one_are_not(pool: Pool, tmp_path: Path) -> None:
    assert await faults(await open_sealed_book(pool, tmp_path)) == []
