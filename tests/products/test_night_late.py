"""Late postings: what comes late changes the past by differences, and ends where on time ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import accounts
from ledger.db import Database
from ledger.embedded import Lease
from ledger.periods.acts import PeriodNotReady
from ledger.periods.months import close_month
from ledger.periods.years import close_year
from ledger.posting.values import Status
from products.catalogue import NIGHT_DAY_COUNTS
from products.interest import DayCount
from tests.how_much import drawn
from tests.ledger.period_scene import CHIEF, open_account
from tests.products.closing_scene import differences
from tests.products.savings_scene import (
    Savings,
    balances_by_value_date,
    export,
    fresh_database,
    interest_by_date,
    ledger_totals,
    open_savings,
    posted_interest,
)

JUNE_27 = date(2026, 6, 27)
RATES = {JUNE_27: "10.0000", date(2026, 7, 2): "7.3000"}


async def test_a_deposit_that_comes_two_days_late_makes_a_new_span_and_edits_nothing(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_27, rates=RATES)
    await scene.move("SAV-1", 365_000_00)
    await scene.nights(through=date(2026, 6, 28))
    before = await export(scene)
    await scene.move("SAV-1", 36_500_00, value_date=JUNE_27)
    report = await scene.night()
    after = await export(scene)
    assert report.step("correct").amount_satang == 20_00
    assert report.step("correct").contracts == 1
    assert report.interest_satang == 20_00 + 110_00
    for name in ("transfers", "spans"):
        assert [row for row in before[name] if row not in after[name]] == []
    # The number of the span, its first date, the night that wrote it, and the balance it bears.
    assert [row[1:5] for row in after["spans"]] == [
        (1, JUNE_27, JUNE_27, 365_000_00),
        (2, JUNE_27, date(2026, 6, 29), 401_500_00),
    ]
    known_then = await interest_by_date(scene, "SAV-1", known_on=date(2026, 6, 28))
    assert {balance for balance, _ in known_then.values()} == {365_000_00}
    assert await posted_interest(scene) == {JUNE_27 + timedelta(days=n): 110_00 for n in range(3)}


async def test_a_year_is_not_closed_over_a_late_deposit_whose_night_is_to_come(
    database: Database,
) -> None:
    first = date(2026, 12, 27)
    scene = await open_savings(database, ["SAV-1"], opened_on=first, rates={first: "10.0000"})
    async with scene.pool.acquire() as connection:
        (result,) = await accounts.reserve_ids(connection, 1)
    await scene.do(open_account(result, "RESULT", "341100"))
    await scene.move("SAV-1", 365_000_00)
    await scene.nights(through=date(2027, 1, 4))
    await close_month(scene.pool, scene.book, first, actor=CHIEF)
    # The teller's, on 5 January; what it earned in December is corrected by that day's night.
    await scene.move("SAV-1", 36_500_00, value_date=date(2026, 12, 28))
    with pytest.raises(PeriodNotReady, match=r"2027-01-05 has postings .* Run end-of-day first"):
        await close_year(scene.pool, scene.book, 2026, actor=CHIEF)
    report = await scene.night()
    assert report.step("correct").contracts == 1
    acted = await close_year(scene.pool, scene.book, 2026, actor=CHIEF)
    assert acted.outcome.status is Status.ACCEPTED
    reports = await scene.nights(through=date(2027, 1, 8))
    assert len(reports) == 3
    assert await differences(scene) == []


async def test_a_deposit_dated_before_30_june_corrects_what_was_credited_then(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_27, rates=RATES)
    await scene.move("SAV-1", 365_000_00)
    await scene.nights(through=date(2026, 7, 1))
    assert await scene.balance("SAV-1") == 365_400_00
    await scene.move("SAV-1", 36_500_00, value_date=date(2026, 6, 29))
    await scene.night()
    credited = (await export(scene))["credits"]
    assert [(row[1], row[2], row[3]) for row in credited] == [
        (date(2026, 6, 30), date(2026, 6, 30), 400_00),
        (date(2026, 6, 30), date(2026, 7, 2), 20_00),
    ]
    assert await balances_by_value_date(scene, "SAV-1") == {
        JUNE_27: 365_000_00,
        date(2026, 6, 29): 36_500_00,
        date(2026, 6, 30): 420_00,
    }


async def test_a_late_withdrawal_takes_back_what_was_credited_too_much(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_27, rates=RATES)
    await scene.move("SAV-1", 365_000_00)
    await scene.nights(through=date(2026, 6, 30))
    await scene.move("SAV-1", -365_000_00, value_date=date(2026, 6, 29))
    await scene.move("SAV-1", -400_00)
    await scene.night()
    # Nothing was left from 29 June on: two days' interest stay, two days' were too much, and the
    # account, emptied by then, stands below zero by them.
    assert await scene.balance("SAV-1") == -200_00
    assert (await ledger_totals(scene))["241100"] == 0
    days = await interest_by_date(scene, "SAV-1")
    assert [exact > 0 for _, exact in days.values()] == [True, True, False, False, False]


async def test_what_a_frozen_account_may_not_be_credited_late_waits_for_the_next_credit(
    database: Database,
) -> None:
    scene = await open_savings(
        database,
        ["SAV-1"],
        opened_on=JUNE_27,
        rates={JUNE_27: "10.0000"},
        capitalisation_days=frozenset({"06-30", "07-04"}),
    )
    await scene.move("SAV-1", 365_000_00)
    await scene.nights(through=date(2026, 7, 1))
    await scene.move("SAV-1", 36_500_00, value_date=date(2026, 6, 30))
    await scene.freeze("SAV-1")
    report = await scene.night()
    (refused,) = report.step("correct").refused
    assert (refused.code, refused.keeps_day_open) == ("account_frozen_credit", False)
    assert await scene.balance("SAV-1") == 401_900_00
    await scene.freeze("SAV-1", thaw=True)
    await scene.nights(through=date(2026, 7, 4))
    assert (await ledger_totals(scene))["241100"] == 0
    # 10.00 of 30 June, and four days of July on 401,900.00: 440.4384.
    assert await scene.balance("SAV-1") == 401_900_00 + 10_00 + 440_44


late_events = st.lists(
    st.tuples(
        st.integers(0, 9),  # day of the value date
        st.integers(0, 6),  # days until it is entered
        st.integers(-1_000_000, 9_000_000_000).filter(bool),
        st.integers(0, 1),  # contract
    ),
    min_size=1,
    max_size=6,
)


async def _live(scene: Savings, events: Sequence[tuple[int, int, int, int]], late: bool) -> None:
    """Ten and seven days of a history; `late` = entered when they came, else on their dates."""
    start = scene.today
    await scene.move("SAV-0", 50_000_000)
    await scene.move("SAV-1", 50_000_000)
    for day in range(17):
        for valued, delay, amount, contract in events:
            if day == valued + (delay if late else 0):
                on = start + timedelta(days=valued)
                await scene.move(f"SAV-{contract}", amount, value_date=on)
        await scene.night()


@given(events=late_events, day_count=st.sampled_from(NIGHT_DAY_COUNTS))
@drawn(8)
async def test_late_ends_where_on_time_ends(
    server: Lease,
    template: str,
    events: list[tuple[int, int, int, int]],
    day_count: DayCount,
) -> None:
    start = date(2027, 12, 26)
    told = []
    async with (
        fresh_database(server, template) as one,
        fresh_database(server, template) as other,
    ):
        for database, late in ((one, False), (other, True)):
            scene = await open_savings(
                database,
                ["SAV-0", "SAV-1"],
                opened_on=start,
                rates={start: "9.0000", start + timedelta(days=4): "11.1100"},
                day_count=day_count,
                capitalisation_days=frozenset({"12-31", "01-03", "01-09"}),
            )
            await _live(scene, events, late)
            told.append(
                {
                    "balances": [await balances_by_value_date(scene, f"SAV-{n}") for n in (0, 1)],
                    "interest": [await interest_by_date(scene, f"SAV-{n}") for n in (0, 1)],
                    "expense": await posted_interest(scene),
                    "totals": await ledger_totals(scene),
                    "standing": (await export(scene))["standing"],
                }
            )
    assert told[0] == told[1]


async def _history(scene: Savings, day: int) -> None:
    """What the doors do on the n-th day: deposits, withdrawals, late ones, one more contract.

    No freezes: they are judged when the night posts, as every door's are, so a night that runs
    after a thaw credits what one before it could not.
    """
    today = scene.today
    if day == 0:
        await scene.move("SAV-1", 400_000_00)
        await scene.move("SAV-2", 123_456_78)
    if day == 2:
        await scene.open("SAV-3")
        await scene.move("SAV-3", 77_777_77)
        await scene.move("SAV-1", -50_000_01)
    if day == 5:
        await scene.move("SAV-1", 33_333_33, value_date=today - timedelta(days=4))
    if day == 7:
        await scene.move("SAV-1", -11_111_11, value_date=today - timedelta(days=6))
        await scene.move("SAV-3", 1_00, value_date=today - timedelta(days=9))
    if day == 8:
        await scene.move("SAV-2", 9_99)


async def _scene(database: Database) -> Savings:
    return await open_savings(
        database,
        ["SAV-1", "SAV-2"],
        opened_on=JUNE_27,
        rates={JUNE_27: "10.0000", date(2026, 7, 2): "7.3000"},
        capitalisation_days=frozenset({"06-30", "07-06"}),
    )


async def test_ten_missed_nights_at_once_give_what_ten_nights_on_time_give(
    server: Lease, template: str
) -> None:
    async with (
        fresh_database(server, template) as one,
        fresh_database(server, template) as other,
    ):
        on_time = await _scene(one)
        for day in range(10):
            await _history(on_time, day)
            reports = await on_time.nights(through=on_time.today)
            assert len(reports) == 1
        missed = await _scene(other)
        for day in range(10):
            await _history(missed, day)
            await missed.cut()
        reports = await missed.nights(through=missed.today - timedelta(days=1))
        assert len(reports) == 10
        assert await export(missed) == await export(on_time)
        assert [row for row in (await export(missed))["spans"] if row[2] != row[3]]


async def test_a_night_that_runs_while_doors_post_on_later_dates_gives_the_same(
    server: Lease, template: str
) -> None:
    async with (
        fresh_database(server, template) as one,
        fresh_database(server, template) as other,
    ):
        on_time = await _scene(one)
        for day in range(10):
            await _history(on_time, day)
            await on_time.night()
        behind = await _scene(other)
        for day in range(10):
            await _history(behind, day)
            await behind.cut()
            if day >= 3:
                # Three days behind: each night runs with three days of later postings around it.
                await behind.night(JUNE_27 + timedelta(days=day - 3))
        await behind.nights(through=JUNE_27 + timedelta(days=9))
        assert await export(behind) == await export(on_time)
