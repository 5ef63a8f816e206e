"""Holds: set an amount aside, see it, give it back. Captures are journals of products.

The hold of a withdrawal notice has the notice's id; it is given back by rejecting the notice, never
here, so that no notice is left believing in a hold that is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors, in_book
from api.problems import HOLD_REFUSALS, POSTS, READS, FieldProblem, ProblemError, failing
from api.v1.accounts import visible_position
from api.v1.fields import (
    AccountCode,
    Amount,
    Body,
    CalendarDate,
    Currency,
    Id,
    Line,
    Reason,
    SignedAmount,
    View,
    satang_of,
)
from api.v1.posting import (
    Answering,
    BalanceView,
    KeyName,
    PostingDoors,
    Promised,
    ReceiptView,
    Recorded,
    balances_of,
    looked_up,
    post,
    receipt_of,
    recorded_all,
)
from ledger import accounts, holds
from ledger.accounts import Account
from ledger.db import Connection
from ledger.errors import NotFound
from ledger.holds import Hold, HoldStatus
from ledger.money import format_baht
from ledger.posting.values import IdempotencyKey, Outcome, PlaceHold, ReleaseHold, Unit
from products.payments import notice_reads

router = APIRouter(prefix="/books/{book}/holds", tags=["holds"])
WriteHolds = Annotated[Caller, Depends(in_book("holds:write"))]


class HoldIn(Body):
    """An amount to set aside. The same id and body again is a replay."""

    id: Id = Field(description="Made by the client.")
    account: AccountCode
    amount: Amount
    currency: Currency = "THB"
    expires_on: CalendarDate | None = Field(
        default=None, description="The last business date on which it can be captured."
    )
    reference: Line = ""


class ReleaseIn(Body):
    """Why the hold is given back."""

    reason: Reason


class HoldView(View):
    """A hold as it stands. `receipt` and `balances` are set in the answer to a posting."""

    id: UUID
    account: str
    amount: SignedAmount
    captured: SignedAmount
    currency: Currency
    status: Literal["open", "captured", "released", "expired"]
    expires_on: CalendarDate | None
    reference: str
    placed_seq: int
    changed_seq: int
    receipt: ReceiptView | None = None
    balances: list[BalanceView] = Field(default_factory=list)


class HoldList(View):
    """The open holds of an account, oldest first."""

    data: list[HoldView]


_STATUS: dict[HoldStatus, Literal["open", "captured", "released", "expired"]] = {
    HoldStatus.OPEN: "open",
    HoldStatus.CAPTURED: "captured",
    HoldStatus.RELEASED: "released",
    HoldStatus.EXPIRED: "expired",
}


def _view(
    hold: Hold,
    *,
    status: HoldStatus | None = None,
    changed_seq: int | None = None,
    receipt: ReceiptView | None = None,
    balances: list[BalanceView] | None = None,
) -> HoldView:
    return HoldView(
        id=hold.hold_id,
        account=hold.account,
        amount=format_baht(hold.amount_satang),
        captured=format_baht(hold.captured_satang),
        currency="THB",
        status=_STATUS[status or hold.status],
        expires_on=hold.expires_on,
        reference=hold.reference,
        placed_seq=hold.placed_seq,
        changed_seq=changed_seq or hold.changed_seq,
        receipt=receipt,
        balances=balances or [],
    )


async def _visible(connection: Connection, caller: Caller, hold_id: UUID) -> tuple[Hold, int]:
    """The hold and its account's number. Raises `NotFound`, also for another party's."""
    hold = await holds.get_hold(connection, caller.book_id, hold_id)
    if caller.party_id is None:
        return hold, 0
    found = await accounts.by_codes(connection, caller.book_id, [hold.account])
    if not caller.may_see(found[hold.account].party_id):
        raise NotFound("hold", hold_id)
    return hold, found[hold.account].account_id


@dataclass(frozen=True, slots=True)
class _Asked:
    """The account that a hold is asked for on, and the key under which it is."""

    account: str
    key: KeyName


async def _load(
    connection: Connection, book_id: int, asked: Sequence[_Asked]
) -> tuple[dict[str, Account], Recorded]:
    """Accounts by code, and keys: two round trips for however many holds are asked for at once."""
    found = await accounts.by_codes(connection, book_id, [each.account for each in asked])
    return found, await recorded_all(connection, book_id, [each.key for each in asked])


@router.post(
    "",
    status_code=201,
    response_model=HoldView,
    responses=failing(*POSTS, *HOLD_REFUSALS),
    operation_id="place_hold",
)
async def place_hold(
    doors: PostingDoors, caller: WriteHolds, promise: Promised, body: HoldIn
) -> Response:
    """Set an amount aside on an account; it counts against what is available at once."""
    asked = _Asked(body.account, (caller.client, promise.key))
    found, keys = await doors.ask(_load, caller.book_id, asked)
    account = found.get(body.account)
    if account is None or not caller.may_see(account.party_id):
        raise ProblemError(
            "unknown_account",
            f"no account {body.account} in this book",
            errors=[FieldProblem(pointer="#/account", detail="the code of an account")],
        )
    looked = looked_up(keys, caller, promise)
    codes = {account.account_id: account.code}

    def show(outcome: Outcome) -> HoldView:
        receipt = receipt_of(outcome)
        seq = 0 if receipt is None else receipt.recorded_seq
        hold = Hold(
            hold_id=body.id,
            account=account.code,
            amount_satang=satang_of(body.amount),
            captured_satang=0,
            status=HoldStatus.OPEN,
            expires_on=body.expires_on,
            reference=body.reference,
            placed_seq=seq,
            changed_seq=seq,
        )
        return _view(hold, receipt=receipt, balances=balances_of(outcome, codes))

    answering = Answering(promise=promise, status=201, show=show, codes=codes)
    operation = PlaceHold(
        hold_id=body.id,
        account=account.account_id,
        amount_satang=satang_of(body.amount),
        expires_on=body.expires_on,
        reference=body.reference,
    )

    async def act(key: IdempotencyKey) -> Outcome:
        unit = Unit(operations=(operation,), actor=caller.actor, key=key, answer=answering.text)
        return await doors.collector.submit(caller.book_id, unit)

    async def again() -> HoldView:
        return await _read(doors, caller, body.id)

    return await post(doors, caller, answering, act, again, looked=looked)


async def _read(doors: Doors, caller: Caller, hold_id: UUID) -> HoldView:
    async with doors.read() as connection:
        hold, _ = await _visible(connection, caller, hold_id)
    return _view(hold)


@router.get("", responses=failing(*READS), operation_id="list_open_holds")
async def list_open_holds(
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(in_book("holds:read"))],
    account: Annotated[AccountCode, Query()],
) -> HoldList:
    """The open holds of one account."""
    async with doors.read() as connection:
        await visible_position(connection, caller, account)
        found = await holds.open_holds(connection, caller.book_id, account)
    return HoldList(data=[_view(hold) for hold in found])


@router.get("/{hold_id}", responses=failing(*READS), operation_id="get_hold")
async def get_hold(
    doors: OpenDoors, caller: Annotated[Caller, Depends(in_book("holds:read"))], hold_id: Id
) -> HoldView:
    """One hold, whatever became of it."""
    return await _read(doors, caller, hold_id)


@router.post(
    "/{hold_id}/release",
    response_model=HoldView,
    responses=failing(*POSTS, "unknown_hold", "hold_not_open", "hold_belongs_to_notice"),
    operation_id="release_hold",
)
async def release_hold(
    doors: PostingDoors, caller: WriteHolds, promise: Promised, hold_id: Id, body: ReleaseIn
) -> Response:
    """Give the whole amount of an open hold back."""
    async with doors.read() as connection:
        hold, _ = await _visible(connection, caller, hold_id)
        noticed = await notice_reads.load(connection, caller.book_id, [hold_id])
        found = await accounts.by_codes(connection, caller.book_id, [hold.account])
    if noticed:
        raise ProblemError(
            "hold_belongs_to_notice",
            f"hold {hold_id} is that of the withdrawal notice with the same id: reject the notice",
        )
    codes = {found[hold.account].account_id: hold.account}

    def show(outcome: Outcome) -> HoldView:
        receipt = receipt_of(outcome)
        return _view(
            hold,
            status=HoldStatus.RELEASED,
            changed_seq=None if receipt is None else receipt.recorded_seq,
            receipt=receipt,
            balances=balances_of(outcome, codes),
        )

    answering = Answering(promise=promise, status=200, show=show, codes=codes)
    operation = ReleaseHold(hold_id=hold_id)

    async def act(key: IdempotencyKey) -> Outcome:
        unit = Unit(
            operations=(operation,),
            actor=caller.actor,
            reason=body.reason,
            key=key,
            answer=answering.text,
        )
        return await doors.collector.submit(caller.book_id, unit)

    return await post(doors, caller, answering, act)
