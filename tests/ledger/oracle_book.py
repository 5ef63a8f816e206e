"""What the oracle remembers of a book: accounts, holds and journals as plain values.

Nothing is worked out beforehand: what is held, exceeded or stood on a day is added up from what was
asked, each time. Values are immutable; a copy of the dicts is a copy of the book.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from ledger.posting.values import Journal, Operation, PlaceHold

AMOUNT_MAX = 10**15 - 1
BALANCE_MAX = 9 * 10**17
COUNTER_MAX = 9 * 10**18 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An account as the oracle remembers it; what is held and exceeded is worked out, not kept."""

    currency: str
    debits: int = 0
    credits: int = 0
    low: int | None = None
    high: int | None = None
    closed: bool = False
    stop_debits: bool = False
    stop_credits: bool = False
    stop_until: date | None = None
    settled_by: frozenset[UUID] = frozenset()
    by_value_date: tuple[tuple[date, int], ...] = ()

    @property
    def balance(self) -> int:
        """Credits less debits."""
        return self.credits - self.debits

    def on(self, day: date) -> int:
        """The balance by value date at the end of a day: what is dated up to it, added up."""
        return sum(net for value_date, net in self.by_value_date if value_date <= day)

    def since(self, day: date) -> list[int]:
        """Every balance that stood from a value date on and stands no longer."""
        later = sorted({value_date for value_date, _ in self.by_value_date if value_date > day})
        return [self.on(stood) for stood in [day, *later][: len(later)]]

    def moved(self, net: int, value_date: date) -> Money:
        """The account with a debit (net < 0) or a credit more."""
        more = (*self.by_value_date, (value_date, net))
        if net < 0:
            return replace(self, debits=self.debits - net, by_value_date=more)
        return replace(self, credits=self.credits + net, by_value_date=more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A hold: what was asked, and how it ended ("open" while it has not)."""

    asked: PlaceHold
    ended: str = "open"
    captured: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A recorded journal: what was asked, its value date, and the one it gets without asking."""

    asked: Journal
    value_date: date
    by_default: date
    seq: int
    voucher: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the oracle says of a unit, in the words of `Status`; seqs are those of its records.

    vouchers: numbers of its journals in the fiscal year, which the oracle's books do not leave.
    balances: account -> (balance, held, excess) after the unit, for the accounts of its records.
    """

    status: str
    code: str | None = None
    failed: int | None = None
    replay: bool = False
    seqs: tuple[int, ...] = ()
    vouchers: tuple[int, ...] = ()
    balances: dict[int, tuple[int, int, int]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Book:
    """Everything the oracle remembers; values are immutable, so a copy of the dicts is a copy."""

    day: date
    floor: date
    seq: int = 0
    accounts: dict[int, Money] = field(default_factory=dict)
    codes: frozenset[str] = frozenset()
    chart: frozenset[str] = frozenset()
    parties: frozenset[int] = frozenset()
    holds: dict[UUID, Aside] = field(default_factory=dict)
    journals: dict[UUID, Recorded] = field(default_factory=dict)
    reversed_ids: frozenset[UUID] = frozenset()
    burnt: dict[UUID, tuple[Operation, str]] = field(default_factory=dict)
    keys: dict[tuple[str, str], bytes] = field(default_factory=dict)
    versions: dict[UUID, int] = field(default_factory=dict)

    def copy(self) -> Book:
        """The book as it stands, to go back to."""
        return replace(
            self,
            accounts=dict(self.accounts),
            holds=dict(self.holds),
            journals=dict(self.journals),
            burnt=dict(self.burnt),
            keys=dict(self.keys),
            versions=dict(self.versions),
        )

    def thawed_by(self, day: date) -> list[int]:
        """Accounts whose freeze has had its last day when this one begins; closed ones wait."""
        return [
            number
            for number, money in sorted(self.accounts.items())
            if money.stop_until is not None and money.stop_until < day and not money.closed
        ]

    def held(self, account: int) -> int:
        """Sum of the open holds on an account."""
        return sum(
            hold.asked.amount_satang
            for hold in self.holds.values()
            if hold.asked.account == account and hold.ended == "open"
        )

    def short(self, account: int, less: int = 0) -> int:
        """By how much the account, with `less` taken away, stands below its lower limit."""
        money = self.accounts[account]
        if money.low is None:
            return 0
        return max(0, money.low - (money.balance - self.held(account) - less))

    def excess(self, account: int) -> int:
        """What the account's limits are exceeded by."""
        money = self.accounts[account]
        over = 0 if money.high is None else max(0, money.balance - money.high)
        return max(self.short(account), over)


def identity(operation: Operation) -> UUID | None:
    """The client-made id of an operation, if it has one."""
    if isinstance(operation, Journal):
        return operation.journal_id
    return operation.hold_id if isinstance(operation, PlaceHold) else None
