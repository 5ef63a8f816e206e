"""Any night's figure told from its inputs: what is told is what was posted, for ever."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger import books
from ledger.db import Database
from ledger.embedded import Lease
from ledger.errors import InvalidInput
from pricing.rate_lines import one_rate
from products.catalogue import NIGHT_DAY_COUNTS
from products.closing import CannotClose
from products.contracts import by_no
from products.cutover.loading import load_cut_over
from products.end_of_day import ChunkSizes, run_missed
from products.explaining import ExplainedLeg, explain
from products.figures import Told
from products.interest import EXACT_DENOMINATOR, DayCount
from products.reopening import CannotUndo, undo_closing
from tests.builders import post_units
from tests.products import cutover_scene
from tests.products.closing_scene import (
    BAHT_365_000,
    JUNE_27,
    RATES,
    close,
    two_contracts,
    undo,
    unit_of,
)
from tests.products.explained_scene import (
    expense_by_date,
    posted,
    posted_in,
    sheet_of,
    told,
    worked_out,
)
from tests.products.night_by_night import nights
from tests.products.savings_scene import (
    Savings,
    approve_rate,
    fresh_database,
    open_savings,
    posted_interest,
)

JUNE_28, JUNE_29, JUNE_30 = (date(2026, 6, day) for day in (28, 29, 30))
JULY_1, JULY_2 = date(2026, 7, 1), date(2026, 7, 2)


async def test_a_date_is_told_from_balance_and_rate_to_the_journal(database: Database) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_27, rates={JUNE_27: "7.5000"})
    await scene.move("SAV-1", 100_000_00)
    await scene.nights(through=JUNE_29)
    leg = await told(scene, "SAV-1", JUNE_28)
    found = leg.figure
    assert (leg.differences, leg.closed_on) == ((), None)
    assert (found.span.span_no, found.span.from_date, found.span.made_on) == (1, JUNE_27, JUNE_27)
    assert found.told_by is Told.NIGHT
    assert (found.span.balance_satang, found.span.annual_rate_e8) == (100_000_00, 7_500_000)
    assert found.span.year_days == 365
    # 100,000.00 at 7.5 % is 20.547945... a day: 20.55, then 41.0958... is 41.10.
    assert Fraction(found.exact, EXACT_DENOMINATOR) == Fraction(10_000_000 * 75, 1000 * 365)
    assert (found.period_start, found.since, found.base_exact, found.days) == (
        JUNE_27,
        JUNE_27,
        0,
        2,
    )
    assert (found.before_satang, found.through_satang, found.posted_satang) == (2055, 4110, 2055)
    assert (sheet_of(leg).effective_from, sheet_of(leg).approved_by) == (JUNE_27, "test:manager")
    assert sheet_of(leg).lines == one_rate(7_500_000)
    assert leg.journal is not None
    assert (leg.journal.business_date, leg.journal.amount_satang) == (JUNE_28, 2055)
    assert leg.changes == ()
    assert leg.first == found


async def test_the_sheet_is_the_one_that_was_in_force_on_the_date(database: Database) -> None:
    rates = {JUNE_27: "10.0000", JUNE_29: "3.6500"}
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_27, rates=rates)
    await scene.move("SAV-1", BAHT_365_000)
    await scene.nights(through=JUNE_28)
    await approve_rate(database, 1, JUNE_30, "1.0000", JUNE_29)
    await scene.nights(through=JUNE_30)
    sheets = [sheet_of(await told(scene, "SAV-1", on)) for on in nights(JUNE_27, JULY_1)]
    in_force = [(sheet.effective_from, sheet.lines[0].annual_rate_e8) for sheet in sheets]
    assert in_force == [
        (JUNE_27, 10_000_000),
        (JUNE_27, 10_000_000),
        (JUNE_29, 3_650_000),
        (JUNE_30, 1_000_000),
    ]


async def test_what_is_told_of_a_periods_dates_adds_up_to_what_was_capitalised(
    database: Database,
) -> None:
    first = date(2026, 6, 3)
    scene = await open_savings(database, ["SAV-1"], opened_on=first, rates={first: "1.3700"})
    await scene.move("SAV-1", 123_456_78)
    await scene.nights(through=date(2026, 6, 17))
    await scene.move("SAV-1", -23_456_11)
    await scene.nights(through=JUNE_30)
    total = sum([await posted(scene, "SAV-1", on) for on in nights(first, JULY_1)])
    assert await scene.balance("SAV-1") == 123_456_78 - 23_456_11 + total
    assert total > 0


async def test_a_night_that_corrected_a_date_is_told_with_what_was_known_before_and_after(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_27, rates=RATES)
    await scene.move("SAV-1", 365_000_00)
    await scene.nights(through=JUNE_28)
    await scene.move("SAV-1", 36_500_00, value_date=JUNE_27)
    await scene.nights(through=JUNE_29)
    await scene.move("SAV-1", -73_000_00, value_date=JUNE_28)
    await scene.nights(through=JUNE_30)
    now = await told(scene, "SAV-1", JUNE_28)
    said = [
        (
            each.change.night,
            each.change.before.span.balance_satang,
            each.change.after.span.balance_satang,
            each.change.amount_satang,
            each.journal and (each.journal.business_date, each.journal.amount_satang),
        )
        for each in now.changes
    ]
    assert said == [
        (JUNE_29, 365_000_00, 401_500_00, 10_00, (JUNE_29, 10_00)),
        (JUNE_30, 401_500_00, 328_500_00, -20_00, (JUNE_30, -20_00)),
    ]
    assert (now.first.posted_satang, now.figure.posted_satang) == (100_00, 90_00)
    assert now.figure.told_by is Told.CORRECTION
    assert now.journal is not None
    assert (now.journal.business_date, now.journal.amount_satang) == (JUNE_28, 100_00)
    then = await told(scene, "SAV-1", JUNE_28, known_on=JUNE_29)
    assert then.figure == now.changes[0].change.after
    assert [each.change.night for each in then.changes] == [JUNE_29]
    of_its_night = await told(scene, "SAV-1", JUNE_28, known_on=JUNE_28)
    assert (of_its_night.figure, of_its_night.changes) == (now.first, ())
    # 27 June was touched by the first of them only.
    before = await told(scene, "SAV-1", JUNE_27)
    assert [each.change.night for each in before.changes] == [JUNE_29]


async def test_the_journal_is_that_of_the_chunk_that_took_the_contract(database: Database) -> None:
    numbers = ["SAV-1", "SAV-2", "SAV-3", "SAV-4"]
    scene = await open_savings(database, numbers, opened_on=JUNE_27, rates=RATES)
    scene.sizes = ChunkSizes(contracts=1, journals=1)
    for place, number in enumerate(numbers, start=1):
        await scene.move(number, place * 36_500_00)
    await scene.nights(through=JUNE_28)
    for place, number in enumerate(numbers[1:], start=1):
        await scene.move(number, place * 3_650_00, value_date=JUNE_27)
    await scene.nights(through=JUNE_29)
    for place, number in enumerate(numbers, start=1):
        leg = await told(scene, number, JUNE_28)
        assert leg.journal is not None
        assert leg.journal.amount_satang == place * 10_00
        carried = [each.journal and each.journal.amount_satang for each in leg.changes]
        assert carried == [(place - 1) * 1_00] * (place > 1)


async def test_a_date_that_no_night_has_accrued_is_refused_with_the_last_that_one_has(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_27, rates=RATES)
    await scene.move("SAV-1", 365_000_00)
    none_yet = "a date that a night has accrued for SAV-1: none yet, from 2026-06-27 on. Run the"
    with pytest.raises(InvalidInput, match=none_yet):
        await told(scene, "SAV-1", JUNE_27)
    await scene.cut()
    with pytest.raises(InvalidInput, match=none_yet):
        await told(scene, "SAV-1", JUNE_27)
    await scene.night(JUNE_27)
    assert await posted(scene, "SAV-1", JUNE_27) == 100_00
    with pytest.raises(InvalidInput, match="up to 2026-06-27, the last that a night has accrued"):
        await told(scene, "SAV-1", JUNE_28)


async def test_a_contract_without_money_earns_nothing_and_no_journal_carries_that(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1"], opened_on=JUNE_27, rates=RATES)
    await scene.nights(through=JUNE_27)
    leg = await told(scene, "SAV-1", JUNE_27)
    assert (leg.figure.posted_satang, leg.working.posted_satang, leg.journal) == (0, 0, None)
    assert sheet_of(leg).approved_by == "test:manager"


async def test_from_its_closing_on_a_contract_is_refused_by_that_date_and_told_before_it(
    database: Database,
) -> None:
    scene = await two_contracts(database)
    await close(scene)
    await scene.nights(through=JULY_1)
    assert await posted(scene, "SAV-1", JUNE_28) == 100_00
    for on in nights(JUNE_29, JULY_2):
        with pytest.raises(
            InvalidInput, match=r"a date before 2026-06-29, when SAV-1 was closed\."
        ):
            await told(scene, "SAV-1", on)


async def test_a_closing_undone_later_is_told_before_and_after_the_night_that_corrects(
    database: Database,
) -> None:
    scene = await two_contracts(database)
    await close(scene)
    await scene.nights(through=JULY_1)
    await undo(scene)
    waiting = await told(scene, "SAV-1", JUNE_29)
    assert (waiting.closed_on, waiting.reopened_on) == (JUNE_29, JULY_2)
    assert (waiting.working.balance_satang, waiting.figure.posted_satang) == (0, 0)
    assert waiting.differences == ()
    with pytest.raises(InvalidInput, match="a date up to 2026-07-01, the last that a night has"):
        await told(scene, "SAV-1", JULY_2)
    await scene.nights(through=JULY_2)
    for on in nights(JUNE_29, JULY_2):
        leg = await told(scene, "SAV-1", on)
        (change,) = leg.changes
        assert (leg.closed_on, leg.differences) == (None, ())
        assert (change.change.night, change.change.amount_satang) == (JULY_2, 100_00)
        closed = "a date before 2026-06-29, when SAV-1 was closed, as known on the night of 2026-07"
        with pytest.raises(InvalidInput, match=closed):
            await told(scene, "SAV-1", on, known_on=JULY_1)
        both = sum([await posted(scene, number, on) for number in ("SAV-1", "SAV-2")])
        assert both == (await posted_interest(scene))[on]


async def test_closed_and_undone_on_one_day_is_told_by_its_night(database: Database) -> None:
    scene = await two_contracts(database)
    await close(scene)
    with pytest.raises(InvalidInput, match="a date before 2026-06-29, when SAV-1 was closed"):
        await told(scene, "SAV-1", JUNE_29)
    await undo(scene)
    with pytest.raises(InvalidInput, match="a date up to 2026-06-28"):
        await told(scene, "SAV-1", JUNE_29)
    await scene.nights(through=JUNE_30)
    for on in (JUNE_29, JUNE_30):
        leg = await told(scene, "SAV-1", on)
        assert (leg.closed_on, leg.figure.told_by) == (None, Told.NIGHT)
        assert leg.figure.posted_satang == 100_00


async def test_an_empty_contract_closed_and_opened_again_is_told_so_for_ever(
    database: Database,
) -> None:
    scene = await open_savings(database, ["SAV-1", "SAV-2"], opened_on=JUNE_27, rates=RATES)
    await scene.nights(through=JUNE_28)
    await close(scene)
    await scene.nights(through=JUNE_30)
    await undo(scene)
    await scene.nights(through=JULY_2)
    leg = await told(scene, "SAV-1", JUNE_30)
    assert (leg.closed_on, leg.reopened_on) == (JUNE_29, JULY_1)
    assert (leg.figure.told_by, leg.figure.posted_satang) == (Told.CLOSING, 0)
    assert (await told(scene, "SAV-1", JULY_1)).closed_on is None


async def test_interest_brought_from_an_old_system_is_the_base_of_the_first_period(
    database: Database, tmp_path: Path
) -> None:
    report = await load_cut_over(database.poster, cutover_scene.example(tmp_path))
    assert report.loaded
    async with database.poster.acquire() as connection:
        book = await books.get_book(connection, "old-house")
    first = date(2026, 6, 1)
    await run_missed(database.poster, book, through=first)
    async with database.poster.acquire() as connection:
        contract = await by_no(connection, book.book_id, "SAV-0001")
        (leg,) = (await explain(connection, contract, first)).legs
        with pytest.raises(InvalidInput, match="2026-06-01 on, the first that bears interest"):
            await explain(connection, contract, date(2026, 5, 31))
    assert Fraction(leg.working.base_exact, EXACT_DENOMINATOR) == Fraction("205479.6")
    assert leg.working.before_satang == leg.figure.before_satang == 205480
    assert (leg.working.since, leg.working.days, leg.differences) == (first, 1, ())


@pytest.mark.parametrize(
    ("on", "known_on", "words"),
    [
        (date(2026, 6, 30), None, "date: got '2026-06-30'; expected a date up to the business da"),
        (date(2026, 6, 26), None, "a date from 2026-06-27 on, when SAV-1 was opened"),
        (date(1900, 1, 1), None, "a date from 2026-06-27 on, when SAV-1 was opened"),
        (JUNE_28, JUNE_27, "known_on: .* a night from 2026-06-28 to 2026-06-28, the last that has"),
        (JUNE_27, JUNE_29, "known_on: .* a night from 2026-06-27 to 2026-06-28, the last that has"),
        (JUNE_29, JUNE_29, "no night: none from 2026-06-29 on has closed its date yet"),
    ],
)
async def test_a_date_that_cannot_be_told_is_refused_by_name(
    database: Database, on: date, known_on: date | None, words: str
) -> None:
    scene = await two_contracts(database)
    with pytest.raises(InvalidInput, match=words):
        await told(scene, "SAV-1", on, known_on)


moves = st.lists(
    st.tuples(
        st.integers(0, 9),  # day on which it is entered
        st.integers(0, 6),  # how many days before it the value date lies
        st.integers(-90_000_000, 900_000_000).filter(bool),
        st.integers(1, 2),  # contract
    ),
    max_size=6,
)
closings = st.lists(
    st.tuples(
        st.integers(1, 8),  # day
        st.integers(1, 2),  # contract
        st.integers(0, 5),  # days until it is undone
    ),
    max_size=2,
)


@dataclass(frozen=True, kw_only=True)
class History:
    """What people do in two weeks, as far as the book lets them: what it refuses is no history."""

    moves: list[tuple[int, int, int, int]]
    closings: list[tuple[int, int, int]]

    async def happen(self, scene: Savings, start: date) -> None:
        """Everything of today."""
        today = (scene.today - start).days
        for day, contract, days in self.closings:
            if day + days == today and days:
                await _undo(scene, f"SAV-{contract}")
        for day, late, amount, contract in self.moves:
            if day == today:
                value_date = max(start, scene.today - timedelta(days=late))
                await scene.move(f"SAV-{contract}", amount, value_date=value_date, check=False)
        for day, contract, days in self.closings:
            if day == today:
                await _close(scene, f"SAV-{contract}", f"SAV-{3 - contract}")
                if not days:
                    await _undo(scene, f"SAV-{contract}")


async def _close(scene: Savings, number: str, to: str) -> None:
    with suppress(CannotClose):
        await post_units(scene.pool, scene.book.book_id, [await unit_of(scene, number, to)])


async def _undo(scene: Savings, number: str) -> None:
    with suppress(CannotUndo):
        async with scene.pool.acquire() as connection:
            unit = await undo_closing(connection, 1, number, actor="test:chief", reason="a mistake")
        await post_units(scene.pool, scene.book.book_id, [unit])


histories = st.builds(History, moves=moves, closings=closings)
Known = dict[tuple[str, date], ExplainedLeg]


@given(history=histories, day_count=st.sampled_from(NIGHT_DAY_COUNTS), asked=st.integers(0, 12))
@example(
    history=History(moves=[(3, 0, 7_000_000, 1), (9, 6, 55_555, 1)], closings=[(4, 1, 3)]),
    day_count=DayCount.ACT_ACT_CALYEAR,
    asked=6,
)
@example(
    history=History(moves=[(5, 5, 4_321, 2)], closings=[(2, 1, 0), (6, 1, 5)]),
    day_count=DayCount.ACT_365F,
    asked=9,
)
@settings(max_examples=6)
async def test_of_any_history_each_date_tells_what_was_posted_as_any_night_knew_it(
    server: Lease, template: str, history: History, day_count: DayCount, asked: int
) -> None:
    start = date(2027, 12, 26)
    until, last = start + timedelta(days=4), start + timedelta(days=12)
    night = start + timedelta(days=asked)
    async with fresh_database(server, template) as database:
        scene = await open_savings(
            database,
            ["SAV-1", "SAV-2"],
            opened_on=start,
            rates={start: "9.0000", until: "11.1100"},
            day_count=day_count,
            capitalisation_days=frozenset({"12-31", "01-03"}),
        )
        await scene.move("SAV-1", 50_000_000)
        then: Known = {}
        while scene.today <= last:
            await history.happen(scene, start)
            await scene.night()
            if scene.today == night + timedelta(days=1):
                then = await _known(scene, start, night)
                assert _posted_by_date(then) == await expense_by_date(scene, night)
        now = await _known(scene, start, last)
        assert _posted_by_date(now) == await posted_interest(scene)
        # What a night knew can be asked for ever, whatever has come since.
        assert await _known(scene, start, night, known_on=night) == then
        rates = {
            on: 9_000_000 if on < until else 11_110_000
            for on in nights(start, last + timedelta(days=1))
        }
        for number in ("SAV-1", "SAV-2"):
            for on, expected in (await worked_out(scene, number, rates, day_count)).items():
                leg = now.get((number, on))
                said = (0, Fraction(0), 0) if leg is None else _figures(leg)
                assert said == expected, (number, on)


async def _known(scene: Savings, start: date, last: date, known_on: date | None = None) -> Known:
    """Every date that can be told; one on which the contract is closed, as known, cannot."""
    found: Known = {}
    for number in ("SAV-1", "SAV-2"):
        for on in nights(start, last + timedelta(days=1)):
            with suppress(InvalidInput):
                found[number, on] = await told(scene, number, on, known_on)
    return found


def _posted_by_date(known: Known) -> dict[date, int]:
    """What was posted for each date by both contracts, dates with nothing left out."""
    found: dict[date, int] = {}
    for (_, on), leg in known.items():
        found[on] = found.get(on, 0) + posted_in(leg)
    return {on: amount for on, amount in found.items() if amount}


def _figures(leg: ExplainedLeg) -> tuple[int, Fraction, int]:
    found = leg.working
    return found.balance_satang, Fraction(found.exact, EXACT_DENOMINATOR), found.posted_satang
