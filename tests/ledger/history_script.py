"""What the clients of the recorded history ask: each request follows from its name alone.

A name is (client, step). Dice that the name seeds decide what is asked, also of things that other
clients made or asked for in earlier steps, so that they fight over accounts, holds, reversals and
ids. Because a request follows from its name it can be made again, to the byte, after its client was
killed, and by whoever checks the record. The name stands in the book as the actor.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import TypeVar
from uuid import UUID, uuid5

from ledger.kinds import EventKind, JournalKind
from ledger.posting.values import (
    CloseAccount,
    IdempotencyKey,
    Journal,
    MoveBusinessDate,
    Note,
    OpenAccount,
    Operation,
    Outcome,
    PlaceHold,
    ReleaseHold,
    ReopenAccount,
    SetFreeze,
    SetLimits,
    Transfer,
    Unit,
)

NAMES = UUID("0b6f7f8e-4c0f-4b64-9f0e-3a3d7c1f5a10")
OPENED_ON = date(2026, 6, 1)
BANK, SAV, SAV2, OVERDRAFT, LOAN = 1, 2, 3, 4, 5
PAYERS = (BANK, BANK, BANK, SAV, SAV, SAV2, OVERDRAFT, LOAN)
STEPS_PER_DAY = 5
"""The first client moves the business date so often."""

LOOKS_BACK = 12
"""So many earlier requests are looked at for something to act upon."""

Name = tuple[int, int]
_T = TypeVar("_T")


def name_of(text: str) -> Name:
    """The name that is written as "client/step"."""
    client, step = text.split("/")
    return int(client), int(step)


@cache
def unit_of(clients: int, client: int, step: int) -> Unit:
    """The request of this client in this step, of so many clients."""
    asker = _Asker(
        dice=random.Random(f"history/{clients}/{client}/{step}"),
        clients=clients,
        client=client,
        step=step,
    )
    return asker.unit()


def answer_text(outcome: Outcome) -> str:
    """What a client is told of an outcome, as it is kept under its key."""
    return json.dumps(answer_of(outcome))


def answer_of(outcome: Outcome) -> dict[str, object]:
    """The facts of an outcome that must be the same for ever, and the same on the model."""
    return {
        "granted": outcome.refusal is None,
        "code": None if outcome.refusal is None else outcome.refusal.code,
        "failed": outcome.failed_operation,
        "seqs": [receipt.recorded_seq for receipt in outcome.receipts],
        "balances": {
            str(b.account): [b.balance_satang, b.held_satang, b.excess_satang]
            for b in outcome.balances
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    """A client in one step, with the dice of that step."""

    dice: random.Random
    clients: int
    client: int
    step: int

    def unit(self) -> Unit:
        """The request."""
        actor = f"client:{self.client}/{self.step}"
        if self.client == 0 and self.step % STEPS_PER_DAY == STEPS_PER_DAY - 1:
            to = OPENED_ON + timedelta(days=self.day() + 1)
            return _keyed(Unit(operations=(MoveBusinessDate(to=to),), actor=actor))
        if self.step > 0 and self.dice.random() < 0.06:
            # Another's request under another name: a replay, or the first of the two to arrive.
            other = self.somebody()
            if not isinstance(other.operations[0], MoveBusinessDate):
                return replace(other, actor=actor)
        operations: tuple[Operation, ...] = ()
        while not operations:
            (kind,) = self.dice.choices(list(_KINDS), list(_KINDS.values()))
            operations = getattr(self, kind)()
        unit = Unit(operations=operations, actor=actor, reason="as the dice fell")
        named = any(isinstance(operation, Journal | PlaceHold) for operation in operations)
        return unit if named and self.dice.random() < 0.75 else _keyed(unit)

    def day(self) -> int:
        """The business date that this step is meant for, in days since the opening."""
        return self.step // STEPS_PER_DAY

    def somebody(self) -> Unit:
        """Some request of an earlier step."""
        return unit_of(
            self.clients, self.dice.randrange(self.clients), self.dice.randrange(self.step)
        )

    def closing(self) -> Unit | None:
        """Somebody's earlier request to close an account."""
        for _ in range(LOOKS_BACK if self.step else 0):
            unit = self.somebody()
            if isinstance(unit.operations[-1], CloseAccount):
                return unit
        return None

    def earlier(self, kind: type[_T], place: int = 0) -> _T | None:
        """An operation of this kind that somebody asked for at this place of an earlier request."""
        for _ in range(LOOKS_BACK if self.step else 0):
            operation = self.somebody().operations[place]
            if isinstance(operation, kind):
                return operation
        return None

    def id(self, place: int) -> UUID:
        """The id of an operation of this request."""
        return uuid5(NAMES, f"{self.client}/{self.step}/{place}")

    def journal(self, place: int, *lines: tuple[int, int, int], **more: object) -> Journal:
        """A journal of this request."""
        return Journal(
            journal_id=self.id(place),
            kind=JournalKind.MANUAL,
            transfers=tuple(Transfer(debit=d, credit=c, amount_satang=a) for d, c, a in lines),
            reference=f"{self.client}/{self.step}",
            **more,  # type: ignore[arg-type]  # fields of Journal by name
        )

    def line(self) -> tuple[int, int, int]:
        """Debit, credit, satang."""
        debit = self.dice.choice(PAYERS)
        credit = self.dice.choice([account for account in PAYERS if account != debit])
        return debit, credit, self.dice.choice((1, 5, 20, 40, 60, 100))

    def pay(self) -> tuple[Operation, ...]:
        """A journal of one to three transfers."""
        lines = [self.line() for _ in range(self.dice.choice((1, 1, 1, 2, 3)))]
        return (self.journal(0, *lines),)

    def pay_late(self) -> tuple[Operation, ...]:
        """A journal with another value date: mostly past, now and then not begun."""
        day = OPENED_ON + timedelta(days=self.dice.randint(-2, self.day()))
        return (self.journal(0, self.line(), value_date=day),)

    def pay_beyond(self) -> tuple[Operation, ...]:
        """A journal that need not obey limits."""
        return (self.journal(0, self.line(), may_exceed_limit=True),)

    def pay_twice(self) -> tuple[Operation, ...]:
        """Two journals, both or none."""
        return self.journal(0, self.line()), self.journal(1, self.line())

    def place(self) -> tuple[Operation, ...]:
        """A hold, or a hold and a deposit."""
        days = self.dice.choice((None, None, 0, 1))
        hold = PlaceHold(
            hold_id=self.id(0),
            account=self.dice.choice((BANK, SAV, SAV2, OVERDRAFT)),
            amount_satang=self.dice.choice((5, 20, 45)),
            expires_on=None if days is None else OPENED_ON + timedelta(days=self.day() + days),
            reference=f"{self.client}/{self.step}",
        )
        if hold.account == BANK or self.dice.random() < 0.7:
            return (hold,)
        return hold, self.journal(1, (BANK, hold.account, 10))

    def capture(self) -> tuple[Operation, ...]:
        """The capture of a hold that somebody asked for."""
        hold = self.earlier(PlaceHold)
        if hold is None:
            return ()
        other = SAV if hold.account != SAV else SAV2
        amount = hold.amount_satang - self.dice.choice((0, 0, 3, -1))
        return (self.journal(0, (hold.account, other, amount), hold_id=hold.hold_id),)

    def release(self) -> tuple[Operation, ...]:
        """The release, or the expiry, of a hold that somebody asked for."""
        hold = self.earlier(PlaceHold)
        if hold is None:
            return ()
        return (ReleaseHold(hold_id=hold.hold_id, expired=self.dice.random() < 0.3),)

    def reverse(self) -> tuple[Operation, ...]:
        """The reversal of a journal that somebody asked for."""
        target = self.earlier(Journal, -1)
        if target is None:
            return ()
        lines = [(t.credit, t.debit, t.amount_satang) for t in target.transfers]
        return (self.journal(0, *lines, reverses=target.journal_id),)

    def freeze(self) -> tuple[Operation, ...]:
        """A freeze of debits."""
        return (SetFreeze(account=self.dice.choice((SAV2, OVERDRAFT)), debits=True, credits=False),)

    def thaw(self) -> tuple[Operation, ...]:
        """The end of a freeze."""
        account = self.dice.choice((SAV2, OVERDRAFT))
        return (SetFreeze(account=account, debits=False, credits=False),)

    def limit(self) -> tuple[Operation, ...]:
        """Another limit, perhaps below its use."""
        low = self.dice.choice((0, -50, -200))
        return (SetLimits(account=OVERDRAFT, balance_min=low, balance_max=None),)

    def open(self) -> tuple[Operation, ...]:
        """A new account and its first deposit."""
        number = 1_000 + self.client * 1_000 + self.step
        opened = OpenAccount(
            account=number,
            code=f"NEW-{number}",
            gl_code="211100",
            currency="THB",
            name_th="บัญชีใหม่",
            name_en="New account",
            balance_min=0,
        )
        return opened, self.journal(1, (BANK, number, self.dice.choice((10, 30))))

    def spend_new(self) -> tuple[Operation, ...]:
        """A withdrawal from an account that somebody asked to open."""
        opened = self.earlier(OpenAccount)
        return () if opened is None else (self.journal(0, (opened.account, SAV, 10)),)

    def close(self) -> tuple[Operation, ...]:
        """The closing of an account that somebody asked to open, mostly after a sweep."""
        opened = self.earlier(OpenAccount)
        if opened is None:
            return ()
        closing = CloseAccount(account=opened.account)
        swept = self.journal(0, (opened.account, BANK, self.dice.choice((10, 20, 30))))
        named = replace(closing, settled_by=(swept.journal_id,))
        return (closing,) if self.dice.random() < 0.2 else (swept, named)

    def reopen(self) -> tuple[Operation, ...]:
        """The undoing of a closing that somebody asked for, mostly of all that settled it."""
        unit = self.closing()
        if unit is None or not isinstance(unit.operations[-1], CloseAccount):
            return ()
        swept, reopening = unit.operations[0], ReopenAccount(account=unit.operations[-1].account)
        if not isinstance(swept, Journal) or self.dice.random() < 0.2:
            return (reopening,)
        (line,) = swept.transfers
        mirror = (line.credit, line.debit, line.amount_satang)
        return reopening, self.journal(0, mirror, reverses=swept.journal_id)

    def force(self) -> tuple[Operation, ...]:
        """A journal by right, with its note."""
        forced = self.journal(0, self.line(), forced=True)
        note = Note(kind=EventKind.JOURNAL_FORCED, subject=forced.journal_id, body={"why": "dice"})
        return forced, note

    def correct(self) -> tuple[Operation, ...]:
        """A journal that corrects another without reversing it."""
        target = self.earlier(Journal)
        if target is None:
            return ()
        return (self.journal(0, self.line(), adjusts=target.journal_id),)


def _keyed(unit: Unit) -> Unit:
    """Under an idempotency key: what has no id of its own can only be asked again by its key."""
    digest = hashlib.sha256(unit.actor.encode()).digest()
    key = IdempotencyKey(client="history", key=unit.actor, request_hash=digest)
    return replace(unit, key=key, answer=answer_text)


_KINDS = {
    "pay": 26,
    "pay_late": 10,
    "pay_beyond": 3,
    "pay_twice": 6,
    "place": 16,
    "capture": 12,
    "release": 6,
    "reverse": 10,
    "freeze": 2,
    "thaw": 5,
    "limit": 2,
    "open": 6,
    "spend_new": 4,
    "close": 6,
    "reopen": 3,
    "force": 3,
    "correct": 3,
}
"""Names of `_Asker`'s methods, and how often each is drawn."""
