"""Contracts, compared: what nights recorded of them against the life that the proof lives.

Savings are lived by their balances, placements by their notes (`placement_checks`). Every
capitalisation of savings must also be the journal that it names, to the contract's account, with
the period's end as its value date.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ
from products.proof.contract_rows import (
    CONTRACTS_AT_ONCE,
    SAVINGS,
    Piece,
    Product,
    Row,
    Shelf,
    Totals,
    read_piece,
)
from products.proof.life import Facts, Life, live
from products.proof.placement_checks import check_placement
from products.proof.spans import check_spans, check_standing, nights_of_corrections

_ONE_DAY = timedelta(days=1)


async def check_contracts(
    connection: Connection, book_id: int, shelf: Shelf, totals: Totals
) -> list[Difference]:
    """Live every contract and compare; afterwards `totals` holds what they add up to."""
    found: list[Difference] = []
    after: UUID | None = None
    while True:
        piece = await read_piece(connection, book_id, shelf, after)
        for contract in piece.contracts:
            found += _account(contract)
            is_savings = contract["family"] in SAVINGS
            check = _savings if is_savings else check_placement
            found += check(contract, piece, shelf, totals)
        if len(piece.contracts) < CONTRACTS_AT_ONCE:
            return found
        after = piece.contracts[-1]["contract_id"]


def _savings(row: Row, piece: Piece, shelf: Shelf, totals: Totals) -> Iterator[Difference]:
    contract_id, number = row["contract_id"], row["contract_no"]
    product = shelf.products[row["product_code"]]
    spans = [span for span in piece.spans[contract_id] if span["leg"] == 1]
    facts = _facts(row, piece, shelf, product, spans)
    life = live(facts)
    yield from _interest_brought(row, facts)
    yield from check_spans(number, facts, life, spans)
    yield from _credits(row, product, life, piece.credits[contract_id], piece.proven)
    yield from _closings(number, life)
    yield from check_standing(row, facts, life, spans, piece.proven)
    where = f"products.contract {number}"
    yield from differ("only placements mature", where, None, row["matured_on"])
    totals.contracts += 1
    totals.spans += len(piece.spans[contract_id])
    totals.without_rate |= {
        (row["product_code"], on) for on in life.accruals.keys() - facts.rates.keys()
    }
    accounts = (product.expense_account, product.payable_account)
    for (night, on), amount in life.posted.items():
        totals.posted[(*accounts, night, on)] += amount
    if row["closed_on"] is None:
        totals.reach(facts.last_accrual)


def _accrued_to(row: Row, piece: Piece) -> date:
    """The last date that nights have accrued for a savings contract."""
    last = piece.accrued_to(row)
    if row["closed_on"] is not None:
        # Closed before it bore anything, it stands at the day before it would have.
        first: date = row["interest_from"]
        last = max(min(last, row["closed_on"] - _ONE_DAY), first - _ONE_DAY)
    return last


def _facts(row: Row, piece: Piece, shelf: Shelf, product: Product, spans: list[Row]) -> Facts:
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
