"""The desk of one banking day: draws notices, hands them in, lets the banks pay in and out.

`Month` holds what outlives a day: the dice, the references in use, what is due on a later day, the
counts. `Desk` is one day of it and offers the few verbs of which ordinary business and every
planted mistake are made (`examples.planting`). Withdrawals stay small: no notice asks for more than
1/100 of the account's opening balance (divided again by the scale), and all of an account's
withdrawals together never exceed a quarter of it, so none is refused in whatever order they come.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from uuid import UUID

from examples.mistakes import Malformed, Mistake
from examples.seeds import Bank, Member, Opening
from examples.values import BankMovement, MovementKind, Notice
from ledger.errors import ensure

_DOORS_OPEN_UTC = 1  # 08:00 in Bangkok
_DOORS_OPEN_MS = 7 * 3_600_000  # until 15:00
_BANK_WEIGHTS = (5, 3, 2)  # Krungthai is the movement's usual bank


@dataclass(slots=True, kw_only=True)
class Month:
    """What outlives a day. `due_lines` and `due_movements` are keyed by the index of the day."""

    rng: random.Random
    scale: int
    days: tuple[date, ...]
    banks: tuple[Bank, ...]
    members: dict[str, Member]
    open_accounts: tuple[Opening, ...]
    closed_accounts: tuple[Opening, ...]
    references: set[str] = field(default_factory=set)
    withdrawn: Counter[str] = field(default_factory=Counter)
    due_lines: defaultdict[int, list[tuple[int, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    due_movements: defaultdict[int, list[BankMovement]] = field(
        default_factory=lambda: defaultdict(list)
    )
    mistakes: Counter[Mistake] = field(default_factory=Counter)
    malformed: Counter[Malformed] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    in_transit: int = 0


class Desk:
    """One banking day being written; `index` is its place among the month's banking days."""

    def __init__(self, month: Month, index: int) -> None:
        self.month = month
        self.rng = month.rng
        self.index = index
        self.on = month.days[index]
        self._counter = 0

    def reference(self, letter: str) -> str:
        """A new reference such as D26060200017: letter, date, number of the day."""
        self._counter += 1
        text = f"{letter}{self.on:%y%m%d}{self._counter:05d}"
        ensure(text not in self.month.references, f"reference {text} was given twice")
        self.month.references.add(text)
        return text

    def deposit(self, account: Opening | None = None, *, later: int = 0) -> Notice:
        """A new deposit notice, to be handed in today or `later` banking days on."""
        chosen = account or self.rng.choice(self.month.open_accounts)
        return self._notice("deposit", chosen, self._amount(chosen.opening_satang), later)

    def withdrawal(self) -> Notice:
        """A new withdrawal notice that the account can bear together with all its others."""
        while True:
            account = self.rng.choice(self.month.open_accounts)
            amount = self._amount(account.opening_satang)
            total = self.month.withdrawn[account.account_no] + amount
            if total * 4 <= account.opening_satang:
                self.month.withdrawn[account.account_no] = total
                return self._notice("withdrawal", account, amount, 0)

    def any_notice(self, account: Opening) -> Notice:
        """A notice of either kind for an account that will refuse it."""
        kind = self.rng.choice(("deposit", "withdrawal"))
        return self._notice(kind, account, self._amount(20_000_000_00), 0)

    def oversized(self) -> Notice:
        """A withdrawal notice for ten times what the account had at the start of the month."""
        account = self.rng.choice(self.month.open_accounts)
        return self._notice("withdrawal", account, account.opening_satang * 10, 0)

    def hand_in(self, notice: Notice, *, line: str | None = None, later: int = 0) -> None:
        """Put a line into today's notices file, or into that of a later banking day."""
        self.month.due_lines[self.index + later].append((notice.moment, line or notice.line()))
        self.month.notices[notice.kind] += 1

    def hand_in_again(self, notice: Notice, copy: Notice) -> None:
        """Put a second line of the same id into today's file, after the first."""
        moment = self.rng.randrange(notice.moment + 1, _DOORS_OPEN_MS + 1)
        self.hand_in(replace(copy, moment=moment))

    def pay_in(self, notice: Notice) -> BankMovement:
        """The bank line that an ordinary deposit notice announces; book it with `book`."""
        member = self.month.members.get(notice.account.removeprefix("SAV-"))
        return BankMovement(
            bank=notice.bank,
            kind=MovementKind.TRANSFER_IN,
            amount_satang=notice.amount_satang,
            value_date=notice.value_date,
            reference=notice.reference,
            remittance=f"Deposit {notice.account}",
            counterparty=member.name_th if member else "",
        )

    def pay_out(self, notice: Notice, *, later: int = 0) -> None:
        """The bank pays a withdrawal today or later; beyond the last day it stays in transit."""
        if self.index + later >= len(self.month.days):
            self.month.in_transit += 1
            return
        movement = replace(
            self.pay_in(notice),
            kind=MovementKind.TRANSFER_OUT,
            value_date=self.month.days[self.index + later],
            remittance=f"Withdrawal {notice.account}",
        )
        self.book(movement, later=later)

    def book(self, movement: BankMovement, *, later: int = 0) -> None:
        """Put a movement into its bank's statement of today, or of a later banking day."""
        self.month.due_movements[self.index + later].append(movement)

    def days_left(self) -> int:
        """How many banking days follow this one."""
        return len(self.month.days) - 1 - self.index

    def lines(self) -> tuple[str, ...]:
        """Today's notices file, in the order in which the notices came in."""
        due = self.month.due_lines.pop(self.index, [])
        return tuple(line for _, line in sorted(due, key=lambda entry: entry[0]))

    def movements(self) -> dict[str, tuple[BankMovement, ...]]:
        """Each bank's movements of today: in an order of the bank's own, its fee last."""
        due = self.month.due_movements.pop(self.index, [])
        self.rng.shuffle(due)
        due.sort(key=lambda movement: movement.kind is MovementKind.FEE)
        codes = [bank.bank_code for bank in self.month.banks]
        return {code: tuple(m for m in due if m.bank == code) for code in codes}

    def bank(self) -> str:
        """The code of one of the Facility's banks, the usual ones more often."""
        codes = [bank.bank_code for bank in self.month.banks]
        return self.rng.choices(codes, weights=_BANK_WEIGHTS)[0]

    def _amount(self, opening_satang: int) -> int:
        high = max(opening_satang // (100 * self.month.scale), 100)
        amount = self.rng.randrange(high // 8 + 1, high + 1)
        if amount > 100_000 and self.rng.randrange(4):
            return amount - amount % 10_000  # most people send round hundreds of baht
        return amount

    def _notice(self, kind: str, account: Opening, amount: int, later: int) -> Notice:
        moment = self.rng.randrange(_DOORS_OPEN_MS)
        return Notice(
            notice_id=self._uuid(self.month.days[self.index + later], moment),
            kind=kind,
            account=account.account_no,
            amount_satang=amount,
            bank=self.bank(),
            value_date=self.on,
            reference=self.reference("D" if kind == "deposit" else "W"),
            made_by=f"coop-{account.member_code}:maker",
            moment=moment,
        )

    def _uuid(self, day: date, moment: int) -> str:
        opened = datetime(day.year, day.month, day.day, _DOORS_OPEN_UTC, tzinfo=UTC)
        ms = int(opened.timestamp()) * 1000 + moment
        noise = self.rng.getrandbits(74)
        # The layout of a version 7 UUID (RFC 9562 5.7): time, version, noise, variant, noise.
        return str(
            UUID(int=ms << 80 | 7 << 76 | noise >> 62 << 64 | 2 << 62 | noise & (1 << 62) - 1)
        )


def open_and_closed(
    openings: Sequence[Opening],
) -> tuple[tuple[Opening, ...], tuple[Opening, ...]]:
    """The accounts that take business, and those that do not."""
    return (
        tuple(o for o in openings if not o.closed),
        tuple(o for o in openings if o.closed),
    )
