"""Corrections in the open: a journal is mirrored or adjusted by another one, never edited.

A reversal mirrors its journal line by line and carries its value date unless it says otherwise;
limits and freezes hold for it as for any posting. By right it may be *forced*: then they are set
aside, never those of a closed account, and the reason stands in a numbered event right after it, in
the same unit: the judge refuses a forced journal without one.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from ledger.errors import InvalidInput
from ledger.kinds import EventKind, JournalKind
from ledger.posting.records import JournalRecord
from ledger.posting.values import Journal, Note, Operation, Transfer, Unit


def mirror(
    record: JournalRecord,
    journal_id: UUID,
    *,
    reference: str = "",
    narrative: str = "",
    forced: bool = False,
    value_date: date | None = None,
) -> Journal:
    """The journal that undoes a recorded one, whoever made it.

    value_date: None = that of the journal; one of a fiscal year closed since then takes no more.
    """
    return Journal(
        journal_id=journal_id,
        kind=JournalKind.REVERSAL,
        transfers=tuple(
            Transfer(debit=t.credit, credit=t.debit, amount_satang=t.amount_satang)
            for t in record.transfers
        ),
        reference=reference or record.reference,
        narrative=narrative,
        value_date=value_date,
        reverses=record.journal_id,
        forced=forced,
    )


def with_its_reason(journal: Journal, *, made_by: str, reason: str) -> tuple[Operation, ...]:
    """What posts a journal: itself and, when it is forced, the event that says who and why."""
    if not journal.forced:
        return (journal,)
    note = Note(
        kind=EventKind.JOURNAL_FORCED,
        subject=journal.journal_id,
        amount_satang=sum(transfer.amount_satang for transfer in journal.transfers),
        body={"made_by": made_by, "reason": reason},
    )
    return (journal, note)


def correction(journal: Journal, *, actor: str, reason: str) -> Unit:
    """The unit that posts one correcting journal. Raises `InvalidInput` without a reason."""
    if not reason.strip():
        raise InvalidInput.one("reason", reason, "why the journal is made", "The auditor reads it.")
    operations = with_its_reason(journal, made_by=actor, reason=reason)
    return Unit(operations=operations, actor=actor, reason=reason)
