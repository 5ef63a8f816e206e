"""The proof's own bytes of a journal and the posting path's: the same, in every version."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ledger import embedded
from ledger.digest import VERSIONS, journal_bytes
from ledger.evidence.reading import journals_between
from ledger.proof import chain
from ledger.proof.rows import read_slice
from tests.ledger.damage_book import BOOK, whole_book


@pytest.fixture(scope="module")
async def book(
    server: embedded.Lease, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[asyncpg.Connection]:
    """A book with journals of every kind: forced, reversing, adjusting, capturing."""
    async with whole_book(server, template, tmp_path_factory.mktemp("key")) as connection:
        yield connection


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_journal_has_the_same_bytes_on_both_sides(
    book: asyncpg.Connection, version: int
) -> None:
    head = await book.fetchrow("SELECT * FROM ledger.book_head WHERE book_id = $1", BOOK)
    assert head is not None
    until = (head["batch_no"], head["recorded_seq"])
    piece = await read_slice(book, BOOK, after=(0, 0), until=until)
    mine = dict(chain.journals(piece, 0, len(piece.lines), version).items())
    theirs = {
        journal.recorded_seq: journal_bytes(journal, version)
        async for journal, _ in journals_between(book, BOOK, 0, until[1])
    }
    assert len(mine) > 20
    assert mine == theirs
