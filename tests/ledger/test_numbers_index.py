"""The index over numbers passes over what is summarised; what was cut short is made anew."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ledger.db import Connection, Pool

ROWS = 40_000
TRIES = 200
_FILL = """
INSERT INTO ledger.transfer (
    book_id, journal_id, line, recorded_seq, debit_account, credit_account, amount_satang, kind,
    may_exceed_limit, forced, business_date, value_date, actor, reference, narrative
)
SELECT 1, gen_random_uuid(), 0, n, 1, 2, 100, 2, FALSE, FALSE, '2026-06-01', '2026-06-01', 'x',
    '', ''
FROM generate_series($1::bigint, $2::bigint) AS n
"""
_FIRST = "SELECT ledger.first_unsummarized('ledger.transfer', 'recorded_seq = 0')"


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Connection]:
    """The owner of a database of its own, with guards and vacuum out of the way."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "SET session_replication_role = replica; "
        "ALTER TABLE ledger.transfer SET (autovacuum_enabled = off)"
    )
    yield connection
    await connection.close()


async def test_new_rows_are_looked_through_until_they_are_summarised(
    owner: Connection, pool: Pool
) -> None:
    await owner.execute(_FILL, 1, ROWS)
    assert await owner.fetchval(_FIRST) is not None
    assert await pool.fetchval("SELECT ledger.summarize_numbers()") > 0
    assert await owner.fetchval(_FIRST) is None
    assert await pool.fetchval("SELECT ledger.summarize_numbers()") == 0


async def _cut_short(owner: Connection) -> None:
    """Summarise with ever more time until a try is cancelled in the middle of a range."""
    added = 0
    for attempt in range(TRIES):
        await owner.execute(_FILL, added + 1, added + ROWS)
        added += ROWS
        await owner.execute(f"SET statement_timeout = {1 + attempt % 20}")
        try:
            await owner.execute("SELECT brin_summarize_new_values('ledger.transfer_by_number')")
        except asyncpg.QueryCanceledError:
            pass
        finally:
            await owner.execute("SET statement_timeout = 0")
        # Whatever a second, undisturbed try does not mend was broken by the first.
        await owner.execute("SELECT brin_summarize_new_values('ledger.transfer_by_number')")
        if await owner.fetchval(_FIRST) is not None:
            return
    pytest.fail(f"none of {TRIES} tries was cut short in the middle of a range")


async def test_a_summary_that_was_cut_short_is_made_anew(owner: Connection, pool: Pool) -> None:
    await _cut_short(owner)
    assert await pool.fetchval("SELECT ledger.summarize_numbers()") > 0
    assert await owner.fetchval(_FIRST) is None
