"""A small savings business to test nights with: one book, one product, a few contracts.

Door journals have ids made from the order in which they happen, so that two books that lived the
same history can be compared line by line. Amounts are satang.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from ledger import accounts, parties
from ledger.books import Book
from ledger.db import Database, Pool, open_database
from ledger.embedded import Lease
from ledger.money import Rounding
from ledger.posting.ids import event_id
from ledger.posting.values import (
    MoveBusinessDate,
    OpenAccount,
    Operation,
    Outcome,
    SetFreeze,
    Status,
)
from pricing.rate_lines import RateLine, one_rate
from pricing.rates import parse_rate_percent
from pricing.sheets import approve_sheet, draft_sheet
from pricing.slabs import SlabBasis
from products import contracts
from products.catalogue import SAVINGS, SPECIAL_SAVINGS, Product, create_product
from products.end_of_day import ChunkSizes, DayReport, run_day, run_missed
from products.interest import DayCount, Terms
from products.spans import as_known, expand, span_of
from tests.builders import journal, make_book, post, post_units
from tests.clones import cloned

MEMBER = parties.Party(
    party_id=1,
    code="0001",
    name_th="สหกรณ์ออมทรัพย์ทดสอบ จำกัด",
    name_en="Test Savings Co-operative",
    region="central",
    joined_on=date(2020, 1, 1),
)
Rate = str | Sequence[RateLine]
"""One rate in per cent, or the lines of a sheet."""
JUNE_AND_DECEMBER = frozenset({"06-30", "12-31"})


@dataclass(slots=True, kw_only=True)
class Savings:
    """A book that sells savings; `accounts` are the contracts' accounts by contract number."""

    pool: Pool
    book: Book
    product: Product
    bank: int
    accounts: dict[str, int]
    today: date
    posted: int = field(default=0)
    sizes: ChunkSizes = field(default_factory=ChunkSizes)

    def contract_id(self, number: str) -> UUID:
        """Id of a contract by its number."""
        return contracts.contract_id_of(self.book.book_id, number)

    async def move(
        self, number: str, amount: int, value_date: date | None = None, *, check: bool = True
    ) -> Outcome:
        """A deposit (or, below zero, a withdrawal) posted today."""
        account = self.accounts[number]
        debit, credit = (self.bank, account) if amount > 0 else (account, self.bank)
        self.posted += 1
        made = journal(
            debit,
            credit,
            abs(amount),
            journal_id=event_id("door", self.posted),
            value_date=value_date or self.today,
        )
        outcome = await self.do(made)
        assert not check or outcome.status is Status.ACCEPTED, outcome
        return outcome

    async def do(self, *operations: Operation) -> Outcome:
        """Post operations as a door would, today."""
        return await post(self.pool, self.book.book_id, operations)

    async def freeze(self, number: str, *, credits_too: bool = True, thaw: bool = False) -> None:
        """Freeze a contract's account for debits and credits, or thaw it."""
        outcome = await self.do(
            SetFreeze(
                account=self.accounts[number], debits=not thaw, credits=credits_too and not thaw
            )
        )
        assert outcome.status is Status.ACCEPTED

    async def cut(self) -> None:
        """The clock moves the business date; no night runs."""
        tomorrow = self.today + timedelta(days=1)
        outcome = await self.do(MoveBusinessDate(to=tomorrow))
        assert outcome.status is Status.ACCEPTED, outcome
        self.today = tomorrow

    async def night(self, on: date | None = None) -> DayReport:
        """Run the night of a date; today's, when it is not named, and today is over."""
        closing = on or self.today
        report = await run_day(self.pool, self.book, closing, sizes=self.sizes)
        if closing == self.today:
            self.today += timedelta(days=1)
        return report

    async def nights(self, through: date) -> list[DayReport]:
        """Run every night up to a date, cutting off as needed."""
        reports = await run_missed(self.pool, self.book, through=through, sizes=self.sizes)
        self.today = max(self.today, through + timedelta(days=1))
        return reports

    async def open(self, number: str, interest_from: date | None = None, party_id: int = 1) -> None:
        """Open one more contract today."""
        async with self.pool.acquire() as connection:
            (account,) = await accounts.reserve_ids(connection, 1)
        unit = contracts.open_savings_contract(
            product=self.product,
            contract_no=number,
            party_id=party_id,
            account_id=account,
            name_th=number,
            name_en=number,
            actor="test:clerk",
            interest_from=interest_from,
        )
        (outcome,) = await post_units(self.pool, self.book.book_id, [unit])
        assert outcome.status is Status.ACCEPTED, outcome
        self.accounts[number] = account

    async def balance(self, number: str) -> int:
        """A contract's balance now."""
        async with self.pool.acquire() as connection:
            return (await accounts.position(connection, self.book.book_id, number)).balance_satang


@asynccontextmanager
async def fresh_database(server: Lease, template: str) -> AsyncIterator[Database]:
    """One more database, for a second book that lives the same history under the same ids."""
    async with cloned(server, template) as url:
        database = await open_database(url)
        try:
            yield database
        finally:
            await database.close()


async def open_savings(
    database: Database,
    numbers: Sequence[str],
    *,
    opened_on: date,
    rates: Mapping[date, Rate],
    day_count: DayCount = DayCount.ACT_365F,
    rounding: Rounding = Rounding.HALF_UP,
    capitalisation_days: frozenset[str] = JUNE_AND_DECEMBER,
    book_id: int = 1,
    slab_rule: SlabBasis | None = None,
    minimum_satang: int = 0,
) -> Savings:
    """A book with one savings product, its rates, and a contract for each number.

    slab_rule: of special savings; None = plain savings.
    """
    pool = database.poster
    book = await make_book(pool, book_id=book_id, opened_on=opened_on)
    async with pool.acquire() as connection:
        bank, expense, payable = await accounts.reserve_ids(connection, 3)
        await parties.add_parties(connection, book_id, [MEMBER])
    await post(
        pool,
        book_id,
        [
            _own(bank, "BANK", "111100"),
            _own(expense, "INTEREST-EXPENSE", "511100"),
            _own(payable, "INTEREST-PAYABLE", "241100"),
        ],
    )
    product = Product(
        book_id=book_id,
        product_code="SAVINGS",
        name_th="ออมทรัพย์",
        name_en="Savings",
        terms=Terms(
            day_count=day_count, rounding=rounding, capitalisation_days=capitalisation_days
        ),
        gl_deposits="211100",
        expense_account=expense,
        payable_account=payable,
        family=SAVINGS if slab_rule is None else SPECIAL_SAVINGS,
        slab_rule=slab_rule or SlabBasis.WHOLE,
        minimum_satang=minimum_satang,
    )
    async with pool.acquire() as connection:
        await create_product(connection, product)
    for effective_from, rate in rates.items():
        approved_on = min(opened_on, effective_from - timedelta(days=1))
        await approve_rate(database, book_id, effective_from, rate, approved_on)
    scene = Savings(pool=pool, book=book, product=product, bank=bank, accounts={}, today=opened_on)
    for number in numbers:
        await scene.open(number)
    return scene


async def approve_rate(
    database: Database, book_id: int, effective_from: date, rate: Rate, on: date
) -> None:
    """Draft a rate or a sheet of lines, and have another person approve it on a date."""
    sheet = await draft_sheet(
        database.application,
        book_id,
        product_code="SAVINGS",
        effective_from=effective_from,
        lines=one_rate(parse_rate_percent(rate)) if isinstance(rate, str) else rate,
        made_by="test:treasury",
    )
    await approve_sheet(
        database.application, book_id, sheet.sheet_id, approved_by="test:manager", on=on
    )


def _own(account: int, code: str, gl_code: str) -> OpenAccount:
    return OpenAccount(
        account=account, code=code, gl_code=gl_code, currency="THB", name_th=code, name_en=code
    )


_EXPORT = {
    "transfers": """
        SELECT t.journal_id::text, t.line, d.code AS debit, c.code AS credit, t.amount_satang,
            t.kind, t.business_date, t.value_date
        FROM ledger.transfer AS t
        INNER JOIN ledger.account AS d ON d.book_id = t.book_id AND d.account_id = t.debit_account
        INNER JOIN ledger.account AS c ON c.book_id = t.book_id AND c.account_id = t.credit_account
        WHERE t.book_id = $1 ORDER BY t.journal_id, t.line""",
    "spans": """
        SELECT c.contract_no, p.span_no, p.from_date, p.made_on, p.balance_satang,
            p.annual_rate_e8, p.year_days, p.slope_exact, p.base_exact
        FROM products.interest_span AS p
        INNER JOIN products.contract AS c USING (book_id, contract_id)
        WHERE p.book_id = $1 ORDER BY 1, 2""",
    "credits": """
        SELECT c.contract_no, k.period_end, k.made_on, k.amount_satang, k.journal_id::text
        FROM products.capitalisation AS k
        INNER JOIN products.contract AS c USING (book_id, contract_id)
        WHERE k.book_id = $1 ORDER BY 1, 2, 3""",
    "standing": """
        SELECT c.contract_no, t.accrued_to, l.period_start, l.ended_on,
            products.leg_exact(l, t.accrued_to),
            products.leg_accrued(l, t.accrued_to, p.rounding), l.credited_satang
        FROM products.interest_leg AS l
        INNER JOIN products.contract AS c USING (book_id, product_code, contract_id)
        INNER JOIN products.product AS p USING (book_id, product_code)
        CROSS JOIN LATERAL (SELECT products.leg_accrued_to(l) AS accrued_to) AS t
        WHERE l.book_id = $1 ORDER BY 1""",
    "control_totals": """
        SELECT t.business_date, t.gl_code, t.debits, t.credits FROM ledger.day_total AS t
        WHERE t.book_id = $1 ORDER BY 1, 2""",
    "snapshots": """
        SELECT a.code, s.business_date, s.debits, s.credits
        FROM ledger.snapshot AS s INNER JOIN ledger.account AS a USING (book_id, account_id)
        WHERE s.book_id = $1 ORDER BY 1, 2""",
    "chunks": """
        SELECT n.business_date, n.step, n.chunk, n.contracts, n.amount_satang, n.refused
        FROM products.night_chunk AS n WHERE n.book_id = $1 ORDER BY 1, 2, 3""",
}

Export = dict[str, list[tuple[object, ...]]]


async def export(scene: Savings, *leave_out: str) -> Export:
    """Everything the book says, without numbers, instants and digests."""
    return {
        name: [tuple(row) for row in await scene.pool.fetch(question, scene.book.book_id)]
        for name, question in _EXPORT.items()
        if name not in leave_out
    }


async def balances_by_value_date(scene: Savings, number: str) -> dict[date, int]:
    """A contract's net change by value date, dates without a change left out."""
    rows = await scene.pool.fetch(
        "SELECT m.value_date, sum(m.credits - m.debits)::bigint AS net FROM ledger.movement AS m "
        "WHERE m.book_id = $1 AND m.account_id = $2 GROUP BY 1 ORDER BY 1",
        scene.book.book_id,
        scene.accounts[number],
    )
    return {row["value_date"]: row["net"] for row in rows if row["net"]}


async def interest_by_date(
    scene: Savings, number: str, known_on: date | None = None
) -> dict[date, tuple[int, int]]:
    """What each date bears and earns exactly, as known now or on a night."""
    key = (scene.book.book_id, scene.contract_id(number))
    rows = await scene.pool.fetch(
        "SELECT * FROM products.interest_span WHERE book_id = $1 AND contract_id = $2", *key
    )
    through: date = await scene.pool.fetchval(
        "SELECT products.leg_accrued_to(l) FROM products.interest_leg AS l "
        "WHERE l.book_id = $1 AND l.contract_id = $2",
        *key,
    )
    told = as_known([span_of(dict(row)) for row in rows], known_on or date.max)
    stop = min(through, known_on or date.max) + timedelta(days=1)
    return {
        on: (span.balance_satang, span.slope_exact)
        for on, span in expand(told, date.min, stop).items()
    }


async def posted_interest(scene: Savings) -> dict[date, int]:
    """Interest expense by value date, in satang."""
    rows = await scene.pool.fetch(
        "SELECT m.value_date, sum(m.debits - m.credits)::bigint AS net FROM ledger.movement AS m "
        "WHERE m.book_id = $1 AND m.account_id = $2 GROUP BY 1 ORDER BY 1",
        scene.book.book_id,
        scene.product.expense_account,
    )
    return {row["value_date"]: row["net"] for row in rows if row["net"]}


async def ledger_totals(scene: Savings) -> dict[str, Decimal]:
    """Balance of every GL code now."""
    rows = await scene.pool.fetch(
        "SELECT a.gl_code, sum(b.credits - b.debits) AS net FROM ledger.balance AS b "
        "INNER JOIN ledger.account AS a USING (book_id, account_id) "
        "WHERE b.book_id = $1 GROUP BY 1 ORDER BY 1",
        scene.book.book_id,
    )
    return {row["gl_code"]: row["net"] for row in rows}
