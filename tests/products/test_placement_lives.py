"""Drawn placements live drawn months, and a book and a clerk with a calendar write down the same.

Three members (tax 0 %, 1 %, 15 %), one placement each; rates, holidays, freezes, pledges, changed
instructions and early ends are drawn. Compared are payments, taxes, terms, journals with their
dates, what each night accrued, and which acts are refused.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.db import Database
from ledger.embedded import Lease
from ledger.parties import PartyKind
from ledger.posting.values import PlaceHold, ReleaseHold, Status
from products.catalogue import FIXED
from products.deposits.early_ends import CannotEndEarly
from products.deposits.instructing import CannotInstruct
from products.deposits.offers import Holiday, add_holidays
from products.deposits.taxes import TaxChange, add_tax_rates
from products.deposits.values import Instruction
from products.deposits.waiting import CannotPayOut
from products.interest import DayCount
from products.placements import InterestPaid
from products.schedules.due_dates import OnHoliday
from products.withholding import TaxRate
from tests.products.placement_acts import (
    accepted,
    end_early,
    instruct,
    journals_of,
    pay_out,
    stands,
)
from tests.products.placement_model import Life, World
from tests.products.placement_scene import (
    HUNDRED_MILLION,
    Placements,
    open_placements,
    steps,
)
from tests.products.savings_scene import approve_rate, fresh_database

DAYS = 70
BOUND = 1_000_000_00
TAX = {1: Decimal(0), 2: Decimal(1), 3: Decimal(15)}
PERSON_LATER = Decimal(10)
STARTS = (date(2027, 12, 9), date(2026, 1, 30))
ACTS = (
    "freeze there",
    "thaw there",
    "freeze here",
    "thaw here",
    "pledge",
    "release",
    "pay out",
    "end early",
    *(f"instruct {each.code}" for each in Instruction),
)
percents = st.integers(0, 9_999_999).map(lambda e6: Decimal(e6).scaleb(-6))
act_days = st.tuples(st.integers(1, DAYS - 1), st.integers(1, 3), st.sampled_from(ACTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A story: what is sold, what is placed on which day, and what people do."""

    start: date
    months: int
    moves: bool
    day_count: DayCount
    small: dict[int, Decimal]
    large: dict[int, Decimal]
    savings: dict[int, Decimal]
    tax_changes: int
    holidays: tuple[tuple[int, int], ...]
    orders: tuple[tuple[int, int, int, Instruction], ...]
    acts: tuple[tuple[int, int, str], ...]

    def on(self, day: int) -> date:
        """The date of a day."""
        return self.start + timedelta(days=day)

    def dated(self, rates: dict[int, Decimal]) -> dict[date, Decimal]:
        """Rates by their dates."""
        return {self.on(day): rate for day, rate in rates.items()}

    def world(self, holder: int) -> World:
        """As the clerk of one member sees it."""
        tax = {self.start: TAX[holder]}
        if holder == 3:
            tax[self.on(self.tax_changes)] = PERSON_LATER
        return World(
            months=self.months,
            small=self.dated(self.small),
            large=self.dated(self.large),
            bound=BOUND,
            savings=self.dated(self.savings),
            tax=tax,
            holidays=tuple((self.on(told), self.on(told + after)) for told, after in self.holidays),
            moves=self.moves,
            days_a_year=365 if self.day_count is DayCount.ACT_365F else None,
        )


@st.composite
def stories(draw: st.DrawFn) -> Drawn:
    """Anything that may happen in two and a half months."""
    months = draw(st.sampled_from((1, 2)))
    changes = sorted({0, *draw(st.lists(st.integers(1, DAYS - 1), max_size=3))})
    orders = st.tuples(
        st.integers(0, 4),
        st.one_of(st.integers(1, 500), st.integers(1, HUNDRED_MILLION)),
        st.sampled_from((0, 1) if months == 2 else (0,)),
        st.sampled_from(Instruction),
    )
    return Drawn(
        start=draw(st.sampled_from(STARTS)),
        months=months,
        moves=draw(st.booleans()),
        day_count=draw(st.sampled_from((DayCount.ACT_365F, DayCount.ACT_ACT_CALYEAR))),
        small={day: draw(percents) for day in changes},
        large={day: draw(percents) for day in changes},
        savings={day: draw(percents) for day in changes},
        tax_changes=draw(st.integers(1, DAYS - 1)),
        holidays=tuple(
            draw(st.dictionaries(st.integers(0, 40), st.integers(1, 30), max_size=3)).items()
        ),
        orders=tuple(draw(orders) for _ in range(3)),
        acts=tuple(sorted(draw(st.lists(act_days, max_size=14)))),
    )


@dataclass(slots=True, kw_only=True)
class Both:
    """The book and the clerks' sheets, kept side by side; `pledges` are the holds that are open."""

    drawn: Drawn
    made: Placements
    lives: dict[int, Life] = field(default_factory=dict)
    pledges: dict[str, UUID] = field(default_factory=dict)
    announced: set[date] = field(default_factory=set)

    async def live(self) -> None:
        """Every day: what people do, then its night."""
        for day in range(DAYS):
            on = self.drawn.on(day)
            for told, after in self.drawn.holidays:
                if told == day:
                    await self._announce(on + timedelta(days=after))
            for holder, (placed_on, amount, every, instruction) in enumerate(self.drawn.orders, 1):
                if placed_on == day:
                    await self._place(holder, amount, every, instruction)
            for when, holder, act in self.drawn.acts:
                if when == day and holder in self.lives:
                    await self._act(holder, act, on)
            await self.made.savings.night(on)
            for life in self.lives.values():
                life.night(on)

    async def _announce(self, on: date) -> None:
        if on in self.announced:
            return
        self.announced.add(on)
        async with self.made.savings.pool.acquire() as connection:
            await add_holidays(connection, 1, [Holiday(on=on, name_th="หยุด", name_en="Off")])

    async def _place(self, holder: int, amount: int, every: int, instruction: Instruction) -> None:
        await self.made.place(
            f"FD-{holder}",
            amount,
            linked_no=f"SAV-{holder}",
            paid=InterestPaid(every),
            instruction=instruction,
        )
        self.lives[holder] = Life(
            world=self.drawn.world(holder),
            principal=amount,
            every=every,
            instruction=instruction.code,
            begun=self.made.savings.today,
        )

    async def _act(self, holder: int, act: str, on: date) -> None:
        life, number, savings = self.lives[holder], f"FD-{holder}", self.made.savings
        if act in {"freeze there", "thaw there"}:
            life.frozen_there = act == "freeze there"
            await savings.freeze(f"SAV-{holder}", thaw=not life.frozen_there)
        elif life.closed is None and act in {"freeze here", "thaw here"}:
            life.frozen_here = act == "freeze here"
            await savings.freeze(number, thaw=not life.frozen_here)
        elif life.closed is None and act == "pledge" and not life.pledged:
            if not life.frozen_here:
                await self._pledge(life, number)
        elif life.closed is None and act == "release" and life.pledged:
            life.pledged = False
            await savings.do(ReleaseHold(hold_id=self.pledges[number]))
        elif act in {"pay out", "end early"} or act.startswith("instruct "):
            await self._ask(life, number, act, on)

    async def _pledge(self, life: Life, number: str) -> None:
        self.pledges[number] = uuid4()
        hold = PlaceHold(
            hold_id=self.pledges[number],
            account=self.made.savings.accounts[number],
            amount_satang=1,
        )
        outcome = await self.made.savings.do(hold)
        assert outcome.status is Status.ACCEPTED, outcome
        life.pledged = True

    async def _ask(self, life: Life, number: str, act: str, on: date) -> None:
        """What the one refuses, the other refuses."""
        wanted = act.removeprefix("instruct ")
        agreed = (
            life.pay_out(on)
            if act == "pay out"
            else life.end_early(on)
            if act == "end early"
            else life.instruct(wanted)
        )
        refusal = ""
        try:
            if act == "pay out":
                await accepted(self.made, await pay_out(self.made, number))
            elif act == "end early":
                await end_early(self.made, number)
            else:
                chosen = Instruction[wanted.upper()]
                await accepted(self.made, await instruct(self.made, number, instruction=chosen))
        except (CannotPayOut, CannotEndEarly, CannotInstruct) as error:
            refusal = str(error)
        assert bool(refusal) is not agreed, (number, act, on, refusal)

    async def compare(self) -> None:
        """Each sheet against the book, and all of them against its accounts."""
        for holder, life in self.lives.items():
            assert await self._written(holder, life) == _sheet(life)
        accrued: dict[date, int] = defaultdict(int)
        for life in self.lives.values():
            for on, satang in life.accruals.items():
                accrued[on] += satang
            for on, kind, debit, _, satang in life.moves:
                accrued[on] += 0 if kind != 124 else satang if debit == "expense" else -satang
        expense = await self.made.savings.pool.fetch(
            "SELECT m.value_date, sum(m.debits - m.credits)::bigint AS net "
            "FROM ledger.movement AS m WHERE m.account_id = $1 GROUP BY 1",
            self.made.product.expense_account,
        )
        booked = {row["value_date"]: row["net"] for row in expense if row["net"]}
        assert booked == {on: satang for on, satang in accrued.items() if satang}
        lives = self.lives.values()
        owed = sum(life.accrued - life.credited for life in lives)
        assert await self.made.balance("FIX-PAYABLE") == owed
        withheld = sum(tax for life in lives for _, _, tax in life.taxes)
        assert await self.made.balance("TAX-PAYABLE") == withheld

    async def _written(self, holder: int, life: Life) -> dict[str, object]:
        """What the book says of a placement, in the words of its sheet."""
        number = f"FD-{holder}"
        found = await stands(self.made, number)
        names = {
            number: "placement",
            f"SAV-{holder}": "savings",
            "TAX-PAYABLE": "tax",
            "FIX-PAYABLE": "payable",
            "FIX-EXPENSE": "expense",
        }
        taxes = await self.made.rows("tax_withheld", number)
        return {
            "paid": [(p.period_end, p.made_on, p.amount_satang) for p in found.payments],
            "taxes": sorted((t["paid_on"], t["interest_satang"], t["tax_satang"]) for t in taxes),
            "terms": [
                (
                    t["begins_on"],
                    t["nominal_on"],
                    t["matures_on"],
                    t["principal_satang"],
                    Decimal(str(t["annual_rate_e8"])).scaleb(-6),
                )
                for t in await self.made.rows("term", number)
            ],
            "moves": [
                (on, kind, names[debit], names[credit], satang)
                for on, valued, kind, debit, credit, satang in await journals_of(self.made, number)
                if valued == on
            ],
            "ends": (found.contract.matured_on, found.contract.closed_on),
            "instruction": found.instruction.code,
            "accrued": found.accrued_satang,
            "owed": found.owed_satang,
            "balance": found.balance_satang,
        }


def _sheet(life: Life) -> dict[str, object]:
    return {
        "paid": life.paid,
        "taxes": sorted(life.taxes),
        "terms": life.terms,
        "moves": life.moves,
        "ends": (life.matured, life.closed),
        "instruction": life.instruction,
        "accrued": life.accrued,
        "owed": life.accrued - life.credited,
        "balance": 0 if life.closed else life.principal,
    }


async def _open(drawn: Drawn, database: Database) -> Placements:
    first = drawn.start
    made = await open_placements(
        database,
        opened_on=first,
        rates={
            drawn.on(day): steps((0, str(rate)), (BOUND, str(drawn.large[day])))
            for day, rate in drawn.small.items()
        },
        savings_rate=str(drawn.savings[0]),
        months=drawn.months,
        paid=[InterestPaid.AT_MATURITY, *([InterestPaid.MONTHLY] if drawn.months > 1 else [])],
        due_rule=OnHoliday.NEXT if drawn.moves else OnHoliday.KEEP,
        day_count=drawn.day_count,
    )
    for on, rate in drawn.dated(drawn.savings).items():
        if on > first:
            await approve_rate(database, 1, on, str(rate), first)
    change = TaxChange(
        holder=PartyKind.PERSON,
        family=FIXED,
        from_date=drawn.on(drawn.tax_changes),
        tax=TaxRate(rate_e8=int(PERSON_LATER.scaleb(6)), form="ภ.ง.ด.2"),
    )
    async with made.savings.pool.acquire() as connection:
        await add_tax_rates(connection, 1, [change], made_by="test:tax", approved_by="test:chief")
    return made


@given(drawn=stories())
@settings(max_examples=max(3, settings().max_examples // 30))  # a database each
async def test_a_book_and_a_clerk_with_a_calendar_write_down_the_same(
    server: Lease, template: str, drawn: Drawn
) -> None:
    async with fresh_database(server, template) as database:
        both = Both(drawn=drawn, made=await _open(drawn, database))
        await both.live()
        await both.compare()
