"""The last steps of a night: `snapshot_balances` and `prove`.

`snapshot_balances` writes the closing counters of the accounts that moved on the date. `prove` adds
the date up from independent sides: debits against credits, contracts against their control account,
accrued and not credited against accrued payable, snapshots against today's counters, chunks against
the list they should be. Only when all agree the date is closed, with its trial balance kept as
control totals; else the date stays open and every difference is named.

Adjustments of the date may come at any moment, so a snapshot says which batches it includes, and
the control totals are those known at the number that proves the date.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import ensure
from ledger.kinds import EventKind
from ledger.posting.read import take_head
from ledger.posting.values import Note, Unit
from products.accrual import ACCRUE, CAPITALISE, capitalisation_chunks
from products.day_opening import CUT_OFF, EXPIRE_HOLDS, RESOLVE_RATES
from products.late_postings import CORRECT, late_chunks
from products.maturing import MATURE, left_unpaid, mature_chunks
from products.night import (
    ACTOR,
    ChunkResult,
    DayNotProven,
    Night,
    Retry,
    contract_chunks,
    differs,
    finished_chunks,
    keeping_open,
    post_own,
    run_chunk,
)

_SQL = statements(Path(__file__).parent / "sql" / "day_closing.sql")

SNAPSHOT_BALANCES = "snapshot_balances"
PROVE = "prove"

_SHOWN = 20
"""So many differences are spelled out; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChunk:
    """Accounts that moved on the date: `first` <= account_id <= `last`."""

    number: int
    first: int
    last: int
    accounts: int


async def snapshot_balances(night: Night) -> None:
    """Write the closing counters of every account that moved on the date.

    Raises `DayNotProven` while a refusal keeps the day open: what is still to be posted on the
    date would come after its own snapshot.
    """
    _stop_if(await _refusals(night), night)
    chunks = await account_chunks(night)
    for chunk in chunks:
        work = partial(_snapshot_chunk, night, chunk)
        await run_chunk(night, SNAPSHOT_BALANCES, chunk.number, len(chunks), work)


async def account_chunks(night: Night) -> list[AccountChunk]:
    """The accounts that moved on the date, in chunks; frozen once the steps before are done."""
    rows = await night.pool.fetch(
        _SQL["account_chunks"], night.book_id, night.business_date, night.sizes.contracts
    )
    return [AccountChunk(number=number, **dict(row)) for number, row in enumerate(rows)]


async def prove(night: Night) -> None:
    """Close the date if everything adds up. Raises `DayNotProven` naming what does not."""
    # The number of the newest batch is read first: what it misses is looked for under the head.
    upto = await night.pool.fetchval(_SQL["newest_batch"], night.book_id)
    totals = await night.pool.fetch(_SQL["trial_balance"], night.book_id, night.business_date)
    _stop_if(await _differences(night, totals), night)
    await run_chunk(night, PROVE, 0, 1, partial(_close_day, night, totals, upto))


async def _snapshot_chunk(
    night: Night, chunk: AccountChunk, connection: Connection, _: Retry | None
) -> ChunkResult:
    written = await connection.fetchval(
        _SQL["snapshot_chunk"], night.book_id, night.business_date, chunk.first, chunk.last
    )
    ensure(
        written == chunk.accounts,
        f"snapshot of {night.business_date}, chunk {chunk.number}: {written} accounts written, "
        f"{chunk.accounts} moved",
    )
    return ChunkResult(contracts=written)


async def _close_day(
    night: Night, totals: list[asyncpg.Record], upto: int, connection: Connection, _: Retry | None
) -> ChunkResult:
    # Under the head nothing more can come: an adjustment that overtook the totals is added now.
    await take_head(connection, night.book_id)
    place = (night.book_id, night.business_date)
    if await connection.fetchval(_SQL["came_since"], *place, upto):
        totals = await connection.fetch(_SQL["trial_balance"], *place)
        _stop_if(list(_unbalanced(totals)), night)
    debits = sum(int(row["debits"]) for row in totals)
    note = Note(
        kind=EventKind.DAY_PROVEN,
        body={
            "business_date": night.business_date.isoformat(),
            "debits_satang": debits,
            "credits_satang": sum(int(row["credits"]) for row in totals),
            "gl_codes": len(totals),
        },
    )
    unit = Unit(operations=(note,), actor=ACTOR, reason="the night added up")
    outcome = await post_own(connection, night, unit, "the closing")
    seq = outcome.receipts[0].recorded_seq
    # After the batch, not as its row writes: the guard on batches refuses a day that is closed.
    closed = await connection.fetchval(_SQL["close_day"], night.book_id, night.business_date, seq)
    ensure(closed == seq, f"day {night.business_date} of book {night.book_id} was not cut off")
    await connection.execute(
        _SQL["keep_totals"],
        night.book_id,
        night.business_date,
        [row["gl_code"] for row in totals],
        [row["debits"] for row in totals],
        [row["credits"] for row in totals],
    )
    return ChunkResult(contracts=len(totals), amount_satang=0)


def _stop_if(problems: list[str], night: Night) -> None:
    if problems:
        shown = problems[:_SHOWN]
        more = len(problems) - len(shown)
        tail = f"; and {more} more" if more else ""
        raise DayNotProven(
            f"{night.business_date} stays open: {'; '.join(shown)}{tail}. Mend this and run "
            "end-of-day again; doors go on meanwhile"
        )


async def _refusals(night: Night) -> list[str]:
    """Refusals that keep the day open, in words."""
    done = await finished_chunks(night.pool, night.book_id, night.business_date)
    return await keeping_open(
        night.pool,
        night.book_id,
        [(step, each) for (step, _), result in done.items() for each in result.refused],
    )


async def _differences(night: Night, totals: list[asyncpg.Record]) -> list[str]:
    """Everything that does not add up on the date."""
    async with night.pool.acquire() as connection:
        problems = await _refusals(night)
        problems += await _unfinished(night)
        due = await connection.fetchval(_SQL["due_holds"], night.book_id, night.business_date)
        if due:
            problems.append(f"{due} holds past their last day are open")
        problems += list(_unbalanced(totals))
        problems += await left_unpaid(connection, night)
        for question, what in (
            ("control_accounts", "contracts against GL control"),
            ("accrued_payable", "accrued and not credited against accrued payable account"),
            ("snapshots", "snapshot against counters of account"),
        ):
            rows = await connection.fetch(_SQL[question], night.book_id, night.business_date)
            problems += [differs(f"{what} {r['name']}", r["ours"], r["ledger"]) for r in rows]
    return problems


def _unbalanced(totals: list[asyncpg.Record]) -> Iterator[str]:
    debits = sum(int(row["debits"]) for row in totals)
    credited = sum(int(row["credits"]) for row in totals)
    if debits != credited:
        yield differs("debits against credits", debits, credited)


async def _unfinished(night: Night) -> list[str]:
    """Chunks that should have a row and have none, or whose row counts other contracts."""
    expected: dict[tuple[str, int], int | None] = {
        (step, 0): None for step in (CUT_OFF, EXPIRE_HOLDS, RESOLVE_RATES)
    }
    for due in await mature_chunks(night):
        expected[MATURE, due.number] = due.contracts
    for late in await late_chunks(night):
        expected[CORRECT, late.number] = len(late.contracts)
    for chunk in await contract_chunks(night, night.sizes.contracts):
        expected[ACCRUE, chunk.number] = chunk.contracts
    for chunk in await capitalisation_chunks(night):
        expected[CAPITALISE, chunk.number] = chunk.contracts
    for moved in await account_chunks(night):
        expected[SNAPSHOT_BALANCES, moved.number] = moved.accounts
    done = await finished_chunks(night.pool, night.book_id, night.business_date)
    problems = []
    for (step, number), contracts in expected.items():
        result = done.get((step, number))
        if result is None:
            problems.append(f"chunk {number} of {step} has not run")
        elif contracts is not None and result.contracts != contracts:
            problems.append(
                f"chunk {number} of {step} did {result.contracts}, {contracts} were expected"
            )
    return problems
