"""Whatever becomes of placements, the proof agrees: after any nights, and in the middle of one."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from uuid import UUID

import pytest

from ledger.db import Database
from ledger.errors import CffError
from ledger.posting.values import PlaceHold, ReleaseHold, SetFreeze, Status, Unit
from products.catalogue import NIGHT_DAY_COUNTS
from products.deposits.offers import Holiday, add_holidays
from products.deposits.taxes import TaxChange, add_tax_rates
from products.deposits.values import Instruction
from products.end_of_day import ChunkSizes, Progress, run_day
from products.schedules.due_dates import OnHoliday
from products.withholding import TaxRate
from tests.builders import post_units
from tests.products.closing_scene import differences
from tests.products.placed_life import bring_along
from tests.products.placement_acts import end, figures, instruct, pay_out, propose, reject
from tests.products.placement_scene import (
    AT_MATURITY,
    BAHT,
    MONTHLY,
    PAY_OUT,
    ROLL_ALL,
    ROLL_PRINCIPAL,
    TAXES,
    Placements,
    open_placements,
    steps,
)

JAN_12 = date(2026, 1, 12)
SAVINGS = ("SAV-1", "SAV-2", "SAV-3")
STEPS = ("resolve_rates", "mature", "accrue", "snapshot_balances")
Act = Callable[[], Awaitable[object]]


class Drawn:
    """A book in which chance decides what is done; what a door refuses is not done."""

    def __init__(self, made: Placements, chance: random.Random) -> None:
        self.made, self.chance = made, chance
        self.numbers: list[str] = []
        self.held: dict[str, UUID] = {}
        self.frozen: set[str] = set()
        self.sheets = {made.savings.today}

    async def place(self) -> None:
        """A placement of any holder, paid and instructed in any way."""
        number = f"FD-{len(self.numbers) + 1}"
        unit = await self.made.order(
            number,
            self.chance.randrange(1, 2_000_000 * BAHT),
            linked_no=self.chance.choice(SAVINGS),
            paid=self.chance.choice((AT_MATURITY, MONTHLY)),
            instruction=self.chance.choice(list(Instruction)),
        )
        (outcome,) = await post_units(self.made.savings.pool, 1, [unit])
        if outcome.status is Status.ACCEPTED:
            position = await self.made.position(number)
            self.made.savings.accounts[number] = position.account.account_id
            self.numbers.append(number)

    async def instruct(self) -> None:
        """Another instruction, or another account of the same member."""
        wanted = self.chance.choice(list(Instruction))
        await self._post(await instruct(self.made, self.number, instruction=wanted))

    async def end(self) -> None:
        """An early withdrawal is proposed, and done or rejected."""
        number = self.number
        await self._post(await propose(self.made, number))
        if self.chance.random() < 0.3:
            await self._post(await reject(self.made, number))
            return
        seen = await figures(self.made, number)
        await self._post(await end(self.made, number, seen.payout_satang))

    async def pay_out(self) -> None:
        """Every placement that waits is paid out."""
        for number in self.numbers:
            try:
                await self._post(await pay_out(self.made, number))
            except CffError:
                continue

    async def pledge(self) -> None:
        """A hold is placed or released."""
        number = self.number
        if number in self.held:
            await self.made.savings.do(ReleaseHold(hold_id=self.held.pop(number)))
            return
        hold_id = UUID(int=self.chance.getrandbits(128))
        account = self.made.savings.accounts[number]
        await self.made.savings.do(PlaceHold(hold_id=hold_id, account=account, amount_satang=1))
        self.held[number] = hold_id

    async def freeze(self) -> None:
        """A savings account or a placement is frozen, or thawed again."""
        number = self.chance.choice((*SAVINGS, self.number))
        freezes = number not in self.frozen
        account = self.made.savings.accounts[number]
        await self.made.savings.do(SetFreeze(account=account, debits=freezes, credits=freezes))
        self.frozen ^= {number}

    async def approve(self) -> None:
        """Another sheet from a date to come."""
        on = self.made.savings.today + timedelta(days=self.chance.randrange(1, 9))
        if on not in self.sheets:
            rates = [f"{self.chance.randrange(40_000) / 10_000:.4f}" for _ in range(2)]
            lines = steps((0, rates[0]), (self.chance.randrange(1, BAHT**3), rates[1]))
            self.sheets.add(on)
            await self.made.approve(on, lines, self.made.savings.today)

    async def announce(self) -> None:
        """A holiday to come, and a rate of tax to come."""
        on = self.made.savings.today + timedelta(days=self.chance.randrange(1, 40))
        kind, _ = self.chance.choice(TAXES)
        tax = TaxRate(rate_e8=self.chance.randrange(20_000_000), form="ภ.ง.ด.2")
        change = TaxChange(holder=kind, family="fixed", from_date=on, tax=tax)
        async with self.made.savings.pool.acquire() as connection, connection.transaction():
            await add_holidays(connection, 1, [Holiday(on=on, name_th="หยุด", name_en="Holiday")])
            people = {"made_by": "test:tax", "approved_by": "test:manager"}
            await add_tax_rates(connection, 1, [change], **people)

    async def day(self) -> None:
        """What one day brings; a door that refuses has done nothing."""
        acts: tuple[Act, ...] = (
            self.place,
            self.instruct,
            self.end,
            self.pay_out,
            self.pledge,
            self.freeze,
            self.approve,
            self.announce,
        )
        for _ in range(self.chance.randrange(4)):
            try:
                await self.chance.choice(acts)()
            except CffError:
                continue

    @property
    def number(self) -> str:
        """Any placement."""
        return self.chance.choice(self.numbers)

    async def _post(self, unit: Unit) -> None:
        await post_units(self.made.savings.pool, 1, [unit])


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_life_of_placements_is_proven_after_its_nights(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    made = await open_placements(
        database,
        opened_on=JAN_12,
        rates={JAN_12: "2.2500"},
        months=chance.choice((2, 3)),
        due_rule=chance.choice((OnHoliday.KEEP, OnHoliday.NEXT)),
        day_count=chance.choice(NIGHT_DAY_COUNTS),
    )
    made.savings.sizes = ChunkSizes(contracts=2, journals=2)
    drawn = Drawn(made, chance)
    await bring_along(made, "OLD", JAN_12 - timedelta(days=chance.randrange(20, 50)), MONTHLY)
    drawn.numbers.append("OLD")
    for _ in range(70):
        await drawn.day()
        if chance.random() < 0.2:
            await made.savings.cut()
            continue
        await made.savings.nights(made.savings.today)
        if chance.random() < 0.2:
            assert await differences(made.savings) == []
    await made.savings.nights(made.savings.today)
    assert await differences(made.savings) == []
    kinds = await made.savings.pool.fetch("SELECT DISTINCT kind FROM ledger.event")
    assert {row["kind"] for row in kinds} >= {151, 152, 155, 156, 157}


class _Stop(Exception):  # noqa: N818
    """The night stops here."""


@pytest.mark.parametrize("step", STEPS)
async def test_a_night_that_stopped_in_any_of_its_steps_is_no_difference(
    database: Database, step: str
) -> None:
    made = await open_placements(database, opened_on=JAN_12, rates={JAN_12: "2.2500"}, months=2)
    ways = (PAY_OUT, ROLL_PRINCIPAL, ROLL_ALL)
    for place, instruction in enumerate(ways):
        await made.place(f"FD-{place}", 1_000_000 * BAHT, paid=MONTHLY, instruction=instruction)
    await made.place("PLEDGED", 1_000_000 * BAHT, linked_no="SAV-3")
    account = made.savings.accounts["PLEDGED"]
    hold = PlaceHold(hold_id=UUID(int=1), account=account, amount_satang=1)
    await made.savings.do(hold)
    matures = date(2026, 3, 12)
    await made.savings.nights(through=matures - timedelta(days=1))
    await made.savings.cut()

    def stop(progress: Progress) -> None:
        # In the middle of a step of two chunks.
        if progress.step == step and progress.chunk == min(2, progress.chunks):
            raise _Stop

    with pytest.raises(_Stop):
        await run_day(
            made.savings.pool,
            made.savings.book,
            matures,
            say=stop,
            sizes=ChunkSizes(contracts=2, journals=2),
        )
    assert await differences(made.savings) == []
    report = await run_day(
        made.savings.pool,
        made.savings.book,
        matures,
        sizes=ChunkSizes(contracts=2, journals=2),
    )
    assert report.step("mature").amount_satang > 0
    assert await differences(made.savings) == []
