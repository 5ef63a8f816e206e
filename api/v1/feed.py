"""The feed: everything that took a number, in order, gap-free. A consumer keeps its last one.

A client that is up to date may wait at the door for the next number instead of asking again and
again. How far the book's own consumers are behind is shown beside it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import CalendarDate, SignedAmount, View, money_facts
from api.v1.journal_views import TransferView
from api.v1.pages import Limit, link_next
from ledger.consumers import consumers
from ledger.events import FeedItem, feed_page
from ledger.money import format_baht

router = APIRouter(prefix="/books/{book}", tags=["feed"])
ReadFeed = Annotated[Caller, Depends(in_book("feed:read"))]

WAIT_MAX_SECONDS = 30
_LOOK_AGAIN_SECONDS = 0.2


class FeedBalanceView(View):
    """An account right after the journal: what was debited and credited since it was opened."""

    account: str
    debits: SignedAmount
    credits: SignedAmount
    balance: SignedAmount


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
    balances: list[FeedBalanceView]
    body: dict[str, object]


class FeedView(View):
    """Items in order of `recorded_seq`; `next_after` is where the next call goes on."""

    data: list[FeedItemView]
    has_more: bool
    next_after: int


class ConsumerView(View):
    """A consumer of this book's feed; `lag` = numbers that it has not dealt with yet."""

    name: str
    cursor_seq: int
    lag: int
    moved_at: str


class ConsumersView(View):
    """Every consumer that the database knows, by name; `recorded_seq` is the book's last number."""

    recorded_seq: int
    data: list[ConsumerView]


@router.get("/feed", responses=failing(*READS), operation_id="read_feed")
async def read_feed(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadFeed,
    after: Annotated[int, Query(ge=0, le=10**18, description="The last number dealt with.")] = 0,
    limit: Limit = 50,
    wait: Annotated[
        int, Query(ge=0, le=WAIT_MAX_SECONDS, description="Seconds to wait when up to date.")
    ] = 0,
) -> FeedView:
    """At most `limit` items numbered after `after`; none means that the consumer is up to date."""
    ends = time.monotonic() + wait
    while True:
        async with doors.read() as connection:
            page = await feed_page(connection, caller.book_id, after, limit)
        # A number beyond the last one is nobody's cursor: it is answered at once.
        if page.items or after != page.head_seq or time.monotonic() >= ends:
            break
        if await request.is_disconnected():
            break
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    next_after = page.items[-1].recorded_seq if page.items else after
    has_more = next_after < page.head_seq
    if has_more:
        link_next(request, response, str(next_after))
    return FeedView(
        data=[_view(item) for item in page.items], has_more=has_more, next_after=next_after
    )


@router.get("/consumers", responses=failing(*READS), operation_id="list_consumers")
async def list_consumers(doors: OpenDoors, caller: ReadFeed) -> ConsumersView:
    """The book's own consumers of the feed, such as the one that keeps the search rows."""
    async with doors.read() as connection:
        head = (await feed_page(connection, caller.book_id, 0, 0)).head_seq
        found = await consumers(connection, caller.book_id)
    return ConsumersView(
        recorded_seq=max([head, *(each.head_seq for each in found)]),
        data=[
            ConsumerView(
                name=each.name,
                cursor_seq=each.cursor_seq,
                lag=each.lag,
                moved_at=each.moved_at.isoformat(),
            )
            for each in found
        ],
    )


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
        balances=[
            FeedBalanceView(
                account=each.account,
                debits=format_baht(each.debits_satang),
                credits=format_baht(each.credits_satang),
                balance=format_baht(each.balance_satang),
            )
            for each in item.balances
        ],
        body=body if isinstance(body, dict) else {},
    )
