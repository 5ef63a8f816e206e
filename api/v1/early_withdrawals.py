"""Early withdrawals of placements: looked at, proposed by one person, done by another or rejected.

Whoever does one sends the payout that he saw. Tax that was withheld from interest which is clawed
back stays withheld: its certificate stands, and the figures show it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors, in_book
from api.problems import JOURNAL_REFUSALS, POSTS, READS, failing
from api.v1.account_life import act_on
from api.v1.fields import (
    AccountCode,
    Amount,
    Body,
    CalendarDate,
    Reason,
    SignedAmount,
    View,
    satang_of,
)
from api.v1.placement_views import EarlyEndView, PlacementActView, early_end_view
from api.v1.placements import WritePlacements, journals_of, visible_placement
from api.v1.posting import PostingDoors, Promise, Promised, balances_of, receipt_of
from ledger.db import Connection
from ledger.errors import ensure
from ledger.money import format_baht
from ledger.posting.values import Note, Outcome, Unit
from pricing.rates import format_rate_percent
from products.deposits.early_ends import (
    do_early_end,
    early_figures,
    propose_early_end,
    reject_early_end,
)
from products.early_withdrawal import EarlyPiece

router = APIRouter(
    prefix="/books/{book}/placements/{contract}/early-withdrawal", tags=["placements"]
)
ReadPlacements = Annotated[Caller, Depends(in_book("placements:read"))]
ApprovePlacements = Annotated[Caller, Depends(in_book("placements:approve"))]

REFUSED = ("forbidden", "cannot_end_placement_early")


class ProposalIn(Body):
    """Why the member withdraws early."""

    reason: Reason


class DoingIn(Body):
    """The payout as the second person saw it: another one is refused."""

    payout: Amount
    remark: Reason | None = None


class RejectionIn(Body):
    """Why it is rejected."""

    remark: Reason


class PieceView(View):
    """Dates [from_date, to_date) held at one rate after all."""

    from_date: CalendarDate
    to_date: CalendarDate
    annual_rate_percent: str


class EarlyFiguresView(View):
    """What ending a placement comes to.

    accrued:   interest of the running term that nights have accrued.
    earned:    interest of the running term by the rule for the months held.
    paid:      of it paid before, tax included; below zero: an earlier term's is still owed.
    tax:       of the interest that is paid now.
    claw_back: interest paid too much, taken from the principal.
    payout:    what reaches the linked account.
    """

    term: int
    held_months: int
    rule_from_months: int
    rate_source: Literal["nothing", "contract", "savings"]
    principal: SignedAmount
    accrued: SignedAmount
    earned: SignedAmount
    paid: SignedAmount
    tax: SignedAmount
    claw_back: SignedAmount
    payout: SignedAmount


class EarlyView(EarlyFiguresView):
    """The figures of today; `tax_kept` was withheld from this term's payments and stays so."""

    on: CalendarDate
    pieces: list[PieceView]
    tax_kept: SignedAmount
    proposal: EarlyEndView | None


class EarlyActView(PlacementActView):
    """A step of an early withdrawal, as recorded; `figures` are null when it is rejected."""

    early_withdrawal: UUID
    figures: EarlyFiguresView | None


Act = Callable[[Connection], Awaitable[Unit]]


@router.get(
    "",
    responses=failing(*READS, "cannot_end_placement_early"),
    operation_id="get_early_withdrawal",
)
async def get_early_withdrawal(
    doors: OpenDoors, caller: ReadPlacements, contract: AccountCode
) -> EarlyView:
    """What withdrawing today would come to, and the proposal that waits, if one does."""
    found = await visible_placement(doors, caller, contract)
    async with doors.read() as connection:
        figures = await early_figures(connection, caller.book_id, contract)
    return EarlyView(
        **_figures(figures.facts).model_dump(),
        on=figures.on,
        pieces=[_piece(piece) for piece in figures.pieces],
        tax_kept=format_baht(figures.tax_kept_satang),
        proposal=None if found.proposal is None else early_end_view(found.proposal),
    )


@router.post(
    "",
    status_code=201,
    response_model=EarlyActView,
    responses=failing(*POSTS, "cannot_end_placement_early"),
    operation_id="propose_early_withdrawal",
)
async def propose_early_withdrawal(
    doors: PostingDoors,
    caller: WritePlacements,
    promise: Promised,
    contract: AccountCode,
    body: ProposalIn,
) -> Response:
    """Propose to end a running placement, with the figures of today; no money moves."""

    async def build(connection: Connection) -> Unit:
        return await propose_early_end(
            connection, caller.book_id, contract, actor=caller.actor, reason=body.reason
        )

    return await _step(doors, caller, promise, contract, build, status=201)


@router.post(
    "/do",
    response_model=EarlyActView,
    responses=failing(*POSTS, *JOURNAL_REFUSALS, *REFUSED, "early_payout_differs"),
    operation_id="do_early_withdrawal",
)
async def do_early_withdrawal(
    doors: PostingDoors,
    caller: ApprovePlacements,
    promise: Promised,
    contract: AccountCode,
    body: DoingIn,
) -> Response:
    """End the placement by the open proposal, as another person than its proposer."""

    async def build(connection: Connection) -> Unit:
        return await do_early_end(
            connection,
            caller.book_id,
            contract,
            payout_satang=satang_of(body.payout),
            actor=caller.actor,
            remark=body.remark or "",
        )

    return await _step(doors, caller, promise, contract, build)


@router.post(
    "/reject",
    response_model=EarlyActView,
    responses=failing(*POSTS, *REFUSED),
    operation_id="reject_early_withdrawal",
)
async def reject_early_withdrawal(
    doors: PostingDoors,
    caller: ApprovePlacements,
    promise: Promised,
    contract: AccountCode,
    body: RejectionIn,
) -> Response:
    """Reject the open proposal, as another person than its proposer; the term runs on."""

    async def build(connection: Connection) -> Unit:
        return await reject_early_end(
            connection, caller.book_id, contract, actor=caller.actor, remark=body.remark
        )

    return await _step(doors, caller, promise, contract, build)


async def _step(
    doors: Doors, caller: Caller, promise: Promise, contract: str, build: Act, status: int = 200
) -> Response:
    found = await visible_placement(doors, caller, contract)
    codes = {each.account_id: each.contract_no for each in (found.contract, found.linked)}
    decided: list[Unit] = []

    async def kept(connection: Connection) -> Unit:
        decided.append(await build(connection))
        return decided[-1]

    def show(outcome: Outcome) -> EarlyActView:
        facts = _facts_of(decided[-1])
        return EarlyActView(
            contract=contract,
            receipt=receipt_of(outcome, max(0, len(outcome.receipts) - 1)),
            journals=journals_of(outcome),
            balances=balances_of(outcome, codes),
            early_withdrawal=UUID(str(facts["early_end"])),
            figures=_figures(facts) if "payout_satang" in facts else None,
        )

    return await act_on(doors, caller, promise, kept, show, codes, status=status)


def _facts_of(unit: Unit) -> Mapping[str, object]:
    """What the step's note says."""
    notes = [each.body for each in unit.operations if isinstance(each, Note)]
    ensure(len(notes) == 1, f"a step of an early withdrawal with {len(notes)} notes")
    return notes[0]


def _figures(facts: Mapping[str, object]) -> EarlyFiguresView:
    return EarlyFiguresView.model_validate(
        {
            name.removesuffix("_satang"): format_baht(value)
            if name.endswith("_satang") and isinstance(value, int)
            else value
            for name, value in facts.items()
            if name != "early_end"
        }
    )


def _piece(piece: EarlyPiece) -> PieceView:
    return PieceView(
        from_date=piece.start,
        to_date=piece.stop,
        annual_rate_percent=format_rate_percent(piece.annual_rate_e8),
    )
