"""Months as an accountant closes them, adjusts in them and opens them again, two at once too."""

from __future__ import annotations

import asyncio
from datetime import date

import asyncpg
import pytest

from ledger.db import Pool
from ledger.errors import InvalidInput, NotFound
from ledger.periods.acts import PeriodNotReady, PeriodWrongState, acts_of
from ledger.periods.months import close_month, reopen_month
from ledger.periods.spans import (
    PeriodKind,
    PeriodState,
    month_of,
)
from ledger.posting.values import (
    IdempotencyKey,
    Origin,
    Outcome,
    Period,
    Status,
    Unit,
)
from ledger.posting.write import post_batch
from tests.ledger.period_scene import (
    CHIEF,
    Scene,
    a_year_of_business,
    code_of,
    make_scene,
)

JAN, FEB, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
JAN_END, FEB_END = date(2026, 1, 31), date(2026, 2, 28)
YEAR_END = date(2026, 12, 31)
WHY = "the auditor asked for it"


@pytest.fixture
async def scene(shared_pool: Pool) -> Scene:
    """A book opened on 1 January 2026, calendar fiscal years."""
    return await make_scene(shared_pool)


@pytest.fixture
async def short(shared_pool: Pool) -> Scene:
    """A book opened on 10 December 2026: its first year is one partial month."""
    return await make_scene(shared_pool, opened_on=date(2026, 12, 10))


async def test_a_month_closes_with_the_trial_balance_that_is_known_at_its_number(
    scene: Scene,
) -> None:
    await a_year_of_business(scene)
    await scene.live_through(FEB.replace(day=3))
    await scene.post("BANK", "SAVINGS", 777, value_date=date(2026, 1, 20))
    acted = await close_month(scene.pool, scene.book, JAN_END, actor=CHIEF)
    assert acted.outcome.status is Status.ACCEPTED
    assert (acted.period.state, acted.period.closings) == (PeriodState.CLOSED, 1)
    kept = await scene.kept(PeriodKind.MONTH, JAN, 1)
    assert kept == await scene.truth(JAN_END, acted.period.closed_seq or 0)
    assert kept["411100"] == (0, 90_000)
    assert acted.draft is not None
    assert acted.draft.debits == acted.draft.credits == 130_000
    told = acted.draft.vouchers
    assert (told.number, told.first, told.last) == (4, 1, 4)
    # What came to February before the closing is not in January, whatever its value date.
    assert kept["211100"] == (10_000, 25_000)


async def test_a_month_waits_until_each_of_its_days_is_proven(scene: Scene) -> None:
    await scene.live_through(date(2026, 1, 20))
    with pytest.raises(PeriodNotReady, match="2026-01-21 is not proven"):
        await close_month(scene.pool, scene.book, JAN, actor=CHIEF)
    await scene.live_through(JAN_END)
    with pytest.raises(PeriodNotReady, match="2026-02-01 is not proven"):
        await close_month(scene.pool, scene.book, FEB, actor=CHIEF)
    with pytest.raises(PeriodNotReady, match="is not proven"):
        await close_month(scene.pool, scene.book, date(2026, 9, 1), actor=CHIEF)


async def test_months_close_in_order_and_once(scene: Scene) -> None:
    await scene.live_through(FEB_END)
    with pytest.raises(PeriodNotReady, match="waits for 2026-01"):
        await close_month(scene.pool, scene.book, FEB, actor=CHIEF)
    await scene.close_through(FEB_END)
    with pytest.raises(PeriodWrongState, match="is closed already"):
        await close_month(scene.pool, scene.book, JAN, actor=CHIEF)


async def test_a_month_before_the_book_began_is_no_period_of_it(scene: Scene) -> None:
    with pytest.raises(NotFound, match="was opened on 2026-01-01"):
        await close_month(scene.pool, scene.book, date(2025, 12, 1), actor=CHIEF)


async def test_the_first_month_may_be_partial(short: Scene) -> None:
    await short.live_through(date(2026, 12, 30))
    with pytest.raises(PeriodNotReady, match="2026-12-31 is not proven"):
        await close_month(short.pool, short.book, YEAR_END, actor=CHIEF)
    await short.live_through(YEAR_END)
    acted = await close_month(short.pool, short.book, YEAR_END, actor=CHIEF)
    assert acted.period.span.starts_on == date(2026, 12, 1)


async def test_a_closed_day_of_an_open_month_takes_an_adjustment_and_nothing_else(
    scene: Scene,
) -> None:
    first = await scene.post("BANK", "SAVINGS", 1_000)
    await scene.live_through(date(2026, 1, 20))
    corrects = first.receipts[0].journal_id
    outcome = await scene.post("COSTS", "BANK", 300, on=date(2026, 1, 10), adjusts=corrects)
    receipt = outcome.receipts[0]
    assert (receipt.business_date, receipt.value_date) == (date(2026, 1, 10),) * 2
    row = await scene.pool.fetchrow(
        "SELECT t.adjusts, b.origin, b.period FROM ledger.transfer AS t "
        "INNER JOIN ledger.batch AS b ON b.book_id = t.book_id AND b.last_seq = t.recorded_seq "
        "WHERE t.book_id = $1 AND t.recorded_seq = $2",
        scene.book_id,
        receipt.recorded_seq,
    )
    assert row is not None
    assert tuple(row) == (corrects, Origin.ADJUST, Period.ORDINARY)
    unit = Unit(operations=(scene.journal("COSTS", "BANK", 1),), actor="test:clerk")
    for origin in (Origin.DOORS, Origin.NIGHT, Origin.BULK):
        with pytest.raises(asyncpg.PostgresError, match="takes adjustments only"):
            async with scene.pool.acquire() as connection, connection.transaction():
                await post_batch(
                    connection,
                    scene.book_id,
                    [unit],
                    origin=origin,
                    business_date=date(2026, 1, 10),
                )


async def test_a_closed_month_takes_no_adjustment_and_the_refusal_is_remembered(
    scene: Scene,
) -> None:
    await scene.close_through(JAN_END)
    journal = scene.journal("COSTS", "BANK", 300)
    unit = Unit(operations=(journal,), actor="test:clerk")
    refused = await scene.post_unit(unit, on=date(2026, 1, 10))
    assert code_of(refused) == "period_closed"
    await reopen_month(scene.pool, scene.book, JAN, actor=CHIEF, reason=WHY)
    again = await scene.post_unit(unit, on=date(2026, 1, 10))
    assert (code_of(again), again.replay) == ("period_closed", True)
    assert code_of(await scene.post("COSTS", "BANK", 300, on=date(2026, 1, 10))) == "accepted"


async def test_an_adjustment_is_not_dated_before_the_book_nor_ahead_of_it(scene: Scene) -> None:
    await scene.live_through(date(2026, 1, 5))
    for day in (date(2025, 12, 31), date(2026, 1, 7)):
        assert code_of(await scene.post("COSTS", "BANK", 1, on=day)) == "period_closed"


async def test_a_month_is_opened_again_for_a_reason_and_its_first_closing_stays(
    scene: Scene,
) -> None:
    await a_year_of_business(scene)
    await scene.close_through(JAN_END)
    first = await scene.kept(PeriodKind.MONTH, JAN, 1)
    with pytest.raises(InvalidInput, match="why the period is opened again"):
        await reopen_month(scene.pool, scene.book, JAN, actor=CHIEF, reason=" ")
    opened = await reopen_month(scene.pool, scene.book, JAN, actor=CHIEF, reason=WHY)
    assert opened.period.state is PeriodState.OPEN_AGAIN
    await scene.post("COSTS", "BANK", 300, on=date(2026, 1, 26))
    second = await close_month(scene.pool, scene.book, JAN, actor=CHIEF)
    assert second.period.closings == 2
    async with scene.pool.acquire() as connection:
        acts = await acts_of(connection, scene.book, month_of(JAN))
    assert [(act.opened_again, act.closing, act.reason) for act in acts] == [
        (False, 1, ""),
        (True, 1, WHY),
        (False, 2, ""),
    ]
    for act in acts:
        if not act.opened_again:
            known = await scene.truth(JAN_END, act.recorded_seq)
            assert {c: (t.debits, t.credits) for c, t in act.totals.items()} == known
    assert await scene.kept(PeriodKind.MONTH, JAN, 1) == first
    assert (await scene.kept(PeriodKind.MONTH, JAN, 2))["541200"] == (5_300, 0)


async def test_what_was_closed_last_is_opened_first(scene: Scene) -> None:
    await scene.close_through(FEB_END)
    with pytest.raises(PeriodNotReady, match="begins on 2026-02-01"):
        await reopen_month(scene.pool, scene.book, JAN, actor=CHIEF, reason=WHY)
    await reopen_month(scene.pool, scene.book, FEB, actor=CHIEF, reason=WHY)
    with pytest.raises(PeriodWrongState, match="is not closed"):
        await reopen_month(scene.pool, scene.book, FEB, actor=CHIEF, reason=WHY)
    await reopen_month(scene.pool, scene.book, JAN, actor=CHIEF, reason=WHY)


async def test_a_rehearsed_closing_answers_and_leaves_no_trace(short: Scene) -> None:
    await a_year_of_business(short)
    await short.live_through(YEAR_END)
    before = await short.pool.fetchval(
        "SELECT recorded_seq FROM ledger.book_head WHERE book_id = $1", short.book_id
    )
    acted = await close_month(short.pool, short.book, YEAR_END, actor=CHIEF, rehearse=True)
    assert acted.period.closed_seq == before + 1
    assert not await short.closed(PeriodKind.MONTH, date(2026, 12, 1))
    real = await close_month(short.pool, short.book, YEAR_END, actor=CHIEF)
    assert real.period == acted.period
    assert real.draft == acted.draft


# Two at once


async def test_of_two_who_close_a_month_at_once_one_closes_it_and_the_other_is_told(
    scene: Scene,
) -> None:
    await scene.live_through(JAN_END)
    results = await asyncio.gather(
        *(close_month(scene.pool, scene.book, JAN, actor=f"chief:{n}") for n in range(4)),
        return_exceptions=True,
    )
    told = [result for result in results if isinstance(result, PeriodWrongState)]
    assert len(told) == 3
    async with scene.pool.acquire() as connection:
        assert len(await acts_of(connection, scene.book, month_of(JAN))) == 1


async def test_the_same_request_to_close_a_month_gets_the_same_answer(scene: Scene) -> None:
    await scene.live_through(JAN_END)
    key = IdempotencyKey(client="c", key="close-january", request_hash=b"\0" * 32)
    first = await close_month(
        scene.pool, scene.book, JAN, actor=CHIEF, key=key, answer=lambda acted: "answered"
    )
    assert first.outcome.status is Status.ACCEPTED
    with pytest.raises(PeriodWrongState):
        # The door looks its key up before it acts; here it finds the month closed.
        await close_month(scene.pool, scene.book, JAN, actor=CHIEF, key=key)


async def test_a_closing_and_adjustments_at_once_never_close_over_one_that_is_missing(
    scene: Scene,
) -> None:
    await a_year_of_business(scene)
    await scene.live_through(JAN_END)

    async def adjust(amount: int) -> Outcome:
        return await scene.post("COSTS", "BANK", amount, on=date(2026, 1, 15))

    results = await asyncio.gather(
        *(adjust(amount) for amount in range(1, 13)),
        close_month(scene.pool, scene.book, JAN, actor=CHIEF),
        *(adjust(amount) for amount in range(13, 25)),
    )
    outcomes = [result for result in results if isinstance(result, Outcome)]
    accepted = [outcome for outcome in outcomes if outcome.status is Status.ACCEPTED]
    refused = {code_of(outcome) for outcome in outcomes} - {"accepted"}
    assert refused <= {"period_closed"}
    kept = await scene.kept(PeriodKind.MONTH, JAN, 1)
    assert kept == await scene.truth(JAN_END)
    closed_at = await scene.pool.fetchval(
        "SELECT closed_seq FROM ledger.period WHERE book_id = $1", scene.book_id
    )
    assert all(outcome.receipts[0].recorded_seq < closed_at for outcome in accepted)


async def test_an_adjustment_on_its_way_is_closed_with_the_month(
    scene: Scene,
) -> None:
    await a_year_of_business(scene)
    await scene.live_through(JAN_END)
    unit = Unit(operations=(scene.journal("COSTS", "BANK", 300),), actor="test:clerk")
    async with scene.pool.acquire() as connection, connection.transaction():
        await post_batch(
            connection,
            scene.book_id,
            [unit],
            origin=Origin.ADJUST,
            business_date=date(2026, 1, 15),
        )
        closing = asyncio.create_task(close_month(scene.pool, scene.book, JAN, actor=CHIEF))
        # The closing has drawn up its totals without the adjustment and waits for the head.
        while not await scene.pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not closing.done()
    acted = await closing
    kept = await scene.kept(PeriodKind.MONTH, JAN, 1)
    assert kept == await scene.truth(JAN_END, acted.period.closed_seq or 0)
    assert kept["541200"] == (5_300, 0)
