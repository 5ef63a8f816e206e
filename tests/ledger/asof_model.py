"""Any life of a book with late batches, and the plainest possible reading of it.

A life is drawn as steps: batches of the doors with back-dated journals, a night's own batches on
earlier dates, adjustments of past days (also between a night's snapshot and its proof), cut-offs,
nights that prove days, the late period of the fiscal year that ends on the second day. The reading
beside it is a list of transfers with their dates and numbers, added up one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple
from uuid import uuid4

from hypothesis import strategies as st

from ledger import accounts, books
from ledger.asof import AsOf, Axis
from ledger.books import Book, GlAccount
from ledger.cut_off import cut_off_unit
from ledger.db import Pool
from ledger.kinds import JournalKind
from ledger.periods.months import close_month
from ledger.posting.bulk import BulkWriter
from ledger.posting.lines import Lines
from ledger.posting.outcomes import LineOutcomes
from ledger.posting.values import (
    Journal,
    OpenAccount,
    Origin,
    Outcome,
    Period,
    Status,
    Transfer,
    Unit,
)
from ledger.posting.write import post_batch
from products.day_closing import PROVE
from products.end_of_day import STEPS
from products.night import Night
from tests.builders import CHART, unit
from tests.ledger.bulk.rows import Row, lines_of

OPENED_ON = date(2026, 5, 30)
YEAR_END = date(2026, 5, 31)
_BOOK_IDS = itertools.count(1)
CODES = ("111100", "211100", "211100", "511100")
"""GL codes of the accounts of a life; no account has a limit."""


class Line(NamedTuple):
    """One transfer as the brute-force reading keeps it."""

    seq: int
    line: int
    debit: int
    credit: int
    amount: int
    business_date: date
    value_date: date
    period: Period

    def on(self, axis: Axis) -> date:
        """Its date on an axis."""
        return self.value_date if axis is Axis.VALUE else self.business_date


class Draw(NamedTuple):
    """A journal as drawn: account places and amounts, and how long ago its value date is."""

    transfers: tuple[tuple[int, int, int], ...]
    valued_ago: int


class Step(NamedTuple):
    """One step as drawn; what does not fit the day it is drawn for is left out."""

    kind: str
    days_ago: int
    journals: tuple[Draw, ...]


_TRANSFER = st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 10**6)).map(
    lambda drawn: (drawn[0], (drawn[0] + drawn[1]) % 4, drawn[2])
)
JOURNALS = st.builds(
    Draw,
    transfers=st.lists(_TRANSFER, min_size=1, max_size=2).map(tuple),
    valued_ago=st.sampled_from((0, 0, 0, 1, 2, 4)),
)
_STEP = st.builds(
    Step,
    kind=st.sampled_from(
        ("doors", "doors", "night", "adjust", "adjust", "cut", "cut", "prove", "prove", "year")
    ),
    days_ago=st.integers(1, 4),
    journals=st.lists(JOURNALS, min_size=1, max_size=4).map(tuple),
)
LIVES = st.lists(_STEP, min_size=3, max_size=16)


@dataclass(slots=True, kw_only=True)
class Life:
    """A book that is being lived, and its transfers as a plain list."""

    pool: Pool
    book: Book
    ids: tuple[int, ...]
    today: date = OPENED_ON
    proven: int = 0
    may_closed: bool = False
    lines: list[Line] = field(default_factory=list)
    head_seq: int = 0

    async def live(self, steps: Sequence[Step]) -> None:
        """Do every step that fits."""
        for step in steps:
            past = self.today - timedelta(days=step.days_ago)
            if step.kind == "doors":
                await self.post(step.journals, Origin.DOORS, self.today)
            elif step.kind == "night" and past >= self.first_open:
                await self.post(step.journals, Origin.NIGHT, past)
            elif step.kind == "adjust" and self.adjustable(past):
                await self.post(step.journals, Origin.ADJUST, past)
            elif step.kind == "cut":
                await self.cut()
            elif step.kind == "prove" and self.first_open < self.today:
                await self.prove(step)
            elif step.kind == "year" and self.first_open > YEAR_END:
                await self.close_may()
                period = Period.LATE if step.days_ago < 3 else Period.YEAR_CLOSE
                await self.post(step.journals, Origin.ADJUST, YEAR_END, period)

    @property
    def first_open(self) -> date:
        """The oldest date that is not proven."""
        return OPENED_ON + timedelta(days=self.proven)

    def adjustable(self, day: date) -> bool:
        """True of a past day in an open month."""
        return OPENED_ON <= day < self.today and not (self.may_closed and day <= YEAR_END)

    async def post(
        self,
        journals: Sequence[Draw],
        origin: Origin,
        day: date,
        period: Period = Period.ORDINARY,
    ) -> None:
        """Post a batch of these journals, each a unit, and note what was recorded."""
        units = [unit(self._journal(drawn, day)) for drawn in journals]
        outcomes = await self.batch(units, origin, day, period)
        for drawn, outcome in zip(journals, outcomes, strict=True):
            assert outcome.status is Status.ACCEPTED, outcome
            (receipt,) = outcome.receipts
            self.head_seq = receipt.recorded_seq
            for place, (debit, credit, amount) in enumerate(drawn.transfers):
                self.lines.append(
                    Line(
                        seq=receipt.recorded_seq,
                        line=place,
                        debit=self.ids[debit],
                        credit=self.ids[credit],
                        amount=amount,
                        business_date=day,
                        value_date=receipt.value_date,
                        period=period,
                    )
                )

    async def load(self, drawn: Sequence[Draw]) -> None:
        """Post journals of one transfer as lines, in one batch of the open date."""
        (first, rows) = self.head_seq + 1, [self._row(each) for each in drawn]

        async def source() -> AsyncIterator[Lines]:
            yield lines_of(rows)

        async def accepted(_: object, __: int, outcomes: LineOutcomes) -> None:
            assert (outcomes.status == 1).all(), outcomes.refusals

        writer = BulkWriter(self.pool, self.book.book_id, actor="test:loader")
        await writer.load(source(), accepted)
        for place, row in enumerate(rows):
            assert row.value_date is not None
            self.lines.append(
                Line(
                    seq=first + place,
                    line=0,
                    debit=row.debit,
                    credit=row.credit,
                    amount=row.amount_satang,
                    business_date=self.today,
                    value_date=row.value_date,
                    period=Period.ORDINARY,
                )
            )
        self.head_seq += len(rows)

    def _row(self, drawn: Draw) -> Row:
        journal = self._journal(drawn, self.today)
        (transfer,) = journal.transfers
        return Row(
            journal_id=journal.journal_id,
            debit=transfer.debit,
            credit=transfer.credit,
            amount_satang=transfer.amount_satang,
            value_date=journal.value_date,
        )

    def _journal(self, drawn: Draw, day: date) -> Journal:
        return Journal(
            journal_id=uuid4(),
            kind=JournalKind.MANUAL,
            transfers=tuple(
                Transfer(debit=self.ids[debit], credit=self.ids[credit], amount_satang=amount)
                for debit, credit, amount in drawn.transfers
            ),
            value_date=day - timedelta(days=drawn.valued_ago),
        )

    async def batch(
        self, units: list[Unit], origin: Origin, day: date, period: Period = Period.ORDINARY
    ) -> list[Outcome]:
        """Post units as one batch."""
        async with self.pool.acquire() as connection, connection.transaction():
            return await post_batch(
                connection,
                self.book.book_id,
                units,
                origin=origin,
                business_date=day,
                period=period,
            )

    async def cut(self) -> None:
        """The business date moves on."""
        tomorrow = self.today + timedelta(days=1)
        cut = cut_off_unit(tomorrow, actor="test:clock")
        (outcome,) = await self.batch([cut], Origin.DOORS, self.today)
        self.head_seq = outcome.receipts[-1].recorded_seq
        self.today = tomorrow

    async def prove(self, step: Step) -> None:
        """The night of the oldest open date; an adjustment may land before `prove`."""
        day = self.first_open
        night = Night(pool=self.pool, book_id=self.book.book_id, business_date=day, products={})
        for name, work in STEPS:
            past = day - timedelta(days=step.days_ago - 1)
            if name == PROVE and step.days_ago < 4 and self.adjustable(past):
                await self.post(step.journals, Origin.ADJUST, past)
            await work(night)
        self.proven += 1
        await self.look()

    async def close_may(self) -> None:
        """Close the month that ends the fiscal year, once; its late period begins."""
        if not self.may_closed:
            await close_month(self.pool, self.book, YEAR_END, actor="test:chief-accountant")
            self.may_closed = True
            await self.look()

    async def look(self) -> None:
        """Read the head's number: a night takes some of its own."""
        async with self.pool.acquire() as connection:
            self.head_seq = (await books.read_head(connection, self.book.book_id)).recorded_seq

    def balances(self, on: date, axis: Axis, known_at: int) -> dict[int, AsOf]:
        """Counters of every account, transfer by transfer."""
        found = dict.fromkeys(self.ids, AsOf())
        for line in self.lines:
            if line.seq <= known_at and line.on(axis) <= on:
                debit, credit = found[line.debit], found[line.credit]
                found[line.debit] = AsOf(debits=debit.debits + line.amount, credits=debit.credits)
                found[line.credit] = AsOf(
                    debits=credit.debits, credits=credit.credits + line.amount
                )
        return found

    def trial_balance(self, on: date, known_at: int, through: Period) -> dict[str, tuple[int, int]]:
        """Counters by GL code, transfer by transfer."""
        found: dict[str, tuple[int, int]] = {}
        codes = dict(zip(self.ids, CODES, strict=True))
        for line in self.lines:
            counts = line.business_date < on or (
                line.business_date == on and line.period <= through
            )
            if line.seq <= known_at and counts:
                debits, credited = found.get(codes[line.debit], (0, 0))
                found[codes[line.debit]] = (debits + line.amount, credited)
                debits, credited = found.get(codes[line.credit], (0, 0))
                found[codes[line.credit]] = (debits, credited + line.amount)
        return found

    def statement(self, account: int, axis: Axis, known_at: int) -> Iterator[tuple[Line, int]]:
        """Every line of an account known at a number, in order of the axis, with its amount."""
        seen = [k for k in self.lines if k.seq <= known_at and account in (k.debit, k.credit)]
        for line in sorted(seen, key=lambda k: (k.on(axis), k.seq, k.line)):
            yield line, line.amount if line.credit == account else -line.amount

    @property
    def dates(self) -> list[date]:
        """Every date that a reader could ask for, one beyond both ends."""
        first, last = OPENED_ON - timedelta(days=5), self.today + timedelta(days=1)
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]


async def begin_life(pool: Pool) -> Life:
    """A fresh book of four accounts without limits, whose fiscal year ends on its second day."""
    book_id = next(_BOOK_IDS)
    async with pool.acquire() as connection:
        book = await books.create_book(
            connection,
            book_id=book_id,
            code=f"book-{book_id}",
            name_th="ชุมนุมสหกรณ์",
            name_en="The Facility",
            opened_on=OPENED_ON,
            fiscal_year_start_month=6,
        )
        lines = [GlAccount(gl_code=c, cad_code="", name_th=th, name_en=en) for c, th, en in CHART]
        await books.add_gl_accounts(connection, book_id, lines)
        ids = tuple(await accounts.reserve_ids(connection, len(CODES)))
    life = Life(pool=pool, book=book, ids=ids)
    opened = [
        OpenAccount(
            account=number,
            code=f"ACC-{place}",
            gl_code=gl_code,
            currency="THB",
            name_th=f"ACC-{place}",
            name_en=f"ACC-{place}",
        )
        for place, (number, gl_code) in enumerate(zip(ids, CODES, strict=True))
    ]
    (outcome,) = await life.batch([unit(*opened)], Origin.DOORS, OPENED_ON)
    assert outcome.status is Status.ACCEPTED, outcome
    await life.look()
    return life
