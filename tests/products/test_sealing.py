"""The night's last step: proven days get their seals, in order, the same bytes whenever it runs."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from pathlib import Path

import pytest

from ledger.db import Database
from ledger.embedded import Lease
from ledger.errors import CffError
from ledger.evidence.keys import KeyFile, SealKeyUnusable
from ledger.evidence.seals import list_seals
from products.end_of_day import Progress, run_day, run_missed
from products.sealing import SEAL, seal_missing
from tests.products.savings_scene import Savings, fresh_database, open_savings

JUNE_1 = date(2026, 6, 1)
RATES = {JUNE_1: "1.5000"}


class GaveUpError(CffError):
    """The watcher of the night gives up."""


def key_in(folder: Path) -> KeyFile:
    """A key file that is not there yet; what is said about it goes nowhere."""
    return KeyFile(path=folder / "keys" / "seal-key.pem", say=lambda _: None)


async def savings(database: Database) -> Savings:
    """A contract that has something to earn interest on."""
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_1, rates=RATES)
    await scene.move("SAV-1", 100_000_00)
    return scene


async def close(scene: Savings, key: KeyFile | None, days: int = 1) -> None:
    """Run so many nights, with a key or without one."""
    last = scene.today + timedelta(days=days - 1)
    await run_missed(scene.pool, scene.book, through=last, seal_key=key)
    scene.today = last + timedelta(days=1)


async def test_every_night_seals_its_day_and_each_number_lies_under_exactly_one_seal(
    database: Database, tmp_path: Path
) -> None:
    scene = await savings(database)
    await close(scene, key_in(tmp_path), days=3)
    seals = [seal.content for seal in await list_seals(scene.pool, 1)]
    assert [seal.seal_no for seal in seals] == [1, 2, 3]
    assert [seal.business_date.day for seal in seals] == [1, 2, 3]
    assert seals[0].first_seq == 1
    for before, after in itertools.pairwise(seals):
        assert after.first_seq == before.last_seq + 1
    proven = await scene.pool.fetch(
        "SELECT proven_seq FROM ledger.day WHERE state = 3 ORDER BY business_date"
    )
    assert [seal.last_seq for seal in seals] == [row["proven_seq"] for row in proven]
    assert sum(seal.journal_count for seal in seals) == await scene.pool.fetchval(
        "SELECT count(DISTINCT journal_id) FROM ledger.transfer"
    )


async def test_a_night_that_dies_between_proof_and_seal_is_sealed_later_to_the_same_bytes(
    server: Lease, template: str, database: Database, tmp_path: Path
) -> None:
    key = key_in(tmp_path)
    whole = await savings(database)
    await close(whole, key, days=2)
    expected = await list_seals(whole.pool, 1)

    def stop(progress: Progress) -> None:
        if progress.step == "prove":
            raise GaveUpError(progress.step)

    async with fresh_database(server, template) as other:
        # The same history under the same ids, so that even the digests agree.
        broken = await savings(other)
        for day in (JUNE_1, JUNE_1 + timedelta(days=1)):
            with pytest.raises(GaveUpError, match="prove"):
                await run_day(broken.pool, broken.book, day, say=stop, seal_key=key)
        assert await list_seals(other.poster, 1) == []
        await broken.move("SAV-1", 5)  # doors go on; what they record belongs to the next seal
        assert await run_missed(broken.pool, broken.book, seal_key=key) == []
        assert await list_seals(other.poster, 1) == expected
        assert await seal_missing(other.poster, 1, key) == []


async def test_a_night_without_a_key_file_seals_nothing_and_a_later_one_seals_it_too(
    database: Database, tmp_path: Path
) -> None:
    scene = await savings(database)
    await close(scene, None, days=2)
    assert await list_seals(scene.pool, 1) == []
    told: list[Progress] = []
    await run_day(scene.pool, scene.book, scene.today, say=told.append, seal_key=key_in(tmp_path))
    assert [seal.content.business_date.day for seal in await list_seals(scene.pool, 1)] == [1, 2, 3]
    assert told[-1].step == SEAL


async def test_a_lost_key_is_loud_and_the_days_are_proven_and_sealed_when_it_is_back(
    database: Database, tmp_path: Path
) -> None:
    scene, key = await savings(database), key_in(tmp_path)
    await close(scene, key)
    hidden = key.path.rename(tmp_path / "elsewhere.pem")
    for on in (2, 3):
        with pytest.raises(SealKeyUnusable, match="cff seals rotate-key"):
            await close(scene, key)
        state = await scene.pool.fetchval(
            "SELECT state FROM ledger.day WHERE business_date = $1", date(2026, 6, on)
        )
        assert state == 3
        scene.today = date(2026, 6, on + 1)
    assert not key.path.exists(), "a lost key is not replaced behind the members' backs"
    hidden.rename(key.path)
    await close(scene, key)
    assert len(await list_seals(scene.pool, 1)) == 4


async def test_a_back_dated_journal_is_under_the_seal_of_the_night_after_it_was_recorded(
    database: Database, tmp_path: Path
) -> None:
    scene, key = await savings(database), key_in(tmp_path)
    await close(scene, key)
    outcome = await scene.move("SAV-1", 7_00, value_date=JUNE_1)
    await close(scene, key)
    first, second = [seal.content for seal in await list_seals(scene.pool, 1)]
    seq = outcome.receipts[0].recorded_seq
    assert first.last_seq < seq <= second.last_seq
