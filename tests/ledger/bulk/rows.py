"""Lines as a person would write them, and the two forms in which they are posted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import numpy as np

from ledger.kinds import JournalKind
from ledger.posting.lines import NO_DATE, Lines, Texts, days_of
from ledger.posting.values import Journal, Transfer, Unit

ACTOR = "bulk:payroll"


@dataclass(frozen=True, slots=True)
class Row:
    """One line as a person would write it."""

    journal_id: UUID
    debit: int
    credit: int
    amount_satang: int
    value_date: date | None = None
    kind: int = int(JournalKind.MANUAL)
    reference: str = ""
    narrative: str = ""


def lines_of(rows: Sequence[Row]) -> Lines:
    """Rows as the columns that a bulk writer takes."""
    raw = b"".join(row.journal_id.bytes for row in rows)
    days = [NO_DATE if r.value_date is None else days_of(r.value_date) for r in rows]
    return Lines(
        ids=np.frombuffer(raw, np.uint8).reshape(len(rows), 16),
        debit=np.array([row.debit for row in rows], np.int32),
        credit=np.array([row.credit for row in rows], np.int32),
        amount_satang=np.array([row.amount_satang for row in rows], np.int64),
        kind=np.array([row.kind for row in rows], np.int16),
        value_date=np.array(days, np.int32),
        reference=Texts.of([row.reference for row in rows]),
        narrative=Texts.of([row.narrative for row in rows]),
    )


def journal_of(row: Row) -> Journal:
    """A row as the journal that it is."""
    return Journal(
        journal_id=row.journal_id,
        kind=row.kind,
        transfers=(Transfer(debit=row.debit, credit=row.credit, amount_satang=row.amount_satang),),
        value_date=row.value_date,
        reference=row.reference,
        narrative=row.narrative,
    )


def unit_of(row: Row) -> Unit:
    """A row as the unit that the load would post it as."""
    return Unit(operations=(journal_of(row),), actor=ACTOR)
