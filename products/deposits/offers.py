"""Products of a term as recorded: what they offer, and the calendar that their maturities go by.

A product of family `fixed` is one row of the catalogue and one of its offer, written together and
never changed. Holidays are announced before their date; weekends have no banking anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import InvalidInput
from products.catalogue import PLACEMENTS, Product, create_product, load_product
from products.deposits.values import Offer
from products.early_withdrawal import EarlyRule, EarlyRules, RateSource
from products.placements import InterestPaid
from products.schedules.due_dates import Calendar, OnHoliday

_SQL = statements(Path(__file__).parent / "sql" / "offers.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A date without banking, e.g. 5 December, and its name."""

    on: date
    name_th: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedHoliday:
    """A holiday and the business date of its announcement: terms begun before do not know it."""

    holiday: Holiday
    announced_on: date


async def create_placement_product(connection: Connection, product: Product, offer: Offer) -> None:
    """Record a product of a term with its offer, in the caller's transaction.

    Raises `InvalidInput` for what `create_product` refuses, a family that has no term, a tax
    account or a savings product that the book does not have.
    """
    if product.family not in PLACEMENTS:
        expected = "one of " + ", ".join(sorted(PLACEMENTS))
        raise InvalidInput.one("family", product.family, expected)
    await create_product(connection, product)
    key = (product.book_id, product.product_code)
    try:
        await connection.execute(
            _SQL["insert_offer"],
            *key,
            offer.months,
            sorted(paid.value for paid in offer.paid),
            offer.principal_min_satang,
            offer.principal_max_satang,
            offer.due_rule.value,
            offer.tax_account,
            offer.savings_product,
        )
    except asyncpg.ForeignKeyViolationError as error:
        raise InvalidInput.one(
            "tax_account, savings_product",
            f"{offer.tax_account}, {offer.savings_product}",
            "an account and a product of this book",
            "Open the account and create the savings product first.",
        ) from error
    for rule in offer.early_rules.rules:
        await connection.execute(
            _SQL["insert_early_rule"],
            *key,
            rule.from_months,
            rule.to_months,
            rule.source.value,
            rule.part_percent,
            rule.penalty_e8,
        )


async def load_offers(connection: Connection, book_id: int) -> dict[str, Offer]:
    """What each product of a term of the book offers, by its code."""
    rules: dict[str, list[EarlyRule]] = {}
    for row in await connection.fetch(_SQL["early_rules"], book_id):
        rules.setdefault(row["product_code"], []).append(_rule(row))
    rows = await connection.fetch(_SQL["offers"], book_id)
    return {row["product_code"]: _offer(row, rules.get(row["product_code"], [])) for row in rows}


async def load_offer(
    connection: Connection, book_id: int, product_code: str
) -> tuple[Product, Offer]:
    """A product of a term and what it offers.

    Raises `NotFound` for a code that no product has, `InvalidInput` for a product without a term.
    """
    product = await load_product(connection, book_id, product_code)
    offer = (await load_offers(connection, book_id)).get(product_code)
    if offer is None:
        expected = "a product of family " + ", ".join(sorted(PLACEMENTS))
        raise InvalidInput.one("product", product_code, expected)
    return product, offer


async def add_holidays(connection: Connection, book_id: int, days: Iterable[Holiday]) -> None:
    """Announce holidays, in the caller's transaction.

    Raises `InvalidInput` for a date that is announced already or has begun.
    """
    for day in days:
        try:
            await connection.execute(
                _SQL["insert_holiday"], book_id, day.on, day.name_th, day.name_en
            )
        except asyncpg.UniqueViolationError as error:
            raise InvalidInput.one(
                "holiday", day.on.isoformat(), "a date that is not announced yet"
            ) from error
        except asyncpg.PostgresError as error:
            if error.sqlstate != "LG007":
                raise
            raise InvalidInput.one("holiday", day.on.isoformat(), str(error)) from error


async def announce_holidays(
    connection: Connection, book_id: int, days: Sequence[Holiday]
) -> list[Holiday]:
    """Announce those that are not announced yet under these names; they are the answer.

    So a year's file may be loaded twice. Raises as `add_holidays`, also for another name.
    """
    if not days:
        return []
    first, last = min(day.on for day in days), max(day.on for day in days)
    known = {each.holiday for each in await list_holidays(connection, book_id, first, last)}
    new = [day for day in days if day not in known]
    await add_holidays(connection, book_id, new)
    return new


async def list_holidays(
    connection: Connection, book_id: int, first: date, last: date, limit: int | None = None
) -> list[AnnouncedHoliday]:
    """The holidays of a range of dates, both included, in order; the first `limit` of them."""
    rows = await connection.fetch(_SQL["holidays_between"], book_id, first, last, limit)
    return [
        AnnouncedHoliday(
            holiday=Holiday(on=row["on_date"], name_th=row["name_th"], name_en=row["name_en"]),
            announced_on=row["announced_on"],
        )
        for row in rows
    ]


async def load_calendar(connection: Connection, book_id: int, known_on: date) -> Calendar:
    """The book's banking days as known on a business date: all but weekends and holidays.

    What is announced later does not move a term that has begun, nor one of a night run late.
    """
    rows = await connection.fetch(_SQL["holidays"], book_id, known_on)
    return Calendar(holidays=frozenset(row["on_date"] for row in rows))


def _offer(row: asyncpg.Record, rules: Sequence[EarlyRule]) -> Offer:
    return Offer(
        months=row["months"],
        paid=frozenset(InterestPaid(months) for months in row["coupon_months"]),
        principal_min_satang=row["principal_min_satang"],
        principal_max_satang=row["principal_max_satang"],
        due_rule=OnHoliday(row["due_rule"]),
        tax_account=row["tax_account"],
        early_rules=EarlyRules(rules=tuple(rules)),
        savings_product=row["savings_product"],
    )


def _rule(row: asyncpg.Record) -> EarlyRule:
    return EarlyRule(
        from_months=row["from_months"],
        to_months=row["to_months"],
        source=RateSource(row["source"]),
        part_percent=row["part_percent"],
        penalty_e8=row["penalty_e8"],
    )
