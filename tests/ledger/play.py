"""One book in PostgreSQL and the oracle beside it: every batch is put to both, and compared.

`World` is a connection with a loop of its own, for tests that Hypothesis drives; `Table` is one
fresh book of it. `Table.play` asserts, after every batch, that the outcomes are the oracle's, that
every balance and hold stands as the oracle says, and that a batch of refusals has left every other
row of the book as it was. Each failing assertion begins with the name of the property it broke.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Sequence
from datetime import date, timedelta
from typing import TypeVar
from uuid import UUID

import asyncpg
import uvloop

from ledger import books
from ledger.books import GlAccount
from ledger.cut_off import end_business_date
from ledger.db import Connection
from ledger.posting.values import OpenAccount, Origin, Outcome, Status, Unit
from ledger.posting.write import post_batch
from ledger.proof.verify import verify_ledger
from tests.ledger.oracle import Oracle
from tests.ledger.oracle_book import Answer
from tests.ledger.recipes import Kitchen, UnitRecipe

_T = TypeVar("_T")

OPENED_ON = date(2026, 6, 1)
CHART = ("111100", "211100")
ROW_IDS = (UUID(int=1), UUID(int=2))
# code, GL code, currency, balance_min, balance_max
ACCOUNTS = (
    ("BANK", "111100", "THB", None, None),
    ("SAV-1", "211100", "THB", 0, None),
    ("SAV-2", "211100", "THB", 0, None),
    ("OD-1", "211100", "THB", -100, None),
    ("LOAN-1", "211100", "THB", None, 0),
    ("BANK-2", "111100", "THB", None, None),
    ("USD-1", "111100", "USD", None, None),
)
_TABLES = (
    "account", "balance", "hold", "transfer", "movement", "event", "day", "manual_journal"
)  # fmt: skip
_PRINTS = ", ".join(
    f"(SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) "
    f"FROM ledger.{table} AS t WHERE t.book_id = h.book_id) AS {table}"
    for table in _TABLES
)
# Everything that is compared after a batch, in one statement: the test's time is its round trips.
_SEEN = f"""
SELECT h.recorded_seq, h.business_date, (
    SELECT array_agg((
        b.account_id, b.debits, b.credits, b.held, b.balance_min, b.balance_max, b.excess_satang,
        b.state = 2, b.frozen, b.frozen_until
    )) FROM ledger.balance AS b WHERE b.book_id = h.book_id
) AS balances, (
    SELECT array_agg((d.hold_id, d.state, d.captured_satang))
    FROM ledger.hold AS d WHERE d.book_id = h.book_id
) AS holds, {_PRINTS}
FROM ledger.book_head AS h WHERE h.book_id = $1
"""


_BOOK_IDS = itertools.count(1)


def next_book_id() -> int:
    """A book number that no other test of this run has."""
    return next(_BOOK_IDS)


class World:
    """A database, a loop of its own and the counts of everything played in it."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.counts: Counter[str] = Counter()
        self.connection: Connection = self.run(
            asyncpg.connect(url, server_settings={"role": "cff_poster"})
        )

    def run(self, work: Awaitable[_T]) -> _T:
        """Wait for something in this world's loop."""

        async def wait() -> _T:
            return await work

        return self._runner.run(wait())

    def close(self) -> None:
        """Hang up and close the loop."""
        self.run(self.connection.close())
        self._runner.close()

    def table(self) -> Table:
        """A fresh book with its accounts open and two product rows to decide on."""
        self.counts["books"] += 1
        return self.run(set_table(self.connection, next_book_id(), self.counts))


async def set_table(connection: Connection, book_id: int, counts: Counter[str]) -> Table:
    """Lay a book, and the oracle beside it."""
    await books.create_book(
        connection,
        book_id=book_id,
        code=f"book-{book_id}",
        name_th="สมุด",
        name_en="Book",
        opened_on=OPENED_ON,
    )
    chart = [GlAccount(gl_code=c, cad_code="", name_th=c, name_en=c) for c in CHART]
    await books.add_gl_accounts(connection, book_id, chart)
    await connection.executemany(
        "INSERT INTO ledger.manual_journal (book_id, journal_id, body, made_by, made_at) "
        "VALUES ($1, $2, '{}', 'maker', clock_timestamp())",
        [(book_id, row_id) for row_id in ROW_IDS],
    )
    table = Table(connection, book_id, counts)
    opened = [
        OpenAccount(
            account=number,
            code=code,
            gl_code=gl_code,
            currency=currency,
            name_th=code,
            name_en=code,
            balance_min=low,
            balance_max=high,
        )
        for number, (code, gl_code, currency, low, high) in enumerate(ACCOUNTS, start=1)
    ]
    await table.play([Unit(operations=tuple(opened), actor="test:opening")])
    return table


class Table:
    """One book on the database's side and on the oracle's."""

    def __init__(self, connection: Connection, book_id: int, counts: Counter[str]) -> None:
        self.connection = connection
        self.book_id = book_id
        self.oracle = Oracle(OPENED_ON, CHART)
        self.oracle.book.versions = dict.fromkeys(ROW_IDS, 1)
        self.kitchen = Kitchen(book_id, self.oracle)
        self.sound = True
        self.counts = counts
        self._prints: dict[str, str] = {}

    async def cook(self, recipes: Sequence[UnitRecipe]) -> list[Outcome]:
        """Make units of the recipes and play them."""
        return await self.play(self.units(recipes))

    def units(self, recipes: Sequence[UnitRecipe]) -> list[Unit]:
        """Units of the recipes, made for the book as it stands."""
        return [self.kitchen.unit(recipe) for recipe in recipes]

    def ago(self, days: int) -> date:
        """The business date of so many days ago, but none before the opening."""
        return max(OPENED_ON, self.oracle.book.day - timedelta(days=days))

    async def end_day(self) -> None:
        """The cut-off on both sides."""
        self.sound = False
        ended = await self._end_day()
        assert ended
        self.oracle.end_day()
        await self.compare(accepted=True)
        self.sound = True

    async def _end_day(self) -> bool:
        async with self.connection.transaction():
            return await end_business_date(
                self.connection,
                self.book_id,
                self.oracle.book.day,
                actor="test:clock",
                origin=Origin.DOORS,
            )

    async def play(
        self, units: Sequence[Unit], on: date | None = None, *, adjusts: bool = False
    ) -> list[Outcome]:
        """Put one batch to both; asserts that they agree on everything.

        on: the night's date, or that of adjustments; None the current one.
        """
        self.sound = False
        origin = Origin.DOORS if on is None else Origin.ADJUST if adjusts else Origin.NIGHT
        async with self.connection.transaction():
            outcomes = await post_batch(
                self.connection, self.book_id, units, origin=origin, business_date=on
            )
        answers = self.oracle.batch(units, on, adjusts=adjusts)
        for unit, outcome, answer in zip(units, outcomes, answers, strict=True):
            assert heard(outcome) == answer, f"outcome: {heard(outcome)} != {answer} of {unit}"
            self.counts[outcome.refusal.code if outcome.refusal else outcome.status.value] += 1
        await self.compare(any(outcome.status is Status.ACCEPTED for outcome in outcomes))
        self.sound = True
        return outcomes

    async def compare(self, accepted: bool) -> None:
        """Both sides stand alike; unless something was accepted nothing but refusals is new."""
        seen = await self.connection.fetchrow(_SEEN, self.book_id)
        assert seen is not None
        book = self.oracle.book
        standing = {row[0]: tuple(row)[1:] for row in seen["balances"] or ()}
        expected = {
            number: (
                money.debits,
                money.credits,
                book.held(number),
                money.low,
                money.high,
                book.excess(number),
                money.closed,
                money.stop_debits + 2 * money.stop_credits,
                money.stop_until,
            )
            for number, money in book.accounts.items()
        }
        assert standing == expected, f"standing: {standing} != {expected}"
        states = {"open": 1, "captured": 2, "released": 3, "expired": 4}
        holds = {row[0]: tuple(row)[1:] for row in seen["holds"] or ()}
        wanted = {name: (states[h.ended], h.captured) for name, h in book.holds.items()}
        assert holds == wanted, f"holds: {holds} != {wanted}"
        head = (seen["recorded_seq"], seen["business_date"])
        assert head == (book.seq, book.day), f"head: {head} != {(book.seq, book.day)}"
        net = sum(row[1] - row[0] for row in standing.values())
        assert net == 0, f"conservation: credits less debits of the book are {net}"
        prints = {table: seen[table] for table in _TABLES}
        if not accepted:
            changed = [table for table in _TABLES if prints[table] != self._prints[table]]
            assert not changed, f"untouched: refusals have changed {changed}"
        self._prints = prints

    async def verify(self) -> None:
        """The independent model of `cff verify` agrees with everything that was recorded."""
        report = await verify_ledger(self.connection, self.book_id)
        assert report.ok, f"verify: {report}"


def heard(outcome: Outcome) -> Answer:
    """An outcome in the oracle's words."""
    return Answer(
        status=outcome.status.value,
        code=outcome.refusal.code if outcome.refusal else None,
        failed=outcome.failed_operation,
        replay=outcome.replay,
        seqs=tuple(receipt.recorded_seq for receipt in outcome.receipts),
        vouchers=tuple(r.voucher_no or 0 for r in outcome.receipts if r.journal_id is not None),
        balances={
            b.account: (b.balance_satang, b.held_satang, b.excess_satang) for b in outcome.balances
        },
    )
