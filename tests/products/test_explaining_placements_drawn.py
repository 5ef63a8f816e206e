"""Any fixed deposits: each date tells the ledger's expense, and what a clerk finds by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import asyncpg
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.embedded import Lease
from ledger.money import Rounding
from products.catalogue import NIGHT_DAY_COUNTS
from products.deposits.values import Instruction
from products.explaining import ExplainedLeg
from products.interest import DayCount
from products.placements import InterestPaid
from tests.products.explained_scene import fraction, placed_in, posted_in, told
from tests.products.night_by_night import nights, of_a_night, rounded
from tests.products.placement_scene import (
    AT_MATURITY,
    BAHT,
    MONTHLY,
    PAY_OUT,
    ROLL_ALL,
    ROLL_PRINCIPAL,
    Placements,
    open_placements,
    steps,
)
from tests.products.savings_scene import balances_by_value_date, fresh_database

ONE_DAY = timedelta(days=1)
START, STOP = date(2027, 12, 6), date(2028, 2, 22)
NEW_SHEET = date(2028, 1, 20)
OLD, NEW = (
    steps((0, "1.1100"), (1_000_000 * BAHT, "2.2200")),
    steps((0, "1.3300"), (2_000_000 * BAHT, "2.4400")),
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A sum placed on a day of the first two weeks for a month or two, by one of three holders."""

    day: int
    holder: int
    amount: int
    paid: InterestPaid
    instruction: Instruction

    @property
    def begins_on(self) -> date:
        """When it is placed."""
        return START + timedelta(days=self.day)


orders = st.builds(
    Order,
    day=st.integers(0, 13),
    holder=st.integers(1, 3),
    amount=st.one_of(
        st.integers(1, 5_000_000 * BAHT),
        st.sampled_from((1, 999_999_99, 1_000_000_00, 1_000_000 * BAHT, 2_000_000 * BAHT - 1)),
    ),
    paid=st.sampled_from((AT_MATURITY, MONTHLY)),
    instruction=st.sampled_from(Instruction),
)
freezes = st.lists(st.tuples(st.integers(20, 72), st.integers(1, 3)), max_size=2)


@dataclass(frozen=True, kw_only=True)
class Clerk:
    """Works a date out by hand from an order, the ledger's movements and the two sheets."""

    order: Order
    months: int
    day_count: DayCount
    moved: Mapping[date, int]

    def balance(self, on: date) -> int:
        """What stands on the account by value date."""
        return sum(amount for valued, amount in self.moved.items() if valued <= on)

    def terms(self) -> list[tuple[date, date]]:
        """(Begin, maturity) of each term that begins before the end."""
        found = [(self.order.begins_on, _matures(self.order.begins_on, self.months))]
        while self.order.instruction is not PAY_OUT and found[-1][1] < STOP:
            begins = found[-1][1]
            found.append((begins, _matures(begins, self.months)))
        return found

    def dates(self) -> list[date]:
        """The dates on which it bears interest."""
        return [*nights(self.order.begins_on, min(STOP, self.terms()[-1][1]))]

    def coupon(self, on: date) -> tuple[date, date]:
        """First date of the coupon that holds a date, and when it pays."""
        (begins, matures) = next(term for term in self.terms() if term[0] <= on < term[1])
        bounds = [begins, matures]
        if self.order.paid is MONTHLY and self.months == 2:
            bounds.insert(1, _a_month_later(begins))
        return next(pair for pair in pairwise(bounds) if on < pair[1])

    def rate(self, on: date) -> int:
        """By the sheet of the date on which the term began."""
        begins = next(term[0] for term in self.terms() if term[0] <= on < term[1])
        lines = OLD if begins < NEW_SHEET else NEW
        reached = [line for line in lines if line.slab_from_satang <= self.balance(begins)]
        return reached[-1].annual_rate_e8

    def figures(self, on: date) -> tuple[object, ...]:
        """Balance, rate, the coupon, exact through the date, rounded before and through it."""
        first, pays_on = self.coupon(on)
        earned = [
            of_a_night(self.balance(day), self.rate(day), day, self.day_count)
            for day in nights(first, on + ONE_DAY)
        ]
        through = sum(earned, Fraction(0))
        before = rounded(through - earned[-1], Rounding.HALF_UP)
        found = (self.balance(on), self.rate(on), first, pays_on)
        return (*found, through, before, rounded(through, Rounding.HALF_UP))


def _a_month_later(on: date) -> date:
    """No order begins after the 19th, and a maturity moves by two days at most."""
    return date(on.year + on.month // 12, on.month % 12 + 1, on.day)


def _matures(begins: date, months: int) -> date:
    found = begins
    for _ in range(months):
        found = _a_month_later(found)
    while found.weekday() >= 5:
        found += ONE_DAY
    return found


@given(
    drawn=st.lists(orders, min_size=1, max_size=3),
    frozen=freezes,
    months=st.integers(1, 2),
    day_count=st.sampled_from(NIGHT_DAY_COUNTS),
    asked=st.integers(0, 60),
)
@example(
    drawn=[
        Order(day=0, holder=3, amount=99_999_999_99, paid=MONTHLY, instruction=ROLL_ALL),
        Order(day=4, holder=2, amount=123_456_789, paid=AT_MATURITY, instruction=PAY_OUT),
        Order(day=9, holder=1, amount=777_777_77, paid=MONTHLY, instruction=ROLL_PRINCIPAL),
    ],
    frozen=[(60, 3), (62, 2)],
    months=2,
    day_count=DayCount.ACT_ACT_CALYEAR,
    asked=40,
)
@settings(max_examples=3)
async def test_of_any_placements_each_date_tells_what_was_posted_and_what_a_clerk_finds(
    server: Lease,
    template: str,
    drawn: list[Order],
    frozen: list[tuple[int, int]],
    months: int,
    day_count: DayCount,
    asked: int,
) -> None:
    async with fresh_database(server, template) as database:
        made = await open_placements(
            database,
            opened_on=START,
            rates={START: OLD, NEW_SHEET: NEW},
            months=months,
            paid=[each for each in (AT_MATURITY, MONTHLY) if each.value < months],
            day_count=day_count,
        )
        await _live(made, drawn, frozen, months)
        clerks = {
            f"FD-{n}": Clerk(
                order=order,
                months=months,
                day_count=day_count,
                moved=await balances_by_value_date(made.savings, f"FD-{n}"),
            )
            for n, order in enumerate(drawn)
        }
        known: dict[tuple[str, date], ExplainedLeg] = {}
        for number, clerk in clerks.items():
            for on in clerk.dates():
                leg = known[number, on] = await told(made.savings, number, on)
                assert _said(leg) == clerk.figures(on), (number, on)
        await _is_the_expense(made, known)
        await _is_what_was_paid(made, known, clerks)
        night = START + timedelta(days=asked)
        for (number, on), leg in known.items():
            if on <= night:
                then = await told(made.savings, number, on, known_on=night)
                assert (then.working, then.figure) == (leg.working, leg.figure)
                paid = [each for each in placed_in(leg).payments if each.paid_on <= night]
                assert list(placed_in(then).payments) == paid


async def _live(
    made: Placements, drawn: Sequence[Order], frozen: Sequence[tuple[int, int]], months: int
) -> None:
    """Every day up to the end: thaw what was frozen a while ago, place, freeze, run the night."""
    while made.savings.today < STOP:
        day = (made.savings.today - START).days
        for begins, holder in frozen:
            if day in {begins, begins + 5}:
                await made.savings.freeze(f"SAV-{holder}", thaw=day == begins + 5)
        for n, order in enumerate(drawn):
            if order.day == day:
                await made.place(
                    f"FD-{n}",
                    order.amount,
                    linked_no=f"SAV-{order.holder}",
                    paid=order.paid if months == 2 else AT_MATURITY,
                    instruction=order.instruction,
                )
        await made.savings.night()


def _said(leg: ExplainedLeg) -> tuple[object, ...]:
    found, coupon = leg.working, placed_in(leg).coupon
    posted_in(leg)
    return (
        found.balance_satang,
        found.annual_rate_e8,
        coupon.from_date,
        coupon.pays_on,
        fraction(found.through_exact),
        found.before_satang,
        found.through_satang,
    )


async def _is_the_expense(made: Placements, known: Mapping[tuple[str, date], ExplainedLeg]) -> None:
    """What is told was posted by each night for its own date, in the journal that is named."""
    posted: Counter[tuple[date, date]] = Counter()
    carried: dict[tuple[date, date], int] = {}
    for (_, on), leg in known.items():
        assert leg.changes == ()
        posted[on, on] += leg.working.posted_satang
        if leg.journal is not None:
            carried[on, on] = leg.journal.amount_satang
    rows = await made.savings.pool.fetch(
        "SELECT business_date, value_date, sum(debits - credits)::bigint FROM ledger.movement "
        "WHERE account_id = $1 GROUP BY 1, 2",
        made.product.expense_account,
    )
    expense = {(night, on): amount for night, on, amount in rows if amount}
    assert {key: amount for key, amount in posted.items() if amount} == expense
    assert carried == expense


async def _is_what_was_paid(
    made: Placements,
    known: Mapping[tuple[str, date], ExplainedLeg],
    clerks: Mapping[str, Clerk],
) -> None:
    """Each payment is told on its date, while the placement bears on, with the holder's tax."""
    for number, clerk in clerks.items():
        percent = {1: 0, 2: 1, 3: 15}[clerk.order.holder]
        expected = [
            (
                row["made_on"],
                row["amount_satang"],
                rounded(Fraction(row["amount_satang"] * percent, 100), Rounding.HALF_UP),
            )
            for row in await _paid(made, number)
            if (number, row["made_on"]) in known
        ]
        found = [
            (on, each.interest_satang, each.taken_satang)
            for (other, on), leg in known.items()
            if other == number
            for each in placed_in(leg).payments
            if each.paid_on == on
        ]
        assert found == expected, number


async def _paid(made: Placements, number: str) -> list[asyncpg.Record]:
    return await made.savings.pool.fetch(
        "SELECT made_on, amount_satang FROM products.capitalisation WHERE contract_id = $1 "
        "ORDER BY made_on",
        made.contract_id(number),
    )
