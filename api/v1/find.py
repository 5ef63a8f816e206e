"""Finding journals by anything that people know of them, newest first."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import AccountCode, Amount, CalendarDate, Line, View, satang_of
from api.v1.journal_views import TransferView
from api.v1.pages import After, Limit, cursor, link_next, number_after
from ledger import find as finder
from ledger.errors import InvalidInput
from ledger.find import FoundJournal, FoundPage
from ledger.money import format_baht

router = APIRouter(prefix="/books/{book}", tags=["find"])

AmountQuery = Annotated[Amount | None, Query()]
DateQuery = Annotated[CalendarDate | None, Query()]
LineQuery = Annotated[Line | None, Query()]


class FoundJournalView(View):
    """A journal as recorded; its first hundred transfers, and how many it has."""

    id: UUID
    recorded_seq: int
    kind: str
    business_date: CalendarDate
    value_date: CalendarDate
    posted_by: str
    reference: str
    narrative: str
    reverses: UUID | None
    hold_id: UUID | None
    transfers: list[TransferView]
    transfer_count: int


class FoundView(View):
    """Journals, newest first. A page looks at a bounded part of the book and may hold few or none
    while `has_more` is true: everything from number `looked_to` up has been looked at.

    `indexed_to` is how far the index goes; the `tail` numbers beyond it were read from the record
    itself, so that nothing is missed.
    """

    data: list[FoundJournalView]
    has_more: bool
    next_cursor: str | None
    indexed_to: int
    tail: int
    looked_to: int


@router.get("/find", responses=failing(*READS), operation_id="find_journals")
async def find_journals(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(in_book("journals:read"))],
    reference: LineQuery = None,
    reference_prefix: LineQuery = None,
    amount: AmountQuery = None,
    amount_from: AmountQuery = None,
    amount_to: AmountQuery = None,
    party: Annotated[
        str | None, Query(pattern=r"^[A-Za-z0-9-]{1,32}$", description="Code of a member.")
    ] = None,
    account: Annotated[AccountCode | None, Query()] = None,
    kind: Annotated[
        str | None, Query(pattern=r"^[a-z_]{1,64}$", description="Such as interest_accrual.")
    ] = None,
    from_date: DateQuery = None,
    to_date: DateQuery = None,
    from_value_date: DateQuery = None,
    to_value_date: DateQuery = None,
    actor: LineQuery = None,
    limit: Limit = 50,
    after: After = None,
) -> FoundView:
    """Journals of which one transfer is everything that is asked; dates are business dates."""
    if amount is not None and (amount_from is not None or amount_to is not None):
        expected = "either amount, or amount_from and amount_to"
        raise InvalidInput.one("query/amount", amount, expected)
    query = finder.Query(
        reference=reference,
        reference_prefix=reference_prefix,
        amount_from=_satang(amount or amount_from),
        amount_to=_satang(amount or amount_to),
        party=party,
        account=account,
        kind=kind,
        from_date=from_date,
        to_date=to_date,
        from_value_date=from_value_date,
        to_value_date=to_value_date,
        actor=actor,
    )
    async with doors.read() as connection:
        page = await finder.find(
            connection,
            caller.book_id,
            query,
            limit=limit,
            before=None if after is None else number_after(after),
        )
    if page.has_more:
        link_next(request, response, cursor(page.looked_to))
    return _page_view(page)


def _page_view(page: FoundPage) -> FoundView:
    return FoundView(
        data=[_view(found) for found in page.journals],
        has_more=page.has_more,
        next_cursor=cursor(page.looked_to) if page.has_more else None,
        indexed_to=page.indexed_to,
        tail=page.tail,
        looked_to=page.looked_to,
    )


def _satang(amount: str | None) -> int | None:
    return None if amount is None else satang_of(amount)


def _view(found: FoundJournal) -> FoundJournalView:
    return FoundJournalView(
        id=found.journal_id,
        recorded_seq=found.recorded_seq,
        kind=found.kind,
        business_date=found.business_date,
        value_date=found.value_date,
        posted_by=found.actor,
        reference=found.reference,
        narrative=found.narrative,
        reverses=found.reverses,
        hold_id=found.hold_id,
        transfers=[
            TransferView(debit=t.debit, credit=t.credit, amount=format_baht(t.amount_satang))
            for t in found.transfers
        ],
        transfer_count=found.transfer_count,
    )
