"""The sheet: accounts as columns, as a bulk writer holds them from batch to batch. No I/O.

What the judge reads of an account changes only with a number of the book, and every change leaves
its number on the account (`changed_seq`). So a writer that finds the head as it left it trusts the
sheet; one that does not asks only for the accounts whose `changed_seq` is another than it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ledger.posting.lines import Ints
from ledger.posting.state import AccountState

NO_LOW = -(2**62)
NO_HIGH = 2**62
"""Stand for "no limit": beyond every balance that there can be."""
_GROWTH = 1_024
_CLOSED = 2


class AccountColumns(TypedDict):
    """Accounts as they were read: equally long columns, named as in `ledger.balance`."""

    account_id: list[int]
    debits: list[int]
    credits: list[int]
    held: list[int]
    balance_min: list[int | None]
    balance_max: list[int | None]
    excess_satang: list[int]
    state: list[int]
    frozen: list[int]
    frozen_until: list[date | None]
    changed_seq: list[int]
    currency: list[str]


class Sheet:
    """Columns of accounts by slot; `slots` finds the slots of account numbers, -1 = not held.

    low, high: the limits, `NO_LOW` and `NO_HIGH` for none. bars: 1 closed, 2 debits frozen, 4
    credits frozen, as bits. sure: True while the head has only moved by this writer's own batches.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Hold nothing: what was held may not be so."""
        self.count = 0
        self._slot_of = np.full(_GROWTH, -1, np.int32)
        self.account = np.zeros(1, np.int64)
        self.debits = np.zeros(1, np.int64)
        self.credits = np.zeros(1, np.int64)
        self.held = np.zeros(1, np.int64)
        self.low = np.zeros(1, np.int64)
        self.high = np.zeros(1, np.int64)
        self.excess = np.zeros(1, np.int64)
        self.bars = np.zeros(1, np.int8)
        self.currency = np.zeros(1, np.int32)
        self.changed_seq = np.zeros(1, np.int64)
        self.sure = np.zeros(1, np.bool_)
        self._until: dict[int, date] = {}
        self._absent: set[int] = set()
        self._currencies: list[str] = []

    def slots(self, accounts: NDArray[np.int32] | Ints) -> NDArray[np.int32]:
        """Slots of account numbers; -1 for one that is not held."""
        numbers = accounts.astype(np.int64)
        inside = (numbers >= 0) & (numbers < len(self._slot_of))
        return np.where(inside, self._slot_of[np.where(inside, numbers, 0)], -1)

    def unsure(self) -> None:
        """Somebody else has moved the head: every account must be asked for again."""
        self.sure[:] = False
        self._absent.clear()

    def put(self, columns: AccountColumns) -> None:
        """Hold accounts as they were just read under the head: columns of `sheet_accounts`."""
        accounts = columns["account_id"]
        if not accounts:
            return
        self._make_room(accounts)
        slots = self._slot_of[list(accounts)]
        self.debits[slots] = columns["debits"]
        self.credits[slots] = columns["credits"]
        self.held[slots] = columns["held"]
        self.excess[slots] = columns["excess_satang"]
        self.low[slots] = [NO_LOW if low is None else low for low in columns["balance_min"]]
        self.high[slots] = [NO_HIGH if high is None else high for high in columns["balance_max"]]
        closed = np.array(columns["state"]) == _CLOSED
        self.bars[slots] = closed | np.array(columns["frozen"]) << 1
        self.currency[slots] = [self._currency(code) for code in columns["currency"]]
        self.changed_seq[slots] = columns["changed_seq"]
        self.sure[slots] = True
        for slot, until in zip(slots.tolist(), columns["frozen_until"], strict=True):
            self._until.pop(slot, None)
            if until is not None:
                self._until[slot] = until

    def to_ask(self, accounts: Ints) -> tuple[list[int], list[int]]:
        """Of these accounts, those that are not sure, each with the `changed_seq` held or -1."""
        slots = self.slots(accounts)
        asked = accounts[(slots < 0) | ~self.sure[np.maximum(slots, 0)]]
        if self._absent:
            asked = asked[~np.isin(asked, list(self._absent))]
        slots = self.slots(asked)
        seen = np.where(slots < 0, -1, self.changed_seq[np.maximum(slots, 0)])
        return asked.tolist(), seen.tolist()

    def now_sure(self, accounts: Sequence[int]) -> None:
        """What was asked about and did not come back is as it is held, or is not there."""
        slots = self.slots(np.array(accounts, np.int64))
        self.sure[slots[slots >= 0]] = True
        self._absent.update(
            account for account, slot in zip(accounts, slots, strict=True) if slot < 0
        )

    def states(self, slots: NDArray[np.int32]) -> list[AccountState]:
        """Accounts as the judge takes them, in the order of their slots given."""
        columns = (
            slots,
            self.account[slots],
            self.currency[slots],
            self.debits[slots],
            self.credits[slots],
            self.held[slots],
            self.low[slots],
            self.high[slots],
            self.excess[slots],
            self.bars[slots],
            self.changed_seq[slots],
        )
        return [
            AccountState(
                account=account,
                currency=self._currencies[currency],
                debits=debits,
                credits=credits_,
                held=held,
                balance_min=None if low == NO_LOW else low,
                balance_max=None if high == NO_HIGH else high,
                excess=excess,
                closed=bool(bars & 1),
                frozen=bars >> 1,
                frozen_until=self._until.get(slot),
                changed_seq=changed_seq,
            )
            for (
                slot,
                account,
                currency,
                debits,
                credits_,
                held,
                low,
                high,
                excess,
                bars,
                changed_seq,
            ) in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def move(self, slots: Ints, debited: Ints, credited: Ints, changed_seq: Ints) -> None:
        """Add sums to accounts, each slot once; the excess follows from the new balances."""
        self.debits[slots] += debited
        self.credits[slots] += credited
        self.changed_seq[slots] = changed_seq
        self.excess[slots] = self.excess_at(slots, self.credits[slots] - self.debits[slots])

    def excess_at(self, slots: Ints, balance: Ints) -> Ints:
        """By how much accounts with these balances stand beyond their limits."""
        short = self.low[slots] - (balance - self.held[slots])
        over = balance - self.high[slots]
        excess: Ints = np.maximum(0, np.maximum(short, over))
        return excess

    def _currency(self, code: str) -> int:
        if code not in self._currencies:
            self._currencies.append(code)
        return self._currencies.index(code)

    def _make_room(self, accounts: Sequence[int]) -> None:
        highest = max(accounts)
        if highest >= len(self._slot_of):
            longer = np.full(highest + highest // 4 + _GROWTH, -1, np.int32)
            longer[: len(self._slot_of)] = self._slot_of
            self._slot_of = longer
        new = [account for account in accounts if self._slot_of[account] < 0]
        needed = self.count + len(new)
        if needed > len(self.account):
            self._lengthen(needed + needed // 4 + _GROWTH - len(self.account))
        self._slot_of[new] = np.arange(self.count, needed, dtype=np.int32)
        self.account[self.count : needed] = new
        self.count = needed

    def _lengthen(self, by: int) -> None:
        for name in (
            "account",
            "debits",
            "credits",
            "held",
            "low",
            "high",
            "excess",
            "bars",
            "currency",
            "changed_seq",
            "sure",
        ):
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros(by, column.dtype)]))
