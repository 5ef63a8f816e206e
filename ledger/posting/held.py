"""Accounts that a writer holds between its batches, with the head that they belong to.

Whatever the judge reads of an account changes only in a transaction that takes the head and moves
it. So whoever finds the head as it left it may use the accounts it holds without reading them. What
is held is never changed in place: the judge works on copies, and what it has made of them is held
only after the commit that recorded it. After a commit that failed or whose outcome is unknown
nothing is held any more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from ledger.posting.read import HeadRow
from ledger.posting.state import AccountState

ACCOUNTS_MAX = 65_536
"""So many accounts are held of one book; the least recently used go first."""
AROUND_MAX = 2_048
"""So many accounts are read at once where fewer are asked for: see `Held.around`."""


class Held:
    """What one writer holds of one book.

    head: as the writer left it, or read it; None when nothing is held.
    """

    def __init__(self, accounts_max: int = ACCOUNTS_MAX) -> None:
        self.head: HeadRow | None = None
        self._accounts_max = accounts_max
        self._accounts: OrderedDict[int, AccountState] = OrderedDict()

    def __len__(self) -> int:
        return len(self._accounts)

    def get(self, number: int) -> AccountState | None:
        """The account as held; not to be changed."""
        return self._accounts.get(number)

    def around(self, numbers: Sequence[int]) -> list[int]:
        """These accounts, none of which is held, and neighbours of theirs, to be read with them.

        A row read in passing costs a hundredth of the round trip that reading it later would. No
        more are read ahead of need than are held already, so little is lost where what is held is
        often forgotten, and none once there is no room.
        """
        room = min(AROUND_MAX, len(self), self._accounts_max - len(self))
        width = room // len(numbers) if numbers else 0
        if width < 2:
            return list(numbers)
        firsts = {number - number % width for number in numbers}
        near = (n for first in firsts for n in range(first, first + width))
        return [number for number in near if number not in self._accounts]

    def copies(self, numbers: Iterable[int]) -> dict[int, AccountState]:
        """Copies, to be judged on, of those among the accounts that are held."""
        found = ((number, self._accounts.get(number)) for number in numbers)
        return {number: copy_of(account) for number, account in found if account is not None}

    def trust(self, head: HeadRow) -> bool:
        """True when the head is as it was left; else nothing is held from here on."""
        if self.head == head:
            return True
        self.forget()
        return False

    def keep(self, head: HeadRow, accounts: Mapping[int, AccountState]) -> None:
        """Hold these as well, as they stand at `head`: just read at it, or just committed."""
        self.head = head
        held = self._accounts
        for number, account in accounts.items():
            held[number] = account
            held.move_to_end(number)
        while len(held) > self._accounts_max:
            held.popitem(last=False)

    def forget(self) -> None:
        """Hold nothing: what stands in the book is not known."""
        self.head = None
        self._accounts.clear()


def copy_of(account: AccountState) -> AccountState:
    """The same account, to be changed without changing what is held."""
    made = AccountState(account=account.account, currency=account.currency)
    made.debits = account.debits
    made.credits = account.credits
    made.held = account.held
    made.balance_min = account.balance_min
    made.balance_max = account.balance_max
    made.excess = account.excess
    made.closed = account.closed
    made.frozen = account.frozen
    made.frozen_until = account.frozen_until
    made.changed_seq = account.changed_seq
    return made
