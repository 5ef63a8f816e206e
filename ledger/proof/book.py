"""What the model of a book holds: accounts, holds, days, periods, planned limits, vouchers. Pure.

Plain values that the record makes (`acts`, `model`) and that the stored rows are compared with
(`standing`, `closings`). balance = credits - debits; an open hold counts against the lower limit;
the excess is what the limits are exceeded by. A recorded row that the book should have refused is a
broken rule, named with its number; it is applied as it stands, so that one damage is named once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from ledger.proof.report import Difference
from ledger.proof.rows import day_number

OPEN, CAPTURED, RELEASED, EXPIRED = 1, 2, 3, 4
MONTH, YEAR = 1, 2
OPENED_AGAIN, CLOSED = 1, 2
RULES = "every recorded row was admissible"
ONE_DAY = timedelta(days=1)


@dataclass(slots=True)
class Account:
    """One account as the record makes it; all amounts in satang, `frozen` 1 debits, 2 credits.

    watched:    a posting on it has to be looked at: it is limited, frozen or closed.
    nets:       net amounts by value day, later than the first back-dated posting of the slice.
    settled_by: of a closed account, the journals that its closing names.
    """

    account_id: int
    debits: int = 0
    credits: int = 0
    held: int = 0
    lowest: int | None = None
    highest: int | None = None
    closed: bool = False
    frozen: int = 0
    frozen_until: date | None = None
    changed_seq: int = 0
    opened_seq: int = 0
    opened_on: date | None = None
    watched: bool = False
    nets: dict[int, int] | None = None
    settled_by: frozenset[UUID] = frozenset()
    facts: dict[str, object] = field(default_factory=dict)

    def short(self) -> int:
        """By how much balance less holds stands below the lower limit."""
        if self.lowest is None:
            return 0
        return max(0, self.lowest + self.held + self.debits - self.credits)

    def over(self) -> int:
        """By how much the balance stands above the upper limit."""
        return 0 if self.highest is None else max(0, self.credits - self.debits - self.highest)

    def watch(self) -> None:
        """Settle `watched` after a change of what it depends on."""
        limited = self.lowest is not None or self.highest is not None
        self.watched = self.closed or self.frozen != 0 or limited or self.nets is not None

    def earlier(self, since: int) -> Iterator[int]:
        """Balances by value day from `since` on that stood before the newest, latest first."""
        balance = self.credits - self.debits
        for day in sorted(self.nets or (), reverse=True):
            if day <= since:
                return
            balance -= (self.nets or {})[day]
            yield balance


@dataclass(slots=True)
class Hold:
    """One hold as the record makes it."""

    hold_id: UUID
    account_id: int
    amount: int
    expires_on: date | None
    reference: str
    placed_seq: int
    changed_seq: int
    state: int = OPEN
    captured: int = 0


@dataclass(slots=True)
class Day:
    """A business date: the number of its cut-off and of its proof, when it has them."""

    cut_seq: int | None = None
    proven_seq: int | None = None


@dataclass(slots=True)
class Period:
    """A month or fiscal year that was closed at least once."""

    ends_on: date
    state: int
    closings: int
    closed_seq: int


@dataclass(slots=True)
class Plan:
    """Limits that were planned for a date; not yet in force while neither number is set."""

    effective_on: date
    lowest: int | None
    highest: int | None
    applied_seq: int | None = None
    cancelled_seq: int | None = None

    @property
    def waits(self) -> bool:
        """True while it is neither in force nor called off."""
        return self.applied_seq is None and self.cancelled_seq is None


@dataclass(slots=True)
class Heard:
    """What the acts of a batch said that somebody else has to look at.

    ended:    holds that ended. proven: dates proven. closed: periods closed (kind, first day).
    forced:   journals that a note calls forced, with the note's number and reason.
    settled:  number of an account's closing -> journals that it names, before it in its batch.
    reopened: number of an account's re-opening -> journals to be reversed after it in its batch.
    """

    ended: list[Hold] = field(default_factory=list)
    proven: list[date] = field(default_factory=list)
    closed: list[tuple[int, date]] = field(default_factory=list)
    forced: dict[UUID, tuple[int, str]] = field(default_factory=dict)
    settled: dict[int, frozenset[UUID]] = field(default_factory=dict)
    reopened: dict[int, frozenset[UUID]] = field(default_factory=dict)


class Book:
    """Everything that the record makes of a book; `broken` and `heard` are taken by the caller."""

    def __init__(self, opened_on: date, first_month: int) -> None:
        self.opened_on = opened_on
        self.first_month = first_month
        self.accounts: dict[int, Account] = {}
        self.holds: dict[UUID, Hold] = {}
        self.days: dict[date, Day] = {opened_on: Day()}
        self.periods: dict[tuple[int, date], Period] = {}
        self.plans: dict[tuple[int, int], Plan] = {}
        self.thawing: set[int] = set()
        # Accounts that this slice posts to with an earlier value date (`later`).
        self.back_dated: set[int] = set()
        self.vouchers: dict[int, int] = {}
        self.voucher_year = 0
        # What a cut-off still has to bring into force: (kind of event, account, its two values).
        self.due: list[tuple[object, ...]] = []
        self.holds_placed = 0
        self.broken: list[Difference] = []
        self.heard = Heard()
        self._date, self._floor = opened_on, self.year_start(opened_on)
        self.head_day, self.floor_day = day_number(self._date), day_number(self._floor)

    @property
    def business_date(self) -> date:
        """The date on which the doors post."""
        return self._date

    @business_date.setter
    def business_date(self, day: date) -> None:
        self._date, self.head_day = day, day_number(day)

    @property
    def floor(self) -> date:
        """The earliest value date: the start of the oldest fiscal year that is not closed."""
        return self._floor

    @floor.setter
    def floor(self, day: date) -> None:
        self._floor, self.floor_day = day, day_number(day)

    def break_rule(self, where: str, expected: str, found: str) -> None:
        """Note that a recorded row should have been refused."""
        self.broken.append(Difference(check=RULES, where=where, expected=expected, found=found))

    def account(self, account_id: int, where: str) -> Account:
        """An account that was opened before; an unknown one breaks a rule and is made up."""
        account = self.accounts.get(account_id)
        if account is None:
            self.break_rule(where, "an account that was opened before", f"account {account_id}")
            account = self.accounts[account_id] = Account(account_id)
        return account

    def end_hold(self, hold: Hold, state: int, captured: int, seq: int) -> None:
        """Mark a hold as ended."""
        hold.state, hold.captured, hold.changed_seq = state, captured, seq
        self.heard.ended.append(hold)

    def year_start(self, day: date) -> date:
        """First day of the fiscal year that a day lies in."""
        return date(day.year - (day.month < self.first_month), self.first_month, 1)

    def year_end(self, day: date) -> date:
        """Last day of the fiscal year that a day lies in."""
        start = self.year_start(day)
        return date(start.year + 1, start.month, 1) - ONE_DAY

    def year_name(self, day: date) -> int:
        """A fiscal year is named by the calendar year in which it ends."""
        return self.year_end(day).year

    def is_closed(self, kind: int, starts_on: date) -> bool:
        """True while a period takes nothing."""
        period = self.periods.get((kind, starts_on))
        return period is not None and period.state == CLOSED

    def months_closed(self, first: date, last: date) -> bool:
        """True when every month from the one of `first` to the one of `last` is closed."""
        month = first.replace(day=1)
        while month <= last:
            if not self.is_closed(MONTH, month):
                return False
            month = next_month(month)
        return True


def next_month(first: date) -> date:
    """First day of the month after the one that begins on `first`."""
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)
