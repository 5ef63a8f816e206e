"""Contracts: a member co-op's savings account with its interest's standing; how one is opened.

How one ends is `products.closing`. Functions load and decide, and answer a `Unit`; nothing here
posts. Dates of the contract are those of the batch that records it: a contract that is opened while
the clock moves the business date belongs to the date it was recorded on, so the set of contracts of
a date that was cut off never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import NotFound
from ledger.posting.ids import event_id
from ledger.posting.values import (
    BUSINESS_DATE,
    IdempotencyKey,
    OpenAccount,
    RowRead,
    RowTable,
    RowWrite,
    Unit,
)
from products.catalogue import Product

_SQL = statements(Path(__file__).parent / "sql" / "contracts.sql")

ACTIVE, CLOSED = 1, 2

CONTRACTS = RowTable(name="products.contract", select=_SQL["lock_contracts"])
"""The rows that units about contracts are decided on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A contract as recorded. `state` is ACTIVE or CLOSED; `version` counts its changes.

    interest_from: first date that bears interest here, never before `opened_on`.
    """

    book_id: int
    contract_id: UUID
    contract_no: str
    product_code: str
    party_id: int
    account_id: int
    opened_on: date
    interest_from: date
    closed_on: date | None
    state: int
    version: int

    @property
    def read(self) -> RowRead:
        """This row at this version, for a unit that is decided on it."""
        return RowRead(table=CONTRACTS, row_id=self.contract_id, version=self.version)


async def by_no(connection: Connection, book_id: int, contract_no: str) -> Contract:
    """The contract with this number. Raises `NotFound`."""
    row = await connection.fetchrow(_SQL["contract_by_no"], book_id, contract_no)
    if row is None:
        raise NotFound("contract", contract_no)
    return _contract(row)


async def by_nos(
    connection: Connection, book_id: int, contract_nos: Sequence[str]
) -> dict[str, Contract]:
    """Contracts by their numbers; a number that no contract has is left out."""
    rows = await connection.fetch(_SQL["contracts_by_nos"], book_id, list(contract_nos))
    return {row["contract_no"]: _contract(row) for row in rows}


async def by_ids(
    connection: Connection, book_id: int, contract_ids: Sequence[UUID]
) -> dict[UUID, Contract]:
    """Contracts by their ids; an id that no contract has is left out."""
    rows = await connection.fetch(_SQL["contracts_by_ids"], book_id, list(contract_ids))
    return {row["contract_id"]: _contract(row) for row in rows}


def contract_id_of(book_id: int, contract_no: str) -> UUID:
    """The id that a contract of this number has: derived, so that every run makes the same."""
    return event_id(book_id, "contract", contract_no)


def open_savings_contract(
    *,
    product: Product,
    contract_no: str,
    party_id: int,
    account_id: int,
    name_th: str,
    name_en: str,
    actor: str,
    interest_from: date | None = None,
    key: IdempotencyKey | None = None,
) -> Unit:
    """The unit that opens a savings contract with its account (same code, never below zero).

    account_id:    from `ledger.accounts.reserve_ids`.
    interest_from: None or a date that has passed = the business date on which it is recorded.
    """
    contract_id = contract_id_of(product.book_id, contract_no)
    return Unit(
        operations=(
            OpenAccount(
                account=account_id,
                code=contract_no,
                gl_code=product.gl_deposits,
                currency="THB",
                name_th=name_th,
                name_en=name_en,
                party_id=party_id,
                balance_min=0,
            ),
        ),
        actor=actor,
        writes=(
            RowWrite(
                statement=_SQL["insert_contract"],
                arguments=(
                    product.book_id,
                    contract_id,
                    contract_no,
                    product.product_code,
                    party_id,
                    account_id,
                    BUSINESS_DATE,
                    interest_from,
                ),
            ),
            RowWrite(
                statement=_SQL["insert_interest_leg"], arguments=(product.book_id, contract_id)
            ),
        ),
        key=key,
    )


def _contract(row: asyncpg.Record) -> Contract:
    return Contract(**dict(row))
