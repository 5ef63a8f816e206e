"""What becomes of a proposed journal: another person posts exactly that, or rejects it.

POST /journals/{id}/approve posts the stored body under the journal's own id; its maker cannot.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from api.auth.keys import Caller
from api.dependencies import Doors, in_book
from api.problems import JOURNAL_REFUSALS, POSTS, failing
from api.v1.fields import Id
from api.v1.journal_views import JournalView, of_proposal
from api.v1.journals import ApprovalIn, RejectionIn, require_scope
from api.v1.posting import (
    Answering,
    PostingDoors,
    Promised,
    balances_of,
    post,
    receipt_of,
    rehearses,
)
from ledger import manual
from ledger.db import Connection
from ledger.manual import ManualState
from ledger.periods.adjusting import post_dated
from ledger.posting.collector import Decide, decide_and_post
from ledger.posting.values import IdempotencyKey, Outcome, Unit

router = APIRouter(prefix="/books/{book}/journals", tags=["journals"])
ApproveJournals = Annotated[Caller, Depends(in_book("journals:approve"))]


@router.post(
    "/{journal_id}/approve",
    response_model=JournalView,
    responses=failing(*POSTS, *JOURNAL_REFUSALS, "forbidden", "wrong_status"),
    operation_id="approve_journal",
)
async def approve_journal(
    doors: PostingDoors,
    caller: ApproveJournals,
    promise: Promised,
    journal_id: Id,
    body: ApprovalIn,
) -> Response:
    """Post a proposal exactly as it was made. Its maker may not."""
    reason = body.reason or ""
    at = doors.clock()

    async def decide(connection: Connection) -> Unit:
        return await manual.approve(
            connection, caller.book_id, journal_id, checker=caller.actor, at=at, reason=reason
        )

    return await _decided(doors, caller, promise, journal_id, ManualState.POSTED, decide, at)


@router.post(
    "/{journal_id}/reject",
    response_model=JournalView,
    responses=failing(*POSTS, "forbidden", "wrong_status"),
    operation_id="reject_journal",
)
async def reject_journal(
    doors: PostingDoors,
    caller: ApproveJournals,
    promise: Promised,
    journal_id: Id,
    body: RejectionIn,
) -> Response:
    """Reject a proposal; its id is not used again. Its maker may not."""
    at = doors.clock()

    async def decide(connection: Connection) -> Unit:
        return await manual.reject(
            connection, caller.book_id, journal_id, checker=caller.actor, at=at, reason=body.reason
        )

    return await _decided(doors, caller, promise, journal_id, ManualState.REJECTED, decide, at)


async def _decided(
    doors: Doors,
    caller: Caller,
    promise: Promised,
    journal_id: UUID,
    state: ManualState,
    decide: Decide,
    at: datetime,
) -> Response:
    async with doors.read() as connection:
        proposal = await manual.get(connection, caller.book_id, journal_id)
        codes = await manual.account_codes(connection, caller.book_id, [proposal.journal])
    if state is ManualState.POSTED and proposal.dating != manual.TODAY:
        require_scope(caller, "journals:adjust")
    if state is ManualState.POSTED and proposal.journal.forced:
        require_scope(caller, "journals:force")

    def show(outcome: Outcome) -> JournalView:
        decided = replace(proposal, state=state, decided_by=caller.actor, decided_at=at)
        balances = balances_of(outcome, codes) if state is ManualState.POSTED else []
        return of_proposal(decided, codes, receipt=receipt_of(outcome), balances=balances)

    answering = Answering(promise=promise, status=200, show=show, codes=codes)

    async def act(key: IdempotencyKey) -> Outcome:
        async def decide_with_key(connection: Connection) -> Unit:
            return replace(await decide(connection), key=key, answer=answering.text)

        if state is ManualState.POSTED and proposal.dating != manual.TODAY:
            return await post_dated(
                doors.database.poster,
                caller.book_id,
                decide_with_key,
                proposal.dating,
                rehearse=rehearses(doors),
            )
        return await decide_and_post(
            doors.collector, doors.database.poster, caller.book_id, decide_with_key
        )

    return await post(doors, caller, answering, act)
