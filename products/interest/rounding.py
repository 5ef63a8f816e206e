"""When interest becomes money, and how: mode, step and stage are data of a product.

Mode is how a fraction is settled, step the smallest coin that an amount may be made of (a satang,
25 satang, a baht), stage how much is added up before it is settled. The Facility's own rule is
half-up to a satang, once a posting: the sum of many dates is exact until somebody is paid.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from ledger.errors import InvalidInput
from ledger.money import Rounding, Satang, round_ratio
from products.interest.day_counts import EXACT_DENOMINATOR


class Stage(enum.Enum):
    """How much interest is added up, exact, before it is settled."""

    DAY = "day"  # each date by itself
    STRETCH = "stretch"  # each run of dates of one balance and one rate
    POSTING = "posting"  # all that one posting pays: the default


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingRule:
    """How interest is settled. `step_satang` is 1, 5, 25, 50, 100 ...: amounts are multiples of it.

    Raises `InvalidInput` for a step below one satang.
    """

    mode: Rounding = Rounding.HALF_UP
    step_satang: int = 1
    stage: Stage = Stage.POSTING

    def __post_init__(self) -> None:
        if self.step_satang < 1:
            raise InvalidInput.one("step_satang", self.step_satang, "a step of 1 satang or more")

    def settle(self, numerator: int, denominator: int = EXACT_DENOMINATOR) -> Satang:
        """The multiple of the step nearest to numerator / denominator satang, by the mode."""
        step = self.step_satang
        return Satang(round_ratio(numerator, denominator * step, self.mode) * step)

    def settle_parts(self, exact: Iterable[int]) -> Satang:
        """Exact parts as one amount: each settled by itself, or their sum when posted as one.

        The parts are what the stage names: dates for DAY, stretches for STRETCH; for POSTING any.
        """
        if self.stage is Stage.POSTING:
            return self.settle(sum(exact))
        return Satang(sum(self.settle(part) for part in exact))


HALF_UP_TO_A_SATANG = RoundingRule()
"""The Facility's own rule, unless a product states another."""
