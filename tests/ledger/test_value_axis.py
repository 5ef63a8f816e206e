"""A posting dated in the past is judged on every day since, against a model of calendar days.

The model is a list of (day, amount) and nothing else: the balance of a day is the sum of what is
dated up to it, asked for each day of the calendar, one by one. A debit is granted if and only if no
day from its value date to today ends below the lower limit; a credit likewise above the upper one.
What is beyond its limit already may not be made worse; who is forced, or posts for the night, may.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.cut_off import end_business_date
from ledger.kinds import EventKind
from ledger.posting.values import (
    Journal,
    Note,
    Operation,
    Origin,
    Outcome,
    SetLimits,
    Status,
    Unit,
)
from ledger.posting.write import post_batch
from tests.builders import journal, unit
from tests.ledger.play import OPENED_ON, Table, World

BANK, SAV, LOAN = 1, 2, 5
ONE_DAY = timedelta(days=1)
EARLIEST = -3
"""Value dates go so many days back beyond the opening."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A debit (net < 0) or a credit of the watched account against the bank."""

    net: int
    days_ago: int
    forced: bool


@dataclass(slots=True)
class Calendar:
    """The watched account: what is dated when, and its limits."""

    today: date = OPENED_ON
    low: int | None = None
    high: int | None = None
    dated: list[tuple[date, int]] = field(default_factory=list)

    def on(self, day: date) -> int:
        """The balance by value date at the end of a day."""
        return sum(net for dated, net in self.dated if dated <= day)

    def days(self, since: date) -> list[date]:
        """Every day of the calendar from one to today."""
        return [since + ONE_DAY * n for n in range((self.today - since).days + 1)]

    def beyond(self, day: date, net: int) -> bool:
        """True when this posting would leave a day beyond the limit that it works against."""
        after = self.on(day) + net
        if net < 0:
            return self.low is not None and after < self.low
        return self.high is not None and after > self.high

    def judge(self, wish: Wish, since: date) -> str | None:
        """The refusal's code, or None: granted."""
        if wish.forced:
            return None
        name = "below_balance_min" if wish.net < 0 else "above_balance_max"
        if self.beyond(self.today, wish.net):
            return name
        return f"{name}_later" if any(self.beyond(d, wish.net) for d in self.days(since)) else None


AMOUNTS = st.sampled_from((1, 5, 20, 60, 100)).flatmap(lambda a: st.sampled_from((a, -a)))
WISHES = st.builds(
    Wish,
    AMOUNTS,
    st.sampled_from((0, 0, 1, 1, 2, 3, 4, 6)),
    st.sampled_from((False,) * 7 + (True,)),
)
LIMITS = st.tuples(st.sampled_from((None, 0, 0, -50, 30)), st.sampled_from((None, None, 100, 150)))
STEPS = st.one_of(
    st.lists(WISHES, min_size=1, max_size=5),
    st.lists(WISHES, min_size=1, max_size=5),
    LIMITS,
    st.just("day ends"),
)


DAY_ENDS = "day ends"
SPENT_IN_BETWEEN: list[object] = [
    [Wish(100, 0, False)],
    DAY_ENDS,
    [Wish(-100, 0, False)],
    DAY_ENDS,
    [Wish(100, 0, False), Wish(-60, 2, False)],
]
"""What is there today was not there yesterday."""
FULL_IN_BETWEEN: list[object] = [
    (None, 100),
    [Wish(100, 0, False)],
    DAY_ENDS,
    [Wish(-100, 0, False)],
    DAY_ENDS,
    [Wish(5, 2, False)],
]
"""What has room today had none the day before yesterday."""


class Game:
    """One history of one account on a fresh book, and the calendar beside it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.table: Table = world.table()
        self.calendar = Calendar()
        self._set(0, None)

    def _set(self, low: int | None, high: int | None) -> None:
        self.calendar.low, self.calendar.high = low, high
        self._post([unit(SetLimits(account=SAV, balance_min=low, balance_max=high))])

    def _post(self, units: list[Unit]) -> list[Outcome]:
        async def post() -> list[Outcome]:
            connection = self.table.connection
            async with connection.transaction():
                return await post_batch(connection, self.table.book_id, units, origin=Origin.DOORS)

        return self.world.run(post())

    async def _end_day(self) -> None:
        connection = self.table.connection
        async with connection.transaction():
            await end_business_date(
                connection,
                self.table.book_id,
                self.calendar.today,
                actor="test:clock",
                origin=Origin.DOORS,
            )

    def play(self, step: object) -> None:
        """Do it on both sides; a list is one batch, judged in its order."""
        if step == "day ends":
            self.world.run(self._end_day())
            self.calendar.today += ONE_DAY
        elif isinstance(step, tuple):
            self._set(*step)
        elif isinstance(step, list):
            self._batch(step)

    def _batch(self, wishes: list[Wish]) -> None:
        dates = [self._date(wish) for wish in wishes]
        units = [_unit(wish, day) for wish, day in zip(wishes, dates, strict=True)]
        for wish, since, outcome in zip(wishes, dates, self._post(units), strict=True):
            code = self.calendar.judge(wish, since)
            found = None if outcome.refusal is None else outcome.refusal.code
            assert found == code, f"{wish} since {since}: {outcome.refusal} on {self.calendar}"
            if code is None:
                self.calendar.dated.append((since, wish.net))
                ours = next(b for b in outcome.balances if b.account == SAV)
                assert ours.balance_satang == self.calendar.on(self.calendar.today)
            elif outcome.refusal is not None and code.endswith("_later"):
                self._named(outcome.refusal.detail, since, wish.net)
            self.world.counts[code or "granted"] += 1
            self.world.counts["back-dated"] += since < self.calendar.today

    def _date(self, wish: Wish) -> date:
        return max(OPENED_ON + ONE_DAY * EARLIEST, self.calendar.today - ONE_DAY * wish.days_ago)

    def _named(self, detail: dict[str, object], since: date, net: int) -> None:
        """The refusal names the worst balance, and a day on which it stood."""
        worst = "lowest" if net < 0 else "highest"
        days = self.calendar.days(since)
        balances = [self.calendar.on(day) for day in days]
        assert detail[f"{worst}_satang"] == (min(balances) if net < 0 else max(balances))
        named = date.fromisoformat(str(detail[f"{worst}_on"]))
        assert since <= named < self.calendar.today
        assert self.calendar.on(named) == detail[f"{worst}_satang"]


def _unit(wish: Wish, day: date) -> Unit:
    pair = (SAV, BANK) if wish.net < 0 else (BANK, SAV)
    asked = journal(*pair, abs(wish.net), value_date=day, forced=wish.forced)
    operations: tuple[Operation, ...] = (asked,)
    if wish.forced:
        operations = (asked, forced_note(asked.journal_id))
    return Unit(operations=operations, actor="test:clerk", reason="as drawn")


def forced_note(journal_id: UUID) -> Note:
    """What must stand beside a forced journal."""
    return Note(kind=EventKind.JOURNAL_FORCED, subject=journal_id, body={"why": "by right"})


@pytest.fixture
def world(shared_url: str) -> Iterator[World]:
    """A connection and a loop for what Hypothesis drives."""
    made = World(shared_url)
    yield made
    made.close()


def run_any_calendar(world: World, how_much: settings) -> None:
    """Play any histories of one account; raises what the first wrong answer raised."""

    @how_much
    @given(steps=st.lists(STEPS, min_size=4, max_size=16))
    @example(steps=SPENT_IN_BETWEEN)
    @example(steps=FULL_IN_BETWEEN)
    def any_calendar(steps: list[object]) -> None:
        game = Game(world)
        for step in steps:
            game.play(step)
        world.run(game.table.verify())

    any_calendar()


@pytest.mark.timeout(3600)  # the long profiles take their time
def test_a_back_dated_posting_is_judged_on_every_day_since_its_value_date(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    run_any_calendar(world, settings())
    record_property("told", f"value axis: {told(world.counts)}")
    # The two examples that are always played see to both.
    assert world.counts["below_balance_min_later"] > 0
    assert world.counts["above_balance_max_later"] > 0


def told(counts: Counter[str]) -> str:
    """Counts in one line."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


async def spent_since(table: Table, days: int) -> None:
    """100 came in at the opening and went out again on the next day; so many days have passed."""
    await table.play([unit(journal(BANK, SAV, 100))])
    for _ in range(days):
        await table.end_day()
    out = journal(SAV, BANK, 100, value_date=OPENED_ON + ONE_DAY)
    back = journal(BANK, SAV, 100)
    await table.play([unit(out), unit(back)])


async def test_a_debit_that_today_could_bear_is_refused_for_a_day_on_which_nothing_was_there(
    bare_table: Table,
) -> None:
    await spent_since(bare_table, days=3)
    asked = unit(journal(SAV, BANK, 10, value_date=OPENED_ON))
    (outcome,) = await bare_table.play([asked])
    assert outcome.refusal is not None
    assert outcome.refusal.code == "below_balance_min_later"
    assert outcome.refusal.detail["lowest_on"] == (OPENED_ON + ONE_DAY).isoformat()
    assert outcome.refusal.detail["lowest_satang"] == 0
    (today,) = await bare_table.play([unit(journal(SAV, BANK, 10))])
    assert today.status is Status.ACCEPTED


async def test_within_a_batch_each_posting_sees_the_days_that_the_one_before_it_left(
    bare_table: Table,
) -> None:
    await spent_since(bare_table, days=3)
    late = [
        unit(journal(SAV, BANK, 10, value_date=OPENED_ON)),
        unit(journal(BANK, SAV, 10, value_date=OPENED_ON + ONE_DAY)),
        unit(journal(SAV, BANK, 10, value_date=OPENED_ON)),
        unit(journal(SAV, BANK, 1, value_date=OPENED_ON)),
    ]
    outcomes = await bare_table.play(late)
    codes = [None if o.refusal is None else o.refusal.code for o in outcomes]
    assert codes == ["below_balance_min_later", None, None, "below_balance_min_later"]


async def test_a_limit_that_was_set_later_judges_the_past_as_well(bare_table: Table) -> None:
    await spent_since(bare_table, days=3)
    overdraft = SetLimits(account=SAV, balance_min=-10, balance_max=None)
    outcomes = await bare_table.play(
        [unit(overdraft), unit(journal(SAV, BANK, 10, value_date=OPENED_ON))]
    )
    assert {outcome.status for outcome in outcomes} == {Status.ACCEPTED}


async def test_a_forced_journal_is_not_judged_on_any_day_and_worsens_what_later_ones_see(
    bare_table: Table,
) -> None:
    await spent_since(bare_table, days=3)
    asked = journal(SAV, BANK, 10, value_date=OPENED_ON, forced=True)
    forced = Unit(
        operations=(asked, forced_note(asked.journal_id)), actor="test:chief", reason="by right"
    )
    mends = unit(journal(BANK, SAV, 10, value_date=OPENED_ON))
    worsens = unit(journal(SAV, BANK, 1, value_date=OPENED_ON))
    outcomes = await bare_table.play([forced, worsens, mends])
    codes = [None if o.refusal is None else o.refusal.code for o in outcomes]
    assert codes == [None, "below_balance_min_later", None]


async def test_a_reversal_of_what_has_been_spent_since_is_refused_unless_forced(
    bare_table: Table,
) -> None:
    first = journal(BANK, SAV, 100)
    await bare_table.play([unit(first)])
    await bare_table.end_day()
    await bare_table.play([unit(journal(SAV, BANK, 100))])
    await bare_table.end_day()
    await bare_table.play([unit(journal(BANK, SAV, 100))])
    undo = reversal(first)
    (refused,) = await bare_table.play([unit(undo)])
    assert refused.refusal is not None
    assert refused.refusal.code == "below_balance_min_later"
    forced = reversal(first, forced=True)
    note = forced_note(forced.journal_id)
    by_right = Unit(operations=(forced, note), actor="test:chief", reason="agreed")
    (done,) = await bare_table.play([by_right])
    assert done.status is Status.ACCEPTED
    assert done.receipts[0].value_date == OPENED_ON


async def test_a_journal_and_its_reversal_in_one_batch_are_judged_on_the_same_days(
    bare_table: Table,
) -> None:
    await spent_since(bare_table, days=3)
    late = journal(BANK, SAV, 50, value_date=OPENED_ON, may_exceed_limit=True)
    limit = SetLimits(account=SAV, balance_min=10, balance_max=None)
    outcomes = await bare_table.play([unit(late), unit(limit), unit(reversal(late))])
    codes = [None if o.refusal is None else o.refusal.code for o in outcomes]
    assert codes == [None, None, "below_balance_min_later"]


def reversal(target: Journal, *, forced: bool = False) -> Journal:
    """The mirror of a journal of one transfer."""
    (line,) = target.transfers
    return journal(
        line.credit,
        line.debit,
        line.amount_satang,
        reverses=target.journal_id,
        forced=forced,
    )
