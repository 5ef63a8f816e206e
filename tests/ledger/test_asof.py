"""Balances on either axis, as known at any number, against adding transfers up one by one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import asof
from ledger.asof import AsOf, Axis
from ledger.db import Pool
from ledger.errors import InvalidInput, NotFound
from ledger.posting.values import Origin
from tests.ledger.asof_model import LIVES, OPENED_ON, Draw, Life, Step, begin_life

_ONE = (Draw(transfers=((0, 1, 100_00),), valued_ago=0),)


def _step(kind: str, days_ago: int = 1, journals: tuple[Draw, ...] = _ONE) -> Step:
    return Step(kind=kind, days_ago=days_ago, journals=journals)


@given(steps=LIVES, data=st.data())
async def test_balances_of_any_date_known_at_any_number_are_what_the_transfers_say(
    pool: Pool, steps: list[Step], data: st.DataObject
) -> None:
    life = await begin_life(pool)
    await life.live(steps)
    moments = data.draw(st.lists(st.integers(0, life.head_seq), min_size=1, max_size=6))
    async with pool.acquire() as connection:
        for known_at in {*moments, life.head_seq}:
            for axis in Axis:
                for day in life.dates:
                    found = await asof.balances(
                        connection,
                        life.book.book_id,
                        life.ids,
                        on=day,
                        axis=axis,
                        known_at=known_at,
                    )
                    assert found == life.balances(day, axis, known_at), (known_at, axis, day)


async def _two_proven_days(pool: Pool) -> Life:
    life = await begin_life(pool)
    await life.live([_step("doors"), _step("cut"), _step("doors"), _step("cut"), _step("prove", 4)])
    await life.live([_step("prove", 4)])
    assert life.proven == 2
    return life


async def _balance(life: Life, on: date, known_at: int | None = None) -> int:
    async with life.pool.acquire() as connection:
        found = await asof.balances(
            connection, life.book.book_id, life.ids[1:2], on=on, known_at=known_at
        )
    return found[life.ids[1]].balance_satang


async def test_an_adjustment_of_a_proven_day_changes_that_day_but_not_what_was_known(
    pool: Pool,
) -> None:
    life = await _two_proven_days(pool)
    known = life.head_seq
    await life.post(_ONE, Origin.ADJUST, OPENED_ON)
    assert await _balance(life, OPENED_ON) == 200_00
    assert await _balance(life, OPENED_ON + timedelta(days=1)) == 300_00
    assert await _balance(life, OPENED_ON, known) == 100_00
    assert await _balance(life, OPENED_ON + timedelta(days=1), known) == 200_00


async def test_an_adjustment_between_a_snapshot_and_its_proof_is_counted_once(pool: Pool) -> None:
    life = await begin_life(pool)
    await life.live([_step("doors"), _step("cut"), _step("prove", 1), _step("doors")])
    rows = await pool.fetch("SELECT batch_no, credits FROM ledger.snapshot WHERE credits > 0")
    assert [row["credits"] for row in rows] == [100_00]
    late = await pool.fetchval("SELECT max(batch_no) FROM ledger.batch WHERE origin = 4")
    assert rows[0]["batch_no"] < late
    assert await _balance(life, OPENED_ON) == 200_00
    totals = await pool.fetch("SELECT gl_code, debits, credits FROM ledger.day_total")
    assert {(row["gl_code"], row["debits"], row["credits"]) for row in totals} == {
        ("111100", 200_00, 0),
        ("211100", 0, 200_00),
    }


async def test_the_next_snapshot_includes_adjustments_that_the_last_one_lacks(pool: Pool) -> None:
    life = await begin_life(pool)
    await life.live([_step("doors"), _step("cut"), _step("prove", 4)])
    await life.post(_ONE, Origin.ADJUST, OPENED_ON)
    await life.live([_step("doors"), _step("cut"), _step("prove", 4)])
    closing = await pool.fetchval(
        "SELECT credits FROM ledger.snapshot WHERE business_date = $1 AND account_id = $2",
        OPENED_ON + timedelta(days=1),
        life.ids[1],
    )
    assert closing == 300_00
    assert await _balance(life, OPENED_ON + timedelta(days=1)) == 300_00


async def test_a_number_in_the_middle_of_a_batch_shows_its_journals_up_to_it(pool: Pool) -> None:
    life = await begin_life(pool)
    await life.post(_ONE * 3, Origin.DOORS, OPENED_ON)
    balances = [await _balance(life, OPENED_ON, life.head_seq - before) for before in (3, 2, 1, 0)]
    assert balances == [0, 100_00, 200_00, 300_00]


async def test_what_has_not_been_recorded_cannot_be_known(pool: Pool) -> None:
    life = await begin_life(pool)
    for number in (life.head_seq + 1, -1):
        with pytest.raises(InvalidInput, match="a number from 0 to the book's last"):
            await _balance(life, OPENED_ON, number)
    assert await _balance(life, OPENED_ON, 0) == 0


async def test_an_unknown_book_is_named_and_an_account_that_never_moved_stands_at_zero(
    pool: Pool,
) -> None:
    life = await begin_life(pool)
    async with pool.acquire() as connection:
        with pytest.raises(NotFound, match="no book 99999"):
            await asof.balances(connection, 99_999, [1], on=OPENED_ON)
        found = await asof.balances(
            connection, life.book.book_id, [life.ids[0], 2**31 - 1], on=OPENED_ON
        )
    assert found == {life.ids[0]: AsOf(), 2**31 - 1: AsOf()}


async def test_everything_read_under_one_pin_stands_at_one_moment(pool: Pool) -> None:
    life = await begin_life(pool)
    await life.post(_ONE, Origin.DOORS, OPENED_ON)
    async with pool.acquire() as connection:
        at = await asof.pin(connection, life.book.book_id)
        before = await asof.balances_at(connection, at, life.ids, on=OPENED_ON, axis=Axis.BUSINESS)
        await life.post(_ONE * 2, Origin.DOORS, OPENED_ON)
        again = await asof.balances_at(connection, at, life.ids, on=OPENED_ON, axis=Axis.BUSINESS)
    assert again == before
    assert at.known_at == at.head_seq == life.head_seq - 2


async def test_each_account_is_missing_only_the_adjustments_after_its_own_snapshot(
    pool: Pool,
) -> None:
    life = await begin_life(pool)
    both = (*_ONE, Draw(transfers=((0, 2, 5_00),), valued_ago=0))
    await life.live([_step("doors", 1, both), _step("cut"), _step("prove", 4)])
    # ACC-1 has a snapshot with the adjustment in it, ACC-2 an older one without.
    await life.post(both, Origin.ADJUST, OPENED_ON)
    await life.live([_step("doors"), _step("cut"), _step("prove", 4)])
    async with pool.acquire() as connection:
        found = await asof.balances(
            connection, life.book.book_id, life.ids[1:3], on=OPENED_ON + timedelta(days=1)
        )
    assert found[life.ids[1]].balance_satang == 300_00
    assert found[life.ids[2]].balance_satang == 10_00
