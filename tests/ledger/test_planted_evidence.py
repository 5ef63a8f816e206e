"""Bugs planted in the making of seals: each gives seals that the independent reader refuses.

The reader (`ledger.proof`) was written from docs/evidence.md; a maker that departs from it
anywhere makes seals that do not follow from the book's rows, or that do not hold by themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ledger.db import Pool
from ledger.evidence import canonical, merkle, reading, seals
from ledger.evidence.canonical import SealContent
from ledger.posting.records import JournalRecord
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


def _a_leaf_may_pass_for_a_node(patch: Patch) -> None:
    patch.setattr(merkle, "leaf_hash", lambda data: hashlib.sha256(data).digest())


def _branches_change_sides(patch: Patch) -> None:
    right = merkle.node_hash
    patch.setattr(merkle, "node_hash", lambda left, other: right(other, left))


def _narratives_are_not_sealed(patch: Patch) -> None:
    right = canonical.leaf_data
    patch.setattr(
        canonical,
        "leaf_data",
        lambda journal, version: right(replace(journal, narrative=""), version),
    )


def _back_dated_journals_are_under_no_seal(patch: Patch) -> None:
    right = reading.journals_between

    async def without(
        source: Pool, book_id: int, after: int, until: int
    ) -> AsyncIterator[tuple[JournalRecord, int]]:
        async for journal, version in right(source, book_id, after, until):
            if journal.value_date == journal.business_date:
                yield journal, version

    patch.setattr(seals, "journals_between", without)


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
