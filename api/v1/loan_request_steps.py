"""Loan requests, the Facility's side: papers, analysis, vote, return, signing, conditions, expiry.

Maker, analyst and approvers are different people in every request, whatever their keys may do: the
scopes say who may try, the request's own history says who may not.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.auth.keys import Caller
from api.dependencies import in_book
from api.problems import failing
from api.v1.fields import Id, satang_of
from api.v1.loan_request_views import (
    AnalysisIn,
    LoanRequestView,
    RemarkIn,
    SigningIn,
    StepIn,
    VoteIn,
)
from api.v1.loan_requests import STEP, step
from api.v1.posting import PostingDoors, Promised
from products.loans import request_judging, request_voting
from products.loans.request_judging import Analysis
from products.loans.request_values import VoteKind
from products.loans.request_voting import Ballot

router = APIRouter(prefix="/books/{book}/loan-requests", tags=["loan requests"])
ProcessRequests = Annotated[Caller, Depends(in_book("loan-requests:process"))]
AnalyseRequests = Annotated[Caller, Depends(in_book("loan-requests:analyse"))]
ApproveRequests = Annotated[Caller, Depends(in_book("loan-requests:approve"))]


@router.post(
    "/{request_id}/complete-documents",
    response_model=LoanRequestView,
    responses=failing(*STEP, "documents_missing"),
    operation_id="complete_loan_request_documents",
)
async def complete_documents(
    doors: PostingDoors, caller: ProcessRequests, promise: Promised, request_id: Id, body: StepIn
) -> Response:
    """Find the papers complete: each that the kind of loan needs has been received."""
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_judging.complete_documents(
            known, actor=caller.actor, remark=body.remark
        ),
        body.version,
    )


@router.post(
    "/{request_id}/analyse",
    response_model=LoanRequestView,
    responses=failing(*STEP, "forbidden", "limit_exceeded"),
    operation_id="analyse_loan_request",
)
async def analyse(
    doors: PostingDoors,
    caller: AnalyseRequests,
    promise: Promised,
    request_id: Id,
    body: AnalysisIn,
) -> Response:
    """Record the analysis of another person's request."""
    amount = body.recommended_amount
    analysis = Analysis(
        memo=body.memo,
        recommended_satang=0 if amount is None else satang_of(amount),
        grade=body.grade,
        figures=body.figures,
    )
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_judging.analyse(known, analysis, actor=caller.actor),
        body.version,
    )


@router.post(
    "/{request_id}/put-to-vote",
    response_model=LoanRequestView,
    responses=failing(*STEP, "limit_exceeded"),
    operation_id="put_loan_request_to_vote",
)
async def put_to_vote(
    doors: PostingDoors, caller: ProcessRequests, promise: Promised, request_id: Id, body: StepIn
) -> Response:
    """Put it before those whose authority suffices for the amount."""
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_judging.put_to_vote(known, actor=caller.actor, remark=body.remark),
        body.version,
    )


@router.post(
    "/{request_id}/vote",
    response_model=LoanRequestView,
    responses=failing(*STEP, "forbidden", "not_an_approver", "already_voted", "limit_exceeded"),
    operation_id="vote_on_loan_request",
)
async def vote(
    doors: PostingDoors, caller: ApproveRequests, promise: Promised, request_id: Id, body: VoteIn
) -> Response:
    """Vote; the vote that settles it approves or declines the request."""
    ballot = Ballot(
        vote=VoteKind[body.vote.upper()],
        reason=body.reason,
        minutes_reference=body.minutes_reference,
        granted_satang=None if body.amount is None else satang_of(body.amount),
        granted_term_months=body.term_months,
        conditions=tuple(body.conditions),
    )
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_voting.decide(known, ballot, actor=caller.actor),
        body.version,
    )


@router.post(
    "/{request_id}/return",
    response_model=LoanRequestView,
    responses=failing(*STEP),
    operation_id="return_loan_request",
)
async def give_back(
    doors: PostingDoors, caller: ProcessRequests, promise: Promised, request_id: Id, body: RemarkIn
) -> Response:
    """Return it to its maker as a draft, with what is to be mended."""
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_judging.give_back(known, actor=caller.actor, remark=body.remark),
        body.version,
    )


@router.post(
    "/{request_id}/sign",
    response_model=LoanRequestView,
    responses=failing(*STEP, "approval_expired"),
    operation_id="sign_loan_request",
)
async def sign(
    doors: PostingDoors, caller: ProcessRequests, promise: Promised, request_id: Id, body: SigningIn
) -> Response:
    """Record that the contract is signed."""
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_judging.sign(
            known, body.contract_reference, actor=caller.actor, remark=body.remark
        ),
        body.version,
    )


@router.post(
    "/{request_id}/conditions/{condition_no}/meet",
    response_model=LoanRequestView,
    responses=failing(*STEP, "condition_not_open"),
    operation_id="meet_loan_condition",
)
async def meet_condition(
    doors: PostingDoors,
    caller: ProcessRequests,
    promise: Promised,
    request_id: Id,
    condition_no: Annotated[int, Path(ge=1, le=10_000)],
    body: RemarkIn,
) -> Response:
    """Record that a condition is met, and on what evidence."""
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_judging.meet_condition(
            known, condition_no, actor=caller.actor, remark=body.remark
        ),
        body.version,
    )


@router.post(
    "/{request_id}/expire",
    response_model=LoanRequestView,
    responses=failing(*STEP, "not_yet_due"),
    operation_id="expire_loan_request",
)
async def expire(
    doors: PostingDoors, caller: ProcessRequests, promise: Promised, request_id: Id, body: RemarkIn
) -> Response:
    """End an approval whose last day for signing has passed."""
    return await step(
        doors,
        caller,
        promise,
        request_id,
        lambda known: request_judging.expire(known, actor=caller.actor, remark=body.remark),
        body.version,
    )
