"""The feed against a reading of the whole record: every number once, every balance as it was then.

Batches are drawn as many small journals over few accounts, so that movements of one account name
their journals in some batches and are too many to be named in others; pages begin and end anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import books
from ledger.books import GlAccount
from ledger.db import Connection, Pool
from ledger.events import FeedItem, feed, items_between
from ledger.kinds import JournalKind
from ledger.posting.movements import NAMED_MIN
from ledger.posting.values import (
    Journal,
    MoveBusinessDate,
    OpenAccount,
    Operation,
    Origin,
    PlaceHold,
    SetFreeze,
    SetLimits,
    Status,
    Transfer,
    Unit,
)
from ledger.posting.write import post_batch
from tests.builders import journal, make_scene, post, post_units, unit
from tests.ledger.play import OPENED_ON, World, next_book_id

NAMES = UUID("1b0e5fb0-2f0f-4a0e-9d3b-5b0c2f1e4a77")
ACCOUNTS = (1, 2, 3, 4)
Line = tuple[int, int, int]
"""Debit account, how far away the credit account is, satang."""

_LINES = st.lists(
    st.tuples(st.sampled_from(ACCOUNTS), st.integers(1, 3), st.integers(1, 50)),
    min_size=1,
    max_size=3,
)
# A journal's lines and how many days back its value date lies.
_JOURNALS = st.tuples(_LINES, st.sampled_from((0, 0, 0, 1, 2)))
# How often the batch's journals are repeated: beyond 64 they are no longer named one by one.
_BATCHES = st.tuples(st.lists(_JOURNALS, min_size=1, max_size=6), st.sampled_from((1, 1, 3, 30)))


@pytest.fixture(scope="module")
def world(shared_url: str) -> Iterator[World]:
    made = World(shared_url)
    yield made
    made.close()


async def _book(connection: Connection) -> int:
    """A book with four accounts that may stand anywhere."""
    book_id = next_book_id()
    await books.create_book(
        connection,
        book_id=book_id,
        code=f"book-{book_id}",
        name_th="สมุด",
        name_en="Book",
        opened_on=OPENED_ON - timedelta(days=10),
    )
    line = GlAccount(gl_code="211100", cad_code="", name_th="-", name_en="-")
    await books.add_gl_accounts(connection, book_id, [line])
    opened = [
        OpenAccount(
            account=number,
            code=f"ACC-{number}",
            gl_code="211100",
            currency="THB",
            name_th="-",
            name_en="-",
        )
        for number in ACCOUNTS
    ]
    await _post(connection, book_id, [unit(*opened)])
    for days in range(9, -1, -1):
        move = MoveBusinessDate(to=OPENED_ON - timedelta(days=days))
        await _post(connection, book_id, [unit(move)])
    return book_id


async def _post(connection: Connection, book_id: int, units: list[Unit]) -> None:
    async with connection.transaction():
        outcomes = await post_batch(connection, book_id, units, origin=Origin.DOORS)
    assert {outcome.status for outcome in outcomes} == {Status.ACCEPTED}


def _journal(book_id: int, number: int, lines: list[Line], days: int) -> Journal:
    transfers = tuple(
        Transfer(debit=debit, credit=(debit - 1 + away) % 4 + 1, amount_satang=amount)
        for debit, away, amount in lines
    )
    return Journal(
        journal_id=uuid5(NAMES, f"{book_id}/{number}"),
        kind=JournalKind.MANUAL,
        transfers=transfers,
        value_date=OPENED_ON - timedelta(days=days),
    )


def _as_read(items: list[FeedItem]) -> None:
    """Every balance of every journal is what a reading of the feed from its start gives."""
    standing: dict[str, tuple[int, int]] = {}
    for item in items:
        for line in item.transfers:
            debits, there = standing.get(line.debit, (0, 0))
            standing[line.debit] = (debits + line.amount_satang, there)
            debits, there = standing.get(line.credit, (0, 0))
            standing[line.credit] = (debits, there + line.amount_satang)
        named = [code for line in item.transfers for code in (line.debit, line.credit)]
        assert [balance.account for balance in item.balances] == list(dict.fromkeys(named))
        for balance in item.balances:
            at = (balance.debits_satang, balance.credits_satang)
            assert at == standing[balance.account], item.recorded_seq
            assert balance.balance_satang == at[1] - at[0]


@pytest.mark.timeout(7200)  # the long profiles take their time
@given(batches=st.lists(_BATCHES, min_size=1, max_size=4), data=st.data())
def test_balances_of_the_feed_are_those_that_a_reading_from_the_start_gives(
    world: World, batches: list[tuple[list[tuple[list[Line], int]], int]], data: st.DataObject
) -> None:
    book_id = world.run(_book(world.connection))
    number = 0
    for journals, times in batches:
        units = []
        for lines, days in journals * times:
            number += 1
            units.append(unit(_journal(book_id, number, lines, days)))
        world.run(_post(world.connection, book_id, units))
    whole = world.run(feed(world.connection, book_id, 0, 10_000))
    assert [item.recorded_seq for item in whole] == list(range(1, len(whole) + 1))
    _as_read(whole)
    for _ in range(4):
        after = data.draw(st.integers(0, len(whole)))
        limit = data.draw(st.integers(1, 100))
        page = world.run(feed(world.connection, book_id, after, limit))
        assert page == whole[after : after + limit]


async def test_a_batch_that_names_no_journals_is_read_from_either_of_its_ends(pool: Pool) -> None:
    scene = await make_scene(pool, members=2)
    member = scene.members[0]
    count = 3 * NAMED_MIN
    # Refusals that follow end at the batch's own last number and must not be taken for it.
    await post_units(pool, 1, [unit(journal(scene.bank, member, n + 1)) for n in range(count)])
    for _ in range(2):
        refused = await post(pool, 1, [journal(scene.members[1], member, 1)])
        assert refused.status is Status.REFUSED
    async with pool.acquire() as connection:
        named = await connection.fetchval(
            "SELECT count(*) FROM ledger.movement WHERE journals IS NOT NULL"
        )
        assert named == 0
        whole = await feed(connection, 1, 0, 10_000)
        _as_read(whole)
        for after in (3, 4, 50, count // 2, count - 2, count + 2, len(whole)):
            assert await feed(connection, 1, after, 5) == whole[after : after + 5]


async def test_a_page_ends_early_after_very_many_transfers_but_never_within_a_journal(
    pool: Pool,
) -> None:
    scene = await make_scene(pool)
    long = Journal(
        journal_id=uuid5(NAMES, "long"),
        kind=JournalKind.MANUAL,
        transfers=tuple(
            Transfer(debit=scene.bank, credit=scene.members[0], amount_satang=n + 1)
            for n in range(9)
        ),
    )
    short = [journal(scene.bank, scene.members[1], 7) for _ in range(3)]
    await post(pool, 1, [short[0], short[1], long, short[2]])
    async with pool.acquire() as connection:
        whole = await feed(connection, 1, 0, 100)
        pages, reached = [], 0
        while reached < len(whole):
            pages.append(await items_between(connection, 1, reached, len(whole), transfers_max=4))
            reached = pages[-1][-1].recorded_seq
    assert [item for page in pages for item in page] == whole
    assert [sum(len(item.transfers) for item in page) for page in pages] == [2, 9, 1]


async def test_holds_limits_and_freezes_stand_in_the_feed_as_they_were_recorded(pool: Pool) -> None:
    scene = await make_scene(pool, opening=500)
    member = scene.members[0]
    operations: list[Operation] = [
        PlaceHold(hold_id=uuid5(NAMES, "hold"), account=member, amount_satang=200, reference="R1"),
        SetLimits(account=member, balance_min=-100, balance_max=900),
        SetFreeze(account=member, debits=True, credits=False),
    ]
    await post(pool, 1, operations)
    # What comes later changes nothing of what the feed says.
    await post(pool, 1, [SetFreeze(account=member, debits=False, credits=False)])
    async with pool.acquire() as connection:
        hold, limits, freeze, thaw = (await feed(connection, 1, 0, 100))[-4:]
    assert (hold.kind, hold.account, hold.amount_satang) == ("hold_placed", "SAV-0001", 200)
    assert hold.hold_id == uuid5(NAMES, "hold")
    assert (hold.body["reference"], hold.balances) == ("R1", ())
    assert (limits.body["balance_min"], limits.body["balance_max"]) == (-100, 900)
    assert (freeze.body["debits"], thaw.body["debits"]) == (True, False)


async def test_the_feed_beyond_the_head_is_empty_and_says_nothing_else(pool: Pool) -> None:
    await make_scene(pool)
    async with pool.acquire() as connection:
        assert await feed(connection, 1, 10**18, 5) == []
