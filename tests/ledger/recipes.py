"""Recipes: what a property test wants to happen, before it is known to whom.

A recipe is a small tuple-like value of plain numbers that Hypothesis draws and shrinks; `Kitchen`
turns it into real operations against what the book holds by then (an account, a hold, a journal
is "the n-th of those that exist", counted round). So every drawn example means something, and what
was refused or forgotten can be asked again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid5

from hypothesis import strategies as st

from ledger.kinds import EventKind, JournalKind
from ledger.posting.values import (
    CloseAccount,
    IdempotencyKey,
    Journal,
    MoveBusinessDate,
    Note,
    OpenAccount,
    Operation,
    PlaceHold,
    ReleaseHold,
    ReopenAccount,
    RowRead,
    RowTable,
    RowWrite,
    SetFreeze,
    SetLimits,
    Transfer,
    Unit,
)
from tests.ledger.oracle import Oracle

_T = TypeVar("_T")

NAMES = UUID("8d6a1c0e-7a31-4f6e-9d3b-5b0c2f1e4a77")
UNKNOWN_ACCOUNT = 999_999
AMOUNTS = (1, 5, 20, 60, 100, 150, 999_999_999_999_999, 0, -1, 10**15)
LIMITS = (None, 0, -100, 50, 200)

ROWS = RowTable(
    name="ledger.manual_journal",
    select="SELECT journal_id AS id, version FROM ledger.manual_journal "
    "WHERE book_id = $1 AND journal_id = ANY($2::uuid []) "
    "ORDER BY journal_id FOR NO KEY UPDATE SKIP LOCKED",
)
NEXT_VERSION = (
    "UPDATE ledger.manual_journal SET version = version + 1 WHERE book_id = $1 AND journal_id = $2"
)

Recipe = tuple[str, tuple[object, ...]]
"""A name of `Kitchen`'s methods and the arguments for it."""


@dataclass(frozen=True, slots=True)
class UnitRecipe:
    """A unit to be made; `retry` asks an earlier one again as it was, the rest is then ignored."""

    operations: tuple[Recipe, ...]
    key: tuple[int, int] | None = None
    row: tuple[int, bool] | None = None
    retry: int | None = None


def _recipe(name: str, *parts: st.SearchStrategy[object]) -> st.SearchStrategy[Recipe]:
    return st.tuples(st.just(name), st.tuples(*parts))


_PLACE = st.integers(0, 11)
# Ordinary amounts far more often than impossible ones; the same for value dates.
_AMOUNT = st.sampled_from(AMOUNTS[:6] * 6 + AMOUNTS[6:])
_DAYS = st.sampled_from((None, None, None, None, 0, -1, -3, 1, -400))
_FLAG = st.booleans()
_RARELY = st.sampled_from((False, False, False, True))
# The bank and the members most of the time, the stranger currency and nobody at all now and then.
_PAYER = st.sampled_from((0, 0, 0, 1, 2, 3, 4, 5, 1, 2, 3, 6, 7, 8, 11))
_AWAY = st.sampled_from((1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 0))
_LINE = st.tuples(_PAYER, _AWAY, _AMOUNT)
_LINES = st.lists(_LINE, min_size=1, max_size=3).map(tuple)
_LIMIT = st.sampled_from(LIMITS)

PAY = _recipe("pay", _LINES, _DAYS, _RARELY)
# Nothing wrong with it but, perhaps, the state of the accounts.
MOVE = _recipe("move", st.integers(0, 5), st.integers(1, 5), st.sampled_from(AMOUNTS[1:6]))
# The same with a value date of earlier days: what later balances allow decides.
LATE = _recipe(
    "late",
    st.integers(0, 5),
    st.integers(1, 5),
    st.sampled_from(AMOUNTS[1:6]),
    st.sampled_from((-1, -1, -2, -3, -5)),
)
FORCE = _recipe("force", _LINES, _DAYS, st.sampled_from((True, True, True, False)))
ADJUST = _recipe("adjust", st.integers(0, 5), st.integers(1, 5), _PLACE)
PLACE = _recipe("place", _PAYER, _AMOUNT, st.sampled_from((None, 0, 0, 1, 2, -1)))
CAPTURE = _recipe("capture", _PLACE, _PAYER, st.sampled_from((0, 0, 1, 5, -1)), _RARELY)
RELEASE = _recipe("release", _PLACE, _FLAG)
FREEZE = _recipe("freeze", _PLACE, _RARELY, _RARELY, st.sampled_from((None, None, 0, 1, 2, -1)))
SET_LIMITS = _recipe("limits", _PLACE, _LIMIT, st.sampled_from((None, None, 100, 500)))
CLOSE = _recipe("close", st.sampled_from((3, 4, 7, 8, 9, 10, 3, 4, 7, 8, 9, 10, 1, 2, 11)))
SWEEP = _recipe(
    "sweep",
    st.sampled_from((3, 4, 5, 7, 8, 9, 10, 1, 2)),
    st.sampled_from((0, 0, 0, 0, 1)),
    st.sampled_from((True, True, True, False)),
)
REOPEN = _recipe("reopen", _PLACE, st.sampled_from((True, True, True, False)))
OPEN = _recipe("open", st.integers(0, 3), _RARELY, _LIMIT)
REVERSE = _recipe("reverse", _PLACE, _RARELY, _DAYS, _FLAG)
AGAIN = _recipe("again", _PLACE, st.integers(0, 4))
CUT = _recipe("cut", st.sampled_from((1, 1, 1, 1, 1, 0, 2)))
NOTE = _recipe("note", st.none() | _PLACE)

OPERATIONS = st.one_of(
    MOVE,
    MOVE,
    MOVE,
    LATE,
    LATE,
    PAY,
    PAY,
    FORCE,
    ADJUST,
    SWEEP,
    REOPEN,
    PLACE,
    CAPTURE,
    RELEASE,
    FREEZE,
    SET_LIMITS,
    CLOSE,
    OPEN,
    REVERSE,
    AGAIN,
    NOTE,
)
_BODIES = st.lists(OPERATIONS, min_size=1, max_size=3).map(tuple)
UNITS = st.one_of(
    st.builds(UnitRecipe, _BODIES),
    st.builds(UnitRecipe, _BODIES),
    st.builds(UnitRecipe, st.tuples(OPERATIONS)),
    st.builds(
        UnitRecipe,
        st.tuples(OPERATIONS),
        key=st.none() | st.tuples(st.integers(0, 5), st.integers(0, 1)),
        row=st.none() | st.tuples(st.integers(0, 1), _RARELY),
    ),
    st.builds(UnitRecipe, st.just(()), retry=_PLACE),
)
# How every history begins: some money in three accounts, and some of it set aside.
BEGINNING = (
    UnitRecipe((("move", (0, 1, 100)), ("move", (0, 2, 100)), ("move", (0, 3, 60)))),
    UnitRecipe((("place", (1, 60, None)), ("place", (3, 20, 0)))),
)
BATCHES = st.lists(UNITS, min_size=1, max_size=6)
CUT_OFFS = st.builds(UnitRecipe, st.tuples(CUT))


class Kitchen:
    """Makes units from recipes, by what the oracle's book holds and what was asked before."""

    def __init__(self, book_id: int, oracle: Oracle) -> None:
        self.book_id = book_id
        self.oracle = oracle
        self.units: list[Unit] = []
        self.asked: list[Operation] = []
        self._numbers = 0

    def unit(self, recipe: UnitRecipe) -> Unit:
        """The unit of a recipe, remembered so that it can be asked again."""
        if recipe.retry is not None and self.units:
            return nth(self.units, recipe.retry)
        made = recipe.operations or (("note", (None,)),)
        unit = Unit(
            operations=tuple(o for name, parts in made for o in self._operations(name, parts)),
            actor="test:clerk",
            reason="as drawn",
        )
        if recipe.key is not None:
            name, body = recipe.key
            digest = hashlib.sha256(bytes([body])).digest()
            key = IdempotencyKey(client="test", key=f"key-{name}", request_hash=digest)
            unit = replace(unit, key=key)
        if recipe.row is not None:
            unit = self._on_row(unit, *recipe.row)
        if not any(isinstance(operation, MoveBusinessDate) for operation in unit.operations):
            self.units.append(unit)
        return unit

    def _on_row(self, unit: Unit, place: int, stale: bool) -> Unit:
        row_id, version = sorted(self.oracle.book.versions.items())[place]
        read = RowRead(table=ROWS, row_id=row_id, version=version - stale)
        write = RowWrite(statement=NEXT_VERSION, arguments=(self.book_id, row_id))
        return replace(unit, reads=(read,), writes=(write,))

    def _operations(self, name: str, parts: tuple[object, ...]) -> tuple[Operation, ...]:
        make: Callable[..., Operation | tuple[Operation, ...]] = getattr(self, f"_{name}")
        made = make(*parts)
        operations = made if isinstance(made, tuple) else (made,)
        for operation in operations:
            if isinstance(operation, Journal | PlaceHold) and operation not in self.asked:
                self.asked.append(operation)
        return operations

    def _new_id(self) -> UUID:
        self._numbers += 1
        return uuid5(NAMES, f"{self.book_id}/{self._numbers}")

    def _account(self, place: int) -> int:
        if place == 11:
            return UNKNOWN_ACCOUNT
        numbers = list(self.oracle.book.accounts)
        return numbers[place % len(numbers)]

    def _pay(
        self, lines: tuple[tuple[int, int, int], ...], days: int | None, may_exceed: bool
    ) -> Journal:
        transfers = tuple(
            Transfer(
                debit=self._account(payer),
                credit=self._account(payer if payer == 11 else payer + away),
                amount_satang=amount,
            )
            for payer, away, amount in lines
        )
        return self._journal(transfers, days, may_exceed_limit=may_exceed)

    def _move(self, payer: int, away: int, amount: int) -> Journal:
        return self._pay(((payer, away, amount),), None, False)

    def _late(self, payer: int, away: int, amount: int, days: int) -> Journal:
        return self._pay(((payer, away, amount),), days, False)

    def _force(
        self, lines: tuple[tuple[int, int, int], ...], days: int | None, noted: bool
    ) -> tuple[Operation, ...]:
        journal = replace(self._pay(lines, days, False), forced=True)
        note = Note(
            kind=EventKind.JOURNAL_FORCED, subject=journal.journal_id, body={"why": "drawn"}
        )
        return (journal, note) if noted else (journal,)

    def _adjust(self, payer: int, away: int, place: int) -> Journal:
        asked = [operation for operation in self.asked if isinstance(operation, Journal)]
        target = nth(asked, place).journal_id if asked and place < 11 else NAMES
        return replace(self._move(payer, away, 20), adjusts=target)

    def _journal(
        self,
        transfers: tuple[Transfer, ...],
        days: int | None,
        *,
        hold_id: UUID | None = None,
        reverses: UUID | None = None,
        may_exceed_limit: bool = False,
    ) -> Journal:
        value_date = None if days is None else self.oracle.book.day + timedelta(days=days)
        return Journal(
            journal_id=self._new_id(),
            kind=JournalKind.MANUAL if reverses is None else JournalKind.REVERSAL,
            transfers=transfers,
            value_date=value_date,
            reference="ใบสำคัญ",
            hold_id=hold_id,
            reverses=reverses,
            may_exceed_limit=may_exceed_limit,
        )

    def _place(self, place: int, amount: int, days: int | None) -> PlaceHold:
        return PlaceHold(
            hold_id=self._new_id(),
            account=self._account(place),
            amount_satang=amount,
            expires_on=None if days is None else self.oracle.book.day + timedelta(days=days),
        )

    def _hold(self, place: int) -> PlaceHold:
        holds = [hold.asked for hold in self.oracle.book.holds.values()]
        if place < 10 and holds:
            return nth(holds, place)
        asked = [operation for operation in self.asked if isinstance(operation, PlaceHold)]
        nobody = PlaceHold(hold_id=NAMES, account=1, amount_satang=10)
        return nth([nobody, *asked], place)

    def _capture(self, place: int, other: int, less: int, elsewhere: bool) -> Journal:
        hold = self._hold(place)
        source = self._account(other + 2) if elsewhere else hold.account
        target = self._account(other)
        if target == source:
            target = self._account(other + 1)
        amount = hold.amount_satang - less
        transfer = Transfer(debit=source, credit=target, amount_satang=amount)
        return self._journal((transfer,), None, hold_id=hold.hold_id)

    def _release(self, place: int, expired: bool) -> ReleaseHold:
        return ReleaseHold(hold_id=self._hold(place).hold_id, expired=expired)

    def _freeze(self, place: int, no_debits: bool, no_credits: bool, days: int | None) -> SetFreeze:
        return SetFreeze(
            account=self._account(place),
            debits=no_debits,
            credits=no_credits,
            until=None if days is None else self.oracle.book.day + timedelta(days=days),
        )

    def _limits(self, place: int, low: int | None, high: int | None) -> SetLimits:
        return SetLimits(account=self._account(place), balance_min=low, balance_max=high)

    def _close(self, place: int) -> CloseAccount:
        return CloseAccount(account=self._account(place))

    def _sweep(self, place: int, left: int, named: bool) -> tuple[Operation, ...]:
        """Everything but `left` satang goes to the bank, or comes from it; then it is closed."""
        account = self._account(place)
        money = self.oracle.book.accounts.get(account)
        balance = (0 if money is None else money.balance) - left
        if balance == 0 or account == 1:
            return (CloseAccount(account=account),)
        pair = (account, 1) if balance > 0 else (1, account)
        transfer = Transfer(debit=pair[0], credit=pair[1], amount_satang=abs(balance))
        swept = self._journal((transfer,), None)
        settled = swept.journal_id if named else NAMES
        return swept, CloseAccount(account=account, settled_by=(settled,))

    def _reopen(self, place: int, undone: bool) -> tuple[Operation, ...]:
        """A closed account, if there is one, with the reversals of what settled it."""
        accounts = self.oracle.book.accounts
        closed = [number for number, money in accounts.items() if money.closed]
        number = nth(closed, place) if closed and place < 10 else self._account(place)
        settled = accounts[number].settled_by if number in accounts and undone else ()
        found = [self.oracle.book.journals[name].asked for name in sorted(settled)]
        reversals = [
            self._journal(
                tuple(replace(t, debit=t.credit, credit=t.debit) for t in journal.transfers),
                None,
                reverses=journal.journal_id,
            )
            for journal in found
        ]
        return ReopenAccount(account=number), *reversals

    def _open(self, code: int, unknown_gl: bool, low: int | None) -> OpenAccount:
        return OpenAccount(
            account=101 + code,
            code=f"NEW-{code}",
            gl_code="599999" if unknown_gl else "211100",
            currency="THB",
            name_th="บัญชีใหม่",
            name_en="New account",
            balance_min=low,
        )

    def _reverse(self, place: int, crooked: bool, days: int | None, may_exceed: bool) -> Journal:
        journals = [recorded.asked for recorded in self.oracle.book.journals.values()]
        if place >= 10 or not journals:
            journals = [operation for operation in self.asked if isinstance(operation, Journal)]
        if not journals:
            transfer = Transfer(debit=1, credit=2, amount_satang=1)
            return self._journal((transfer,), days, reverses=NAMES)
        target = nth(journals, place)
        transfers = tuple(
            Transfer(debit=t.credit, credit=t.debit, amount_satang=t.amount_satang + crooked)
            for t in target.transfers
        )
        return self._journal(
            transfers, days, reverses=target.journal_id, may_exceed_limit=may_exceed
        )

    def _again(self, place: int, change: int) -> Operation:
        """Something asked before: as it was, or with a difference under the same id."""
        if not self.asked:
            return self._note(None)
        operation = nth(self.asked, place)
        if isinstance(operation, PlaceHold):
            if change == 4:
                journal = self._journal((), None)
                return replace(journal, journal_id=operation.hold_id)
            return operation if change < 3 else replace(operation, reference="another")
        assert isinstance(operation, Journal)
        if change == 4:
            return replace(self._place(place, 10, None), hold_id=operation.journal_id)
        if change == 3:
            return replace(operation, narrative="another")
        if change == 2:
            return replace(operation, value_date=self.oracle.book.day)
        return replace(operation, value_date=None) if change == 1 else operation

    def _cut(self, days: int) -> tuple[Operation, ...]:
        move = MoveBusinessDate(to=self.oracle.book.day + timedelta(days=days))
        thawed = self.oracle.book.thawed_by(move.to) if days == 1 else []
        return move, *(SetFreeze(account=n, debits=False, credits=False) for n in thawed)

    def _note(self, place: int | None) -> Note:
        return Note(
            kind=EventKind.MANUAL_JOURNAL_MADE,
            account=None if place is None else self._account(place),
            body={"why": "drawn"},
        )


def changes_a_freeze(unit: Unit) -> bool:
    """True of a unit after which a cut-off in the same batch may have other freezes to end."""
    kinds = (SetFreeze, CloseAccount, ReopenAccount)
    return any(isinstance(operation, kinds) for operation in unit.operations)


def nth(things: list[_T], place: int) -> _T:
    """The n-th of the things, counted back from the newest and round."""
    return things[-1 - place % len(things)]
