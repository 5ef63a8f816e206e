"""What the replay of a contract with late postings needs, read for many contracts at once.

The balance before the first date touched, what its account moved by value date since, what the
spans say of each date by now, what was credited, and where the leg stands; and the dates' rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.dates import days
from ledger.db import Connection, statements
from pricing.quotes import lines_of, quote
from pricing.rate_lines import RateLine
from products.catalogue import Product
from products.interest import period_start
from products.interest.earning import Conditions
from products.interest_corrections import Recorded
from products.night import Night
from products.spans import Span, as_known, earned_before, expand, span_of

_SQL = statements(Path(__file__).parent / "sql" / "late_cases.sql")

_NONE: Mapping[date, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LateContract:
    """A contract with a late posting; `touched` is the first bearing date that it changes."""

    contract_id: UUID
    account_id: int
    interest_from: date
    touched: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that the replay of one contract needs, and its leg as it stands."""

    contract: LateContract
    opening_satang: int
    changes: Mapping[date, int]
    recorded: Recorded
    leg: asyncpg.Record


async def load_cases(
    connection: Connection, night: Night, product: Product, contracts: Sequence[LateContract]
) -> list[Case]:
    """What is known of contracts of a product by the night's date, from their touched dates on."""
    first = [c.touched for c in contracts]
    ids, accounts = [c.contract_id for c in contracts], [c.account_id for c in contracts]
    day = (night.book_id, night.business_date)
    rows = await connection.fetch(_SQL["opening_balances"], *day, accounts, first)
    openings = {row["account_id"]: row["balance"] for row in rows}
    rows = await connection.fetch(_SQL["value_dated_changes"], *day, accounts, first)
    changes = _by_date(rows, "account_id", "value_date", "net")
    rows = await connection.fetch(_SQL["recorded_credits"], night.book_id, ids, first)
    credited = _by_date(rows, "contract_id", "period_end", "amount_satang")
    key = (product.terms.rounding.value, product.product_code, ids)
    legs = {row["contract_id"]: row for row in await connection.fetch(_SQL["legs"], *day, *key)}
    brought = await interest_brought(connection, night.book_id, ids)
    told = await _spans(connection, night, ids, first)
    return [
        Case(
            contract=c,
            opening_satang=openings[c.account_id],
            changes=_without(changes.get(c.account_id, _NONE), credited.get(c.contract_id, _NONE)),
            recorded=_recorded(
                night,
                product,
                c,
                told.get(c.contract_id, ()),
                credited.get(c.contract_id, _NONE),
                legs[c.contract_id]["outstanding"],
                brought.get(c.contract_id, 0),
            ),
            leg=legs[c.contract_id],
        )
        for c in contracts
    ]


async def interest_brought(
    connection: Connection, book_id: int, contract_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """Exact interest that contracts brought from an old system; those that did not are left out."""
    rows = await connection.fetch(_SQL["interest_brought"], book_id, contract_ids)
    return {row["contract_id"]: int(row["exact"]) for row in rows}


def _recorded(
    night: Night,
    product: Product,
    contract: LateContract,
    spans: Sequence[Span],
    credited: Mapping[date, int],
    outstanding: int,
    brought: int,
) -> Recorded:
    start, terms = contract.touched, product.terms
    expanded = expand(spans, start, night.business_date)
    began = period_start(terms, start, contract.interest_from)
    opening = earned_before(spans, start, began)
    if opening is None:
        opening = brought if began == contract.interest_from else 0
    return Recorded(
        exact={on: span.slope_exact for on, span in expanded.items()},
        balances={on: span.balance_satang for on, span in expanded.items()},
        credits=credited,
        outstanding_satang=outstanding,
        opening_exact=opening,
    )


async def _spans(
    connection: Connection, night: Night, ids: Sequence[UUID], first: Sequence[date]
) -> dict[UUID, tuple[Span, ...]]:
    """The spans that are good now, by contract, from the day before each first date on."""
    rows = await connection.fetch(
        _SQL["recorded_spans"], night.book_id, night.business_date, ids, first
    )
    told: dict[UUID, list[Span]] = {}
    for row in rows:
        told.setdefault(row["contract_id"], []).append(span_of(dict(row)))
    return {key: as_known(spans, night.business_date) for key, spans in told.items()}


def _by_date(
    rows: Sequence[asyncpg.Record], key: str, on: str, value: str
) -> dict[object, dict[date, int]]:
    """Rows as integers by key and date; numeric columns become exact integers here."""
    found: dict[object, dict[date, int]] = {}
    for row in rows:
        found.setdefault(row[key], {})[row[on]] = int(row[value])
    return found


def _without(changes: Mapping[date, int], credited: Mapping[date, int]) -> dict[date, int]:
    """Net changes by value date with capitalisations taken out: those are the replay's to make."""
    return {on: changes.get(on, 0) - credited.get(on, 0) for on in {*changes, *credited}}


async def rates_of(
    connection: Connection, night: Night, product: Product, start: date
) -> dict[date, int | Conditions]:
    """What each date from `start` to the night's pays: by the sheet that its night used, else by
    the one that is quoted.

    A date has no night of the product when no contract of it bore interest yet.
    """
    sheets, lines = await sheets_of(connection, product, start, night.business_date)
    paid = {sheet_id: product.conditions(told) for sheet_id, told in lines.items()}
    return {on: paid[sheet_id] for on, sheet_id in sheets.items()}


async def sheets_of(
    connection: Connection, product: Product, start: date, stop: date
) -> tuple[dict[date, UUID], dict[UUID, tuple[RateLine, ...]]]:
    """The sheet of each date of [start, stop), as `rates_of` finds it, and the lines of each."""
    book_id, code = product.book_id, product.product_code
    rows = await connection.fetch(_SQL["used_sheets"], book_id, stop, code, start)
    sheets = {row["business_date"]: row["sheet_id"] for row in rows}
    lines = await lines_of(connection, book_id, {*sheets.values()})
    for on in days(start, stop):
        if on not in sheets:
            answer = await quote(connection, book_id, code, on)
            sheets[on], lines[answer.sheet_id] = answer.sheet_id, answer.lines
    return sheets, lines
