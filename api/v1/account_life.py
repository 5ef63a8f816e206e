"""The life of an account: freeze and thaw, close, undo a closing; limits are `account_limits`.

Each is one act under an Idempotency-Key, recorded with who and why. What takes effect by date does
so at the cut-off. A closing is undone by another person than the one who closed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from api.auth.keys import Caller
from api.dependencies import Doors, in_book
from api.problems import POSTS, failing
from api.v1.fields import AccountCode, Body, CalendarDate, Reason, View
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
from ledger import accounts
from ledger.accounts import Account
from ledger.db import Connection, Pool
from ledger.errors import InvalidInput, NotFound
from ledger.posting.collector import Collector, Decide, decide_and_post
from ledger.posting.values import IdempotencyKey, Outcome, SetFreeze, SetLimits, Unit
from products.closing import close_account
from products.payments.paying_out import PayOut
from products.reopening import undo_account_closing

router = APIRouter(prefix="/books/{book}/accounts/{account}", tags=["life of an account"])
KeepAccounts = Annotated[Caller, Depends(in_book("accounts:keep"))]
CloseAccounts = Annotated[Caller, Depends(in_book("accounts:close"))]


class FreezeIn(Body):
    """Which sides to freeze. `until` is the last business date; the cut-off after it thaws."""

    debits: bool = True
    credits: bool = False
    until: CalendarDate | None = None
    reason: Reason


class ReasonIn(Body):
    """Why."""

    reason: Reason


class PayOutIn(Body):
    """Pay the balance to the member's bank: which of our banks pays, and who asked for it."""

    bank: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,12}$")]
    reference: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,35}$")]
    asked_by: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._@-]{0,63}$")]


class ClosingIn(Body):
    """Where what is left goes: to another account of the member, or to its bank."""

    sweep_to: AccountCode | None = None
    pay_out: PayOutIn | None = None
    reason: Reason


class ActView(View):
    """An act on an account, as recorded, with the accounts as they stand after it.

    `journals` are those that the act posted, in order.
    """

    account: str
    receipt: ReceiptView | None
    journals: list[UUID]
    balances: list[BalanceView]


Build = Callable[[Connection], Awaitable[Unit]]
Submit = Callable[[Collector, Pool, int, Decide], Awaitable[Outcome]]
Show = Callable[[Outcome], BaseModel]


async def named_accounts(doors: Doors, caller: Caller, *codes: str) -> dict[str, Account]:
    """The accounts by their codes. Raises `NotFound` for the first, also for another party's."""
    async with doors.read() as connection:
        found = await accounts.by_codes(connection, caller.book_id, codes)
    if codes[0] not in found or not caller.may_see(found[codes[0]].party_id):
        raise NotFound("account", codes[0])
    return found


async def act_on(
    doors: Doors,
    caller: Caller,
    promise: Promised,
    build: Build,
    show: Show,
    codes: dict[int, str],
    submit: Submit = decide_and_post,
    status: int = 200,
) -> Response:
    """Decide, post and answer one act; `codes` name the accounts that the answer may show."""
    answering = Answering(promise=promise, status=status, show=show, codes=codes)

    async def act(key: IdempotencyKey) -> Outcome:
        async def decide(connection: Connection) -> Unit:
            return replace(await build(connection), key=key, answer=answering.text)

        return await submit(doors.collector, doors.database.poster, caller.book_id, decide)

    return await post(doors, caller, answering, act)


def _show_act(code: str, codes: dict[int, str]) -> Show:
    def show(outcome: Outcome) -> ActView:
        return ActView(
            account=code,
            receipt=receipt_of(outcome, max(0, len(outcome.receipts) - 1)),
            journals=[r.journal_id for r in outcome.receipts if r.journal_id is not None],
            balances=balances_of(outcome, codes),
        )

    return show


async def set_at_once(
    doors: Doors,
    caller: Caller,
    promise: Promised,
    code: str,
    operation: Callable[[int], SetFreeze | SetLimits],
    reason: str,
) -> Response:
    """Set something of one account, at once."""
    number = (await named_accounts(doors, caller, code))[code].account_id

    async def build(_: Connection) -> Unit:
        return Unit(operations=(operation(number),), actor=caller.actor, reason=reason)

    codes = {number: code}
    return await act_on(doors, caller, promise, build, _show_act(code, codes), codes)


@router.post(
    "/freeze",
    response_model=ActView,
    responses=failing(*POSTS, "freeze_until_past", "account_closed"),
    operation_id="freeze_account",
)
async def freeze_account(
    doors: PostingDoors,
    caller: KeepAccounts,
    promise: Promised,
    account: AccountCode,
    body: FreezeIn,
) -> Response:
    """Freeze debits, credits or both (อายัด); interest goes on. A second freeze replaces it."""
    if not (body.debits or body.credits):
        raise InvalidInput.one("#/debits", "neither side", "debits, credits or both")

    def freeze(number: int) -> SetFreeze:
        return SetFreeze(account=number, debits=body.debits, credits=body.credits, until=body.until)

    return await set_at_once(doors, caller, promise, account, freeze, body.reason)


@router.post(
    "/thaw",
    response_model=ActView,
    responses=failing(*POSTS, "account_closed"),
    operation_id="thaw_account",
)
async def thaw_account(
    doors: PostingDoors,
    caller: KeepAccounts,
    promise: Promised,
    account: AccountCode,
    body: ReasonIn,
) -> Response:
    """Thaw both sides of an account."""

    def thaw(number: int) -> SetFreeze:
        return SetFreeze(account=number, debits=False, credits=False)

    return await set_at_once(doors, caller, promise, account, thaw, body.reason)


@router.post(
    "/close",
    response_model=ActView,
    responses=failing(
        *POSTS,
        "forbidden",
        "cannot_close_contract",
        "account_closed",
        "account_not_empty",
        "account_frozen_credit",
        "above_balance_max",
        "below_balance_min",
        "balance_out_of_range",
    ),
    operation_id="close_account",
)
async def close(
    doors: PostingDoors,
    caller: CloseAccounts,
    promise: Promised,
    account: AccountCode,
    body: ClosingIn,
) -> Response:
    """Pay accrued interest, sweep what is left, close account and contract; one act.

    Refused while holds or notices are open, each named, and while interest is not settled.
    """
    if body.sweep_to is not None and body.pay_out is not None:
        raise InvalidInput.one("#/pay_out", "both", "either sweep_to or pay_out")
    named = [account] if body.sweep_to is None else [account, body.sweep_to]
    found = await named_accounts(doors, caller, *named)
    pay_out = None if body.pay_out is None else PayOut(**body.pay_out.model_dump())

    async def build(connection: Connection) -> Unit:
        return await close_account(
            connection,
            caller.book_id,
            account,
            actor=caller.actor,
            reason=body.reason,
            sweep_to=body.sweep_to,
            pay_out=pay_out,
        )

    codes = {each.account_id: code for code, each in found.items()}
    show = _show_act(account, codes)
    return await act_on(doors, caller, promise, build, show, codes)


@router.post(
    "/undo-close",
    response_model=ActView,
    responses=failing(
        *POSTS,
        "forbidden",
        "cannot_undo_closing",
        "account_not_closed",
        "value_date_before_floor",
        "account_closed",
        "account_frozen_debit",
        "account_frozen_credit",
        "below_balance_min",
        "below_balance_min_later",
        "above_balance_max",
        "above_balance_max_later",
        "balance_out_of_range",
    ),
    operation_id="undo_account_closing",
)
async def undo_close(
    doors: PostingDoors,
    caller: CloseAccounts,
    promise: Promised,
    account: AccountCode,
    body: ReasonIn,
) -> Response:
    """Undo a closing: reverse what it paid, with its value dates, and open the account again.

    Only another person may. The days in between earn by their value-dated balances.
    """
    number = (await named_accounts(doors, caller, account))[account].account_id

    async def build(connection: Connection) -> Unit:
        return await undo_account_closing(
            connection, caller.book_id, account, actor=caller.actor, reason=body.reason
        )

    codes = {number: account}
    show = _show_act(account, codes)
    return await act_on(doors, caller, promise, build, show, codes)
