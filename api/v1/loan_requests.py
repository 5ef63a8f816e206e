"""Loan requests, the member's side: drafted, amended, papers added, submitted, withdrawn, read.

A member co-op sees and moves its own requests only; the Facility's people may draft for any member.
What the Facility does with a request is in `loan_request_steps`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors, in_book
from api.problems import POSTS, READS, ProblemError, failing
from api.v1.fields import Id
from api.v1.loan_request_views import (
    AmendmentIn,
    DocumentIn,
    LoanKindCode,
    LoanRequestView,
    RemarkIn,
    RequestIn,
    StepIn,
    WholeRequestView,
    request_view,
    whole_view,
)
from api.v1.pages import After, Limit, Page, cursor, next_page, number_after
from api.v1.posting import Answering, PostingDoors, Promised, post, receipt_of
from ledger.books import read_head
from ledger.errors import InvalidInput, NotFound
from ledger.posting.values import IdempotencyKey, Outcome
from products.loans import request_lists, request_making, request_reads
from products.loans.request_making import PaperIn
from products.loans.request_services import Decide, Desk, make, take
from products.loans.request_units import Decided
from products.loans.request_values import LoanRequest, RequestState

router = APIRouter(prefix="/books/{book}/loan-requests", tags=["loan requests"])
ReadRequests = Annotated[Caller, Depends(in_book("loan-requests:read"))]
WriteRequests = Annotated[Caller, Depends(in_book("loan-requests:write"))]

STEP = (*POSTS, "transition_not_allowed", "version_differs")
"""What every step of a request may be answered."""

StateCode = Literal[
    "draft",
    "submitted",
    "documents_complete",
    "analysed",
    "committee",
    "approved",
    "contract_signed",
    "conditions_met",
    "declined",
    "withdrawn",
    "expired",
]


@router.post(
    "",
    status_code=201,
    response_model=LoanRequestView,
    responses=failing(*POSTS, "id_conflict"),
    operation_id="draft_loan_request",
)
async def draft_loan_request(
    doors: PostingDoors, caller: WriteRequests, promise: Promised, body: RequestIn
) -> Response:
    """Draft a request; it gets the next number of the fiscal year."""
    party_id = _asking(caller, body.party_id)
    drafted: list[LoanRequest] = []
    answering = _answering(promise, drafted, status=201)

    async def act(key: IdempotencyKey) -> Outcome:
        desk = _desk(doors, caller, drafted, answering, key)
        asked = body.asked()
        return await make(desk, body.id, party_id, asked, actor=caller.actor, remark=body.remark)

    async def again() -> LoanRequestView:
        return request_view(await visible(doors, caller, body.id))

    return await post(doors, caller, answering, act, again)


def _asking(caller: Caller, party_id: int | None) -> int:
    """The member that asks: its own key's, or the one that the Facility's people name."""
    asking = caller.party_id if party_id is None else party_id
    if asking is None:
        raise InvalidInput.one("#/party_id", "nothing", "the number of the member that asks")
    if not caller.may_see(asking):
        raise InvalidInput.one("#/party_id", asking, "your own number, or leave it out")
    return asking


async def visible(doors: Doors, caller: Caller, request_id: UUID) -> LoanRequest:
    """The request. Raises `NotFound`, also for one of another member."""
    async with doors.read() as connection:
        request = await request_reads.get(connection, caller.book_id, request_id)
    if not caller.may_see(request.party_id):
        raise NotFound("loan request", request_id)
    return request


async def step(
    doors: Doors,
    caller: Caller,
    promise: Promised,
    request_id: UUID,
    decide: Decide,
    version: int | None,
) -> Response:
    """Take a step of a request that the caller may see, and answer with what it has become.

    version: what the caller has read of it; None = whatever stands. Raises the problem
    `version_differs`, and what `decide` raises.
    """
    await visible(doors, caller, request_id)
    become: list[LoanRequest] = []
    answering = _answering(promise, become, status=200)

    def decided(known: request_reads.Known) -> Decided:
        if version is not None and known.request.version != version:
            raise ProblemError(
                "version_differs",
                f"the request is at version {known.request.version}, not {version}: read it again",
            )
        return decide(known)

    async def act(key: IdempotencyKey) -> Outcome:
        return await take(_desk(doors, caller, become, answering, key), request_id, decided)

    return await post(doors, caller, answering, act)


def _answering(promise: Promised, become: list[LoanRequest], *, status: int) -> Answering:
    def show(outcome: Outcome) -> LoanRequestView:
        return request_view(become[-1], receipt_of(outcome))

    return Answering(promise=promise, status=status, show=show, codes={})


def _desk(
    doors: Doors,
    caller: Caller,
    become: list[LoanRequest],
    answering: Answering,
    key: IdempotencyKey,
) -> Desk:
    return Desk(
        collector=doors.collector,
        pool=doors.database.poster,
        book_id=caller.book_id,
        key=key,
        answer=answering.text,
        told=become.append,
    )


@router.get("", responses=failing(*READS), operation_id="list_loan_requests")
async def list_loan_requests(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadRequests,
    limit: Limit = 50,
    after: After = None,
    state: Annotated[StateCode | None, Query()] = None,
    loan_kind: Annotated[LoanKindCode | None, Query()] = None,
    party_id: Annotated[int | None, Query(ge=1, le=2_000_000_000)] = None,
    at_least_days: Annotated[
        int | None, Query(ge=0, le=36_600, description="Drafted so many days ago or earlier.")
    ] = None,
) -> Page[LoanRequestView]:
    """Requests in the order of drafting; a member's key sees its own."""
    wanted = request_lists.Wanted(
        state=None if state is None else RequestState[state.upper()],
        party_id=party_id,
        loan_kind=loan_kind,
    )
    if caller.party_id is not None:
        if party_id not in (None, caller.party_id):
            raise NotFound("party", party_id)
        wanted = replace(wanted, party_id=caller.party_id)
    async with doors.read() as connection:
        if at_least_days is not None:
            today = (await read_head(connection, caller.book_id)).business_date
            until = request_lists.drafted_until(today, at_least_days)
            wanted = replace(wanted, drafted_until=until)
        rows = await request_lists.page(
            connection, caller.book_id, wanted, after_seq=number_after(after), limit=limit + 1
        )
    return next_page(
        request, response, rows, limit, request_view, lambda row: cursor(row.drafted_seq)
    )


@router.get("/{request_id}", responses=failing(*READS), operation_id="get_loan_request")
async def get_loan_request(
    doors: OpenDoors, caller: ReadRequests, request_id: Id
) -> WholeRequestView:
    """A request with every step of it: state, time, person, remark."""
    await visible(doors, caller, request_id)
    async with doors.read() as connection:
        whole = await request_reads.get_whole(connection, caller.book_id, request_id)
        history = await request_lists.history(connection, caller.book_id, request_id)
    return whole_view(whole, history, inside=caller.party_id is None)


@router.post(
    "/{request_id}/amend",
    response_model=LoanRequestView,
    responses=failing(*STEP, "forbidden"),
    operation_id="amend_loan_request",
)
async def amend_loan_request(
    doors: PostingDoors, caller: WriteRequests, promise: Promised, request_id: Id, body: AmendmentIn
) -> Response:
    """Ask for something else, while it is a draft."""
    asked, actor = body.asked(), caller.actor
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_making.amend(known, asked, actor=actor, remark=body.remark),
        body.version,
    )


@router.post(
    "/{request_id}/documents",
    response_model=LoanRequestView,
    responses=failing(*STEP),
    operation_id="add_loan_request_document",
)
async def add_loan_request_document(
    doors: PostingDoors, caller: WriteRequests, promise: Promised, request_id: Id, body: DocumentIn
) -> Response:
    """Record that a paper was received."""
    paper = PaperIn(
        document_kind=body.document_kind,
        file_name=body.file_name,
        sha256=bytes.fromhex(body.sha256),
    )
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_making.add_document(
            known, paper, actor=caller.actor, remark=body.remark
        ),
        body.version,
    )


@router.post(
    "/{request_id}/submit",
    response_model=LoanRequestView,
    responses=failing(*STEP, "forbidden", "limit_exceeded"),
    operation_id="submit_loan_request",
)
async def submit_loan_request(
    doors: PostingDoors, caller: WriteRequests, promise: Promised, request_id: Id, body: StepIn
) -> Response:
    """Submit a draft; its kind's bounds and the member's limits are checked."""
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_making.submit(known, actor=caller.actor, remark=body.remark),
        body.version,
    )


@router.post(
    "/{request_id}/withdraw",
    response_model=LoanRequestView,
    responses=failing(*STEP),
    operation_id="withdraw_loan_request",
)
async def withdraw_loan_request(
    doors: PostingDoors, caller: WriteRequests, promise: Promised, request_id: Id, body: RemarkIn
) -> Response:
    """The member does not want it any more, before its conditions are met."""
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_making.withdraw(known, actor=caller.actor, remark=body.remark),
        body.version,
    )
