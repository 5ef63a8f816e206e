"""`cff verify --against`: seals kept elsewhere, and an owner who makes the book agree with itself.

The owner of the database holds everything, the seal key too: guards off, a transfer changed, then
movements, balances, digests and seals made again. `cff verify` has nothing left to find in such a
book; the seal that a member kept has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from ledger import embedded
from ledger.db import Pool, open_pool
from ledger.evidence.files import seals_document
from ledger.evidence.keys import KeyFile
from ledger.evidence.seals import days_to_seal, list_seals, public_keys, seal_day
from ledger.proof.against import AGAINST, ONE_HEAD, STORED, verify_against
from ledger.proof.report import Report
from ledger.proof.seal_file import SealFile, check_seals, read_seal_file
from ledger.proof.verify import verify_ledger
from tests.ledger import proof_book
from tests.ledger.play import Table
from tests.ledger.proof_book import BOOK, FIRST_DAY, lived_book
from tests.ledger.test_digest import recomputed

SEQ = "(SELECT recorded_seq FROM ledger.transfer WHERE reference = 'EARLY-DOOR')"


class Owner:
    """Whoever owns database and key: a superuser's connection, the night's pool, the key file."""

    def __init__(self, connection: asyncpg.Connection, pool: Pool, key: KeyFile) -> None:
        self.connection = connection
        self.pool = pool
        self.key = key

    async def seal(self) -> None:
        """Seal every proven day that has no seal."""
        signer = await self.key.signer(self.connection)
        for day in await days_to_seal(self.pool, BOOK):
            await seal_day(self.pool, day, signer, actor="night")

    async def file(self) -> SealFile:
        """The seal file as it is now."""
        seals = await list_seals(self.pool, BOOK)
        return read_seal_file(seals_document(seals, await public_keys(self.pool)))

    async def against(self, kept: SealFile) -> Report:
        """The book against kept seals, which themselves hold."""
        assert not list(check_seals(kept.seals, kept.keys))
        return await verify_against(self.connection, BOOK, kept.seals)

    async def does(self, *statements: str) -> None:
        """Statements without the guards."""
        async with self.connection.transaction():
            await self.connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                await self.connection.execute(statement)

    async def make_all_digests_again(self) -> None:
        """Every digest from the rows as they stand, the head's too."""
        found = await recomputed(Table(self.connection, BOOK, Counter()))
        async with self.connection.transaction():
            await self.connection.execute("SET LOCAL session_replication_role = replica")
            for number, (_, digest) in enumerate(found, start=1):
                await self.connection.execute(
                    "UPDATE ledger.batch SET digest = $2 WHERE batch_no = $1", number, digest
                )
            await self.connection.execute("UPDATE ledger.book_head SET digest = $1", found[-1][1])

    async def make_all_seals_again(self) -> None:
        """Throw the seals away and make them from the rows as they stand, with the same key."""
        await self.does("DELETE FROM ledger.seal_node", "DELETE FROM ledger.seal")
        await self.seal()


@pytest.fixture
async def owner(server: embedded.Lease, template: str, tmp_path: Path) -> AsyncIterator[Owner]:
    """The book of the proof's tests with two sealed days."""
    async with lived_book(server, template) as connection:
        name = await connection.fetchval("SELECT current_database()")
        pool = await open_pool(server.dsn(name))
        try:
            await proof_book.prove(connection, FIRST_DAY + timedelta(days=1))
            made = Owner(connection, pool, KeyFile(path=tmp_path / "key", say=lambda _: None))
            await made.seal()
            yield made
        finally:
            await pool.close()


def told(report: Report) -> set[tuple[str, str]]:
    """(check, place) of every difference."""
    return {(each.check, each.where) for each in report.differences}


async def test_an_honest_book_is_the_one_that_was_sealed_also_when_it_has_gone_on(
    owner: Owner,
) -> None:
    kept = await owner.file()
    await proof_book.post(
        owner.connection, [proof_book.journal("go-on", proof_book.BANK, proof_book.SAVINGS_A, 5)]
    )
    report = await owner.against(kept)
    assert report.ok, report.differences
    assert report.counts["seals"] == 2
    for at_once in (1, 2, 3):
        # However the record is cut into slices, also through the middle of a journal.
        again = await verify_against(owner.connection, BOOK, kept.seals, at_once=at_once)
        assert again == report
    later = SealFile(keys=kept.keys, seals=kept.seals[1:])
    assert (await owner.against(later)).ok


async def test_an_owner_who_recomputed_everything_is_found_by_a_seal_that_was_kept(
    owner: Owner,
) -> None:
    kept = await owner.file()
    batch = f"(SELECT min(batch_no) FROM ledger.batch WHERE last_seq >= {SEQ})"
    await owner.does(
        f"UPDATE ledger.transfer SET amount_satang = 900 WHERE recorded_seq = {SEQ}",
        f"UPDATE ledger.batch SET amount_sum = amount_sum - 100 WHERE batch_no = {batch}",
        "UPDATE ledger.movement SET debits = debits - 100 "
        f"WHERE batch_no = {batch} AND account_id = 101",
        "UPDATE ledger.movement SET credits = credits - 100 "
        f"WHERE batch_no = {batch} AND account_id = 102",
        "UPDATE ledger.movement SET debits_after = debits_after - 100 "
        f"WHERE batch_no >= {batch} AND account_id = 101",
        "UPDATE ledger.movement SET credits_after = credits_after - 100 "
        f"WHERE batch_no >= {batch} AND account_id = 102",
        "UPDATE ledger.balance SET debits = debits - 100 WHERE account_id = 101",
        "UPDATE ledger.balance SET credits = credits - 100 WHERE account_id = 102",
        "UPDATE ledger.snapshot SET debits = debits - 100 WHERE account_id = 101 "
        f"AND business_date > '{FIRST_DAY}'",
        "UPDATE ledger.snapshot SET credits = credits - 100 WHERE account_id = 102 "
        f"AND business_date > '{FIRST_DAY}'",
        "UPDATE ledger.day_total AS t SET debits = t.debits - 100 "
        f"WHERE t.gl_code = '111100' AND business_date > '{FIRST_DAY}'",
        "UPDATE ledger.day_total AS t SET credits = t.credits - 100 "
        f"WHERE t.gl_code = '211100' AND business_date > '{FIRST_DAY}'",
    )
    await owner.make_all_digests_again()
    await owner.make_all_seals_again()
    # Nothing is left in the book that disagrees with the book, its own seals included.
    alone = await verify_ledger(owner.connection, BOOK)
    assert alone.ok, alone.differences
    assert (await owner.against(await owner.file())).ok
    found = told(await owner.against(kept))
    assert found >= {
        (AGAINST, "seal 1, Merkle root"),
        (AGAINST, "seal 1, amounts in satang"),
        (AGAINST, "seal 1, batch and digest"),
        (AGAINST, "seal 2, trial balance"),
        (STORED, "ledger.seal 1"),
        (STORED, "ledger.seal 2"),
    }
    # The day before the edited date still adds up as it was sealed.
    assert (AGAINST, "seal 1, trial balance") not in found


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (f"UPDATE ledger.transfer SET narrative = 'x' WHERE recorded_seq = {SEQ}", "Merkle root"),
        (f"UPDATE ledger.transfer SET actor = 'x' WHERE recorded_seq = {SEQ}", "Merkle root"),
        (f"UPDATE ledger.transfer SET value_date = '2026-06-01' WHERE recorded_seq = {SEQ}",
         "Merkle root"),
        ("UPDATE ledger.account SET gl_code = '311000' WHERE account_id = 102", "trial balance"),
        ("UPDATE ledger.batch SET digest_version = 1", "Merkle root"),
        ("UPDATE ledger.event SET reason = 'x' WHERE recorded_seq = 3", "batch and digest"),
    ],
)  # fmt: skip
async def test_whatever_was_changed_below_a_seal_shows_once_the_digests_are_made_again(
    owner: Owner, change: str, place: str
) -> None:
    kept = await owner.file()
    await owner.does(change)
    await owner.make_all_digests_again()
    found = told(await owner.against(kept))
    assert (AGAINST, f"seal 1, {place}") in found


async def test_a_journal_that_is_gone_is_missed(owner: Owner) -> None:
    kept = await owner.file()
    await owner.does(f"DELETE FROM ledger.transfer WHERE recorded_seq = {SEQ}")
    found = told(await owner.against(kept))
    assert {(AGAINST, f"seal 1, {what}") for what in ("journals", "transfers")} <= found


async def test_lines_of_one_journal_that_disagree_are_named(owner: Owner) -> None:
    await owner.does(
        "UPDATE ledger.transfer SET narrative = 'x' WHERE line = 1 AND hold_id IS NOT NULL"
    )
    (difference,) = (await owner.against(await owner.file())).differences
    assert difference.check == ONE_HEAD


async def test_a_stored_seal_that_is_gone_is_named(owner: Owner) -> None:
    kept = await owner.file()
    await owner.does("DELETE FROM ledger.seal_node", "DELETE FROM ledger.seal WHERE seal_no = 2")
    assert told(await owner.against(kept)) == {(STORED, "ledger.seal 2")}
