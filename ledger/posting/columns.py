"""Records as columns: what the write statement unnests, in the order of its parameters. Pure.

Columns of numbers, dates and ids go as array literals, one text each. The driver would look at each
value of a list on its own, which costs more than judging the journal; texts are left to it, because
it knows how to quote them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from ledger.posting import state as st
from ledger.posting.movements import movements_of, named_max
from ledger.posting.records import EventRecord, JournalRecord, RefusalRecord

Column = list[object] | str | None
"""Values of a column, a row each, or their literal; None when every row has the default."""


def literal(values: Iterable[object]) -> str:
    """An array literal of numbers, dates or truth values; `NULL` stands for itself."""
    return "{" + ",".join(map(str, values)) + "}"


def literal_of_numbers(numbers: list[int]) -> str:
    """An array literal of numbers, none of which is missing; spaces in it mean nothing."""
    return "{" + str(numbers)[1:-1] + "}"


def literal_of_dates(days: Sequence[date]) -> str:
    """An array literal of dates, of which a batch has few different ones."""
    texts = {day: day.isoformat() for day in set(days)}
    return "{" + ",".join([texts[day] for day in days]) + "}"


def literal_of_ids(ids: Iterable[UUID]) -> str:
    """An array literal of ids."""
    return "{" + ",".join([f"{each.int:032x}" for each in ids]) + "}"


def column(values: Sequence[object]) -> Column:
    """A column as it is best given: texts and bytes in a list, anything else as its literal.

    All values are of one type; texts are there in every row, anything else may be NULL.
    """
    first = next((value for value in values if value is not None), None)
    if isinstance(first, str | bytes):
        return list(values)
    if isinstance(first, UUID):
        return literal(value.hex if isinstance(value, UUID) else "NULL" for value in values)
    return literal("NULL" if value is None else value for value in values)


def transfer_columns(journals: Sequence[JournalRecord]) -> tuple[Column, ...]:
    """Columns of `ledger.transfer`, a row a transfer."""
    lines: Column = None
    if all(len(journal.transfers) == 1 for journal in journals):
        rows = [journal.transfers[0] for journal in journals]
    else:
        lines = literal(line for j in journals for line in range(len(j.transfers)))
        rows = [transfer for j in journals for transfer in j.transfers]
        journals = [journal for journal in journals for _ in journal.transfers]
    return (
        literal_of_ids(j.journal_id for j in journals),
        lines,
        literal_of_numbers([j.recorded_seq for j in journals]),
        literal_of_numbers([t.debit for t in rows]),
        literal_of_numbers([t.credit for t in rows]),
        literal_of_numbers([t.amount_satang for t in rows]),
        literal_of_numbers([int(j.kind) for j in journals]),
        _unless_default([j.may_exceed_limit for j in journals]),
        literal_of_dates([j.value_date for j in journals]),
        [j.actor for j in journals],
        [j.reference for j in journals],
        [j.narrative for j in journals],
        _unless_default([j.hold_id for j in journals]),
        _unless_default([j.reverses for j in journals]),
        _unless_default([j.forced for j in journals]),
        _unless_default([j.adjusts for j in journals]),
    )


def _unless_default(values: list[object]) -> Column:
    return values if any(values) else None


def movement_columns(journals: Sequence[JournalRecord], state: st.State) -> tuple[Column, ...]:
    """Columns of `ledger.movement`, a row an account and value date; last, the journals named.

    A row names its journals by their first and last place in that one list, or not at all.
    """
    most = named_max(sum(len(journal.transfers) for journal in journals))
    moved = movements_of(journals, state.accounts)
    named: list[UUID] = []
    firsts: list[object] = []
    lasts: list[object] = []
    for movement in moved:
        few = len(movement.journals) <= most
        firsts.append(len(named) + 1 if few else "NULL")
        if few:
            named += movement.journals
        lasts.append(len(named) if few else "NULL")
    return (
        literal_of_numbers([m.account for m in moved]),
        literal_of_dates([m.value_date for m in moved]),
        literal_of_numbers([m.debits for m in moved]),
        literal_of_numbers([m.credits for m in moved]),
        literal_of_numbers([m.debits_after for m in moved]),
        literal_of_numbers([m.credits_after for m in moved]),
        literal_of_numbers([m.transfers for m in moved]),
        literal(firsts),
        literal(lasts),
        literal_of_ids(named),
    )


def event_columns(events: Sequence[EventRecord]) -> tuple[Column, ...]:
    """Columns of `ledger.event`."""
    return (
        literal([e.recorded_seq for e in events]),
        literal([int(e.kind) for e in events]),
        [e.actor for e in events],
        [e.reason for e in events],
        column([e.account_id for e in events]),
        column([e.hold_id for e in events]),
        column([e.subject for e in events]),
        column([e.amount_satang for e in events]),
        [e.body for e in events],
    )


def refusal_columns(refusals: Sequence[RefusalRecord]) -> tuple[list[object], ...]:
    """Columns of `ledger.refusal`."""
    rows = [
        (r.position, r.code, r.sticky, r.operation_id, r.event_id, r.actor, r.detail, r.body)
        for r in refusals
    ]
    return columns(rows, 8)


def counter_columns(accounts: Sequence[st.AccountState]) -> tuple[Column, ...]:
    """Columns of `ledger.balance` that journals and captures change."""
    return (
        literal_of_numbers([a.account for a in accounts]),
        literal_of_numbers([a.debits for a in accounts]),
        literal_of_numbers([a.credits for a in accounts]),
        literal_of_numbers([a.held for a in accounts]),
        literal_of_numbers([a.excess for a in accounts]),
        literal_of_numbers([a.changed_seq for a in accounts]),
    )


def account_columns(accounts: Sequence[st.AccountState]) -> tuple[Column, ...]:
    """Columns of `ledger.balance`, all that events may change of an account."""
    return (
        literal([a.account for a in accounts]),
        literal([a.debits for a in accounts]),
        literal([a.credits for a in accounts]),
        literal([a.held for a in accounts]),
        column([a.balance_min for a in accounts]),
        column([a.balance_max for a in accounts]),
        literal([a.excess for a in accounts]),
        literal([2 if a.closed else 1 for a in accounts]),
        literal([a.frozen for a in accounts]),
        column([a.frozen_until for a in accounts]),
        literal([a.changed_seq for a in accounts]),
    )


def columns(rows: Sequence[tuple[object, ...]], width: int) -> tuple[list[object], ...]:
    """Rows turned into columns; so many empty ones when there is no row."""
    return tuple(map(list, zip(*rows, strict=True))) if rows else tuple([] for _ in range(width))
