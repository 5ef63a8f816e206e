"""What becomes of a proposed journal: another person posts exactly that, or rejects it.

POST /journals/{id}/approve posts the stored body under the journal's own id; its maker cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    KeyName,
    PostingDoors,
    Promised,
    Recorded,
    balances_of,
    looked_up,
    post,
    receipt_of,
    recorded_all,
    rehearses,
)
from ledger import manual
from ledger.db import Connection
from ledger.manual import ManualJournal, ManualState
from ledger.periods.adjusting import post_dated
from ledger.posting.collector import decide_and_post
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

    def decide(proposal: ManualJournal) -> Unit:
        return manual.approval(caller.book_id, proposal, checker=caller.actor, at=at, reason=reason)

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

    def decide(proposal: ManualJournal) -> Unit:
        return manual.rejection(
            caller.book_id, proposal, checker=caller.actor, at=at, reason=body.reason
        )

    return await _decided(doors, caller, promise, journal_id, ManualState.REJECTED, decide, at)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A proposal, and the key under which it is decided."""

    journal_id: UUID
    key: KeyName


@dataclass(frozen=True, slots=True)
class _Found:
    """What is there of all that is asked about at once; accounts by number."""

    proposals: Mapping[UUID, ManualJournal]
    codes: Mapping[int, str]
    keys: Recorded


async def _load(connection: Connection, book_id: int, asked: Sequence[_Asked]) -> _Found:
    """Proposals, the accounts that they touch, and keys: three round trips for however many."""
    found = await manual.find_all(connection, book_id, [each.journal_id for each in asked])
    journals = [proposal.journal for proposal in found.values()]
    codes = await manual.account_codes(connection, book_id, journals)
    return _Found(found, codes, await recorded_all(connection, book_id, [a.key for a in asked]))


async def _decided(
    doors: Doors,
    caller: Caller,
    promise: Promised,
    journal_id: UUID,
    state: ManualState,
    decide: Callable[[ManualJournal], Unit],
    at: datetime,
) -> Response:
    asked = _Asked(journal_id, (caller.client, promise.key))
    found = await doors.ask(_load, caller.book_id, asked)
    proposal = manual.named(found.proposals, journal_id)
    if state is ManualState.POSTED and proposal.dating != manual.TODAY:
        require_scope(caller, "journals:adjust")
    if state is ManualState.POSTED and proposal.journal.forced:
        require_scope(caller, "journals:force")
    codes = {number: found.codes[number] for number in manual.accounts_of(proposal.journal)}
    looked = looked_up(found.keys, caller, promise)

    def show(outcome: Outcome) -> JournalView:
        decided = replace(proposal, state=state, decided_by=caller.actor, decided_at=at)
        balances = balances_of(outcome, codes) if state is ManualState.POSTED else []
        return of_proposal(decided, codes, receipt=receipt_of(outcome), balances=balances)

    answering = Answering(promise=promise, status=200, show=show, codes=codes)

    async def act(key: IdempotencyKey) -> Outcome:
        def with_key(read: ManualJournal) -> Unit:
            return replace(decide(read), key=key, answer=answering.text)

        async def decide_again(connection: Connection) -> Unit:
            return with_key(await manual.get(connection, caller.book_id, journal_id))

        if state is ManualState.POSTED and proposal.dating != manual.TODAY:
            return await post_dated(
                doors.database.poster,
                caller.book_id,
                decide_again,
                proposal.dating,
                rehearse=rehearses(doors),
            )
        return await decide_and_post(
            doors.collector,
            doors.database.poster,
            caller.book_id,
            decide_again,
            with_key(proposal),
        )

    return await post(doors, caller, answering, act, looked=looked)
