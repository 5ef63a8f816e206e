"""`cff verify` on books that are sound: silent, also beside postings and in many slices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ledger import embedded
from ledger.db import Pool
from ledger.proof.report import LISTED, Findings, differ
from ledger.proof.verify import verify_ledger
from tests import builders
from tests.ledger.proof_book import BOOK, lived_book


@pytest.fixture(scope="module")
async def book(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A book in which everything has happened once."""
    async with lived_book(server, template) as connection:
        yield connection


async def test_a_book_in_which_everything_happened_once_is_proven(book: asyncpg.Connection) -> None:
    report = await verify_ledger(book, BOOK)
    assert report.ok, "\n".join(map(str, report.differences))
    for table in ("transfer", "event", "movement", "batch", "refusal", "account", "hold"):
        rows = await book.fetchval(f"SELECT count(*) FROM ledger.{table}")
        assert rows > 0
        assert report.counts[{"batch": "batches"}.get(table, f"{table}s")] == rows


async def test_progress_ends_at_the_last_number(book: asyncpg.Connection) -> None:
    said: list[tuple[int, int]] = []
    report = await verify_ledger(book, BOOK, lambda done, of: said.append((done, of)))
    assert said[-1] == (report.counts["recorded_seq"], report.counts["recorded_seq"])


async def test_an_unknown_book_is_a_difference_and_no_proof(book: asyncpg.Connection) -> None:
    report = await verify_ledger(book, 77)
    assert not report.ok
    assert report.differences[0].where == "ledger.book 77"


async def test_an_empty_book_is_proven(pool: Pool) -> None:
    await builders.make_book(pool)
    async with pool.acquire() as connection:
        report = await verify_ledger(connection, 1)
    assert report.ok, "\n".join(map(str, report.differences))


async def test_a_proof_runs_beside_postings_and_proves_them_too(pool: Pool) -> None:
    scene = await builders.make_scene(pool, members=3, opening=1_000_00)
    posted = asyncio.Event()

    async def post_on() -> None:
        for amount in range(1, 601):
            member = scene.members[amount % 3]
            await builders.post(pool, 1, [builders.journal(scene.bank, member, amount)])
            if amount == 20:
                posted.set()

    task = asyncio.create_task(post_on())
    await posted.wait()
    reports = []
    async with pool.acquire() as connection:
        while not task.done():
            reports.append(await verify_ledger(connection, 1))
        await task
        # More batches than one slice reads.
        last = await verify_ledger(connection, 1)
    assert len(reports) > 1
    for report in [*reports, last]:
        assert report.ok, "\n".join(map(str, report.differences))
    assert reports[0].counts["batches"] < last.counts["batches"] == 601


def test_a_check_that_fails_everywhere_is_counted_whole_and_listed_in_part() -> None:
    findings = Findings()
    for number in range(LISTED + 23):
        findings.add(differ("balances", f"account {number}", 1, 2))
    findings.add(differ("holds", "hold 1", "a row", "none"))
    report = findings.report(1)
    assert not report.ok
    assert report.totals == {"balances": LISTED + 23, "holds": 1}
    assert len(report.differences) == LISTED + 1
    assert str(report.differences[-1]) == "holds: hold 1: expected a row, found none"
