"""Journals by hand: one person proposes, another posts exactly that, or rejects it.

POST /journals and POST /journals/{id}/reverse, here, record a proposal that moves nothing; what
becomes of it is in `journal_decisions`, what is read in `journal_reads`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.auth.keys import Caller
from api.auth.scopes import Scope
from api.dependencies import Doors, in_book
from api.problems import POSTS, FieldProblem, ProblemError, failing
from api.v1.fields import (
    AccountCode,
    Amount,
    Body,
    CalendarDate,
    Currency,
    Id,
    Line,
    Reason,
    satang_of,
)
from api.v1.journal_reads import read_journal
from api.v1.journal_views import JournalView, of_proposal
from api.v1.posting import Answering, PostingDoors, Promised, post, receipt_of
from ledger import accounts, manual
from ledger.accounts import Account
from ledger.errors import InvalidInput, NotFound
from ledger.kinds import JournalKind
from ledger.manual import Dating, ManualJournal, ManualState
from ledger.posting.values import IdempotencyKey, Journal, Outcome, Period, Status, Transfer
from products.barred import BY_NIGHT, BY_PLACEMENT, barred_accounts
from products.catalogue import contract_accounts, placement_accounts

router = APIRouter(prefix="/books/{book}/journals", tags=["journals"])
WriteJournals = Annotated[Caller, Depends(in_book("journals:write"))]


class TransferIn(Body):
    """Debit one account, credit another."""

    debit: AccountCode
    credit: AccountCode
    amount: Amount


class JournalIn(Body):
    """A manual journal to propose. Without a value date it gets its business date.

    With `business_date` it is posted on that date instead of the current one, when it is approved.
    """

    id: Id = Field(description="Made by the client; the journal is posted under it.")
    transfers: list[TransferIn] = Field(min_length=1, max_length=500)
    currency: Currency = "THB"
    value_date: CalendarDate | None = None
    business_date: CalendarDate | None = Field(
        default=None,
        description="An adjustment: posted on this earlier business date of an open month, though "
        "its day is closed. Needs the scope `journals:adjust` of both persons.",
    )
    late_period: bool = Field(
        default=False,
        description="An audit adjustment in the late period of the fiscal year that ends on "
        "`business_date`.",
    )
    adjusts: Id | None = Field(
        default=None, description="The posted journal that this one corrects without reversing it."
    )
    reference: Line = ""
    narrative: Line = ""
    reason: Reason


class ReversalIn(Body):
    """A reversal to propose: the journal named in the path, mirrored line by line."""

    id: Id = Field(description="Made by the client; the reversal is posted under it.")
    force: bool = Field(
        default=False,
        description="Set limits and freezes aside, though never a closed account. Needs the scope "
        "`journals:force` of both persons; the reason is recorded beside the journal.",
    )
    value_date: CalendarDate | None = Field(
        default=None,
        description="By default that of the journal. One that lies in a closed fiscal year takes "
        "no postings: name a later date, or open the year again.",
    )
    narrative: Line = ""
    reason: Reason


class ApprovalIn(Body):
    """What the second person adds, if anything."""

    reason: Reason | None = None


class RejectionIn(Body):
    """Why the proposal is not posted."""

    reason: Reason


@router.post(
    "",
    status_code=202,
    response_model=JournalView,
    responses=failing(
        *POSTS, "id_conflict", "unknown_account", "accounts_must_differ", "controlled_account"
    ),
    operation_id="propose_journal",
)
async def propose_journal(
    doors: PostingDoors, caller: WriteJournals, promise: Promised, body: JournalIn
) -> Response:
    """Propose a manual journal; nothing moves until another person approves it."""
    dating = _dating(caller, body)
    async with doors.read() as connection:
        named = {code for t in body.transfers for code in (t.debit, t.credit)}
        found = await accounts.by_codes(connection, caller.book_id, named)
        numbers = [account.account_id for account in found.values()]
        barred = await barred_accounts(connection, caller.book_id, numbers)
        if dating != manual.TODAY:
            of_contracts = await contract_accounts(connection, caller.book_id, numbers)
            barred = dict.fromkeys(of_contracts, BY_NIGHT) | barred
    _refuse_unfit(body, found, barred)
    journal = Journal(
        journal_id=body.id,
        kind=JournalKind.MANUAL
        if dating == manual.TODAY and body.adjusts is None
        else JournalKind.ADJUSTMENT,
        transfers=tuple(
            Transfer(
                debit=found[t.debit].account_id,
                credit=found[t.credit].account_id,
                amount_satang=satang_of(t.amount),
            )
            for t in body.transfers
        ),
        value_date=body.value_date,
        reference=body.reference,
        narrative=body.narrative,
        adjusts=body.adjusts,
    )
    codes = {account.account_id: code for code, account in found.items()}
    return await _propose(doors, caller, promise, journal, body.reason, codes, dating)


def _refuse_unfit(body: JournalIn, found: Mapping[str, Account], barred: Mapping[int, str]) -> None:
    """Every account is there, differs from its other side and is free to be moved by hand."""
    problems = [
        FieldProblem(pointer=f"#/transfers/{place}/{side}", detail=f"no account {code}")
        for place, t in enumerate(body.transfers)
        for side, code in (("debit", t.debit), ("credit", t.credit))
        if code not in found
    ]
    if problems:
        raise ProblemError("unknown_account", problems[0].detail, errors=problems)
    for place, t in enumerate(body.transfers):
        if t.debit == t.credit:
            same = [FieldProblem(pointer=f"#/transfers/{place}", detail="the same account twice")]
            raise ProblemError("accounts_must_differ", f"{t.debit} on both sides", errors=same)
    for place, t in enumerate(body.transfers):
        for side, code in (("debit", t.debit), ("credit", t.credit)):
            who = barred.get(found[code].account_id)
            if who is not None:
                where = FieldProblem(pointer=f"#/transfers/{place}/{side}", detail=code)
                raise ProblemError(
                    "controlled_account", f"{code} is moved by {who} only", errors=[where]
                )


def _dating(caller: Caller, body: JournalIn) -> Dating:
    """On which business date the journal is to be posted. Raises `scope_missing`."""
    if body.business_date is None:
        if body.late_period:
            expected = "the last day of the fiscal year whose late period it is"
            raise InvalidInput.one("#/business_date", "nothing", expected)
        return manual.TODAY
    require_scope(caller, "journals:adjust")
    period = Period.LATE if body.late_period else Period.ORDINARY
    return Dating(business_date=body.business_date, period=period)


def require_scope(caller: Caller, scope: Scope) -> None:
    """What the body asks for needs a scope of its own. Raises `scope_missing`."""
    if scope not in caller.scopes:
        raise ProblemError("scope_missing", f"the key does not hold the scope {scope}")


@router.post(
    "/{journal_id}/reverse",
    status_code=202,
    response_model=JournalView,
    responses=failing(
        *POSTS,
        "id_conflict",
        "controlled_account",
        "journal_belongs_to_product",
        "reversal_of_reversal",
        "already_reversed",
    ),
    operation_id="propose_reversal",
)
async def propose_reversal(
    doors: PostingDoors, caller: WriteJournals, promise: Promised, journal_id: Id, body: ReversalIn
) -> Response:
    """Propose to reverse a posted journal, with its original value date unless one is named."""
    if body.force:
        require_scope(caller, "journals:force")
    async with doors.read() as connection:
        target = await manual.recorded_journal(connection, caller.book_id, journal_id)
        if target is None:
            raise NotFound("posted journal", journal_id)
        codes = await manual.account_codes(connection, caller.book_id, [target])
        placed = await placement_accounts(connection, caller.book_id, list(codes))
    if placed:
        named = ", ".join(sorted(codes[number] for number in placed))
        raise ProblemError("controlled_account", f"{named} is moved by {BY_PLACEMENT} only")
    if target.reverses is not None:
        raise ProblemError("reversal_of_reversal", f"journal {journal_id} is a reversal itself")
    journal = manual.reversal_of(
        target,
        body.id,
        narrative=body.narrative,
        forced=body.force,
        value_date=body.value_date,
    )
    return await _propose(doors, caller, promise, journal, body.reason, codes)


async def _propose(
    doors: Doors,
    caller: Caller,
    promise: Promised,
    journal: Journal,
    reason: str,
    codes: dict[int, str],
    dating: Dating = manual.TODAY,
) -> Response:
    made_at = doors.clock()
    proposal = ManualJournal(
        journal=journal,
        version=1,
        state=ManualState.WAITING,
        made_by=caller.actor,
        made_at=made_at,
        decided_by=None,
        decided_at=None,
        reason=reason,
        dating=dating,
    )

    def show(outcome: Outcome) -> JournalView:
        return of_proposal(proposal, codes, receipt=receipt_of(outcome))

    answering = Answering(promise=promise, status=202, show=show, codes=codes)

    async def act(key: IdempotencyKey) -> Outcome:
        if await _known(doors, caller, journal, dating):
            return Outcome(status=Status.REPLAYED, replay=True)
        unit = manual.propose(
            caller.book_id,
            journal,
            maker=caller.actor,
            at=made_at,
            reason=reason,
            dating=dating,
        )
        unit = replace(unit, key=key, answer=answering.text)
        try:
            return await doors.collector.submit(caller.book_id, unit)
        except asyncpg.UniqueViolationError:
            # Proposed under the same id at this very moment: it is there now, look again.
            await _known(doors, caller, journal, dating)
            return Outcome(status=Status.REPLAYED, replay=True)

    async def again() -> JournalView:
        return await read_journal(doors, caller, journal.journal_id)

    return await post(doors, caller, answering, act, again)


async def _known(doors: Doors, caller: Caller, journal: Journal, dating: Dating) -> bool:
    """True when just this was proposed before. Raises `id_conflict` when the id is taken."""
    async with doors.read() as connection:
        before = await manual.find(connection, caller.book_id, journal.journal_id)
        posted = await manual.recorded_journal(connection, caller.book_id, journal.journal_id)
    if before is None and posted is None:
        return False
    if before is None or not manual.same_proposal(before, journal, dating):
        raise ProblemError(
            "id_conflict", f"id {journal.journal_id} is taken by another journal or proposal"
        )
    return True
