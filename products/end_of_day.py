"""The night: every step of closing a business date, in order, in one visible tuple.

The night never closes the doors: once the date is cut off they post on the next one, while the
night of D reads business dates up to D in whatever order they were recorded. A date is proven only
after the one before it; missed nights run in order and give what they would have given on time.
Killed anywhere, a night that is run again finds its finished chunks and goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ledger.books import Book
from ledger.days import DayState
from ledger.db import Pool, statements, translated
from ledger.errors import NotFound
from ledger.evidence.keys import KeyFile
from products.accrual import ACCRUE, CAPITALISE, accrue, capitalise
from products.catalogue import load_products
from products.day_closing import PROVE, SNAPSHOT_BALANCES, prove, snapshot_balances
from products.day_opening import (
    CUT_OFF,
    EXPIRE_HOLDS,
    RESOLVE_RATES,
    cut_off,
    expire_holds,
    resolve_rates,
)
from products.late_postings import CORRECT, correct_late
from products.maturing import MATURE, mature
from products.night import (
    USUAL_SIZES,
    ChunkSizes,
    DayNotProven,
    Night,
    NightRunning,
    Progress,
    RefusedContract,
    Say,
    finished_chunks,
    only_night,
)
from products.night_report import ProductReport, product_reports
from products.sealing import SEAL, seal, seal_left_over

__all__ = [
    "STEPS",
    "ChunkSizes",
    "DayNotProven",
    "DayReport",
    "NightRunning",
    "ProductReport",
    "Progress",
    "Say",
    "StepReport",
    "read_report",
    "run_day",
    "run_missed",
]

_SQL = statements(Path(__file__).parent / "sql" / "night.sql")

Step = Callable[[Night], Awaitable[None]]

# What moves a balance with value date D stands before `accrue`; only crediting stands after it.
STEPS: tuple[tuple[str, Step], ...] = (
    (CUT_OFF, cut_off),
    (EXPIRE_HOLDS, expire_holds),
    (MATURE, mature),
    (RESOLVE_RATES, resolve_rates),
    (CORRECT, correct_late),
    (ACCRUE, accrue),
    (CAPITALISE, capitalise),
    (SNAPSHOT_BALANCES, snapshot_balances),
    (PROVE, prove),
    (SEAL, seal),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """Sums of a step's chunk rows. `contracts` counts holds or accounts where the step has those.

    amount_satang: holds given back, interest accrued, corrected or credited, by the step.
    """

    step: str
    chunks: int
    contracts: int
    amount_satang: int
    refused: tuple[RefusedContract, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport:
    """What the night of a proven date did, from its rows: the same however often it ran."""

    business_date: date
    proven_seq: int
    steps: tuple[StepReport, ...]
    products: tuple[ProductReport, ...]

    def step(self, name: str) -> StepReport:
        """The sums of one step."""
        return next(report for report in self.steps if report.step == name)

    @property
    def interest_satang(self) -> int:
        """Interest expense of the date: accrued, and what late postings changed."""
        return self.step(ACCRUE).amount_satang + self.step(CORRECT).amount_satang


async def run_day(
    pool: Pool,
    book: Book,
    business_date: date,
    *,
    say: Say | None = None,
    sizes: ChunkSizes = USUAL_SIZES,
    seal_key: KeyFile | None = None,
) -> DayReport:
    """Run (or resume, or only report) the night of one date.

    Raises `DayNotProven` when an earlier date is not proven or the date does not add up,
    `NightRunning` while another process runs one, `NotFound` when the book never stood on the date
    or a rate is missing, and `DatabaseUnavailable` when the server goes away: what was finished
    stays, run it again.
    """
    async with translated():
        day = await pool.fetchrow(_SQL["day"], book.book_id, business_date)
        if day is None:
            raise NotFound("business date", f"{business_date.isoformat()} in book {book.code}")
        if day["state"] != DayState.PROVEN:
            await _refuse_out_of_order(pool, book, business_date)
            async with pool.acquire() as connection:
                products = await load_products(connection, book.book_id)
            night = Night(
                pool=pool,
                book_id=book.book_id,
                business_date=business_date,
                products=products,
                say=say,
                sizes=sizes,
                seal_key=seal_key,
            )
            async with only_night(pool, book.book_id):
                for _, step in STEPS:
                    await step(night)
        return await read_report(pool, book, business_date)


async def run_missed(
    pool: Pool,
    book: Book,
    *,
    through: date | None = None,
    say: Say | None = None,
    sizes: ChunkSizes = USUAL_SIZES,
    seal_key: KeyFile | None = None,
) -> list[DayReport]:
    """Run the night of every date that is not proven, oldest first.

    through:  the last date to close, which may be the one that is still open (or later ones: each
              is cut off in turn). None = every date that was cut off already.
    seal_key: what proven days are sealed with, those of earlier runs too; None = no seals.
    """
    reports: list[DayReport] = []
    async with translated():
        while (following := await _next_to_run(pool, book, through)) is not None:
            reports.append(
                await run_day(pool, book, following, say=say, sizes=sizes, seal_key=seal_key)
            )
        if seal_key is not None:
            await seal_left_over(pool, book.book_id, seal_key)
    return reports


async def read_report(pool: Pool, book: Book, business_date: date) -> DayReport:
    """The report of a proven date. Raises `NotFound` when it is not proven."""
    day = await pool.fetchrow(_SQL["day"], book.book_id, business_date)
    if day is None or day["state"] != DayState.PROVEN:
        raise NotFound("proven business date", f"{business_date.isoformat()} in book {book.code}")
    done = await finished_chunks(pool, book.book_id, business_date)
    return DayReport(
        business_date=business_date,
        proven_seq=day["proven_seq"],
        steps=tuple(
            StepReport(
                step=name,
                chunks=sum(1 for step, _ in done if step == name),
                contracts=sum(r.contracts for (step, _), r in done.items() if step == name),
                amount_satang=sum(r.amount_satang for (step, _), r in done.items() if step == name),
                refused=tuple(
                    entry for (step, _), r in done.items() if step == name for entry in r.refused
                ),
            )
            for name, _ in STEPS
        ),
        products=await product_reports(pool, book.book_id, business_date, done),
    )


async def _next_to_run(pool: Pool, book: Book, through: date | None) -> date | None:
    """The oldest date to run; dates after the open one appear as each is cut off."""
    row = await pool.fetchrow(_SQL["days_to_run"], book.book_id)
    if row is None:
        return None
    oldest: date = row["business_date"]
    wanted = row["state"] == DayState.CUT_OFF if through is None else oldest <= through
    return oldest if wanted else None


async def _refuse_out_of_order(pool: Pool, book: Book, business_date: date) -> None:
    earlier = await pool.fetchval(_SQL["earlier_unproven"], book.book_id, business_date)
    if earlier is not None:
        raise DayNotProven(
            f"{business_date} waits for {earlier}, which is not proven: run the nights in order"
        )
