"""Damage planted in a large batch is named the same whether the batch is taken whole or by lines.

The proof takes a large batch of plain journals in columns (`ledger.proof.wholesale`). Here that way
is closed for a second run, by a batch size that nothing reaches, and both must say the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from ledger import embedded
from ledger.db import open_pool
from ledger.posting.values import Unit
from ledger.proof import wholesale
from ledger.proof.movements import Sums
from ledger.proof.verify import verify_ledger
from tests.builders import Scene, journal, make_scene, post_units

COUNT = 300
_MIDDLE = "recorded_seq = (SELECT min(first_seq) + 150 FROM ledger.batch WHERE journal_count = 300)"
_MOVEMENT = (
    "batch_no = (SELECT batch_no FROM ledger.batch WHERE journal_count = 300) "
    "AND account_id = (SELECT min(account_id) FROM ledger.account)"
)

DAMAGES = {
    "another amount": f"UPDATE ledger.transfer SET amount_satang = 7 WHERE {_MIDDLE}",
    "an amount beyond every limit": (
        f"UPDATE ledger.transfer SET amount_satang = 900000000000000 WHERE {_MIDDLE}"
    ),
    "sides turned round": (
        "UPDATE ledger.transfer SET debit_account = credit_account, "
        f"credit_account = debit_account WHERE {_MIDDLE}"
    ),
    "an account that nobody opened": (
        f"UPDATE ledger.transfer SET debit_account = 77777 WHERE {_MIDDLE}"
    ),
    "another narrative": f"UPDATE ledger.transfer SET narrative = 'X' WHERE {_MIDDLE}",
    "another reference, as long": f"UPDATE ledger.transfer SET reference = 'r9' WHERE {_MIDDLE}",
    "another actor": f"UPDATE ledger.transfer SET actor = 'somebody' WHERE {_MIDDLE}",
    "another id": f"UPDATE ledger.transfer SET journal_id = gen_random_uuid() WHERE {_MIDDLE}",
    "another kind": f"UPDATE ledger.transfer SET kind = kind + 1 WHERE {_MIDDLE}",
    "a limit set aside": f"UPDATE ledger.transfer SET may_exceed_limit = true WHERE {_MIDDLE}",
    "forced": f"UPDATE ledger.transfer SET may_exceed_limit = true, forced = true WHERE {_MIDDLE}",
    "another value date": f"UPDATE ledger.transfer SET value_date = value_date - 1 WHERE {_MIDDLE}",
    "another business date": (
        f"UPDATE ledger.transfer SET business_date = business_date + 1 WHERE {_MIDDLE}"
    ),
    "a reversal of nothing": (
        f"UPDATE ledger.transfer SET reverses = gen_random_uuid() WHERE {_MIDDLE}"
    ),
    "another line": f"UPDATE ledger.transfer SET line = 3 WHERE {_MIDDLE}",
    "a journal lost": f"DELETE FROM ledger.transfer WHERE {_MIDDLE}",
    "a line more": (
        "INSERT INTO ledger.transfer SELECT (r).* FROM (SELECT jsonb_populate_record(t, "
        f"""'{{"line": 1}}') AS r FROM ledger.transfer AS t WHERE {_MIDDLE}) AS k"""
    ),
    "a movement's debits": f"UPDATE ledger.movement SET debits = debits + 1 WHERE {_MOVEMENT}",
    "a movement's counters": (
        f"UPDATE ledger.movement SET debits_after = debits_after + 1 WHERE {_MOVEMENT}"
    ),
    "a movement's count": f"UPDATE ledger.movement SET transfers = 1 WHERE {_MOVEMENT}",
    "a journal that a movement names": (
        f"UPDATE ledger.movement SET journals = ARRAY[gen_random_uuid()] WHERE {_MOVEMENT}"
    ),
    "a movement lost": f"DELETE FROM ledger.movement WHERE {_MOVEMENT}",
    "a movement of another day": (
        f"UPDATE ledger.movement SET value_date = value_date - 1 WHERE {_MOVEMENT}"
    ),
    "a digest": (
        "UPDATE ledger.batch SET digest = set_byte(digest, 0, get_byte(digest, 0) # 1) "
        "WHERE journal_count = 300"
    ),
    "a sum": "UPDATE ledger.batch SET amount_sum = amount_sum + 1 WHERE journal_count = 300",
    "a date of the batch": (
        "UPDATE ledger.batch SET business_date = business_date - 1 WHERE journal_count = 300"
    ),
    "a digest version": "UPDATE ledger.batch SET digest_version = 1 WHERE journal_count = 300",
}


@pytest.fixture(scope="module")
async def book(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A book with one large batch between batches of one."""
    name = "planted_in_columns"
    keeper = await asyncpg.connect(server.dsn("postgres"))
    await keeper.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    pool = await open_pool(server.dsn(name))
    try:
        scene = await make_scene(pool, opening=1_000_00, members=4)
        units = _units(scene)
        for some in (units[:1], units[1:-1], units[-1:]):
            outcomes = await post_units(pool, scene.book.book_id, some)
            assert all(outcome.receipts for outcome in outcomes)
        connection = await asyncpg.connect(server.dsn(name))
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        await pool.close()
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


def _units(scene: Scene) -> list[Unit]:
    """Journals from member to member and to the bank, which has no limits."""
    sides = [scene.bank, *scene.members]
    made = []
    for place in range(COUNT + 2):
        debit, credit = sides[place % 5], sides[(place * 3 + 1) % 5]
        other = sides[(place + 1) % 5] if debit == credit else credit
        made.append(journal(debit, other, 1 + place % 9, reference=f"r{place % 5}"))
    return [Unit(operations=(each,), actor="test:many") for each in made]


async def said(book: asyncpg.Connection) -> list[str]:
    """What the proof says."""
    return [str(each) for each in (await verify_ledger(book, 1)).differences]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_in_a_large_batch_is_named_as_it_is_line_by_line(
    book: asyncpg.Connection, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("SET LOCAL session_replication_role = replica")
        changed = await book.execute(DAMAGES[damage])
        assert changed.split()[-1] == "1"
        whole = await said(book)
        monkeypatch.setattr(wholesale, "FEWEST", COUNT + 99)
        by_lines = await said(book)
    finally:
        await transaction.rollback()
    assert whole == by_lines
    assert whole


async def test_the_large_batch_is_sound_either_way(
    book: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, taken = wholesale.replay, []

    def counted(*given: Any) -> dict[int, Sums] | None:
        moved = right(*given)
        taken.append(moved is not None)
        return moved

    monkeypatch.setattr(wholesale, "replay", counted)
    assert await said(book) == []
    assert taken.count(True) == 1
    monkeypatch.setattr(wholesale, "FEWEST", COUNT + 99)
    assert await said(book) == []
    assert taken.count(True) == 1
