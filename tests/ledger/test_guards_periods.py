"""Closed periods against psql: what the database itself refuses, the owner and the poster included.

The book has lived from 20 October 2026 to 2 January 2027: October and November are closed, December
is lived and open. Each statement is tried in a transaction that is rolled back; what counts is the
SQLSTATE that stopped it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import pytest

from ledger.db import APPLICATION, AUDITOR, POSTER, READER, Connection, Pool
from ledger.periods.months import close_month
from ledger.periods.years import close_year
from ledger.posting.values import Origin
from ledger.posting.write import post_batch
from tests.builders import unit
from tests.ledger.period_scene import CHIEF, Scene, make_scene
from tests.ledger.test_guards import OWNER, stopped_by

SHUT, ORDER, FLOOR, APPEND_ONLY, NO_RIGHT = "LG004", "LG006", "LG005", "LG001", "42501"
DECEMBER, YEAR_END = date(2026, 12, 1), date(2026, 12, 31)
WRITERS = (OWNER, POSTER)

_BATCH = """
INSERT INTO ledger.batch (
    book_id, batch_no, business_date, first_seq, last_seq, journal_count, event_count,
    transfer_count, amount_sum, refusal_count, origin, period, fiscal_year, first_voucher,
    digest_version, digest
)
SELECT h.book_id, h.batch_no + 1, $2, h.recorded_seq + 1, h.recorded_seq + 1, 1, 0, 1, 100, 0,
    $3::smallint, $4::smallint, $5::smallint, $6, 2, decode(repeat('00', 32), 'hex')
FROM ledger.book_head AS h WHERE h.book_id = $1
"""


@pytest.fixture
async def owner(shared_url: str) -> AsyncIterator[Connection]:
    """The login that owns the schema, as an operator with psql would use it."""
    connection = await asyncpg.connect(shared_url)
    yield connection
    await connection.close()


@pytest.fixture
async def scene(shared_pool: Pool) -> Scene:
    """Two closed months, a lived one that is open, one voucher in each year."""
    scene = await make_scene(shared_pool, opened_on=date(2026, 10, 20))
    await scene.post("BANK", "INCOME", 100)
    await scene.close_through(date(2026, 11, 30))
    await scene.live_through(date(2027, 1, 1))
    await scene.post("BANK", "INCOME", 100)
    return scene


@pytest.mark.parametrize("role", WRITERS)
@pytest.mark.parametrize("origin", [1, 2, 3, 4, 5])
async def test_a_closed_month_takes_no_batch_of_any_origin(
    owner: Connection, scene: Scene, role: str, origin: int
) -> None:
    for day in (date(2026, 10, 20), date(2026, 11, 1), date(2026, 11, 30)):
        arguments = (scene.book_id, day, origin, 0, 2026, 2)
        assert await stopped_by(owner, _BATCH, *arguments, role=role) == SHUT


@pytest.mark.parametrize("role", WRITERS)
async def test_a_proven_day_of_an_open_month_takes_adjustments_only(
    owner: Connection, scene: Scene, role: str
) -> None:
    for origin in (1, 2, 3):
        arguments = (scene.book_id, DECEMBER, origin, 0, 2026, 2)
        assert await stopped_by(owner, _BATCH, *arguments, role=role) == SHUT
    assert await stopped_by(owner, _BATCH, scene.book_id, DECEMBER, 4, 0, 2026, 2, role=role) == ""


@pytest.mark.parametrize("role", WRITERS)
@pytest.mark.parametrize("period", [1, 2])
async def test_the_late_period_is_the_last_day_once_all_months_are_closed(
    owner: Connection, scene: Scene, role: str, period: int
) -> None:
    late = (scene.book_id, YEAR_END, 4, period, 2026, 2)
    assert await stopped_by(owner, _BATCH, *late, role=role) == SHUT
    await close_month(scene.pool, scene.book, DECEMBER, actor=CHIEF)
    assert await stopped_by(owner, _BATCH, *late, role=role) == ""
    day_before = (scene.book_id, date(2026, 12, 30), 4, period, 2026, 2)
    assert await stopped_by(owner, _BATCH, *day_before, role=role) == SHUT
    await close_year(scene.pool, scene.book, 2026, actor=CHIEF)
    after = (scene.book_id, YEAR_END, 4, period, 2026, 3)
    assert await stopped_by(owner, _BATCH, *after, role=role) == SHUT


@pytest.mark.parametrize("role", WRITERS)
async def test_a_batch_goes_on_with_the_vouchers_of_its_own_fiscal_year(
    owner: Connection, scene: Scene, role: str
) -> None:
    today = date(2027, 1, 2)
    right = {(today, 2027, 2), (DECEMBER, 2026, 2)}
    wrong = {
        (today, 2027, 1),
        (today, 2027, 3),
        (today, 2026, 2),
        (DECEMBER, 2026, 1),
        (DECEMBER, 2026, 3),
        (DECEMBER, 2027, 2),
    }
    for day, year, voucher in sorted(right | wrong):
        stop = await stopped_by(owner, _BATCH, scene.book_id, day, 4, 0, year, voucher, role=role)
        assert stop == ("" if (day, year, voucher) in right else SHUT)


_PERIOD = "INSERT INTO ledger.period VALUES ($1, {kind}, '{first}', '{last}', 2, 1, 1)"
_SET = "UPDATE ledger.period SET {change} WHERE book_id = $1 AND starts_on = '{first}'"
OUT_OF_ORDER = {
    "a year whose December is open": _PERIOD.format(kind=2, first="2026-01-01", last="2026-12-31"),
    "a month with days to come": _PERIOD.format(kind=1, first="2027-01-01", last="2027-01-31"),
    "half a month": _PERIOD.format(kind=1, first="2026-12-01", last="2026-12-15"),
    "a month from its second day": _PERIOD.format(kind=1, first="2026-12-02", last="2026-12-31"),
    "a year of eleven months": _PERIOD.format(kind=2, first="2026-02-01", last="2026-12-31"),
    "an older month opened first": _SET.format(change="state = 1", first="2026-10-01"),
    "closed a second time": _SET.format(
        change="closings = 2, closed_seq = closed_seq + 1", first="2026-11-01"
    ),
    "a closing too many": _SET.format(change="state = 1, closings = 2", first="2026-11-01"),
    "a closing moved back": _SET.format(
        change="state = 1, closed_seq = closed_seq - 1", first="2026-11-01"
    ),
    "another month's row": _SET.format(
        change="state = 1, starts_on = '2026-12-01', ends_on = '2026-12-31'", first="2026-11-01"
    ),
}


@pytest.mark.parametrize("role", WRITERS)
@pytest.mark.parametrize("what", OUT_OF_ORDER)
async def test_periods_close_and_open_in_order_only(
    owner: Connection, scene: Scene, what: str, role: str
) -> None:
    assert await stopped_by(owner, OUT_OF_ORDER[what], scene.book_id, role=role) == ORDER


async def test_a_month_closed_from_psql_waits_for_the_posting_that_is_under_way(
    shared_pool: Pool, owner: Connection, scene: Scene
) -> None:
    """Else an adjustment could stand in a closed month with a later number than its closing."""
    await owner.execute("SET lock_timeout = '200ms'")
    closing = (
        "INSERT INTO ledger.period (book_id, kind, starts_on, ends_on, state, closings, closed_seq)"
        " VALUES ($1, 1, '2026-12-01', '2026-12-31', 2, 1, 1)"
    )
    asked = [unit(scene.journal("BANK", "INCOME", 5))]
    async with shared_pool.acquire() as connection, connection.transaction():
        await post_batch(
            connection, scene.book_id, asked, origin=Origin.ADJUST, business_date=DECEMBER
        )
        with pytest.raises(asyncpg.LockNotAvailableError):
            await owner.execute(closing, scene.book_id)


async def test_nothing_is_dated_before_the_book_was_opened(owner: Connection, scene: Scene) -> None:
    arguments = (scene.book_id, date(2026, 10, 19), 4, 0, 2026, 2)
    assert await stopped_by(owner, _BATCH, *arguments) == SHUT


async def test_a_month_of_a_closed_year_is_not_opened(owner: Connection, scene: Scene) -> None:
    await close_month(scene.pool, scene.book, DECEMBER, actor=CHIEF)
    await close_year(scene.pool, scene.book, 2026, actor=CHIEF)
    reopen = _SET.format(change="state = 1", first="2026-12-01")
    assert await stopped_by(owner, reopen, scene.book_id) == ORDER


@pytest.mark.parametrize("role", WRITERS)
async def test_the_floor_of_value_dates_moves_with_the_fiscal_years_only(
    owner: Connection, scene: Scene, role: str
) -> None:
    move = "UPDATE ledger.book_head SET value_date_floor = $2 WHERE book_id = $1"
    for floor in (date(2027, 1, 1), date(2025, 1, 1), date(2026, 6, 1)):
        assert await stopped_by(owner, move, scene.book_id, floor, role=role) == FLOOR
    await close_month(scene.pool, scene.book, DECEMBER, actor=CHIEF)
    await close_year(scene.pool, scene.book, 2026, actor=CHIEF)
    assert await stopped_by(owner, move, scene.book_id, date(2026, 1, 1), role=role) == FLOOR


@pytest.mark.parametrize("role", WRITERS)
async def test_closings_and_their_totals_are_never_taken_back(
    owner: Connection, scene: Scene, role: str
) -> None:
    statements = (
        "DELETE FROM ledger.period WHERE book_id = $1",
        "DELETE FROM ledger.period_total WHERE book_id = $1",
        "UPDATE ledger.period_total SET debits = 0 WHERE book_id = $1",
    )
    allowed = {APPEND_ONLY} if role == OWNER else {APPEND_ONLY, NO_RIGHT}
    for statement in statements:
        assert await stopped_by(owner, statement, scene.book_id, role=role) in allowed


@pytest.mark.parametrize("role", [READER, AUDITOR, APPLICATION])
async def test_who_does_not_post_cannot_touch_a_period(
    owner: Connection, scene: Scene, role: str
) -> None:
    reopen = _SET.format(change="state = 1", first="2026-11-01")
    assert await stopped_by(owner, reopen, scene.book_id, role=role) == NO_RIGHT
    close = _PERIOD.format(kind=1, first="2026-12-01", last="2026-12-31")
    assert await stopped_by(owner, close, scene.book_id, role=role) == NO_RIGHT
