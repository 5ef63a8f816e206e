"""A load beside everybody else: the doors, freezes, limits, cut-offs, closings and another load.

All of them post to the same accounts at once on a real server. Whatever came first, every journal
is recorded once and as it was answered, the numbers have no gap, and the independent model agrees.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID, uuid5

import pytest

from ledger.cut_off import end_business_date
from ledger.db import Connection, Pool
from ledger.errors import CffError, Overloaded
from ledger.periods.months import close_month
from ledger.posting.bulk import BulkWriter
from ledger.posting.collector import Collector
from ledger.posting.lines import Lines
from ledger.posting.outcomes import LineOutcomes, LineStatus
from ledger.posting.values import Operation, Origin, Outcome, SetFreeze, SetLimits, Status
from ledger.proof.verify import verify_ledger
from tests.builders import OPENED_ON, Scene, journal, make_scene, post, unit
from tests.ledger.bulk.rows import ACTOR, Row, lines_of
from tests.ledger.bulk.waiting import until
from tests.ledger.period_scene import live_through

NAMES = UUID("6e0c3b0a-5c1d-4c5a-8b62-0d4f6f6c5a11")
MEMBERS = 6
BATCH = 128
MONTH_END = date(2026, 6, 30)
CLOSINGS_MAX = 50
_NUMBERS = """
SELECT recorded_seq FROM ledger.transfer WHERE book_id = $1 AND line = 0
UNION ALL SELECT recorded_seq FROM ledger.event WHERE book_id = $1 ORDER BY recorded_seq
"""
_RECORDED = """
SELECT journal_id, recorded_seq, debit_account, credit_account, amount_satang, business_date
FROM ledger.transfer WHERE book_id = $1
"""
_DATES = """
SELECT business_date, origin FROM ledger.batch WHERE book_id = $1 ORDER BY batch_no
"""
_CLOSED_TOTALS = """
SELECT gl_code, debits::bigint, credits::bigint FROM ledger.period_total WHERE book_id = 1
"""
_TOTALS = """
SELECT a.gl_code, sum(x.debit)::bigint, sum(x.credit)::bigint FROM ledger.transfer AS t
CROSS JOIN LATERAL (
    VALUES (t.debit_account, t.amount_satang, 0), (t.credit_account, 0, t.amount_satang)
) AS x (account_id, debit, credit)
INNER JOIN ledger.account AS a ON a.book_id = t.book_id AND a.account_id = x.account_id
WHERE t.book_id = 1 AND t.business_date <= $1 GROUP BY a.gl_code
"""
_COUNTERS = "SELECT account_id, debits, credits FROM ledger.balance WHERE book_id = $1"


@dataclass
class Loading:
    """One load under way: what each line was answered once its batch was committed."""

    pool: Pool
    rows: Sequence[Row]
    piece: int = 40
    most: int = BATCH
    answers: dict[int, tuple[LineStatus, int | str]] = field(default_factory=dict)
    batches: int = 0

    async def under_way(self, batches: int) -> None:
        """Wait until so many batches are written."""

        async def so_many() -> bool:
            return self.batches >= batches

        await until(so_many)

    async def run(self) -> None:
        """Post every line."""
        writer = BulkWriter(self.pool, 1, actor=ACTOR, lines_max=self.most)
        await writer.load(self._pieces(), self._note)
        assert len(self.answers) == len(self.rows)

    async def _pieces(self) -> AsyncIterator[Lines]:
        for first in range(0, len(self.rows), self.piece):
            await asyncio.sleep(0)
            yield lines_of(self.rows[first : first + self.piece])

    async def _note(self, _: Connection, first: int, outcomes: LineOutcomes) -> None:
        self.batches += 1
        for place in range(len(outcomes)):
            refusal = outcomes.refusals.get(place)
            answer = int(outcomes.recorded_seq[place]) if refusal is None else refusal.code
            self.answers[first + place] = (LineStatus(outcomes.status[place]), answer)

    @property
    def codes(self) -> set[str]:
        """Reasons for which lines were refused."""
        return {answer for _, answer in self.answers.values() if isinstance(answer, str)}


def drawn_rows(scene: Scene, name: str, count: int) -> list[Row]:
    """Lines between the bank and the members, and among them; some too large for anybody."""
    dice = random.Random(f"races/{name}")
    rows = []
    for place in range(count):
        debit, credit = dice.sample((scene.bank, *scene.members), 2)
        amount = 10**9 if dice.random() < 0.05 else dice.randint(1, 200)
        rows.append(Row(uuid5(NAMES, f"{name}/{place}"), debit, credit, amount))
    return rows


async def in_order(
    pool: Pool, loads: Sequence[Loading], said: Sequence[Outcome] = (), *, verified: bool = True
) -> None:
    """Everything stands once and as answered; no number is missing; the books add up.

    verified: the independent model is asked as well.
    """
    async with pool.acquire() as connection:
        numbers = [row["recorded_seq"] for row in await connection.fetch(_NUMBERS, 1)]
        assert numbers == list(range(1, len(numbers) + 1))
        transfers = await connection.fetch(_RECORDED, 1)
        recorded = {row["journal_id"]: tuple(row)[1:5] for row in transfers}
        for load in loads:
            for place, (status, answer) in load.answers.items():
                row = load.rows[place]
                if status is LineStatus.REFUSED:
                    assert row.journal_id not in recorded
                else:
                    asked = (answer, row.debit, row.credit, row.amount_satang)
                    assert recorded[row.journal_id] == asked
        for outcome in said:
            for receipt in outcome.receipts:
                if receipt.journal_id is not None:
                    assert recorded[receipt.journal_id][0] == receipt.recorded_seq
        sums: dict[int, list[int]] = {}
        for each in transfers:
            sums.setdefault(each["debit_account"], [0, 0])[0] += each["amount_satang"]
            sums.setdefault(each["credit_account"], [0, 0])[1] += each["amount_satang"]
        for each in await connection.fetch(_COUNTERS, 1):
            assert [each["debits"], each["credits"]] == sums.get(each["account_id"], [0, 0])
        if verified:
            report = await verify_ledger(connection, 1)
            assert report.ok, f"{report}"


async def until_done(loads: Sequence[Loading], *others: Awaitable[None]) -> None:
    """Run the loads and whatever else at once."""
    await asyncio.gather(*(load.run() for load in loads), *others)


@pytest.fixture
async def scene(pool: Pool) -> Scene:
    """A book with members who each have some money and may not be overdrawn."""
    return await make_scene(pool, members=MEMBERS, opening=2_000)


async def test_a_load_and_the_doors_post_to_the_same_accounts_at_once(
    pool: Pool, scene: Scene
) -> None:
    load = Loading(pool, drawn_rows(scene, "load", 1_500))
    doors = drawn_rows(scene, "doors", 120)
    said: list[Outcome] = []

    async def client(mine: Sequence[Row], collector: Collector) -> None:
        for row in mine:
            asked = journal(row.debit, row.credit, row.amount_satang, journal_id=row.journal_id)
            said.append(await collector.submit(1, unit(asked)))

    async with Collector(pool) as collector:
        await until_done([load], *(client(doors[place::4], collector) for place in range(4)))
    await in_order(pool, [load], said)
    assert {outcome.status for outcome in said} == {Status.ACCEPTED, Status.REFUSED}
    assert "below_balance_min" in load.codes


async def test_two_loads_of_the_same_file_at_once_record_every_line_once(
    pool: Pool, scene: Scene
) -> None:
    rows = drawn_rows(scene, "same", 1_200)
    loads = [Loading(pool, rows), Loading(pool, rows, piece=25, most=70)]
    await until_done(loads)
    await in_order(pool, loads)
    for place in range(len(rows)):
        (one, number), (other, again) = (load.answers[place] for load in loads)
        assert number == again, "the same line has the same number, or the same reason"
        if one is not LineStatus.REFUSED:
            assert {one, other} == {LineStatus.POSTED, LineStatus.REPLAYED}


async def test_two_different_loads_at_once_take_turns(pool: Pool, scene: Scene) -> None:
    loads = [Loading(pool, drawn_rows(scene, name, 1_000)) for name in ("one", "other")]
    await until_done(loads)
    await in_order(pool, loads)
    firsts = [min(_numbers(load)) for load in loads]
    lasts = [max(_numbers(load)) for load in loads]
    assert max(firsts) < min(lasts), "neither waited for the other's end"


def _numbers(load: Loading) -> list[int]:
    return [answer for _, answer in load.answers.values() if isinstance(answer, int)]


async def test_freezes_and_limits_that_change_meanwhile_hold_from_their_number_on(
    pool: Pool, scene: Scene
) -> None:
    """Between a freeze and its end no line debits the account, before and after they may."""
    load = Loading(pool, drawn_rows(scene, "frozen", 2_500), piece=20, most=40)
    frozen, limited = scene.members[:2]
    spans: list[tuple[int, int]] = []

    async def change(operation: Operation) -> int:
        outcome = await post(pool, 1, [operation])
        assert outcome.status is Status.ACCEPTED
        return outcome.receipts[0].recorded_seq

    async def change_often() -> None:
        for turn in range(8):
            begun = await change(SetFreeze(account=frozen, debits=True, credits=False))
            await change(SetLimits(account=limited, balance_min=500 * (turn % 3), balance_max=None))
            await asyncio.sleep(0.02)
            ended = await change(SetFreeze(account=frozen, debits=False, credits=False))
            spans.append((begun, ended))
            await asyncio.sleep(0.01)

    await until_done([load], change_often())
    await in_order(pool, [load])
    debited = [
        answer
        for place, (_, answer) in load.answers.items()
        if load.rows[place].debit == frozen and isinstance(answer, int)
    ]
    assert "account_frozen_debit" in load.codes
    assert not [seq for seq in debited for begun, ended in spans if begun < seq < ended]


async def test_a_cut_off_in_the_middle_of_a_load_parts_its_batches_by_date(
    pool: Pool, scene: Scene
) -> None:
    load = Loading(pool, drawn_rows(scene, "cut", 1_500), piece=20, most=40)
    days = 4

    async def end_days() -> None:
        for day in range(days):
            await asyncio.sleep(0.03)
            async with pool.acquire() as connection, connection.transaction():
                ended = await end_business_date(
                    connection,
                    1,
                    OPENED_ON + timedelta(days=day),
                    actor="test:clock",
                    origin=Origin.DOORS,
                )
            assert ended

    await until_done([load], end_days())
    await in_order(pool, [load])
    dates = [row["business_date"] for row in await pool.fetch(_DATES, 1)]
    assert dates == sorted(dates)
    by_lines = {
        row["business_date"] for row in await pool.fetch(_DATES, 1) if row["origin"] == Origin.BULK
    }
    assert len(by_lines) > 1


async def test_a_month_that_is_closed_while_a_load_runs_takes_nothing_of_it_afterwards(
    pool: Pool, scene: Scene
) -> None:
    load = Loading(pool, drawn_rows(scene, "closed", 3_000), piece=20, most=40)
    closed: list[int] = []

    async def close() -> None:
        await load.under_way(3)
        async with pool.acquire() as connection:
            await live_through(connection, 1, MONTH_END)
        for _ in range(CLOSINGS_MAX):
            try:
                await close_month(pool, scene.book, OPENED_ON, actor="facility:chief")
            except Overloaded:
                continue
            closed.append(load.batches)
            return

    await until_done([load], close())
    # Days are proven here without their nights, which the model would miss.
    await in_order(pool, [load], verified=False)
    kept = {tuple(row) for row in await pool.fetch(_CLOSED_TOTALS)}
    assert kept == {tuple(row) for row in await pool.fetch(_TOTALS, MONTH_END)}
    assert closed
    assert closed[0] < load.batches, "the load was through before the month was closed"
    dates = [row["business_date"] for row in await pool.fetch(_DATES, 1)]
    assert dates == sorted(dates)
    assert dates[-1] > MONTH_END


async def test_somebody_who_posts_now_and_then_waits_for_a_batch_at_most(
    pool: Pool, scene: Scene
) -> None:
    """Between his asking and his turn the load has recorded no more than two batches."""
    load = Loading(pool, drawn_rows(scene, "polite", 6_000), piece=500, most=500)
    turns: list[int] = []

    async def now_and_then() -> None:
        await load.under_way(2)
        while len(load.answers) < len(load.rows) - 1_000:
            before = load.batches
            await post(pool, 1, [journal(scene.bank, scene.members[0], 1)])
            turns.append(load.batches - before)
            await asyncio.sleep(0.02)

    await until_done([load], now_and_then())
    await in_order(pool, [load])
    assert turns
    # One that had begun when he asked, one more whose turn came in the same moment.
    assert sorted(turns)[len(turns) // 2] <= 1
    assert max(turns) <= 3


async def test_nothing_is_lost_when_a_load_is_stopped_and_another_goes_on_with_its_lines(
    pool: Pool, scene: Scene
) -> None:
    rows = drawn_rows(scene, "stopped", 1_500)
    first = Loading(pool, rows, piece=20, most=40)
    task = asyncio.create_task(first.run())
    await first.under_way(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = Loading(pool, rows)
    await again.run()
    await in_order(pool, [again])
    statuses = {status for status, _ in again.answers.values()}
    assert statuses == {LineStatus.POSTED, LineStatus.REPLAYED, LineStatus.REFUSED}


async def test_a_book_that_does_not_exist_is_said_not_to_exist(pool: Pool) -> None:
    with pytest.raises(CffError, match="book"):
        await Loading(pool, [Row(NAMES, 1, 2, 1)]).run()
