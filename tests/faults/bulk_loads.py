"""Loads that follow from their name alone: program and test make the same lines of it.

Most lines are in order. Some are impossible, some ask for a line of the same load again, and some
take its id for another one: each kind of answer must outlive the blow.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from ledger.kinds import JournalKind
from ledger.posting.lines import NO_DATE, Lines, Texts
from tests.faults.wishes import Cast

IMPOSSIBLE_SATANG = 10**14


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and what must become of it: granted, refused for good, or taken for another."""

    journal_id: UUID
    debit: int
    credit: int
    amount_satang: int
    fate: str = "granted"


def load_of(cast: Cast, name: str, count: int) -> list[Line]:
    """The lines of the load of this name."""
    dice = random.Random(f"load/{name}")
    first = dice.getrandbits(64) << 64
    made: list[Line] = []
    for place in range(count):
        member = dice.choice(cast.members)
        sides = (cast.bank, member) if dice.random() < 0.5 else (member, cast.bank)
        line = Line(UUID(int=first + place), *sides, dice.randint(1, 900))
        turn = dice.random()
        if turn < 0.05:
            line = Line(line.journal_id, member, cast.bank, IMPOSSIBLE_SATANG, "refused")
        elif turn < 0.1 and made:
            line = dice.choice(made)
        elif turn < 0.13 and made and (taken := dice.choice(made)).fate == "granted":
            line = Line(taken.journal_id, *sides, 901, "taken")
        made.append(line)
    return made


def columns_of(made: Sequence[Line]) -> Lines:
    """The lines as a bulk writer takes them."""
    count = len(made)
    raw = b"".join(line.journal_id.bytes for line in made)
    return Lines(
        ids=np.frombuffer(raw, np.uint8).reshape(count, 16),
        debit=np.array([line.debit for line in made], np.int32),
        credit=np.array([line.credit for line in made], np.int32),
        amount_satang=np.array([line.amount_satang for line in made], np.int64),
        kind=np.full(count, int(JournalKind.MANUAL), np.int16),
        value_date=np.full(count, NO_DATE, np.int32),
        reference=Texts.of([f"payroll {line.journal_id.int % 7}" for line in made]),
        narrative=Texts.of([""] * count),
    )
