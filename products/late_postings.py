"""Step `correct`: postings of the date whose value dates lie before it change accrued interest.

Their contracts, and only theirs, are read from the first date that the posting touched, replayed by
the pure engine, and differ from the record by new spans, by one accrual journal a product and value
date, and, where a period was credited already, by a correction journal on the contract.
What the account refuses (a freeze) stays in accrued payable until the next capitalisation.
A night without late postings has no chunk here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from ledger.db import Connection, statements
from ledger.posting.values import Status
from products.catalogue import Product
from products.deposits import postings
from products.interest.earning import Conditions
from products.interest_corrections import Correction, correct
from products.late_cases import Case, LateContract, load_cases, rates_of
from products.night import (
    ChunkResult,
    DayNotProven,
    Draft,
    Night,
    RefusedContract,
    Retry,
    keeping_open,
    post,
    post_own,
    run_chunk,
    units_of,
)
from products.spans import Span, folded

_SQL = statements(Path(__file__).parent / "sql" / "late_postings.sql")

CORRECT = "correct"
CONTRACTS_AT_ONCE = 100
"""A contract is replayed day by day, perhaps over years: a chunk holds the head for it."""
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LateChunk:
    """Late contracts of one product, in key order."""

    number: int
    product_code: str
    contracts: tuple[LateContract, ...]


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
    cases = await load_cases(connection, night, product, chunk.contracts)
    rates = await rates_of(connection, night, product, min(case.contract.touched for case in cases))
    found = {c.contract.contract_id: _decide(night, product, c, rates, True) for c in cases}
    refused = await _post_credits(connection, night, product, cases, found)
    for case in cases:
        if case.contract.contract_id in {entry.contract_id for entry in refused}:
            again = _decide(night, product, case, rates, False)
            found[case.contract.contract_id] = again
    await _record(connection, night, product, cases, found)
    amount = await _post_accruals(connection, night, chunk, found)
    return ChunkResult(contracts=len(cases), amount_satang=amount, refused=tuple(refused))


def _decide(
    night: Night,
    product: Product,
    case: Case,
    rates: Mapping[date, int | Conditions],
    may_credit: bool,
) -> Correction:
    return correct(
        terms=product.terms,
        start=case.contract.touched,
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
    cases: Sequence[Case],
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
    names = await keeping_open(connection, night.book_id, [(CORRECT, each) for each in refused])
    if names:
        raise DayNotProven("; ".join(names))
    if rows:
        columns = map(list, zip(*rows, strict=True))
        await connection.execute(
            _SQL["record_credits"], night.book_id, night.business_date, *columns
        )
    return refused


def _event(night: Night, contract_id: UUID, *end: date) -> UUID:
    return night.event(CORRECT, contract_id, *end)


async def _record(
    connection: Connection,
    night: Night,
    product: Product,
    cases: Sequence[Case],
    found: Mapping[UUID, Correction],
) -> None:
    """The corrected spans, and where each leg stands afterwards."""
    spans: list[tuple[UUID, Span]] = []
    standing: list[tuple[object, ...]] = []
    for case in cases:
        contract_id = case.contract.contract_id
        correction = found[contract_id]
        new = _new_spans(night, product, case, correction)
        spans += [(contract_id, span) for span in new]
        standing.append((contract_id, *_standing(night, product, case, correction, new)))
    place = (night.book_id, night.business_date)
    if spans:
        rows = [
            (
                contract_id,
                s.span_no,
                s.from_date,
                s.balance_satang,
                s.annual_rate_e8,
                s.year_days,
                s.slope_exact,
                s.base_exact,
            )
            for contract_id, s in spans
        ]
        columns = map(list, zip(*rows, strict=True))
        await connection.execute(_SQL["record_spans"], *place, *columns)
    columns = map(list, zip(*standing, strict=True))
    await connection.execute(_SQL["move_legs"], night.book_id, product.product_code, *columns)


def _new_spans(
    night: Night, product: Product, case: Case, correction: Correction
) -> tuple[Span, ...]:
    """Spans from the first date that differs; none where no date does."""
    if not correction.days:
        return ()
    return folded(
        correction.lived,
        terms=product.terms,
        first=correction.days[0].on,
        made_on=night.business_date,
        after=case.leg["span_no"],
    )


def _standing(
    night: Night, product: Product, case: Case, correction: Correction, new: Sequence[Span]
) -> tuple[object, ...]:
    """Span number, running span, settled and credited of the leg, as columns of `move_legs`."""
    leg = case.leg
    settled = leg["accrued"] + correction.accrued_delta - correction.cumulative_satang
    totals = (settled, correction.credited_delta)
    names = ("balance_satang", "annual_rate_e8", "year_days", "slope_exact")
    if not new:
        kept = (leg["span_no"], leg["since"], *(leg[name] for name in names), leg["base_exact"])
        return (*kept, *totals)
    last = new[-1]
    since, base = last.from_date, last.base_exact
    if product.terms.ends_period(night.business_date - _ONE_DAY):
        # The night's date begins a period: nothing of the last one is carried into it.
        since, base = night.business_date, 0
    return (last.span_no, since, *(getattr(last, name) for name in names), base, *totals)


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
