"""What special savings ask besides their slabs (docs/withdrawals.md): terms as values and rows.

A smallest first deposit, a smallest withdrawal, so many free withdrawals a month and a fee for each
one after them. Terms are set once, before the product has contracts, and never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import InvalidInput, Problem
from ledger.money import AMOUNT_MAX, format_baht
from products.catalogue import SPECIAL_SAVINGS, Product
from products.contracts import Contract, by_ids

SQL = statements(Path(__file__).parent / "sql" / "withdrawals.sql")
_FREE_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalFee:
    """From which withdrawal of a month on each one costs something.

    free:    withdrawals paid in a calendar month that cost nothing, 0 or more.
    satang:  what each further one costs.
    account: the Facility's own account that takes it in.
    """

    free: int
    satang: int
    account: int

    def of(self, place: int) -> int:
        """What the withdrawal costs that is the `place`-th of its month, 1 being the first."""
        return self.satang if place > self.free else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsTerms:
    """What a product of special savings asks; 0 asks nothing, no fee makes all withdrawals free.

    Raises `InvalidInput` for bounds that no amount of the ledger has.
    """

    opening_min_satang: int = 0
    withdrawal_min_satang: int = 0
    fee: WithdrawalFee | None = None

    def __post_init__(self) -> None:
        bounds = [
            ("opening_min", self.opening_min_satang, 0),
            ("withdrawal_min", self.withdrawal_min_satang, 0),
        ]
        if self.fee is not None:
            bounds.append(("fee", self.fee.satang, 1))
        problems = [
            Problem(
                where=where,
                got=format_baht(satang),
                expected=f"{format_baht(least)} to {format_baht(AMOUNT_MAX, True)}",
            )
            for where, satang, least in bounds
            if not least <= satang <= AMOUNT_MAX
        ]
        if self.fee is not None and not 0 <= self.fee.free <= _FREE_MAX:
            expected = f"0 to {_FREE_MAX} a month"
            problems.append(
                Problem(where="free_withdrawals", got=str(self.fee.free), expected=expected)
            )
        if problems:
            raise InvalidInput(problems)


NOTHING_ASKED = SavingsTerms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What the next withdrawal paid from a contract costs, and what that was decided on.

    place:  the how manieth of its month it would be; 1 is the first.
    satang: its fee, 0 where it is free.
    on:     the business date that the month was taken from.
    """

    contract: Contract
    place: int
    satang: int
    account: int
    on: date


async def set_terms(connection: Connection, product: Product, terms: SavingsTerms) -> None:
    """Record a product's terms, in the caller's transaction.

    Raises `InvalidInput` for another family, terms that are set already, a product that has
    contracts, an account that the book does not have.
    """
    if product.family != SPECIAL_SAVINGS:
        raise InvalidInput.one("family", product.family, f"{SPECIAL_SAVINGS}: others have no terms")
    fee = terms.fee
    try:
        await connection.execute(
            SQL["insert_terms"],
            product.book_id,
            product.product_code,
            terms.opening_min_satang,
            terms.withdrawal_min_satang,
            *((None, None, None) if fee is None else (fee.free, fee.satang, fee.account)),
        )
    except asyncpg.UniqueViolationError as error:
        expected = "a product whose terms are not set yet"
        raise InvalidInput.one("product", product.product_code, expected) from error
    except asyncpg.ForeignKeyViolationError as error:
        got = "none" if fee is None else str(fee.account)
        raise InvalidInput.one("fee_account", got, "an account of this book") from error
    except asyncpg.PostgresError as error:
        if error.sqlstate != "LG007":
            raise
        expected = "a product of special savings without contracts"
        raise InvalidInput.one("product", product.product_code, expected, str(error)) from error


async def load_terms(connection: Connection, book_id: int) -> dict[str, SavingsTerms]:
    """The terms of each product that has some, by its code."""
    rows = await connection.fetch(SQL["terms"], book_id)
    return {row["product_code"]: _terms(row) for row in rows}


async def never_funded(
    connection: Connection, book_id: int, contract_ids: Sequence[UUID]
) -> frozenset[UUID]:
    """Those of the contracts that nothing was credited to and no deposit is announced for."""
    rows = await connection.fetch(SQL["never_funded"], book_id, list(contract_ids))
    return frozenset(row["contract_id"] for row in rows)


async def charges(
    connection: Connection, book_id: int, notice_ids: Sequence[UUID]
) -> dict[UUID, Charge]:
    """What paying each of these notices would cost, of those whose product charges at all.

    Each is told as if it were the next one paid of its contract.
    """
    rows = await connection.fetch(SQL["charges"], book_id, list(notice_ids))
    if not rows:
        return {}
    found = await by_ids(connection, book_id, [row["contract_id"] for row in rows])
    return {
        row["notice_id"]: Charge(
            # Of the snapshot that the payments were counted in, should it have moved since.
            contract=replace(found[row["contract_id"]], version=row["version"]),
            place=row["paid"] + 1,
            satang=_fee(row).of(row["paid"] + 1),
            account=row["fee_account"],
            on=row["business_date"],
        )
        for row in rows
    }


def _terms(row: asyncpg.Record) -> SavingsTerms:
    return SavingsTerms(
        opening_min_satang=row["opening_min_satang"],
        withdrawal_min_satang=row["withdrawal_min_satang"],
        fee=None if row["fee_account"] is None else _fee(row),
    )


def _fee(row: asyncpg.Record) -> WithdrawalFee:
    return WithdrawalFee(
        free=row["free_withdrawals"], satang=row["fee_satang"], account=row["fee_account"]
    )
