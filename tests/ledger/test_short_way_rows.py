"""A batch that the short way takes leaves what the long way would have: every row, every digest.

Each drawn batch is first posted the long way in a transaction that is rolled back, then for good
the way it takes; answers and rows must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ledger.db import Connection, open_pool
from ledger.posting.values import Journal, Origin, Outcome, Transfer, Unit
from ledger.posting.write import post_batch
from ledger.proof.verify import verify_ledger
from tests.ledger.counter import Counter, keyed
from tests.ledger.play import OPENED_ON, Table, World

BANK, SAV, SAV2, OD, LOAN, BANK2 = 1, 2, 3, 4, 5, 6
TABLES = ("book_head", "batch", "transfer", "movement", "refusal", "idempotency_key", "balance")

AMOUNTS = st.sampled_from([1, 2, 40, 90, 200, 0, 10**15])
_ACCOUNT = st.sampled_from([BANK, BANK, SAV, SAV2, OD, LOAN, BANK2])


@st.composite
def journals(draw: st.DrawFn) -> Journal:
    """A journal, some of which are refused for one reason or another."""
    lines = draw(st.lists(st.tuples(_ACCOUNT, _ACCOUNT, AMOUNTS), min_size=1, max_size=3))
    return Journal(
        journal_id=UUID(int=draw(st.integers(1, 2**128 - 1))),
        kind=draw(st.sampled_from([2, 111])),
        transfers=tuple(Transfer(debit=d, credit=c, amount_satang=a) for d, c, a in lines),
        value_date=draw(st.sampled_from([None, None, OPENED_ON])),
        reference=draw(st.sampled_from(["", "REF-1", "อ้างอิง"])),
        may_exceed_limit=draw(st.booleans()),
    )


@st.composite
def plain_units(draw: st.DrawFn) -> Unit:
    """A unit of one or two journals; some have a key."""
    made = Unit(
        operations=tuple(draw(st.lists(journals(), min_size=1, max_size=2))),
        actor=draw(st.sampled_from(["door:a", "door:b"])),
        event_id=draw(st.sampled_from([None, UUID(int=7)])),
        on=draw(st.sampled_from([None, OPENED_ON, OPENED_ON + timedelta(days=1)])),
    )
    return keyed(made, str(uuid4())) if draw(st.booleans()) else made


@pytest.fixture
def world(shared_url: str) -> Iterator[World]:
    """A loop of our own: Hypothesis calls a plain function many times."""
    made = World(shared_url)
    yield made
    made.close()


@given(batches=st.lists(st.lists(plain_units(), min_size=1, max_size=6), min_size=1, max_size=4))
def test_the_short_way_answers_and_writes_what_the_long_way_would_have(
    world: World, shared_url: str, batches: list[list[Unit]]
) -> None:
    table = world.table()

    async def play() -> None:
        pool = await open_pool(shared_url, max_size=1)
        counter = Counter(pool, table.book_id)
        try:
            for units in batches:
                rehearsed = await _rehearsed(table, units)
                outcomes = await counter.send(units)
                event("the long way" if outcomes is None else "the short way")
                if outcomes is None:
                    outcomes = await counter.desk.post(units)
                assert outcomes == rehearsed[0]
                assert await _rows(table.connection, table.book_id) == rehearsed[1]
        finally:
            await counter.desk.leave()
            await pool.close()
        assert (await verify_ledger(table.connection, table.book_id)).ok

    world.run(play())


async def _rehearsed(table: Table, units: list[Unit]) -> tuple[list[Outcome], list[str]]:
    """What the long way answers and writes; nothing of it stays."""
    transaction = table.connection.transaction()
    await transaction.start()
    outcomes = await post_batch(table.connection, table.book_id, units, origin=Origin.DOORS)
    rows = await _rows(table.connection, table.book_id)
    await transaction.rollback()
    return outcomes, rows


async def _rows(connection: Connection, book_id: int) -> list[str]:
    """Every row of a book but for when, and in which transaction, it was written."""
    found: list[str] = []
    for table in TABLES:
        rows = await connection.fetch(
            f"SELECT (to_jsonb(t) - 'recorded_at' - 'xact')::text AS row FROM ledger.{table} AS t "
            "WHERE t.book_id = $1 ORDER BY 1",
            book_id,
        )
        found += [f"{table}: {row['row']}" for row in rows]
    return found
