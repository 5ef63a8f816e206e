"""Books and lines that Hypothesis draws: small, full of trouble, and each example means something.

A recipe is plain numbers; `Kitchen` makes a book's setting of it and turns line recipes into rows
against what the book holds by then: "the n-th recorded journal again, with another body" is the
n-th of those that there are, counted round.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID, uuid5

from hypothesis import strategies as st

from ledger.kinds import JournalKind
from ledger.posting.values import (
    CloseAccount,
    Journal,
    OpenAccount,
    PlaceHold,
    SetFreeze,
    SetLimits,
    Unit,
)
from tests.ledger.bulk.rows import Row, journal_of

NAMES = UUID("2f7d2d55-63a5-4c55-93e1-8d2f3c8ad0b1")
OPENED_ON = date(2026, 6, 1)
BANK = 1
FIRST = 2
"""Number of the first drawn account; the bank, without limits, stands before it."""
BASE = 0x0198_0000_0000_7000_8000_0000_0000_0000
"""Where time-ordered ids of the tests begin; recorded ones stand between those of the lines."""
AMOUNT_MAX = 10**15 - 1
AMOUNTS = (1, 5, 20, 60, 100, 150)
ODD_AMOUNTS = (0, -1, AMOUNT_MAX, AMOUNT_MAX + 1, 2**62, 2**63 - 1, -(2**63))
STRANGERS = (0, -1, 2**31 - 1)
TEXTS = ("", "A", "salary 2026-06", "เงินเดือน มิ.ย.", "ก" * 140, "x" * 140)
NEAR = {
    # debits and credits, planted: a little room is left to the end of the range.
    "full": (0, 9 * 10**17 - 130),
    "empty": (9 * 10**17 - 130, 0),
    "old": (9 * 10**18 - 130, 9 * 10**18 - 130),
    "spent": (9 * 10**18 - 130, 9 * 10**18 - 10**17),
}


@dataclass(frozen=True, slots=True)
class AccountRecipe:
    """An account to be: what comes in, what is held, its limits and flags at the end."""

    opening: int = 0
    held: int = 0
    low: int | None = None
    high: int | None = None
    frozen: int = 0
    until: bool = False
    closed: bool = False
    foreign: bool = False
    near: str | None = None


@dataclass(frozen=True, slots=True)
class LineRecipe:
    """A line to be; `again` = (what, n): the id of the n-th of those, with its body if `same`."""

    debit: int
    credit: int
    amount: int
    days: int | None = None
    again: tuple[str, int] | None = None
    same: bool = True
    kind: int = int(JournalKind.MANUAL)
    reference: str = ""
    narrative: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A book and a load of it.

    days:     how many business dates have passed.
    others:   rows that somebody else posts meanwhile: place of the chunk they come before.
    ordered:  whether new ids are time-ordered; else they are random.
    many:     so many ordinary lines more, as `dice` will have them.
    chunks:   lengths of the source's pieces, used round and round. most: lines of a batch.
    """

    accounts: tuple[AccountRecipe, ...]
    lines: tuple[LineRecipe, ...]
    days: int = 0
    ordered: bool = True
    many: int = 0
    dice: int = 0
    chunks: tuple[int, ...] = (1_000,)
    most: int = 1_000
    others: tuple[int, ...] = ()


_LIMIT = st.sampled_from((None, None, 0, -100, 50, 200))
_PLACE = st.integers(0, 7)
_ACCOUNT = st.builds(
    AccountRecipe,
    opening=st.sampled_from((0, 100, 300, 1_000, 100_000, 100_000)),
    held=st.sampled_from((0, 0, 0, 40, 100)),
    low=_LIMIT,
    high=st.sampled_from((None, None, None, 0, 150, 400, 200_000)),
    frozen=st.sampled_from((0,) * 10 + (1, 2, 3)),
    until=st.booleans(),
    closed=st.sampled_from((False,) * 8 + (True,)),
    foreign=st.sampled_from((False,) * 12 + (True,)),
    near=st.sampled_from((None,) * 8 + tuple(NEAR)),
)
_TEXT = st.sampled_from(TEXTS) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=12
)
_AGAIN = st.sampled_from((None, None, None, "line", "line", "journal", "hold", "refused"))
_LINE = st.builds(
    LineRecipe,
    debit=_PLACE | st.integers(0, 11),
    credit=_PLACE | st.integers(0, 11),
    amount=st.sampled_from(AMOUNTS * 4 + ODD_AMOUNTS),
    days=st.sampled_from((None,) * 6 + (0, -1, -1, -2, 1, -400)),
    again=st.tuples(_AGAIN, _PLACE).map(lambda pair: None if pair[0] is None else pair),
    same=st.sampled_from((True, True, False)),
    kind=st.sampled_from([int(kind) for kind in JournalKind]),
    reference=_TEXT,
    narrative=_TEXT,
)


def loads(*, batches: bool) -> st.SearchStrategy[Drawn]:
    """Any book and any load; in many small batches with others in between, or in one."""
    wild = st.builds(
        Drawn,
        accounts=st.lists(_ACCOUNT, min_size=2, max_size=6).map(tuple),
        lines=st.lists(_LINE, min_size=1, max_size=24).map(tuple),
        days=st.sampled_from((0, 1, 2, 2)),
        ordered=st.booleans(),
        many=st.sampled_from((0, 0, 0, 20, 150)),
        dice=st.integers(0, 2**16),
    )
    drawn = wild | st.integers(0, 2**32).map(ordinary)
    if not batches:
        return drawn
    return st.builds(
        replace,
        drawn,
        chunks=st.lists(st.integers(1, 40), min_size=1, max_size=4).map(tuple),
        most=st.integers(1, 50),
        others=st.lists(st.integers(0, 6), max_size=3).map(tuple),
    )


def ordinary(seed: int) -> Drawn:
    """A book as most are, most of it in order; a seed tells it whole, evenly spread."""
    dice = random.Random(seed)
    accounts = [AccountRecipe(opening=100_000, low=dice.choice((None, 0))) for _ in range(4)]
    for _ in range(dice.randrange(3)):
        troubled = AccountRecipe(
            opening=dice.choice((0, 100, 300)),
            held=dice.choice((0, 0, 60)),
            low=dice.choice((None, 0, -100, 50)),
            high=dice.choice((None, None, 150, 400)),
            frozen=dice.choice((0, 0, 0, 1, 2, 3)),
            until=dice.random() < 0.5,
            foreign=dice.random() < 0.1,
            near=dice.choice((None, None, *NEAR)),
        )
        if dice.random() < 0.2:
            troubled = AccountRecipe(closed=True)
        accounts[dice.randrange(4)] = troubled
    lines = []
    for _ in range(dice.randrange(5, 30)):
        debit, credit = dice.sample(range(5), 2)
        line = LineRecipe(debit, credit, dice.choice(AMOUNTS), narrative=dice.choice(TEXTS))
        if dice.random() < 0.4:
            line = _odd(dice, line)
        lines.append(line)
    return Drawn(
        accounts=tuple(accounts),
        lines=tuple(lines),
        days=dice.randrange(3),
        ordered=dice.random() < 0.5,
        many=dice.choice((0, 20, 150)),
        dice=seed,
    )


def _odd(dice: random.Random, line: LineRecipe) -> LineRecipe:
    """The same line with something about it that is not as usual."""
    return dice.choice(
        (
            replace(line, amount=dice.choice(ODD_AMOUNTS)),
            replace(line, credit=line.debit),
            replace(line, debit=9 + dice.randrange(3)),
            replace(line, days=1),
            replace(line, days=-400),
            replace(line, days=-1 - dice.randrange(2)),
            replace(line, days=-1 - dice.randrange(2)),
            replace(line, again=("line", dice.randrange(9)), same=dice.random() < 0.6),
            replace(line, again=("journal", dice.randrange(9)), same=dice.random() < 0.6),
            replace(line, again=("refused", dice.randrange(9)), same=dice.random() < 0.6),
            replace(line, again=("hold", dice.randrange(9))),
        )
    )


@dataclass
class Kitchen:
    """A drawn book's units and rows; what it has asked for so far is remembered by name."""

    drawn: Drawn
    book_id: int
    recorded: list[Row] = field(default_factory=list)
    refused: list[Row] = field(default_factory=list)
    holds: list[UUID] = field(default_factory=list)
    made: list[Row] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The business date on which the lines are posted."""
        return OPENED_ON + timedelta(days=self.drawn.days)

    def openings(self) -> list[Unit]:
        """Accounts, and what comes in on the first day."""
        units = [_open(BANK, "THB")]
        for number, account in self._numbered():
            units.append(_open(number, "USD" if account.foreign else "THB"))
        for number, account in self._numbered():
            if account.opening:
                self._record(units, BANK, number, account.opening)
        return units

    def daily(self, day: int) -> list[Unit]:
        """What a later day brings: ups and downs, so that what is back-dated meets them."""
        units: list[Unit] = []
        for number, account in self._numbered():
            if account.closed:
                continue
            back = OPENED_ON + timedelta(days=day - 1) if number % 3 == 0 else None
            if (number + day) % 2:
                self._record(units, number, BANK, 80, back)
            else:
                self._record(units, BANK, number, 90, back)
        return units

    def conditions(self) -> list[Unit]:
        """Holds, limits, freezes and closings, and refusals that will be remembered."""
        units: list[Unit] = []
        for number, account in self._numbered():
            if account.held:
                self.holds.append(self._id())
                hold = PlaceHold(hold_id=self.holds[-1], account=number, amount_satang=account.held)
                units.append(_unit(hold))
            limits = SetLimits(account=number, balance_min=account.low, balance_max=account.high)
            units.append(_unit(limits))
        for number, account in self._numbered():
            if account.low is not None and account.high is None:
                self.refused.append(Row(self._id(), number, BANK, 10**12))
                units.append(_unit(journal_of(self.refused[-1])))
            if account.frozen:
                until = self.today if account.until else None
                flags = bool(account.frozen & 1), bool(account.frozen & 2)
                freeze = SetFreeze(account=number, debits=flags[0], credits=flags[1], until=until)
                units.append(_unit(freeze))
            if account.closed:
                units.append(_unit(CloseAccount(account=number)))
        return units

    def planted(self) -> list[tuple[int, int, int]]:
        """Accounts to be set near the end of their range: (account, debits, credits)."""
        found = []
        for number, account in self._numbered():
            bare = account.low is None and account.high is None and not account.closed
            if account.near is not None and bare:
                found.append((number, *NEAR[account.near]))
        return found

    def rows(self) -> list[Row]:
        """The lines of the load."""
        dice = random.Random(self.drawn.dice)
        recipes = list(self.drawn.lines)
        for _ in range(self.drawn.many):
            debit, credit = dice.sample(range(len(self.drawn.accounts) + 1), 2)
            amount = dice.choice(AMOUNTS)
            recipe = LineRecipe(debit, credit, amount, reference=dice.choice(TEXTS))
            recipes.insert(dice.randrange(len(recipes) + 1), recipe)
        for recipe in recipes:
            self.made.append(self._row(recipe))
        return self.made

    def other(self, place: int) -> Row:
        """What somebody else posts: to an account of the load, under an id that it may ask for."""
        number = FIRST + place % len(self.drawn.accounts)
        mine = UUID(int=BASE + (2 * (1_000 + place) + 1 << 64))
        taken = self.made[place % len(self.made)].journal_id if place % 3 == 0 else mine
        return Row(taken, BANK, number, 7)

    def _numbered(self) -> list[tuple[int, AccountRecipe]]:
        return list(enumerate(self.drawn.accounts, start=FIRST))

    def _record(
        self, units: list[Unit], debit: int, credit: int, amount: int, on: date | None = None
    ) -> None:
        row = Row(self._id(), debit, credit, amount, on, reference=f"from {debit}")
        self.recorded.append(row)
        units.append(_unit(journal_of(row)))

    def _row(self, recipe: LineRecipe) -> Row:
        on = None if recipe.days is None else self.today + timedelta(days=recipe.days)
        row = Row(
            journal_id=self._new_id(),
            debit=self._account(recipe.debit),
            credit=self._account(recipe.credit),
            amount_satang=recipe.amount,
            value_date=on,
            kind=recipe.kind,
            reference=recipe.reference,
            narrative=recipe.narrative,
        )
        if recipe.again is None:
            return row
        what, place = recipe.again
        if what == "hold":
            ids = self.holds
            return replace(row, journal_id=ids[place % len(ids)]) if ids else row
        rows = {"line": self.made, "journal": self.recorded, "refused": self.refused}[what]
        if not rows:
            return row
        found = rows[place % len(rows)]
        return found if recipe.same else replace(row, journal_id=found.journal_id)

    def _account(self, place: int) -> int:
        """The bank, a drawn account, or one that is not there."""
        if place > 8:
            return STRANGERS[place % len(STRANGERS)]
        return BANK + place % (len(self.drawn.accounts) + 1)

    def _id(self) -> UUID:
        """An odd id of the ordered ones: it lies between ids of lines."""
        place = len(self.recorded) + len(self.refused) + len(self.holds)
        return UUID(int=BASE + (2 * place + 1 << 64))

    def _new_id(self) -> UUID:
        place = len(self.made)
        if self.drawn.ordered:
            return UUID(int=BASE + (2 * place << 64))
        return uuid5(NAMES, f"{self.drawn.dice}/{place}")


def _unit(operation: Journal | PlaceHold | SetLimits | SetFreeze | CloseAccount) -> Unit:
    return Unit(operations=(operation,), actor="test:clerk")


def _open(number: int, currency: str) -> Unit:
    opened = OpenAccount(
        account=number,
        code=f"A-{number}",
        gl_code="211100",
        currency=currency,
        name_th=f"บัญชี {number}",
        name_en=f"Account {number}",
    )
    return Unit(operations=(opened,), actor="test:opening")
