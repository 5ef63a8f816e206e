"""Placements: sums placed for a term, one or by maturity; what happens at maturity is changed.

Placing, instructing and paying out are acts of the Facility's officers; a member's key sees its own
placements. Early withdrawals are `early_withdrawals`, what is offered is `placement_offers`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors, in_book
from api.problems import JOURNAL_REFUSALS, POSTS, READS, failing
from api.v1.account_life import act_on, named_accounts
from api.v1.fields import (
    AccountCode,
    Amount,
    Body,
    CalendarDate,
    PartyCode,
    ProductCode,
    Reason,
    SignedAmount,
    View,
    satang_of,
)
from api.v1.pages import After, Limit, Page, cursor, next_page, parts_of
from api.v1.placement_views import (
    INSTRUCTIONS,
    PAID,
    InstructionWord,
    ListedPlacementView,
    PaidWord,
    PlacementActView,
    PlacementView,
    listed_view,
    placement_view,
)
from api.v1.posting import (
    BalanceView,
    PostingDoors,
    Promise,
    Promised,
    ReceiptView,
    balances_of,
    receipt_of,
)
from ledger.dates import parse_date
from ledger.db import Connection
from ledger.errors import InvalidInput, NotFound, ensure
from ledger.parties import party_by_code
from ledger.posting.values import Note, OpenAccount, Outcome, Unit
from pricing.rates import format_rate_percent
from products.deposits.instructing import change_instruction
from products.deposits.opening import PlacementOrder, place
from products.deposits.standing import Standing, list_placements, standing
from products.deposits.term_lists import terms_of
from products.deposits.waiting import pay_out_waiting
from products.kinds import EventKind

router = APIRouter(prefix="/books/{book}/placements", tags=["placements"])
ReadPlacements = Annotated[Caller, Depends(in_book("placements:read"))]
WritePlacements = Annotated[Caller, Depends(in_book("placements:write"))]

Act = Callable[[Connection], Awaitable[Unit]]


class PlacementIn(Body):
    """A sum to place today: the savings contract `linked` pays it, and takes all that it gives."""

    contract: AccountCode
    product: ProductCode
    linked: AccountCode
    amount: Amount
    paid: PaidWord
    instruction: InstructionWord


class InstructionIn(Body):
    """What changes; what is left out stays."""

    linked: AccountCode | None = None
    instruction: InstructionWord | None = None
    reason: Reason


class PayOutIn(Body):
    """Why it is paid out now."""

    reason: Reason


class OpenedView(View):
    """A placement that was opened: its first term and the rate that it bears until it matures."""

    contract: str
    product: str
    linked: str
    amount: SignedAmount
    paid: PaidWord
    instruction: InstructionWord
    annual_rate_percent: str
    sheet: UUID
    begins_on: CalendarDate
    matures_on: CalendarDate
    receipt: ReceiptView | None
    journals: list[UUID]
    balances: list[BalanceView]


@router.post(
    "",
    status_code=201,
    response_model=OpenedView,
    responses=failing(*POSTS, *JOURNAL_REFUSALS, "cannot_place", "account_exists"),
    operation_id="open_placement",
)
async def open_placement(
    doors: PostingDoors, caller: WritePlacements, promise: Promised, body: PlacementIn
) -> Response:
    """Place a sum for the product's term at the rate of today, frozen until it matures."""
    linked = (await named_accounts(doors, caller, body.linked))[body.linked]
    codes = {linked.account_id: linked.code}
    order = PlacementOrder(
        contract_no=body.contract,
        product_code=body.product,
        linked_no=body.linked,
        amount_satang=satang_of(body.amount),
        paid=PAID[body.paid],
        instruction=INSTRUCTIONS[body.instruction],
    )
    decided: list[Unit] = []

    async def build(connection: Connection) -> Unit:
        unit = await place(connection, caller.book_id, order, actor=caller.actor)
        opened = [each for each in unit.operations if isinstance(each, OpenAccount)]
        codes.update((each.account, each.code) for each in opened)
        decided.append(unit)
        return unit

    def show(outcome: Outcome) -> OpenedView:
        return _opened(body, decided[-1], outcome, codes)

    return await act_on(doors, caller, promise, build, show, codes, status=201)


def _opened(body: PlacementIn, unit: Unit, outcome: Outcome, codes: dict[int, str]) -> OpenedView:
    """The answer, from the note of the unit that was accepted."""
    notes = [
        each.body
        for each in unit.operations
        if isinstance(each, Note) and each.kind == EventKind.PLACEMENT_OPENED
    ]
    ensure(len(notes) == 1, f"{body.contract} was opened with {len(notes)} notes")
    (facts,) = notes
    return OpenedView(
        **body.model_dump(),
        annual_rate_percent=format_rate_percent(int(str(facts["annual_rate_e8"]))),
        sheet=UUID(str(facts["sheet"])),
        begins_on=parse_date(facts["begins_on"]),
        matures_on=parse_date(facts["matures_on"]),
        receipt=receipt_of(outcome, max(0, len(outcome.receipts) - 1)),
        journals=journals_of(outcome),
        balances=balances_of(outcome, codes),
    )


@router.get("", responses=failing(*READS), operation_id="list_placements")
async def list_all_placements(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadPlacements,
    limit: Limit = 50,
    after: After = None,
    party: Annotated[PartyCode | None, Query(description="Code of a member.")] = None,
    product: Annotated[ProductCode | None, Query()] = None,
    matures_from: Annotated[CalendarDate | None, Query(description="First maturity.")] = None,
    matures_to: Annotated[CalendarDate | None, Query(description="Last maturity.")] = None,
    state: Annotated[
        Literal["open", "closed", "all"], Query(description="`open`: those running or waiting.")
    ] = "open",
) -> Page[ListedPlacementView]:
    """The maturity list: placements by the maturity of their newest term; a member sees its own."""
    if matures_from is not None and matures_to is not None and matures_from > matures_to:
        expected = f"a day up to {matures_to}"
        raise InvalidInput.one("query/matures_from", matures_from.isoformat(), expected)
    parts = parts_of(after, r"[0-9]{4}-[0-9]{2}-[0-9]{2}\x1f[A-Z0-9-]{1,32}")
    async with doors.read() as connection:
        rows = await list_placements(
            connection,
            caller.book_id,
            party_id=await asked_party(connection, caller, party),
            product_code=product,
            matures_from=matures_from,
            matures_through=matures_to,
            is_open={"open": True, "closed": False}.get(state),
            after=None if parts is None else (parse_date(parts[0], "query/after"), parts[1]),
            limit=limit + 1,
        )
    return next_page(
        request,
        response,
        rows,
        limit,
        listed_view,
        lambda row: cursor(row.matures_on.isoformat(), row.contract_no),
    )


async def asked_party(connection: Connection, caller: Caller, code: str | None) -> int | None:
    """Whose things a list is of; None = everybody's. Raises `NotFound`, also for another party."""
    if code is None:
        return caller.party_id
    party = await party_by_code(connection, caller.book_id, code)
    if not caller.may_see(party.party_id):
        raise NotFound("party", code)
    return party.party_id


async def visible_placement(doors: Doors, caller: Caller, contract: str) -> Standing:
    """The placement. Raises `NotFound`, also for one of another party."""
    async with doors.read() as connection:
        found = await standing(connection, caller.book_id, contract)
    if not caller.may_see(found.contract.party_id):
        raise NotFound("contract", contract)
    return found


@router.get("/{contract}", responses=failing(*READS), operation_id="get_placement")
async def get_placement(
    doors: OpenDoors, caller: ReadPlacements, contract: AccountCode
) -> PlacementView:
    """A placement: its terms, coupons with what was paid, what is owed, its instruction."""
    found = await visible_placement(doors, caller, contract)
    async with doors.read() as connection:
        terms = await terms_of(connection, caller.book_id, found.contract.contract_id)
    return placement_view(found, terms)


@router.post(
    "/{contract}/instruction",
    response_model=PlacementActView,
    responses=failing(*POSTS, "cannot_instruct_placement", "cannot_place"),
    operation_id="instruct_placement",
)
async def instruct_placement(
    doors: PostingDoors,
    caller: WritePlacements,
    promise: Promised,
    contract: AccountCode,
    body: InstructionIn,
) -> Response:
    """Change what happens at maturity, or where it goes; until the date of the maturity."""
    if body.linked is None and body.instruction is None:
        raise InvalidInput.one("#/instruction", "nothing", "linked, instruction or both")

    async def build(connection: Connection) -> Unit:
        return await change_instruction(
            connection,
            caller.book_id,
            contract,
            linked_no=body.linked,
            instruction=None if body.instruction is None else INSTRUCTIONS[body.instruction],
            actor=caller.actor,
            reason=body.reason,
        )

    return await act_on_placement(doors, caller, promise, contract, build)


@router.post(
    "/{contract}/pay-out",
    response_model=PlacementActView,
    responses=failing(*POSTS, *JOURNAL_REFUSALS, "cannot_pay_out_placement"),
    operation_id="pay_out_placement",
)
async def pay_out_placement(
    doors: PostingDoors,
    caller: WritePlacements,
    promise: Promised,
    contract: AccountCode,
    body: PayOutIn,
) -> Response:
    """Pay out a placement that has matured and waits, once what kept its principal is gone."""

    async def build(connection: Connection) -> Unit:
        return await pay_out_waiting(
            connection, caller.book_id, contract, actor=caller.actor, reason=body.reason
        )

    return await act_on_placement(doors, caller, promise, contract, build)


async def act_on_placement(
    doors: Doors, caller: Caller, promise: Promise, contract: str, build: Act
) -> Response:
    """Post an act on a placement; the answer names its account and the linked one."""
    found = await visible_placement(doors, caller, contract)
    codes = {each.account_id: each.contract_no for each in (found.contract, found.linked)}

    def show(outcome: Outcome) -> PlacementActView:
        return PlacementActView(
            contract=contract,
            receipt=receipt_of(outcome, max(0, len(outcome.receipts) - 1)),
            journals=journals_of(outcome),
            balances=balances_of(outcome, codes),
        )

    return await act_on(doors, caller, promise, build, show, codes)


def journals_of(outcome: Outcome) -> list[UUID]:
    """The journals that an act posted, in order."""
    return [each.journal_id for each in outcome.receipts if each.journal_id is not None]
