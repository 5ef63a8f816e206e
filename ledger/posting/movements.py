"""Movements: what a batch did to each account at each value date, and its counters after the batch.

One row an account, batch and value date, whatever the number of transfers: balances on any axis and
statements are read from these few rows, and the counters prove themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from ledger.posting.records import JournalRecord
from ledger.posting.state import AccountState

SEQS_MAX = 64
"""Up to so many journals are named in a row; beyond it, a statement scans the batch's own range."""


@dataclass(slots=True)
class Movement:
    """Sums of one account and value date in one batch; satang."""

    account: int
    value_date: date
    debits: int = 0
    credits: int = 0
    debits_after: int = 0
    credits_after: int = 0
    seqs: list[int] = field(default_factory=list)

    def touch(self, seq: int) -> None:
        """Note the journal, once."""
        if not self.seqs or self.seqs[-1] != seq:
            self.seqs.append(seq)

    def seqs_text(self) -> str | None:
        """The journals as an array literal, or None when they are too many to name."""
        if len(self.seqs) > SEQS_MAX:
            return None
        return "{" + ",".join(map(str, self.seqs)) + "}"


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
                movement.touch(journal.recorded_seq)
                if number == transfer.debit:
                    movement.debits += transfer.amount_satang
                else:
                    movement.credits += transfer.amount_satang
    rows = [found[key] for key in sorted(found)]
    for row in rows:
        row.debits_after = accounts[row.account].debits
        row.credits_after = accounts[row.account].credits
    return rows
