"""After the blow: everything that was acknowledged is there, everything is there once, it adds up.

The checks read the tables with their own plain questions and compare with what the test knows from
its dice and the clients' logs; `verify` is one more witness beside them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from ledger.db import Connection, Pool
from ledger.events import feed
from ledger.posting.collector import Collector
from ledger.proof.verify import verify_ledger
from tests.faults.client_log import lines, told
from tests.faults.poster_program import answer_of
from tests.faults.wishes import Cast, Effect, Sums, Wish

_JOURNALS = """
SELECT t.journal_id, t.recorded_seq, t.debit_account, t.credit_account, t.amount_satang
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.journal_id = ANY($2::uuid[])
ORDER BY t.journal_id, t.line
"""
_REFUSED = """
SELECT r.operation_id, count(*)::integer AS times FROM ledger.refusal AS r
WHERE r.book_id = $1 AND r.operation_id = ANY($2::uuid[]) AND r.sticky GROUP BY 1
"""
_COUNTERS = """
SELECT b.account_id, b.debits, b.credits, b.held FROM ledger.balance AS b WHERE b.book_id = $1
"""
_NUMBERS = """
SELECT n.recorded_seq FROM (
    SELECT t.recorded_seq FROM ledger.transfer AS t WHERE t.book_id = $1 AND t.line = 0
    UNION ALL
    SELECT e.recorded_seq FROM ledger.event AS e WHERE e.book_id = $1
) AS n ORDER BY n.recorded_seq
"""
_LAST = "SELECT h.recorded_seq FROM ledger.book_head AS h WHERE h.book_id = $1"


@dataclass(slots=True)
class Follower:
    """A consumer of the feed that keeps its cursor across every kill: no number is left out."""

    cursor: int = 0

    async def follow(self, connection: Connection, book_id: int) -> None:
        """Read on to the head; each item must have the next number."""
        while items := await feed(connection, book_id, self.cursor, 500):
            found = [item.recorded_seq for item in items]
            assert found == list(range(self.cursor + 1, self.cursor + 1 + len(found)))
            self.cursor = found[-1]


async def check_sound(pool: Pool, book_id: int, follower: Follower) -> None:
    """The numbers are gap-free, nothing stands twice under one, and `verify` is clean."""
    async with pool.acquire() as connection:
        numbers = [row["recorded_seq"] for row in await connection.fetch(_NUMBERS, book_id)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert numbers[-1] == await connection.fetchval(_LAST, book_id)
        await follower.follow(connection, book_id)
        report = await verify_ledger(connection, book_id)
    assert follower.cursor == numbers[-1]
    assert report.ok, "\n".join(map(str, report.differences))


async def check_clients(pool: Pool, cast: Cast, asked: list[Wish], log: Path) -> None:
    """Every client was answered as its wish deserves, and the book says what it was told."""
    broken = [facts for facts in lines(log) if "broken" in facts]
    assert not broken, broken
    answers = told(log)
    assert set(answers) == {wish.name for wish in asked}
    assert {name for name, said in answers.items() if said["granted"]} == {
        wish.name for wish in asked if not wish.refused
    }
    recorded = await _recorded(pool, cast, asked)
    for wish in asked:
        found = {number: recorded.get(number, []) for number in wish.journals}
        if wish.refused:
            assert not any(found.values()), (wish.name, found)
            continue
        assert {n: tuple(effect for _, effect in rows) for n, rows in found.items()} == wish.effects
        seqs = [seq for rows in found.values() for seq, _ in rows]
        assert seqs == answers[wish.name]["seqs"], (wish.name, found)
    await _refused_once(pool, cast, asked)


async def _recorded(
    pool: Pool, cast: Cast, asked: list[Wish]
) -> dict[UUID, list[tuple[int, Effect]]]:
    numbers = [number for wish in asked for number in wish.journals]
    recorded: dict[UUID, list[tuple[int, Effect]]] = {}
    for row in await pool.fetch(_JOURNALS, cast.book_id, numbers):
        effect = (row["debit_account"], row["credit_account"], row["amount_satang"])
        recorded.setdefault(row["journal_id"], []).append((row["recorded_seq"], effect))
    return recorded


async def _refused_once(pool: Pool, cast: Cast, asked: list[Wish]) -> None:
    impossible = [wish.journals[-1] for wish in asked if wish.refused]
    rows = await pool.fetch(_REFUSED, cast.book_id, impossible)
    assert {row["operation_id"]: row["times"] for row in rows} == dict.fromkeys(impossible, 1)


async def check_asking_again(pool: Pool, cast: Cast, asked: list[Wish], log: Path) -> None:
    """Whoever asks once more under the same ids hears the same and changes nothing."""
    answers = told(log)
    before = await pool.fetchval(_LAST, cast.book_id)
    async with Collector(pool) as collector:
        outcomes = await asyncio.gather(
            *(collector.submit(cast.book_id, wish.unit) for wish in asked)
        )
    for wish, outcome in zip(asked, outcomes, strict=True):
        again: dict[str, Any] = answer_of(outcome)
        assert outcome.replay, wish.name
        assert again == answers[wish.name], wish.name
    assert await pool.fetchval(_LAST, cast.book_id) == before


async def check_sums(pool: Pool, cast: Cast, sums: Sums) -> None:
    """Balances are what the union of all ids says; nothing is left held."""
    rows = await pool.fetch(_COUNTERS, cast.book_id)
    moved = {
        r["account_id"]: (r["debits"], r["credits"]) for r in rows if r["debits"] + r["credits"]
    }
    assert moved == sums.counters()
    assert not any(row["held"] for row in rows)
