"""Steps `accrue` and `capitalise`: interest of a date, set by set; no loop over contracts.

`accrue` is one statement a chunk: closing balance by the date x its rate, added to what the period
has earned so far, rounded; the chunk's journal is the sum of what the rounded amounts grew by. It
must give what `products.interest.replay` gives (a property test holds them together).
`capitalise` credits, on the product's days, all that is accrued and not yet credited: one journal a
contract, so that one frozen account stops nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import ensure
from ledger.posting.values import Status
from products.catalogue import Product
from products.deposits import postings
from products.interest import DAYS_MULTIPLE, EXACT_DENOMINATOR
from products.night import (
    ChunkResult,
    ContractChunk,
    Draft,
    Night,
    RefusedContract,
    Retry,
    contract_chunks,
    post,
    post_own,
    run_chunk,
    units_of,
)

_SQL = statements(Path(__file__).parent / "sql" / "accrual.sql")

ACCRUE = "accrue"
CAPITALISE = "capitalise"


async def accrue(night: Night) -> None:
    """Accrue the date for every contract that bears interest on it."""
    chunks = await contract_chunks(night, night.sizes.contracts)
    for chunk in chunks:
        await run_chunk(
            night, ACCRUE, chunk.number, len(chunks), partial(_accrue_chunk, night, chunk)
        )


async def capitalise(night: Night) -> None:
    """Credit accrued interest where the date ends a product's period; else there is no chunk."""
    chunks = await capitalisation_chunks(night)
    for chunk in chunks:
        work = partial(_capitalise_chunk, night, chunk)
        await run_chunk(night, CAPITALISE, chunk.number, len(chunks), work)


async def capitalisation_chunks(night: Night) -> list[ContractChunk]:
    """Chunks of the products whose period the date ends; the same list in every run."""
    ending = {
        code
        for code, product in night.products.items()
        if product.terms.ends_period(night.business_date)
    }
    if not ending:
        return []
    chunks = await contract_chunks(night, night.sizes.journals)
    return [
        replace(chunk, number=number)
        for number, chunk in enumerate(c for c in chunks if c.product_code in ending)
    ]


async def _accrue_chunk(
    night: Night, chunk: ContractChunk, connection: Connection, _: Retry | None
) -> ChunkResult:
    product = night.products[chunk.product_code]
    day = night.business_date
    year_days = product.terms.day_count.year_days(day)
    row = await connection.fetchrow(
        _SQL["accrue_chunk"],
        night.book_id,
        day,
        chunk.product_code,
        chunk.first,
        chunk.stop,
        year_days,
        DAYS_MULTIPLE // year_days,
        EXACT_DENOMINATOR,
        product.terms.rounding.value,
    )
    accrued, amount = (0, 0) if row is None else (row["contracts"], row["amount_satang"])
    ensure(
        accrued == chunk.contracts,
        f"accrue {day}, {chunk.product_code}, chunk {chunk.number}: {accrued} contracts stood at "
        f"the date before, {chunk.contracts} bear interest; run the nights in order",
    )
    if amount:
        event = night.event(ACCRUE, chunk.product_code, chunk.number)
        journal = postings.accrual(event, product, day, amount)
        (unit,) = await units_of(connection, night, [Draft(event=event, journals=(journal,))])
        await post_own(connection, night, unit, f"the accrual journal of {chunk.product_code}")
    return ChunkResult(contracts=accrued, amount_satang=amount)


async def _capitalise_chunk(
    night: Night, chunk: ContractChunk, connection: Connection, retry: Retry | None
) -> ChunkResult:
    only = list(retry.contract_ids) if retry is not None else None
    product = night.products[chunk.product_code]
    owed = await connection.fetch(
        _SQL["interest_owed"],
        night.book_id,
        night.business_date,
        chunk.product_code,
        chunk.first,
        chunk.stop,
        only,
    )
    drafts = [_capitalisation(night, product, row) for row in owed]
    units = await units_of(connection, night, drafts)
    outcomes = await post(connection, night, units)
    credited: list[tuple[UUID, int, UUID | None]] = []
    refused: list[RefusedContract] = []
    for row, outcome in zip(owed, outcomes, strict=True):
        if outcome.status is Status.ACCEPTED:
            journal = outcome.receipts[0].journal_id
            credited.append((row["contract_id"], row["amount_satang"], journal))
        else:
            refused.append(RefusedContract.of(row["contract_id"], outcome))
    await _record_credits(connection, night.book_id, night.business_date, credited)
    if retry is None:
        bounds = (chunk.product_code, chunk.first, chunk.stop)
        await connection.execute(_SQL["begin_period"], night.book_id, night.business_date, *bounds)
    return _capitalised(chunk, credited, refused, retry)


def _capitalisation(night: Night, product: Product, row: asyncpg.Record) -> Draft:
    event = night.event(CAPITALISE, product.product_code, row["contract_id"])
    journal = postings.capitalisation(
        event, product, row["account_id"], night.business_date, row["amount_satang"]
    )
    return Draft(event=event, journals=(journal,))


async def _record_credits(
    connection: Connection,
    book_id: int,
    day: date,
    credited: Sequence[tuple[UUID, int, UUID | None]],
) -> None:
    if credited:
        await connection.execute(
            _SQL["record_credits"], book_id, day, *map(list, zip(*credited, strict=True))
        )


def _capitalised(
    chunk: ContractChunk,
    credited: Sequence[tuple[UUID, int, UUID | None]],
    refused: Sequence[RefusedContract],
    retry: Retry | None,
) -> ChunkResult:
    """The chunk's row; a retry adds to what the first run credited and keeps its freezes."""
    amount = sum(satang for _, satang, _ in credited)
    kept: tuple[RefusedContract, ...] = ()
    if retry is not None:
        amount += retry.before.amount_satang
        kept = tuple(entry for entry in retry.before.refused if not entry.keeps_day_open)
    return ChunkResult(contracts=chunk.contracts, amount_satang=amount, refused=(*kept, *refused))
