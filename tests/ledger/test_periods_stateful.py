"""Any order of living, adjusting, closing and opening again, against a model on paper.

The model is a list of journals and a list of what is closed. It foretells what each act gets; the
book must agree. After every act: nothing was recorded into a period after its closing but late
adjustments and closings of its year, vouchers have no gap, and every closing there ever was still
reads as it was recorded, also when added up anew from the transfers known at its number.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeVar

import pytest
import uvloop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger.db import open_pool
from ledger.errors import CffError
from ledger.periods.acts import Acted
from ledger.periods.months import close_month, reopen_month
from ledger.periods.spans import PeriodKind
from ledger.periods.years import close_year, reopen_year
from ledger.posting.values import Outcome, Period
from tests.ledger.period_scene import CHIEF, NAMES, Scene, Totals, make_scene

_T = TypeVar("_T")
OPENED_ON = date(2026, 10, 28)
LAST = date(2027, 2, 1)
"""So far an act lives on its own; further the book comes day by day."""

ACCOUNTS = st.sampled_from(list(NAMES))
AMOUNTS = st.integers(1, 1_000_00)
WHY = "drawn at random"

_INTRUDERS = """
SELECT t.recorded_seq, t.business_date FROM ledger.period AS p
INNER JOIN ledger.transfer AS t ON t.book_id = p.book_id
    AND t.business_date BETWEEN p.starts_on AND p.ends_on AND t.recorded_seq > p.closed_seq
INNER JOIN LATERAL (
    SELECT b.period FROM ledger.batch AS b
    WHERE b.book_id = t.book_id AND b.last_seq >= t.recorded_seq
    ORDER BY b.last_seq, b.batch_no LIMIT 1
) AS b ON TRUE
WHERE p.book_id = $1 AND p.state = 2 AND NOT (p.kind = 1 AND b.period > 0)
"""


def first_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def following(day: date) -> date:
    """The first day of the next month."""
    return (first_of(day) + timedelta(days=32)).replace(day=1)


@dataclass(slots=True)
class Paper:
    """What the book should be: its dates, what is closed, every closing's totals."""

    start_month: int
    today: date = OPENED_ON
    months: set[date] = field(default_factory=set)
    years: set[int] = field(default_factory=set)
    closings: list[tuple[PeriodKind, date, date, int, int, Totals]] = field(default_factory=list)

    def year_of(self, day: date) -> int:
        """The calendar year in which the fiscal year of a day ends."""
        return day.year + (self.start_month > 1 and day.month >= self.start_month)

    def first_day(self, year: int) -> date:
        """Of a fiscal year."""
        return date(year - (self.start_month > 1), self.start_month, 1)

    def last_day(self, year: int) -> date:
        """Of a fiscal year."""
        return self.first_day(year + 1) - timedelta(days=1)

    def all_months_closed(self, year: int) -> bool:
        """True when the year may be in its late period."""
        month = first_of(max(self.first_day(year), OPENED_ON))
        while month <= self.last_day(year):
            if month not in self.months:
                return False
            month = following(month)
        return True

    def takes_adjustment(self, day: date) -> bool:
        """Of an open month, in the book's life."""
        return (
            OPENED_ON <= day <= self.today
            and first_of(day) not in self.months
            and self.year_of(day) not in self.years
        )

    def is_late(self, year: int) -> bool:
        """The late period of a year: its months closed, itself open."""
        return year not in self.years and self.all_months_closed(year)

    def month_closes(self, month: date) -> bool:
        """Lived to its end, earlier ones closed, itself open."""
        earlier = max(self.months, default=None)
        expected = first_of(OPENED_ON) if earlier is None else following(earlier)
        return month == expected and following(month) <= self.today

    def year_closes(self, year: int) -> bool:
        """In its late period, and the year before is closed or was none of the book's."""
        first = self.year_of(OPENED_ON)
        return self.is_late(year) and (year == first or year - 1 in self.years)


class World:
    """A pool with a loop of its own, and counts of what was played."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.counts: Counter[str] = Counter()
        self.pool = self.run(open_pool(url, max_size=2))

    def run(self, work: Awaitable[_T]) -> _T:
        """Wait for something in this world's loop."""

        async def wait() -> _T:
            return await work

        return self._runner.run(wait())

    def close(self) -> None:
        """Hang up and close the loop."""
        self.run(self.pool.close())
        self._runner.close()


async def _told(act: Awaitable[Acted]) -> Acted | CffError:
    try:
        return await act
    except CffError as error:
        return error


class AnyYear(RuleBasedStateMachine):
    """A fresh book for every example."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.paper = Paper(1)

    @initialize(start_month=st.sampled_from((1, 11, 12)))
    def opened(self, start_month: int) -> None:
        """The first fiscal year is four days, a month, or two months long."""
        self.paper = Paper(start_month)
        self.scene: Scene = self.world.run(
            make_scene(self.world.pool, opened_on=OPENED_ON, start_month=start_month)
        )

    @rule(days=st.sampled_from((1, 1, 4, 31)))
    def live(self, days: int) -> None:
        """Days pass and are proven."""
        self._live_through(self.paper.today + timedelta(days=days - 1))

    def _live_through(self, last: date) -> None:
        if last >= self.paper.today:
            self.world.run(self.scene.live_through(last))
            self.paper.today = last + timedelta(days=1)

    @rule(debit=ACCOUNTS, credit=ACCOUNTS, amount=AMOUNTS)
    def doors_post(self, debit: str, credit: str, amount: int) -> None:
        """A journal of today."""
        if debit != credit:
            self._heard(self.world.run(self.scene.post(debit, credit, amount)), "accepted", "post")

    @rule(
        debit=ACCOUNTS,
        credit=ACCOUNTS,
        amount=AMOUNTS,
        days=st.sampled_from((0, 0, 0, 3, 20, -1, -25)),
    )
    def adjust(self, debit: str, credit: str, amount: int, days: int) -> None:
        """A journal of an earlier day, around the first one that is open."""
        newest = max(self.paper.months, default=None)
        day = (OPENED_ON if newest is None else following(newest)) + timedelta(days=days)
        if debit != credit:
            outcome = self.world.run(self.scene.post(debit, credit, amount, on=day))
            told = "accepted" if self.paper.takes_adjustment(day) else "period_closed"
            self._heard(outcome, told, "adjust")

    @rule(
        amount=AMOUNTS,
        back=st.sampled_from((0, 0, 0, 1, -1)),
        off=st.sampled_from((0, 0, 0, 1)),
        wait=st.booleans(),
    )
    def adjust_late(self, amount: int, back: int, off: int, wait: bool) -> None:
        """An audit adjustment in what may be the late period of a year."""
        newest = max(self.paper.years, default=self.paper.year_of(OPENED_ON) - 1)
        year = newest + 1 - back
        if wait:
            self._close_months_of(year)
        day = self.paper.last_day(year) - timedelta(days=off)
        outcome = self.world.run(
            self.scene.post("COSTS", "BANK", amount, on=day, period=Period.LATE)
        )
        lived = OPENED_ON <= day <= self.paper.today
        told = "accepted" if lived and not off and self.paper.is_late(year) else "period_closed"
        self._heard(outcome, told, "late")

    @rule(ahead=st.sampled_from((0, 0, 0, 0, 1, -1)), wait=st.sampled_from((True, True, False)))
    def close_a_month(self, ahead: int, wait: bool) -> None:
        """Usually the one that is next to close, and after it has been lived."""
        newest = max(self.paper.months, default=None)
        month = first_of(OPENED_ON) if newest is None else following(newest)
        month = following(month) if ahead > 0 else first_of(month - timedelta(days=-ahead))
        if wait and month < LAST:
            self._live_through(following(month) - timedelta(days=1))
        act = close_month(self.world.pool, self.scene.book, month, actor=CHIEF)
        acted = self._done(act, self.paper.month_closes(month), "close month")
        if acted is not None:
            self.paper.months.add(month)
            self._keep(acted)

    @precondition(lambda self: self.paper.months)
    @rule(back=st.sampled_from((0, 0, 0, 1, 2)))
    def reopen_a_month(self, back: int) -> None:
        """Usually the newest closed one."""
        newest = month = max(self.paper.months)
        for _ in range(back):
            month = first_of(month - timedelta(days=1))
        may = month == newest and self.paper.year_of(month) not in self.paper.years
        act = reopen_month(self.world.pool, self.scene.book, month, actor=CHIEF, reason=WHY)
        if self._done(act, may, "reopen month") is not None:
            self.paper.months.remove(month)

    @rule(ahead=st.sampled_from((0, 0, 0, 1)), wait=st.sampled_from((True, True, False)))
    def close_a_year(self, ahead: int, wait: bool) -> None:
        """Usually the oldest open one, and after its months have been closed."""
        newest = max(self.paper.years, default=self.paper.year_of(OPENED_ON) - 1)
        year = newest + 1 + ahead
        if wait:
            self._close_months_of(year)
        act = close_year(self.world.pool, self.scene.book, year, actor=CHIEF)
        acted = self._done(act, self.paper.year_closes(year), "close year")
        if acted is not None:
            self.paper.years.add(year)
            self._keep(acted)
            self.world.run(self._result_is_carried(self.paper.last_day(year), acted))

    @precondition(lambda self: self.paper.years)
    @rule(back=st.sampled_from((0, 0, 0, 1)))
    def reopen_a_year(self, back: int) -> None:
        """Usually the newest closed one."""
        newest = max(self.paper.years)
        year = newest - back
        act = reopen_year(self.world.pool, self.scene.book, year, actor=CHIEF, reason=WHY)
        if self._done(act, newest == year, "reopen year") is not None:
            self.paper.years.remove(year)

    def _close_months_of(self, year: int) -> None:
        while not self.paper.all_months_closed(year) and self.paper.last_day(year) < LAST:
            self.close_a_month(0, True)

    async def _result_is_carried(self, last: date, acted: Acted) -> None:
        seq = acted.period.closed_seq or 0
        for name in ("INCOME", "FEES", "INTEREST", "COSTS"):
            assert await self.scene.net(name, last, seq) == 0, f"{name} is not zero on {last}"
        assert acted.draft is not None
        carried = acted.draft.totals.get(NAMES["RESULT"])
        net = 0 if carried is None else carried.credits - carried.debits
        assert await self.scene.net("RESULT", last, seq) == net

    def _heard(self, outcome: Outcome, told: str, what: str) -> None:
        code = outcome.refusal.code if outcome.refusal is not None else outcome.status.value
        assert code == told, f"{what}: {code} != {told}"
        self.world.counts[f"{what} {code}"] += 1
        self._look()

    def _done(self, act: Awaitable[Acted], may: bool, what: str) -> Acted | None:
        result = self.world.run(_told(act))
        done = isinstance(result, Acted)
        assert done == may, f"{what}: {result}"
        if isinstance(result, CffError):
            assert result.code in {"period_not_ready", "wrong_status", "not_found"}
            self.world.counts[f"{what} {result.code}"] += 1
            self._look()
            return None
        assert result.outcome.refusal is None, result.outcome.refusal
        self.world.counts[what] += 1
        self._look()
        return result

    def _keep(self, acted: Acted) -> None:
        span, seq = acted.period.span, acted.period.closed_seq
        assert acted.draft is not None
        assert seq is not None
        totals = {code: (t.debits, t.credits) for code, t in acted.draft.totals.items()}
        closing = acted.period.closings
        self.paper.closings.append((span.kind, span.starts_on, span.ends_on, closing, seq, totals))

    def _look(self) -> None:
        self.world.run(self._properties())

    async def _properties(self) -> None:
        intruders = await self.world.pool.fetch(_INTRUDERS, self.scene.book_id)
        assert not intruders, f"recorded into a closed period: {intruders}"
        for year, numbers in (await self.scene.vouchers()).items():
            assert numbers == list(range(1, len(numbers) + 1)), f"vouchers of {year}: {numbers}"
        for closing in self.paper.closings[-1:]:
            await self._as_closed(*closing)

    async def _as_closed(
        self, kind: PeriodKind, first: date, last: date, closing: int, seq: int, totals: Totals
    ) -> None:
        kept = await self.scene.kept(kind, first, closing)
        assert kept == totals, f"closing {closing} of {first}: {kept} != {totals}"
        known = await self.scene.truth(last, seq)
        assert known == totals, f"{last} as known at {seq}: {known} != {totals}"

    def teardown(self) -> None:
        """Every closing there ever was reads as it did."""

        async def all_of_them() -> None:
            for closing in self.paper.closings:
                await self._as_closed(*closing)

        if hasattr(self, "scene"):
            self.world.run(all_of_them())


@pytest.mark.timeout(7200)  # the long profiles take their time
def test_a_closed_period_never_changes_in_any_order_of_closing_and_opening(
    shared_url: str, record_property: Callable[[str, object], None]
) -> None:
    world = World(shared_url)

    class Here(AnyYear):
        def __init__(self) -> None:
            super().__init__(world)

    # A life of a year is long: a fifth of the usual number of them.
    lives = max(20, settings().max_examples // 5)
    try:
        run_state_machine_as_test(Here, settings=settings(max_examples=lives))
    finally:
        world.close()
        told = ", ".join(f"{count} {what}" for what, count in sorted(world.counts.items()))
        record_property("told", f"periods: {told}")
    often = ("close month", "late accepted", "adjust accepted")
    seldom = ("reopen month", "close year", "reopen year", "adjust period_closed")
    # A short run may not come to what takes many steps.
    for what in (*often, *(seldom if lives >= 50 else ())):
        assert world.counts[what], world.counts
