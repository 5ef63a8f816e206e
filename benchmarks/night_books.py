"""Books whose nights are measured: their contracts, what moves on them by day, and their nights.

`open_each` makes a book as doors do: each contract is a unit of `products.contracts`, recorded with
its account and its events, its first deposit a journal, so that `cff verify` proves every row.
`generate` is for a million contracts, of which units would take five minutes: accounts, balances,
contracts and legs are written by sets just as opening leaves them, but without the opening's batch
and events, so control totals and the sums of interest prove that book, and `cff verify` would not.
Money is never generated: first deposits and what moves by day are posted, by the bulk path.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import numpy as np
from numpy.typing import NDArray

from benchmarks.bench import CheckFailed, new_database, say
from benchmarks.made import BOOK, BOOK_CODE, OPENED_ON, open_book, open_own
from benchmarks.placed import bring_placements
from benchmarks.preload import ACTOR, Bench, load, seal_key
from benchmarks.savings import CODE, DEPOSITS, PARTY, open_contracts, sell_savings
from benchmarks.streams import with_columns
from benchmarks.traffic import Traffic, counted_pool
from ledger import books, schema
from ledger.cut_off import end_business_date
from ledger.db import transaction
from ledger.embedded import Lease
from ledger.posting.values import Origin
from products.accrual import ACCRUE
from products.day_opening import EXPIRE_HOLDS
from products.end_of_day import Progress, run_day, run_missed

MOVED = 50
"""By day one contract in so many moves."""
PLACED = 4
"""Of contracts of all families one in so many is a fixed deposit."""
ORDINARY = 200
"""Accounts of the book that no contract stands on."""
_SOURCE_GL = "211100"
# As a replica: what guards and keys would say of each row is known of all of them.
_GENERATE = f"""
SET session_replication_role = replica;
CREATE TEMP TABLE made AS
SELECT nextval('ledger.account_id')::integer AS account_id, md5('contract ' || n)::uuid AS id,
    'S-' || lpad(n::text, 7, '0') AS code
FROM generate_series(1, $1::integer) AS n;
ANALYZE made;
INSERT INTO ledger.account (
    book_id, account_id, code, gl_code, currency, party_id, name_th, name_en, opened_on, opened_seq
)
SELECT {BOOK}, m.account_id, m.code, '{DEPOSITS}', 'THB', {PARTY}, '-', '-', h.business_date,
    h.recorded_seq
FROM made AS m CROSS JOIN ledger.book_head AS h ORDER BY m.account_id;
INSERT INTO ledger.balance (book_id, account_id, balance_min, changed_seq)
SELECT {BOOK}, m.account_id, 0, h.recorded_seq
FROM made AS m CROSS JOIN ledger.book_head AS h ORDER BY m.account_id;
INSERT INTO products.contract (
    book_id, contract_id, contract_no, product_code, party_id, account_id, opened_on, interest_from
)
SELECT {BOOK}, m.id, m.code, '{CODE}', {PARTY}, m.account_id, h.business_date, h.business_date
FROM made AS m CROSS JOIN ledger.book_head AS h ORDER BY m.account_id;
INSERT INTO products.interest_leg (
    book_id, product_code, contract_id, leg, bears_from, period_start, since, balance_satang,
    annual_rate_e8, year_days, slope_exact, base_exact, settled_satang, credited_satang
)
SELECT {BOOK}, '{CODE}', m.id, 1, d.day, d.day, d.day, 0, 0, 365, 0, 0, 0, 0
FROM made AS m
CROSS JOIN (SELECT h.business_date AS day FROM ledger.book_head AS h) AS d
ORDER BY m.account_id;
"""
_INTEREST = """
WITH last AS (
    SELECT max(d.business_date) AS day FROM ledger.day AS d WHERE d.book_id = $1 AND d.state = 3
), earned AS (
    SELECT c.contract_id, sum(
        (m.credits - m.debits)::numeric * (last.day - m.value_date + 1) * s.annual_rate_e8
    ) AS e8_days
    FROM last, products.contract AS c
    INNER JOIN pricing.rate_sheet AS s ON s.book_id = c.book_id AND s.product_code = c.product_code
    INNER JOIN ledger.movement AS m ON m.book_id = c.book_id AND m.account_id = c.account_id
    WHERE c.book_id = $1 AND m.business_date <= last.day
    GROUP BY c.contract_id
)
SELECT count(*) AS contracts,
    sum(div(2 * e.e8_days + 36500000000, 73000000000))::bigint AS earned,
    (SELECT b.credits - b.debits FROM ledger.balance AS b
    WHERE b.book_id = $1 AND b.account_id = $2) AS posted
FROM earned AS e
"""
_FIRST_DEPOSIT = 10**9
"""Satang: up to ten million baht, and no less than a hundredth of it."""


@dataclass(slots=True, kw_only=True)
class NightBook(Bench):
    """A book, its savings contracts' accounts in order of number, and where their money comes from.

    placements: fixed deposits beside them; they bear from the second date on.
    """

    contracts: NDArray[np.int32]
    source: int
    placements: int = 0

    @property
    def legs(self) -> int:
        """Legs of interest: one a contract."""
        return len(self.contracts) + self.placements

    @property
    def bearing(self) -> int:
        """Contracts that bear interest on the business date."""
        return len(self.contracts) if self.today == OPENED_ON else self.legs


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One night: seconds of the whole, and of each step that had something to do.

    A step's time is from the last word of the step before to its own last word: what looks for work
    and finds none counts with the step after it.
    """

    whole: float
    steps: dict[str, float]

    @property
    def accrual(self) -> float:
        """Rates resolved, late postings looked for, every contract accrued, journals posted."""
        names = list(self.steps)
        first = names.index(EXPIRE_HOLDS) + 1
        return sum(self.steps[name] for name in names[first : names.index(ACCRUE) + 1])


Fill = Callable[[NightBook, int], Awaitable[None]]


@asynccontextmanager
async def night_book(
    lease: Lease, name: str, fill: Fill, count: int, credited_on: frozenset[str]
) -> AsyncIterator[NightBook]:
    """A database of its own on the server with one book of `count` contracts, its first day open.

    credited_on: the product's capitalisation days, MM-DD.
    """
    began = time.monotonic()
    settings = await new_database(lease.dsn("postgres"), name)
    dsn = lease.dsn(name)
    await schema.migrate(dsn)
    traffic = Traffic()
    folder = Path(tempfile.mkdtemp(prefix="cff-bench-files-", dir="/tmp"))
    pool = await counted_pool(dsn, traffic)
    try:
        book = NightBook(
            dsn=dsn,
            pool=pool,
            traffic=traffic,
            settings=settings,
            numbers=await open_book(pool, ORDINARY),
            product=await sell_savings(pool, dsn, OPENED_ON, credited_on),
            folder=folder,
            today=OPENED_ON,
            contracts=np.zeros(0, np.int32),
            source=await open_own(pool, "MONEY-IN", _SOURCE_GL),
        )
        book.uncounted()  # nights post what they find
        await fill(book, count)
        say(f"{name}: {count:,} contracts in {time.monotonic() - began:.0f} s")
        yield book
    finally:
        await pool.close()
        shutil.rmtree(folder, ignore_errors=True)


async def open_each(book: NightBook, count: int) -> None:
    """Open `count` contracts one by one, each with a first deposit."""
    await open_contracts(book.pool, book.product, book.source, count)
    await _counted(book)


async def open_families(book: NightBook, count: int) -> None:
    """`count` contracts, one in `PLACED` a fixed deposit that has run for some time."""
    placed = count // PLACED
    numbers = await open_contracts(book.pool, book.product, book.source, count - placed)
    await _counted(book)
    book.placements = placed
    await bring_placements(book.pool, book.dsn, book.source, numbers[:placed])
    await settle(book)


async def generate(book: NightBook, count: int) -> None:
    """Write `count` contracts by sets and post a first deposit into each."""
    async with superuser(book) as connection:
        await connection.execute(_GENERATE.replace("$1", str(count)))
    await _counted(book)
    dice = np.random.default_rng(count)
    amounts = dice.integers(_FIRST_DEPOSIT // 100, _FIRST_DEPOSIT, count)
    await _deposit(book, book.contracts, amounts)
    await settle(book)


async def move(book: NightBook, one_in: int = MOVED) -> None:
    """A business day: one contract in so many gets a deposit."""
    count = len(book.contracts)
    dice = np.random.default_rng([count, book.today.toordinal()])
    chosen = dice.choice(book.contracts, max(1, count // one_in), replace=False)
    await _deposit(book, chosen, dice.integers(1, 10**6, len(chosen)))


async def settle(book: NightBook) -> None:
    """Vacuum and count what a large change left behind, as autovacuum would in its own time."""
    async with superuser(book) as connection:
        await connection.execute("VACUUM (ANALYZE)")


async def night(book: NightBook) -> Timed:
    """Run and seal the night of the business date, timed. Raises `CheckFailed`.

    A checkpoint before it: nobody pays for the pages of whoever ran before.
    """
    async with superuser(book) as connection:
        await connection.execute("CHECKPOINT")
    async with book.pool.acquire() as acquired:
        standing = await books.get_book(acquired, BOOK_CODE)
    heard: dict[str, float] = {}

    def hear(progress: Progress) -> None:
        heard[progress.step] = time.perf_counter()

    began = time.perf_counter()
    report = await run_day(book.pool, standing, book.today, say=hear, seal_key=seal_key(book))
    ended = time.perf_counter()
    accrued = report.step(ACCRUE).contracts
    if accrued != book.bearing:
        raise CheckFailed(f"{book.today}: {accrued:,} of {book.bearing:,} were accrued")
    book.today += timedelta(days=1)
    ends = [began, *heard.values()]
    steps = {name: ends[at + 1] - ends[at] for at, name in enumerate(heard)}
    return Timed(whole=ended - began, steps=steps)


@asynccontextmanager
async def superuser(book: Bench) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the server's owner, without the poster's time limits."""
    connection = await asyncpg.connect(book.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def missed(book: NightBook, nights: int) -> float:
    """Seconds of so many nights run one after the other, after days whose nights nobody ran."""
    async with book.pool.acquire() as acquired:
        standing = await books.get_book(acquired, BOOK_CODE)
    for _ in range(nights):
        await move(book)
        async with transaction(book.pool, ACTOR) as connection:
            await end_business_date(connection, BOOK, book.today, actor=ACTOR, origin=Origin.NIGHT)
        book.today += timedelta(days=1)
    async with superuser(book) as owner:
        await owner.execute("CHECKPOINT")
    began = time.perf_counter()
    reports = await run_missed(book.pool, standing, seal_key=seal_key(book))
    taken = time.perf_counter() - began
    if len(reports) != nights:
        raise CheckFailed(f"{len(reports)} nights were run, {nights} had been missed")
    return taken


async def interest_agrees(book: NightBook) -> str:
    """Interest of all nights by arithmetic that knows no spans: every satang by the days it lay.

    For a book of one rate whose periods have not ended: of each contract, movements x dates from
    value date to the last proven one x rate, rounded once, against what stands in accrued payable.
    Raises `CheckFailed`.
    """
    async with superuser(book) as connection:
        row = await connection.fetchrow(_INTEREST, BOOK, book.product.payable_account)
    if row is None or row["earned"] != row["posted"]:
        raise CheckFailed(f"interest by movements and as posted: {row}")
    return f"{row['contracts']:,} contracts earned {row['posted']:,} satang, movement by movement"


def day_after(first: date, days: int) -> str:
    """The date so many days later, as a capitalisation day."""
    return (first + timedelta(days=days)).strftime("%m-%d")


async def _counted(book: NightBook) -> None:
    rows = await book.pool.fetch(
        "SELECT c.account_id FROM products.contract AS c WHERE c.book_id = $1 ORDER BY 1", BOOK
    )
    book.contracts = np.array([row["account_id"] for row in rows], np.int32)
    await settle(book)


async def _deposit(
    book: NightBook, accounts: NDArray[np.int32], amounts: NDArray[np.int64]
) -> None:
    stream = book.stream(len(accounts))
    at = 0
    chunks = []
    for lines in stream.chunks():
        upto = at + len(lines)
        chunks.append(
            with_columns(
                lines,
                debit=np.full(len(lines), book.source, np.int32),
                credit=accounts[at:upto],
                amount_satang=amounts[at:upto],
            )
        )
        at = upto
    await load(book.pool, chunks)
