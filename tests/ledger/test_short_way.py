"""The short way: one statement writes a batch, only if the book stands where the judge had it.

Whatever has happened meanwhile, nothing is written on balances that are no longer true; and what is
written is, row by row and to the digest, what the long way would have written.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import asyncpg
import pytest

from ledger.db import Pool
from ledger.errors import OutcomeUnknown
from ledger.posting.collector import YOUNG_OBJECTS, Collector
from ledger.posting.held import AROUND_MAX, Held, copy_of
from ledger.posting.read import HeadRow
from ledger.posting.state import AccountState
from ledger.posting.values import (
    Note,
    Operation,
    Origin,
    PlaceHold,
    SetFreeze,
    SetLimits,
    Status,
    Unit,
)
from ledger.posting.write import post_batch
from ledger.proof.verify import verify_ledger
from tests.builders import journal, unit
from tests.ledger.counter import SOON, Counter, keyed
from tests.ledger.play import OPENED_ON, Table

BANK, SAV, SAV2, BANK2 = 1, 2, 3, 6


@pytest.fixture
async def counter(shared_pool: Pool, bare_table: Table) -> AsyncIterator[Counter]:
    """A desk that holds every account of a fresh book, with 1,000 satang on the savings account."""
    made = Counter(shared_pool, bare_table.book_id)
    first = unit(*(journal(BANK, to, 1_000) for to in (SAV, SAV2)), journal(BANK2, BANK, 5))
    assert await made.send([first]) is not None
    bare_table.oracle.batch([first], None)
    yield made
    await made.desk.leave()


async def _head(table: Table) -> asyncpg.Record:
    row = await table.connection.fetchrow(
        "SELECT recorded_seq, batch_no, digest FROM ledger.book_head WHERE book_id = $1",
        table.book_id,
    )
    assert row is not None
    return row


# What was held is not trusted once the head has moved


def _posted(*operations: Operation) -> Callable[[Table], Awaitable[object]]:
    async def do(table: Table) -> object:
        return await table.play([unit(*operations)])

    return do


async def _raise_epoch(table: Table) -> object:
    return await table.connection.execute(
        "UPDATE ledger.book_head SET epoch = epoch + 1 WHERE book_id = $1", table.book_id
    )


async def _cut_off(table: Table) -> object:
    await table.end_day()
    return None


MEANWHILE: dict[str, tuple[Callable[[Table], Awaitable[object]], str | None]] = {
    "another process takes the money": (
        _posted(journal(SAV, BANK, 900)),
        "below_balance_min",
    ),
    "the account is frozen": (
        _posted(SetFreeze(account=SAV, debits=True, credits=False)),
        "account_frozen_debit",
    ),
    "its limit is raised": (
        _posted(SetLimits(account=SAV, balance_min=950, balance_max=None)),
        "below_balance_min",
    ),
    "a hold is placed": (
        _posted(PlaceHold(hold_id=uuid4(), account=SAV, amount_satang=950)),
        "below_balance_min",
    ),
    "something is noted": (_posted(Note(kind=31)), None),
    "a repair raises the epoch": (_raise_epoch, None),
    "the business date moves": (_cut_off, None),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_nothing_is_written_on_what_was_held_before_somebody_else_came(
    counter: Counter, bare_table: Table, what: str
) -> None:
    happen, code = MEANWHILE[what]
    asked = [unit(journal(SAV, BANK, 400))]
    plan = await counter.desk.plan(asked)
    assert plan is not None
    assert plan.draft.outcomes[0].status is Status.ACCEPTED
    await happen(bare_table)
    before = await _head(bare_table)
    await counter.desk.send(plan)
    await counter.landed()
    assert counter.desk.answer()[0] is False
    assert await _head(bare_table) == before
    # The long way reads everything again, and the book is one with the oracle's.
    (outcome,) = await counter.desk.post(asked)
    assert (outcome.refusal.code if outcome.refusal else None) == code
    bare_table.oracle.batch(asked, None)
    await bare_table.compare(accepted=True)


async def test_a_head_that_somebody_holds_is_not_waited_for(
    counter: Counter, bare_table: Table, shared_pool: Pool
) -> None:
    async with shared_pool.acquire() as holder, holder.transaction():
        await holder.execute(
            "SELECT FROM ledger.book_head WHERE book_id = $1 FOR UPDATE", bare_table.book_id
        )
        sent = counter.send([unit(journal(BANK, SAV, 1))])
        assert await asyncio.wait_for(sent, SOON) is None
    asked = [unit(journal(BANK, SAV, 2))]
    # Whoever found the head held stands in the queue the next time.
    assert await counter.send(asked) is None
    await counter.desk.post(asked)
    bare_table.oracle.batch(asked, None)
    assert await counter.desk.plan([unit(journal(BANK, SAV, 3))]) is not None


# What is on record is found, whichever way it came


async def test_a_recorded_journal_is_a_replay(counter: Counter, bare_table: Table) -> None:
    recorded = unit(journal(BANK, SAV, 7))
    (first,) = await bare_table.play([recorded])
    fresh = Counter(counter.desk._pool, bare_table.book_id)
    other = unit(journal(BANK, SAV, 8))
    assert await fresh.send([other, recorded]) is None
    outcomes = await fresh.desk.post([other, recorded])
    await fresh.desk.leave()
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED, Status.REPLAYED]
    assert outcomes[1].receipts == first.receipts
    bare_table.oracle.batch([other, recorded], None)


async def test_the_id_of_a_hold_is_no_journals(counter: Counter, bare_table: Table) -> None:
    hold = PlaceHold(hold_id=uuid4(), account=SAV, amount_satang=1)
    await bare_table.play([unit(hold)])
    await _conflicts(counter, bare_table, unit(journal(BANK, SAV, 7, journal_id=hold.hold_id)))


async def test_an_id_recorded_with_another_body_is_a_conflict(
    counter: Counter, bare_table: Table
) -> None:
    made = journal(BANK, SAV, 7)
    await bare_table.play([unit(made)])
    await _conflicts(counter, bare_table, unit(replace(made, reference="another")))


async def _conflicts(counter: Counter, table: Table, asked: Unit) -> None:
    counter.held.forget()
    assert await counter.send([asked]) is None
    (outcome,) = await counter.desk.post([asked])
    assert outcome.refusal is not None
    assert outcome.refusal.code == "id_conflict"
    table.oracle.batch([asked], None)


async def test_a_burnt_id_stays_refused_when_there_is_money_again(
    counter: Counter, bare_table: Table
) -> None:
    burnt = unit(journal(SAV, BANK, 5_000))
    (refused,) = await counter.send([burnt]) or []
    assert refused.refusal is not None
    bare_table.oracle.batch([burnt], None)
    filled = [unit(journal(BANK, SAV, 9_000))]
    assert await counter.send(filled) is not None
    bare_table.oracle.batch(filled, None)
    assert await counter.send([burnt]) is None
    (again,) = await counter.desk.post([burnt])
    assert (again.status, again.replay, again.refusal) == (Status.REFUSED, True, refused.refusal)
    bare_table.oracle.batch([burnt], None)


async def test_a_key_is_kept_with_its_answer_and_found_again(
    counter: Counter, bare_table: Table
) -> None:
    asked = keyed(unit(journal(BANK, SAV, 7)), "pay-1")
    assert await counter.send([asked]) is not None
    bare_table.oracle.batch([asked], None)
    # As a door would: the same request with ids made anew.
    again = keyed(unit(journal(BANK, SAV, 7)), "pay-1")
    assert await counter.send([again]) is None
    (replayed,) = await counter.desk.post([again])
    assert (replayed.status, replayed.answer) == (Status.REPLAYED, "accepted")
    await counter.post([unit(journal(BANK, SAV, 1))])
    other = keyed(unit(journal(BANK, SAV, 7)), "pay-1", b"2")
    (conflict,) = await counter.post([other])
    assert conflict.status is Status.KEY_CONFLICT
    bare_table.sound = False  # the oracle was not asked about all of it


async def test_a_key_that_was_answered_finds_a_unit_that_would_be_refused(
    counter: Counter, bare_table: Table
) -> None:
    asked = keyed(unit(journal(SAV, BANK, 1_000)), "once")
    assert await counter.send([asked]) is not None
    # Judged now, there is no money left; but it was answered before.
    again = keyed(unit(journal(SAV, BANK, 1_000)), "once")
    assert await counter.send([again]) is None
    (replayed,) = await counter.desk.post([again])
    assert replayed.status is Status.REPLAYED
    bare_table.sound = False  # keys are not put to the oracle here


async def test_one_key_on_the_short_and_on_the_long_way_at_once_moves_the_money_once(
    counter: Counter, bare_table: Table, shared_pool: Pool
) -> None:
    first, second = (keyed(unit(journal(BANK, SAV, 7)), "both") for _ in range(2))
    async with shared_pool.acquire() as other, other.transaction():
        # The other has locked the key and taken the head; nobody is told twice to go on.
        (outcome,) = await post_batch(other, bare_table.book_id, [first], origin=Origin.DOORS)
        assert await counter.send([second]) is None
        locked = asyncio.create_task(counter.desk.post([second]))
        await asyncio.sleep(0.1)
    (answer,) = await asyncio.wait_for(locked, SOON)
    assert outcome.status is Status.ACCEPTED
    assert answer.status is Status.IN_PROGRESS
    bare_table.sound = False  # keys are not put to the oracle here


async def test_what_does_not_fit_the_short_way_is_left_to_the_long_one(counter: Counter) -> None:
    desk, made = counter.desk, journal(BANK, SAV, 7)
    yesterday = OPENED_ON - timedelta(days=1)
    unfit = [
        unit(Note(kind=31)),
        unit(made, PlaceHold(hold_id=uuid4(), account=SAV, amount_satang=1)),
        unit(replace(made, hold_id=uuid4())),
        unit(replace(made, reverses=uuid4())),
        unit(replace(made, adjusts=uuid4())),
        unit(replace(made, forced=True)),
        unit(replace(made, value_date=yesterday)),
        unit(journal(BANK, 999, 7)),
        replace(unit(made), unmoved=((SAV, 1),)),
        replace(unit(made), on=yesterday),
        unit(),
    ]
    assert [await desk.plan([each]) for each in unfit] == [None] * len(unfit)
    assert await desk.plan([unit(made), unit(made)]) is None
    twice = [keyed(unit(journal(BANK, SAV, 1)), "twice") for _ in range(2)]
    assert await desk.plan(twice) is None
    assert await desk.plan([unit(journal(BANK, BANK2, 7, value_date=yesterday))]) is not None
    counter.held.forget()


async def _terminate(url: str, pid: int) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute("SELECT pg_terminate_backend($1)", pid)
    await owner.close()


async def test_an_answer_that_never_came_is_unknown_and_everything_is_forgotten(
    counter: Counter, bare_table: Table, shared_pool: Pool, shared_url: str
) -> None:
    asked = [unit(journal(BANK, SAV, 77))]
    async with shared_pool.acquire() as other, other.transaction():
        await other.execute(
            "SELECT FROM ledger.balance WHERE book_id = $1 AND account_id = $2 FOR UPDATE",
            bare_table.book_id,
            SAV,
        )
        plan = await counter.desk.plan(asked)
        assert plan is not None
        pid = (await counter.desk.connection()).get_server_pid()
        await counter.desk.send(plan)
        await asyncio.sleep(0.1)
        await _terminate(shared_url, pid)
        await counter.landed()
    with pytest.raises(OutcomeUnknown):
        counter.desk.answer()
    assert counter.held.head is None
    assert len(counter.held) == 0
    # The same ids tell what became of it.
    (outcome,) = await counter.post(asked)
    assert outcome.status is Status.ACCEPTED
    bare_table.oracle.batch(asked, None)
    await bare_table.compare(accepted=True)


# Through the collector


async def test_a_batch_judged_ahead_is_judged_anew_when_the_one_before_it_was_not_written(
    bare_table: Table, shared_pool: Pool
) -> None:
    await bare_table.play([unit(journal(BANK, SAV, 1_000))])
    async with Collector(shared_pool) as left, Collector(shared_pool) as right:
        spend = [unit(journal(SAV, BANK, 3)) for _ in range(600)]
        outcomes = await asyncio.gather(
            *((left, right)[n % 2].submit(bare_table.book_id, each) for n, each in enumerate(spend))
        )
    accepted = sum(outcome.status is Status.ACCEPTED for outcome in outcomes)
    assert accepted == 333
    assert (await verify_ledger(bare_table.connection, bare_table.book_id)).ok


async def test_what_is_no_unit_fails_alone_whatever_is_on_its_way(
    bare_table: Table, shared_pool: Pool
) -> None:
    """Else nobody who waits behind it would ever be answered."""
    broken = [Unit(operations=None, actor="door:a") for _ in range(3)]  # type: ignore[arg-type]  # a fault in a caller's code
    good = [unit(journal(BANK, SAV, 1)) for _ in range(60)]
    asked = [*good[:30], *broken, *good[30:]]
    async with Collector(shared_pool) as collector:
        given = asyncio.gather(
            *(collector.submit(bare_table.book_id, each) for each in asked), return_exceptions=True
        )
        answers = await asyncio.wait_for(given, SOON)
    failed = [answer for answer in answers if isinstance(answer, TypeError)]
    posted = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(failed) == len(broken)
    assert [outcome.status for outcome in posted] == [Status.ACCEPTED] * len(good)


async def test_the_first_unit_after_the_cut_off_time_stands_on_the_next_date(
    bare_table: Table, shared_pool: Pool
) -> None:
    await bare_table.connection.execute(
        "UPDATE ledger.book SET cut_off_time = $2 WHERE book_id = $1", bare_table.book_id, time(18)
    )
    now = [datetime(OPENED_ON.year, OPENED_ON.month, OPENED_ON.day, 3, tzinfo=UTC)]
    async with Collector(shared_pool, clock=lambda: now[0]) as collector:
        dates = []
        for hours in (0, 1, 9, 1, 24):
            now[0] += timedelta(hours=hours)
            outcome = await collector.submit(bare_table.book_id, unit(journal(BANK, SAV, 1)))
            dates.append((outcome.receipts[0].business_date - OPENED_ON).days)
    assert dates == [0, 0, 1, 1, 2]
    bare_table.sound = False  # the oracle's date has not moved


# What is held


HEAD = HeadRow(
    recorded_seq=1,
    batch_no=1,
    business_date=OPENED_ON,
    value_date_floor=OPENED_ON,
    digest=bytes(32),
    epoch=1,
    voucher_year=2026,
    voucher_no=1,
    fiscal_year_start_month=1,
)


def test_the_least_recently_used_accounts_are_let_go_first() -> None:
    held = Held(accounts_max=2)
    made = {number: AccountState(account=number, currency="THB") for number in (1, 2, 3)}
    held.keep(HEAD, {1: made[1], 2: made[2]})
    held.keep(HEAD, {1: made[1], 3: made[3]})
    assert [held.get(number) for number in (1, 2, 3)] == [made[1], None, made[3]]


def test_neighbours_are_read_along_no_more_than_are_held_and_none_without_room() -> None:
    def holding(count: int, accounts_max: int) -> Held:
        held = Held(accounts_max=accounts_max)
        made = {n: AccountState(account=n, currency="THB") for n in range(1000, 1000 + count)}
        held.keep(HEAD, made)
        return held

    assert holding(0, 100).around([7, 9]) == [7, 9]
    assert holding(3, 100).around([7, 9]) == [7, 9]
    assert holding(8, 100).around([7]) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert holding(8, 100).around([1009]) == [1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015]
    assert holding(8, 100).around([1008, 1001]) == [1008, 1009, 1010, 1011]
    assert holding(99, 100).around([7, 9]) == [7, 9]
    assert len(holding(5_000, 65_536).around([100_007])) == AROUND_MAX


@pytest.mark.parametrize(
    ("before", "after"), [(700, YOUNG_OBJECTS), (0, 0), (10 * YOUNG_OBJECTS, 10 * YOUNG_OBJECTS)]
)
async def test_batches_in_hand_are_not_searched_for_cycles(
    shared_pool: Pool, before: int, after: int
) -> None:
    as_it_was = gc.get_threshold()
    try:
        gc.set_threshold(before, *as_it_was[1:])
        Collector(shared_pool)
        assert gc.get_threshold() == (after, *as_it_was[1:])
    finally:
        gc.set_threshold(*as_it_was)


def test_what_is_judged_on_is_a_copy_of_every_field() -> None:
    account = AccountState(
        account=1,
        currency="THB",
        debits=2,
        credits=3,
        held=4,
        balance_min=-5,
        balance_max=6,
        excess=7,
        closed=True,
        frozen=3,
        frozen_until=OPENED_ON,
        changed_seq=8,
    )
    made = copy_of(account)
    assert made == account
    made.debits += 1
    assert account.debits == 2
