"""A small real book for the proof's tests: everything the ledger can record, at least once.

Three days of a co-operative centre, posted through the posting path: openings, deposits, a
back-dated one, holds placed, captured, released and expired, a freeze, limits, a forced fee beyond
the limit, a reversal, refusals that burn ids, two cut-offs with a night's own posting, and one
proven day with its closings.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from uuid import UUID, uuid4, uuid5

import asyncpg

from ledger import embedded
from ledger.db import Connection
from ledger.kinds import EventKind, JournalKind
from ledger.posting.values import (
    CloseAccount,
    Journal,
    MoveBusinessDate,
    Note,
    OpenAccount,
    Operation,
    Origin,
    Outcome,
    PlaceHold,
    ReleaseHold,
    SetFreeze,
    SetLimits,
    Status,
    Transfer,
    Unit,
)
from ledger.posting.write import post_batch

BOOK = 1
FIRST_DAY = date(2026, 6, 1)
BANK, SAVINGS_A, SAVINGS_B, SHARES, FEES, COSTS, MEMO, GONE = range(101, 109)
CHART = (
    (BANK, "BANK-KTB", "111100", None),
    (SAVINGS_A, "SAV-0001", "211100", 0),
    (SAVINGS_B, "SAV-0002", "211100", 0),
    (SHARES, "SHARES", "311000", None),
    (FEES, "FEES", "431000", None),
    (COSTS, "COSTS", "511000", None),
    (MEMO, "UNDRAWN", "911000", None),
    (GONE, "SAV-0003", "211100", None),
)
_PROVE = """
UPDATE ledger.day SET state = 3, proven_seq = $3, proven_at = clock_timestamp()
WHERE book_id = $1 AND business_date = $2
"""
_SNAPSHOT = """
INSERT INTO ledger.snapshot (book_id, account_id, business_date, debits, credits, batch_no)
SELECT m.book_id, m.account_id, $2, sum(m.debits), sum(m.credits),
    (SELECT h.batch_no FROM ledger.book_head AS h WHERE h.book_id = $1)
FROM ledger.movement AS m
WHERE m.book_id = $1 AND m.business_date <= $2
GROUP BY m.book_id, m.account_id
HAVING bool_or(m.business_date = $2)
"""
_TOTALS = """
INSERT INTO ledger.day_total (book_id, business_date, gl_code, debits, credits)
SELECT m.book_id, $2, a.gl_code, sum(m.debits), sum(m.credits)
FROM ledger.movement AS m
INNER JOIN ledger.account AS a ON a.book_id = m.book_id AND a.account_id = m.account_id
WHERE m.book_id = $1 AND m.business_date <= $2
GROUP BY m.book_id, a.gl_code
"""


def named(name: str) -> UUID:
    """The id of a journal or hold of this book, by a name."""
    return uuid5(UUID(int=2026), name)


def journal(
    name: str, debit: int, credit: int, amount: int, value_date: date | None = None
) -> Journal:
    """A plain journal of one transfer; satang."""
    return Journal(
        journal_id=named(name),
        kind=JournalKind.MANUAL,
        transfers=(Transfer(debit=debit, credit=credit, amount_satang=amount),),
        value_date=value_date,
        reference=name.upper(),
        narrative=f'{name}; "ฝาก" 100% | a:b,c \\ {name}',
    )


async def post(
    connection: Connection,
    *units: Sequence[Operation],
    origin: Origin = Origin.DOORS,
    business_date: date | None = None,
) -> list[Outcome]:
    """Post each group of operations as a unit, all in one batch."""
    asked = [Unit(operations=tuple(operations), actor="somchai") for operations in units]
    async with connection.transaction():
        return await post_batch(connection, BOOK, asked, origin=origin, business_date=business_date)


@asynccontextmanager
async def lived_book(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a database of its own that holds this book, fully lived."""
    name = f"proof_{uuid4().hex}"
    keeper = await asyncpg.connect(server.dsn("postgres"))
    await keeper.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        connection = await asyncpg.connect(server.dsn(name))
        try:
            await make_book(connection)
            await live_three_days(connection)
            yield connection
        finally:
            await connection.close()
    finally:
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


async def make_book(connection: Connection) -> None:
    """An empty book with its chart and its opened accounts."""
    await connection.execute(
        "INSERT INTO ledger.book VALUES ($1, 'cff', 'ชุมนุม', 'Centre', 'THB', 1, NULL, $2)",
        BOOK,
        FIRST_DAY,
    )
    await connection.execute(
        "INSERT INTO ledger.book_head VALUES ($1, 0, 0, $2, $3, $4, 1)",
        BOOK,
        FIRST_DAY,
        date(2026, 1, 1),
        bytes(32),
    )
    await connection.execute(
        "INSERT INTO ledger.day (book_id, business_date, state) VALUES ($1, $2, 1)", BOOK, FIRST_DAY
    )
    for code in sorted({gl_code for _, _, gl_code, _ in CHART}):
        await connection.execute(
            "INSERT INTO ledger.gl_account VALUES ($1, $2, '', 'บัญชี', 'Account')", BOOK, code
        )
    openings = [
        OpenAccount(
            account=number,
            code=code,
            gl_code=gl_code,
            currency="THB",
            name_th=code,
            name_en=code,
            balance_min=lowest,
        )
        for number, code, gl_code, lowest in CHART
    ]
    await post(connection, *([opening] for opening in openings))


async def live_three_days(connection: Connection) -> None:
    """Everything that can be recorded, over three business dates; the first is proven."""
    second = FIRST_DAY + timedelta(days=1)
    await _first_day(connection)
    await post(connection, [MoveBusinessDate(to=second)])
    await post(connection, [journal("early-door", BANK, SAVINGS_A, 1_000)])
    await post(
        connection,
        [ReleaseHold(hold_id=named("expiring"), expired=True)],
        [journal("night-interest", COSTS, SAVINGS_A, 77)],
        origin=Origin.NIGHT,
        business_date=FIRST_DAY,
    )
    await prove(connection, FIRST_DAY)
    await post(
        connection,
        [journal("late", BANK, SAVINGS_B, 5_000, FIRST_DAY)],
        [PlaceHold(hold_id=named("standing"), account=SAVINGS_A, amount_satang=300)],
    )
    await post(connection, [MoveBusinessDate(to=second + timedelta(days=1))])
    await post(connection, [journal("third-day", SAVINGS_B, BANK, 250)])


async def _first_day(connection: Connection) -> None:
    refused = await post(
        connection,
        [
            journal("deposit-a", BANK, SAVINGS_A, 100_000),
            Note(kind=EventKind.MANUAL_JOURNAL_MADE, subject=named("deposit-a"), body={"by": "ก"}),
        ],
        [journal("deposit-b", BANK, SAVINGS_B, 50_000, date(2026, 5, 28))],
        [journal("too-much", SAVINGS_B, BANK, 50_001)],
        [PlaceHold(hold_id=named("captured"), account=SAVINGS_A, amount_satang=40_000)],
        [PlaceHold(hold_id=named("released"), account=SAVINGS_A, amount_satang=500)],
        [
            PlaceHold(
                hold_id=named("expiring"), account=SAVINGS_B, amount_satang=9, expires_on=FIRST_DAY
            )
        ],
    )
    assert [outcome.status for outcome in refused].count(Status.REFUSED) == 1
    capture = Journal(
        journal_id=named("capture"),
        kind=JournalKind.MANUAL,
        transfers=(
            Transfer(debit=SAVINGS_A, credit=BANK, amount_satang=30_000),
            Transfer(debit=SAVINGS_A, credit=FEES, amount_satang=25),
        ),
        hold_id=named("captured"),
    )
    await post(
        connection,
        [capture],
        [ReleaseHold(hold_id=named("released"))],
        [journal("shares", BANK, SHARES, 7_000_000)],
        [journal("mistake", SHARES, BANK, 12)],
        [journal("memo", MEMO, GONE, 5)],
    )
    back = Journal(
        journal_id=named("mistake-back"),
        kind=JournalKind.REVERSAL,
        transfers=(Transfer(debit=BANK, credit=SHARES, amount_satang=12),),
        reverses=named("mistake"),
    )
    forced = Journal(
        journal_id=named("forced-fee"),
        kind=JournalKind.MANUAL,
        transfers=(Transfer(debit=SAVINGS_B, credit=FEES, amount_satang=50_100),),
        may_exceed_limit=True,
    )
    await post(
        connection,
        [back],
        [forced],
        [SetLimits(account=SHARES, balance_min=0, balance_max=10_000_000)],
        [SetFreeze(account=SAVINGS_B, debits=True, credits=False)],
        [journal("frozen", SAVINGS_B, BANK, 1)],
        [SetFreeze(account=SAVINGS_B, debits=False, credits=False)],
        [journal("memo-back", GONE, MEMO, 5)],
        [CloseAccount(account=GONE)],
    )


async def prove(connection: Connection, day: date) -> None:
    """Write a day's closings of this book and prove it."""
    await prove_day(connection, BOOK, day)


async def prove_day(connection: Connection, book_id: int, day: date) -> None:
    """Write a day's closings and prove it, as the last steps of its night do."""
    note = Note(kind=EventKind.DAY_PROVEN, body={"business_date": day})
    unit = Unit(operations=(note,), actor="night")
    async with connection.transaction():
        await connection.execute(_SNAPSHOT, book_id, day)
        await connection.execute(_TOTALS, book_id, day)
        outcomes = await post_batch(
            connection, book_id, [unit], origin=Origin.NIGHT, business_date=day
        )
        seq = outcomes[0].receipts[0].recorded_seq
        await connection.execute(_PROVE, book_id, day, seq)
