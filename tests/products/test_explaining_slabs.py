"""Special savings explained: whatever was moved, late or on time, each date's amount is what the
nights posted for it, and what an accountant finds from movements and sheets alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.db import Database
from ledger.embedded import Lease
from ledger.money import Rounding
from pricing.rate_lines import RateLine
from pricing.slabs import SlabBasis
from products.catalogue import NIGHT_DAY_COUNTS
from products.explaining import ExplainedLeg
from products.interest import EXACT_DENOMINATOR, DayCount
from products.workings import Nothing
from tests.products.explained_scene import posted_in, sheet_of, told
from tests.products.night_by_night import nights, of_a_night, rounded
from tests.products.savings_scene import Savings, fresh_database, interest_by_date, open_savings
from tests.products.test_special_savings import (
    BAHT,
    JUNE_1,
    NUMBERS,
    START,
    STEPS,
    STOP,
    a_move,
    sheets,
    special,
)

JUNE_2, JUNE_3 = JUNE_1 + timedelta(days=1), JUNE_1 + timedelta(days=2)
Known = dict[tuple[str, date], ExplainedLeg]


async def test_each_slice_is_told_with_its_amount_its_bounds_and_what_it_earns(
    database: Database,
) -> None:
    scene = await special(database, SlabBasis.SLICE)
    await scene.move("SAV-1", 150_000 * BAHT)
    await scene.night()
    leg = await told(scene, "SAV-1", JUNE_1)
    assert sheet_of(leg).lines == STEPS
    assert [
        (part.slab.from_satang, part.slab.to_satang, part.amount_satang, _satang(part.exact))
        for part in leg.working.parts
    ] == [
        (0, 10_000 * BAHT, 10_000 * BAHT, 100),
        (10_000 * BAHT, 100_000 * BAHT, 90_000 * BAHT, 1_800),
        (100_000 * BAHT, None, 50_000 * BAHT, 1_500),
    ]
    assert (leg.working.annual_rate_e8, posted_in(leg)) == (10_950_000, 3_400)


@pytest.mark.parametrize(
    ("balance", "slab", "satang"),
    [
        (9_900 * BAHT, (0, 10_000 * BAHT), 99),
        (10_000 * BAHT, (10_000 * BAHT, 100_000 * BAHT), 200),
        (100_000 * BAHT, (100_000 * BAHT, None), 3_000),
    ],
)
async def test_on_the_whole_balance_one_part_is_told_with_the_slab_that_it_reaches(
    database: Database, balance: int, slab: tuple[int, int | None], satang: int
) -> None:
    scene = await special(database, SlabBasis.WHOLE)
    await scene.move("SAV-1", balance)
    await scene.night()
    leg = await told(scene, "SAV-1", JUNE_1)
    (part,) = leg.working.parts
    assert (part.slab.from_satang, part.slab.to_satang) == slab
    assert (part.amount_satang, _satang(part.exact)) == (balance, satang)


async def test_a_late_deposit_that_lifts_a_balance_over_the_minimum_is_told_then_and_now(
    database: Database,
) -> None:
    scene = await special(database, SlabBasis.SLICE, minimum=20_000 * BAHT)
    await scene.move("SAV-1", 19_999 * BAHT)
    await scene.night()
    await scene.move("SAV-1", 1 * BAHT, JUNE_1)
    # Tonight corrects it; until then the date is told as it stands.
    waiting = await told(scene, "SAV-1", JUNE_1)
    assert (waiting.working.nothing, waiting.working.parts) == (Nothing.BELOW_MINIMUM, ())
    assert (waiting.changes, posted_in(waiting)) == ((), 0)
    await scene.night()
    now = await told(scene, "SAV-1", JUNE_1)
    (change,) = now.changes
    assert (now.working.nothing, now.first.posted_satang, posted_in(now)) == (None, 0, 300)
    assert (change.change.night, change.change.amount_satang) == (JUNE_2, 300)
    then = await told(scene, "SAV-1", JUNE_1, known_on=JUNE_1)
    assert (then.working.balance_satang, then.working.nothing) == (
        19_999 * BAHT,
        Nothing.BELOW_MINIMUM,
    )


async def test_the_run_of_like_dates_is_told_with_what_the_period_had_earned_before(
    database: Database,
) -> None:
    scene = await special(database, SlabBasis.WHOLE, {JUNE_1: STEPS, JUNE_3: STEPS})
    await scene.move("SAV-1", 9_900 * BAHT)
    await scene.night()
    await scene.move("SAV-1", 100 * BAHT)
    for _ in range(3):
        await scene.night()
    leg = await told(scene, "SAV-1", JUNE_3 + timedelta(days=1))
    found = leg.working
    # The new sheet of 3 June has the lines of the one before: the dates stay alike.
    assert (sheet_of(leg).effective_from, found.since, found.days) == (JUNE_3, JUNE_2, 3)
    assert (found.period_start, _satang(found.base_exact)) == (JUNE_1, 99)
    assert (_satang(found.before_exact), _satang(found.through_exact)) == (499, 699)


DAMAGES = {
    "a span of another balance": (
        "UPDATE products.interest_span SET balance_satang = balance_satang - 1",
        {"balance"},
    ),
    "a span of another rate": (
        "UPDATE products.interest_span SET annual_rate_e8 = annual_rate_e8 + 1",
        {"annual_rate_percent"},
    ),
    "a span of another year": (
        "UPDATE products.interest_span SET year_days = 366",
        {"year_days"},
    ),
    "a span that earns something else": (
        "UPDATE products.interest_span SET slope_exact = slope_exact - 160308000000000",
        {"exact", "exact_through_day_before", "exact_through_date", "posted"},
    ),
    "a span whose period had earned something before": (
        "UPDATE products.interest_span SET base_exact = base_exact + 1",
        {"exact_through_day_before", "exact_through_date"},
    ),
    "a line of a sheet": (
        "UPDATE pricing.rate_line SET annual_rate_e8 = 7300001 WHERE slab_from_satang = 1000000",
        {"annual_rate_percent", "exact", "exact_through_day_before", "exact_through_date"},
    ),
    "a movement": (
        "UPDATE ledger.movement SET credits = credits + 100000 WHERE account_id = "
        "(SELECT account_id FROM products.contract)",
        {"balance", "exact", "exact_through_day_before", "exact_through_date", "posted"},
    ),
    "the product's minimum balance": (
        "UPDATE products.product SET minimum_satang = 9000000",
        {"exact", "exact_through_day_before", "exact_through_date", "posted"},
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_whatever_of_record_or_inputs_is_damaged_they_are_told_to_differ(
    database: Database, database_url: str, damage: str
) -> None:
    scene = await special(database, SlabBasis.SLICE)
    await scene.move("SAV-1", 50_000 * BAHT)
    await scene.nights(through=JUNE_2)
    assert (await told(scene, "SAV-1", JUNE_2)).differences == ()
    statement, expected = DAMAGES[damage]
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(statement)
    await connection.close()
    found = (await told(scene, "SAV-1", JUNE_2)).differences
    assert {each.what for each in found} == expected
    assert {each.known_on for each in found} == {JUNE_2}
    assert [each for each in found if each.recorded == each.worked_out] == []


async def test_a_late_posting_that_no_night_corrected_is_told_as_a_difference(
    database: Database, database_url: str
) -> None:
    scene = await special(database, SlabBasis.WHOLE)
    await scene.move("SAV-1", 1_000 * BAHT)
    await scene.nights(through=JUNE_1)
    await scene.move("SAV-1", 1_000 * BAHT)
    await scene.nights(through=JUNE_2)
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        "UPDATE ledger.movement SET value_date = $1 WHERE business_date = $2 AND account_id = "
        "(SELECT account_id FROM products.contract)",
        JUNE_1,
        JUNE_2,
    )
    await connection.close()
    found = (await told(scene, "SAV-1", JUNE_1)).differences
    assert {each.known_on for each in found} == {JUNE_2}
    assert (found[0].what, found[0].recorded, found[0].worked_out) == (
        "balance",
        "1000.00",
        "2000.00",
    )
    assert (await told(scene, "SAV-1", JUNE_1, known_on=JUNE_1)).differences == ()


@dataclass(frozen=True, kw_only=True)
class Clerk:
    """Works a date out by hand, in fractions of a satang, from movements, credits and sheets.

    moved:    (business date, value date, net) of a contract's account.
    credited: (night, period end, amount) of the contract.
    """

    scene: Savings
    lines: Mapping[date, Sequence[RateLine]]
    moved: Sequence[Any]
    credited: Sequence[Any]

    def balance(self, on: date, night: date) -> int:
        """The closing balance by value date, without the date's own credit, as a night knew it."""
        net = [n for made, valued, n in self.moved if made <= night and valued <= on]
        own = [n for made, end, n in self.credited if made <= night and end == on]
        return int(sum(net) - sum(own))

    def parts(self, on: date, balance: int) -> list[tuple[int, int]]:
        """(Amount, rate) of each part of a balance that earns."""
        product = self.scene.product
        if balance < 0 or balance < product.minimum_satang:
            return []
        reached = [each for each in self.lines[on] if each.slab_from_satang <= balance]
        if product.slab_rule is SlabBasis.WHOLE:
            return [(balance, reached[-1].annual_rate_e8)]
        ends = [each.slab_from_satang for each in reached[1:]] + [balance]
        slices = [
            (end - each.slab_from_satang, each.annual_rate_e8)
            for each, end in zip(reached, ends, strict=True)
        ]
        # A balance on a bound reaches the slab above with nothing of it.
        return [part for part in slices if part[0]] or slices[:1]

    def figures(self, on: date, night: date) -> tuple[object, ...]:
        """Balance, parts, exact amount, and rounded before and through the date."""
        terms = self.scene.product.terms
        first = on
        while first > START and not terms.ends_period(first - timedelta(days=1)):
            first -= timedelta(days=1)
        earned = {day: self.earned(day, night) for day in nights(first, on + timedelta(days=1))}
        through = sum(earned.values(), Fraction(0))
        balance = self.balance(on, night)
        return (
            balance,
            self.parts(on, balance),
            earned[on],
            through,
            rounded(through - earned[on], terms.rounding),
            rounded(through, terms.rounding),
        )

    def earned(self, on: date, night: date) -> Fraction:
        """Satang of one date, part by part."""
        day_count = self.scene.product.terms.day_count
        parts = self.parts(on, self.balance(on, night))
        return sum((of_a_night(*part, on, day_count) for part in parts), Fraction(0))


@given(
    drawn=st.lists(sheets, min_size=1, max_size=4),
    moves=st.lists(a_move, max_size=12),
    rule=st.one_of(st.none(), st.sampled_from(SlabBasis)),
    minimum=st.sampled_from((0, 1, 10_000, 333_333)),
    day_count=st.sampled_from(NIGHT_DAY_COUNTS),
    rounding=st.sampled_from(Rounding),
    asked=st.integers(0, 9),
)
@settings(max_examples=10)
async def test_of_any_book_each_date_tells_what_was_posted_and_what_a_clerk_finds(
    server: Lease,
    template: str,
    drawn: list[list[RateLine]],
    moves: list[tuple[int, str, int, int]],
    rule: SlabBasis | None,
    minimum: int,
    day_count: DayCount,
    rounding: Rounding,
    asked: int,
) -> None:
    """`rule` None is plain savings, whose sheets have a line and which have no minimum."""
    begins = [START + timedelta(days=3 * n) for n in range(len(drawn))]
    if rule is None:
        drawn, minimum = [lines[:1] for lines in drawn], 0
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
        while scene.today < STOP:
            for on, number, target, back in moves:
                amount = target - await scene.balance(number)
                if on == (scene.today - START).days and amount:
                    valued = max(START, scene.today - timedelta(days=back))
                    await scene.move(number, amount, valued, check=False)
            await scene.night()
        lines = {
            on: sheet
            for sheet, (first, after) in zip(drawn, pairwise([*begins, STOP]), strict=True)
            for on in nights(first, after)
        }
        last = STOP - timedelta(days=1)
        now = await _known(scene, last)
        await _is_what_a_clerk_finds(scene, lines, now, last)
        await _is_what_was_recorded(scene, now)
        night = START + timedelta(days=asked)
        then = await _known(scene, night, known_on=night)
        await _is_what_a_clerk_finds(scene, lines, then, night)


async def _known(scene: Savings, last: date, known_on: date | None = None) -> Known:
    return {
        (number, on): await told(scene, number, on, known_on)
        for number in NUMBERS
        for on in nights(START, last + timedelta(days=1))
    }


async def _is_what_a_clerk_finds(
    scene: Savings, lines: Mapping[date, Sequence[RateLine]], known: Known, night: date
) -> None:
    for number in NUMBERS:
        clerk = Clerk(
            scene=scene,
            lines=lines,
            moved=await scene.pool.fetch(
                "SELECT business_date, value_date, credits - debits FROM ledger.movement "
                "WHERE account_id = $1",
                scene.accounts[number],
            ),
            credited=await scene.pool.fetch(
                "SELECT made_on, period_end, amount_satang FROM products.capitalisation "
                "WHERE contract_id = $1",
                scene.contract_id(number),
            ),
        )
        for on in [on for other, on in known if other == number]:
            found = known[number, on].working
            said = (
                found.balance_satang,
                [(part.amount_satang, part.slab.annual_rate_e8) for part in found.parts],
                _fraction(found.exact),
                _fraction(found.through_exact),
                found.before_satang,
                found.through_satang,
            )
            assert said == clerk.figures(on, night), (number, on)


async def _is_what_was_recorded(scene: Savings, known: Known) -> None:
    """Told date by date: spans say the same, and what each night posted is the ledger's expense."""
    posted: Counter[tuple[date, date]] = Counter()
    carried: dict[tuple[date, date], int] = {}
    for (number, on), leg in known.items():
        posted_in(leg)
        spans = await interest_by_date(scene, number)
        assert spans[on] == (leg.working.balance_satang, leg.working.exact)
        posted[on, on] += leg.first.posted_satang
        if leg.journal is not None:
            carried[on, on] = leg.journal.amount_satang
        for each in leg.changes:
            posted[each.change.night, on] += each.change.amount_satang
            if each.journal is not None:
                carried[each.change.night, on] = each.journal.amount_satang
    rows = await scene.pool.fetch(
        "SELECT business_date, value_date, sum(debits - credits)::bigint FROM ledger.movement "
        "WHERE account_id = $1 GROUP BY 1, 2",
        scene.product.expense_account,
    )
    expense = {(night, on): amount for night, on, amount in rows if amount}
    assert {key: amount for key, amount in posted.items() if amount} == expense
    assert carried == expense


def _fraction(exact: int) -> Fraction:
    return Fraction(exact, EXACT_DENOMINATOR)


def _satang(exact: int) -> int:
    whole = _fraction(exact)
    assert whole.denominator == 1
    return whole.numerator
