"""Voucher numbers: gap-free per book and fiscal year, whatever order the days are posted in."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from ledger.db import Pool
from ledger.errors import InvalidInput
from ledger.periods.years import close_year, reopen_year
from ledger.posting.values import Outcome, Period, SetFreeze, Status, Unit
from ledger.vouchers import (
    Voucher,
    fiscal_year_of,
    journal_of_voucher,
    parse_voucher,
    seq_of_voucher,
    vouchers_of,
    year_starts,
)
from tests.ledger.period_scene import CHIEF, Scene, make_scene

YEAR_END = date(2026, 12, 31)


@pytest.fixture
async def scene(shared_pool: Pool) -> Scene:
    """A book opened on 28 December 2026."""
    return await make_scene(shared_pool, opened_on=date(2026, 12, 28))


def numbers(*outcomes: Outcome) -> list[str]:
    """The vouchers on the receipts, as written."""
    return [
        f"{receipt.fiscal_year}/{receipt.voucher_no}"
        for outcome in outcomes
        for receipt in outcome.receipts
    ]


async def test_journals_of_two_years_are_numbered_each_in_its_own_year(scene: Scene) -> None:
    first = await scene.post("BANK", "INCOME", 1)
    await scene.live_through(YEAR_END)
    second = await scene.post("BANK", "INCOME", 2)
    back = await scene.post("BANK", "INCOME", 3, on=date(2026, 12, 29))
    third = await scene.post("BANK", "INCOME", 4)
    again = await scene.post("BANK", "INCOME", 5, on=date(2026, 12, 28))
    told = numbers(first, second, back, third, again)
    assert told == ["2026/1", "2027/1", "2026/2", "2027/2", "2026/3"]
    assert await scene.vouchers() == {2026: [1, 2, 3], 2027: [1, 2]}


async def test_a_unit_of_several_journals_takes_as_many_numbers_and_events_take_none(
    scene: Scene,
) -> None:
    freeze = SetFreeze(account=scene.ids["COSTS"], debits=False, credits=False)
    journals = [scene.journal("BANK", "INCOME", amount) for amount in (1, 2, 3)]
    unit = Unit(operations=(journals[0], freeze, journals[1], journals[2]), actor="test:clerk")
    outcome = await scene.post_unit(unit)
    assert [receipt.voucher_no for receipt in outcome.receipts] == [1, None, 2, 3]
    seqs = [receipt.recorded_seq for receipt in outcome.receipts]
    async with scene.pool.acquire() as connection:
        found = await vouchers_of(connection, scene.book_id, seqs)
        assert found == {
            seq: Voucher(fiscal_year=2026, voucher_no=number)
            for seq, number in zip((seqs[0], seqs[2], seqs[3]), (1, 2, 3), strict=True)
        }
        for seq, voucher in found.items():
            assert await seq_of_voucher(connection, scene.book_id, voucher) == seq
        third = Voucher(fiscal_year=2026, voucher_no=3)
        named = await journal_of_voucher(connection, scene.book_id, third)
        assert named == journals[2].journal_id
        for missing in ((2026, 4), (2027, 1), (2025, 1)):
            absent = Voucher(fiscal_year=missing[0], voucher_no=missing[1])
            assert await journal_of_voucher(connection, scene.book_id, absent) is None


async def test_a_refused_journal_takes_no_number(scene: Scene) -> None:
    await scene.post("BANK", "INCOME", 1)
    refused = await scene.post("BANK", "BANK", 2)
    assert refused.status is Status.REFUSED
    assert numbers(await scene.post("BANK", "INCOME", 3)) == ["2026/2"]


async def test_a_retry_is_answered_with_the_number_that_the_journal_has(scene: Scene) -> None:
    unit = Unit(operations=(scene.journal("BANK", "INCOME", 1),), actor="test:clerk")
    first = await scene.post_unit(unit)
    await scene.live_through(YEAR_END)
    again = await scene.post_unit(unit)
    assert again.status is Status.REPLAYED
    assert numbers(again) == numbers(first) == ["2026/1"]


async def test_numbers_stay_gap_free_while_both_years_are_posted_to_at_once(scene: Scene) -> None:
    await scene.live_through(YEAR_END)
    days = [None, date(2026, 12, 30), None, YEAR_END] * 8
    outcomes = await asyncio.gather(*(scene.post("BANK", "INCOME", 1, on=day) for day in days))
    assert sorted(numbers(*outcomes)) == sorted(
        f"{year}/{number}" for year in (2026, 2027) for number in range(1, 17)
    )
    assert await scene.vouchers() == {2026: list(range(1, 17)), 2027: list(range(1, 17))}


async def test_closings_late_adjustments_and_reversals_take_the_numbers_of_the_old_year(
    scene: Scene,
) -> None:
    await scene.post("BANK", "INCOME", 100)
    await scene.close_through(YEAR_END)
    await scene.post("BANK", "INCOME", 7)
    late = await scene.post("COSTS", "BANK", 9, on=YEAR_END, period=Period.LATE)
    closed = await close_year(scene.pool, scene.book, 2026, actor=CHIEF)
    opened = await reopen_year(scene.pool, scene.book, 2026, actor=CHIEF, reason="audit")
    told = [r.voucher_no for o in (late, closed.outcome, opened.outcome) for r in o.receipts]
    assert told == [2, 3, None, 4, None]
    assert numbers(await scene.post("BANK", "INCOME", 8)) == ["2027/2"]
    assert await scene.vouchers() == {2026: [1, 2, 3, 4], 2027: [1, 2]}


async def test_fiscal_years_from_october_number_from_the_first_of_october(
    shared_pool: Pool,
) -> None:
    scene = await make_scene(shared_pool, opened_on=date(2026, 9, 30), start_month=10)
    first = await scene.post("BANK", "INCOME", 1)
    await scene.live_through(date(2026, 9, 30))
    second = await scene.post("BANK", "INCOME", 1)
    back = await scene.post("BANK", "INCOME", 1, on=date(2026, 9, 30))
    assert numbers(first, second, back) == ["2026/1", "2027/1", "2026/2"]


def test_the_fiscal_year_of_every_day_begins_with_its_first_month() -> None:
    for start_month in range(1, 13):
        for month in range(1, 13):
            day = date(2026, month, 15)
            year = fiscal_year_of(day, start_month)
            first, following = year_starts(year, start_month), year_starts(year + 1, start_month)
            assert first <= day < following
            assert (first.month, following.year - first.year) == (start_month, 1)
            assert date(following.year, following.month, 1).toordinal() > first.toordinal()


def test_a_voucher_is_written_as_year_and_number() -> None:
    assert str(parse_voucher("2026/123")) == "2026/123"
    for text in ("2026", "2026/0", "2026/01", "26/1", "2026/1\n", "2026/-1", "๒๕๖๙/๑", "2026/1/2"):
        with pytest.raises(InvalidInput, match="such as 2026/123"):
            parse_voucher(text)
