"""A book that has lived with a row of interest a night, brought to spans by migration 0014.

Two books were lived by the program before: savings over a New Year with 366 days to come, with late
postings, one of them corrected twice and one over a credited period, a frozen account at a period's
end, contracts closed and opened again on the same day, within a period and over its end; and a book
that was cut over with interest of its old system. Nothing that was known may be lost.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from ledger import books
from ledger.dates import days
from ledger.db import Database, open_database
from ledger.embedded import Lease
from ledger.proof.verify import verify_ledger
from ledger.schema import migrate
from products.contracts import by_no
from products.end_of_day import run_missed
from products.explaining import explain
from products.proof.verify import verify_products
from products.spans import Span, as_known, expand, span_of
from tests.migrations.older_books import load, migrate_to

HERE = Path(__file__).resolve().parent
BOOKS = ("book-1", "old-house")


_ONE_THAT_BROUGHT_INTEREST = """
CREATE TEMP TABLE one AS
SELECT c.* FROM products.contract AS c
WHERE c.state = 1 AND EXISTS (
    SELECT FROM ledger.event AS e
    WHERE e.subject = c.contract_id AND e.kind = 131 AND e.body::jsonb ->> 'exact' <> '0'
)
ORDER BY c.contract_no LIMIT 1;
"""
CLOSED_ON_ITS_FIRST_DATE = f"""
{_ONE_THAT_BROUGHT_INTEREST}
DELETE FROM products.accrual AS a USING one WHERE a.contract_id = one.contract_id;
DELETE FROM products.accrual_correction AS a USING one WHERE a.contract_id = one.contract_id;
UPDATE products.contract AS c SET state = 2, closed_on = c.interest_from
FROM one WHERE c.contract_id = one.contract_id;
INSERT INTO ledger.event
SELECT one.book_id, 1000000, 14, one.interest_from, 'test:clerk', '', one.account_id, NULL, NULL,
    NULL, '{{}}'
FROM one
"""
OPENED_AGAIN_BEFORE_ANY_NIGHT = f"""
{_ONE_THAT_BROUGHT_INTEREST}
CREATE TEMP TABLE closing AS
SELECT one.*, greatest(s.period_start + 1, s.accrued_to - 3) AS on_date, s.accrued_to
FROM one INNER JOIN products.interest_state AS s USING (book_id, contract_id);
DELETE FROM products.accrual_correction AS a USING closing AS k
WHERE a.contract_id = k.contract_id;
UPDATE products.interest_state AS s SET cumulative_exact = a.cumulative_exact
FROM closing INNER JOIN products.accrual AS a
    ON a.contract_id = closing.contract_id AND a.accrual_date = closing.on_date - 1
WHERE s.contract_id = closing.contract_id;
DELETE FROM products.accrual AS a USING closing
WHERE a.contract_id = closing.contract_id AND a.accrual_date >= closing.on_date;
INSERT INTO ledger.event
SELECT k.book_id, 1000000 + e.kind, e.kind, CASE e.kind WHEN 14 THEN k.on_date
    ELSE k.accrued_to + 1 END, 'test:clerk', '', k.account_id, NULL, NULL, NULL, '{{}}'
FROM closing AS k CROSS JOIN (VALUES (14), (16)) AS e (kind)
"""


@asynccontextmanager
async def _brought_over(server: Lease, changed: str = "") -> AsyncIterator[Database]:
    """The two books under today's schema, with what a statement makes of them before."""
    name = f"m_{uuid4().hex}"
    keeper = await asyncpg.connect(server.dsn("postgres"))
    await keeper.execute(f"CREATE DATABASE {name}")
    try:
        await migrate_to(server.dsn(name), "0013")
        await load(server.dsn(name), HERE / "book_0013.copy")
        owner = await asyncpg.connect(server.dsn(name))
        await owner.execute(f"SET session_replication_role = replica; {changed}")
        await owner.close()
        await migrate(server.dsn(name))
        database = await open_database(server.dsn(name))
        try:
            yield database
        finally:
            await database.close()
    finally:
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


@pytest.fixture
async def migrated(server: Lease) -> AsyncIterator[Database]:
    """The two books, under today's schema."""
    async with _brought_over(server) as database:
        yield database


async def _differences(database: Database) -> list[str]:
    found = []
    async with database.poster.acquire() as connection:
        for row in await connection.fetch("SELECT book_id FROM ledger.book ORDER BY 1"):
            for verify in (verify_ledger, verify_products):
                report = await verify(connection, row["book_id"])
                found += [str(difference) for difference in report.differences]
    return found


async def _spans(database: Database, contract_id: str) -> list[Span]:
    rows = await database.poster.fetch(
        "SELECT * FROM products.interest_span WHERE contract_id = $1::uuid", contract_id
    )
    return [span_of(dict(row)) for row in rows]


async def test_a_book_of_rows_a_night_is_proven_after_it_was_brought_to_spans(
    migrated: Database,
) -> None:
    assert await _differences(migrated) == []


async def test_every_contract_earns_to_the_fraction_what_it_had_earned_before(
    migrated: Database,
) -> None:
    with (HERE / "book_0013_interest.csv").open(encoding="utf-8") as file:
        before = list(csv.DictReader(file))
    assert len(before) > 10
    for row in before:
        leg = await migrated.poster.fetchrow(
            "SELECT t.accrued_to, products.leg_accrued(l, t.accrued_to, p.rounding) AS accrued, "
            "l.credited_satang FROM products.interest_leg AS l "
            "INNER JOIN products.product AS p USING (book_id, product_code) "
            "CROSS JOIN LATERAL (SELECT products.leg_accrued_to(l) AS accrued_to) AS t "
            "WHERE l.contract_id = $1::uuid",
            row["contract_id"],
        )
        assert leg is not None
        assert leg["accrued_to"].isoformat() == row["accrued_to"]
        assert leg["accrued"] == int(row["accrued_satang"])
        assert leg["credited_satang"] == int(row["credited_satang"])
        told = expand(
            as_known(await _spans(migrated, row["contract_id"]), date.max),
            date.min,
            date.fromisoformat(row["accrued_to"]) + timedelta(days=1),
        )
        bearing = [span for span in told.values() if span.balance_satang or span.slope_exact]
        assert sum(span.balance_satang for span in bearing) == int(row["sum_of_balances"])
        assert sum(span.slope_exact for span in bearing) == int(row["sum_of_exact"])


async def test_what_was_known_before_a_correction_can_still_be_said(migrated: Database) -> None:
    contract_id = await migrated.poster.fetchval(
        "SELECT contract_id::text FROM products.contract WHERE contract_no = 'SAV-1'"
    )
    spans = await _spans(migrated, contract_id)
    on = date(2027, 12, 22)
    told = {
        known_on: expand(as_known(spans, known_on), on, on + timedelta(days=1))[on].balance_satang
        for known_on in (on, date(2027, 12, 23), date(2027, 12, 24), date(2028, 1, 5))
    }
    assert list(told.values()) == [400_000_00, 433_333_33, 422_222_22, 422_229_22]


async def test_each_date_of_an_older_book_tells_what_was_posted_for_it(
    migrated: Database,
) -> None:
    for code in BOOKS:
        told: dict[date, int] = {}
        async with migrated.poster.acquire() as connection:
            book = await books.get_book(connection, code)
            rows = await connection.fetch(
                "SELECT contract_no, products.leg_accrued_to(l) AS accrued_to "
                "FROM products.contract AS c INNER JOIN products.interest_leg AS l "
                "USING (book_id, product_code, contract_id) WHERE book_id = $1",
                book.book_id,
            )
            for row in rows:
                contract = await by_no(connection, book.book_id, row["contract_no"])
                for on in days(contract.interest_from, row["accrued_to"] + timedelta(days=1)):
                    (leg,) = (await explain(connection, contract, on)).legs
                    assert leg.differences == ()
                    told[on] = told.get(on, 0) + leg.working.posted_satang
            posted = await connection.fetch(
                "SELECT m.value_date, sum(m.debits - m.credits)::bigint AS net "
                "FROM ledger.movement AS m INNER JOIN products.product AS p "
                "ON p.book_id = m.book_id AND p.expense_account = m.account_id "
                "WHERE m.book_id = $1 AND m.value_date >= $2 GROUP BY 1",
                book.book_id,
                min(told),
            )
        assert {on: amount for on, amount in told.items() if amount} == {
            row["value_date"]: row["net"] for row in posted if row["net"]
        }


async def test_nights_go_on_where_the_older_program_stopped(migrated: Database) -> None:
    async with migrated.poster.acquire() as connection:
        told = [await books.get_book(connection, code) for code in BOOKS]
        heads = [await books.read_head(connection, book.book_id) for book in told]
    for book, head in zip(told, heads, strict=True):
        reports = await run_missed(
            migrated.poster, book, through=head.business_date + timedelta(days=9)
        )
        assert len(reports) == 10
    # A deposit that came late on the last day of the older program is corrected by today's.
    async with migrated.poster.acquire() as connection:
        assert await connection.fetchval(
            "SELECT count(*) FROM products.night_chunk WHERE step = 'correct' AND book_id = $1 "
            "AND business_date = $2 AND contracts > 0",
            told[0].book_id,
            heads[0].business_date,
        )
    assert await _differences(migrated) == []


async def test_a_contract_closed_on_its_first_date_keeps_the_interest_that_it_brought_along(
    server: Lease,
) -> None:
    async with _brought_over(server, CLOSED_ON_ITS_FIRST_DATE) as database:
        (row,) = await database.poster.fetch(
            "SELECT p.from_date = c.interest_from AS from_first, p.slope_exact, p.base_exact, "
            "(e.body::jsonb ->> 'exact')::numeric AS brought FROM products.interest_span AS p "
            "INNER JOIN products.contract AS c USING (book_id, contract_id) "
            "INNER JOIN ledger.event AS e ON e.book_id = c.book_id AND e.subject = c.contract_id "
            "AND e.kind = 131 WHERE c.closed_on = c.interest_from"
        )
    assert row["from_first"]
    assert row["slope_exact"] == 0
    assert row["base_exact"] == row["brought"] > 0


async def test_a_contract_opened_again_just_before_is_looked_at_by_the_next_night(
    server: Lease,
) -> None:
    async with _brought_over(server, OPENED_AGAIN_BEFORE_ANY_NIGHT) as database:
        (row,) = await database.poster.fetch(
            "SELECT l.since, l.span_no, (SELECT max(d.business_date) FROM ledger.day AS d "
            "WHERE d.book_id = l.book_id AND d.state = 3) AS proven "
            "FROM products.interest_leg AS l INNER JOIN products.contract AS c "
            "USING (book_id, contract_id) INNER JOIN ledger.event AS e "
            "ON e.book_id = c.book_id AND e.account_id = c.account_id AND e.kind = 16 "
            "WHERE e.recorded_seq > 1000000"
        )
    assert row["since"] == row["proven"] + timedelta(days=1)
    assert row["span_no"] > 1
