"""What every step of the night shares: its frame, its chunks, their rows, its way to post.

A step is a list of chunks; a chunk is one transaction and one row of `products.night_chunk`. A
chunk whose row is there is skipped, so a killed night resumes; one whose row names refusals that
keep the day open is run again for just those. One night runs at a time (`only_night`); should the
connection that says so be lost, a second one is harmless still: a chunk takes a lock of its own,
and only one of them finds it undone.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import CONNECTION_LOST, Connection, Pool, statements, transaction
from ledger.errors import CffError
from ledger.evidence.keys import KeyFile
from ledger.money import format_baht
from ledger.posting.ids import attempts, event_id, journal_id
from ledger.posting.values import Journal, Origin, Outcome, Status, Unit
from ledger.posting.write import post_batch
from products.catalogue import Product

_SQL = statements(Path(__file__).parent / "sql" / "night.sql")

ACTOR = "system:end-of-day"
FREEZES = frozenset({"account_frozen_debit", "account_frozen_credit"})
"""Refusals that do not keep a day open: the interest waits in accrued payable."""


class DayNotProven(CffError):  # noqa: N818
    """The night cannot close its date. The day stays open, doors go on; the message says why."""

    code = "day_not_proven"


class NightRunning(CffError):  # noqa: N818
    """Another process runs a night of this book; wait for it, nothing was done here."""

    code = "night_is_running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One chunk is done: for a progress bar. `chunk` counts from 1 to `chunks`."""

    business_date: date
    step: str
    chunk: int
    chunks: int


Say = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSizes:
    """How much one transaction takes; a night must be resumed with the sizes that it began with.

    contracts: contracts (or accounts) of a chunk that posts one journal for all of them, or none.
    journals:  contracts (or holds) of a chunk that posts something for each.
    """

    contracts: int = 5_000
    journals: int = 250


USUAL_SIZES = ChunkSizes()
"""So large that a million contracts are 200 transactions, so small that a door hardly waits: what
posts a journal for each contract holds the book's head for about 50 ms."""


def night_event(book_id: int, business_date: date, *parts: str | int | date | UUID) -> UUID:
    """Id of an event of a night; the same in every run of it, and for whoever asks later."""
    return event_id(book_id, "night", business_date, *parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """The night of one book and business date; `products` by code; no seal without its key."""

    pool: Pool
    book_id: int
    business_date: date
    products: Mapping[str, Product]
    say: Say | None = None
    sizes: ChunkSizes = USUAL_SIZES
    seal_key: KeyFile | None = None

    def event(self, *parts: str | int | date | UUID) -> UUID:
        """Id of an event of this night; the same in every run of it."""
        return night_event(self.book_id, self.business_date, *parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedContract:
    """A contract that a chunk could not post for, with the refusal's code."""

    contract_id: UUID
    code: str
    keeps_day_open: bool

    @classmethod
    def of(cls, contract_id: UUID, outcome: Outcome) -> RefusedContract:
        """From the outcome of the contract's unit; only freezes let the day close."""
        code = outcome.refusal.code if outcome.refusal is not None else outcome.status.value
        return cls(contract_id=contract_id, code=code, keeps_day_open=code not in FREEZES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Contracts of one product by key: `first` <= contract_id < `stop`."""

    product_code: str
    first: UUID
    stop: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkResult:
    """What one transaction of the night did: contracts (or accounts, holds), satang, refusals.

    bounds: of a chunk that took the contracts of one product by key; None for others.
    """

    contracts: int = 0
    amount_satang: int = 0
    refused: tuple[RefusedContract, ...] = ()
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A chunk that ran before and left refusals that keep the day open."""

    contract_ids: tuple[UUID, ...]
    before: ChunkResult


Work = Callable[[Connection, Retry | None], Awaitable[ChunkResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractChunk:
    """Contracts of one product by key: `first` <= contract_id < `stop`."""

    number: int
    product_code: str
    first: UUID
    stop: UUID
    contracts: int

    @property
    def bounds(self) -> Bounds:
        """Which contracts it takes."""
        return Bounds(product_code=self.product_code, first=self.first, stop=self.stop)


async def contract_chunks(night: Night, size: int) -> list[ContractChunk]:
    """The date's contracts in key order, product by product; the same list in every run."""
    rows = await night.pool.fetch(_SQL["contract_chunks"], night.book_id, night.business_date, size)
    return [ContractChunk(number=number, **dict(row)) for number, row in enumerate(rows)]


async def same_chunks(night: Night, step: str, chunks: Sequence[ContractChunk]) -> None:
    """Refuse to go on with a step that was cut into other chunks: contracts would count twice.

    Raises `DayNotProven` naming the first chunk that is recorded otherwise.
    """
    done = await finished_chunks(night.pool, night.book_id, night.business_date)
    for chunk in chunks:
        before = done.get((step, chunk.number))
        if before is not None and before.bounds != chunk.bounds:
            raise DayNotProven(
                f"{step} of {night.business_date} was begun with chunks of other sizes: chunk "
                f"{chunk.number} took {before.contracts} contracts and would take "
                f"{chunk.contracts}. Run end-of-day again with the sizes it began with"
            )


@asynccontextmanager
async def only_night(pool: Pool, book_id: int) -> AsyncIterator[None]:
    """Be the only night of the book; a connection of its own holds the lock and dies with us.

    Raises `NightRunning` at once when another one holds it.
    """
    async with pool.acquire() as connection:
        if not await connection.fetchval(_SQL["begin_night"], book_id):
            raise NightRunning(f"a night of book {book_id} is running already: wait for it")
        try:
            yield
        finally:
            # A connection that was lost took the lock with it; why it was lost is told already.
            with suppress(asyncpg.PostgresError, *CONNECTION_LOST):
                await connection.execute(_SQL["end_night"], book_id)


@asynccontextmanager
async def chunk_transaction(night: Night) -> AsyncIterator[Connection]:
    """A transaction of this night; should there be two of a book, one waits here."""
    async with transaction(night.pool, ACTOR) as connection:
        await connection.execute(_SQL["chunk_lock"], night.book_id)
        yield connection


async def run_chunk(night: Night, step: str, number: int, of: int, work: Work) -> None:
    """Run one chunk unless its row says that it is done; then tell whoever watches."""
    async with chunk_transaction(night) as connection:
        before = await _recorded(connection, night, step, number)
        waiting = tuple(r.contract_id for r in before.refused if r.keeps_day_open) if before else ()
        if before is None or waiting:
            retry = Retry(contract_ids=waiting, before=before) if before is not None else None
            result = await work(connection, retry)
            await _record(connection, night, step, number, result)
    if night.say is not None:
        night.say(
            Progress(business_date=night.business_date, step=step, chunk=number + 1, chunks=of)
        )


async def finished_chunks(
    connection: Connection | Pool, book_id: int, business_date: date
) -> dict[tuple[str, int], ChunkResult]:
    """Every chunk row of a date by step and number."""
    rows = await connection.fetch(_SQL["chunks_of_day"], book_id, business_date)
    return {(row["step"], row["chunk"]): _chunk_result(row) for row in rows}


async def post(connection: Connection, night: Night, units: Sequence[Unit]) -> list[Outcome]:
    """Post units on the night's date inside the chunk's transaction; refusals are outcomes."""
    if not units:
        return []
    return await post_batch(
        connection,
        night.book_id,
        units,
        origin=Origin.NIGHT,
        business_date=night.business_date,
    )


async def post_own(connection: Connection, night: Night, unit: Unit, what: str) -> Outcome:
    """Post a unit over the book's own accounts, which nothing may refuse: else loud, undone."""
    (outcome,) = await post(connection, night, [unit])
    if outcome.status is not Status.ACCEPTED:
        reason = outcome.refusal or outcome.status.value
        raise DayNotProven(
            f"{what} of {night.business_date} was not accepted: {reason}. Mend the accounts named "
            "and run end-of-day again"
        )
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Journals to post for one event of the night, before their attempt is known.

    journals: their `journal_id` is the id of their own event; `units_of` puts the attempt in.
    """

    event: UUID
    journals: tuple[Journal, ...]
    reason: str = ""


async def units_of(connection: Connection, night: Night, drafts: Sequence[Draft]) -> list[Unit]:
    """Units of drafts: each id contains the attempt, read in the transaction that posts."""
    attempt = await attempts(connection, night.book_id, [draft.event for draft in drafts])
    return [
        Unit(
            operations=tuple(
                replace(journal, journal_id=journal_id(journal.journal_id, attempt[draft.event]))
                for journal in draft.journals
            ),
            actor=ACTOR,
            reason=draft.reason,
            event_id=draft.event,
        )
        for draft in drafts
    ]


async def keeping_open(
    connection: Connection | Pool, book_id: int, refused: Iterable[tuple[str, RefusedContract]]
) -> list[str]:
    """Those of some steps' refusals that keep a day open, in words: contracts by their numbers.

    What is refused of a hold is named by its id.
    """
    entries = [(step, entry) for step, entry in refused if entry.keeps_day_open]
    if not entries:
        return []
    ids = [entry.contract_id for _, entry in entries]
    rows = await connection.fetch(_SQL["contract_numbers"], book_id, ids)
    numbers = {row["contract_id"]: row["contract_no"] for row in rows}
    return [
        f"{step}: contract {numbers.get(entry.contract_id, entry.contract_id)} was refused "
        f"({entry.code})"
        for step, entry in entries
    ]


def differs(what: str, left: int, right: int) -> str:
    """A control total that does not agree, in words."""
    gap = format_baht(left - right, thousands=True)
    return f"{what}: {format_baht(left, True)} against {format_baht(right, True)} (off by {gap})"


async def _recorded(
    connection: Connection, night: Night, step: str, number: int
) -> ChunkResult | None:
    row = await connection.fetchrow(_SQL["chunk"], night.book_id, night.business_date, step, number)
    return None if row is None else _chunk_result(row)


def _chunk_result(row: asyncpg.Record) -> ChunkResult:
    bounds = None
    if row["product_code"] is not None:
        first, stop = row["first_contract"], row["stop_contract"]
        bounds = Bounds(product_code=row["product_code"], first=first, stop=stop)
    return ChunkResult(
        contracts=row["contracts"],
        amount_satang=row["amount_satang"],
        refused=_refused(row["refused"]),
        bounds=bounds,
    )


async def _record(
    connection: Connection, night: Night, step: str, number: int, result: ChunkResult
) -> None:
    listed = [
        {"contract_id": str(r.contract_id), "code": r.code, "keeps_day_open": r.keeps_day_open}
        for r in result.refused
    ]
    bounds = result.bounds
    columns = (None,) * 3 if bounds is None else (bounds.product_code, bounds.first, bounds.stop)
    await connection.execute(
        _SQL["record_chunk"],
        night.book_id,
        night.business_date,
        step,
        number,
        result.contracts,
        result.amount_satang,
        json.dumps(listed),
        *columns,
    )


def _refused(text: str) -> tuple[RefusedContract, ...]:
    return tuple(
        RefusedContract(
            contract_id=UUID(entry["contract_id"]),
            code=entry["code"],
            keeps_day_open=entry["keeps_day_open"],
        )
        for entry in json.loads(text)
    )
