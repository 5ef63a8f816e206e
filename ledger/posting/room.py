"""Room on accounts, as plain columns: what is left to ask of an ordinary line. Pure.

Lines judged in sequence come by the hundred thousand, most of them ask only whether there is room.
Four lists answer that in half the time of the accounts' own objects, which are brought up to date
when somebody else has to look at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger import money
from ledger.posting.state import AccountState


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Equally long columns, in the order of `accounts`.

    debits, credits: of each, moved by whoever holds the lists. lowest, highest: the balance that
                     a debit and a credit may leave, by limits, holds and range.
    """

    accounts: Sequence[AccountState]
    debits: list[int]
    credits: list[int]
    lowest: list[int]
    highest: list[int]

    def write_back(self, *places: int) -> None:
        """Bring accounts up to date with what was moved here."""
        for place in places:
            account = self.accounts[place]
            account.debits, account.credits = self.debits[place], self.credits[place]

    def read_again(self, *places: int) -> None:
        """Take over what was moved on the accounts themselves."""
        for place in places:
            account = self.accounts[place]
            self.debits[place], self.credits[place] = account.debits, account.credits


def room_of(accounts: Sequence[AccountState]) -> Room:
    """The room that accounts have now."""
    least, most = -money.BALANCE_MAX, money.BALANCE_MAX
    return Room(
        accounts=accounts,
        debits=[each.debits for each in accounts],
        credits=[each.credits for each in accounts],
        lowest=[
            least if each.balance_min is None else max(least, each.balance_min + each.held)
            for each in accounts
        ],
        highest=[
            most if each.balance_max is None else min(most, each.balance_max) for each in accounts
        ],
    )
