"""Movements: what a batch did to each account at each value date, and its counters after the batch.

One row an account, batch and value date, whatever the number of transfers: balances on any axis and
statements are read from these few rows, and the counters prove themselves. The journals are named
by id, by which transfers are found; where they are too many to name they are dense.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from uuid import UUID

from ledger.posting.records import JournalRecord
from ledger.posting.state import AccountState

NAMED_MIN = 64
"""So many journals are named in a row whatever the batch; a larger batch names more of them."""
NAMED_SHARE = 64
"""Beyond one in so many of the batch's transfers, a statement finds them by walking the batch."""

_account = attrgetter("account")
_account_and_date = attrgetter("account", "value_date")


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
    found: dict[date, dict[int, Movement]] = {}
    for journal in journals:
        day = journal.value_date
        of_day = found.get(day)
        if of_day is None:
            of_day = found[day] = {}
        for transfer in journal.transfers:
            debit = of_day.get(transfer.debit)
            if debit is None:
                debit = of_day[transfer.debit] = Movement(transfer.debit, day)
            debit.touch(journal.journal_id)
            debit.debits += transfer.amount_satang
            credit = of_day.get(transfer.credit)
            if credit is None:
                credit = of_day[transfer.credit] = Movement(transfer.credit, day)
            credit.touch(journal.journal_id)
            credit.credits += transfer.amount_satang
    rows = [row for of_day in found.values() for row in of_day.values()]
    rows.sort(key=_account_and_date if len(found) > 1 else _account)
    for row in rows:
        row.debits_after = accounts[row.account].debits
        row.credits_after = accounts[row.account].credits
    return rows
