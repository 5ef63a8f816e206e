"""Contracts, compared: what nights recorded of them against the life that the proof lives.

Contracts are read in pieces, each in one short snapshot, so that a night that runs meanwhile is
seen before or after one of its chunks and never in between. Every capitalisation must also be the
journal that it names, to the contract's account, with the period's end as its value date.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ
from products.proof.closings import Closing, read_closings
from products.proof.life import Facts, Life, Lines, Terms, live
from products.proof.spans import check_spans, check_standing, nights_of_corrections

CONTRACTS_AT_ONCE = 200
_ONE_DAY = timedelta(days=1)

_CONTRACTS = """
SELECT c.contract_id, c.contract_no, c.product_code, c.account_id, c.interest_from, c.closed_on,
    c.opened_on, c.party_id, c.state, a.code AS account_code, a.party_id AS account_party,
    a.opened_on AS account_opened_on, (
        SELECT CASE e.kind WHEN 14 THEN e.business_date END FROM ledger.event AS e
        WHERE e.book_id = c.book_id AND e.account_id = c.account_id AND e.kind IN (14, 16)
        ORDER BY e.recorded_seq DESC LIMIT 1
    ) AS account_closed_on,
    s.contract_id AS standing, s.product_code AS leg_product, s.bears_from, s.period_start,
    s.since, s.balance_satang, s.annual_rate_e8, s.year_days, s.slope_exact, s.base_exact,
    s.settled_satang, s.credited_satang, s.ended_on, s.span_no,
    n.body AS brought, n.amount_satang AS brought_satang
FROM products.contract AS c
INNER JOIN ledger.account AS a ON a.book_id = c.book_id AND a.account_id = c.account_id
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
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
# Chunks that the night that runs has done: their contracts have accrued its date.
_RUNNING = """
SELECT n.business_date, n.product_code, n.first_contract, n.stop_contract
FROM products.night_chunk AS n
WHERE n.book_id = $1 AND n.step = 'accrue' AND n.product_code IS NOT NULL AND n.business_date = (
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
WHERE book_id = $1 AND step IN ('capitalise', 'correct') AND refused <> '[]'
"""

Row = Any
"""An `asyncpg.Record`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product's terms and the accounts its interest is posted to."""

    terms: Terms
    expense_account: int
    payable_account: int
    gl_deposits: str


@dataclass(slots=True, kw_only=True)
class Shelf:
    """What all contracts share: products, rates, refusals by night."""

    products: dict[str, Product]
    rates: dict[str, dict[date, Lines]]
    refused: dict[tuple[str, UUID], set[date]]


@dataclass(slots=True)
class Totals:
    """What the contracts add up to, for the general ledger.

    posted:  (expense account, payable account, night, value date) -> satang.
    through: the last date that every contract has accrued; None without contracts.
    without_rate: products and dates of which no night has kept the rate.
    """

    contracts: int = 0
    spans: int = 0
    without_rate: set[tuple[str, date]] = field(default_factory=set)
    posted: dict[tuple[int, int, date, date], int] = field(default_factory=lambda: defaultdict(int))
    through: date | None = None


@dataclass(slots=True)
class _Piece:
    """The rows of some contracts, by contract (movements by account)."""

    contracts: list[Row]
    moved: dict[int, list[Row]]
    spans: dict[UUID, list[Row]]
    credits: dict[UUID, list[Row]]
    closings: dict[int, list[Closing]]
    proven: date | None
    running: list[Row]


def refused_nights(rows: list[Row]) -> dict[tuple[str, UUID], set[date]]:
    """(step, contract) -> nights that could not credit it, from the chunk rows."""
    found: dict[tuple[str, UUID], set[date]] = defaultdict(set)
    for row in rows:
        for entry in json.loads(row["refused"]):
            found[row["step"], UUID(entry["contract_id"])].add(row["business_date"])
    return found


async def read_refusals(connection: Connection, book_id: int) -> dict[tuple[str, UUID], set[date]]:
    """The refusals that the nights have recorded."""
    return refused_nights(await connection.fetch(_REFUSALS, book_id))


async def check_contracts(
    connection: Connection, book_id: int, shelf: Shelf, totals: Totals
) -> list[Difference]:
    """Live every contract and compare; afterwards `totals` holds what they add up to."""
    found: list[Difference] = []
    after: UUID | None = None
    while True:
        piece = await _read(connection, book_id, after)
        for contract in piece.contracts:
            found += _contract(contract, piece, shelf, totals)
        if len(piece.contracts) < CONTRACTS_AT_ONCE:
            return found
        after = piece.contracts[-1]["contract_id"]


async def _read(connection: Connection, book_id: int, after: UUID | None) -> _Piece:
    if connection.is_in_transaction():
        return await _read_here(connection, book_id, after)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await _read_here(connection, book_id, after)


async def _read_here(connection: Connection, book_id: int, after: UUID | None) -> _Piece:
    contracts = await connection.fetch(_CONTRACTS, book_id, after, CONTRACTS_AT_ONCE)
    ids = [row["contract_id"] for row in contracts]
    accounts = [row["account_id"] for row in contracts]
    moved: dict[int, list[Row]] = defaultdict(list)
    for row in await connection.fetch(_MOVED, book_id, accounts):
        moved[row["account_id"]].append(row)
    return _Piece(
        contracts,
        moved,
        await _by_contract(connection, _SPANS, book_id, ids),
        await _by_contract(connection, _CREDITS, book_id, ids),
        await read_closings(connection, book_id, accounts),
        await connection.fetchval(_PROVEN, book_id),
        await connection.fetch(_RUNNING, book_id),
    )


async def _by_contract(
    connection: Connection, question: str, book_id: int, ids: list[UUID]
) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in await connection.fetch(question, book_id, ids):
        found[row["contract_id"]].append(row)
    return found


def _contract(row: Row, piece: _Piece, shelf: Shelf, totals: Totals) -> Iterator[Difference]:
    contract_id, number = row["contract_id"], row["contract_no"]
    product = shelf.products[row["product_code"]]
    spans = [span for span in piece.spans[contract_id] if span["leg"] == 1]
    facts = _facts(row, piece, shelf, product, spans)
    life = live(facts)
    yield from _account(row)
    yield from _interest_brought(row, facts)
    yield from check_spans(number, facts, life, spans)
    yield from _credits(row, product, life, piece.credits[contract_id], piece.proven)
    yield from _closings(number, life)
    yield from check_standing(row, facts, life, spans, piece.proven)
    totals.contracts += 1
    totals.spans += len(piece.spans[contract_id])
    totals.without_rate |= {
        (row["product_code"], on) for on in life.accruals.keys() - facts.rates.keys()
    }
    accounts = (product.expense_account, product.payable_account)
    for (night, on), amount in life.posted.items():
        totals.posted[(*accounts, night, on)] += amount
    if row["closed_on"] is None:
        last = facts.last_accrual
        totals.through = last if totals.through is None else min(totals.through, last)


def _accrued_to(row: Row, piece: _Piece) -> date:
    """The last date that nights have accrued for a contract."""
    first: date = row["interest_from"]
    last = first - _ONE_DAY
    if piece.proven is not None:
        last = max(last, piece.proven)
    for chunk in piece.running:
        mine = chunk["first_contract"] <= row["contract_id"] < chunk["stop_contract"]
        if chunk["product_code"] == row["product_code"] and mine:
            last = max(last, chunk["business_date"])
    if row["closed_on"] is not None:
        # Closed before it bore anything, it stands at the day before it would have.
        last = max(min(last, row["closed_on"] - _ONE_DAY), first - _ONE_DAY)
    return last


def _facts(row: Row, piece: _Piece, shelf: Shelf, product: Product, spans: list[Row]) -> Facts:
    contract_id = row["contract_id"]
    last = _accrued_to(row, piece)
    moved: dict[date, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for movement in piece.moved[row["account_id"]]:
        moved[movement["business_date"]][movement["value_date"]] += movement["net"]
    credited: dict[date, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for credit in piece.credits[contract_id]:
        credited[credit["made_on"]][credit["period_end"]] += credit["amount_satang"]
    return Facts(
        terms=product.terms,
        interest_from=row["interest_from"],
        last_accrual=last,
        # A night in progress has corrected this contract before it accrues its own date.
        last_night=min(max({last, *nights_of_corrections(spans), *credited}), last + _ONE_DAY),
        moved=moved,
        credited=credited,
        refused=frozenset(shelf.refused.get(("capitalise", contract_id), ())),
        uncorrected=frozenset(shelf.refused.get(("correct", contract_id), ())),
        rates=shelf.rates.get(row["product_code"], {}),
        closings=tuple(piece.closings[row["account_id"]]),
        brought=_brought(row)[0],
    )


def _brought(row: Row) -> tuple[int, str]:
    """Exact interest that a contract brought along and the date it goes up to, by its note."""
    if row["brought"] is None:
        return 0, ""
    try:
        body = json.loads(row["brought"])
        return int(body["exact"]), str(body["accrued_to"])
    except (ValueError, KeyError, TypeError):
        return 0, "a note that cannot be read"


def _interest_brought(row: Row, facts: Facts) -> Iterator[Difference]:
    """Interest of an old system ends on the date before the first that bears interest here."""
    if row["brought"] is not None:
        exact, accrued_to = _brought(row)
        expected: dict[str, object] = {
            "accrued_to": (facts.interest_from - _ONE_DAY).isoformat(),
            "amount_satang": facts.terms.satang(exact),
        }
        found = {"accrued_to": accrued_to, "amount_satang": row["brought_satang"]}
        where = f"interest brought by {row['contract_no']}"
        yield from compare("interest brought is its note", where, expected, dict(found))


def _account(row: Row) -> Iterator[Difference]:
    """A contract opens and closes with its account: one closed by itself would earn no more."""
    expected: dict[str, object] = {
        "contract_no": row["account_code"],
        "party_id": row["account_party"],
        "opened_on": row["account_opened_on"],
        "closed_on": row["account_closed_on"],
        "state": 1 if row["account_closed_on"] is None else 2,
    }
    found = {name: row[name] for name in expected}
    where = f"products.contract {row['account_code']}"
    yield from compare("contracts are their accounts", where, expected, found)


def _credits(
    row: Row, product: Product, life: Life, rows: list[Row], proven: date | None
) -> Iterator[Difference]:
    check = "capitalisations are what was accrued"
    left = {(credit["period_end"], credit["made_on"]): credit for credit in rows}
    for credit in rows:
        yield from _credit_journal(row, product, credit)
    for key, amount in life.credits.items():
        where = f"products.capitalisation {row['contract_no']} {key[0]} made on {key[1]}"
        found = left.pop(key, None)
        if found is None:
            # A night that is not proven may still have to credit it.
            if proven is not None and key[1] <= proven:
                yield from differ(check, where, f"{amount} satang", "no row")
        else:
            yield from differ(check, where, amount, found["amount_satang"])
    for period_end, made_on in left:
        where = f"products.capitalisation {row['contract_no']} {period_end} made on {made_on}"
        yield from differ(check, where, "no row", "a row")


def _closings(number: str, life: Life) -> Iterator[Difference]:
    for end in life.ends:
        where = f"closing of {number} on {end.closing.closed_on}, interest paid"
        yield from differ("closings pay what was accrued", where, end.owed, end.closing.paid)


def _credit_journal(row: Row, product: Product, credit: Row) -> Iterator[Difference]:
    accounts = (product.payable_account, row["account_id"])
    amount = credit["amount_satang"]
    if amount < 0:
        accounts = (accounts[1], accounts[0])
    expected: dict[str, object] = {
        "debit_account": accounts[0],
        "credit_account": accounts[1],
        "posted": abs(amount),
        "business_date": credit["made_on"],
        "value_date": credit["period_end"],
    }
    where = (
        f"products.capitalisation {row['contract_no']} {credit['period_end']} made on "
        f"{credit['made_on']}, journal {credit['journal_id']}"
    )
    found = {name: credit[name] for name in expected}
    yield from compare("capitalisations are their journals", where, expected, found)
