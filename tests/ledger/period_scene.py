"""A book to close: seven accounts of every class, days lived and proven quickly, and its history.

Days are proven here by the one statement that the night ends with; what a night does besides is not
the matter of these tests. The trial balance that everything is compared with is added up from the
transfers alone, by business date and number, and knows nothing of periods.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import uuid4

from ledger import accounts, books
from ledger.books import Book, GlAccount
from ledger.db import Connection, Pool
from ledger.kinds import JournalKind
from ledger.periods.months import close_month
from ledger.periods.spans import PeriodKind, month_of, months_between
from ledger.posting.values import (
    Journal,
    MoveBusinessDate,
    OpenAccount,
    Origin,
    Outcome,
    Period,
    Status,
    Transfer,
    Unit,
)
from ledger.posting.write import post_batch

NAMES = {
    "BANK": "111100",
    "SAVINGS": "211100",
    "RESULT": "341100",
    "SHARES": "311100",
    "INCOME": "411100",
    "FEES": "431100",
    "INTEREST": "511100",
    "COSTS": "541200",
}
CHIEF = "facility:chief"

Totals = dict[str, tuple[int, int]]
"""Debits and credits by GL code, in satang."""

_BOOK_IDS = itertools.count(700_001)

_TRUTH = """
SELECT a.gl_code, sum(x.debit)::bigint AS debits, sum(x.credit)::bigint AS credits
FROM (
    SELECT t.debit_account AS account_id, t.amount_satang AS debit, 0 AS credit
    FROM ledger.transfer AS t
    WHERE t.book_id = $1 AND t.business_date <= $2 AND t.recorded_seq <= $3
    UNION ALL
    SELECT t.credit_account, 0, t.amount_satang
    FROM ledger.transfer AS t
    WHERE t.book_id = $1 AND t.business_date <= $2 AND t.recorded_seq <= $3
) AS x INNER JOIN ledger.account AS a ON a.book_id = $1 AND a.account_id = x.account_id
GROUP BY a.gl_code
"""


@dataclass(slots=True, kw_only=True)
class Scene:
    """A book with its accounts by name."""

    pool: Pool
    book: Book
    ids: dict[str, int]

    @property
    def book_id(self) -> int:
        """The book's number."""
        return self.book.book_id

    def journal(self, debit: str, credit: str, amount: int, **more: object) -> Journal:
        """A journal of one transfer; `more` are fields of `Journal`."""
        transfer = Transfer(debit=self.ids[debit], credit=self.ids[credit], amount_satang=amount)
        return Journal(
            journal_id=uuid4(),
            kind=JournalKind.ADJUSTMENT,
            transfers=(transfer,),
            **more,  # type: ignore[arg-type]  # fields of Journal by name, checked when built
        )

    async def post(
        self,
        debit: str,
        credit: str,
        amount: int,
        *,
        on: date | None = None,
        period: Period = Period.ORDINARY,
        **more: object,
    ) -> Outcome:
        """Post one journal: today, or as an adjustment dated `on`."""
        unit = Unit(operations=(self.journal(debit, credit, amount, **more),), actor="test:clerk")
        return await self.post_unit(unit, on=on, period=period)

    async def post_unit(
        self, unit: Unit, *, on: date | None = None, period: Period = Period.ORDINARY
    ) -> Outcome:
        """Post one unit: today, or as an adjustment dated `on`."""
        origin = Origin.DOORS if on is None else Origin.ADJUST
        async with self.pool.acquire() as connection, connection.transaction():
            (outcome,) = await post_batch(
                connection, self.book_id, [unit], origin=origin, business_date=on, period=period
            )
        return outcome

    async def today(self) -> date:
        """The book's business date."""
        async with self.pool.acquire() as connection:
            return (await books.read_head(connection, self.book_id)).business_date

    async def live_through(self, last: date) -> None:
        """Every day up to `last` is proven and the next one is open."""
        async with self.pool.acquire() as connection:
            await live_through(connection, self.book_id, last)

    async def close_through(self, last: date) -> None:
        """Live through the month of `last` and close every month that is still open."""
        await self.live_through(month_of(last).ends_on)
        for month in months_between(self.book.opened_on, last):
            if not await self.closed(PeriodKind.MONTH, month.starts_on):
                acted = await close_month(self.pool, self.book, month.starts_on, actor=CHIEF)
                assert acted.outcome.status is Status.ACCEPTED

    async def closed(self, kind: PeriodKind, starts_on: date) -> bool:
        """True while the period's row says that it is closed."""
        found: bool | None = await self.pool.fetchval(
            "SELECT state = 2 FROM ledger.period "
            "WHERE book_id = $1 AND kind = $2 AND starts_on = $3",
            self.book_id,
            int(kind),
            starts_on,
        )
        return bool(found)

    async def truth(self, on: date, known_at: int = 2**62) -> Totals:
        """The trial balance by business date `on` as known at a number, from the transfers."""
        rows = await self.pool.fetch(_TRUTH, self.book_id, on, known_at)
        return {row["gl_code"]: (row["debits"], row["credits"]) for row in rows}

    async def kept(self, kind: PeriodKind, starts_on: date, closing: int) -> Totals:
        """The control totals that a closing recorded."""
        rows = await self.pool.fetch(
            "SELECT gl_code, debits, credits FROM ledger.period_total "
            "WHERE book_id = $1 AND kind = $2 AND starts_on = $3 AND closing = $4",
            self.book_id,
            int(kind),
            starts_on,
            closing,
        )
        return {row["gl_code"]: (int(row["debits"]), int(row["credits"])) for row in rows}

    async def net(self, name: str, on: date, known_at: int = 2**62) -> int:
        """Credits less debits of one account's GL code by business date `on`."""
        debits, credited = (await self.truth(on, known_at)).get(NAMES[name], (0, 0))
        return credited - debits

    async def vouchers(self) -> dict[int, list[int]]:
        """Voucher numbers of every journal by fiscal year, in the order of recording."""
        rows = await self.pool.fetch(
            "SELECT b.fiscal_year, b.first_voucher, b.journal_count FROM ledger.batch AS b "
            "WHERE b.book_id = $1 ORDER BY b.batch_no",
            self.book_id,
        )
        found: dict[int, list[int]] = {}
        for row in rows:
            numbers = range(row["first_voucher"], row["first_voucher"] + row["journal_count"])
            found.setdefault(row["fiscal_year"], []).extend(numbers)
        return found


async def live_through(connection: Connection, book_id: int, last: date) -> None:
    """Every day up to `last` is proven and the next one is open."""
    head = await books.read_head(connection, book_id)
    day = head.business_date
    while day <= last:
        async with connection.transaction():
            move = MoveBusinessDate(to=day + timedelta(days=1))
            unit = Unit(operations=(move,), actor="test:clock", reason="cut-off")
            (outcome,) = await post_batch(connection, book_id, [unit], origin=Origin.DOORS)
        assert outcome.status is Status.ACCEPTED, outcome
        day += timedelta(days=1)
    await connection.execute(
        "DO $$ DECLARE d date; BEGIN "
        f"FOR d IN SELECT business_date FROM ledger.day WHERE book_id = {book_id} AND state = 2 "
        f"AND business_date <= '{last}' ORDER BY business_date LOOP "
        "UPDATE ledger.day SET state = 3, proven_seq = cut_seq, proven_at = now() "
        f"WHERE book_id = {book_id} AND business_date = d; END LOOP; END $$"
    )


async def make_scene(
    pool: Pool, *, opened_on: date = date(2026, 1, 1), start_month: int = 1
) -> Scene:
    """A fresh book with one account for each name."""
    book_id = next(_BOOK_IDS)
    async with pool.acquire() as connection:
        book = await books.create_book(
            connection,
            book_id=book_id,
            code=f"book-{book_id}",
            name_th="สมุด",
            name_en="Book",
            opened_on=opened_on,
            fiscal_year_start_month=start_month,
        )
        chart = [GlAccount(gl_code=c, cad_code="", name_th=c, name_en=c) for c in NAMES.values()]
        await books.add_gl_accounts(connection, book_id, chart)
        numbers = await accounts.reserve_ids(connection, len(NAMES))
    scene = Scene(pool=pool, book=book, ids=dict(zip(NAMES, numbers, strict=True)))
    opened = tuple(open_account(scene.ids[name], name, gl) for name, gl in NAMES.items())
    outcome = await scene.post_unit(Unit(operations=opened, actor="test:opening"))
    assert outcome.status is Status.ACCEPTED, outcome
    return scene


def open_account(account: int, code: str, gl_code: str) -> OpenAccount:
    """An account without limits."""
    return OpenAccount(
        account=account,
        code=code,
        gl_code=gl_code,
        currency="THB",
        name_th=code,
        name_en=code,
    )


def code_of(outcome: Outcome) -> str:
    """The refusal's code, or the status."""
    return outcome.refusal.code if outcome.refusal is not None else outcome.status.value


async def a_year_of_business(scene: Scene) -> None:
    """Income 900.00 and 100.00, interest 250.00, costs 50.00: a surplus of 700.00."""
    await scene.post("BANK", "INCOME", 90_000)
    await scene.post("SAVINGS", "FEES", 10_000)
    await scene.post("INTEREST", "SAVINGS", 25_000)
    await scene.post("COSTS", "BANK", 5_000)
