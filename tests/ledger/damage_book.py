"""A book in which every table of the ledger has rows: for the proof of what can be damaged.

Three business dates around a year's end: holds in every state, freezes that thaw, limits planned,
set and called off, a forced journal, an adjustment of a proven day, back-dated postings on a
limited account, an account closed and opened again, proposals, a key, money from another book, days
proven and sealed, a month closed, opened again and closed, a year in its late period, closed,
opened again and closed; a load of lines, in one large batch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4, uuid5

import asyncpg

from ledger import books, embedded, finding, manual
from ledger.books import Book, GlAccount
from ledger.cut_off import end_business_date
from ledger.db import Connection, Pool, open_pool
from ledger.evidence.keys import KeyFile
from ledger.evidence.seals import days_to_seal, seal_day
from ledger.kinds import EventKind, JournalKind
from ledger.limits import cancel_plan, plan_limits
from ledger.periods.months import close_month, reopen_month
from ledger.periods.years import close_year, reopen_year
from ledger.posting.across import post_across
from ledger.posting.bulk import BulkWriter
from ledger.posting.lines import Lines
from ledger.posting.marks import EVERY
from ledger.posting.outcomes import LineOutcomes
from ledger.posting.values import (
    CloseAccount,
    IdempotencyKey,
    Journal,
    Note,
    OpenAccount,
    Operation,
    Origin,
    Outcome,
    Period,
    PlaceHold,
    ReleaseHold,
    ReopenAccount,
    SetFreeze,
    SetLimits,
    Status,
    Transfer,
    Unit,
)
from ledger.posting.write import post_batch
from tests.ledger.bulk.rows import Row, lines_of
from tests.ledger.proof_book import prove_day

BOOK, SISTER = 1, 2
FIRST, LAST, NEW_YEAR = date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 1)
AT = datetime(2026, 1, 1, 9, tzinfo=UTC)
ACCOUNTS = {
    "BANK": ("111100", None),
    "SAV-A": ("211100", 0),
    "SAV-B": ("211100", 0),
    "SAV-C": ("211100", 0),
    "GONE": ("211100", 0),
    "RESULT": ("341100", None),
    "FEES": ("431100", None),
    "COSTS": ("511100", None),
}
NUMBERS = {code: 201 + place for place, code in enumerate(ACCOUNTS)}
CHIEF, CLERK = "facility:chief", "facility:clerk"


def named(name: str) -> UUID:
    """The id of a journal or hold of this book, by a name."""
    return uuid5(UUID(int=2025), name)


def journal(name: str, debit: str, credit: str, amount: int, **more: object) -> Journal:
    """A journal of one transfer between accounts by code; `more` are fields of `Journal`."""
    transfer = Transfer(debit=NUMBERS[debit], credit=NUMBERS[credit], amount_satang=amount)
    fields: dict[str, object] = {"kind": JournalKind.MANUAL, "reference": name.upper()} | more
    return Journal(journal_id=named(name), transfers=(transfer,), **fields)  # type: ignore[arg-type]  # fields by name


def reversal(name: str, of: Journal) -> Journal:
    """The journal that mirrors another."""
    mirrored = tuple(
        Transfer(debit=t.credit, credit=t.debit, amount_satang=t.amount_satang)
        for t in of.transfers
    )
    kind = JournalKind.REVERSAL
    return Journal(journal_id=named(name), kind=kind, transfers=mirrored, reverses=of.journal_id)


def forced(made: Journal) -> list[Operation]:
    """A forced journal with the note that says so."""
    note = Note(kind=EventKind.JOURNAL_FORCED, subject=made.journal_id, body={"by": CHIEF})
    return [made, note]


class Keeper:
    """Posts to the book and insists that everything is accepted."""

    def __init__(self, pool: Pool, book: Book, folder: Path) -> None:
        self.pool = pool
        self.book = book
        self._key = KeyFile(path=folder / "seal-key.pem", say=lambda _: None)

    async def units(
        self,
        *units: Unit,
        origin: Origin = Origin.DOORS,
        on: date | None = None,
        period: Period = Period.ORDINARY,
        refused: int = 0,
    ) -> list[Outcome]:
        """Post units as one batch; so many of them are to be refused."""
        async with self.pool.acquire() as connection, connection.transaction():
            outcomes = await post_batch(
                connection, BOOK, units, origin=origin, business_date=on, period=period
            )
        wrong = [outcome for outcome in outcomes if outcome.status is not Status.ACCEPTED]
        assert len(wrong) == refused, wrong
        return outcomes

    async def post(self, *groups: Sequence[Operation], reason: str = "", **more: object) -> None:
        """Post each group of operations as a unit, all in one batch."""
        asked = [
            Unit(operations=tuple(operations), actor=CLERK, reason=reason) for operations in groups
        ]
        await self.units(*asked, **more)  # type: ignore[arg-type]  # arguments of `units` by name

    async def end_day(self, day: date) -> None:
        """Cut the date off: what waits for the next one takes effect."""
        async with self.pool.acquire() as connection, connection.transaction():
            ended = await end_business_date(
                connection, BOOK, day, actor="system:clock", origin=Origin.NIGHT
            )
        assert ended

    async def prove_and_seal(self, day: date) -> None:
        """The last steps of a night: closings, proof, seal."""
        async with self.pool.acquire() as connection:
            await prove_day(connection, BOOK, day)
            signer = await self._key.signer(connection)
        for each in await days_to_seal(self.pool, BOOK):
            await seal_day(self.pool, each, signer, actor="night")


@asynccontextmanager
async def whole_book(
    server: embedded.Lease, template: str, folder: Path
) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a database of its own that holds this book, fully lived."""
    name = f"damage_{uuid4().hex}"
    keeper = await asyncpg.connect(server.dsn("postgres"))
    await keeper.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    pool = await open_pool(server.dsn(name))
    try:
        await live(await _open(pool, folder))
        connection = await asyncpg.connect(server.dsn(name))
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        await pool.close()
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


async def _open(pool: Pool, folder: Path) -> Keeper:
    async with pool.acquire() as connection:
        made = [
            await _make_book(connection, number, code)
            for number, code in ((BOOK, "centre"), (SISTER, "sister"))
        ]
    return Keeper(pool, made[0], folder)


async def _make_book(connection: Connection, number: int, code: str) -> Book:
    book = await books.create_book(
        connection, book_id=number, code=code, name_th="-", name_en="-", opened_on=FIRST
    )
    codes = sorted({gl_code for gl_code, _ in ACCOUNTS.values()})
    chart = [GlAccount(gl_code=each, cad_code="", name_th="-", name_en="-") for each in codes]
    await books.add_gl_accounts(connection, number, chart)
    openings = [
        OpenAccount(
            account=NUMBERS[code],
            code=code,
            gl_code=gl_code,
            currency="THB",
            name_th="-",
            name_en="-",
            balance_min=lowest,
        )
        for code, (gl_code, lowest) in ACCOUNTS.items()
    ]
    unit = Unit(operations=tuple(openings), actor=CLERK)
    async with connection.transaction():
        await post_batch(connection, number, [unit], origin=Origin.DOORS)
    return book


async def live(keeper: Keeper) -> None:
    """Everything that can be recorded."""
    await _first_day(keeper)
    await keeper.end_day(FIRST)
    release = [ReleaseHold(hold_id=named("expiring"), expired=True)]
    await keeper.post(release, origin=Origin.NIGHT, on=FIRST)
    await keeper.prove_and_seal(FIRST)
    await _last_day(keeper)
    await keeper.end_day(LAST)
    await keeper.post(
        [journal("night-interest", "COSTS", "SAV-A", 77)], origin=Origin.NIGHT, on=LAST
    )
    await keeper.prove_and_seal(LAST)
    await _close_the_year(keeper)
    await finding.catch_up(keeper.pool, BOOK)
    await keeper.post([journal("new-year", "BANK", "SAV-C", 1_000)])


async def _first_day(keeper: Keeper) -> None:
    key = IdempotencyKey(client="till", key="k-1", request_hash=bytes(32))
    deposit = journal("deposit", "BANK", "SAV-A", 100_000)
    too_much = Unit(operations=(journal("too-much", "SAV-B", "BANK", 99_999),), actor=CLERK)
    await keeper.units(
        Unit(operations=(deposit,), actor=CLERK, key=key, answer=lambda _: '{"ok":true}'),
        too_much,
        refused=1,
    )
    await keeper.post(
        [journal("early", "BANK", "SAV-B", 50_000, value_date=date(2025, 12, 1))],
        [journal("later", "BANK", "SAV-B", 10_000)],
        [journal("fee", "SAV-A", "FEES", 25)],
        [journal("closing-balance", "BANK", "GONE", 5_000)],
        [PlaceHold(hold_id=named("captured"), account=NUMBERS["SAV-A"], amount_satang=400)],
        [PlaceHold(hold_id=named("released"), account=NUMBERS["SAV-A"], amount_satang=500)],
        [PlaceHold(hold_id=named("standing"), account=NUMBERS["SAV-A"], amount_satang=600)],
        [
            PlaceHold(
                hold_id=named("expiring"),
                account=NUMBERS["SAV-B"],
                amount_satang=9,
                expires_on=FIRST,
            )
        ],
        [SetFreeze(account=NUMBERS["SAV-C"], debits=True, credits=False, until=FIRST)],
        [SetFreeze(account=NUMBERS["SAV-B"], debits=False, credits=True, until=LAST)],
        [SetLimits(account=NUMBERS["SAV-C"], balance_min=0, balance_max=10_000_000)],
    )
    await keeper.post(
        [journal("capture", "SAV-A", "BANK", 399, hold_id=named("captured"))],
        [ReleaseHold(hold_id=named("released"))],
    )
    await keeper.post(
        forced(journal("forced-fee", "SAV-C", "FEES", 70, forced=True)), reason="court order"
    )
    await _plans(keeper)


async def _plans(keeper: Keeper) -> None:
    outcomes: list[Outcome] = []
    for code, on in (("SAV-A", LAST), ("SAV-B", NEW_YEAR), ("SAV-A", date(2026, 2, 1))):
        async with keeper.pool.acquire() as connection:
            unit = await plan_limits(
                connection,
                BOOK,
                code,
                effective_on=on,
                balance_min=-5_000,
                balance_max=None,
                actor=CHIEF,
                reason="overdraft",
            )
        outcomes = await keeper.units(unit)
    called_off = outcomes[0].receipts[0].recorded_seq
    async with keeper.pool.acquire() as connection:
        unit = await cancel_plan(
            connection, BOOK, "SAV-A", called_off, actor=CHIEF, reason="not wanted"
        )
    await keeper.units(unit)


async def _last_day(keeper: Keeper) -> None:
    mistake = journal("mistake", "BANK", "SAV-A", 12)
    await keeper.post([mistake], [journal("costs", "COSTS", "BANK", 333)])
    await keeper.post(
        [reversal("mistake-back", mistake)],
        # The lowest balance since 30 December is what stands in the way of more than this.
        [journal("back-dated", "SAV-A", "BANK", 90_000, value_date=FIRST)],
    )
    adjustment = journal(
        "adjustment", "COSTS", "BANK", 44, kind=JournalKind.ADJUSTMENT, adjusts=named("fee")
    )
    await keeper.post([adjustment], origin=Origin.ADJUST, on=FIRST)
    swept = journal("swept", "GONE", "BANK", 5_000)
    gone = NUMBERS["GONE"]
    await keeper.post([swept, CloseAccount(account=gone, settled_by=(swept.journal_id,))])
    await keeper.post([ReopenAccount(account=gone), reversal("swept-back", swept)])
    again = journal("swept-again", "GONE", "BANK", 5_000)
    await keeper.post([again, CloseAccount(account=gone, settled_by=(again.journal_id,))])
    await _proposals(keeper)
    await _load(keeper)
    half = journal("to-the-sister", "SAV-A", "BANK", 150)
    async with keeper.pool.acquire() as connection, connection.transaction():
        mirror = journal("to-the-sister", "BANK", "SAV-A", 150)
        halves = [
            (BOOK, Unit(operations=(half,), actor=CLERK)),
            (SISTER, Unit(operations=(mirror,), actor=CLERK)),
        ]
        outcomes = await post_across(connection, halves)
    assert all(outcome.status is Status.ACCEPTED for outcome in outcomes), outcomes


async def _load(keeper: Keeper) -> None:
    """So many lines in one batch that it is marked."""
    costs, bank = NUMBERS["COSTS"], NUMBERS["BANK"]
    rows = [Row(named(f"line-{place}"), costs, bank, 1 + place % 7) for place in range(EVERY + 2)]

    async def source() -> AsyncIterator[Lines]:
        yield lines_of(rows)

    async def accepted(_: object, __: int, outcomes: LineOutcomes) -> None:
        assert (outcomes.status == 1).all(), outcomes.refusals

    await BulkWriter(keeper.pool, BOOK, actor=CLERK).load(source(), accepted)


async def _proposals(keeper: Keeper) -> None:
    proposed = [journal("approved", "COSTS", "BANK", 61), journal("rejected", "COSTS", "BANK", 62)]
    waiting = journal("waiting", "COSTS", "BANK", 63)
    for each in (*proposed, waiting):
        await keeper.units(
            manual.propose(BOOK, each, maker=CLERK, at=AT, reason="as the slip says")
        )
    async with keeper.pool.acquire() as connection:
        good, bad = [await manual.get(connection, BOOK, each.journal_id) for each in proposed]
    await keeper.units(
        manual.approval(BOOK, good, checker=CHIEF, at=AT),
        manual.rejection(BOOK, bad, checker=CHIEF, at=AT, reason="no slip"),
    )


async def _close_the_year(keeper: Keeper) -> None:
    pool, book = keeper.pool, keeper.book
    await close_month(pool, book, LAST, actor=CHIEF)
    await reopen_month(pool, book, LAST, actor=CHIEF, reason="an invoice of December")
    invoice = journal("invoice", "COSTS", "BANK", 1_234, kind=JournalKind.ADJUSTMENT)
    await keeper.post([invoice], origin=Origin.ADJUST, on=LAST)
    await close_month(pool, book, LAST, actor=CHIEF)
    audit = journal("audit", "COSTS", "BANK", 5, kind=JournalKind.ADJUSTMENT)
    await keeper.post([audit], origin=Origin.ADJUST, on=LAST, period=Period.LATE)
    await close_year(pool, book, 2025, actor=CHIEF)
    await reopen_year(pool, book, 2025, actor=CHIEF, reason="the auditor found more")
    more = journal("audit-more", "COSTS", "BANK", 6, kind=JournalKind.ADJUSTMENT)
    await keeper.post([more], origin=Origin.ADJUST, on=LAST, period=Period.LATE)
    await close_year(pool, book, 2025, actor=CHIEF)
