"""Allocation orders: which part of what is owed a payment settles first. Data, not code. Pure.

An order ranks seven buckets, bucket by bucket, as the law ranks costs, interest and principal
(Civil and Commercial Code s.329; the default), or instalment by instalment, the oldest first, each
by bucket: the horizontal form that the Bank of Thailand asks of banks (SorKorSor2 9/2563). Relief
programmes put principal first. A product keeps its order as texts; `Order.read` checks them.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ledger.errors import InvalidInput, Problem, shorten


class Bucket(enum.Enum):
    """Where a claim stands on the payment's value date; the values are how an order is written."""

    FEES = "fees"
    PENALTY = "penalty"  # the extra part of default interest
    INTEREST_ARREARS = "interest_arrears"  # of instalments due before the value date
    CURRENT_INTEREST = "current_interest"  # due on the value date, or accrued and not yet due
    OVERDUE_PRINCIPAL = "overdue_principal"
    DUE_PRINCIPAL = "due_principal"  # due on the value date itself
    PREPAYMENT = "prepayment"  # principal of instalments not yet due


class Mode(enum.Enum):
    """Which comes first, the bucket or the instalment."""

    BY_BUCKET = "by_bucket"  # all of a bucket, oldest instalment first, then the next bucket
    BY_INSTALMENT = "by_instalment"  # all of the oldest instalment, by bucket, then the next one


class Advance(enum.Enum):
    """From which end a prepayment takes the principal that is not yet due."""

    LAST = "last"  # from the last instalment backwards: the loan ends earlier
    NEXT = "next"  # from the next instalment on: it stands in for what would fall due first


_Choice = TypeVar("_Choice", Bucket, Mode, Advance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An allocation order. Raises `InvalidInput` unless each bucket stands in it exactly once.

    Prepayment must be the last: principal that nobody may ask for yet would otherwise be paid
    while something due is not.
    """

    buckets: tuple[Bucket, ...]
    mode: Mode = Mode.BY_BUCKET
    advance: Advance = Advance.LAST

    def __post_init__(self) -> None:
        times = Counter(self.buckets)
        problems = [
            _problem(f"{bucket.value} {times[bucket]} times", "each bucket exactly once")
            for bucket in Bucket
            if times[bucket] != 1
        ]
        if not problems and self.buckets[-1] is not Bucket.PREPAYMENT:
            got = f"{self.buckets[-1].value} as the last bucket"
            problems.append(_problem(got, "prepayment as the last bucket"))
        if problems:
            raise InvalidInput(problems)

    @classmethod
    def read(cls, buckets: Sequence[object], mode: object, advance: object) -> Order:
        """The order from the texts in which a product keeps it. Raises `InvalidInput`."""
        return cls(
            buckets=tuple(
                _named(Bucket, text, f"buckets[{place}]") for place, text in enumerate(buckets)
            ),
            mode=_named(Mode, mode, "mode"),
            advance=_named(Advance, advance, "advance"),
        )


DEFAULT_ORDER = Order(
    buckets=(
        Bucket.FEES,
        Bucket.PENALTY,
        Bucket.INTEREST_ARREARS,
        Bucket.CURRENT_INTEREST,
        Bucket.OVERDUE_PRINCIPAL,
        Bucket.DUE_PRINCIPAL,
        Bucket.PREPAYMENT,
    )
)
"""Costs, then interest, then principal, each from the oldest on."""

OLDEST_INSTALMENT_FIRST = replace(DEFAULT_ORDER, mode=Mode.BY_INSTALMENT)
"""The oldest instalment first: its fees, its penalty, its interest, its principal."""

RELIEF_ORDER = Order(
    buckets=(
        Bucket.OVERDUE_PRINCIPAL,
        Bucket.DUE_PRINCIPAL,
        Bucket.INTEREST_ARREARS,
        Bucket.CURRENT_INTEREST,
        Bucket.FEES,
        Bucket.PENALTY,
        Bucket.PREPAYMENT,
    )
)
"""Principal first, as relief programmes for debtors put it; interest and charges wait."""


def _problem(got: str, expected: str) -> Problem:
    return Problem(where="buckets", got=got, expected=expected)


def _named(choices: type[_Choice], text: object, where: str) -> _Choice:
    for choice in choices:
        if choice.value == text:
            return choice
    expected = "one of " + ", ".join(choice.value for choice in choices)
    raise InvalidInput([Problem(where=where, got=shorten(text), expected=expected)])
