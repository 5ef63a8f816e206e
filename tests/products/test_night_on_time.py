"""Nights that run on time: what a contract earns, what is credited, what a day proves."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.db import Database
from ledger.embedded import Lease
from ledger.errors import NotFound
from ledger.money import Rounding
from ledger.posting.values import OpenAccount, PlaceHold, Status
from products.catalogue import NIGHT_DAY_COUNTS
from products.end_of_day import STEPS, ChunkSizes, DayNotProven, NightRunning
from products.interest import DayCount, replay
from products.night import only_night
from tests.builders import journal
from tests.how_much import drawn
from tests.products.savings_scene import (
    export,
    fresh_database,
    interest_by_date,
    ledger_totals,
    open_savings,
    posted_interest,
)

JUNE_1 = date(2026, 6, 1)
BAHT = 100
STRAY = 9_000_001


async def test_a_million_baht_at_one_and_a_half_percent_earns_1232_88_in_thirty_days(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_1, rates={JUNE_1: "1.5000"})
    await scene.move("SAV-1", 1_000_000 * BAHT)
    reports = await scene.nights(through=date(2026, 6, 30))
    assert [report.business_date.day for report in reports] == list(range(1, 31))
    assert sum(report.interest_satang for report in reports) == 1_232_88
    assert reports[-1].step("capitalise").amount_satang == 1_232_88
    assert await scene.balance("SAV-1") == 1_001_232_88
    assert sum((await posted_interest(scene)).values()) == 1_232_88
    assert (await ledger_totals(scene))["241100"] == 0


async def test_a_rate_that_changes_inside_the_month_prices_each_date_at_its_own(
    database: Database,
) -> None:
    rates = {JUNE_1: "4.2500", date(2026, 6, 16): "4.0000"}
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_1, rates=rates)
    await scene.move("SAV-1", 20_000_000 * BAHT)
    reports = await scene.nights(through=date(2026, 6, 30))
    assert sum(report.interest_satang for report in reports) == 67_808_22


async def test_actual_days_of_a_leap_year_are_cut_at_the_first_of_january(
    database: Database,
) -> None:
    start = date(2023, 12, 1)
    scene = await open_savings(
        database,
        ["SAV-1"],
        opened_on=start,
        rates={start: "4.2500"},
        day_count=DayCount.ACT_ACT_CALYEAR,
        capitalisation_days=frozenset({"06-30"}),
    )
    await scene.move("SAV-1", 20_000_000 * BAHT)
    reports = await scene.nights(through=date(2024, 1, 30))
    assert len(reports) == 61
    assert sum(report.interest_satang for report in reports) == 141_863_91


async def test_a_deposit_earns_on_its_day_and_a_withdrawal_does_not(database: Database) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_1, rates={JUNE_1: "1.5000"})
    await scene.move("SAV-1", 5_000 * BAHT)
    await scene.night()
    await scene.move("SAV-1", -2_000 * BAHT)
    await scene.night()
    days = await interest_by_date(scene, "SAV-1")
    assert [balance for balance, _ in days.values()] == [5_000 * BAHT, 3_000 * BAHT]


async def test_what_is_credited_on_30_june_bears_interest_from_1_july(database: Database) -> None:
    start = date(2026, 6, 30)
    scene = await open_savings(database, ["SAV-1"], opened_on=start, rates={start: "10.0000"})
    await scene.move("SAV-1", 365_000 * BAHT)
    await scene.nights(through=date(2026, 7, 1))
    days = await interest_by_date(scene, "SAV-1")
    assert [balance for balance, _ in days.values()] == [365_000_00, 365_100_00]


async def test_a_frozen_account_earns_and_is_paid_at_the_first_credit_after_it_is_thawed(
    database: Database,
) -> None:
    scene = await open_savings(
        database,
        ["SAV-1", "SAV-2"],
        opened_on=date(2026, 6, 29),
        rates={date(2026, 6, 29): "10.0000"},
        capitalisation_days=frozenset({"06-30", "07-02"}),
    )
    for number in ("SAV-1", "SAV-2"):
        await scene.move(number, 365_000 * BAHT)
    await scene.freeze("SAV-1")
    await scene.night()
    report = await scene.night()
    (refused,) = report.step("capitalise").refused
    assert (refused.contract_id, refused.code) == (
        scene.contract_id("SAV-1"),
        "account_frozen_credit",
    )
    assert not refused.keeps_day_open
    assert await scene.balance("SAV-1") == 365_000_00
    assert await scene.balance("SAV-2") == 365_200_00
    assert (await ledger_totals(scene))["241100"] == 200_00
    await scene.freeze("SAV-1", thaw=True)
    await scene.nights(through=date(2026, 7, 2))
    assert await scene.balance("SAV-1") == 365_400_00
    assert (await ledger_totals(scene))["241100"] == 0


async def test_a_day_is_not_proven_before_the_day_before_it(database: Database) -> None:
    scene = await open_savings(database, [], opened_on=JUNE_1, rates={JUNE_1: "1.5000"})
    await scene.cut()
    await scene.cut()
    with pytest.raises(DayNotProven, match="2026-06-02 waits for 2026-06-01"):
        await scene.night(date(2026, 6, 2))
    with pytest.raises(NotFound, match="2026-06-09"):
        await scene.night(date(2026, 6, 9))


async def test_a_second_night_of_the_book_is_turned_away_while_one_runs(
    database: Database,
) -> None:
    scene = await open_savings(database, [], opened_on=JUNE_1, rates={JUNE_1: "1.5000"})
    async with only_night(scene.pool, scene.book.book_id):
        with pytest.raises(NightRunning, match="wait for it"):
            await scene.night()
    assert (await scene.night()).business_date == JUNE_1


async def test_a_missing_rate_stops_the_night_and_names_product_and_date(
    database: Database,
) -> None:
    """No door opens such a contract; a row that was put right by hand could still be wrong."""
    scene = await open_savings(database, [], opened_on=JUNE_1, rates={date(2026, 6, 3): "1.5000"})
    await scene.open("SAV-1", interest_from=date(2026, 6, 3))
    await scene.pool.execute("UPDATE products.contract SET interest_from = opened_on")
    with pytest.raises(NotFound, match="SAVINGS on 2026-06-01"):
        await scene.night()


async def test_a_posting_on_accrued_payable_keeps_the_day_open_while_doors_go_on(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_1, rates={JUNE_1: "1.5000"})
    stray = journal(scene.bank, scene.product.payable_account, 5_00)
    assert (await scene.do(stray)).status is Status.ACCEPTED
    with pytest.raises(DayNotProven, match=r"accrued payable account INTEREST-PAYABLE.*-5\.00"):
        await scene.night()
    scene.today += timedelta(days=1)
    await scene.move("SAV-1", 100_00)
    with pytest.raises(DayNotProven, match="waits for 2026-06-01"):
        await scene.night()


async def test_an_account_of_the_control_code_without_contract_keeps_the_day_open(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_1, rates={JUNE_1: "1.5000"})
    await scene.do(_stray_account(scene.product.gl_deposits))
    await scene.do(journal(scene.bank, STRAY, 7_00))
    with pytest.raises(DayNotProven, match=r"GL control 211100.*off by -7\.00"):
        await scene.night()


async def test_a_hold_past_its_last_day_is_given_back_by_that_night(database: Database) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_1, rates={JUNE_1: "1.5000"})
    await scene.move("SAV-1", 100_00)
    for last_day, amount in ((JUNE_1, 30_00), (date(2026, 6, 2), 20_00)):
        await scene.do(
            PlaceHold(
                hold_id=uuid4(),
                account=scene.accounts["SAV-1"],
                amount_satang=amount,
                expires_on=last_day,
            )
        )
    report = await scene.night()
    assert (report.step("expire_holds").contracts, report.step("expire_holds").amount_satang) == (
        1,
        30_00,
    )
    held = await scene.pool.fetchval("SELECT sum(held) FROM ledger.balance")
    assert held == 20_00


async def test_a_night_that_is_run_again_does_nothing_and_says_the_same(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_1, rates={JUNE_1: "1.5000"})
    await scene.move("SAV-1", 100_000_00)
    report, before = await scene.night(), await export(scene)
    assert await scene.night(JUNE_1) == report
    assert await export(scene) == before
    assert tuple(step.step for step in report.steps) == tuple(name for name, _ in STEPS)


def _stray_account(gl_code: str) -> OpenAccount:
    return OpenAccount(
        account=STRAY, code="STRAY", gl_code=gl_code, currency="THB", name_th="-", name_en="-"
    )


async def test_small_chunks_do_what_one_large_chunk_does(server: Lease, template: str) -> None:
    told = []
    for sizes in (ChunkSizes(), ChunkSizes(contracts=2, journals=1)):
        async with fresh_database(server, template) as database:
            scene = await open_savings(
                database,
                [f"SAV-{n}" for n in range(5)],
                opened_on=date(2026, 6, 29),
                rates={date(2026, 6, 29): "10.0000"},
            )
            scene.sizes = sizes
            for n in range(5):
                await scene.move(f"SAV-{n}", (n + 1) * 123_456_78)
            reports = await scene.nights(through=date(2026, 6, 30))
            told.append(await export(scene, "transfers", "chunks"))
            chunks = [report.step("accrue").chunks for report in reports]
            assert chunks == ([3, 3] if sizes.contracts == 2 else [1, 1])
    assert told[0] == told[1]


contract_lives = st.lists(
    st.tuples(st.integers(0, 11), st.integers(1, 10**13)), min_size=0, max_size=5
)


@given(
    lives=st.lists(contract_lives, min_size=1, max_size=4),
    rates=st.lists(st.integers(0, 10**8), min_size=12, max_size=12),
    day_count=st.sampled_from(NIGHT_DAY_COUNTS),
    rounding=st.sampled_from(Rounding),
)
@drawn(8)
async def test_the_night_accrues_and_credits_exactly_what_the_specification_says(
    server: Lease,
    template: str,
    lives: list[list[tuple[int, int]]],
    rates: list[int],
    day_count: DayCount,
    rounding: Rounding,
) -> None:
    start = date(2027, 12, 25)
    by_date = {start + timedelta(days=n): rate for n, rate in enumerate(rates)}
    numbers = [f"SAV-{n}" for n in range(len(lives))]
    async with fresh_database(server, template) as database:
        scene = await open_savings(
            database,
            numbers,
            opened_on=start,
            rates={on: f"{rate // 10**6}.{rate % 10**6:06d}" for on, rate in by_date.items()},
            day_count=day_count,
            rounding=rounding,
            capitalisation_days=frozenset({"12-31", "01-03"}),
        )
        for day in range(12):
            for number, life in zip(numbers, lives, strict=True):
                for on, amount in life:
                    if on == day:
                        await scene.move(number, amount)
            await scene.night()
        for number, life in zip(numbers, lives, strict=True):
            changes: dict[date, int] = {}
            for offset, amount in life:
                valued = start + timedelta(days=offset)
                changes[valued] = changes.get(valued, 0) + amount
            lived = replay(
                terms=scene.product.terms,
                start=start,
                stop=start + timedelta(days=12),
                changes=changes,
                rates=by_date,
            )
            assert await interest_by_date(scene, number) == {
                day.on: (day.balance_satang, day.exact) for day in lived.accruals
            }
            credited = sum(period.credited_satang for period in lived.periods)
            assert await scene.balance(number) == sum(changes.values()) + credited
        everything = await export(scene)
        # Every span was written by the night of its own first date.
        assert [row for row in everything["spans"] if row[2] != row[3]] == []
        assert not [row for row in everything["chunks"] if row[1] == "correct"]
