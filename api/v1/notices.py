"""Notices of member co-ops: announced, approved by a second person, paid, followed to their end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors, in_book
from api.problems import (
    HOLD_REFUSALS,
    JOURNAL_REFUSALS,
    POSTS,
    READS,
    FieldProblem,
    ProblemError,
    failing,
)
from api.v1.fields import Body, Id, Reason
from api.v1.notice_views import (
    NoticeIn,
    NoticeView,
    NoticeWithHistory,
    announced,
    notice_view,
    with_history,
)
from api.v1.pages import After, Limit, Page, cursor, next_page, number_after
from api.v1.posting import (
    Answering,
    PostingDoors,
    Promised,
    balances_of,
    post,
    receipt_of,
)
from api.v1.touched import codes_of
from ledger.errors import NotFound
from ledger.posting.values import IdempotencyKey, Outcome, Status
from products.payments import notice_reads, notice_services
from products.payments.notice_values import Notice, NoticeStatus
from products.payments.notice_values import NoticeIn as Announcement

router = APIRouter(prefix="/books/{book}/notices", tags=["notices"])
ReadNotices = Annotated[Caller, Depends(in_book("notices:read"))]
WriteNotices = Annotated[Caller, Depends(in_book("notices:write"))]
ApproveNotices = Annotated[Caller, Depends(in_book("notices:approve"))]
PayNotices = Annotated[Caller, Depends(in_book("notices:pay"))]

StatusCode = Literal[
    "received",
    "matched",
    "posted",
    "held",
    "approved",
    "paid",
    "rejected",
    "returned",
    "expired",
]


class StepIn(Body):
    """What is said about a step, if anything."""

    reason: Reason | None = None


class RejectionIn(Body):
    """Why the notice is rejected; the member reads it."""

    reason: Reason


@router.post(
    "",
    status_code=201,
    response_model=NoticeView,
    responses=failing(
        *POSTS,
        *HOLD_REFUSALS,
        "placement_account",
        "below_minimum_opening",
        "below_minimum_withdrawal",
        "unknown_bank",
        "value_date_out_of_range",
    ),
    operation_id="send_notice",
)
async def send_notice(
    doors: PostingDoors, caller: WriteNotices, promise: Promised, body: NoticeIn
) -> Response:
    """Announce a deposit or ask for a withdrawal, whose amount is held at once."""
    announcement = Announcement(**body.model_dump(), made_by=caller.actor)
    async with doors.read() as connection:
        codes = await codes_of(connection, caller, contract_nos=[body.account])

    def show(outcome: Outcome) -> NoticeView:
        return announced(announcement, receipt_of(outcome), balances_of(outcome, codes))

    answering = Answering(promise=promise, status=201, show=show, codes=codes)

    async def act(key: IdempotencyKey) -> Outcome:
        await _refuse_others(doors, caller, announcement)
        found = await notice_services.receive(
            doors.collector,
            doors.database.poster,
            caller.book_id,
            announcement,
            received_by=caller.actor,
            key=key,
            answer=answering.text,
        )
        if found.outcome is not None:
            return found.outcome
        if found.status is Status.REPLAYED:
            return Outcome(status=Status.REPLAYED, replay=True)
        errors = [FieldProblem(pointer=_pointer(p.where), detail=str(p)) for p in found.problems]
        raise ProblemError(found.code, "; ".join(error.detail for error in errors), errors=errors)

    async def again() -> NoticeView:
        return notice_view(await _visible(doors, caller, announcement.id))

    return await post(doors, caller, answering, act, again)


def _pointer(where: str) -> str:
    name = where.rpartition(", field ")[2]
    return f"#/{name}" if name.isidentifier() else "#"


async def _refuse_others(doors: Doors, caller: Caller, body: Announcement) -> None:
    """A member speaks of its own contracts only; what another has announced is not shown to it."""
    if caller.party_id is None:
        return
    async with doors.read() as connection:
        known = await notice_reads.load_known(connection, caller.book_id, [body.id], [body.account])
    contract, before = known.contracts.get(body.account), known.notices.get(body.id)
    if contract is None or not caller.may_see(contract.party_id):
        errors = [FieldProblem(pointer="#/account", detail="the number of your own contract")]
        raise ProblemError("unknown_account", f"no contract {body.account}", errors=errors)
    if before is not None and not caller.may_see(before.party_id):
        raise ProblemError("id_conflict", f"the id {body.id} is taken: make another one")


async def _visible(doors: Doors, caller: Caller, notice_id: UUID) -> Notice:
    """The notice. Raises `NotFound`, also for one of another party."""
    async with doors.read() as connection:
        notice = await notice_reads.get(connection, caller.book_id, notice_id)
    if not caller.may_see(notice.party_id):
        raise NotFound("notice", notice_id)
    return notice


@router.get("", responses=failing(*READS), operation_id="list_notices")
async def list_notices(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadNotices,
    limit: Limit = 50,
    after: After = None,
    status: Annotated[StatusCode | None, Query()] = None,
) -> Page[NoticeView]:
    """Notices in the order of their arrival; a member's key sees its own."""
    async with doors.read() as connection:
        rows = await notice_reads.page(
            connection,
            caller.book_id,
            after_seq=number_after(after),
            limit=limit + 1,
            status=None if status is None else NoticeStatus[status.upper()],
            party_id=caller.party_id,
        )
    return next_page(
        request, response, rows, limit, notice_view, lambda row: cursor(row.received_seq)
    )


@router.get("/{notice_id}", responses=failing(*READS), operation_id="get_notice")
async def get_notice(doors: OpenDoors, caller: ReadNotices, notice_id: Id) -> NoticeWithHistory:
    """A notice with every change of it: when, who, why."""
    notice = await _visible(doors, caller, notice_id)
    async with doors.read() as connection:
        history = await notice_reads.history(connection, caller.book_id, notice_id)
    return with_history(notice, history)


@router.post(
    "/{notice_id}/approve",
    response_model=NoticeView,
    responses=failing(*POSTS, "forbidden", "wrong_status"),
    operation_id="approve_notice",
)
async def approve_notice(
    doors: PostingDoors, caller: ApproveNotices, promise: Promised, notice_id: Id, body: StepIn
) -> Response:
    """Approve a withdrawal as the second person. Its maker may not."""
    notice, codes = await _touching(doors, caller, notice_id)
    answering = _answering(promise, notice, codes, NoticeStatus.APPROVED, approved_by=caller.actor)

    async def act(key: IdempotencyKey) -> Outcome:
        return await notice_services.approve(
            doors.collector,
            doors.database.poster,
            caller.book_id,
            notice_id,
            actor=caller.actor,
            reason=body.reason or "",
            key=key,
            answer=answering.text,
        )

    return await post(doors, caller, answering, act)


@router.post(
    "/{notice_id}/reject",
    response_model=NoticeView,
    responses=failing(*POSTS, "hold_not_open", "wrong_status"),
    operation_id="reject_notice",
)
async def reject_notice(
    doors: PostingDoors, caller: ApproveNotices, promise: Promised, notice_id: Id, body: RejectionIn
) -> Response:
    """Reject a notice that has moved no money; what a withdrawal held is given back."""
    notice, codes = await _touching(doors, caller, notice_id)
    answering = _answering(
        promise, notice, codes, NoticeStatus.REJECTED, approved_by=notice.approved_by
    )

    async def act(key: IdempotencyKey) -> Outcome:
        return await notice_services.reject(
            doors.collector,
            doors.database.poster,
            caller.book_id,
            notice_id,
            actor=caller.actor,
            reason=body.reason,
            key=key,
            answer=answering.text,
        )

    return await post(doors, caller, answering, act)


@router.post(
    "/{notice_id}/pay",
    response_model=NoticeView,
    responses=failing(*POSTS, *JOURNAL_REFUSALS, "wrong_status", "not_yet_due"),
    operation_id="pay_notice",
)
async def pay_notice(
    doors: PostingDoors, caller: PayNotices, promise: Promised, notice_id: Id, body: StepIn
) -> Response:
    """Order the payment of an approved withdrawal: the hold is captured."""
    notice, codes = await _touching(doors, caller, notice_id)
    answering = _answering(
        promise, notice, codes, NoticeStatus.PAID, approved_by=notice.approved_by
    )

    async def act(key: IdempotencyKey) -> Outcome:
        return await notice_services.pay(
            doors.collector,
            doors.database.poster,
            caller.book_id,
            notice_id,
            actor=caller.actor,
            reason=body.reason or "",
            key=key,
            answer=answering.text,
        )

    return await post(doors, caller, answering, act)


async def _touching(doors: Doors, caller: Caller, notice_id: UUID) -> tuple[Notice, dict[int, str]]:
    """The notice, and the accounts that a step of it may touch. Raises as `_visible` does."""
    notice = await _visible(doors, caller, notice_id)
    async with doors.read() as connection:
        codes = await codes_of(connection, caller, notice_ids=[notice_id])
    return notice, codes


def _answering(
    promise: Promised,
    notice: Notice,
    codes: Mapping[int, str],
    to: NoticeStatus,
    *,
    approved_by: str | None,
) -> Answering:
    def show(outcome: Outcome) -> NoticeView:
        receipt = receipt_of(outcome)
        journal = outcome.receipts[0].journal_id if outcome.receipts else None
        changed = replace(
            notice,
            status=to,
            approved_by=approved_by,
            changed_seq=notice.changed_seq if receipt is None else receipt.recorded_seq,
            posted_journal=journal or notice.posted_journal,
        )
        return notice_view(changed, receipt, balances_of(outcome, codes))

    return Answering(promise=promise, status=200, show=show, codes=codes)
