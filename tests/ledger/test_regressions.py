"""Bugs that once were in the ledger, each with the history that showed it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from uuid import uuid4

import asyncpg
import pytest

from ledger.accounts import position
from ledger.dates import BANGKOK
from ledger.db import POSTER_SETTINGS, Pool
from ledger.errors import Overloaded
from ledger.kinds import EventKind
from ledger.posting.collector import Collector
from ledger.posting.values import MoveBusinessDate, OpenAccount, Status
from ledger.proof import acts
from ledger.proof.book import Account, Book, Hold
from ledger.statements import Cursor, StatementLine, statement
from products.proof.verify import verify_products
from tests.builders import OPENED_ON, journal, make_scene, post, post_units, unit

ONE_DAY = timedelta(days=1)


async def test_pages_of_a_statement_lose_no_line_of_a_batch_with_several_value_dates(
    pool: Pool,
) -> None:
    """Value dates of a batch run against its numbers, and a page ends in the middle of it."""
    scene = await make_scene(pool, members=1)
    (member,) = scene.members
    for later in range(1, 4):
        await post(pool, 1, [MoveBusinessDate(to=OPENED_ON + timedelta(days=later))])
    today = OPENED_ON + timedelta(days=3)
    units = [
        unit(journal(scene.bank, member, 100 + back, value_date=today - timedelta(days=back)))
        for back in range(4)
    ]
    await post_units(pool, 1, units)

    for limit in (1, 2, 3):
        lines = await _whole_statement(pool, "SAV-0001", limit)
        assert [line.amount_satang for line in lines] == [100, 101, 102, 103]
        async with pool.acquire() as connection:
            stands = await position(connection, 1, "SAV-0001")
        assert lines[-1].balance_satang == stands.balance_satang


async def test_the_proof_sees_a_proposal_that_nobody_recorded(pool: Pool) -> None:
    """A row put in beside the door would let one person post alone, under a made-up maker."""
    await make_scene(pool)
    await pool.execute(
        "INSERT INTO ledger.manual_journal (book_id, journal_id, body, made_by, made_at) "
        "VALUES (1, gen_random_uuid(), '{}', 'test:nobody', clock_timestamp())"
    )
    async with pool.acquire() as connection:
        report = await verify_products(connection, 1)
    assert list(report.totals) == ["proposals are their notes"]


async def test_a_batch_that_waits_too_long_for_the_head_is_overload_for_all_of_it(
    database_url: str,
) -> None:
    """One by one, each of its units would wait for the same head again, and bar the queue."""
    pool = await asyncpg.create_pool(
        database_url, server_settings=POSTER_SETTINGS | {"lock_timeout": "200ms"}
    )
    async with pool, pool.acquire() as other, Collector(pool) as collector:
        scene = await make_scene(pool)
        (member, _) = scene.members
        holding = other.transaction()
        await holding.start()
        await other.execute("SELECT FROM ledger.book_head WHERE book_id = 1 FOR UPDATE")
        began = asyncio.get_running_loop().time()
        answers = await asyncio.gather(
            *(collector.submit(1, unit(journal(scene.bank, member, 1))) for _ in range(20)),
            return_exceptions=True,
        )
        waited = asyncio.get_running_loop().time() - began
        await holding.rollback()
        assert all(isinstance(answer, Overloaded) for answer in answers)
        assert "the head of book 1 was held elsewhere" in str(answers[0])
        assert waited < 3
        outcome = await collector.submit(1, unit(journal(scene.bank, member, 1)))
        assert outcome.status is Status.ACCEPTED


async def test_a_cut_off_time_that_is_set_while_doors_are_open_is_kept(pool: Pool) -> None:
    """A process that once found none would never have moved the date."""
    scene = await make_scene(pool)
    now = datetime.combine(OPENED_ON, time(12), BANGKOK)
    async with Collector(pool, clock=lambda: now) as collector:
        (member, _) = scene.members
        await collector.submit(1, unit(journal(scene.bank, member, 1)))
        await pool.execute("UPDATE ledger.book SET cut_off_time = '18:00'")
        now += timedelta(hours=7)
        outcome = await collector.submit(1, unit(journal(scene.bank, member, 1)))
    assert outcome.receipts[0].business_date == OPENED_ON + timedelta(days=1)


@pytest.mark.parametrize(("on", "due"), [(OPENED_ON, False), (OPENED_ON + ONE_DAY, True)])
def test_the_proof_ends_a_hold_by_expiry_only_after_the_cut_off_of_its_last_day(
    on: date, due: bool
) -> None:
    """As strict as the judge, who refuses an expiry on the last day itself."""
    book = Book(OPENED_ON, 1)
    book.business_date = on
    hold_id = uuid4()
    book.accounts[1] = Account(1, held=5)
    book.holds[hold_id] = Hold(hold_id, 1, 5, OPENED_ON, "", 1, 1)
    expiry = {
        "recorded_seq": 2,
        "kind": EventKind.HOLD_EXPIRED,
        "business_date": OPENED_ON,
        "account_id": 1,
        "hold_id": hold_id,
        "amount_satang": 5,
        "body": "{}",
    }
    acts.apply(book, expiry)
    assert bool(book.broken) is not due


async def test_an_account_that_no_row_could_hold_is_refused_alone(pool: Pool) -> None:
    """The table's own checks would have thrown back the whole batch."""
    scene = await make_scene(pool)
    new = OpenAccount(
        account=901, code="NEW", gl_code="211100", currency="THB", name_th="n", name_en="n"
    )
    asked = [replace(new, code="new"), replace(new, party_id=77), replace(new, balance_min=2**80)]
    good = journal(scene.bank, scene.members[0], 1)
    outcomes = await post_units(pool, 1, [unit(good), *(unit(wrong) for wrong in asked)])
    assert outcomes[0].status is Status.ACCEPTED
    codes = [outcome.refusal.code for outcome in outcomes[1:] if outcome.refusal is not None]
    assert codes == ["malformed_code", "unknown_party", "limits_impossible"]


async def _whole_statement(pool: Pool, code: str, limit: int) -> list[StatementLine]:
    """Every line of a statement, read page by page."""
    lines: list[StatementLine] = []
    cursor: Cursor | None = None
    async with pool.acquire() as connection:
        while True:
            page = await statement(connection, 1, code, after=cursor, limit=limit)
            lines += page.lines
            cursor = page.next_cursor
            if cursor is None:
                return lines
