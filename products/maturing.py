"""Step `mature`: coupons are paid, and placements that end their term roll, are paid out, or wait.

It stands before anything accrues (docs/placements.md): what a placement pays on its maturity bears
interest on the savings account from that date on, and a term that begins earns its own rate from
its first date. What a freeze, a hold or a limit refuses is tried with less; what any other refusal
leaves undone stops the night after the step's last chunk, and a re-run tries just that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import ensure
from ledger.parties import PartyKind
from ledger.posting.ids import attempts
from ledger.posting.values import Outcome, Status, Unit
from pricing.quotes import Quote, quote
from products.catalogue import Product
from products.deposits.ending import Payer
from products.deposits.offers import load_calendar, load_offers
from products.deposits.outcomes import Due, Maker, Way
from products.deposits.standing import PLEDGED
from products.deposits.taxes import holder_of, load_tax_table
from products.deposits.values import Instruction, Offer, Term, term_from
from products.night import (
    ACTOR,
    FREEZES,
    ChunkResult,
    ContractChunk,
    DayNotProven,
    Night,
    RefusedContract,
    Retry,
    finished_chunks,
    keeping_open,
    post,
    run_chunk,
    same_chunks,
)
from products.placements import InterestPaid
from products.schedules.due_dates import Calendar
from products.withholding import TaxTable

_SQL = statements(Path(__file__).parent / "sql" / "maturing.sql")

MATURE = "mature"
# Of what moves here only the principal heeds limits: it leaves an account that a hold alone keeps
# from it, one that came since the placement was read, for one that may have a highest balance.
_WITH_LESS = {code: code for code in (*FREEZES, "above_balance_max")}
_WITH_LESS |= {"below_balance_min": PLEDGED}
_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """What every placement of a product needs on the date."""

    product: Product
    offer: Offer
    calendar: Calendar
    taxes: TaxTable
    quoted: Quote

    def next_term(self, night: Night, paid: InterestPaid, principal_satang: int) -> Term:
        """The term that a principal begins on the date."""
        return term_from(
            self.offer,
            begins_on=night.business_date,
            principal_satang=principal_satang,
            annual_rate_e8=self.quoted.rate_e8_of(principal_satang),
            sheet_id=self.quoted.sheet_id,
            paid=paid,
            calendar=self.calendar,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A chunk and the placements that it takes, in key order."""

    chunk: ContractChunk
    ids: tuple[UUID, ...]


async def mature(night: Night) -> None:
    """Pay the coupons of the date and end or roll the terms that mature on it.

    Raises `DayNotProven` naming every placement that is left undone.
    """
    pieces = await _pieces(night)
    await same_chunks(night, MATURE, [piece.chunk for piece in pieces])
    for piece in pieces:
        work = partial(_mature_chunk, night, piece)
        await run_chunk(night, MATURE, piece.chunk.number, len(pieces), work)
    if not pieces:
        return
    done = await finished_chunks(night.pool, night.book_id, night.business_date)
    undone = await keeping_open(
        night.pool,
        night.book_id,
        [(step, each) for (step, _), r in done.items() if step == MATURE for each in r.refused],
    )
    if undone:
        raise DayNotProven("; ".join(undone))


async def mature_chunks(night: Night) -> list[ContractChunk]:
    """Placements with a coupon of the date, in chunks; the same list in every run."""
    return [piece.chunk for piece in await _pieces(night)]


async def _pieces(night: Night) -> list[_Piece]:
    rows = await night.pool.fetch(_SQL["due_contracts"], night.book_id, night.business_date)
    by_product: dict[str, list[UUID]] = {}
    for row in rows:
        by_product.setdefault(row["product_code"], []).append(row["contract_id"])
    pieces: list[_Piece] = []
    size = night.sizes.journals
    for code, ids in by_product.items():
        for at in range(0, len(ids), size):
            taken = tuple(ids[at : at + size])
            chunk = ContractChunk(
                number=len(pieces),
                product_code=code,
                first=ids[at] if at else _FIRST,
                stop=ids[at + size] if at + size < len(ids) else _LAST,
                contracts=len(taken),
            )
            pieces.append(_Piece(chunk=chunk, ids=taken))
    return pieces


async def left_unpaid(connection: Connection, night: Night) -> list[str]:
    """Coupons of the date that nobody has dealt with, in words."""
    rows = await connection.fetch(_SQL["left_unpaid"], night.book_id, night.business_date)
    return [
        f"coupon of {row['contract_no']}, payable on {row['pays_on']}, was not dealt with"
        for row in rows
    ]


async def _mature_chunk(
    night: Night, piece: _Piece, connection: Connection, retry: Retry | None
) -> ChunkResult:
    chunk = piece.chunk
    ids = [*piece.ids] if retry is None else sorted(retry.contract_ids)
    place = (night.book_id, ids)
    await connection.execute(_SQL["lock_contracts"], *place)
    await connection.execute(_SQL["lock_legs"], *place, chunk.product_code)
    await connection.execute(_SQL["lock_placements"], *place)
    rows = await connection.fetch(
        _SQL["due"], night.book_id, night.business_date, ids, chunk.product_code
    )
    ensure(
        len(rows) == len(ids),
        f"mature {night.business_date}, {chunk.product_code}, chunk {chunk.number}: {len(rows)} "
        f"placements are due, {len(ids)} should be",
    )
    shelf = await _shelf(connection, night, night.products[chunk.product_code])
    due = {row["contract_id"]: _due(night, shelf, row) for row in rows}
    paid, refused = await _try_ways(connection, night, shelf, due)
    if retry is not None:
        paid += retry.before.amount_satang
        refused = [e for e in retry.before.refused if not e.keeps_day_open] + refused
    return ChunkResult(
        contracts=chunk.contracts, amount_satang=paid, refused=tuple(refused), bounds=chunk.bounds
    )


async def _shelf(connection: Connection, night: Night, product: Product) -> _Shelf:
    book_id, day = night.book_id, night.business_date
    return _Shelf(
        product=product,
        offer=(await load_offers(connection, book_id))[product.product_code],
        calendar=await load_calendar(connection, book_id, day),
        taxes=await load_tax_table(connection, book_id),
        quoted=await quote(connection, book_id, product.product_code, day),
    )


def _due(night: Night, shelf: _Shelf, row: asyncpg.Record) -> Due:
    holder, owed, day = PartyKind(row["holder"]), row["owed_satang"], night.business_date
    family = shelf.product.family
    interest = shelf.taxes.withheld(owed, holder_of(holder), family, day) if owed > 0 else None
    return Due(
        contract_no=row["contract_no"],
        account_id=row["account_id"],
        linked_account=row["linked_account"],
        payer=Payer(
            book_id=night.book_id,
            product_code=shelf.product.product_code,
            contract_id=row["contract_id"],
            holder=holder,
            day=day,
        ),
        instruction=Instruction(row["instruction"]),
        paid=InterestPaid(row["coupon_months"]),
        term_no=row["term_no"],
        principal_satang=row["principal_satang"],
        is_last=row["is_last"],
        accrued_satang=row["accrued_satang"],
        interest=interest,
        is_pledged=row["is_pledged"],
    )


async def _try_ways(
    connection: Connection, night: Night, shelf: _Shelf, due: Mapping[UUID, Due]
) -> tuple[int, list[RefusedContract]]:
    """Post each placement's first way, or the next one where a freeze, hold or limit refused it.

    Answers the interest paid, and what is listed: less was done than was instructed, or nothing.
    """
    paid, listed = 0, []
    tried = dict.fromkeys(due, 0)
    reasons: dict[UUID, str] = {}
    while tried:
        ways = await _ways(connection, night, shelf, due, tried)
        outcomes = await post(connection, night, [unit for _, unit in ways.values()])
        for (contract_id, (way, _)), outcome in zip(ways.items(), outcomes, strict=True):
            code = _refusal(outcome)
            if code in _WITH_LESS:
                reasons[contract_id] = _WITH_LESS[code]
                tried[contract_id] += 1
                continue
            del tried[contract_id]
            if outcome.status is not Status.ACCEPTED:
                listed.append(RefusedContract.of(contract_id, outcome))
                continue
            paid += way.paid_satang
            reason = reasons.get(contract_id, way.waits)
            if reason:
                listed.append(
                    RefusedContract(contract_id=contract_id, code=reason, keeps_day_open=False)
                )
    return paid, sorted(listed, key=lambda entry: entry.contract_id)


async def _ways(
    connection: Connection,
    night: Night,
    shelf: _Shelf,
    due: Mapping[UUID, Due],
    tried: Mapping[UUID, int],
) -> dict[UUID, tuple[Way, Unit]]:
    events = {contract_id: night.event(MATURE, contract_id) for contract_id in tried}
    attempt = await attempts(connection, night.book_id, [*events.values()])
    found: dict[UUID, tuple[Way, Unit]] = {}
    for contract_id, place in tried.items():
        event, each = events[contract_id], due[contract_id]
        maker = Maker(
            product=shelf.product,
            offer=shelf.offer,
            due=each,
            event=event,
            attempt=attempt[event],
            next_term=partial(shelf.next_term, night, each.paid),
        )
        way = maker.ways()[place]
        unit = Unit(operations=way.operations, actor=ACTOR, event_id=event, writes=way.writes)
        found[contract_id] = (way, unit)
    return found


def _refusal(outcome: Outcome) -> str:
    return "" if outcome.refusal is None else outcome.refusal.code
