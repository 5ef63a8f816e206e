"""What may be sold: products, whose terms are data; savings, special savings, fixed deposits.

A product says how its interest is counted and credited and which accounts its events touch; rates
are pricing's, balances are the ledger's. Special savings also say which part of a balance a slab's
rate is for, and below which balance a date earns nothing; fixed deposits what is offered for a term
(`products.deposits.offers`). A product is never changed: new terms are a new product.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from ledger.dates import parse_date
from ledger.db import Connection, statements
from ledger.errors import InvalidInput, NotFound
from ledger.money import BALANCE_MAX, Rounding, format_baht
from pricing.rate_lines import RateLine, slabs_of
from pricing.slabs import SlabBasis
from products.interest import DayCount, Terms
from products.interest.earning import Conditions

_SQL = statements(Path(__file__).parent / "sql" / "catalogue.sql")

SAVINGS = "savings"
SPECIAL_SAVINGS = "special_savings"
FIXED = "fixed"
FAMILIES = (SAVINGS, SPECIAL_SAVINGS, FIXED)
PLACEMENTS = frozenset({FIXED})
"""Families whose principal stands still for a term: only their own events move their accounts."""
NIGHT_DAY_COUNTS = (DayCount.ACT_365F, DayCount.ACT_ACT_CALYEAR)
"""The day counts that the night accrues savings by; a product with another one is refused."""
_CODE = re.compile(r"^[A-Z][A-Z0-9_]{1,31}$", re.ASCII)
_A_YEAR_WITHOUT_LEAP_DAY = "2001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product of one book.

    terms:           day count, rounding and capitalisation days; a placement has coupons instead.
    gl_deposits:     GL code of the contracts' accounts: the product's control account.
    expense_account: account debited by each day's interest.
    payable_account: account that holds interest accrued and not yet credited.
    slab_rule:       which part of a balance the rate of a slab is for.
    minimum_satang:  a closing balance below it earns nothing on that date.
    """

    book_id: int
    product_code: str
    name_th: str
    name_en: str
    terms: Terms
    gl_deposits: str
    expense_account: int
    payable_account: int
    family: str = SAVINGS
    slab_rule: SlabBasis = SlabBasis.WHOLE
    minimum_satang: int = 0

    def conditions(self, lines: Sequence[RateLine]) -> int | Conditions:
        """What a date earns under a sheet of these lines: one rate where that is all there is."""
        if len(lines) == 1 and not self.minimum_satang:
            return lines[0].annual_rate_e8
        slabs = slabs_of(lines, self.slab_rule)
        return Conditions(slabs=slabs, minimum_satang=self.minimum_satang)


async def create_product(connection: Connection, product: Product) -> None:
    """Record a product in the caller's transaction.

    Raises `InvalidInput` for a code or a capitalisation day that cannot be, a day count or a step
    that the night does not have, conditions that the family does not have, a code that is taken, or
    a GL code or account that the book does not have.
    """
    _check(product)
    try:
        await connection.execute(
            _SQL["create_product"],
            product.book_id,
            product.product_code,
            product.family,
            product.name_th,
            product.name_en,
            product.terms.day_count.value,
            product.terms.rounding.value,
            sorted(product.terms.capitalisation_days),
            product.gl_deposits,
            product.expense_account,
            product.payable_account,
            product.slab_rule.value,
            product.minimum_satang,
        )
    except asyncpg.UniqueViolationError as error:
        raise InvalidInput.one(
            "product_code", product.product_code, "a code that no product of the book has"
        ) from error
    except asyncpg.ForeignKeyViolationError as error:
        raise InvalidInput.one(
            "gl_deposits, expense_account, payable_account",
            f"{product.gl_deposits}, {product.expense_account}, {product.payable_account}",
            "a GL code and two accounts of this book",
            "Load the chart and open both accounts first.",
        ) from error


async def load_products(connection: Connection, book_id: int) -> dict[str, Product]:
    """Every product of a book by its code."""
    rows = await connection.fetch(_SQL["products_of_book"], book_id)
    return {row["product_code"]: _product(row) for row in rows}


async def load_product(connection: Connection, book_id: int, product_code: str) -> Product:
    """One product. Raises `NotFound`."""
    found = (await load_products(connection, book_id)).get(product_code)
    if found is None:
        raise NotFound("product", product_code)
    return found


async def controlled_accounts(connection: Connection, book_id: int) -> frozenset[int]:
    """Accounts that only the night may move: each holds the sum of its contracts' interest.

    A journal by hand on one of them would keep a day open that no later correction could close.
    """
    products = await load_products(connection, book_id)
    return frozenset(product.payable_account for product in products.values())


async def contract_accounts(
    connection: Connection, book_id: int, account_ids: Collection[int]
) -> frozenset[int]:
    """Those of the accounts that contracts stand on.

    A journal dated on a day that is closed may not touch them: its night has accrued them, and
    later nights correct only what their own date brought.
    """
    rows = await connection.fetch(_SQL["contract_accounts"], book_id, list(account_ids))
    return frozenset(row["account_id"] for row in rows)


async def placement_accounts(
    connection: Connection, book_id: int, account_ids: Collection[int] | None = None
) -> frozenset[int]:
    """Accounts that placements stand on, among these or all: only their own events move them."""
    asked = None if account_ids is None else list(account_ids)
    rows = await connection.fetch(_SQL["placement_accounts"], book_id, asked)
    return frozenset(row["account_id"] for row in rows)


def _check(product: Product) -> None:
    if not _CODE.match(product.product_code):
        raise InvalidInput.one(
            "product_code", product.product_code, "2 to 32 of A-Z, 0-9 and _, a letter first"
        )
    _check_family(product)
    if product.terms.day_count not in NIGHT_DAY_COUNTS:
        expected = "one of " + ", ".join(each.value for each in NIGHT_DAY_COUNTS)
        raise InvalidInput.one("day_count", product.terms.day_count.value, expected)
    if product.terms.step_satang != 1:
        raise InvalidInput.one(
            "step_satang", product.terms.step_satang, "1: the night credits to the satang"
        )
    days = product.terms.capitalisation_days
    if product.family in PLACEMENTS and days:
        got = ", ".join(sorted(days))
        raise InvalidInput.one("capitalisation_days", got, "none: a placement has coupons")
    if product.family not in PLACEMENTS and not days:
        raise InvalidInput.one("capitalisation_days", "none", "at least one MM-DD")
    for day in sorted(product.terms.capitalisation_days):
        # 29 February is refused: interest credited only in leap years is nobody's product.
        parse_date(f"{_A_YEAR_WITHOUT_LEAP_DAY}-{day}", f"capitalisation_days, {day}")


def _check_family(product: Product) -> None:
    if product.family not in FAMILIES:
        raise InvalidInput.one("family", product.family, "one of " + ", ".join(FAMILIES))
    if not 0 <= product.minimum_satang <= BALANCE_MAX:
        got = format_baht(product.minimum_satang)
        raise InvalidInput.one("minimum_satang", got, "a balance of 0.00 or more")
    plain = product.slab_rule is SlabBasis.WHOLE and not product.minimum_satang
    if product.family != SPECIAL_SAVINGS and not plain:
        expected = f"{SPECIAL_SAVINGS}: no other family has a slab rule or a minimum balance"
        raise InvalidInput.one("family", product.family, expected)


def _product(row: asyncpg.Record) -> Product:
    return Product(
        book_id=row["book_id"],
        product_code=row["product_code"],
        name_th=row["name_th"],
        name_en=row["name_en"],
        terms=Terms(
            day_count=DayCount(row["day_count"]),
            rounding=Rounding(row["rounding"]),
            capitalisation_days=frozenset(row["capitalisation_days"]),
        ),
        gl_deposits=row["gl_deposits"],
        expense_account=row["expense_account"],
        payable_account=row["payable_account"],
        family=row["family"],
        slab_rule=SlabBasis(row["slab_rule"]),
        minimum_satang=row["minimum_satang"],
    )
