"""Rows of placements as the proof reads them: what all share, and what is recorded of some.

Decisions of persons (offers, sheets, tax rows, holidays, notes) become the facts that a life is
lived from; the rows that nights and doors derived from them are only ever compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from ledger.db import Connection
from products.proof.calendars import Holidays
from products.proof.life import Lines, Terms
from products.proof.placed import EarlyRule, Offer, Sheet, Tax

_OFFERS = """
SELECT o.product_code, o.months, o.due_rule, o.tax_account, o.savings_product, p.family,
    p.expense_account, p.payable_account
FROM products.placement_product AS o
INNER JOIN products.product AS p ON p.book_id = o.book_id AND p.product_code = o.product_code
WHERE o.book_id = $1
"""
_RULES = """
SELECT product_code, from_months, source, part_percent, penalty_e8
FROM products.early_rule WHERE book_id = $1
"""
_TAXES = """
SELECT holder, family, from_date, rate_e8, form
FROM products.tax_rate WHERE book_id = $1 ORDER BY from_date
"""
_SHEETS = """
SELECT s.product_code, s.effective_from, s.sheet_id, s.annual_rate_e8
FROM pricing.rate_sheet AS s
WHERE s.book_id = $1 AND s.state = 2 AND s.product_code = ANY($2::text[])
"""
_HOLIDAYS = "SELECT on_date, announced_on FROM products.holiday WHERE book_id = $1"

_NOTES = """
SELECT e.account_id, e.recorded_seq, e.kind, e.business_date, e.subject, e.amount_satang, e.actor,
    e.reason, e.body
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.kind BETWEEN 151 AND 158 AND e.account_id = ANY($2::integer[])
ORDER BY e.recorded_seq
"""
# The accounts that notes name, whatever contract a row names.
_LINKED = """
SELECT a.code, a.account_id, a.party_id, c.contract_id, p.family
FROM ledger.account AS a
LEFT JOIN products.contract AS c ON c.book_id = a.book_id AND c.account_id = a.account_id
LEFT JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
WHERE a.book_id = $1 AND a.code IN (
    SELECT e.body::jsonb ->> 'linked' FROM ledger.event AS e
    WHERE e.book_id = $1 AND e.kind IN (151, 155) AND e.account_id = ANY($2::integer[])
)
"""
_PLACEMENTS = """
SELECT contract_id, linked_contract, coupon_months, instruction
FROM products.placement WHERE book_id = $1 AND contract_id = ANY($2::uuid[])
"""
_TERMS = """
SELECT contract_id, term_no, begins_on, nominal_on, matures_on, principal_satang, annual_rate_e8,
    sheet_id, accrued_before_satang, made_seq
FROM products.term WHERE book_id = $1 AND contract_id = ANY($2::uuid[])
"""
_COUPONS = """
SELECT contract_id, term_no, coupon_no, from_date, pays_on, is_last
FROM products.coupon WHERE book_id = $1 AND contract_id = ANY($2::uuid[])
"""
_WITHHELD = """
SELECT contract_id, journal_id, paid_on, holder, interest_satang, rate_e8, tax_satang, form
FROM products.tax_withheld WHERE book_id = $1 AND contract_id = ANY($2::uuid[])
"""
_EARLY_ENDS = """
SELECT contract_id, early_end_id, term_no, state, reason, proposed_by, proposed_on, decided_by,
    decided_on, remark, rule_from_months, earned_satang, paid_satang
FROM products.early_end WHERE book_id = $1 AND contract_id = ANY($2::uuid[])
ORDER BY early_end_id
"""
# Journals that payments, certificates and closings name.
_LINES = """
WITH named AS (
    SELECT k.contract_id, k.journal_id FROM products.capitalisation AS k
    WHERE k.book_id = $1 AND k.contract_id = ANY($2::uuid[])
    UNION
    SELECT w.contract_id, w.journal_id FROM products.tax_withheld AS w
    WHERE w.book_id = $1 AND w.contract_id = ANY($2::uuid[])
    UNION
    SELECT c.contract_id, s.id::uuid FROM products.contract AS c
    INNER JOIN ledger.event AS e
        ON e.book_id = c.book_id AND e.account_id = c.account_id AND e.kind = 14
    CROSS JOIN LATERAL jsonb_array_elements_text(e.body::jsonb -> 'settled_by') AS s (id)
    WHERE c.book_id = $1 AND c.contract_id = ANY($2::uuid[])
)
SELECT n.contract_id, n.journal_id, t.kind, t.line, t.business_date, t.value_date,
    t.debit_account, t.credit_account, t.amount_satang
FROM named AS n
INNER JOIN ledger.transfer AS t ON t.book_id = $1 AND t.journal_id = n.journal_id
ORDER BY n.journal_id, t.line
"""

Row = Any
"""An `asyncpg.Record`."""
Rows = Mapping[UUID, Sequence[Row]]
"""Rows by contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedShelf:
    """What all placements share: offers by product, tax rows by holder and family, sheets."""

    offers: Mapping[str, Offer]
    taxes: Mapping[tuple[int, str], tuple[Tax, ...]]
    sheets: Mapping[str, tuple[Sheet, ...]]
    holidays: Holidays


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPiece:
    """What is recorded of some placements, by contract.

    notes:  numbered events by account, in order. linked: accounts that they name, by code.
    lines:  of the journals that payments, certificates and closings name.
    """

    notes: Mapping[int, Sequence[Row]] = field(default_factory=dict)
    linked: Mapping[str, Row] = field(default_factory=dict)
    placements: Rows = field(default_factory=dict)
    terms: Rows = field(default_factory=dict)
    coupons: Rows = field(default_factory=dict)
    withheld: Rows = field(default_factory=dict)
    early_ends: Rows = field(default_factory=dict)
    lines: Rows = field(default_factory=dict)


async def read_placed_shelf(
    connection: Connection, book_id: int, terms: Mapping[str, Terms], lines: Mapping[UUID, Lines]
) -> PlacedShelf:
    """Offers and what they go by. terms: by product; lines: of each rate sheet."""
    rows = await connection.fetch(_OFFERS, book_id)
    rules: dict[str, list[EarlyRule]] = defaultdict(list)
    for row in await connection.fetch(_RULES, book_id):
        rules[row["product_code"]].append(
            EarlyRule(
                from_months=row["from_months"],
                source=row["source"],
                part=row["part_percent"],
                penalty=row["penalty_e8"],
            )
        )
    codes = {row[name] for row in rows for name in ("product_code", "savings_product")} - {None}
    taxes: dict[tuple[int, str], tuple[Tax, ...]] = defaultdict(tuple)
    for row in await connection.fetch(_TAXES, book_id):
        tax = Tax(from_date=row["from_date"], rate=row["rate_e8"], form=row["form"])
        taxes[row["holder"], row["family"]] += (tax,)
    sheets: dict[str, tuple[Sheet, ...]] = defaultdict(tuple)
    for row in await connection.fetch(_SHEETS, book_id, sorted(codes)):
        told = lines.get(row["sheet_id"]) or ((0, row["annual_rate_e8"]),)
        sheets[row["product_code"]] += (
            Sheet(effective_from=row["effective_from"], sheet_id=row["sheet_id"], lines=told),
        )
    announced = await connection.fetch(_HOLIDAYS, book_id)
    return PlacedShelf(
        offers={code: _offer(row, terms[code], rules[code]) for code, row in _by_code(rows)},
        taxes=taxes,
        sheets=sheets,
        holidays={row["on_date"]: row["announced_on"] for row in announced},
    )


def _by_code(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    return [(row["product_code"], row) for row in rows]


def _offer(row: Row, terms: Terms, rules: Sequence[EarlyRule]) -> Offer:
    return Offer(
        terms=terms,
        family=row["family"],
        months=row["months"],
        is_moved=row["due_rule"] == "NEXT",
        expense_account=row["expense_account"],
        payable_account=row["payable_account"],
        tax_account=row["tax_account"],
        savings_product=row["savings_product"],
        early_rules=tuple(rules),
    )


async def read_placed(
    connection: Connection, book_id: int, contracts: Sequence[Row]
) -> PlacedPiece:
    """What is recorded of these contracts, each of which is a placement."""
    if not contracts:
        return PlacedPiece()
    ids = [row["contract_id"] for row in contracts]
    accounts = [row["account_id"] for row in contracts]
    notes: dict[int, list[Row]] = defaultdict(list)
    for row in await connection.fetch(_NOTES, book_id, accounts):
        notes[row["account_id"]].append(row)
    linked = await connection.fetch(_LINKED, book_id, accounts)
    return PlacedPiece(
        notes=notes,
        linked={row["code"]: row for row in linked},
        placements=await _by_contract(connection, _PLACEMENTS, book_id, ids),
        terms=await _by_contract(connection, _TERMS, book_id, ids),
        coupons=await _by_contract(connection, _COUPONS, book_id, ids),
        withheld=await _by_contract(connection, _WITHHELD, book_id, ids),
        early_ends=await _by_contract(connection, _EARLY_ENDS, book_id, ids),
        lines=await _by_contract(connection, _LINES, book_id, ids),
    )


async def _by_contract(
    connection: Connection, question: str, book_id: int, ids: list[UUID]
) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in await connection.fetch(question, book_id, ids):
        found[row["contract_id"]].append(row)
    return found


def newest(rows: Sequence[Row], kind: int) -> Row | None:
    """The last note of a kind."""
    return next((row for row in reversed(rows) if row["kind"] == kind), None)


def day_of(row: Row | None) -> date | None:
    """The business date of a note, where there is one."""
    return None if row is None else row["business_date"]
