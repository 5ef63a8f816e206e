"""Suspense: bank lines that wait for an explanation, and what a person does about them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import JOURNAL_REFUSALS, POSTS, READS, failing
from api.v1.fields import Body, CalendarDate, Currency, Id, Reason, SignedAmount, View
from api.v1.posting import (
    Answering,
    BalanceView,
    PostingDoors,
    Promised,
    ReceiptView,
    balances_of,
    post,
    receipt_of,
)
from api.v1.touched import codes_of
from ledger.books import read_head
from ledger.money import format_baht
from ledger.posting.values import IdempotencyKey, Outcome
from products.payments import resolving, suspense

router = APIRouter(prefix="/books/{book}", tags=["suspense"])
WriteStatements = Annotated[Caller, Depends(in_book("statements:write"))]


class QuestionView(View):
    """A notice that may belong to the line, and why that was not settled by itself."""

    notice_id: UUID
    account: str
    reference: str
    amount: SignedAmount
    reason: str


class SuspendedView(View):
    """A line in suspense since the business date `since`."""

    line_id: UUID
    bank: str
    bank_reference: str
    is_credit: bool
    amount: SignedAmount
    value_date: CalendarDate
    since: CalendarDate
    age_days: int
    reference: str
    counterparty: str
    questions: list[QuestionView]


class AgeView(View):
    """Lines of one age: money that came, money that went."""

    days: str
    receipts: int
    receipts_amount: SignedAmount
    payments: int
    payments_amount: SignedAmount


class SuspenseView(View):
    """Everything in suspense, the oldest first, and the same by age."""

    on: CalendarDate
    currency: Currency
    ages: list[AgeView]
    data: list[SuspendedView]


class MatchIn(Body):
    """The notices that the line belongs to; their amounts must add up to it."""

    notice_ids: list[Id] = Field(min_length=1, max_length=100)
    reason: Reason


class UnmatchIn(Body):
    """Why line and notices are taken apart."""

    reason: Reason


class MatchView(View):
    """What was done to a line, the notices it was joined to, and the accounts that moved."""

    line_id: UUID
    status: str
    notice_ids: list[UUID]
    receipt: ReceiptView | None
    balances: list[BalanceView]


@router.get("/suspense", responses=failing(*READS), operation_id="list_suspense")
async def list_suspense(
    doors: OpenDoors, caller: Annotated[Caller, Depends(in_book("statements:read"))]
) -> SuspenseView:
    """What waits, how long it has waited, and what a person is asked about it."""
    async with doors.read() as connection:
        head = await read_head(connection, caller.book_id)
        lines = await suspense.suspended_lines(connection, caller.book_id)
        asked = await suspense.questions(connection, caller.book_id)
    questions: dict[UUID, list[QuestionView]] = {}
    for question in asked:
        questions.setdefault(question.line_id, []).append(_question(question))
    today = head.business_date
    return SuspenseView(
        on=today,
        currency="THB",
        ages=[_age(bucket) for bucket in suspense.ages(lines, today)],
        data=[
            SuspendedView(
                line_id=line.line_id,
                bank=line.bank_code,
                bank_reference=line.bank_reference,
                is_credit=line.is_credit,
                amount=format_baht(line.amount_satang),
                value_date=line.value_date,
                since=line.posted_on,
                age_days=(today - line.posted_on).days,
                reference=line.reference,
                counterparty=line.counterparty,
                questions=questions.get(line.line_id, []),
            )
            for line in lines
        ],
    )


def _question(question: suspense.Question) -> QuestionView:
    return QuestionView(
        notice_id=question.notice_id,
        account=question.contract_no,
        reference=question.reference,
        amount=format_baht(question.notice_satang),
        reason=question.reason,
    )


def _age(bucket: suspense.AgeBucket) -> AgeView:
    return AgeView(
        days=bucket.days,
        receipts=bucket.receipts,
        receipts_amount=format_baht(bucket.receipts_satang),
        payments=bucket.payments,
        payments_amount=format_baht(bucket.payments_satang),
    )


@router.post(
    "/lines/{line_id}/match",
    response_model=MatchView,
    responses=failing(*POSTS, *JOURNAL_REFUSALS, "cannot_match", "amounts_differ"),
    operation_id="match_line",
)
async def match_line(
    doors: PostingDoors, caller: WriteStatements, promise: Promised, line_id: Id, body: MatchIn
) -> Response:
    """Join a suspended line to one or several notices."""
    async with doors.read() as connection:
        codes = await codes_of(connection, caller, notice_ids=body.notice_ids)

    def show(outcome: Outcome) -> MatchView:
        return MatchView(
            line_id=line_id,
            status="matched",
            notice_ids=list(dict.fromkeys(body.notice_ids)),
            receipt=receipt_of(outcome),
            balances=balances_of(outcome, codes),
        )

    answering = Answering(promise=promise, status=200, show=show, codes=codes)

    async def act(key: IdempotencyKey) -> Outcome:
        return await resolving.resolve(
            doors.collector,
            doors.database.poster,
            caller.book_id,
            line_id,
            body.notice_ids,
            actor=caller.actor,
            reason=body.reason,
            key=key,
            answer=answering.text,
        )

    return await post(doors, caller, answering, act)


@router.post(
    "/lines/{line_id}/unmatch",
    response_model=MatchView,
    responses=failing(*POSTS, *JOURNAL_REFUSALS, "cannot_match"),
    operation_id="unmatch_line",
)
async def unmatch_line(
    doors: PostingDoors, caller: WriteStatements, promise: Promised, line_id: Id, body: UnmatchIn
) -> Response:
    """Take a joined line apart by reversal; it waits in suspense again."""
    async with doors.read() as connection:
        codes = await codes_of(connection, caller, line_id=line_id)

    def show(outcome: Outcome) -> MatchView:
        return MatchView(
            line_id=line_id,
            status="suspense",
            notice_ids=[],
            receipt=receipt_of(outcome),
            balances=balances_of(outcome, codes),
        )

    answering = Answering(promise=promise, status=200, show=show, codes=codes)

    async def act(key: IdempotencyKey) -> Outcome:
        return await resolving.unmatch(
            doors.collector,
            doors.database.poster,
            caller.book_id,
            line_id,
            actor=caller.actor,
            reason=body.reason,
            key=key,
            answer=answering.text,
        )

    return await post(doors, caller, answering, act)
