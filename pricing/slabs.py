"""Rates by amount: slabs [from, to) from zero up, on the whole balance or on each slice. Pure.

A slab's lower bound belongs to it, its upper bound to the next one; the first begins at zero, the
last has no end, and there is no hole: each amount lies in exactly one slab. On the WHOLE balance
the slab that holds it prices every satang; by SLICE each slab prices the part that lies inside it.
Either way the answer is a whole number, amount x rate in satang x 10^-8, which a set of slab rows
gives as well: sum(greatest(least(balance, to) - from, 0) * rate).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.errors import InvalidInput, Problem, ensure
from ledger.money import format_baht
from pricing.ranges import Bounds, misfits

_NAMES = Bounds(what="slabs", lower="from", upper="to")


class SlabBasis(enum.Enum):
    """Which part of a balance a slab's rate is for."""

    WHOLE = "whole"  # all of it, at the rate of the slab that it reaches
    SLICE = "slice"  # what lies between the slab's bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Slab:
    """Amounts from `from_satang`, included, to `to_satang`, not included; None = no end."""

    from_satang: int
    to_satang: int | None
    annual_rate_e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlabPart:
    """What of an amount earns at the rate of one slab."""

    slab: Slab
    amount_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slabs:
    """All slabs of a product for a date, lowest first.

    Raises `InvalidInput`, a problem for every gap, overlap, missing beginning or end.
    """

    basis: SlabBasis
    slabs: tuple[Slab, ...]

    def __post_init__(self) -> None:
        problems = [*_problems(self.slabs)]
        if problems:
            raise InvalidInput(problems)

    @classmethod
    def flat(cls, annual_rate_e8: int) -> Slabs:
        """One rate for every amount."""
        only = Slab(from_satang=0, to_satang=None, annual_rate_e8=annual_rate_e8)
        return cls(basis=SlabBasis.WHOLE, slabs=(only,))

    def reached(self, amount_satang: int) -> Slab:
        """The slab that `amount_satang`, zero or more, lies in."""
        ensure(amount_satang >= 0, f"slabs: {amount_satang} satang is below zero")
        return [slab for slab in self.slabs if slab.from_satang <= amount_satang][-1]

    def parts(self, amount_satang: int) -> tuple[SlabPart, ...]:
        """How an amount of zero or more is shared among slabs, lowest first.

        On the whole balance that is one part; by slice a part for each slab that it reaches into.
        """
        reached = self.reached(amount_satang)
        if self.basis is SlabBasis.WHOLE:
            return (SlabPart(slab=reached, amount_satang=amount_satang),)
        return tuple(
            SlabPart(
                slab=slab,
                amount_satang=_least(amount_satang, slab.to_satang) - slab.from_satang,
            )
            for slab in self.slabs
            if slab.from_satang < amount_satang or slab is self.slabs[0]
        )

    def weighted_e8(self, amount_satang: int) -> int:
        """Sum of amount x rate, in satang x 10^-8 of a year, for an amount of zero or more."""
        if self.basis is SlabBasis.WHOLE:
            return amount_satang * self.reached(amount_satang).annual_rate_e8
        ensure(amount_satang >= 0, f"slabs: {amount_satang} satang is below zero")
        return sum(
            max(_least(amount_satang, slab.to_satang) - slab.from_satang, 0) * slab.annual_rate_e8
            for slab in self.slabs
        )


def _least(amount: int, bound: int | None) -> int:
    return amount if bound is None else min(amount, bound)


def _problems(slabs: Sequence[Slab]) -> Iterator[Problem]:
    yield from misfits(_NAMES, [(slab.from_satang, slab.to_satang) for slab in slabs], format_baht)
    if slabs and slabs[0].from_satang != 0:
        got = format_baht(slabs[0].from_satang)
        yield _problem(0, "from", got, "0.00: the first slab begins there")
    if slabs and (end := slabs[-1].to_satang) is not None:
        expected = "no end: the last slab holds all above"
        yield _problem(len(slabs) - 1, "to", format_baht(end), expected)
    for at, slab in enumerate(slabs):
        if slab.annual_rate_e8 < 0:
            yield _problem(at, "annual_rate_e8", slab.annual_rate_e8, "a rate of 0 or more")


def _problem(at: int, field: str, got: object, expected: str) -> Problem:
    return Problem(where=f"slabs[{at}].{field}", got=str(got), expected=expected)
