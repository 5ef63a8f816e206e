"""The trial balance by business date as known at a number, with and without a year's last acts."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ledger.balances import TrialBalance, trial_balance
from ledger.db import Pool
from ledger.posting.values import Origin, Period
from tests.ledger.asof_model import LIVES, OPENED_ON, YEAR_END, Draw, Life, Step, begin_life

_ONE = (Draw(transfers=((0, 1, 100_00),), valued_ago=0),)
_CLOSING = (Draw(transfers=((1, 3, 7_00),), valued_ago=0),)


async def _trial(
    life: Life, on: date, known_at: int | None = None, through: Period = Period.YEAR_CLOSE
) -> TrialBalance:
    async with life.pool.acquire() as connection:
        return await trial_balance(
            connection, life.book.book_id, on, known_at=known_at, through=through
        )


def _says(trial: TrialBalance) -> dict[str, tuple[int, int]]:
    return {row.gl_code: (row.debits, row.credits) for row in trial.rows}


@given(steps=LIVES, data=st.data())
async def test_the_trial_balance_known_at_any_number_is_what_the_transfers_say(
    pool: Pool, steps: list[Step], data: st.DataObject
) -> None:
    life = await begin_life(pool)
    await life.live(steps)
    for known_at in {data.draw(st.integers(0, life.head_seq)), life.head_seq}:
        for through in Period:
            for day in life.dates:
                found = await _trial(life, day, known_at, through)
                expected = life.trial_balance(day, known_at, through)
                assert _says(found) == expected, (known_at, through, day)
                assert found.debit_total == found.credit_total
                assert (found.known_at, found.through) == (known_at, through)


async def _lived_to_june(pool: Pool) -> Life:
    """Two proven days of May, with the month closed: the fiscal year stands in its late period."""
    life = await begin_life(pool)
    for kind in ("doors", "cut", "doors", "cut", "prove", "prove"):
        await life.live([Step(kind=kind, days_ago=4, journals=_ONE)])
    await life.close_may()
    return life


async def test_the_trial_balance_of_a_closed_month_as_known_at_its_closing_never_changes(
    pool: Pool,
) -> None:
    life = await _lived_to_june(pool)
    closed_at = life.head_seq
    before = await _trial(life, YEAR_END, closed_at)
    await life.post(_ONE, Origin.ADJUST, YEAR_END, Period.LATE)
    await life.post(_ONE, Origin.DOORS, life.today)
    await life.live([Step(kind="cut", days_ago=1, journals=())])
    assert await _trial(life, YEAR_END, closed_at) == before
    kept = await pool.fetch(
        "SELECT gl_code, debits, credits FROM ledger.period_total WHERE book_id = $1",
        life.book.book_id,
    )
    assert {row["gl_code"]: (row["debits"], row["credits"]) for row in kept} == _says(before)
    assert _says(await _trial(life, YEAR_END))["111100"] == (300_00, 0)


async def test_an_auditor_reads_the_year_before_and_after_its_late_period_and_its_closing(
    pool: Pool,
) -> None:
    life = await _lived_to_june(pool)
    await life.post(_ONE, Origin.ADJUST, YEAR_END, Period.LATE)
    await life.post(_CLOSING, Origin.ADJUST, YEAR_END, Period.YEAR_CLOSE)
    by_period = {period: _says(await _trial(life, YEAR_END, through=period)) for period in Period}
    assert by_period[Period.ORDINARY] == {"111100": (200_00, 0), "211100": (0, 200_00)}
    assert by_period[Period.LATE] == {"111100": (300_00, 0), "211100": (0, 300_00)}
    assert by_period[Period.YEAR_CLOSE] == {
        "111100": (300_00, 0),
        "211100": (7_00, 300_00),
        "511100": (0, 7_00),
    }


async def test_a_later_day_includes_all_periods_of_the_year_that_ended_before_it(
    pool: Pool,
) -> None:
    life = await _lived_to_june(pool)
    for kind in ("cut", "prove"):
        await life.live([Step(kind=kind, days_ago=4, journals=_ONE)])
    await life.post(_ONE, Origin.ADJUST, YEAR_END, Period.LATE)
    found = await _trial(life, life.today, through=Period.ORDINARY)
    assert _says(found)["111100"] == (300_00, 0)
    assert _says(await _trial(life, OPENED_ON))["111100"] == (100_00, 0)
