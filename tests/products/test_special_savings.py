"""Special savings: rates by slab of balance and a minimum balance, through nights to the proof.

Balances are chosen so that each date earns whole satang: 100.00 at 3.65% a year earns 1 a date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.dates import days
from ledger.db import Database
from ledger.embedded import Lease
from ledger.money import Rounding
from pricing.rate_lines import RateLine
from pricing.slabs import SlabBasis
from products.catalogue import NIGHT_DAY_COUNTS, load_product
from products.interest import DayCount, replay
from products.interest.earning import Conditions
from products.proof.verify import verify_products
from tests.how_much import drawn
from tests.products.closing_scene import close, differences, undo
from tests.products.savings_scene import (
    Savings,
    balances_by_value_date,
    fresh_database,
    interest_by_date,
    open_savings,
)

JUNE_1 = date(2026, 6, 1)
BAHT = 100
PERCENT = 10**6


def line(begins: int, rate_e8: int) -> RateLine:
    """From that many satang on, that rate."""
    return RateLine(slab_from_satang=begins, annual_rate_e8=rate_e8)


STEPS = (
    line(0, 3_650_000),
    line(10_000 * BAHT, 7_300_000),
    line(100_000 * BAHT, 10_950_000),
)
"""3.65% below 10,000.00, 7.30% below 100,000.00, 10.95% above."""


async def special(
    database: Database,
    rule: SlabBasis,
    rates: Mapping[date, Sequence[RateLine]] | None = None,
    minimum: int = 0,
) -> Savings:
    """A book with special savings and one contract."""
    return await open_savings(
        database,
        ["SAV-1"],
        opened_on=JUNE_1,
        rates=rates or {JUNE_1: STEPS},
        slab_rule=rule,
        minimum_satang=minimum,
    )


async def earned(scene: Savings, number: str = "SAV-1") -> list[int]:
    """Exact interest of each date so far, in satang; each must be a whole one."""
    unit = 1_603_080 * 10**8
    told = [exact for _, exact in (await interest_by_date(scene, number)).values()]
    assert not [exact for exact in told if exact % unit]
    return [exact // unit for exact in told]


async def test_a_product_of_special_savings_is_read_back_as_it_was_made(
    database: Database,
) -> None:
    scene = await special(database, SlabBasis.SLICE, minimum=1_000 * BAHT)
    assert (scene.product.family, scene.product.minimum_satang) == ("special_savings", 1_000 * BAHT)
    async with scene.pool.acquire() as connection:
        assert await load_product(connection, 1, "SAVINGS") == scene.product


@pytest.mark.parametrize(
    ("balance", "whole", "by_slice"),
    [
        (9_900 * BAHT, 99, 99),
        (10_000 * BAHT, 200, 100),
        (99_900 * BAHT, 1_998, 100 + 1_798),
        (100_000 * BAHT, 3_000, 100 + 1_800),
        (200_000 * BAHT, 6_000, 100 + 1_800 + 3_000),
    ],
)
async def test_a_slab_begins_at_its_lower_bound_and_prices_the_whole_balance_or_its_own_slice(
    database: Database, server: Lease, template: str, balance: int, whole: int, by_slice: int
) -> None:
    async with fresh_database(server, template) as other:
        for home, rule, satang in (
            (database, SlabBasis.WHOLE, whole),
            (other, SlabBasis.SLICE, by_slice),
        ):
            scene = await special(home, rule)
            await scene.move("SAV-1", balance)
            report = await scene.night()
            assert (report.interest_satang, await earned(scene)) == (satang, [satang])


async def test_one_satang_below_a_slab_the_whole_balance_earns_at_the_slab_before(
    database: Database,
) -> None:
    scene = await special(database, SlabBasis.WHOLE)
    await scene.move("SAV-1", 10_000 * BAHT - 1)
    await scene.night()
    await scene.move("SAV-1", 1)
    await scene.night()
    spans = await scene.pool.fetch(
        "SELECT balance_satang, annual_rate_e8 FROM products.interest_span ORDER BY span_no"
    )
    assert [tuple(row) for row in spans] == [
        (10_000 * BAHT - 1, 3_650_000),
        (10_000 * BAHT, 7_300_000),
    ]


async def test_a_balance_below_the_minimum_earns_nothing_that_date_and_at_the_minimum_all(
    database: Database,
) -> None:
    scene = await special(database, SlabBasis.SLICE, minimum=20_000 * BAHT)
    for amount in (20_000 * BAHT - 1, 1, -1, 1):
        await scene.move("SAV-1", amount)
        await scene.night()
    assert await earned(scene) == [0, 300, 0, 300]
    assert not await differences(scene)


async def test_a_new_sheet_that_changes_only_an_upper_slab_moves_the_contracts_that_reach_it(
    database: Database,
) -> None:
    second = JUNE_1 + timedelta(days=1)
    raised = (*STEPS[:2], line(100_000 * BAHT, 14_600_000))
    scene = await special(database, SlabBasis.SLICE, {JUNE_1: STEPS, second: raised})
    await scene.open("SAV-2")
    await scene.move("SAV-1", 200_000 * BAHT)
    await scene.move("SAV-2", 20_000 * BAHT)
    await scene.nights(through=second)
    assert await earned(scene) == [1_900 + 3_000, 1_900 + 4_000]
    assert await earned(scene, "SAV-2") == [300, 300]
    # Below the slab that changed nothing is written.
    moved = await scene.pool.fetch(
        "SELECT c.contract_no FROM products.interest_span AS p "
        "INNER JOIN products.contract AS c USING (book_id, contract_id) WHERE p.from_date = $1",
        second,
    )
    assert [row["contract_no"] for row in moved] == ["SAV-1"]
    assert not await differences(scene)


async def test_a_lower_slab_that_changes_under_a_balance_above_it_moves_its_slices(
    database: Database,
) -> None:
    """The rate that the balance reaches is the same, what it earns is not."""
    second = JUNE_1 + timedelta(days=1)
    lowered = (line(0, 0), *STEPS[1:])
    scene = await special(database, SlabBasis.SLICE, {JUNE_1: STEPS, second: lowered})
    await scene.move("SAV-1", 200_000 * BAHT)
    await scene.nights(through=second)
    assert await earned(scene) == [4_900, 4_800]
    assert not await differences(scene)


async def test_a_late_deposit_re_prices_its_dates_by_the_slabs_of_their_own_sheets(
    database: Database,
) -> None:
    second, third = JUNE_1 + timedelta(days=1), JUNE_1 + timedelta(days=2)
    doubled = tuple(line(each.slab_from_satang, 2 * each.annual_rate_e8) for each in STEPS)
    scene = await special(
        database, SlabBasis.WHOLE, {JUNE_1: STEPS, second: doubled}, minimum=1_000 * BAHT
    )
    await scene.move("SAV-1", 900 * BAHT)
    await scene.nights(through=second)
    assert await earned(scene) == [0, 0]
    await scene.move("SAV-1", 99_100 * BAHT, JUNE_1)
    report = await scene.night(third)
    assert report.step("correct").amount_satang == 3_000 + 6_000
    assert await earned(scene) == [3_000, 6_000, 6_000]
    assert not await differences(scene)


async def test_what_is_credited_can_lift_a_balance_into_the_next_slab(database: Database) -> None:
    scene = await open_savings(
        database,
        ["SAV-1"],
        opened_on=date(2026, 6, 30),
        rates={date(2026, 6, 30): STEPS},
        slab_rule=SlabBasis.WHOLE,
    )
    await scene.move("SAV-1", 9_999_50)
    await scene.nights(through=date(2026, 7, 1))
    told = await interest_by_date(scene, "SAV-1")
    assert [balance for balance, _ in told.values()] == [9_999_50, 10_000_50]
    a_day = 1_603_080 // 365
    assert [exact for _, exact in told.values()] == [
        9_999_50 * 3_650_000 * a_day,
        10_000_50 * 7_300_000 * a_day,
    ]
    assert not await differences(scene)


async def test_closed_and_opened_again_under_slabs_it_earns_by_its_value_dated_balances(
    database: Database,
) -> None:
    on = [JUNE_1 + timedelta(days=n) for n in range(6)]
    halved = tuple(line(each.slab_from_satang, each.annual_rate_e8 // 2) for each in STEPS)
    scene = await special(
        database, SlabBasis.SLICE, {JUNE_1: STEPS, on[3]: halved}, minimum=1_000 * BAHT
    )
    await scene.open("SAV-2")
    await scene.move("SAV-1", 200_000 * BAHT)
    await scene.move("SAV-2", 900 * BAHT)
    await scene.nights(through=on[1])
    await close(scene)
    await scene.nights(through=on[3])
    swept = [exact for _, exact in (await interest_by_date(scene, "SAV-2")).values()]
    assert [exact > 0 for exact in swept] == [False, False, True, True]
    await undo(scene)
    await scene.nights(through=on[5])
    assert await earned(scene) == [4_900] * 3 + [2_450] * 3
    assert not await differences(scene)


SPAN = "products.interest_span SAV-1 2026-06-01"
DAMAGES = {
    "a line of another rate": (
        "UPDATE pricing.rate_line SET annual_rate_e8 = 7300001 WHERE slab_from_satang = 1000000",
        SPAN,
    ),
    "a line that begins elsewhere": (
        "UPDATE pricing.rate_line SET slab_from_satang = 1000001 WHERE slab_from_satang = 1000000",
        SPAN,
    ),
    "a line lost": ("DELETE FROM pricing.rate_line WHERE slab_from_satang = 1000000", SPAN),
    "a first line that is not the sheet's own rate": (
        "UPDATE pricing.rate_line SET annual_rate_e8 = 1 WHERE slab_from_satang = 0",
        "pricing.rate_line ",
    ),
    "another slab rule": ("UPDATE products.product SET slab_rule = 'whole'", SPAN),
    "another minimum balance": ("UPDATE products.product SET minimum_satang = 9000000", SPAN),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_prices_a_balance_is_not_changed_unnoticed(
    database: Database, database_url: str, damage: str
) -> None:
    scene = await special(database, SlabBasis.SLICE)
    await scene.move("SAV-1", 50_000 * BAHT)
    await scene.night()
    assert not await differences(scene)
    statement, place = DAMAGES[damage]
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET session_replication_role = replica")
    assert await connection.execute(statement) in ("UPDATE 1", "DELETE 1")
    found = [each.where for each in (await verify_products(connection, 1)).differences]
    await connection.close()
    assert any(where.startswith(place) for where in found), found


START, STOP = date(2027, 12, 27), date(2028, 1, 6)
PERIOD_ENDS = (date(2027, 12, 31), date(2028, 1, 3))
_BOUNDS = (0, 1, 10_000, 333_333, 10**12)
sheets = st.tuples(
    st.sets(st.sampled_from(_BOUNDS[1:]), max_size=4),
    st.lists(st.integers(0, 10**8), min_size=5, max_size=5),
).map(lambda drawn: [line(b, r) for b, r in zip(sorted({0, *drawn[0]}), drawn[1], strict=False)])
targets = st.one_of(
    st.sampled_from([bound + off for bound in _BOUNDS for off in (-1, 0, 1)]),
    st.integers(0, 10**13),
)
"""Balances to move to: at the bounds of slabs and minimum, a satang beside them, anywhere."""


NUMBERS = ("SAV-1", "SAV-2", "SAV-3")
a_move = st.tuples(
    st.integers(0, 9), st.sampled_from(NUMBERS), targets, st.sampled_from((0, 0, 1, 3, 6))
)
"""On that date, that contract, to that balance, with a value date so many days earlier."""


@given(
    drawn=st.lists(sheets, min_size=1, max_size=4),
    moves=st.lists(a_move, max_size=12),
    rule=st.sampled_from(SlabBasis),
    minimum=st.sampled_from(_BOUNDS),
    day_count=st.sampled_from(NIGHT_DAY_COUNTS),
    rounding=st.sampled_from(Rounding),
)
@drawn(12)
async def test_nights_by_slabs_and_late_postings_are_what_the_specification_says(
    server: Lease,
    template: str,
    drawn: list[list[RateLine]],
    moves: list[tuple[int, str, int, int]],
    rule: SlabBasis,
    minimum: int,
    day_count: DayCount,
    rounding: Rounding,
) -> None:
    begins = [START + timedelta(days=3 * n) for n in range(len(drawn))]
    async with fresh_database(server, template) as database:
        scene = await open_savings(
            database,
            NUMBERS,
            opened_on=START,
            rates=dict(zip(begins, drawn, strict=True)),
            day_count=day_count,
            rounding=rounding,
            capitalisation_days=frozenset({"12-31", "01-03"}),
            slab_rule=rule,
            minimum_satang=minimum,
        )
        for _ in range(10):
            for on, number, target, back in moves:
                amount = target - await scene.balance(number)
                if on == (scene.today - START).days and amount:
                    valued = max(START, scene.today - timedelta(days=back))
                    await scene.move(number, amount, valued, check=False)
            await scene.night()
        assert not await differences(scene)
        rates: dict[date, int | Conditions] = {}
        for lines, (first, after) in zip(drawn, pairwise([*begins, STOP]), strict=True):
            rates |= dict.fromkeys(days(first, after), scene.product.conditions(lines))
        for number in NUMBERS:
            await _is_as_specified(scene, number, rates)


async def _is_as_specified(
    scene: Savings, number: str, rates: Mapping[date, int | Conditions]
) -> None:
    rows = await scene.pool.fetch(
        "SELECT period_end, sum(amount_satang)::bigint AS amount FROM products.capitalisation "
        "WHERE contract_id = $1 GROUP BY period_end",
        scene.contract_id(number),
    )
    credited = dict.fromkeys(PERIOD_ENDS, 0) | {row["period_end"]: row["amount"] for row in rows}
    told = await balances_by_value_date(scene, number)
    lived = replay(
        terms=scene.product.terms,
        start=START,
        stop=STOP,
        changes={on: told.get(on, 0) - credited.get(on, 0) for on in {*told, *credited}},
        rates=rates,
    )
    assert await interest_by_date(scene, number) == {
        day.on: (day.balance_satang, day.exact) for day in lived.accruals
    }
    assert {p.period_end: p.credited_satang for p in lived.periods} == credited
