"""Limits of an account: set at once, planned for a later business date, read back for any date.

A plan takes effect at the cut-off before its date; until then it can be cancelled. The limits of a
date are told as known at any number: those in force at its end or, when it had not begun by then,
those that were planned.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import POSTS, READS, failing
from api.v1.account_life import (
    ActView,
    KeepAccounts,
    ReasonIn,
    act_on,
    named_accounts,
    set_at_once,
)
from api.v1.fields import AccountCode, Body, CalendarDate, Reason, SignedAmount, View
from api.v1.moments import KnownAt
from api.v1.posting import PostingDoors, Promised, ReceiptView, receipt_of
from ledger import limits
from ledger.db import Connection
from ledger.errors import NotFound
from ledger.limits import LimitPlan
from ledger.money import format_baht, parse_signed_baht
from ledger.posting.values import Outcome, SetLimits, Unit
from products.deposits.guards import refuse_limits

router = APIRouter(prefix="/books/{book}/accounts/{account}", tags=["life of an account"])
ReadAccounts = Annotated[Caller, Depends(in_book("accounts:read"))]
PlanNumber = Annotated[int, Path(ge=1, le=10**18, description="Number of the plan's note.")]

LIMIT = r"^(0\.[0-9]{2}|-0\.(0[1-9]|[1-9][0-9])|-?[1-9][0-9]{0,14}\.[0-9]{2})$"
_LIMIT = re.compile(LIMIT, re.ASCII)


def _limit(text: object) -> object:
    if text is not None and (
        not isinstance(text, str) or not _LIMIT.match(text) or text.endswith("\n")
    ):
        raise PydanticCustomError("invalid_input", "expected baht with two places, or null")
    return text


LimitIn = Annotated[
    str,
    BeforeValidator(_limit),
    WithJsonSchema({"type": "string", "pattern": LIMIT, "examples": ["-5000.00"]}),
]


class LimitsIn(Body):
    """Both limits, as they are to be; null = no limit."""

    balance_min: LimitIn | None
    balance_max: LimitIn | None
    reason: Reason


class PlanIn(LimitsIn):
    """Both limits from a later business date on."""

    effective_on: CalendarDate


class PlanView(View):
    """A plan of limits. `receipt` is set in the answer to planning or cancelling it."""

    plan: int
    effective_on: CalendarDate
    balance_min: SignedAmount | None
    balance_max: SignedAmount | None
    state: Literal["waiting", "applied", "cancelled"]
    planned_by: str
    reason: str
    applied_seq: int | None
    cancelled_seq: int | None
    receipt: ReceiptView | None = None


class PlanList(View):
    """Every plan of an account in the order in which they were made."""

    data: list[PlanView]


class LimitsView(View):
    """The limits on a date; `planned` when the date had not begun and they were only planned."""

    account: str
    on: CalendarDate
    balance_min: SignedAmount | None
    balance_max: SignedAmount | None
    planned: bool
    set_by_seq: int


@router.post(
    "/limits",
    response_model=ActView,
    responses=failing(*POSTS, "placement_account", "limits_impossible", "account_closed"),
    operation_id="set_limits",
)
async def set_limits(
    doors: PostingDoors,
    caller: KeepAccounts,
    promise: Promised,
    account: AccountCode,
    body: LimitsIn,
) -> Response:
    """Set both limits at once; one lowered below its use leaves an excess and is not refused."""
    low, high = _satang(body.balance_min), _satang(body.balance_max)
    async with doors.read() as connection:
        await refuse_limits(connection, caller.book_id, account)

    def wanted(number: int) -> SetLimits:
        return SetLimits(account=number, balance_min=low, balance_max=high)

    return await set_at_once(doors, caller, promise, account, wanted, body.reason)


@router.get("/limits", responses=failing(*READS), operation_id="get_limits")
async def get_limits(
    doors: OpenDoors,
    caller: ReadAccounts,
    account: AccountCode,
    on: Annotated[CalendarDate, Query(description="A past day, today, or one to come.")],
    known_at: KnownAt = None,
) -> LimitsView:
    """The limits of an account at the end of a date, as known at a number."""
    await named_accounts(doors, caller, account)
    async with doors.read() as connection:
        found = await limits.limits_on(connection, caller.book_id, account, on, known_at=known_at)
    if found is None:
        raise NotFound("limits", f"of account {account} on {on}: it was not open")
    return LimitsView(
        account=account,
        on=on,
        balance_min=_baht(found.balance_min),
        balance_max=_baht(found.balance_max),
        planned=found.planned,
        set_by_seq=found.recorded_seq,
    )


@router.get("/limit-plans", responses=failing(*READS), operation_id="list_limit_plans")
async def list_limit_plans(
    doors: OpenDoors, caller: ReadAccounts, account: AccountCode
) -> PlanList:
    """Every plan of limits of an account."""
    await named_accounts(doors, caller, account)
    async with doors.read() as connection:
        found = await limits.plans(connection, caller.book_id, account)
    return PlanList(data=[_plan(plan) for plan in found])


@router.post(
    "/limit-plans",
    status_code=201,
    response_model=PlanView,
    responses=failing(*POSTS, "placement_account", "wrong_status"),
    operation_id="plan_limits",
)
async def plan_limits(
    doors: PostingDoors,
    caller: KeepAccounts,
    promise: Promised,
    account: AccountCode,
    body: PlanIn,
) -> Response:
    """Plan both limits for a later business date; of two plans for one date the later stands."""
    number = (await named_accounts(doors, caller, account))[account].account_id
    low, high = _satang(body.balance_min), _satang(body.balance_max)

    async def build(connection: Connection) -> Unit:
        await refuse_limits(connection, caller.book_id, account)
        return await limits.plan_limits(
            connection,
            caller.book_id,
            account,
            effective_on=body.effective_on,
            balance_min=low,
            balance_max=high,
            actor=caller.actor,
            reason=body.reason,
        )

    def show(outcome: Outcome) -> PlanView:
        made = LimitPlan(
            planned_seq=outcome.receipts[0].recorded_seq,
            effective_on=body.effective_on,
            balance_min=low,
            balance_max=high,
            applied_seq=None,
            cancelled_seq=None,
            planned_by=caller.actor,
            reason=body.reason,
        )
        return _plan(made, receipt_of(outcome))

    codes = {number: account}
    return await act_on(doors, caller, promise, build, show, codes, status=201)


@router.post(
    "/limit-plans/{plan}/cancel",
    response_model=PlanView,
    responses=failing(*POSTS, "wrong_status"),
    operation_id="cancel_limit_plan",
)
async def cancel_limit_plan(
    doors: PostingDoors,
    caller: KeepAccounts,
    promise: Promised,
    account: AccountCode,
    plan: PlanNumber,
    body: ReasonIn,
) -> Response:
    """Cancel a plan that waits."""
    number = (await named_accounts(doors, caller, account))[account].account_id
    async with doors.read() as connection:
        found = await limits.plans(connection, caller.book_id, account)
    known = [each for each in found if each.planned_seq == plan]
    if not known:
        raise NotFound("plan of limits", f"{plan} of account {account}")

    async def build(connection: Connection) -> Unit:
        return await limits.cancel_plan(
            connection, caller.book_id, account, plan, actor=caller.actor, reason=body.reason
        )

    def show(outcome: Outcome) -> PlanView:
        seq = outcome.receipts[0].recorded_seq
        return _plan(replace(known[0], cancelled_seq=seq), receipt_of(outcome))

    codes = {number: account}
    return await act_on(doors, caller, promise, build, show, codes, submit=limits.cancel_and_post)


def _plan(plan: LimitPlan, receipt: ReceiptView | None = None) -> PlanView:
    return PlanView(
        plan=plan.planned_seq,
        effective_on=plan.effective_on,
        balance_min=_baht(plan.balance_min),
        balance_max=_baht(plan.balance_max),
        state=plan.state,
        planned_by=plan.planned_by,
        reason=plan.reason,
        applied_seq=plan.applied_seq,
        cancelled_seq=plan.cancelled_seq,
        receipt=receipt,
    )


def _satang(text: str | None) -> int | None:
    return None if text is None else parse_signed_baht(text)


def _baht(satang: int | None) -> str | None:
    return None if satang is None else format_baht(satang)
