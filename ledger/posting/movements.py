"""Movements: what a batch did to each account at each value date, and its counters after the batch.

One row an account, batch and value date, whatever the number of transfers: balances on any axis and
statements are read from these few rows, and the counters prove themselves. The journals are named
by id, by which transfers are found; where they are too many to name they are dense.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from ledger.posting.records import JournalRecord
from ledger.posting.state import AccountState

NAMED_MIN = 64
"""So many journals are named in a row whatever the batch; a larger batch names more of them."""
NAMED_SHARE = 64
"""Beyond one in so many of the batch's transfers, a statement finds them by walking the batch."""


@dataclass(slots=True)
class Movement:
    """Sums of one account and value date in one batch; satang."""

    account: int
    value_date: date
    debits: int = 0
    credits: int = 0
    debits_after: int = 0
    credits_after: int = 0
    transfers: int = 0
    journals: list[UUID] = field(default_factory=list)

    def touch(self, journal_id: UUID) -> None:
        """Count the transfer and note its journal, once."""
        self.transfers += 1
        if not self.journals or self.journals[-1] != journal_id:
            self.journals.append(journal_id)


def named_max(batch_transfers: int) -> int:
    """How many journals a movement of a batch with so many transfers names at most."""
    return max(NAMED_MIN, batch_transfers // NAMED_SHARE)


def movements_of(
    journals: Iterable[JournalRecord], accounts: Mapping[int, AccountState]
) -> list[Movement]:
    """The movement rows of a batch, in order of account and value date."""
    found: dict[tuple[int, date], Movement] = {}
    for journal in journals:
        day = journal.value_date
        for transfer in journal.transfers:
            for number in (transfer.debit, transfer.credit):
                movement = found.get((number, day))
                if movement is None:
                    movement = found[number, day] = Movement(number, day)
                movement.touch(journal.journal_id)
                if number == transfer.debit:
                    movement.debits += transfer.amount_satang
                else:
                    movement.credits += transfer.amount_satang
    rows = [found[key] for key in sorted(found)]
    for row in rows:
        row.debits_after = accounts[row.account].debits
        row.credits_after = accounts[row.account].credits
    return rows
