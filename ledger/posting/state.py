"""The judge's working copy of the part of a book that a batch touches, with undo for one unit.

The writer fills it under the head; the judge changes it as it accepts; what has changed at the end
is what the writer writes. Everything here is an integer or a plain value, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from ledger.posting.records import JournalRecord
from ledger.posting.series import ValueSeries
from ledger.refusals import Refusal

HOLD_OPEN, HOLD_CAPTURED, HOLD_RELEASED, HOLD_EXPIRED = 1, 2, 3, 4
FROZEN_DEBITS, FROZEN_CREDITS = 1, 2


@dataclass(slots=True, kw_only=True)
class AccountState:
    """Counters, limits and flags of one account; balance = credits - debits."""

    account: int
    currency: str
    debits: int = 0
    credits: int = 0
    held: int = 0
    balance_min: int | None = None
    balance_max: int | None = None
    excess: int = 0
    closed: bool = False
    frozen: int = 0
    frozen_until: date | None = None
    changed_seq: int = 0
    is_new: bool = False

    @property
    def balance(self) -> int:
        """Credits less debits, in satang."""
        return self.credits - self.debits

    @property
    def available(self) -> int | None:
        """What may still be debited or held; None without a lower limit; never below zero."""
        if self.balance_min is None:
            return None
        return max(0, self.balance - self.held - self.balance_min)

    def need_min(self) -> int:
        """By how much balance less holds stands below `balance_min`; 0 if it does not."""
        if self.balance_min is None:
            return 0
        return max(0, self.balance_min - (self.balance - self.held))

    def need_max(self) -> int:
        """By how much the balance stands above `balance_max`; 0 if it does not."""
        return 0 if self.balance_max is None else max(0, self.balance - self.balance_max)

    def settle_excess(self) -> None:
        """The excess is exactly what the limits are exceeded by: it falls as that recovers."""
        self.excess = max(self.need_min(), self.need_max())


@dataclass(slots=True, kw_only=True)
class HoldState:
    """One hold; `state` is one of the HOLD_* constants."""

    hold_id: UUID
    account: int
    amount: int
    captured: int = 0
    state: int = HOLD_OPEN
    expires_on: date | None = None
    reference: str = ""
    placed_seq: int = 0
    changed_seq: int = 0
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A sticky refusal found under an id: what was asked then, and the answer."""

    refusal: Refusal
    body: str


@dataclass(slots=True, kw_only=True)
class State:
    """What the writer read under the head for one batch.

    account_codes: codes that exist among those the batch wants to open.
    reversed_ids:  journals (among the targets of the batch) that a recorded journal reverses.
    series:        limited accounts that a back-dated journal of the batch touches.
    closings:      of closed accounts to be opened again: the journals that settled them.
    shut:          why the batch's business date takes nothing, if it does not.
    """

    business_date: date
    head_date: date
    value_date_floor: date
    next_seq: int
    accounts: dict[int, AccountState] = field(default_factory=dict)
    holds: dict[UUID, HoldState] = field(default_factory=dict)
    journals: dict[UUID, JournalRecord] = field(default_factory=dict)
    remembered: dict[UUID, Remembered] = field(default_factory=dict)
    reversed_ids: set[UUID] = field(default_factory=set)
    account_codes: set[str] = field(default_factory=set)
    gl_codes: set[str] = field(default_factory=set)
    party_ids: set[int] = field(default_factory=set)
    series: dict[int, ValueSeries] = field(default_factory=dict)
    closings: dict[int, frozenset[UUID]] = field(default_factory=dict)
    shut: Refusal | None = None
    changed_accounts: dict[int, AccountState] = field(default_factory=dict)
    changed_holds: dict[UUID, HoldState] = field(default_factory=dict)

    def take_seq(self) -> int:
        """The next number of the book."""
        seq = self.next_seq
        self.next_seq = seq + 1
        return seq


class Undo:
    """Restores a state to what it was when the unit began."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._accounts: dict[int, tuple[AccountState, tuple[object, ...]]] = {}
        self._holds: dict[UUID, tuple[HoldState, tuple[object, ...]]] = {}
        self.first_seq = state.next_seq
        self._head_date = state.head_date
        self._added_accounts: list[tuple[int, str]] = []
        self._added_holds: list[UUID] = []
        self._added_journals: list[tuple[UUID, UUID | None]] = []
        self._dated: list[tuple[ValueSeries, date, int]] = []
        self._closings: list[tuple[int, frozenset[UUID] | None]] = []

    def account(self, account: AccountState) -> None:
        """Remember an account before it is changed for the first time in this unit."""
        if account.account not in self._accounts:
            saved = (
                account.debits,
                account.credits,
                account.held,
                account.balance_min,
                account.balance_max,
                account.excess,
                account.closed,
                account.frozen,
                account.frozen_until,
                account.changed_seq,
                account.account in self._state.changed_accounts,
            )
            self._accounts[account.account] = (account, saved)
            self._state.changed_accounts[account.account] = account

    def hold(self, hold: HoldState) -> None:
        """Remember a hold before it is changed for the first time in this unit."""
        if hold.hold_id not in self._holds:
            known = hold.hold_id in self._state.changed_holds
            self._holds[hold.hold_id] = (
                hold,
                (hold.captured, hold.state, hold.changed_seq, known),
            )
            self._state.changed_holds[hold.hold_id] = hold

    def dated(self, account: int, value_date: date, net: int) -> None:
        """Add a posting to the account's value series, if it has one; restored with the unit."""
        series = self._state.series.get(account)
        if series is not None:
            series.add(value_date, net)
            self._dated.append((series, value_date, net))

    def closing(self, account: int, settled_by: frozenset[UUID]) -> None:
        """Note what settled an account that is closed now: it may be opened again in this batch."""
        self._closings.append((account, self._state.closings.get(account)))
        self._state.closings[account] = settled_by

    def added_account(self, account: AccountState, code: str) -> None:
        """Note a new account, so that it can be taken away again."""
        self._state.accounts[account.account] = account
        self._state.account_codes.add(code)
        self._state.changed_accounts[account.account] = account
        self._added_accounts.append((account.account, code))

    def added_hold(self, hold: HoldState) -> None:
        """Note a new hold, so that it can be taken away again."""
        self._state.holds[hold.hold_id] = hold
        self._state.changed_holds[hold.hold_id] = hold
        self._added_holds.append(hold.hold_id)

    def added_journal(self, journal: JournalRecord) -> None:
        """Note a new journal, so that it can be taken away again."""
        self._state.journals[journal.journal_id] = journal
        if journal.reverses is not None:
            self._state.reversed_ids.add(journal.reverses)
        self._added_journals.append((journal.journal_id, journal.reverses))

    def restore(self) -> None:
        """Put everything back."""
        state = self._state
        for account, saved in self._accounts.values():
            (
                account.debits,
                account.credits,
                account.held,
                account.balance_min,
                account.balance_max,
                account.excess,
                account.closed,
                account.frozen,
                account.frozen_until,
                account.changed_seq,
                known,
            ) = saved  # type: ignore[assignment]  # a tuple of mixed columns, set as saved above
            if not known:
                del state.changed_accounts[account.account]
        for hold, (captured, hold_state, changed_seq, known) in self._holds.values():
            hold.captured, hold.state, hold.changed_seq = captured, hold_state, changed_seq  # type: ignore[assignment]  # as saved above
            if not known:
                del state.changed_holds[hold.hold_id]
        for number, code in self._added_accounts:
            state.accounts.pop(number, None)
            state.changed_accounts.pop(number, None)
            state.account_codes.discard(code)
        for hold_id in self._added_holds:
            state.holds.pop(hold_id, None)
            state.changed_holds.pop(hold_id, None)
        for journal_id, reverses in self._added_journals:
            del state.journals[journal_id]
            if reverses is not None:
                state.reversed_ids.discard(reverses)
        for series, value_date, net in self._dated:
            series.add(value_date, -net)
        for number, settled_by in reversed(self._closings):
            if settled_by is None:
                del state.closings[number]
            else:
                state.closings[number] = settled_by
        state.next_seq = self.first_seq
        state.head_date = self._head_date
