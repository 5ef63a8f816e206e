"""A proof that was killed goes on where it stood; a proof of the tail begins after a seal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from ledger import embedded
from ledger.proof.book import Book
from ledger.proof.run import Run
from ledger.proof.sealed import Unreadable
from ledger.proof.verify import verify_ledger
from tests.ledger.damage_book import BOOK, FIRST, SISTER, whole_book

STANDS = "what was proven before still stands"
BEGINS = "the seal to begin after stands"


@pytest.fixture(scope="module")
async def book(
    server: embedded.Lease, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[asyncpg.Connection]:
    """A book in which everything has happened."""
    async with whole_book(server, template, tmp_path_factory.mktemp("key")) as connection:
        yield connection


async def killed_after(book: asyncpg.Connection, batch_no: int, path: Path) -> None:
    """A run that came as far as a batch and left its checkpoint."""
    last_seq = await book.fetchval(
        "SELECT last_seq FROM ledger.batch WHERE book_id = $1 AND batch_no = $2", BOOK, batch_no
    )
    run = Run(book, BOOK, Book(FIRST, 1))
    await run.seals.begin(book)
    await run.advance(batch_no, last_seq)
    run.keep(path)


async def test_a_run_killed_after_any_batch_goes_on_and_says_the_same(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    whole = await verify_ledger(book, BOOK)
    assert whole.ok, "\n".join(map(str, whole.differences))
    path = tmp_path / "proof"
    for batch_no in range(1, whole.counts["batches"] + 1):
        await killed_after(book, batch_no, path)
        resumed = await verify_ledger(book, BOOK, kept=path)
        assert resumed == whole, f"after batch {batch_no}"
        assert not path.exists()


async def test_what_a_killed_run_had_found_is_still_found(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "proof"
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("SET LOCAL session_replication_role = replica")
        await book.execute("UPDATE ledger.movement SET debits = debits + 1 WHERE batch_no = 3")
        await killed_after(book, 9, path)
    finally:
        await transaction.rollback()
    report = await verify_ledger(book, BOOK, kept=path)
    assert report.totals["movements are the transfers"] > 0


async def test_a_checkpoint_that_was_touched_or_is_another_book_s_is_refused(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "proof"
    await killed_after(book, 5, path)
    with pytest.raises(Unreadable, match="another book"):
        await verify_ledger(book, SISTER, kept=path)
    text = path.read_text()
    for wrong in (text.replace('"seq",', '"sex",', 1), text[:-40], "", "{}", text[1:]):
        path.write_text(wrong)
        with pytest.raises(Unreadable):
            await verify_ledger(book, BOOK, kept=path)


async def test_a_record_that_was_changed_after_the_checkpoint_is_named(
    book: asyncpg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "proof"
    await killed_after(book, 5, path)
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("SET LOCAL session_replication_role = replica")
        await book.execute("UPDATE ledger.batch SET digest = sha256('x') WHERE batch_no = 5")
        report = await verify_ledger(book, BOOK, kept=path)
    finally:
        await transaction.rollback()
    assert [d.where for d in report.differences if d.check == STANDS] == ["ledger.batch 5"]


@pytest.mark.parametrize("seal_no", [1, 2])
async def test_the_tail_after_a_seal_is_proven(book: asyncpg.Connection, seal_no: int) -> None:
    whole = await verify_ledger(book, BOOK)
    report = await verify_ledger(book, BOOK, since=seal_no)
    assert report.ok, "\n".join(map(str, report.differences))
    assert report.counts["recorded_seq"] == whole.counts["recorded_seq"]
    assert 0 < report.counts["transfers"] < whole.counts["transfers"]
    assert report.counts["accounts"] == whole.counts["accounts"]


TAIL = {
    # what is damaged: (statement, place that the proof of the tail after seal 1 must name)
    "a transfer after the seal": (
        "UPDATE ledger.transfer SET narrative = 'x' WHERE reference = 'AUDIT'",
        "ledger.batch",
    ),
    "a balance": (
        "UPDATE ledger.balance SET credits = credits + 1 WHERE account_id = 201 AND book_id = 1",
        "ledger.balance account 201",
    ),
    "a movement before the seal": (
        "UPDATE ledger.movement SET debits = debits + 1 WHERE batch_no = 3 AND debits > 0",
        "ledger.seal 1, trial balance of the movements up to it",
    ),
    "the batch that the seal ends with": (
        "UPDATE ledger.batch AS b SET digest = sha256('x') FROM ledger.seal AS s "
        "WHERE s.seal_no = 1 AND b.book_id = 1 AND b.batch_no = s.batch_no",
        "ledger.batch",
    ),
    "the seal": (
        "UPDATE ledger.seal SET amount_sum = amount_sum + 1 WHERE seal_no = 1",
        "ledger.seal 1, hash",
    ),
    "the seal, with its hash made again": (
        "UPDATE ledger.seal SET signature = set_byte(signature, 0, get_byte(signature, 0) # 1)",
        "ledger.seal 1, signature",
    ),
    "the seal, which is gone": ("DELETE FROM ledger.seal", "ledger.seal 1"),
}


@pytest.mark.parametrize("damage", TAIL)
async def test_the_proof_of_the_tail_finds_what_it_does_not_take_as_given(
    book: asyncpg.Connection, damage: str
) -> None:
    statement, place = TAIL[damage]
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("SET LOCAL session_replication_role = replica")
        await book.execute(statement)
        report = await verify_ledger(book, BOOK, since=1)
    finally:
        await transaction.rollback()
    assert any(d.where.startswith(place) for d in report.differences), report.differences
