"""Any night's figure for any contract, from its inputs: `cff explain`, and the same over HTTP.

One contract and date: the balance by value date, the rates of its sheet and who approved them, the
period so far and the date worked out from these by the pure engine; the span that the nights
recorded, which must say the same (a difference is told, loudly); the journals that carry it, and
each later night that changed it. Asked as known on a night, it says what was known then. A contract
has one or more legs of interest; each is told alike, whatever the family: a placement says its term
and coupon besides. Everything is read from one snapshot; nothing is guessed: a date that no night
has accrued is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

import asyncpg

from ledger.days import DayState
from ledger.db import Connection, statements
from ledger.errors import InvalidInput, NotFound, ensure
from pricing.quotes import ApprovedSheet
from products.catalogue import PLACEMENTS, Product, load_product
from products.contracts import Contract
from products.deposits.telling import Placed, refuse_ended
from products.figures import Change, Figure, Told, ToldSpan, changes, figure
from products.known_inputs import KnownInputs, load_inputs
from products.night_journals import Carrying, accrual_journal, correction_journal
from products.spans import span_of
from products.workings import Difference, Working, differences, work_out

_SQL = statements(Path(__file__).parent / "sql" / "explaining.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedChange:
    """A night that changed the date, and the journal of its correction where it can be named."""

    change: Change
    journal: Carrying | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLeg:
    """One leg of interest on the date.

    figure:      what is recorded, as known.
    working:     the same worked out from the inputs that were known.
    differences: between record and working, on any night that is told of here: none, or damage.
    sheet:       the sheet that says what the date pays; None where `placed` has a rate that an old
                 system brought along.
    placed:      the term and coupon of the date, of a placement.
    closed_on, reopened_on: where the span was written by a closing: when, and when it was undone.
    first:       as the date's own night knew it; equals `figure` unless a later night changed it.
    journal:     the accrual journal of the date's own night; None where it cannot be named.
    changes:     by later nights, oldest first.
    """

    leg: int
    bears_from: date
    figure: Figure
    working: Working
    differences: tuple[Difference, ...]
    sheet: ApprovedSheet | None
    placed: Placed | None
    closed_on: date | None
    reopened_on: date | None
    first: Figure
    journal: Carrying | None
    changes: tuple[ExplainedChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The interest of one contract on one date.

    known_on: the night as of which it is told; None = everything recorded.
    day:      how far the date itself has come.
    """

    contract: Contract
    product: Product
    on: date
    known_on: date | None
    business_date: date
    day: DayState
    legs: tuple[ExplainedLeg, ...]

    @property
    def differs(self) -> bool:
        """True when anything recorded is not what its inputs give."""
        return any(leg.differences for leg in self.legs)


async def explain(
    connection: Connection, contract: Contract, on: date, *, known_on: date | None = None
) -> Explanation:
    """The interest of a contract on the date `on`, as known on a night or now.

    Raises `InvalidInput` naming `date` when it lies after the business date or after the last that
    a night has accrued, before the contract was opened or before it bears interest, or from its
    closing or maturity on; and `known_on` for a night before the date or one that has not closed
    its own.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        days = await connection.fetchrow(_SQL["days"], contract.book_id, on)
        if days is None:
            raise NotFound("book", contract.book_id)
        _require_dates(contract, on, known_on, days)
        product = await load_product(connection, contract.book_id, contract.product_code)
        asked = _Asked(
            connection=connection, contract=contract, product=product, on=on, known_on=known_on
        )
        if product.family in PLACEMENTS:
            await refuse_ended(connection, contract, product, on, known_on)
        return Explanation(
            contract=contract,
            product=product,
            on=on,
            known_on=known_on,
            business_date=days["business_date"],
            day=DayState(days["state"]),
            legs=await _legs(asked),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What every read below is about."""

    connection: Connection
    contract: Contract
    product: Product
    on: date
    known_on: date | None


def _require_dates(
    contract: Contract, on: date, known_on: date | None, days: asyncpg.Record
) -> None:
    if on > days["business_date"]:
        expected = f"a date up to the business date, {days['business_date']}"
        raise InvalidInput.one("date", on.isoformat(), expected)
    if on < contract.opened_on:
        expected = f"a date from {contract.opened_on} on, when {contract.contract_no} was opened"
        raise InvalidInput.one("date", on.isoformat(), expected)
    if on < contract.interest_from:
        expected = f"a date from {contract.interest_from} on, the first that bears interest"
        raise InvalidInput.one("date", on.isoformat(), expected)
    if known_on is None:
        return
    proven_to = days["proven_to"]
    if proven_to is None or proven_to < on:
        expected = f"no night: none from {on} on has closed its date yet"
        raise InvalidInput.one("known_on", known_on.isoformat(), expected)
    if not on <= known_on <= proven_to:
        expected = f"a night from {on} to {proven_to}, the last that has closed its date"
        raise InvalidInput.one("known_on", known_on.isoformat(), expected)


async def _legs(asked: _Asked) -> tuple[ExplainedLeg, ...]:
    contract = asked.contract
    book_id, product_code = contract.book_id, contract.product_code
    legs = await asked.connection.fetch(_SQL["legs"], book_id, product_code, contract.contract_id)
    ensure(bool(legs), f"contract {contract.contract_no} has no leg of interest")
    rows = await asked.connection.fetch(
        _SQL["telling_spans"],
        book_id,
        contract.contract_id,
        contract.account_id,
        asked.on,
        asked.known_on,
    )
    told = {leg: list(spans) for leg, spans in groupby(rows, key=lambda row: row["leg"])}
    return tuple([await _leg(asked, leg, told.get(leg["leg"], [])) for leg in legs])


async def _leg(asked: _Asked, leg: asyncpg.Record, rows: Sequence[asyncpg.Record]) -> ExplainedLeg:
    contract, product, on = asked.contract, asked.product, asked.on
    told = [_told(row) for row in rows]
    closed_on, reopened_on = await _closing(asked, told)
    _require_accrued(contract, on, leg["accrued_to"])
    ensure(
        bool(told), f"no span tells of {contract.contract_no} on {on}, which a night has accrued"
    )
    inputs = await load_inputs(asked.connection, contract, product, on, asked.known_on)
    known = [figure(each, on, product.terms, inputs.inputs.period_start) for each in told]
    nights = [max(each.span.made_on, on) for each in known]
    nights[-1] = asked.known_on or max(leg["accrued_to"], nights[-1])
    worked = [work_out(inputs.known_on(night)) for night in nights]
    return ExplainedLeg(
        leg=leg["leg"],
        bears_from=leg["bears_from"],
        figure=known[-1],
        working=worked[-1],
        differences=tuple(_differences(inputs, known, worked, nights)),
        sheet=inputs.sheet,
        placed=inputs.placed,
        closed_on=closed_on,
        reopened_on=reopened_on,
        first=known[0],
        journal=await _first_journal(asked, known[0]),
        changes=tuple([await _changed(asked, each) for each in changes(known)]),
    )


def _differences(
    inputs: KnownInputs,
    known: Sequence[Figure],
    worked: Sequence[Working],
    nights: Sequence[date],
) -> Iterator[Difference]:
    for compared in zip(known, worked, nights, strict=True):
        yield from differences(*compared)
    if inputs.placed is not None:
        yield from inputs.placed.differences(worked[-1], nights[-1])


async def _first_journal(asked: _Asked, first: Figure) -> Carrying | None:
    if first.told_by is Told.CLOSING:
        return None
    return await accrual_journal(asked.connection, asked.contract, asked.product, asked.on)


async def _changed(asked: _Asked, change: Change) -> ExplainedChange:
    place = (asked.connection, asked.contract, asked.product, asked.on)
    return ExplainedChange(change=change, journal=await correction_journal(*place, change.night))


def _told(row: asyncpg.Record) -> ToldSpan:
    span = span_of(dict(row))
    if row["by_closing"]:
        return ToldSpan(span=span, told_by=Told.CLOSING)
    late = span.from_date < span.made_on
    return ToldSpan(span=span, told_by=Told.CORRECTION if late else Told.NIGHT)


async def _closing(asked: _Asked, known: Sequence[ToldSpan]) -> tuple[date | None, date | None]:
    """When the closing that tells of the date was, and when it was undone.

    Raises `InvalidInput` naming the date where the contract is closed by then, as known.
    """
    if not known or known[-1].told_by is not Told.CLOSING:
        return None, None
    contract, closed_on = asked.contract, known[-1].span.made_on
    key = (contract.book_id, contract.account_id)
    reopened_on: date | None = await asked.connection.fetchval(
        _SQL["reopened_on"], *key, closed_on, asked.known_on
    )
    if reopened_on is None:
        then = "" if asked.known_on is None else f", as known on the night of {asked.known_on}"
        expected = f"a date before {closed_on}, when {contract.contract_no} was closed{then}"
        raise InvalidInput.one("date", asked.on.isoformat(), expected)
    return closed_on, reopened_on


def _require_accrued(contract: Contract, on: date, accrued_to: date) -> None:
    if on <= accrued_to:
        return
    number, first = contract.contract_no, contract.interest_from
    expected = f"a date up to {accrued_to}, the last that a night has accrued for {number}"
    if accrued_to < first:
        expected = f"a date that a night has accrued for {number}: none yet, from {first} on"
    raise InvalidInput.one("date", on.isoformat(), expected, "Run the nights up to it first.")
