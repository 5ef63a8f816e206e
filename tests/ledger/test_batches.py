"""What a batch means: its units one after another, each on its own, as n batches of one would be.

A drawn list of units is posted as one batch to one book and unit by unit to its twin; the two books
must answer and stand alike. Further the things that only exist inside a batch: one guilty unit
among fifty, a row that two units were decided on, a date that moves in the middle.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.db import Pool
from ledger.posting.collector import Collector
from ledger.posting.values import (
    BUSINESS_DATE,
    FIRST_SEQ,
    MoveBusinessDate,
    Note,
    Origin,
    Outcome,
    RowRead,
    RowWrite,
    Status,
    Unit,
)
from ledger.posting.write import post_batch
from tests.builders import journal, unit
from tests.ledger.play import OPENED_ON, ROW_IDS, Table, World, next_book_id, set_table
from tests.ledger.recipes import BATCHES, NEXT_VERSION, ROWS, UnitRecipe

BANK, SAV, SAV2 = 1, 2, 3


@pytest.fixture
def world(shared_url: str) -> Iterator[World]:
    """A loop of our own: Hypothesis calls a plain function many times."""
    made = World(shared_url)
    yield made
    made.close()


@pytest.mark.timeout(7200)  # the long profiles take their time
@given(history=st.lists(BATCHES, max_size=3), batch=BATCHES)
def test_a_batch_of_n_is_n_batches_of_one(
    world: World, history: list[list[UnitRecipe]], batch: list[UnitRecipe]
) -> None:
    together, apart = world.table(), world.table()

    async def play() -> None:
        for recipes in [*history, batch]:
            # An idempotency key twice in one batch is `in_progress`: the one difference there is.
            units = [
                replace(together.kitchen.unit(recipe), key=None, reads=(), writes=())
                for recipe in recipes
            ]
            one = [_fact(outcome) for outcome in await together.play(units)]
            many = [_fact((await apart.play([unit]))[0]) for unit in units]
            assert one == many
        assert _standing(together) == _standing(apart)

    world.run(play())


def _fact(outcome: Outcome) -> Outcome:
    """An outcome without the words that speak of its batch."""
    return replace(outcome, batch_no=None, digest=None)


def _standing(table: Table) -> dict[str, object]:
    book = table.oracle.book
    return {"accounts": book.accounts, "holds": book.holds, "seq": book.seq, "day": book.day}


async def test_outcomes_come_in_the_order_of_the_units(bare_table: Table) -> None:
    amounts = [7, 10**15, 3, 0, 5]
    outcomes = await bare_table.play([unit(journal(BANK, SAV, amount)) for amount in amounts])
    assert [outcome.status is Status.ACCEPTED for outcome in outcomes] == [
        True,
        False,
        True,
        False,
        True,
    ]
    seqs = [o.receipts[0].recorded_seq for o in outcomes if o.receipts]
    assert seqs == list(range(seqs[0], seqs[0] + 3))


async def test_a_unit_sees_what_the_unit_before_it_left(bare_table: Table) -> None:
    spend = journal(SAV, SAV2, 100)
    outcomes = await bare_table.play(
        [unit(journal(BANK, SAV, 100)), unit(spend), unit(journal(SAV, SAV2, 1))]
    )
    assert [o.status.value for o in outcomes] == ["accepted", "accepted", "refused"]


async def test_what_follows_a_cut_off_belongs_to_the_next_batch(bare_table: Table) -> None:
    tomorrow = OPENED_ON + timedelta(days=1)
    deposit = unit(journal(BANK, SAV, 100))
    outcomes = await bare_table.play([unit(MoveBusinessDate(to=tomorrow)), deposit])
    assert [o.status for o in outcomes] == [Status.ACCEPTED, Status.DEFERRED]
    (later,) = await bare_table.play([deposit])
    assert later.receipts[0].business_date == tomorrow


async def test_the_date_moves_once_and_only_on_the_current_date(bare_table: Table) -> None:
    first, second = (OPENED_ON + timedelta(days=n) for n in (1, 2))
    twice = unit(MoveBusinessDate(to=first), MoveBusinessDate(to=second))
    (outcome,) = await bare_table.play([twice])
    assert (outcome.status, outcome.failed_operation) == (Status.REFUSED, 1)
    await bare_table.play([unit(MoveBusinessDate(to=first))])
    (night,) = await bare_table.play([unit(MoveBusinessDate(to=second))], on=OPENED_ON)
    assert night.status is Status.REFUSED


async def test_a_night_posts_on_the_date_that_was_cut_off(bare_table: Table) -> None:
    await bare_table.play([unit(MoveBusinessDate(to=OPENED_ON + timedelta(days=1)))])
    (outcome,) = await bare_table.play([unit(journal(BANK, SAV, 5))], on=OPENED_ON)
    assert outcome.receipts[0].business_date == OPENED_ON


async def test_of_two_units_decided_on_one_row_the_second_decides_again(bare_table: Table) -> None:
    read = RowRead(table=ROWS, row_id=ROW_IDS[0], version=1)
    write = RowWrite(statement=NEXT_VERSION, arguments=(bare_table.book_id, ROW_IDS[0]))
    units = [
        Unit(operations=(journal(BANK, SAV, 5),), actor="a", reads=(read,), writes=(write,))
        for _ in range(2)
    ]
    outcomes = await bare_table.play(units)
    assert [o.status for o in outcomes] == [Status.ACCEPTED, Status.STALE]
    retried = await bare_table.play(units[:1])
    assert retried[0].status is Status.REPLAYED


async def test_a_refused_unit_leaves_its_product_row_alone(bare_table: Table) -> None:
    read = RowRead(table=ROWS, row_id=ROW_IDS[0], version=1)
    write = RowWrite(statement=NEXT_VERSION, arguments=(bare_table.book_id, ROW_IDS[0]))
    asked = Unit(operations=(journal(SAV, BANK, 5),), actor="a", reads=(read,), writes=(write,))
    (outcome,) = await bare_table.play([asked])
    assert outcome.status is Status.REFUSED
    version = await bare_table.connection.fetchval(
        "SELECT version FROM ledger.manual_journal WHERE book_id = $1 AND journal_id = $2",
        bare_table.book_id,
        ROW_IDS[0],
    )
    assert version == 1


async def test_a_row_write_learns_its_number_and_its_date(bare_table: Table) -> None:
    statement = (
        "UPDATE ledger.manual_journal SET reason = $3::bigint::text || ' ' || $4::date::text "
        "WHERE book_id = $1 AND journal_id = $2"
    )
    arguments = (bare_table.book_id, ROW_IDS[1], FIRST_SEQ, BUSINESS_DATE)
    write = RowWrite(statement=statement, arguments=arguments)
    asked = Unit(operations=(journal(BANK, SAV, 5),), actor="a", writes=(write,))
    (outcome,) = await bare_table.play([asked])
    found = await bare_table.connection.fetchval(
        "SELECT reason FROM ledger.manual_journal WHERE book_id = $1 AND journal_id = $2",
        bare_table.book_id,
        ROW_IDS[1],
    )
    assert found == f"{outcome.receipts[0].recorded_seq} {OPENED_ON}"


async def test_one_guilty_unit_among_fifty_fails_alone(shared_pool: Pool) -> None:
    async with shared_pool.acquire() as connection:
        table = await set_table(connection, next_book_id(), Counter())
    # A row that is there already is found by the database only: an error, not a refusal.
    twice = RowWrite(
        statement="INSERT INTO ledger.manual_journal (book_id, journal_id, body, made_by, made_at) "
        "VALUES ($1, $2, '{}', 'maker', clock_timestamp())",
        arguments=(table.book_id, ROW_IDS[0]),
    )
    guilty = Unit(operations=(journal(BANK, SAV, 1),), actor="test", writes=(twice,))
    async with Collector(shared_pool) as collector:
        units = [unit(journal(BANK, SAV, 1)) for _ in range(25)]
        units = [*units, guilty, *[unit(journal(BANK, SAV2, 1)) for _ in range(24)]]
        answers = await asyncio.gather(
            *(collector.submit(table.book_id, asked) for asked in units), return_exceptions=True
        )
    failed = [place for place, answer in enumerate(answers) if isinstance(answer, BaseException)]
    assert failed == [25]
    assert isinstance(answers[25], asyncpg.UniqueViolationError)


async def test_a_unit_without_operations_is_an_error_of_its_caller(bare_table: Table) -> None:
    connection = bare_table.connection
    with pytest.raises(Exception, match="a unit without operations"):
        async with connection.transaction():
            await post_batch(connection, bare_table.book_id, [unit()], origin=Origin.DOORS)


async def test_an_unposted_transaction_leaves_nothing_behind(bare_table: Table) -> None:
    connection = bare_table.connection
    asked = unit(journal(BANK, SAV, 5), Note(kind=31, subject=uuid4()))
    transaction = connection.transaction()
    await transaction.start()
    await post_batch(connection, bare_table.book_id, [asked], origin=Origin.DOORS)
    await transaction.rollback()
    # The oracle was never told of it: the next batch would differ if anything had stayed.
    (outcome,) = await bare_table.play([unit(journal(BANK, SAV2, 5))])
    assert outcome.status is Status.ACCEPTED
