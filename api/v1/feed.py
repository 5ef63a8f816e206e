"""The feed: everything that took a number, in order, gap-free. A consumer keeps its last one."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import CalendarDate, SignedAmount, View, money_facts
from api.v1.journal_views import TransferView
from api.v1.pages import Limit, link_next
from ledger.events import FeedItem, feed
from ledger.money import format_baht

router = APIRouter(prefix="/books/{book}", tags=["feed"])


class FeedItemView(View):
    """A journal (`journal_id` set) or a numbered event (`body` set), as recorded."""

    recorded_seq: int
    kind: str
    business_date: CalendarDate
    value_date: CalendarDate | None
    recorded_at: str
    actor: str
    batch_no: int
    journal_id: UUID | None
    reverses: UUID | None
    hold_id: UUID | None
    subject: UUID | None
    account: str | None
    amount: SignedAmount | None
    reference: str
    narrative: str
    reason: str
    transfers: list[TransferView]
    body: dict[str, object]


class FeedView(View):
    """Items in order of `recorded_seq`; `next_after` is where the next call goes on."""

    data: list[FeedItemView]
    has_more: bool
    next_after: int


@router.get("/feed", responses=failing(*READS), operation_id="read_feed")
async def read_feed(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(in_book("feed:read"))],
    after: Annotated[int, Query(ge=0, le=10**18, description="The last number dealt with.")] = 0,
    limit: Limit = 50,
) -> FeedView:
    """At most `limit` items numbered after `after`; none means that the consumer is up to date."""
    async with doors.read() as connection:
        items = await feed(connection, caller.book_id, after, limit + 1)
    shown, has_more = items[:limit], len(items) > limit
    next_after = shown[-1].recorded_seq if shown else after
    if has_more:
        link_next(request, response, str(next_after))
    return FeedView(data=[_view(item) for item in shown], has_more=has_more, next_after=next_after)


def _view(item: FeedItem) -> FeedItemView:
    body = money_facts(dict(item.body))
    return FeedItemView(
        recorded_seq=item.recorded_seq,
        kind=item.kind,
        business_date=item.business_date,
        value_date=item.value_date,
        recorded_at=item.recorded_at.isoformat(),
        actor=item.actor,
        batch_no=item.batch_no,
        journal_id=item.journal_id,
        reverses=item.reverses,
        hold_id=item.hold_id,
        subject=item.subject,
        account=item.account,
        amount=None if item.amount_satang is None else format_baht(item.amount_satang),
        reference=item.reference,
        narrative=item.narrative,
        reason=item.reason,
        transfers=[
            TransferView(debit=t.debit, credit=t.credit, amount=format_baht(t.amount_satang))
            for t in item.transfers
        ],
        body=body if isinstance(body, dict) else {},
    )
