"""Rules of everything that is not a journal: holds, accounts, the business date, notes.

Each function takes the state, one operation and the undo, and answers a refusal or the event that
will be recorded. Same shape as a journal: guards first, then what must succeed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import UUID

from ledger import money
from ledger.kinds import EventKind
from ledger.posting import state as st
from ledger.posting.journal_rules import short_after
from ledger.posting.records import EventRecord, canonical_json
from ledger.posting.values import (
    CloseAccount,
    Journal,
    MoveBusinessDate,
    Note,
    OpenAccount,
    Operation,
    PlaceHold,
    ReleaseHold,
    ReopenAccount,
    SetFreeze,
    SetLimits,
    Unit,
)
from ledger.refusals import Refusal

_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,31}")
"""Codes of accounts: the same as the table's own check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """An accepted operation before it has its number."""

    kind: int
    account_state: st.AccountState | None = None
    hold_state: st.HoldState | None = None
    note_account: int | None = None
    subject: UUID | None = None
    amount_satang: int | None = None
    body: dict[str, object] = field(default_factory=dict)


def judge_operation(
    state: st.State, operation: Operation, unit: Unit, undo: st.Undo
) -> Refusal | EventRecord:
    """Apply one operation that is not a journal, or refuse it."""
    if isinstance(operation, ReopenAccount):
        result = _reopen_account(state, operation, unit, undo)
    else:
        result = _RULES[type(operation)](state, operation, undo)
    if isinstance(result, Refusal):
        return result
    if state.shut is not None:
        return state.shut
    seq = state.take_seq()
    account, hold = result.account_state, result.hold_state
    if account is not None:
        account.changed_seq = seq
    if hold is not None:
        hold.changed_seq = seq
        hold.placed_seq = hold.placed_seq or seq
    return EventRecord(
        recorded_seq=seq,
        kind=result.kind,
        business_date=state.business_date,
        actor=unit.actor,
        reason=unit.reason,
        account_id=result.note_account if account is None else account.account,
        hold_id=None if hold is None else hold.hold_id,
        subject=result.subject,
        amount_satang=result.amount_satang,
        body=canonical_json(result.body),
    )


def _unknown(account: int) -> Refusal:
    return Refusal(code="unknown_account", detail={"account": account})


def _limits_refusal(asked: OpenAccount | SetLimits) -> Refusal | None:
    low, high = asked.balance_min, asked.balance_max
    in_range = all(abs(limit) <= money.BALANCE_MAX for limit in (low, high) if limit is not None)
    if in_range and (low is None or high is None or low <= high):
        return None
    facts: dict[str, object] = {"balance_min_satang": low, "balance_max_satang": high}
    return Refusal(code="limits_impossible", detail={"account": asked.account} | facts)


def _place_hold(state: st.State, operation: PlaceHold, undo: st.Undo) -> Refusal | _Event:
    amount = operation.amount_satang
    if not 1 <= amount <= money.AMOUNT_MAX:
        return Refusal(code="amount_out_of_range", detail={"amount_satang": amount})
    account = state.accounts.get(operation.account)
    if account is None:
        return _unknown(operation.account)
    if operation.expires_on is not None and operation.expires_on < state.business_date:
        expired: dict[str, object] = {"expires_on": operation.expires_on.isoformat()}
        return Refusal(code="hold_expired", detail=expired)
    detail: dict[str, object] = {"account": account.account}
    if account.closed:
        return Refusal(code="account_closed", detail=detail)
    if account.frozen & st.FROZEN_DEBITS:
        return Refusal(code="account_frozen_debit", detail=detail)
    if short_after(account, amount) > 0:
        facts = {"amount_satang": amount, "available_satang": account.available}
        return Refusal(code="below_balance_min", detail=detail | facts)
    if account.held + amount > money.BALANCE_MAX:
        return Refusal(code="balance_out_of_range", detail=detail)
    # After this point the hold must succeed.
    undo.account(account)
    account.held += amount
    hold = st.HoldState(
        hold_id=operation.hold_id,
        account=account.account,
        amount=amount,
        expires_on=operation.expires_on,
        reference=operation.reference,
        is_new=True,
    )
    undo.added_hold(hold)
    return _Event(
        kind=EventKind.HOLD_PLACED,
        account_state=account,
        hold_state=hold,
        amount_satang=amount,
        body={"expires_on": operation.expires_on, "reference": operation.reference},
    )


def _release_hold(state: st.State, operation: ReleaseHold, undo: st.Undo) -> Refusal | _Event:
    hold = state.holds.get(operation.hold_id)
    detail: dict[str, object] = {"hold_id": str(operation.hold_id)}
    if hold is None:
        return Refusal(code="unknown_hold", detail=detail)
    if hold.state != st.HOLD_OPEN:
        return Refusal(code="hold_not_open", detail=detail | {"state": hold.state})
    # Its last day has passed once that day is cut off, also for the night that still posts on it.
    last_day = min(state.business_date, state.head_date - timedelta(days=1))
    due = hold.expires_on is not None and hold.expires_on <= last_day
    if operation.expired and not due:
        return Refusal(code="hold_not_yet_due", detail=detail)
    # After this point the release must succeed.
    account = state.accounts[hold.account]
    undo.account(account)
    undo.hold(hold)
    account.held -= hold.amount
    account.settle_excess()
    hold.state = st.HOLD_EXPIRED if operation.expired else st.HOLD_RELEASED
    kind = EventKind.HOLD_EXPIRED if operation.expired else EventKind.HOLD_RELEASED
    return _Event(
        kind=kind, account_state=account, hold_state=hold, amount_satang=hold.amount, body={}
    )


def _open_account(state: st.State, operation: OpenAccount, undo: st.Undo) -> Refusal | _Event:
    if not _CODE.fullmatch(operation.code):
        return Refusal(code="malformed_code", detail={"code": operation.code})
    if operation.gl_code not in state.gl_codes:
        return Refusal(code="unknown_gl_code", detail={"gl_code": operation.gl_code})
    if operation.party_id is not None and operation.party_id not in state.party_ids:
        return Refusal(code="unknown_party", detail={"party_id": operation.party_id})
    if operation.code in state.account_codes or operation.account in state.accounts:
        return Refusal(code="account_exists", detail={"code": operation.code})
    impossible = _limits_refusal(operation)
    if impossible is not None:
        return impossible
    # After this point the opening must succeed.
    account = st.AccountState(
        account=operation.account,
        currency=operation.currency,
        balance_min=operation.balance_min,
        balance_max=operation.balance_max,
        is_new=True,
    )
    account.settle_excess()
    undo.added_account(account, operation.code)
    return _Event(
        kind=EventKind.ACCOUNT_OPENED,
        account_state=account,
        body={
            "code": operation.code,
            "gl_code": operation.gl_code,
            "currency": operation.currency,
            "party_id": operation.party_id,
            "balance_min": operation.balance_min,
            "balance_max": operation.balance_max,
        },
    )


def _set_freeze(state: st.State, operation: SetFreeze, undo: st.Undo) -> Refusal | _Event:
    account = state.accounts.get(operation.account)
    if account is None:
        return _unknown(operation.account)
    if operation.until is not None and operation.until < state.business_date:
        past: dict[str, object] = {"until": operation.until.isoformat()}
        return Refusal(code="freeze_until_past", detail={"account": account.account} | past)
    if account.closed:
        return Refusal(code="account_closed", detail={"account": account.account})
    until = operation.until if operation.debits or operation.credits else None
    undo.account(account)
    account.frozen = st.FROZEN_DEBITS * operation.debits + st.FROZEN_CREDITS * operation.credits
    account.frozen_until = until
    return _Event(
        kind=EventKind.ACCOUNT_FROZEN,
        account_state=account,
        body={"debits": operation.debits, "credits": operation.credits, "until": until},
    )


def _set_limits(state: st.State, operation: SetLimits, undo: st.Undo) -> Refusal | _Event:
    account = state.accounts.get(operation.account)
    if account is None:
        return _unknown(operation.account)
    impossible = _limits_refusal(operation)
    if impossible is not None:
        return impossible
    if account.closed:
        return Refusal(code="account_closed", detail={"account": account.account})
    undo.account(account)
    account.balance_min = operation.balance_min
    account.balance_max = operation.balance_max
    account.settle_excess()
    return _Event(
        kind=EventKind.ACCOUNT_LIMITS_SET,
        account_state=account,
        body={"balance_min": operation.balance_min, "balance_max": operation.balance_max},
    )


def _close_account(state: st.State, operation: CloseAccount, undo: st.Undo) -> Refusal | _Event:
    account = state.accounts.get(operation.account)
    if account is None:
        return _unknown(operation.account)
    detail: dict[str, object] = {"account": account.account}
    for settled_by in operation.settled_by:
        settling = state.journals.get(settled_by)
        if settling is None or settling.recorded_seq < undo.first_seq:
            return Refusal(code="unknown_journal", detail=detail | {"journal": str(settled_by)})
    if account.closed:
        return Refusal(code="account_closed", detail=detail)
    if account.balance != 0 or account.held != 0:
        facts = {"balance_satang": account.balance, "held_satang": account.held}
        return Refusal(code="account_not_empty", detail=detail | facts)
    undo.account(account)
    account.closed = True
    undo.closing(account.account, frozenset(operation.settled_by))
    body: dict[str, object] = {"settled_by": [str(journal) for journal in operation.settled_by]}
    return _Event(kind=EventKind.ACCOUNT_CLOSED, account_state=account, body=body)


def _reopen_account(
    state: st.State, operation: ReopenAccount, unit: Unit, undo: st.Undo
) -> Refusal | _Event:
    account = state.accounts.get(operation.account)
    if account is None:
        return _unknown(operation.account)
    settled_by = state.closings.get(account.account, frozenset())
    reversing = {o.reverses for o in unit.operations if isinstance(o, Journal)}
    missing = sorted(str(journal) for journal in settled_by - reversing)
    detail: dict[str, object] = {"account": account.account}
    if account.closed and missing:
        return Refusal(code="reopen_does_not_undo", detail=detail | {"not_reversed": missing})
    if not account.closed:
        return Refusal(code="account_not_closed", detail=detail)
    undo.account(account)
    account.closed = False
    undone: dict[str, object] = {"undoes": sorted(str(journal) for journal in settled_by)}
    return _Event(kind=EventKind.ACCOUNT_REOPENED, account_state=account, body=undone)


def _move_business_date(
    state: st.State, operation: MoveBusinessDate, _: st.Undo
) -> Refusal | _Event:
    moved_or_past = state.business_date != state.head_date
    if moved_or_past or operation.to != state.head_date + timedelta(days=1):
        return Refusal(
            code="business_date_not_next",
            detail={
                "business_date": state.head_date.isoformat(),
                "asked": operation.to.isoformat(),
            },
        )
    body: dict[str, object] = {"from": state.head_date, "to": operation.to}
    state.head_date = operation.to
    return _Event(kind=EventKind.BUSINESS_DATE_MOVED, body=body)


def _note(state: st.State, operation: Note, _: st.Undo) -> Refusal | _Event:
    account = None
    if operation.account is not None:
        account = state.accounts.get(operation.account)
        if account is None:
            return _unknown(operation.account)
    return _Event(
        kind=operation.kind,
        note_account=operation.account,
        subject=operation.subject,
        amount_satang=operation.amount_satang,
        body=dict(operation.body),
    )


_Rule = Callable[[st.State, Operation, st.Undo], Refusal | _Event]

_RULES: dict[type, _Rule] = {
    PlaceHold: cast(_Rule, _place_hold),
    ReleaseHold: cast(_Rule, _release_hold),
    OpenAccount: cast(_Rule, _open_account),
    SetFreeze: cast(_Rule, _set_freeze),
    SetLimits: cast(_Rule, _set_limits),
    CloseAccount: cast(_Rule, _close_account),
    MoveBusinessDate: cast(_Rule, _move_business_date),
    Note: cast(_Rule, _note),
}
