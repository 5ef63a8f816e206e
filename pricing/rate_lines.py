"""The lines of a rate sheet: a rate from a balance on, up to where the next line begins. Pure.

A line says only where its slab begins, so that no two lines can leave a gap between them; what can
still be wrong (a first line that leaves out small balances, two that overlap because they begin
together, bounds that do not rise) is named here, before a sheet is drafted. Which part of a balance
a slab's rate is for is the product's (`pricing.slabs.SlabBasis`), not the sheet's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ledger.errors import InvalidInput, Problem
from ledger.money import AMOUNT_MAX, format_baht, parse_signed_baht
from pricing.rates import RATE_E8_MAX, parse_rate_percent
from pricing.slabs import Slab, SlabBasis, Slabs

LINES_MAX = 20
"""A night looks at every line for each contract whose balance or sheet changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLine:
    """Balances from `slab_from_satang` on, it included, earn at `annual_rate_e8`."""

    slab_from_satang: int
    annual_rate_e8: int


def one_rate(annual_rate_e8: int) -> tuple[RateLine, ...]:
    """The simplest sheet: one rate for every balance."""
    return (RateLine(slab_from_satang=0, annual_rate_e8=annual_rate_e8),)


def require_lines(lines: Sequence[RateLine], where: str = "lines") -> tuple[RateLine, ...]:
    """The lines as they are, when a sheet can have them.

    Raises `InvalidInput`, a problem for each gap, overlap, bound or rate below zero, bound that is
    not increasing, rate above 100%, and for too many lines or none.
    """
    problems = [*_of_number(lines, where), *_of_bounds(lines, where), *_of_rates(lines, where)]
    if problems:
        raise InvalidInput(problems)
    return tuple(lines)


def slabs_of(lines: Sequence[RateLine], basis: SlabBasis) -> Slabs:
    """The same as slabs with both bounds, for what computes. Raises `InvalidInput` as `Slabs`."""
    ends: list[int | None] = [line.slab_from_satang for line in lines[1:]]
    slabs = tuple(
        Slab(from_satang=line.slab_from_satang, to_satang=end, annual_rate_e8=line.annual_rate_e8)
        for line, end in zip(lines, [*ends, None], strict=True)
    )
    return Slabs(basis=basis, slabs=slabs)


def parse_slab(text: str, where: str) -> RateLine:
    """A line as people write it, FROM=PERCENT: "100000.00=1.5000".

    Raises `InvalidInput` naming `where`; whether the lines fit together is `require_lines`'.
    """
    bound, equals, percent = text.partition("=")
    if not equals:
        raise InvalidInput.one(where, text, 'FROM=PERCENT such as "100000.00=1.5000"')
    return RateLine(
        slab_from_satang=parse_signed_baht(bound, where),
        annual_rate_e8=parse_rate_percent(percent, where),
    )


def _of_number(lines: Sequence[RateLine], where: str) -> Iterator[Problem]:
    if not lines:
        yield Problem(where=where, got="no line", expected="a line from 0.00 at least")
    if len(lines) > LINES_MAX:
        got = f"{len(lines)} lines, too many"
        yield Problem(where=where, got=got, expected=f"{LINES_MAX} at most")


def _of_bounds(lines: Sequence[RateLine], where: str) -> Iterator[Problem]:
    bounds = [line.slab_from_satang for line in lines]
    for at, bound in enumerate(bounds):
        if bound < 0:
            yield _bound(where, at, f"{format_baht(bound)}, negative", "0.00 or more")
        elif bound > AMOUNT_MAX:
            yield _bound(where, at, format_baht(bound), f"{format_baht(AMOUNT_MAX)} at most")
    if bounds and bounds[0] > 0:
        got = f"{format_baht(bounds[0])}, a gap below it"
        yield _bound(where, 0, got, "0.00: the first line prices the smallest balance too")
    for at, (before, bound) in enumerate(pairwise(bounds), start=1):
        expected = f"more than {format_baht(before)}, where the line before it begins"
        if bound == before:
            yield _bound(where, at, f"{format_baht(bound)}, an overlap", expected)
        elif bound < before:
            yield _bound(where, at, f"{format_baht(bound)}, not increasing", expected)


def _of_rates(lines: Sequence[RateLine], where: str) -> Iterator[Problem]:
    for at, line in enumerate(lines):
        rate, place = line.annual_rate_e8, f"{where}[{at}].annual_rate_e8"
        if rate < 0:
            yield Problem(where=place, got=f"{rate}, negative", expected="a rate of 0 or more")
        elif rate > RATE_E8_MAX:
            yield Problem(where=place, got=str(rate), expected=f"{RATE_E8_MAX} (100%) at most")


def _bound(where: str, at: int, got: str, expected: str) -> Problem:
    return Problem(where=f"{where}[{at}].slab_from", got=got, expected=expected)
