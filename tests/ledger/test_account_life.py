"""Freezes that end by themselves, limits planned for a date: a small model says the same.

Every history is lived twice: by the book, with its cut-offs, and by a model of a few lines. What is
accepted, what stands after each act, and the limits of every date must agree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import accounts, dates, limits
from ledger.cut_off import end_business_date
from ledger.db import Pool, open_pool
from ledger.embedded import Lease
from ledger.posting.collector import Collector
from ledger.posting.values import (
    CloseAccount,
    Origin,
    Outcome,
    ReopenAccount,
    SetFreeze,
    SetLimits,
    Status,
)
from ledger.proof.verify import verify_ledger
from tests.builders import OPENED_ON, Scene, journal, make_scene, post, post_units, unit
from tests.products.savings_scene import fresh_database

SAV_1, SAV_2 = "SAV-0001", "SAV-0002"


async def _cut(pool: Pool, ending: date) -> None:
    """The clock's cut-off of one business date."""
    async with pool.acquire() as connection, connection.transaction():
        moved = await end_business_date(
            connection, 1, ending, actor="test:clock", origin=Origin.DOORS
        )
    assert moved


async def _position(pool: Pool, code: str = SAV_1) -> accounts.Position:
    async with pool.acquire() as connection:
        return await accounts.position(connection, 1, code)


async def _frozen(pool: Pool) -> tuple[bool, bool]:
    position = await _position(pool)
    return position.debits_frozen, position.credits_frozen


async def test_a_freeze_ends_with_the_cut_off_of_its_last_day_and_says_so(pool: Pool) -> None:
    scene = await make_scene(pool, opening=10_000)
    await post(
        pool,
        1,
        [SetFreeze(account=scene.members[0], debits=True, credits=True, until=OPENED_ON)],
    )
    assert await _frozen(pool) == (True, True)
    await _cut(pool, OPENED_ON)
    assert await _frozen(pool) == (False, False)
    events = await pool.fetch(
        "SELECT body, actor, reason, business_date FROM ledger.event WHERE kind = 12 ORDER BY 1"
    )
    assert [tuple(row) for row in events] == [
        (
            '{"credits":false,"debits":false,"until":null}',
            "test:clock",
            "cut-off",
            OPENED_ON,
        ),
        (
            '{"credits":true,"debits":true,"until":"2026-06-01"}',
            "test:clerk",
            "",
            OPENED_ON,
        ),
    ]
    outcome = await post(pool, 1, [journal(scene.members[0], scene.bank, 1)])
    assert outcome.status is Status.ACCEPTED


async def test_a_freeze_without_an_end_outlives_every_cut_off(pool: Pool) -> None:
    scene = await make_scene(pool)
    await post(pool, 1, [SetFreeze(account=scene.members[0], debits=True, credits=False)])
    for day in range(3):
        await _cut(pool, OPENED_ON + timedelta(days=day))
    assert await _frozen(pool) == (True, False)


async def test_a_freeze_that_ends_later_is_replaced_by_the_one_made_after_it(pool: Pool) -> None:
    scene = await make_scene(pool)
    account = scene.members[0]
    until = OPENED_ON + timedelta(days=1)
    await post(pool, 1, [SetFreeze(account=account, debits=True, credits=True, until=until)])
    await post(pool, 1, [SetFreeze(account=account, debits=False, credits=True)])
    for day in range(3):
        await _cut(pool, OPENED_ON + timedelta(days=day))
    assert await _frozen(pool) == (False, True)


async def test_a_closed_account_does_not_keep_the_date_from_moving(pool: Pool) -> None:
    scene = await make_scene(pool)
    account = scene.members[0]
    await post(pool, 1, [SetFreeze(account=account, debits=True, credits=True, until=OPENED_ON)])
    async with pool.acquire() as connection:
        plan = await limits.plan_limits(
            connection,
            1,
            SAV_1,
            effective_on=OPENED_ON + timedelta(days=1),
            balance_min=-500,
            balance_max=None,
            actor="test:clerk",
            reason="a line",
        )
    await post_units(pool, 1, [plan])
    assert (await post(pool, 1, [CloseAccount(account=account)])).status is Status.ACCEPTED
    await _cut(pool, OPENED_ON)
    position = await _position(pool)
    assert (position.closed, position.debits_frozen, position.balance_min_satang) == (
        True,
        True,
        0,
    )


async def test_the_first_door_after_the_cut_off_time_finds_what_was_due(pool: Pool) -> None:
    scene = await make_scene(pool, opening=10_000)
    await pool.execute("UPDATE ledger.book SET cut_off_time = $1", time(17, 0))
    account = scene.members[0]
    await post(pool, 1, [SetFreeze(account=account, debits=True, credits=True, until=OPENED_ON)])
    evening = datetime.combine(OPENED_ON, time(17, 1), dates.BANGKOK)
    async with Collector(pool, clock=lambda: evening) as collector:
        outcome = await collector.submit(1, unit(journal(account, scene.bank, 1)))
    assert outcome.status is Status.ACCEPTED
    assert outcome.receipts[0].business_date == OPENED_ON + timedelta(days=1)


async def test_a_date_that_has_ended_is_not_ended_twice(pool: Pool) -> None:
    await make_scene(pool)
    await _cut(pool, OPENED_ON)
    async with pool.acquire() as connection, connection.transaction():
        moved = await end_business_date(
            connection, 1, OPENED_ON, actor="test:clock", origin=Origin.DOORS
        )
    assert not moved


@dataclass(slots=True, kw_only=True)
class Model:
    """One account as a few plain fields."""

    today: date = OPENED_ON
    balance: int = 0
    debits_frozen: bool = False
    credits_frozen: bool = False
    until: date | None = None
    low: int | None = 0
    high: int | None = None
    plans: list[tuple[date, int, int | None, int | None]] = field(default_factory=list)
    history: dict[date, tuple[int | None, int | None]] = field(default_factory=dict)

    def freeze(self, debits: bool, credited: bool, until: date | None) -> None:
        """Both sides as given; nothing frozen has no end."""
        self.debits_frozen, self.credits_frozen = debits, credited
        self.until = until if debits or credited else None

    def move(self, amount: int) -> str | None:
        """Credit (or, below zero, debit); the refusal's code, if any."""
        if amount < 0 and self.debits_frozen:
            return "account_frozen_debit"
        if amount > 0 and self.credits_frozen:
            return "account_frozen_credit"
        if amount < 0 and self.low is not None and self.balance + amount < self.low:
            return "below_balance_min"
        if amount > 0 and self.high is not None and self.balance + amount > self.high:
            return "above_balance_max"
        self.balance += amount
        return None

    def cut(self) -> None:
        """The next business date, with what was due."""
        self.history[self.today] = (self.low, self.high)
        self.today += timedelta(days=1)
        if self.until is not None and self.until < self.today:
            self.freeze(False, False, None)
        for plan in sorted(self.plans):
            if plan[0] <= self.today:
                _, _, self.low, self.high = plan
        self.plans = [plan for plan in self.plans if plan[0] > self.today]

    def limits_on(self, on: date) -> tuple[int | None, int | None]:
        """The limits of a date: lived, or expected from the plans."""
        if on in self.history:
            return self.history[on]
        found = (self.low, self.high)
        for plan in sorted(self.plans):
            if plan[0] <= on:
                found = plan[2:]
        return found


class Account:
    """The real account beside its model: each verb does both and compares."""

    def __init__(self, pool: Pool, scene: Scene) -> None:
        self.pool, self.scene, self.model = pool, scene, Model()
        self.account = scene.members[0]

    async def freeze(self, debits: bool, credited: bool, days: int | None) -> None:
        until = None if days is None else self.model.today + timedelta(days=days)
        await self._accepted(
            SetFreeze(account=self.account, debits=debits, credits=credited, until=until)
        )
        self.model.freeze(debits, credited, until)

    async def limit(self, low: int | None, high: int | None) -> None:
        await self._accepted(SetLimits(account=self.account, balance_min=low, balance_max=high))
        self.model.low, self.model.high = low, high

    async def plan(self, days: int, low: int | None, high: int | None) -> None:
        on = self.model.today + timedelta(days=days)
        async with self.pool.acquire() as connection:
            made = await limits.plan_limits(
                connection,
                1,
                SAV_1,
                effective_on=on,
                balance_min=low,
                balance_max=high,
                actor="test:clerk",
                reason="planned",
            )
        (outcome,) = await post_units(self.pool, 1, [made])
        assert outcome.status is Status.ACCEPTED
        self.model.plans.append((on, outcome.receipts[0].recorded_seq, low, high))

    async def cancel(self, place: int) -> None:
        if not self.model.plans:
            return
        plan = self.model.plans.pop(place % len(self.model.plans))
        async with self.pool.acquire() as connection:
            ended = await limits.cancel_plan(
                connection, 1, SAV_1, plan[1], actor="test:clerk", reason="not needed"
            )
        (outcome,) = await post_units(self.pool, 1, [ended])
        assert outcome.status is Status.ACCEPTED

    async def move(self, amount: int) -> None:
        sides = (self.scene.bank, self.account) if amount > 0 else (self.account, self.scene.bank)
        outcome = await post(self.pool, 1, [journal(*sides, abs(amount))])
        code = None if outcome.refusal is None else outcome.refusal.code
        assert code == self.model.move(amount)

    async def cut(self) -> None:
        await _cut(self.pool, self.model.today)
        self.model.cut()

    async def _accepted(self, *operations: SetFreeze | SetLimits) -> Outcome:
        outcome = await post(self.pool, 1, list(operations))
        assert outcome.status is Status.ACCEPTED, outcome
        return outcome

    async def compare(self) -> None:
        """The account as it stands, and the limits of every date so far and to come."""
        position, model = await _position(self.pool), self.model
        assert position.balance_satang == model.balance
        assert (position.debits_frozen, position.credits_frozen) == (
            model.debits_frozen,
            model.credits_frozen,
        )
        assert (position.balance_min_satang, position.balance_max_satang) == (model.low, model.high)
        async with self.pool.acquire() as connection:
            for day in range((model.today - OPENED_ON).days + 5):
                on = OPENED_ON + timedelta(days=day)
                told = await limits.limits_on(connection, 1, SAV_1, on)
                assert told is not None
                assert (told.balance_min, told.balance_max) == model.limits_on(on)


side = st.booleans()
low = st.one_of(st.none(), st.integers(-300, 0))
high = st.one_of(st.none(), st.integers(0, 300))
acts = st.lists(
    st.one_of(
        st.tuples(st.just("freeze"), side, side, st.one_of(st.none(), st.integers(0, 2))),
        st.tuples(st.just("limit"), low, high),
        st.tuples(st.just("plan"), st.integers(1, 3), low, high),
        st.tuples(st.just("plan"), st.integers(1, 3), low, high),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("move"), st.integers(-200, 200).filter(bool)),
        st.tuples(st.just("move"), st.integers(-200, 200).filter(bool)),
        st.tuples(st.just("cut")),
        st.tuples(st.just("cut")),
    ),
    min_size=5,
    max_size=25,
)


@settings(max_examples=max(15, settings().max_examples // 6))  # a database each
@given(history=acts)
async def test_freezes_and_limits_across_cut_offs_are_what_a_small_model_says(
    server: Lease, template: str, history: Sequence[tuple[object, ...]]
) -> None:
    async with fresh_database(server, template) as database:
        pool = database.poster
        account = Account(pool, await make_scene(pool))
        for name, *arguments in history:
            await getattr(account, str(name))(*arguments)
            if name == "cut":
                await account.compare()
        await account.compare()
        async with pool.acquire() as connection:
            assert (await verify_ledger(connection, 1)).differences == ()


@pytest.mark.parametrize("closed", [True, False])
async def test_only_the_undoing_of_its_closing_opens_an_account_again(
    pool: Pool, closed: bool
) -> None:
    scene = await make_scene(pool, opening=10_000)
    account = scene.members[0]
    sweep = journal(account, scene.bank, 10_000, journal_id=uuid4())
    close = CloseAccount(account=account, settled_by=(sweep.journal_id,))
    if closed:
        assert (await post(pool, 1, [sweep, close])).status is Status.ACCEPTED
    outcome = await post(pool, 1, [ReopenAccount(account=account)])
    assert outcome.refusal is not None
    expected = "reopen_does_not_undo" if closed else "account_not_closed"
    assert outcome.refusal.code == expected
    if closed:
        back = journal(scene.bank, account, 10_000, reverses=sweep.journal_id)
        outcome = await post(pool, 1, [ReopenAccount(account=account), back])
        assert outcome.status is Status.ACCEPTED
        assert (await _position(pool)).balance_satang == 10_000


async def test_two_processes_that_cut_off_at_once_do_it_once(database_url: str) -> None:
    one, other = await open_pool(database_url), await open_pool(database_url)
    try:
        scene = await make_scene(one, opening=10_000)
        await one.execute("UPDATE ledger.book SET cut_off_time = $1", time(17, 0))
        account = scene.members[0]
        await post(one, 1, [SetFreeze(account=account, debits=True, credits=True, until=OPENED_ON)])
        evening = datetime.combine(OPENED_ON, time(17, 1), dates.BANGKOK)
        async with (
            Collector(one, clock=lambda: evening) as left,
            Collector(other, clock=lambda: evening) as right,
        ):
            outcomes = await asyncio.gather(
                *(
                    door.submit(1, unit(journal(account, scene.bank, 1)))
                    for door in (left, right) * 5
                )
            )
        assert {outcome.status for outcome in outcomes} == {Status.ACCEPTED}
        assert await one.fetchval("SELECT count(*) FROM ledger.event WHERE kind = 21") == 1
        assert await one.fetchval("SELECT count(*) FROM ledger.event WHERE kind = 12") == 2
    finally:
        await one.close()
        await other.close()
