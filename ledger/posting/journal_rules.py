"""Rules of a journal: guards in the documented order, then the point after which it must succeed.

Split in two: what looks at the journal as a whole, and what looks at each transfer on the state
that the transfer before it left. Limits are judged only against the side that worsens them; a
capture gives its hold back first, so that it can never break a limit that the hold was within.
"""

from __future__ import annotations

from datetime import date

from ledger import money
from ledger.errors import ensure
from ledger.posting import state as st
from ledger.posting.records import JournalRecord
from ledger.posting.values import Journal, Unit
from ledger.refusals import Refusal


def judge_journal(
    state: st.State, journal: Journal, unit: Unit, undo: st.Undo
) -> Refusal | JournalRecord:
    """Post one journal to the state, or refuse it; a refusal may leave it half changed (undo)."""
    target = state.journals.get(journal.reverses) if journal.reverses else None
    value_date = journal.value_date or (
        target.value_date if target is not None else state.business_date
    )
    refusal = _journal_guards(state, journal, target, value_date)
    if refusal is not None:
        return refusal
    hold = state.holds[journal.hold_id] if journal.hold_id else None
    allowance = 0 if hold is None else _capture(state, hold, journal, undo)
    for line, transfer in enumerate(journal.transfers):
        debit, credit = state.accounts[transfer.debit], state.accounts[transfer.credit]
        short = allowance if hold is not None and debit.account == hold.account else 0
        refusal = _transfer_guards(journal, line, debit, credit, short)
        if refusal is None and value_date < state.head_date and not journal.exceeds:
            refusal = _later_guards(state, journal, line, value_date)
        if refusal is not None:
            return refusal
        # After this point the transfer must succeed.
        undo.account(debit)
        undo.account(credit)
        debit.debits += transfer.amount_satang
        credit.credits += transfer.amount_satang
        undo.dated(transfer.debit, value_date, -transfer.amount_satang)
        undo.dated(transfer.credit, value_date, transfer.amount_satang)
        debit.settle_excess()
        credit.settle_excess()
        debit.changed_seq = credit.changed_seq = state.next_seq
    if hold is not None:
        hold.changed_seq = state.accounts[hold.account].changed_seq = state.next_seq
    record = record_of(journal, unit.actor, state, value_date)
    undo.added_journal(record)
    return record


def record_of(journal: Journal, actor: str, state: st.State, value_date: date) -> JournalRecord:
    """The record of a journal that is accepted: it takes the next number."""
    return JournalRecord(
        recorded_seq=state.take_seq(),
        journal_id=journal.journal_id,
        kind=journal.kind,
        may_exceed_limit=journal.exceeds,
        forced=journal.forced,
        business_date=state.business_date,
        value_date=value_date,
        actor=actor,
        reference=journal.reference,
        narrative=journal.narrative,
        hold_id=journal.hold_id,
        reverses=journal.reverses,
        adjusts=journal.adjusts,
        transfers=journal.transfers,
    )


def captured_amount(hold: st.HoldState, journal: Journal) -> int:
    """What a journal debits from the account of the hold that it captures, in satang."""
    return sum(t.amount_satang for t in journal.transfers if t.debit == hold.account)


def short_after(account: st.AccountState, amount: int) -> int:
    """By how much an account would stand below `balance_min` with `amount` less, at least 0."""
    if account.balance_min is None:
        return 0
    return max(0, account.balance_min - (account.balance - account.held - amount))


def form_refusal(state: st.State, journal: Journal) -> Refusal | None:
    """What the guards on the journal as a whole say of one that reverses nothing."""
    return _journal_guards(state, journal, None, journal.value_date or state.business_date)


def _journal_guards(
    state: st.State, journal: Journal, target: JournalRecord | None, value_date: date
) -> Refusal | None:
    """Guards that look at the journal as a whole, in documented order."""
    if not journal.transfers:
        return Refusal(code="empty_journal")
    for line, transfer in enumerate(journal.transfers):
        if not 1 <= transfer.amount_satang <= money.AMOUNT_MAX:
            return at_line(line, "amount_out_of_range", amount_satang=transfer.amount_satang)
    for line, transfer in enumerate(journal.transfers):
        if transfer.debit == transfer.credit:
            return at_line(line, "accounts_must_differ", account=transfer.debit)
    for line, transfer in enumerate(journal.transfers):
        for side, account in (("debit", transfer.debit), ("credit", transfer.credit)):
            if account not in state.accounts:
                return at_line(line, "unknown_account", side=side, account=account)
    for line, transfer in enumerate(journal.transfers):
        debit, credit = transfer.debit, transfer.credit
        currencies = [state.accounts[number].currency for number in (debit, credit)]
        if currencies[0] != currencies[1]:
            return at_line(line, "currency_mismatch", currencies=currencies)
    if journal.adjusts is not None and journal.adjusts not in state.journals:
        return Refusal(code="unknown_journal", detail={"adjusts": str(journal.adjusts)})
    reversal = _reversal_guards(state, journal, target) if journal.reverses else None
    if reversal is not None and not reversal.sticky:
        return reversal
    hold = _hold_guards(state, journal) if journal.hold_id else None
    if hold is not None and not hold.sticky:
        return hold
    if value_date > state.business_date:
        return Refusal(
            code="value_date_after_business_date",
            detail={
                "value_date": value_date.isoformat(),
                "business_date": state.business_date.isoformat(),
            },
        )
    if state.shut is not None:
        return state.shut
    if value_date < state.value_date_floor:
        return Refusal(
            code="value_date_before_floor",
            detail={
                "value_date": value_date.isoformat(),
                "floor": state.value_date_floor.isoformat(),
            },
        )
    return reversal or hold


def _reversal_guards(
    state: st.State, journal: Journal, target: JournalRecord | None
) -> Refusal | None:
    detail: dict[str, object] = {"reverses": str(journal.reverses)}
    if target is None:
        return Refusal(code="unknown_journal", detail=detail)
    mirrored = tuple((t.credit, t.debit, t.amount_satang) for t in target.transfers)
    if mirrored != tuple((t.debit, t.credit, t.amount_satang) for t in journal.transfers):
        return Refusal(code="reversal_not_mirror", detail=detail)
    if target.reverses is not None:
        return Refusal(code="reversal_of_reversal", detail=detail)
    if journal.reverses in state.reversed_ids:
        return Refusal(code="already_reversed", detail=detail)
    return None


def _hold_guards(state: st.State, journal: Journal) -> Refusal | None:
    ensure(journal.hold_id is not None, "hold guards without a hold")
    detail: dict[str, object] = {"hold_id": str(journal.hold_id)}
    hold = state.holds.get(journal.hold_id) if journal.hold_id else None
    if hold is None:
        return Refusal(code="unknown_hold", detail=detail)
    captured = captured_amount(hold, journal)
    if captured == 0:
        return Refusal(code="hold_account_differs", detail=detail | {"account": hold.account})
    if hold.state != st.HOLD_OPEN:
        return Refusal(code="hold_not_open", detail=detail | {"state": hold.state})
    if hold.expires_on is not None and state.business_date > hold.expires_on:
        expired = {"expires_on": hold.expires_on.isoformat()}
        return Refusal(code="hold_expired", detail=detail | expired)
    if captured > hold.amount:
        facts = {"amount_satang": captured, "held_satang": hold.amount}
        return Refusal(code="capture_exceeds_hold", detail=detail | facts)
    return None


def _capture(state: st.State, hold: st.HoldState, journal: Journal, undo: st.Undo) -> int:
    """Give the hold back; answers how short of its limit the account was before (its allowance)."""
    account = state.accounts[hold.account]
    allowance = account.need_min()
    undo.hold(hold)
    undo.account(account)
    account.held -= hold.amount
    hold.captured = captured_amount(hold, journal)
    hold.state = st.HOLD_CAPTURED
    return allowance


def _transfer_guards(
    journal: Journal,
    line: int,
    debit: st.AccountState,
    credit: st.AccountState,
    allowance: int,
) -> Refusal | None:
    """Guards on the state that the transfers before this one left."""
    amount = journal.transfers[line].amount_satang
    for side, account in (("debit", debit), ("credit", credit)):
        if account.closed:
            return at_line(line, "account_closed", side=side, account=account.account)
    if debit.frozen & st.FROZEN_DEBITS and not journal.forced:
        return at_line(line, "account_frozen_debit", account=debit.account)
    if credit.frozen & st.FROZEN_CREDITS and not journal.forced:
        return at_line(line, "account_frozen_credit", account=credit.account)
    if not journal.exceeds:
        refusal = _limit_guards(line, amount, debit, credit, allowance)
        if refusal is not None:
            return refusal
    return _range_guard(line, amount, debit, credit)


def room_guards(
    line: int, amount: int, debit: st.AccountState, credit: st.AccountState
) -> Refusal | None:
    """Guards on a transfer between open, unfrozen accounts that captures and forces nothing."""
    return _limit_guards(line, amount, debit, credit, 0) or _range_guard(
        line, amount, debit, credit
    )


def is_clear(amount: int, debit: st.AccountState, credit: st.AccountState) -> bool:
    """True when no guard refuses a transfer dated today that captures, reverses and forces nothing.

    A proof by comparisons alone, no second judge: where it fails, the guards decide. Neither
    account has an excess, before or after.
    """
    balance = debit.credits - debit.debits - amount
    credits_ = credit.credits + amount
    credited = credits_ - credit.debits
    return (
        1 <= amount <= money.AMOUNT_MAX
        and debit is not credit
        and (debit.balance_min is None or balance - debit.held >= debit.balance_min)
        and (credit.balance_max is None or credited <= credit.balance_max)
        and -money.BALANCE_MAX <= balance <= money.BALANCE_MAX
        and -money.BALANCE_MAX <= credited <= money.BALANCE_MAX
        and debit.debits + amount <= money.COUNTER_MAX
        and credits_ <= money.COUNTER_MAX
        and debit.currency == credit.currency
        and not (debit.excess or credit.excess or debit.closed or credit.closed)
        and not (debit.frozen or credit.frozen)
    )


def _limit_guards(
    line: int, amount: int, debit: st.AccountState, credit: st.AccountState, allowance: int
) -> Refusal | None:
    if short_after(debit, amount) > allowance:
        return at_line(
            line,
            "below_balance_min",
            account=debit.account,
            amount_satang=amount,
            available_satang=debit.available,
        )
    if credit.balance_max is not None and credit.balance + amount > credit.balance_max:
        return at_line(
            line,
            "above_balance_max",
            account=credit.account,
            amount_satang=amount,
            balance_satang=credit.balance,
            balance_max_satang=credit.balance_max,
        )
    return None


def _range_guard(
    line: int, amount: int, debit: st.AccountState, credit: st.AccountState
) -> Refusal | None:
    if _out_of_range(debit, amount, 0) or _out_of_range(credit, 0, amount):
        return at_line(line, "balance_out_of_range", amount_satang=amount)
    return None


def _later_guards(state: st.State, journal: Journal, line: int, value_date: date) -> Refusal | None:
    """A back-dated transfer must leave every balance since its value date within the limits."""
    transfer = journal.transfers[line]
    debit, credit = state.accounts[transfer.debit], state.accounts[transfer.credit]
    amount = transfer.amount_satang
    series = state.series.get(debit.account)
    if series is not None and debit.balance_min is not None:
        low = series.lowest(debit.balance, value_date)
        if low is not None and low[0] - amount < debit.balance_min:
            return at_line(
                line,
                "below_balance_min_later",
                account=debit.account,
                amount_satang=amount,
                value_date=value_date.isoformat(),
                lowest_satang=low[0],
                lowest_on=low[1].isoformat(),
            )
    series = state.series.get(credit.account)
    if series is not None and credit.balance_max is not None:
        high = series.highest(credit.balance, value_date)
        if high is not None and high[0] + amount > credit.balance_max:
            return at_line(
                line,
                "above_balance_max_later",
                account=credit.account,
                amount_satang=amount,
                value_date=value_date.isoformat(),
                highest_satang=high[0],
                highest_on=high[1].isoformat(),
            )
    return None


def at_line(line: int, code: str, **detail: object) -> Refusal:
    """A refusal that names the transfer at fault."""
    return Refusal(code=code, detail={"line": line, **detail})


def _out_of_range(account: st.AccountState, debit: int, credit: int) -> bool:
    balance = account.balance + credit - debit
    counter = max(account.debits + debit, account.credits + credit)
    return abs(balance) > money.BALANCE_MAX or counter > money.COUNTER_MAX
