"""Records as columns: what the write statement unnests, in the order of its parameters. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.posting import state as st
from ledger.posting.movements import movements_of
from ledger.posting.records import EventRecord, JournalRecord, RefusalRecord


def transfer_columns(journals: Sequence[JournalRecord]) -> tuple[list[object], ...]:
    """Columns of `ledger.transfer`, a row a transfer."""
    rows = [
        (
            j.journal_id,
            line,
            j.recorded_seq,
            t.debit,
            t.credit,
            t.amount_satang,
            int(j.kind),
            j.may_exceed_limit,
            j.value_date,
            j.actor,
            j.reference,
            j.narrative,
            j.hold_id,
            j.reverses,
            j.forced,
            j.adjusts,
        )
        for j in journals
        for line, t in enumerate(j.transfers)
    ]
    return columns(rows, 16)


def movement_columns(
    journals: Sequence[JournalRecord], state: st.State
) -> tuple[list[object], ...]:
    """Columns of `ledger.movement`, a row an account and value date."""
    rows = [
        (
            m.account,
            m.value_date,
            m.debits,
            m.credits,
            m.debits_after,
            m.credits_after,
            m.seqs_text(),
        )
        for m in movements_of(journals, state.accounts)
    ]
    return columns(rows, 7)


def event_columns(events: Sequence[EventRecord]) -> tuple[list[object], ...]:
    """Columns of `ledger.event`."""
    rows = [
        (
            e.recorded_seq,
            int(e.kind),
            e.actor,
            e.reason,
            e.account_id,
            e.hold_id,
            e.subject,
            e.amount_satang,
            e.body,
        )
        for e in events
    ]
    return columns(rows, 9)


def refusal_columns(refusals: Sequence[RefusalRecord]) -> tuple[list[object], ...]:
    """Columns of `ledger.refusal`."""
    rows = [
        (r.position, r.code, r.sticky, r.operation_id, r.event_id, r.actor, r.detail, r.body)
        for r in refusals
    ]
    return columns(rows, 8)


def balance_columns(accounts: Sequence[st.AccountState]) -> tuple[list[object], ...]:
    """Columns of `ledger.balance`, the new values of every account that changed."""
    rows = [
        (
            a.account,
            a.debits,
            a.credits,
            a.held,
            a.balance_min,
            a.balance_max,
            a.excess,
            2 if a.closed else 1,
            a.frozen,
            a.frozen_until,
            a.changed_seq,
        )
        for a in accounts
    ]
    return columns(rows, 11)


def columns(rows: Sequence[tuple[object, ...]], width: int) -> tuple[list[object], ...]:
    """Rows turned into columns; so many empty ones when there is no row."""
    return tuple(map(list, zip(*rows, strict=True))) if rows else tuple([] for _ in range(width))
