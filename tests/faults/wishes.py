"""What clients want posted, and what must come of it: known beforehand, from the dice alone.

A wish is a unit together with its effect as plain numbers. Struck program and test throw the same
dice and so know the same wishes; the sum of effects over all ids is the independent total that the
balances are compared with. Some wishes must be refused, whole, however often they are asked.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from ledger.kinds import JournalKind
from ledger.posting.ids import event_id
from ledger.posting.values import Journal, Operation, PlaceHold, Transfer, Unit

OPENING_SATANG = 10_000_000_00
IMPOSSIBLE_SATANG = 900_000_000_000_000

Effect = tuple[int, int, int]
"""Debit account, credit account, satang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who moves money: the book, its bank account without limits, its members' accounts."""

    book_id: int
    bank: int
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A unit by its name, and the transfers that it makes by journal; none when it is refused."""

    name: str
    unit: Unit
    effects: dict[UUID, tuple[Effect, ...]]

    @property
    def refused(self) -> bool:
        """True when this wish can never be granted."""
        return not self.effects

    @property
    def journals(self) -> list[UUID]:
        """Ids of its journals, granted or not."""
        return [o.journal_id for o in self.unit.operations if isinstance(o, Journal)]


def wishes(cast: Cast, round_: str, *, clients: int, each: int) -> list[list[Wish]]:
    """What each client wants in a round, in its order."""
    return [
        [_wish(cast, f"{round_}/{client}/{place}") for place in range(each)]
        for client in range(clients)
    ]


def _wish(cast: Cast, name: str) -> Wish:
    dice = random.Random(name)
    one, other = dice.sample(cast.members, 2)
    amount = dice.randint(1, 100_00)
    journal = _journal(name, 1, (cast.bank, one, amount))
    second = _journal(name, 2, (one, other, max(1, amount // 2)))
    kind = dice.random()
    operations: tuple[Operation, ...] = (journal,)
    if kind < 0.2:
        operations = (journal, second)
    elif kind < 0.4:
        hold = PlaceHold(
            hold_id=event_id(name, "hold"), account=one, amount_satang=second_amount(second) + 7
        )
        captured = _journal(name, 2, (one, other, second_amount(second)), hold_id=hold.hold_id)
        operations = (hold, journal, captured)
    elif kind < 0.5:
        operations = (journal, _journal(name, 2, (one, other, IMPOSSIBLE_SATANG)))
    unit = Unit(operations=operations, actor="test:client", reason=name)
    granted = not 0.4 <= kind < 0.5
    return Wish(name=name, unit=unit, effects=_effects(operations) if granted else {})


def second_amount(journal: Journal) -> int:
    """Satang of a journal of one transfer."""
    return journal.transfers[0].amount_satang


def _journal(name: str, place: int, effect: Effect, *, hold_id: UUID | None = None) -> Journal:
    debit, credit, amount = effect
    return Journal(
        journal_id=event_id(name, place),
        kind=JournalKind.MANUAL,
        transfers=(Transfer(debit=debit, credit=credit, amount_satang=amount),),
        reference=name,
        hold_id=hold_id,
    )


def _effects(operations: Iterable[Operation]) -> dict[UUID, tuple[Effect, ...]]:
    return {
        operation.journal_id: tuple(
            (transfer.debit, transfer.credit, transfer.amount_satang)
            for transfer in operation.transfers
        )
        for operation in operations
        if isinstance(operation, Journal)
    }


class Sums:
    """Balances as the union of ids says: every effect once, by id, however often it was asked."""

    def __init__(self, cast: Cast) -> None:
        self._effects: dict[UUID, tuple[Effect, ...]] = {
            event_id("opening", member): ((cast.bank, member, OPENING_SATANG),)
            for member in cast.members
        }

    def add(self, granted: Iterable[Wish]) -> None:
        """These were wished for."""
        for wish in granted:
            self._effects |= wish.effects

    def counters(self) -> dict[int, tuple[int, int]]:
        """Debits and credits of each account that moved."""
        debits: Counter[int] = Counter()
        credits_: Counter[int] = Counter()
        for effects in self._effects.values():
            for debit, credit, amount in effects:
                debits[debit] += amount
                credits_[credit] += amount
        return {account: (debits[account], credits_[account]) for account in {*debits, *credits_}}
