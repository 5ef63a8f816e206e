"""Nights of placements that run late, or at the same moment as a door, end as nights on time do."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from ledger.db import Database
from ledger.embedded import Lease
from ledger.posting.collector import Collector
from ledger.posting.values import Status
from products.contracts import by_nos
from products.deposits.standing import PlacementState
from products.end_of_day import ChunkSizes
from tests.products.closing_scene import unit_of
from tests.products.placement_acts import accepted, end, figures, instruct, propose, stands
from tests.products.placement_scene import (
    AT_MATURITY,
    BAHT,
    MONTHLY,
    PAY_OUT,
    ROLL_ALL,
    ROLL_PRINCIPAL,
    Placements,
    open_placements,
)
from tests.products.savings_scene import export, fresh_database

APRIL_1 = date(2026, 4, 1)
FEB_2 = date(2026, 2, 2)
MILLION = 1_000_000 * BAHT
NUMBERS = ("FD-1", "FD-2", "FD-3", "FD-4")
_TOLD = {
    "term": ("begins_on", "nominal_on", "matures_on", "principal_satang", "annual_rate_e8"),
    "coupon": ("term_no", "coupon_no", "from_date", "pays_on", "is_last"),
    "tax_withheld": ("paid_on", "interest_satang", "tax_satang", "form"),
    "contract": ("opened_on", "matured_on", "closed_on", "state"),
}


async def four(database: Database) -> Placements:
    """One placement of each instruction, and one that is frozen; a month each, from 1 April."""
    made = await open_placements(
        database,
        opened_on=APRIL_1,
        rates={APRIL_1: "2.2500", date(2026, 4, 20): "3.0000"},
        months=1,
        paid=[AT_MATURITY],
    )
    made.savings.sizes = ChunkSizes(contracts=2, journals=3)
    instructions = (PAY_OUT, ROLL_PRINCIPAL, ROLL_ALL, PAY_OUT)
    for number, linked, instruction in zip(
        NUMBERS, ("SAV-1", "SAV-2", "SAV-3", "SAV-3"), instructions, strict=True
    ):
        await made.place(number, MILLION, linked_no=linked, instruction=instruction)
    await made.savings.freeze("FD-4", credits_too=False)
    return made


async def everything(made: Placements) -> dict[str, object]:
    """What the book says, but for numbers, instants and the ids of rate sheets."""
    told: dict[str, object] = dict(await export(made.savings))
    for table, columns in _TOLD.items():
        for number in NUMBERS:
            rows = await made.rows(table, number)
            told[f"{table} {number}"] = [[row[name] for name in columns] for row in rows]
    return told


async def test_nights_that_run_days_later_pay_the_same_on_the_same_dates(
    server: Lease, template: str
) -> None:
    told = []
    for late in (False, True):
        async with fresh_database(server, template) as database:
            made = await four(database)
            for _ in range(36):
                await (made.savings.cut() if late else made.savings.night())
            if late:
                await made.savings.nights(through=date(2026, 5, 6))
            told.append(await everything(made))
            assert (await stands(made, "FD-4")).state is PlacementState.WAITING
    assert told[0] == told[1]


async def test_an_instruction_that_meets_the_night_is_followed_or_decided_again(
    database: Database,
) -> None:
    made = await open_placements(
        database, opened_on=FEB_2, rates={FEB_2: "2.2500"}, months=1, paid=[AT_MATURITY]
    )
    await made.place("FD-1", MILLION, instruction=PAY_OUT)
    await made.savings.nights(through=date(2026, 3, 1))
    unit = await instruct(made, "FD-1", instruction=ROLL_PRINCIPAL)
    async with Collector(made.savings.pool) as collector:
        outcome, _ = await asyncio.gather(collector.submit(1, unit), made.savings.night())
    found = await stands(made, "FD-1")
    if outcome.status is Status.ACCEPTED:
        assert (found.state, found.term_no) == (PlacementState.RUNNING, 2)
    else:
        assert outcome.status is Status.STALE
        assert (found.state, found.term_no) == (PlacementState.PAID_OUT, 1)


async def test_an_early_end_that_meets_the_night_happens_before_it_or_is_decided_again(
    database: Database,
) -> None:
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    await made.place("FD-1", MILLION, paid=MONTHLY)
    await made.savings.nights(through=date(2026, 3, 1))
    await accepted(made, await propose(made, "FD-1"))
    unit = await end(made, "FD-1", (await figures(made, "FD-1")).payout_satang)
    async with Collector(made.savings.pool) as collector:
        outcome, report = await asyncio.gather(collector.submit(1, unit), made.savings.night())
    found = await stands(made, "FD-1")
    if outcome.status is Status.ACCEPTED:
        assert (found.state, report.step("mature").amount_satang) == (
            PlacementState.ENDED_EARLY,
            0,
        )
    else:
        assert outcome.status is Status.STALE
        assert (found.state, report.step("mature").amount_satang) == (
            PlacementState.RUNNING,
            1_726_03,
        )


@pytest.mark.parametrize("turn", range(3))
async def test_a_closing_and_a_placement_that_meet_leave_no_placement_without_its_savings(
    database: Database, turn: int
) -> None:
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    await made.savings.open("SAV-4")
    units = [await unit_of(made.savings, "SAV-1", "SAV-4"), await made.order("FD-1", MILLION)]
    if turn % 2:
        units.reverse()
    async with Collector(made.savings.pool) as one, Collector(made.savings.pool) as other:
        outcomes = await asyncio.gather(one.submit(1, units[0]), other.submit(1, units[1]))
    assert sorted(each.status.value for each in outcomes) == ["accepted", "stale"]
    async with made.savings.pool.acquire() as connection:
        found = await by_nos(connection, 1, ["SAV-1", "FD-1"])
    assert (found["SAV-1"].closed_on is None) == ("FD-1" in found)
