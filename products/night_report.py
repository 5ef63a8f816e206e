"""What a night did, told by product: for the person who reads it in the morning, in a minute.

Accrued and credited interest are the sums of the night's chunk rows. Interest paid, tax and early
ends are the date's whole, those of its doors included; outcomes are those of terms that ended on
the date, so a sum that waited and is paid later counts on no later date. Contracts for which less
was done than was due are listed by number and reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import asyncpg

from ledger.db import Connection, Pool, statements
from products.accrual import ACCRUE, CAPITALISE
from products.catalogue import Product, load_products
from products.night import ChunkResult

_SQL = statements(Path(__file__).parent / "sql" / "night_report.sql")

Chunks = Mapping[tuple[str, int], ChunkResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """So many contracts (or payments) and their amount."""

    contracts: int = 0
    amount_satang: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedContract:
    """A contract for which a step did less than was due, or nothing; `code` says why.

    keeps_day_open: tried again by the next run; else it waits for its next date or for a person.
    """

    contract_no: str
    step: str
    code: str
    keeps_day_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductReport:
    """One product on one date.

    accrued:       contracts that accrued, and the interest of the date.
    credited:      interest credited to accounts (savings, on their days).
    interest_paid: payments of placements' interest, before tax; tax_satang is taken from them.
    paid_out, rolled, waiting: terms that ended, by their principal (rolled: that of the next term).
    ended_early:   placements withdrawn before maturity, by their principal.
    listed:        contracts for which less was done.
    """

    product_code: str
    name_th: str
    name_en: str
    accrued: Sums
    credited: Sums
    interest_paid: Sums
    tax_satang: int
    paid_out: Sums
    rolled: Sums
    waiting: Sums
    ended_early: Sums
    listed: tuple[ListedContract, ...]


async def product_reports(
    pool: Pool, book_id: int, business_date: date, done: Chunks
) -> tuple[ProductReport, ...]:
    """The report of a date by product, in order of their codes; `done` are its chunk rows.

    A product of which the night has read nothing is left out.
    """
    place = (book_id, business_date)
    async with pool.acquire() as connection:
        products = await load_products(connection, book_id)
        paid = {r["product_code"]: r for r in await connection.fetch(_SQL["interest_paid"], *place)}
        early = {r["product_code"]: r for r in await connection.fetch(_SQL["ended_early"], *place)}
        matured = {
            (row["product_code"], row["outcome"]): row
            for row in await connection.fetch(_SQL["matured"], *place)
        }
        listed = await _listed(connection, book_id, done)
    touched = {code for code, _ in matured} | set(paid) | set(early) | set(listed)
    touched |= {each.bounds.product_code for each in done.values() if each.bounds is not None}
    return tuple(
        _report(products[code], done, paid.get(code), early.get(code), matured, listed)
        for code in sorted(touched)
    )


def _report(
    product: Product,
    done: Chunks,
    paid: asyncpg.Record | None,
    early: asyncpg.Record | None,
    matured: Mapping[tuple[str, str], asyncpg.Record],
    listed: Mapping[str, list[ListedContract]],
) -> ProductReport:
    code = product.product_code
    return ProductReport(
        product_code=code,
        name_th=product.name_th,
        name_en=product.name_en,
        accrued=_of_step(done, ACCRUE, code),
        credited=_of_step(done, CAPITALISE, code),
        interest_paid=_sums(paid),
        tax_satang=0 if paid is None else paid["tax_satang"],
        paid_out=_sums(matured.get((code, "paid_out"))),
        rolled=_sums(matured.get((code, "rolled"))),
        waiting=_sums(matured.get((code, "waiting"))),
        ended_early=_sums(early),
        listed=tuple(listed.get(code, ())),
    )


def _of_step(done: Chunks, step: str, product_code: str) -> Sums:
    found = [
        result
        for (name, _), result in done.items()
        if name == step and result.bounds is not None and result.bounds.product_code == product_code
    ]
    return Sums(
        contracts=sum(result.contracts for result in found),
        amount_satang=sum(result.amount_satang for result in found),
    )


def _sums(row: asyncpg.Record | None) -> Sums:
    if row is None:
        return Sums()
    return Sums(contracts=row["contracts"], amount_satang=row["amount_satang"])


async def _listed(
    connection: Connection, book_id: int, done: Chunks
) -> dict[str, list[ListedContract]]:
    """Refusals by product; what is refused of a hold is no contract's."""
    entries = [(step, entry) for (step, _), result in done.items() for entry in result.refused]
    ids = sorted({entry.contract_id for _, entry in entries})
    names = {row["contract_id"]: row for row in await connection.fetch(_SQL["names"], book_id, ids)}
    found: dict[str, list[ListedContract]] = {}
    for step, entry in entries:
        row = names.get(entry.contract_id)
        if row is not None:
            found.setdefault(row["product_code"], []).append(
                ListedContract(
                    contract_no=row["contract_no"],
                    step=step,
                    code=entry.code,
                    keeps_day_open=entry.keeps_day_open,
                )
            )
    return found
