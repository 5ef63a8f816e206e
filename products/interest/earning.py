"""What one balance earns, or pays, over a date or a run of dates: one exact function. Pure.

Above zero a balance earns by the slabs in force, nothing while it is below the minimum; below zero
it pays the overdraft's rate on what lies within the limit and the over-limit rate on the rest.
What is earned and what is paid are two amounts and are never netted here: they are different
income, expense and tax. Both are whole numbers of 1/EXACT_DENOMINATOR satang, a product of satang,
rate and parts of the year, so that a set of rows gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.errors import InvalidInput
from pricing.slabs import Slabs


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdraft:
    """What a balance below zero pays a year.

    limit_satang:       how far below zero `annual_rate_e8` reaches; None = all the way.
    over_limit_rate_e8: for what lies beyond; never less than the rate within the limit.
    Raises `InvalidInput` for a limit or a rate below zero, a limit without the rate beyond it.
    """

    annual_rate_e8: int
    limit_satang: int | None = None
    over_limit_rate_e8: int | None = None

    def __post_init__(self) -> None:
        if self.annual_rate_e8 < 0:
            raise InvalidInput.one("overdraft rate", self.annual_rate_e8, "a rate of 0 or more")
        if (self.limit_satang is None) != (self.over_limit_rate_e8 is None):
            got = f"{self.limit_satang}, {self.over_limit_rate_e8}"
            raise InvalidInput.one("limit and over-limit rate", got, "both of them or neither")
        if self.limit_satang is not None and self.limit_satang < 0:
            raise InvalidInput.one("overdraft limit", self.limit_satang, "a limit of 0 or more")
        if self.over_limit_rate_e8 is not None and self.over_limit_rate_e8 < self.annual_rate_e8:
            expected = f"at least the rate within the limit, {self.annual_rate_e8}"
            raise InvalidInput.one("over-limit rate", self.over_limit_rate_e8, expected)

    def weighted_e8(self, used_satang: int) -> int:
        """Sum of used amount x rate, in satang x 10^-8 of a year, for what is used, 0 or more."""
        if self.limit_satang is None or self.over_limit_rate_e8 is None:
            return used_satang * self.annual_rate_e8
        within = min(used_satang, self.limit_satang)
        return within * self.annual_rate_e8 + (used_satang - within) * self.over_limit_rate_e8


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a date pays and charges.

    slabs:          rates by balance, for a balance above zero.
    minimum_satang: a balance below it earns nothing that date.
    overdraft:      for a balance below zero; None = it costs nothing.
    """

    slabs: Slabs
    minimum_satang: int = 0
    overdraft: Overdraft | None = None

    @classmethod
    def flat(cls, annual_rate_e8: int) -> Conditions:
        """One rate for every balance above zero, nothing below."""
        return cls(slabs=Slabs.flat(annual_rate_e8))

    def rate_reached_e8(self, balance_satang: int) -> int:
        """The rate that the balance reaches: the overdraft's below zero, else its slab's."""
        if balance_satang >= 0:
            return self.slabs.reached(balance_satang).annual_rate_e8
        return self.overdraft.annual_rate_e8 if self.overdraft is not None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """Interest in 1/EXACT_DENOMINATOR satang: earned by the holder, paid by it. Neither below 0."""

    credit_exact: int = 0
    debit_exact: int = 0


def interest_of(balance_satang: int, conditions: Conditions, units: int) -> Earned:
    """Interest of a steady balance over dates that weigh `units` (`DayCount.day_units`)."""
    if balance_satang < 0:
        if conditions.overdraft is None:
            return Earned()
        return Earned(debit_exact=conditions.overdraft.weighted_e8(-balance_satang) * units)
    if balance_satang < conditions.minimum_satang:
        return Earned()
    return Earned(credit_exact=conditions.slabs.weighted_e8(balance_satang) * units)
