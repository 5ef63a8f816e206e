"""Step `correct`: postings of the date whose value dates lie before it change accrued interest.

Their contracts, and only theirs, are read from the period that the posting fell into, replayed by
the pure engine, and differ from the record by correction rows, by one accrual journal a product
and value date, and, where a period was credited already, by a correction journal on the contract.
What the account refuses (a freeze) stays in accrued payable until the next capitalisation.
A night without late postings has no chunk here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.dates import days
from ledger.db import Connection, statements
from ledger.posting.values import Status
from pricing.quotes import quote
from products.catalogue import Product
from products.deposits import postings
from products.interest import period_start
from products.interest_corrections import Correction, Recorded, correct
from products.night import (
    ChunkResult,
    DayNotProven,
    Draft,
    Night,
    RefusedContract,
    Retry,
    named,
    post,
    post_own,
    run_chunk,
    units_of,
)

_SQL = statements(Path(__file__).parent / "sql" / "late_postings.sql")

CORRECT = "correct"
CONTRACTS_AT_ONCE = 100
"""A contract is replayed day by day, perhaps over years: a chunk holds the head for it."""
_NONE: Mapping[date, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LateContract:
    """A contract with a late posting; `touched` is the first bearing date that it changes."""

    contract_id: UUID
    account_id: int
    interest_from: date
    touched: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LateChunk:
    """Late contracts of one product, in key order."""

    number: int
    product_code: str
    contracts: tuple[LateContract, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Everything that the replay of one contract needs."""

    contract: LateContract
    start: date
    opening_satang: int
    changes: Mapping[date, int]
    recorded: Recorded


async def correct_late(night: Night) -> None:
    """Correct what late postings of the date changed in accrued interest."""
    chunks = await late_chunks(night)
    for chunk in chunks:
        work = partial(_correct_chunk, night, chunk)
        await run_chunk(night, CORRECT, chunk.number, len(chunks), work)


async def late_chunks(night: Night) -> list[LateChunk]:
    """Contracts with late postings, in chunks; corrections add none, so every run has the list."""
    rows = await night.pool.fetch(_SQL["late_contracts"], night.book_id, night.business_date)
    by_product: dict[str, list[LateContract]] = {}
    size = min(night.sizes.journals, CONTRACTS_AT_ONCE)
    for row in rows:
        fields = dict(row)
        by_product.setdefault(fields.pop("product_code"), []).append(LateContract(**fields))
    pieces = [
        (code, tuple(contracts[at : at + size]))
        for code, contracts in by_product.items()
        for at in range(0, len(contracts), size)
    ]
    return [
        LateChunk(number=number, product_code=code, contracts=contracts)
        for number, (code, contracts) in enumerate(pieces)
    ]


async def _correct_chunk(
    night: Night, chunk: LateChunk, connection: Connection, _: Retry | None
) -> ChunkResult:
    product = night.products[chunk.product_code]
    cases = await _load(connection, night, product, chunk.contracts)
    rates = await _rates(connection, night, product, min(case.start for case in cases))
    found = {c.contract.contract_id: _decide(night, product, c, rates, True) for c in cases}
    refused = await _post_credits(connection, night, product, cases, found)
    for case in cases:
        if case.contract.contract_id in {entry.contract_id for entry in refused}:
            again = _decide(night, product, case, rates, False)
            found[case.contract.contract_id] = again
    await _record(connection, night, found)
    amount = await _post_accruals(connection, night, chunk, found)
    return ChunkResult(contracts=len(cases), amount_satang=amount, refused=tuple(refused))


def _decide(
    night: Night, product: Product, case: _Case, rates: Mapping[date, int], may_credit: bool
) -> Correction:
    return correct(
        terms=product.terms,
        start=case.start,
        stop=night.business_date,
        opening_satang=case.opening_satang,
        changes=case.changes,
        rates=rates,
        recorded=case.recorded,
        may_credit=may_credit,
    )


async def _post_credits(
    connection: Connection,
    night: Night,
    product: Product,
    cases: Sequence[_Case],
    found: Mapping[UUID, Correction],
) -> list[RefusedContract]:
    """Post the corrections of past credits, a unit a contract; answers those refused."""
    asked = [case.contract for case in cases if found[case.contract.contract_id].credits]
    drafts = [
        Draft(
            event=_event(night, contract.contract_id),
            journals=tuple(
                postings.capitalisation_correction(
                    _event(night, contract.contract_id, end),
                    product,
                    contract.account_id,
                    end,
                    amount,
                )
                for end, amount in sorted(found[contract.contract_id].credits.items())
            ),
        )
        for contract in asked
    ]
    units = await units_of(connection, night, drafts)
    outcomes = await post(connection, night, units)
    refused: list[RefusedContract] = []
    rows: list[tuple[UUID, date, int, UUID | None]] = []
    for contract, outcome in zip(asked, outcomes, strict=True):
        if outcome.status is not Status.ACCEPTED:
            refused.append(RefusedContract.of(contract.contract_id, outcome))
            continue
        asked_for = sorted(found[contract.contract_id].credits.items())
        rows += [
            (contract.contract_id, end, amount, receipt.journal_id)
            for (end, amount), receipt in zip(asked_for, outcome.receipts, strict=True)
        ]
    # Nothing could mend these later under the same dates, so the chunk is undone and is loud.
    if any(entry.keeps_day_open for entry in refused):
        names = [named(entry, CORRECT) for entry in refused if entry.keeps_day_open]
        raise DayNotProven("; ".join(names))
    if rows:
        columns = map(list, zip(*rows, strict=True))
        await connection.execute(
            _SQL["record_credits"], night.book_id, night.business_date, *columns
        )
    return refused


def _event(night: Night, contract_id: UUID, *end: date) -> UUID:
    return night.event(CORRECT, contract_id, *end)


async def _record(connection: Connection, night: Night, found: Mapping[UUID, Correction]) -> None:
    """Correction rows, and where each contract stands afterwards."""
    rows = [
        (contract_id, day.on, day.balance_satang, day.exact_delta, day.posted_delta)
        for contract_id, correction in found.items()
        for day in correction.days
    ]
    if rows:
        columns = map(list, zip(*rows, strict=True))
        await connection.execute(
            _SQL["record_corrections"], night.book_id, night.business_date, *columns
        )
    standing = [
        (k, c.cumulative_exact, c.cumulative_satang, c.accrued_delta, c.credited_delta)
        for k, c in found.items()
    ]
    columns = map(list, zip(*standing, strict=True))
    await connection.execute(_SQL["move_standing"], night.book_id, *columns)


async def _post_accruals(
    connection: Connection, night: Night, chunk: LateChunk, found: Mapping[UUID, Correction]
) -> int:
    """One journal a value date whose interest changes, all in one unit; answers their sum."""
    by_date: dict[date, int] = {}
    for correction in found.values():
        for day in correction.days:
            by_date[day.on] = by_date.get(day.on, 0) + day.posted_delta
    changed = {on: amount for on, amount in sorted(by_date.items()) if amount}
    if changed:
        product = night.products[chunk.product_code]
        event = night.event(CORRECT, chunk.product_code, chunk.number)
        journals = tuple(
            postings.accrual(
                night.event(CORRECT, chunk.product_code, chunk.number, on), product, on, amount
            )
            for on, amount in changed.items()
        )
        draft = Draft(event=event, journals=journals, reason="late postings")
        (unit,) = await units_of(connection, night, [draft])
        await post_own(connection, night, unit, f"the correction of {chunk.product_code}")
    return sum(changed.values())


async def _load(
    connection: Connection, night: Night, product: Product, contracts: Sequence[LateContract]
) -> list[_Case]:
    """What is known of the contracts by the night's date, from their touched periods on."""
    first = [period_start(product.terms, c.touched, c.interest_from) for c in contracts]
    ids, accounts = [c.contract_id for c in contracts], [c.account_id for c in contracts]
    day = (night.book_id, night.business_date)
    rows = await connection.fetch(_SQL["opening_balances"], *day, accounts, first)
    openings = {row["account_id"]: row["balance"] for row in rows}
    rows = await connection.fetch(_SQL["value_dated_changes"], *day, accounts, first)
    changes = _by_date(rows, "account_id", "value_date", "net")
    rows = await connection.fetch(_SQL["recorded_accruals"], *day, ids, first)
    exact = _by_date(rows, "contract_id", "accrual_date", "exact")
    balances = _by_date(rows, "contract_id", "accrual_date", "balance_satang")
    rows = await connection.fetch(_SQL["recorded_credits"], night.book_id, ids, first)
    credited = _by_date(rows, "contract_id", "period_end", "amount_satang")
    rows = await connection.fetch(_SQL["outstanding"], night.book_id, ids)
    owed = {row["contract_id"]: row["outstanding"] for row in rows}
    rows = await connection.fetch(_SQL["interest_brought"], night.book_id, ids)
    brought = {row["contract_id"]: int(row["exact"]) for row in rows}
    return [
        _Case(
            contract=c,
            start=start,
            opening_satang=openings[c.account_id],
            changes=_without(changes.get(c.account_id, _NONE), credited.get(c.contract_id, _NONE)),
            recorded=Recorded(
                exact=exact.get(c.contract_id, _NONE),
                balances=balances.get(c.contract_id, _NONE),
                credits=credited.get(c.contract_id, _NONE),
                outstanding_satang=owed[c.contract_id],
                opening_exact=brought.get(c.contract_id, 0) if start == c.interest_from else 0,
            ),
        )
        for c, start in zip(contracts, first, strict=True)
    ]


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


async def _rates(
    connection: Connection, night: Night, product: Product, start: date
) -> dict[date, int]:
    """The rate of each date from `start` to the night's: what nights used, else what is quoted.

    A date has no night of the product when no contract of it bore interest yet.
    """
    rows = await connection.fetch(
        _SQL["used_rates"], night.book_id, night.business_date, product.product_code, start
    )
    rates = {row["business_date"]: row["annual_rate_e8"] for row in rows}
    for on in days(start, night.business_date):
        if on not in rates:
            answer = await quote(connection, night.book_id, product.product_code, on)
            rates[on] = answer.annual_rate_e8
    return rates
