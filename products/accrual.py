"""Steps `accrue` and `capitalise`: interest of a date, set by set; no loop over contracts.

`accrue` first moves the spans of contracts that may have changed (docs/interest.md): the closing
balance by the date x its rate is what each date earns from then on. One pass over the chunk adds
up what the rounded cumulative amounts grew by: the chunk's journal. Both must give what
`products.interest.replay` gives (a property test holds them together).
`capitalise` credits, on the product's days, all that is accrued and not yet credited: one journal a
contract, so that one frozen account stops nobody else.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import ensure
from ledger.posting.values import Status
from products.catalogue import PLACEMENTS, Product
from products.deposits import postings
from products.interest import DAYS_MULTIPLE
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
    same_chunks,
    units_of,
)

_SQL = statements(Path(__file__).parent / "sql" / "accrual.sql")

ACCRUE = "accrue"
CAPITALISE = "capitalise"


@dataclass(frozen=True, slots=True, kw_only=True)
class MayHaveChanged:
    """Which legs of a date may earn something else than the day before.

    whole:     products of which every leg may.
    contracts: else the contracts, in key order, by product.
    """

    whole: frozenset[str]
    contracts: Mapping[str, Sequence[UUID]]

    def of_chunk(self, chunk: ContractChunk) -> list[UUID]:
        """The contracts of a chunk that may have changed, where not all of them may."""
        ids = self.contracts.get(chunk.product_code, ())
        return list(ids[bisect_left(ids, chunk.first) : bisect_left(ids, chunk.stop)])


async def accrue(night: Night) -> None:
    """Accrue the date for every contract that bears interest on it."""
    chunks = await contract_chunks(night, night.sizes.contracts)
    await same_chunks(night, ACCRUE, chunks)
    changed = await _may_have_changed(night)
    for chunk in chunks:
        work = partial(_accrue_chunk, night, chunk, changed)
        await run_chunk(night, ACCRUE, chunk.number, len(chunks), work)


async def _may_have_changed(night: Night) -> MayHaveChanged:
    place = (night.book_id, night.business_date)
    whole = {row["product_code"] for row in await night.pool.fetch(_SQL["whole_products"], *place)}
    before = night.business_date - timedelta(days=1)
    for code, product in night.products.items():
        day_count = product.terms.day_count
        other_year = day_count.year_days(before) != day_count.year_days(night.business_date)
        # What was credited bears interest from the first date of the period that follows.
        if other_year or product.terms.ends_period(before):
            whole.add(code)
    rows = await night.pool.fetch(_SQL["may_have_changed"], *place)
    return MayHaveChanged(
        whole=frozenset(whole),
        contracts={row["product_code"]: row["contract_ids"] for row in rows},
    )


async def capitalise(night: Night) -> None:
    """Credit accrued interest where the date ends a product's period; else there is no chunk."""
    chunks = await capitalisation_chunks(night)
    await same_chunks(night, CAPITALISE, chunks)
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
    night: Night,
    chunk: ContractChunk,
    changed: MayHaveChanged,
    connection: Connection,
    _: Retry | None,
) -> ChunkResult:
    product = night.products[chunk.product_code]
    day = night.business_date
    bounds = (chunk.product_code, chunk.first, chunk.stop)
    await _move_spans(connection, night, chunk, changed)
    row = await connection.fetchrow(
        _SQL["accrue_chunk"], night.book_id, day, *bounds, product.terms.rounding.value
    )
    accrued, amount = (0, 0) if row is None else (row["contracts"], row["amount_satang"])
    ensure(
        accrued == chunk.contracts,
        f"accrue {day}, {chunk.product_code}, chunk {chunk.number}: {accrued} contracts have a "
        f"leg that bears interest, {chunk.contracts} should",
    )
    if product.family in PLACEMENTS:
        in_force = await connection.fetchval(_SQL["terms_in_force"], night.book_id, day, *bounds)
        ensure(
            in_force == accrued,
            f"accrue {day}, {chunk.product_code}, chunk {chunk.number}: {in_force} placements bear "
            f"the rate of a term that holds the date, {accrued} should",
        )
    if amount:
        event = night.event(ACCRUE, chunk.product_code, chunk.number)
        journal = postings.accrual(event, product, day, amount)
        (unit,) = await units_of(connection, night, [Draft(event=event, journals=(journal,))])
        await post_own(connection, night, unit, f"the accrual journal of {chunk.product_code}")
    return ChunkResult(contracts=accrued, amount_satang=amount, bounds=chunk.bounds)


async def _move_spans(
    connection: Connection, night: Night, chunk: ContractChunk, changed: MayHaveChanged
) -> None:
    bounds = (chunk.product_code, chunk.first, chunk.stop)
    ids = changed.of_chunk(chunk)
    if chunk.product_code in changed.whole:
        ids = await connection.fetchval(_SQL["legs_of_chunk"], night.book_id, *bounds)
    if ids:
        product = night.products[chunk.product_code]
        year_days = product.terms.day_count.year_days(night.business_date)
        await connection.execute(
            _SQL["move_terms" if product.family in PLACEMENTS else "move_spans"],
            night.book_id,
            night.business_date,
            *bounds,
            year_days,
            DAYS_MULTIPLE // year_days,
            ids,
        )


async def _capitalise_chunk(
    night: Night, chunk: ContractChunk, connection: Connection, retry: Retry | None
) -> ChunkResult:
    only = list(retry.contract_ids) if retry is not None else None
    product = night.products[chunk.product_code]
    place = (night.book_id, night.business_date, chunk.product_code)
    bounds = (chunk.first, chunk.stop)
    await connection.execute(_SQL["lock_legs"], *place, *bounds)
    rounding = product.terms.rounding.value
    owed = await connection.fetch(_SQL["interest_owed"], *place, *bounds, only, rounding)
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
    if credited:
        columns = map(list, zip(*credited, strict=True))
        await connection.execute(_SQL["record_credits"], *place, *columns)
    if retry is None:
        await connection.execute(_SQL["begin_period"], *place, *bounds, rounding)
    return _capitalised(chunk, credited, refused, retry)


def _capitalisation(night: Night, product: Product, row: asyncpg.Record) -> Draft:
    event = night.event(CAPITALISE, product.product_code, row["contract_id"])
    journal = postings.capitalisation(
        event, product, row["account_id"], night.business_date, row["amount_satang"]
    )
    return Draft(event=event, journals=(journal,))


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
    return ChunkResult(
        contracts=chunk.contracts,
        amount_satang=amount,
        refused=(*kept, *refused),
        bounds=chunk.bounds,
    )
