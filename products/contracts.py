"""Contracts: a member co-op's account with its interest's standing; how a savings one is opened.

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
from products.catalogue import PLACEMENTS, Product

_SQL = statements(Path(__file__).parent / "sql" / "contracts.sql")

ACTIVE, CLOSED = 1, 2

CONTRACTS = RowTable(name="products.contract", select=_SQL["lock_contracts"])
"""The rows that units about contracts are decided on."""
INTEREST_LEGS = RowTable(name="products.interest_leg", select=_SQL["lock_legs"])
"""The standing of a contract's interest, by the contract's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A contract as recorded. `state` is ACTIVE or CLOSED; `version` counts its changes.

    interest_from: first date that bears interest here, never before `opened_on`.
    matured_on:    matured and not paid out, it waits: the first date that bears nothing.
    family:        of its product.
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
    matured_on: date | None
    state: int
    version: int
    family: str

    @property
    def is_placement(self) -> bool:
        """True of a sum placed for a term: only its own events move it or change it."""
        return self.family in PLACEMENTS

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
    account = OpenAccount(
        account=account_id,
        code=contract_no,
        gl_code=product.gl_deposits,
        currency="THB",
        name_th=name_th,
        name_en=name_en,
        party_id=party_id,
        balance_min=0,
    )
    return Unit(
        operations=(account,),
        actor=actor,
        writes=contract_writes(product, account, interest_from),
        key=key,
    )


def contract_writes(
    product: Product, account: OpenAccount, interest_from: date | None = None
) -> tuple[RowWrite, ...]:
    """The rows of a contract that opens with its account: the contract and its leg of interest.

    account: opened in the same unit; its code is the contract's number, its party the member.
    """
    contract_id = contract_id_of(product.book_id, account.code)
    contract = RowWrite(
        statement=_SQL["insert_contract"],
        arguments=(
            product.book_id,
            contract_id,
            account.code,
            product.product_code,
            account.party_id,
            account.account,
            BUSINESS_DATE,
            interest_from,
        ),
    )
    leg = RowWrite(statement=_SQL["insert_interest_leg"], arguments=(product.book_id, contract_id))
    return contract, leg


def touched(contract: Contract) -> RowWrite:
    """Raise a contract's version: whoever was deciding on it beside this unit decides again."""
    key = (contract.book_id, contract.contract_id, contract.version)
    return RowWrite(statement=_SQL["touch_contract"], arguments=key)


def _contract(row: asyncpg.Record) -> Contract:
    return Contract(**dict(row))
