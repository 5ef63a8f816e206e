"""Bugs that once were in the ledger, each with the history that showed it."""

from __future__ import annotations

from datetime import timedelta

from ledger.accounts import position
from ledger.db import Pool
from ledger.posting.values import MoveBusinessDate
from ledger.statements import Cursor, StatementLine, statement
from products.proof.verify import verify_products
from tests.builders import OPENED_ON, journal, make_scene, post, post_units, unit


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
