"""Which journal of the night carries a contract's interest of a date.

A night posts one journal for a whole chunk of contracts; its id is made from the chunk, so that it
is found again by asking which chunk took the contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from ledger.db import Connection, statements
from ledger.posting.ids import attempts, journal_id
from products.accrual import ACCRUE
from products.catalogue import Product
from products.contracts import Contract
from products.late_postings import CORRECT
from products.night import finished_chunks, night_event

_SQL = statements(Path(__file__).parent / "sql" / "night_journals.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """A journal that carries interest of the date: of its whole chunk, this contract's within.

    amount_satang: what it adds to the interest expense; below zero where it takes some back.
    """

    journal_id: UUID
    recorded_seq: int
    business_date: date
    amount_satang: int


async def accrual_journal(
    connection: Connection, contract: Contract, product: Product, on: date
) -> Carrying | None:
    """The accrual journal of the chunk that took the contract on the date; None: not to be named.

    Chunks of nights before legs were kept in spans do not say which contracts they took.
    """
    chunks = await finished_chunks(connection, contract.book_id, on)
    for (step, number), done in chunks.items():
        bounds = done.bounds
        if step != ACCRUE or bounds is None or bounds.product_code != contract.product_code:
            continue
        if bounds.first <= contract.contract_id < bounds.stop:
            event = night_event(contract.book_id, on, ACCRUE, contract.product_code, number)
            return await _carrying(connection, product, event, event)
    return None


async def correction_journal(
    connection: Connection, contract: Contract, product: Product, on: date, night: date
) -> Carrying | None:
    """The journal of the chunk in which a later night corrected the contract, for the date `on`.

    A chunk of corrections took contracts in the order in which the night listed them.
    """
    key = (contract.book_id, night, contract.product_code, contract.contract_id)
    place = await connection.fetchval(_SQL["place_in_corrections"], *key)
    chunks = await finished_chunks(connection, contract.book_id, night)
    taken = 0
    for (step, number), done in sorted(chunks.items()):
        if step != CORRECT:
            continue
        taken += done.contracts
        if place < taken:
            parts = (CORRECT, contract.product_code, number)
            unit = night_event(contract.book_id, night, *parts)
            event = night_event(contract.book_id, night, *parts, on)
            return await _carrying(connection, product, event, unit)
    return None


async def _carrying(
    connection: Connection, product: Product, event: UUID, unit: UUID
) -> Carrying | None:
    """The journal of an event, in the attempt of its unit; None where it came to nothing."""
    attempt = (await attempts(connection, product.book_id, [unit]))[unit]
    row = await connection.fetchrow(
        _SQL["carrying_journal"],
        product.book_id,
        journal_id(event, attempt),
        product.expense_account,
    )
    return None if row is None else Carrying(**dict(row))
