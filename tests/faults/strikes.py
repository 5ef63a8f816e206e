"""Which kills are made: paths, moments, and a plan that a seed and a profile decide.

`CFF_PROFILE` says how many: quick strikes each path once at each moment, ci 60 times over all,
soak 300 times. The plan goes round the paths and moments, so every moment gets a third.
"""

from __future__ import annotations

import enum
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

SEED = 2569


class Moment(enum.StrEnum):
    """Where a commit stands when the blow falls."""

    BEFORE = "before"
    INSIDE = "inside"
    AFTER = "after"


class Struck(enum.StrEnum):
    """What is killed, and who was using it."""

    LOADER = "loader"
    POSTGRES_UNDER_LOADER = "postgres under loader"
    POSTER = "poster"
    POSTGRES_UNDER_POSTER = "postgres under poster"
    NIGHT = "night"
    POSTGRES_UNDER_NIGHT = "postgres under night"
    DOORS = "api"
    POSTGRES_UNDER_DOORS = "postgres under api"

    @property
    def is_postgres(self) -> bool:
        """True when the server dies and the program lives."""
        return self.value.startswith("postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One blow, as the struck program is told of it.

    skip:      commits that record something and are let pass first.
    statement: BEFORE only: the statement of the transaction to strike at; 0 = its COMMIT.
    frozen:    the whole process stands still at the moment, not only its transaction.
    flushed:   INSIDE a commit of a dying PostgreSQL: it is on disk already, else it is not yet.
    delay_ms:  INSIDE: so long after COMMIT was sent the blow falls.
    """

    moment: Moment
    skip: int
    statement: int
    frozen: bool
    flushed: bool
    delay_ms: int

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Strike:
        """A strike as it comes out of the pipe."""
        return cls(**{**facts, "moment": Moment(facts["moment"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A numbered kill of the plan; `number` names its dice and its ids."""

    number: int
    struck: Struck
    moment: Moment

    def __str__(self) -> str:
        return f"{self.number}-{self.struck}-{self.moment}".replace(" ", "-")

    def dice(self, attempt: int = 0) -> random.Random:
        """Dice of this kill alone, so that it can be run again by itself."""
        return random.Random(f"{SEED}:{self.number}:{attempt}")

    def strike(self, dice: random.Random, *, commits: int) -> Strike:
        """A blow at one of the first `commits` commits."""
        postgres = self.struck.is_postgres
        return Strike(
            moment=self.moment,
            skip=dice.randrange(commits),
            statement=0 if dice.random() < 0.5 else dice.randint(1, 10),
            # A program that outlives its server must not ask again before we have looked.
            frozen=dice.random() < 0.5 or (postgres and self.moment is Moment.INSIDE),
            # Somebody else's backend would wait for ever for a dead client's flushed commit.
            flushed=postgres and dice.random() < 0.5,
            delay_ms=dice.randrange(2, 60),
        )


CELLS = tuple((struck, moment) for struck in Struck for moment in Moment)
KILLS = {"quick": len(CELLS), "ci": 60, "soak": 300}


def plan(profile: str) -> list[Kill]:
    """The kills of a profile, in order; raises `KeyError` for a profile that does not exist."""
    return [
        Kill(number=number, struck=struck, moment=moment)
        for number, (struck, moment) in zip(range(KILLS[profile]), cycle(CELLS), strict=False)
    ]


def planned(struck: Struck) -> list[Kill]:
    """The kills of one path in the profile of this run."""
    profile = os.environ.get("CFF_PROFILE", "quick")
    return [kill for kill in plan(profile) if kill.struck is struck]
