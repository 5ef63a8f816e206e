"""Finding journals among many: every kind of query, page by page, and the follower's own speed.

The record is filled set-based in the owner's role, a batch row and its transfers in a transaction
of their own, guards in place; search rows are then written by the real follower. Accounts, amounts
and references are spread like a facility's: most journals touch one of two bank accounts, amounts
are often round, references begin with a year and month, a few kinds and people are rare.

    .venv/bin/python -m benchmarks.find --transfers 10000000
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks.bench import Point, point, private_database
from ledger import books, consumers, finding
from ledger.books import GlAccount
from ledger.db import Pool
from ledger.errors import ensure
from ledger.find import FoundPage, Query, find
from ledger.parties import Party, add_parties

TRANSFERS = 300_000
"""By default: about a minute on two cores."""

ACCOUNTS = 10_000
PARTIES = 1_200
OPENED_ON = date(2026, 1, 1)
BATCH = 16_384
DAYS_MAX = 360
PAGES_EACH = 60
TARGET_MS = 50

_ACCOUNTS = """
WITH opened AS (
    INSERT INTO ledger.account (
        book_id, account_id, code, gl_code, currency, party_id, name_th, name_en, opened_on,
        opened_seq
    )
    SELECT 1, n, 'A-' || lpad(n::text, 6, '0'), '211100', 'THB',
        CASE WHEN n > 2 THEN 1 + n % $1 END, '-', '-', $2, 0
    FROM generate_series(1, $3::int) AS n
    RETURNING account_id
)
INSERT INTO ledger.balance (book_id, account_id, changed_seq) SELECT 1, account_id, 0 FROM opened
"""
_BATCH = """
INSERT INTO ledger.batch (
    book_id, batch_no, business_date, first_seq, last_seq, journal_count, event_count,
    transfer_count, amount_sum, refusal_count, origin, period, fiscal_year, first_voucher,
    digest_version, digest
)
SELECT 1, $1, $2::date, $3::bigint, $3::bigint + $4::int - 1, $4::int, 0, $4::int, 0, 0, 3, 0,
    ledger.fiscal_year_of($2::date, k.fiscal_year_start_month), $3::bigint, 1,
    decode(repeat('00', 32), 'hex')
FROM ledger.book AS k WHERE k.book_id = 1
"""
# Three of four journals are between a bank account and a member's; the rest between two members.
_TRANSFERS = """
INSERT INTO ledger.transfer (
    book_id, journal_id, line, recorded_seq, debit_account, credit_account, amount_satang, kind,
    may_exceed_limit, forced, business_date, value_date, actor, reference, narrative
)
SELECT 1, lpad(to_hex(n), 32, '0')::uuid, 0, n,
    CASE WHEN n % 4 < 3 THEN 1 + n % 2 ELSE 3 + (hash & 1048575) % ($3::int - 2) END,
    3 + ((hash >> 20) & 1048575) % ($3::int - 3) + (n % 4 = 3
        AND ((hash >> 20) & 1048575) % ($3::int - 3) >= (hash & 1048575) % ($3::int - 2))::int,
    CASE WHEN n % 3 = 0 THEN 100000 * (1 + (hash >> 40 & 63)) ELSE 1 + (hash >> 24 & 268435455) END,
    CASE WHEN n % 100003 = 0 THEN 115 WHEN n % 5 = 0 THEN 112 ELSE 111 END, FALSE, FALSE,
    $4::date, greatest($4::date - (CASE WHEN n % 50 = 0 THEN n % 17 ELSE 0 END)::int, $5::date),
    CASE WHEN n % 70001 = 0 THEN 'auditor:rare' ELSE 'clerk:' || n % 12 END,
    to_char($4::date, 'YYMM') || '-' || lpad((hash >> 30 & 16777215)::text, 9, '0'), ''
FROM (
    SELECT n, hashint8extended(n, 2569) & 9223372036854775807 AS hash
    FROM generate_series($1::bigint, $2::bigint) AS n
) AS numbered
"""


@dataclass(frozen=True, slots=True)
class Timed:
    """How long pages of one kind of query took, in microseconds, sorted."""

    name: str
    microseconds: Sequence[int]
    journals: int
    pages: int

    def at(self, percent: int) -> str:
        """A percentile in milliseconds with one place."""
        place = min(len(self.microseconds) - 1, len(self.microseconds) * percent // 100)
        tenths = self.microseconds[place] // 100
        return f"{tenths // 10}.{tenths % 10}"


async def prepare(pool: Pool, transfers: int) -> int:
    """A book with so many transfers of one line; answers transfers a second of filling."""
    async with pool.acquire() as connection:
        await books.create_book(
            connection, book_id=1, code="bench", name_th="-", name_en="-", opened_on=OPENED_ON
        )
        chart = [GlAccount(gl_code="211100", cad_code="", name_th="-", name_en="-")]
        await books.add_gl_accounts(connection, 1, chart)
        await add_parties(connection, 1, [_party(number) for number in range(1, PARTIES + 1)])
        await connection.execute(_ACCOUNTS, PARTIES, OPENED_ON, ACCOUNTS)
    began = time.perf_counter_ns()
    batches = -(-transfers // BATCH)
    for place in range(batches):
        first = place * BATCH + 1
        await _fill(pool, place + 1, first, min(transfers, first + BATCH - 1), batches)
    return transfers * 1_000_000_000 // (time.perf_counter_ns() - began)


def _party(number: int) -> Party:
    return Party(
        party_id=number,
        code=f"{number:04d}",
        name_th="-",
        name_en="-",
        region="-",
        joined_on=OPENED_ON,
    )


async def _fill(pool: Pool, batch_no: int, first: int, last: int, batches: int) -> None:
    """One batch, as its own transaction; the date moves on so that all fill `DAYS_MAX` days."""
    day = OPENED_ON + timedelta(days=(batch_no - 1) * min(DAYS_MAX, batches) // batches)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE postgres")
        await connection.execute(
            "UPDATE ledger.book_head SET business_date = $1 WHERE book_id = 1 "
            "AND business_date < $1",
            day,
        )
        count = last - first + 1
        await connection.execute(_BATCH, batch_no, day, first, count)
        await connection.execute(_TRANSFERS, first, last, ACCOUNTS, day, OPENED_ON)
        await connection.execute(
            "UPDATE ledger.book_head SET recorded_seq = $1, batch_no = $2 WHERE book_id = 1",
            last,
            batch_no,
        )


async def follow(pool: Pool) -> int:
    """Write all search rows by the real follower; rows a second."""
    began = time.perf_counter_ns()
    done = 0
    while True:
        step = await consumers.step(pool, 1, finding.NAME, finding.index, batch=finding.BATCH)
        ensure(step is not None, "somebody else follows")
        if step is None or step.lag == 0:
            break
        done = step.upto
    return done * 1_000_000_000 // (time.perf_counter_ns() - began)


class Asker:
    """Makes queries whose values vary; the same seed makes the same ones."""

    def __init__(self, transfers: int) -> None:
        self._dice = random.Random(2569)
        self._days = min(DAYS_MAX, -(-transfers // BATCH))

    def member(self) -> str:
        """A member's account."""
        return f"A-{self._dice.randrange(3, ACCOUNTS):06d}"

    def party(self) -> str:
        """A member."""
        return f"{self._dice.randrange(1, PARTIES):04d}"

    def day(self) -> date:
        """A business date of the book."""
        return OPENED_ON + timedelta(days=self._dice.randrange(self._days))

    def reference(self, digits: int = 9) -> str:
        """How a reference of some day begins, or all of it."""
        return f"{self.day():%y%m}-{f'{self._dice.randrange(2**24):09d}'[:digits]}"

    def number(self, first: int, last: int) -> int:
        """Any number from first to last."""
        return self._dice.randint(first, last)

    def queries(self) -> dict[str, Callable[[], Query]]:
        """Every kind of query."""
        return self._of_one_thing() | self._of_several_things()

    def _of_one_thing(self) -> dict[str, Callable[[], Query]]:
        return {
            "newest": Query,
            "reference, exact": lambda: Query(reference=self.reference()),
            "reference, prefix, rare": lambda: Query(reference_prefix=self.reference(5)),
            "reference, prefix, a month": lambda: Query(reference_prefix=self.reference(0)),
            "reference, prefix, none": lambda: Query(reference_prefix=f"X{self.number(1, 99)}"),
            "amount, exact, frequent": lambda: _exactly(500_000),
            "amount, exact, rare": lambda: _exactly(self.number(1, 2**28)),
            "amount, range": lambda: Query(amount_from=700_001, amount_to=700_900),
            "account, a member's": lambda: Query(account=self.member()),
            "account, a bank's": lambda: Query(account="A-000001"),
            "party": lambda: Query(party=self.party()),
            "kind, rare": lambda: Query(kind="bank_fee"),
            "actor, rare": lambda: Query(actor="auditor:rare"),
            "actor, nobody": lambda: Query(actor="clerk:99"),
            "business date": lambda: _on(self.day()),
            "value date": lambda: _valued(self.day()),
        }

    def _of_several_things(self) -> dict[str, Callable[[], Query]]:
        return {
            "account and amount": lambda: Query(
                account=self.member(), amount_from=100_000, amount_to=6_400_000
            ),
            "bank, rare amount": lambda: Query(
                account="A-000002", amount_from=12_345, amount_to=12_800
            ),
            "bank, rare kind": lambda: Query(account="A-000002", kind="bank_fee"),
            "party, kind, a quarter": lambda: Query(
                party=self.party(),
                kind="withdrawal",
                from_date=date(2026, 1, 1),
                to_date=date(2026, 3, 31),
            ),
            "actor, kind, the first day": lambda: Query(
                actor="clerk:3", kind="withdrawal", from_date=OPENED_ON, to_date=OPENED_ON
            ),
            # Journals of this account are those of even numbers, this clerk's those of odd ones.
            "two frequent that never meet": lambda: Query(account="A-000001", actor="clerk:3"),
            "amount and day on, frequent": lambda: Query(
                amount_from=1, amount_to=10**9, from_date=self.day(), actor="clerk:1"
            ),
        }


def _exactly(amount: int) -> Query:
    return Query(amount_from=amount, amount_to=amount)


def _on(day: date) -> Query:
    return Query(from_date=day, to_date=day)


def _valued(day: date) -> Query:
    return Query(from_value_date=day, to_value_date=day)


async def timed(pool: Pool, name: str, make: Callable[[], Query]) -> Timed:
    """First pages of many queries, and the pages that follow the first query's."""
    asked = [make() for _ in range(PAGES_EACH)]
    taken: list[int] = []
    journals = 0
    async with pool.acquire() as connection:

        async def page(query: Query, before: int | None) -> FoundPage:
            began = time.perf_counter_ns()
            found = await find(connection, 1, query, before=before)
            taken.append((time.perf_counter_ns() - began) // 1_000)
            return found

        for query in asked:
            journals += len((await page(query, None)).journals)
        before, more = None, True
        for _ in range(PAGES_EACH):
            if more:
                found = await page(asked[0], before)
                journals += len(found.journals)
                before, more = found.looked_to, found.has_more
    return Timed(name, sorted(taken), journals, len(taken))


async def measure(pool: Pool, transfers: int, say: bool = False) -> list[Point]:
    """All kinds of query; also the follower and the size of what it keeps."""
    filled = await prepare(pool, transfers)
    _tell(say, f"filled {transfers:,} transfers at {filled:,} a second")
    followed = await follow(pool)
    size = int(await pool.fetchval("SELECT pg_total_relation_size('ledger.found_transfer')"))
    record = int(await pool.fetchval("SELECT pg_total_relation_size('ledger.transfer')"))
    _tell(say, f"followed at {followed:,} rows a second")
    _tell(say, f"{size // transfers} bytes a transfer; the record itself {record // transfers}")
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        await connection.execute("VACUUM (ANALYZE) ledger.found_transfer")
        await connection.execute("ANALYZE ledger.transfer")
        await connection.execute("RESET ROLE")
    _tell(
        say, f"{'query':32} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'pages':>6} {'journals':>9}"
    )
    points = []
    for name, make in Asker(transfers).queries().items():
        found = await timed(pool, name, make)
        _tell(
            say,
            f"{name:32} {found.at(50):>8} {found.at(99):>8} {found.at(100):>8} "
            f"{found.pages:>6} {found.journals:>9}",
        )
        mean = max(1, sum(found.microseconds) // len(found.microseconds))
        floor = f"a page in {TARGET_MS} ms"
        each = 1_000_000 // mean
        points.append(point(f"find: {name}", each, floor, 1_000 // TARGET_MS, found.at(99)))
    return points


def _tell(say: bool, line: str) -> None:
    if say:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


async def measure_alone(transfers: int = TRANSFERS) -> list[Point]:
    """All kinds of query on a server of their own."""
    async with private_database() as (_, pool, _):
        return await measure(pool, transfers)


async def run(transfers: int) -> None:
    """Measure on a private server and print as it goes."""
    async with private_database() as (_, pool, settings):
        _tell(True, "server: " + ", ".join(f"{k}={v}" for k, v in settings.items()))
        await measure(pool, transfers, say=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=TRANSFERS)
    asyncio.run(run(parser.parse_args().transfers))
