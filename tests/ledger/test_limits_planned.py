"""Limits planned for a later date: set by the cut-off before it, cancelled until then."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from ledger import accounts, limits
from ledger.cut_off import end_business_date, what_is_due
from ledger.db import Connection, Pool
from ledger.errors import InvalidInput, NotFound
from ledger.limits import LimitPlan, LimitsOn, PlanEnded
from ledger.posting.collector import Collector, decide_and_post
from ledger.posting.values import CloseAccount, Origin, Outcome, SetLimits, Status, Unit
from ledger.proof.verify import verify_ledger
from tests.builders import OPENED_ON, journal, make_scene, post, post_units

SAV = "SAV-0001"
TOMORROW, LATER = OPENED_ON + timedelta(days=1), OPENED_ON + timedelta(days=2)


async def _unit(pool: Pool, on: date, low: int | None, high: int | None) -> Unit:
    async with pool.acquire() as connection:
        return await limits.plan_limits(
            connection,
            1,
            SAV,
            effective_on=on,
            balance_min=low,
            balance_max=high,
            actor="test:clerk",
            reason="agreed",
        )


async def _plan(pool: Pool, on: date, low: int | None, high: int | None = None) -> int:
    """Plan, and the plan's number."""
    (outcome,) = await post_units(pool, 1, [await _unit(pool, on, low, high)])
    assert outcome.status is Status.ACCEPTED, outcome
    return outcome.receipts[0].recorded_seq


async def _cancelling(pool: Pool, plan: int) -> Unit:
    async with pool.acquire() as connection:
        return await limits.cancel_plan(
            connection, 1, SAV, plan, actor="test:chief", reason="no longer"
        )


async def _cut(pool: Pool, ending: date) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await end_business_date(connection, 1, ending, actor="test:clock", origin=Origin.DOORS)


async def _position(pool: Pool) -> accounts.Position:
    async with pool.acquire() as connection:
        return await accounts.position(connection, 1, SAV)


async def _on(pool: Pool, on: date, known_at: int | None = None) -> LimitsOn | None:
    async with pool.acquire() as connection:
        return await limits.limits_on(connection, 1, SAV, on, known_at=known_at)


async def _plans(pool: Pool) -> list[LimitPlan]:
    async with pool.acquire() as connection:
        return await limits.plans(connection, 1, SAV)


async def test_a_plan_takes_effect_with_its_date_and_not_before(pool: Pool) -> None:
    await make_scene(pool)
    plan = await _plan(pool, LATER, -5_000, 90_000)
    await _cut(pool, OPENED_ON)
    assert (await _position(pool)).balance_min_satang == 0
    await _cut(pool, TOMORROW)
    position = await _position(pool)
    assert (position.balance_min_satang, position.balance_max_satang) == (-5_000, 90_000)
    (made,) = await _plans(pool)
    assert (made.planned_seq, made.state, made.planned_by) == (plan, "applied", "test:clerk")
    assert made.applied_seq == await pool.fetchval(
        "SELECT cut_seq FROM ledger.day WHERE business_date = $1", TOMORROW
    )
    async with pool.acquire() as connection:
        assert (await verify_ledger(connection, 1)).differences == ()


async def test_of_two_plans_for_one_date_the_one_made_later_stands(pool: Pool) -> None:
    await make_scene(pool)
    await _plan(pool, TOMORROW, -5_000)
    await _plan(pool, TOMORROW, -7_000)
    await _cut(pool, OPENED_ON)
    assert (await _position(pool)).balance_min_satang == -7_000
    assert [plan.state for plan in await _plans(pool)] == ["applied", "applied"]


async def test_a_plan_made_later_for_an_earlier_date_gives_way_on_the_later_date(
    pool: Pool,
) -> None:
    await make_scene(pool)
    await _plan(pool, LATER, -5_000)
    await _plan(pool, TOMORROW, -7_000)
    await _cut(pool, OPENED_ON)
    assert (await _position(pool)).balance_min_satang == -7_000
    await _cut(pool, TOMORROW)
    assert (await _position(pool)).balance_min_satang == -5_000


async def test_a_line_that_expires_below_its_use_leaves_an_excess_that_only_falls(
    pool: Pool,
) -> None:
    scene = await make_scene(pool)
    account = scene.members[0]
    await post(pool, 1, [SetLimits(account=account, balance_min=-5_000, balance_max=None)])
    await _plan(pool, TOMORROW, 0)
    await post(pool, 1, [journal(account, scene.bank, 4_000)])
    await _cut(pool, OPENED_ON)
    position = await _position(pool)
    assert (position.balance_satang, position.excess_satang) == (-4_000, 4_000)
    refused = await post(pool, 1, [journal(account, scene.bank, 1)])
    assert refused.refusal is not None
    assert refused.refusal.code == "below_balance_min"
    await post(pool, 1, [journal(scene.bank, account, 1_500)])
    assert (await _position(pool)).excess_satang == 2_500


async def test_a_cancelled_plan_never_takes_effect(pool: Pool) -> None:
    await make_scene(pool)
    plan = await _plan(pool, TOMORROW, -5_000)
    (outcome,) = await post_units(pool, 1, [await _cancelling(pool, plan)])
    assert outcome.status is Status.ACCEPTED
    await _cut(pool, OPENED_ON)
    assert (await _position(pool)).balance_min_satang == 0
    with pytest.raises(PlanEnded, match="is cancelled already"):
        await _cancelling(pool, plan)
    async with pool.acquire() as connection:
        assert (await verify_ledger(connection, 1)).differences == ()


async def test_a_plan_that_took_effect_meanwhile_is_not_cancelled(pool: Pool) -> None:
    await make_scene(pool)
    plan = await _plan(pool, TOMORROW, -5_000)
    given = [await _cancelling(pool, plan)]
    await _cut(pool, OPENED_ON)
    with pytest.raises(asyncpg.PostgresError, match="only moves forward"):
        await post_units(pool, 1, given)

    async def decide(_: Connection) -> Unit:
        return given.pop() if given else await _cancelling(pool, plan)

    async with Collector(pool) as collector:
        with pytest.raises(PlanEnded, match="is applied already"):
            await limits.cancel_and_post(collector, pool, 1, decide)
    (applied,) = await _plans(pool)
    assert (applied.state, applied.cancelled_seq) == ("applied", None)


async def test_a_plan_is_cancelled_however_busy_its_account_is(pool: Pool) -> None:
    scene = await make_scene(pool)
    unit = await _cancelling(pool, await _plan(pool, TOMORROW, -5_000))
    await post(pool, 1, [journal(scene.bank, scene.members[0], 100)])
    (outcome,) = await post_units(pool, 1, [unit])
    assert outcome.status is Status.ACCEPTED
    (plan,) = await _plans(pool)
    assert plan.state == "cancelled"


async def test_all_plans_of_a_date_are_marked_at_once_with_the_number_of_the_cut_off(
    pool: Pool,
) -> None:
    scene = await make_scene(pool)
    await _plan(pool, TOMORROW, -5_000)
    await _plan(pool, TOMORROW, -6_000)
    async with pool.acquire() as connection:
        other = await limits.plan_limits(
            connection,
            1,
            "SAV-0002",
            effective_on=TOMORROW,
            balance_min=-7_000,
            balance_max=None,
            actor="test:clerk",
            reason="agreed",
        )
        await post_units(pool, 1, [other])
        await _plan(pool, LATER, -8_000)
        due = await what_is_due(connection, 1, TOMORROW)
    assert (len(due.operations), len(due.writes)) == (3, 1)
    await _cut(pool, OPENED_ON)
    cut_seq = await pool.fetchval("SELECT max(cut_seq) FROM ledger.day")
    rows = await pool.fetch("SELECT account_id, applied_seq FROM ledger.limit_plan ORDER BY 1, 2")
    one, two = scene.members
    assert [tuple(row) for row in rows] == [
        (one, cut_seq),
        (one, cut_seq),
        (one, None),
        (two, cut_seq),
    ]


async def test_two_people_who_cancel_one_plan_cancel_it_once(pool: Pool) -> None:
    await make_scene(pool)
    plan = await _plan(pool, TOMORROW, -5_000)
    units = [await _cancelling(pool, plan), await _cancelling(pool, plan)]

    async with Collector(pool) as collector:

        async def cancel(mine: Unit) -> Outcome:
            given = [mine]

            async def decide(_: Connection) -> Unit:
                # What was decided before the other one; asked again, what is true by then.
                return given.pop() if given else await _cancelling(pool, plan)

            return await limits.cancel_and_post(collector, pool, 1, decide)

        done = await asyncio.gather(*map(cancel, units), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Outcome", "PlanEnded"]
    notes = await pool.fetchval("SELECT count(*) FROM ledger.event WHERE kind = 15")
    assert notes == 2


async def test_a_plan_that_the_cut_off_overtakes_is_decided_again(pool: Pool) -> None:
    await make_scene(pool)
    overtaken = await _unit(pool, TOMORROW, -5_000, None)
    await _cut(pool, OPENED_ON)
    (outcome,) = await post_units(pool, 1, [overtaken])
    assert outcome.status is Status.STALE
    given = [overtaken]

    async def decide(_: Connection) -> Unit:
        return given.pop() if given else await _unit(pool, TOMORROW, -5_000, None)

    async with Collector(pool) as collector:
        with pytest.raises(InvalidInput, match="after 2026-06-02"):
            await decide_and_post(collector, pool, 1, decide)
    assert await _plans(pool) == []
    assert await pool.fetchval("SELECT count(*) FROM ledger.event WHERE kind = 15") == 0


async def test_the_limits_of_a_date_are_told_as_they_were_known(pool: Pool) -> None:
    scene = await make_scene(pool)
    account = scene.members[0]
    opened = await pool.fetchval("SELECT recorded_seq FROM ledger.book_head")
    first = await _plan(pool, LATER, -1_000)
    second = await _plan(pool, LATER, -2_000)
    await post_units(pool, 1, [await _cancelling(pool, second)])
    await _cut(pool, OPENED_ON)
    await post(pool, 1, [SetLimits(account=account, balance_min=-9_000, balance_max=None)])
    await _cut(pool, TOMORROW)

    async def low(on: date, known_at: int | None = None) -> tuple[int | None, bool]:
        told = await _on(pool, on, known_at)
        assert told is not None
        return told.balance_min, told.planned

    assert await low(LATER, opened) == (0, False)
    assert await low(LATER, first) == (-1_000, True)
    assert await low(LATER, second) == (-2_000, True)
    assert await low(LATER, second + 1) == (-1_000, True)
    assert await low(TOMORROW, second) == (0, False)
    assert await low(OPENED_ON) == (0, False)
    assert await low(TOMORROW) == (-9_000, False)
    assert await low(LATER) == (-1_000, False)
    assert await _on(pool, OPENED_ON - timedelta(days=1)) is None


async def test_what_cannot_be_planned_is_refused_while_somebody_can_mend_it(pool: Pool) -> None:
    scene = await make_scene(pool)
    with pytest.raises(InvalidInput, match="after 2026-06-01"):
        await _unit(pool, OPENED_ON, None, None)
    with pytest.raises(InvalidInput, match="a lower limit up to the upper one"):
        await _unit(pool, TOMORROW, 2, 1)
    with pytest.raises(InvalidInput, match="within the range"):
        await _unit(pool, TOMORROW, -(10**18), None)
    with pytest.raises(NotFound, match="no plan of limits 99"):
        await _cancelling(pool, 99)
    await post(pool, 1, [CloseAccount(account=scene.members[0])])
    with pytest.raises(PlanEnded, match="is closed"):
        await _unit(pool, TOMORROW, None, None)
    async with pool.acquire() as connection:
        for ask in (
            limits.plans(connection, 1, "SAV-9"),
            limits.limits_on(connection, 1, "SAV-9", LATER),
        ):
            with pytest.raises(NotFound, match="no account SAV-9"):
                await ask


async def test_a_plan_is_changed_by_nobody_but_the_cut_off_and_its_cancelling(pool: Pool) -> None:
    await make_scene(pool)
    plan = await _plan(pool, TOMORROW, -5_000)
    for change in ("balance_min = -9", "effective_on = '2026-07-01'", "planned_seq = 1"):
        with pytest.raises(asyncpg.PostgresError, match="only moves forward"):
            await pool.execute(f"UPDATE ledger.limit_plan SET {change} WHERE planned_seq = {plan}")
    with pytest.raises(asyncpg.PostgresError):
        await pool.execute("DELETE FROM ledger.limit_plan")
