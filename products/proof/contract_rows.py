"""Rows of contracts as the proof reads them: in pieces, each in one short snapshot.

So a night that runs meanwhile is seen before or after one of its chunks and never in between. What
all contracts share is read once, before the first piece.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from ledger.db import Connection
from products.proof.closings import Closing, read_closings
from products.proof.life import Lines, Terms
from products.proof.placement_rows import PlacedPiece, PlacedShelf, read_placed

CONTRACTS_AT_ONCE = 200
SAVINGS = frozenset({"savings", "special_savings"})
"""Families whose interest follows the balance; others are placements."""
_ONE_DAY = timedelta(days=1)

_CONTRACTS = """
SELECT c.contract_id, c.contract_no, c.product_code, c.account_id, c.interest_from, c.closed_on,
    c.opened_on, c.party_id, c.state, c.matured_on, a.code AS account_code,
    a.party_id AS account_party, a.opened_on AS account_opened_on, (
        SELECT CASE e.kind WHEN 14 THEN e.business_date END FROM ledger.event AS e
        WHERE e.book_id = c.book_id AND e.account_id = c.account_id AND e.kind IN (14, 16)
        ORDER BY e.recorded_seq DESC LIMIT 1
    ) AS account_closed_on,
    p.family, h.kind AS holder,
    s.contract_id AS standing, s.product_code AS leg_product, s.bears_from, s.period_start,
    s.since, s.balance_satang, s.annual_rate_e8, s.year_days, s.slope_exact, s.base_exact,
    s.settled_satang, s.credited_satang, s.ended_on, s.span_no,
    n.body AS brought, n.amount_satang AS brought_satang
FROM products.contract AS c
INNER JOIN ledger.account AS a ON a.book_id = c.book_id AND a.account_id = c.account_id
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
LEFT JOIN ledger.party AS h ON h.book_id = c.book_id AND h.party_id = c.party_id
LEFT JOIN products.interest_leg AS s
    ON s.book_id = c.book_id AND s.contract_id = c.contract_id AND s.leg = 1
LEFT JOIN LATERAL (
    SELECT e.body, e.amount_satang FROM ledger.event AS e
    WHERE e.book_id = c.book_id AND e.subject = c.contract_id AND e.kind = 131
    ORDER BY e.recorded_seq LIMIT 1
) AS n ON TRUE
WHERE c.book_id = $1 AND ($2::uuid IS NULL OR c.contract_id > $2)
ORDER BY c.contract_id LIMIT $3
"""
_MOVED = """
SELECT account_id, business_date, value_date, sum(credits - debits)::bigint AS net
FROM ledger.movement WHERE book_id = $1 AND account_id = ANY($2::integer[])
GROUP BY account_id, business_date, value_date
"""
_SPANS = """
SELECT contract_id, leg, span_no, from_date, made_on, balance_satang, annual_rate_e8, year_days,
    slope_exact, base_exact
FROM products.interest_span WHERE book_id = $1 AND contract_id = ANY($2::uuid[])
"""
_PROVEN = "SELECT max(business_date) FROM ledger.day WHERE book_id = $1 AND state = 3"
# Chunks that the night that runs has done: their contracts have matured or accrued its date.
_RUNNING = """
SELECT n.business_date, n.step, n.product_code, n.first_contract, n.stop_contract, n.refused
FROM products.night_chunk AS n
WHERE n.book_id = $1 AND n.step IN ('mature', 'accrue') AND n.product_code IS NOT NULL
    AND n.business_date = (
        SELECT min(d.business_date) FROM ledger.day AS d WHERE d.book_id = $1 AND d.state = 2
    )
"""
_CREDITS = """
SELECT k.contract_id, k.period_end, k.made_on, k.amount_satang, k.journal_id, t.debit_account,
    t.credit_account, t.amount_satang AS posted, t.business_date, t.value_date
FROM products.capitalisation AS k
LEFT JOIN ledger.transfer AS t
    ON t.book_id = k.book_id AND t.journal_id = k.journal_id AND t.line = 0
WHERE k.book_id = $1 AND k.contract_id = ANY($2::uuid[])
"""
_REFUSALS = """
SELECT business_date, step, refused FROM products.night_chunk
WHERE book_id = $1 AND step IN ('mature', 'capitalise', 'correct') AND refused <> '[]'
    AND ($2::date IS NULL OR business_date > $2)
"""

Row = Any
"""An `asyncpg.Record`."""

Refused = dict[tuple[str, UUID], set[date]]
"""(step, contract) -> nights that could not do all of it for that contract, and went on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product's terms and the accounts its interest is posted to."""

    terms: Terms
    expense_account: int
    payable_account: int
    gl_deposits: str


@dataclass(slots=True, kw_only=True)
class Shelf:
    """What all contracts share: products, rates, refusals by night.

    proven: the last date that was proven before anything else was read.
    """

    products: dict[str, Product]
    rates: dict[str, dict[date, Lines]]
    refused: Refused
    placed: PlacedShelf
    proven: date | None


@dataclass(slots=True)
class Totals:
    """What the contracts add up to, for the general ledger.

    posted:  (expense account, payable account, night, value date) -> satang.
    through: the last date that every bearing contract has accrued; None without any.
    matured: night -> interest that placements were paid by it, before tax.
    repriced: (expense account, payable account, date) -> what early ends changed.
    without_rate: products and dates of which no night has kept the rate.
    """

    contracts: int = 0
    spans: int = 0
    without_rate: set[tuple[str, date]] = field(default_factory=set)
    posted: dict[tuple[int, int, date, date], int] = field(default_factory=lambda: defaultdict(int))
    through: date | None = None
    matured: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    repriced: dict[tuple[int, int, date], int] = field(default_factory=lambda: defaultdict(int))

    def reach(self, last: date) -> None:
        """A bearing contract has accrued through a date."""
        self.through = last if self.through is None else min(self.through, last)


@dataclass(slots=True, kw_only=True)
class Piece:
    """The rows of some contracts, by contract (movements and closings by account).

    running: chunks of the night that runs. refused: of nights that `Shelf.proven` is before.
    """

    contracts: list[Row]
    moved: dict[int, list[Row]]
    spans: dict[UUID, list[Row]]
    credits: dict[UUID, list[Row]]
    closings: dict[int, list[Closing]]
    placed: PlacedPiece
    proven: date | None
    running: list[Row]
    refused: Refused

    def accrued_to(self, row: Row) -> date:
        """The last date that nights have accrued for a contract, as if it had not closed."""
        return self._done_to(row, "accrue")

    def matured_to(self, row: Row) -> date:
        """The last date of which the step `mature` is done for a contract."""
        return self._done_to(row, "mature")

    def _done_to(self, row: Row, step: str) -> date:
        first: date = row["interest_from"]
        last = first - _ONE_DAY
        if self.proven is not None:
            last = max(last, self.proven)
        for chunk in self.running:
            mine = chunk["first_contract"] <= row["contract_id"] < chunk["stop_contract"]
            if chunk["step"] == step and chunk["product_code"] == row["product_code"] and mine:
                undone = _keeping_open(chunk["refused"])
                last = (
                    max(last, chunk["business_date"]) if row["contract_id"] not in undone else last
                )
        return last


def refused_nights(rows: list[Row]) -> Refused:
    """What the chunk rows list as refused and left: the nights, by step and contract."""
    found: Refused = defaultdict(set)
    for row in rows:
        for entry in json.loads(row["refused"]):
            # What keeps the day open is not left: a re-run tries it again.
            if row["step"] != "mature" or not entry["keeps_day_open"]:
                found[row["step"], UUID(entry["contract_id"])].add(row["business_date"])
    return found


def _keeping_open(refused: str) -> set[UUID]:
    return {UUID(entry["contract_id"]) for entry in json.loads(refused) if entry["keeps_day_open"]}


async def read_refusals(connection: Connection, book_id: int, after: date | None = None) -> Refused:
    """The refusals that nights have recorded; those after a date only, where one is given."""
    return refused_nights(await connection.fetch(_REFUSALS, book_id, after))


async def read_proven(connection: Connection, book_id: int) -> date | None:
    """The last date that is proven."""
    proven: date | None = await connection.fetchval(_PROVEN, book_id)
    return proven


async def read_piece(
    connection: Connection, book_id: int, shelf: Shelf, after: UUID | None
) -> Piece:
    """The next contracts behind one, in the order of their ids."""
    if connection.is_in_transaction():
        return await _read_here(connection, book_id, shelf, after)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await _read_here(connection, book_id, shelf, after)


async def _read_here(
    connection: Connection, book_id: int, shelf: Shelf, after: UUID | None
) -> Piece:
    contracts = await connection.fetch(_CONTRACTS, book_id, after, CONTRACTS_AT_ONCE)
    ids = [row["contract_id"] for row in contracts]
    accounts = [row["account_id"] for row in contracts]
    moved: dict[int, list[Row]] = defaultdict(list)
    for row in await connection.fetch(_MOVED, book_id, accounts):
        moved[row["account_id"]].append(row)
    placed = [row for row in contracts if row["family"] not in SAVINGS]
    return Piece(
        contracts=contracts,
        moved=moved,
        spans=await _by_contract(connection, _SPANS, book_id, ids),
        credits=await _by_contract(connection, _CREDITS, book_id, ids),
        closings=await read_closings(connection, book_id, accounts),
        placed=await read_placed(connection, book_id, placed),
        proven=await read_proven(connection, book_id),
        running=await connection.fetch(_RUNNING, book_id),
        refused=await read_refusals(connection, book_id, shelf.proven) if placed else {},
    )


async def _by_contract(
    connection: Connection, question: str, book_id: int, ids: list[UUID]
) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in await connection.fetch(question, book_id, ids):
        found[row["contract_id"]].append(row)
    return found
