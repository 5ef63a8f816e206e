"""A placement ended before maturity: which rate it has earned after all, by a table of rules. Pure.

Each rule says, for a time held, whose rate is paid for the days held (nothing, the contract's own,
the savings rate day by day, the chart's rate for the months held or for the whole term), which part
of it, and how many points less. Simple interest of the days held is settled once; what was paid out
before is set against it, and what was paid too much is clawed back from the principal.

The same table serves fixed deposits that are withdrawn and promissory notes that are redeemed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from ledger.errors import InvalidInput, Problem
from ledger.money import round_ratio
from pricing.dated import Dated
from pricing.ranges import Bounds, holds, misfits
from products.placements import PlacementTerms, completed_months, interest_parts

_RULES = Bounds(what="early rules", lower="from_months", upper="to_months")


class RateSource(enum.Enum):
    """Whose rate the days held are paid at."""

    NOTHING = "nothing"
    CONTRACT = "contract"  # the rate that was agreed
    SAVINGS = "savings"  # the savings rate of each date held
    CHART_HELD = "chart_held"  # the chart's rate for the months held, as it was at the start
    CHART_TERM = "chart_term"  # the chart's rate for the whole term, as it was at the start


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyRule:
    """What is paid when whole months held lie in [from_months, to_months); None = no end.

    part_percent: how much of the source's rate is paid, 0 to 100; the part is rounded half-up to
                  10^-8 of the fraction, since a rate is always a whole number of them.
    penalty_e8:   points taken off afterwards; the rate never falls below zero.
    """

    from_months: int
    to_months: int | None
    source: RateSource
    part_percent: int = 100
    penalty_e8: int = 0

    def rate_e8(self, source_rate_e8: int) -> int:
        """The rate paid where the source's own is `source_rate_e8`."""
        part = round_ratio(source_rate_e8 * self.part_percent, 100)
        return max(part - self.penalty_e8, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyRules:
    """A product's rules, shortest time held first.

    Raises `InvalidInput` for a gap, an overlap, a first rule that does not begin at 0 months, a
    last one that ends, a part outside 0 to 100 percent, a penalty below zero.
    """

    rules: tuple[EarlyRule, ...]

    def __post_init__(self) -> None:
        problems = [*_problems(self.rules)]
        if problems:
            raise InvalidInput(problems)

    def for_months(self, held: int) -> EarlyRule:
        """The rule for `held` whole months, 0 or more."""
        return next(rule for rule in self.rules if holds((rule.from_months, rule.to_months), held))


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyPiece:
    """Dates [start, stop) held at one rate, and their exact interest.

    parts: the exact interest cut as the terms' rounding settles it.
    """

    start: date
    stop: date
    annual_rate_e8: int
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyWithdrawal:
    """What ending a placement early comes to.

    earned_satang:    interest of the days held, by the rule.
    paid_satang:      interest that was paid out before.
    payout_satang:    principal and what is owed of the interest, or less what is clawed back.
    """

    rule: EarlyRule
    held_months: int
    pieces: tuple[EarlyPiece, ...]
    earned_satang: int
    paid_satang: int
    payout_satang: int

    @property
    def owed_satang(self) -> int:
        """Interest still to be paid, 0 or more."""
        return max(self.earned_satang - self.paid_satang, 0)

    @property
    def claw_back_satang(self) -> int:
        """Interest paid too much and taken from the principal, 0 or more."""
        return max(self.paid_satang - self.earned_satang, 0)


def withdraw_early(
    terms: PlacementTerms,
    rules: EarlyRules,
    *,
    closed_on: date,
    rates: Mapping[RateSource, Dated[int]],
    paid_satang: int = 0,
) -> EarlyWithdrawal:
    """End a placement on `closed_on`, which bears no interest itself.

    rates:       the rate of each source that the rules may name, by date; the contract's own is
                 taken from the terms.
    paid_satang: coupons paid so far, before tax.
    Raises `InvalidInput` when the date does not lie from the start to the day before maturity, when
    a source has no rate for a date held, when more was paid than the placement holds.
    """
    if not terms.start <= closed_on < terms.maturity:
        expected = f"{terms.start.isoformat()} or later, before {terms.maturity.isoformat()}"
        raise InvalidInput.one("closed_on", closed_on.isoformat(), expected)
    held = completed_months(terms.start, closed_on)
    rule = rules.for_months(held)
    pieces = tuple(
        EarlyPiece(
            start=start,
            stop=stop,
            annual_rate_e8=rule.rate_e8(rate),
            parts=tuple(interest_parts(terms, rule.rate_e8(rate), start, stop)),
        )
        for start, stop, rate in _rates_of(terms, rule.source, rates).pieces(terms.start, closed_on)
    )
    earned = terms.rounding.settle_parts(part for piece in pieces for part in piece.parts)
    payout = terms.principal_satang + earned - paid_satang
    if payout < 0:
        expected = f"at most {terms.principal_satang + earned}, principal and interest earned"
        raise InvalidInput.one("interest paid", paid_satang, expected)
    return EarlyWithdrawal(
        rule=rule,
        held_months=held,
        pieces=pieces,
        earned_satang=earned,
        paid_satang=paid_satang,
        payout_satang=payout,
    )


def _rates_of(
    terms: PlacementTerms, source: RateSource, rates: Mapping[RateSource, Dated[int]]
) -> Dated[int]:
    own = {RateSource.NOTHING: 0, RateSource.CONTRACT: terms.annual_rate_e8}
    if source in own:
        return Dated.of_changes(source.value, terms.start, own[source], {})
    if source not in rates:
        raise InvalidInput.one(
            "early rates", f"no rate of {source.value}", "the rate that the rule names"
        )
    return rates[source]


def _problems(rules: tuple[EarlyRule, ...]) -> Iterator[Problem]:
    yield from misfits(_RULES, [(rule.from_months, rule.to_months) for rule in rules])
    if rules and rules[0].from_months != 0:
        yield _problem(0, "from_months", rules[0].from_months, "0: the first rule begins there")
    if rules and rules[-1].to_months is not None:
        got = rules[-1].to_months
        yield _problem(len(rules) - 1, "to_months", got, "no end: the last rule holds all above")
    for at, rule in enumerate(rules):
        if not 0 <= rule.part_percent <= 100:
            yield _problem(at, "part_percent", rule.part_percent, "0 to 100")
        if rule.penalty_e8 < 0:
            yield _problem(at, "penalty_e8", rule.penalty_e8, "0 or more")


def _problem(at: int, field: str, got: int, expected: str) -> Problem:
    return Problem(where=f"early rules[{at}].{field}", got=str(got), expected=expected)
