"""What people read: statements that join page by page, the trial balance, the feed, open holds."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from ledger import balances, days, events, holds, statements
from ledger.cut_off import cut_off_unit
from ledger.db import Pool
from ledger.errors import NotFound
from ledger.posting.values import PlaceHold, Status
from tests.builders import OPENED_ON, Scene, journal, make_scene, post, post_units, unit


async def _busy_book(pool: Pool) -> Scene:
    """Three days of movements on the first member's account, some batches with many journals."""
    scene = await make_scene(pool, opening=100_000_00)
    member, bank = scene.members[0], scene.bank
    for day in range(3):
        on = OPENED_ON + timedelta(days=day)
        for size in (1, 3, 80):
            units = [unit(journal(bank, member, 100 + n)) for n in range(size)]
            units += [unit(journal(member, bank, 50, value_date=OPENED_ON))]
            await post_units(pool, 1, units)
        await post_units(pool, 1, [cut_off_unit(on + timedelta(days=1), actor="test:clock")])
    return scene


@pytest.mark.parametrize("size", [1, 7, 84, 85, 500])
async def test_the_pages_of_a_statement_join_to_the_satang(pool: Pool, size: int) -> None:
    await _busy_book(pool)
    async with pool.acquire() as connection:
        whole = await statements.statement(connection, 1, "SAV-0001", limit=10_000)
        lines: list[statements.StatementLine] = []
        after: statements.Cursor | None = None
        opening = whole.opening_satang
        while True:
            page = await statements.statement(connection, 1, "SAV-0001", after=after, limit=size)
            assert page.opening_satang == opening
            lines += page.lines
            opening, after = page.closing_satang, page.next_cursor
            if after is None or len(lines) > 400:
                break
    assert tuple(lines) == whole.lines
    assert len(lines) == 1 + 3 * (1 + 3 + 80 + 3)
    assert lines[-1].balance_satang == sum(line.amount_satang for line in lines)


async def test_a_statement_from_a_date_opens_with_the_balance_before_it(pool: Pool) -> None:
    await _busy_book(pool)
    second = OPENED_ON + timedelta(days=1)
    async with pool.acquire() as connection:
        first_day = await statements.statement(
            connection, 1, "SAV-0001", to_date=OPENED_ON, limit=1000
        )
        rest = await statements.statement(connection, 1, "SAV-0001", from_date=second, limit=1000)
    assert rest.opening_satang == first_day.closing_satang
    assert {line.business_date for line in rest.lines} == {second, second + timedelta(days=1)}


async def test_the_trial_balance_of_a_date_leaves_out_what_came_later(pool: Pool) -> None:
    scene = await make_scene(pool, opening=500_00)
    before = None
    await post_units(pool, 1, [cut_off_unit(OPENED_ON + timedelta(days=1), actor="test:clock")])
    async with pool.acquire() as connection:
        before = await balances.trial_balance(connection, 1, OPENED_ON)
    await post(pool, 1, [journal(scene.bank, scene.members[0], 77)])
    async with pool.acquire() as connection:
        again = await balances.trial_balance(connection, 1, OPENED_ON)
        after = await balances.trial_balance(connection, 1, OPENED_ON + timedelta(days=1))
    assert again.rows == before.rows
    assert before.debit_total == before.credit_total == 1000_00
    assert after.debit_total == after.credit_total == 1000_77


async def test_the_feed_gives_every_number_once_and_in_order(pool: Pool) -> None:
    await _busy_book(pool)
    seen: list[int] = []
    async with pool.acquire() as connection:
        while items := await events.feed(connection, 1, seen[-1] if seen else 0, limit=37):
            seen += [item.recorded_seq for item in items]
        kinds = {item.kind for item in await events.feed(connection, 1, 0, limit=10_000)}
    assert seen == list(range(1, len(seen) + 1))
    assert kinds == {"account_opened", "manual", "business_date_moved"}


async def test_a_cut_off_day_remembers_its_last_number(pool: Pool) -> None:
    await make_scene(pool)
    cut = cut_off_unit(OPENED_ON + timedelta(days=1), actor="test:clock")
    outcome = (await post_units(pool, 1, [cut]))[0]
    async with pool.acquire() as connection:
        first, second = await days.days_between(connection, 1, OPENED_ON, date(2026, 12, 31))
    assert (first.state, second.state) == (days.DayState.CUT_OFF, days.DayState.OPEN)
    assert first.cut_seq == outcome.receipts[0].recorded_seq


async def test_open_holds_are_listed_oldest_first_and_unknown_ones_named(pool: Pool) -> None:
    scene = await make_scene(pool, opening=100_00)
    ids = [uuid4(), uuid4()]
    for hold_id in ids:
        hold = PlaceHold(hold_id=hold_id, account=scene.members[0], amount_satang=10_00)
        assert (await post(pool, 1, [hold])).status is Status.ACCEPTED
    async with pool.acquire() as connection:
        assert [h.hold_id for h in await holds.open_holds(connection, 1, "SAV-0001")] == ids
        assert (await holds.get_hold(connection, 1, ids[0])).status is holds.HoldStatus.OPEN
        with pytest.raises(NotFound):
            await holds.get_hold(connection, 1, uuid4())
