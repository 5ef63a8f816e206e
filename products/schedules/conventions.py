"""How interest is measured and money rounded, as data: the Facility's own way and two others'.

A convention says what part of a year a period is, with which factors the level payment is solved,
and how each figure is settled. The Facility: interest by real days over 365, the level payment as
an exact annuity at one twelfth of the yearly rate, rounded up to the instalment's step, half-up to
a satang elsewhere, the last instalment taking the rest (domain notes 2.4, 2.6.6, 2.6.7). The two
engines of another core banking system are here because their published schedules are our vectors
(vectors/README.md, "Conventions of the sources").
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ledger.errors import InvalidInput
from ledger.money import Rounding
from products.interest.day_counts import DayCount
from products.interest.rounding import HALF_UP_TO_A_SATANG, RoundingRule, Stage


class Measure(enum.Enum):
    """What part of a year a period is, or a part of a period.

    A period that is counted whole is shared out over its days when it is cut: 14 of 29 days of a
    month are 14/29 of a twelfth.
    """

    REAL_DAYS = "REAL_DAYS"  # the days of the span, by the day count
    EQUAL_PERIODS = "EQUAL_PERIODS"  # months 1/12, weeks 1/52, days 1 over the year's days
    MONTHS_OF_30_DAYS = "MONTHS_OF_30_DAYS"  # 30 days a month, 7 a week, over the year's days


class SourceDayCount(enum.Enum):
    """Day counts of other systems; no product of ours has them, only their published schedules."""

    ACT_364 = "ACT_364"  # real days over 52 weeks
    ACT_ACT_31_DECEMBER = "ACT_ACT_31_DECEMBER"  # 31 December's night counts in the new year


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How a schedule is computed. The defaults are the Facility's.

    day_count:         days of the year, and of a span in REAL_DAYS.
    interest_measure:  what part of a year interest is earned for.
    level_measure:     the same for solving the level payment. When it equals `interest_measure`
                       the payment is solved with the very factors that each period will have, odd
                       first period and all; otherwise with one plain interval for each instalment.
    rounding:          every amount: mode, step (the currency's smallest amount in use), and stage:
                       POSTING = interest once a period, STRETCH = each sub-period by itself.
    level_mode, level_step_satang: how the level payment is settled.
    flat_parts_apart:  flat interest: principal and interest go to the step each by itself.
    smooths_last:      try a level payment that brings the last instalment nearer to the others.
    rate_from_night_before: a rate effective on D is first used for the night from D-1 to D;
                       otherwise for the night that begins on D, as the nightly accrual does.
    """

    day_count: DayCount | SourceDayCount = DayCount.ACT_365F
    interest_measure: Measure = Measure.REAL_DAYS
    level_measure: Measure = Measure.EQUAL_PERIODS
    rounding: RoundingRule = HALF_UP_TO_A_SATANG
    level_mode: Rounding = Rounding.UP
    level_step_satang: int = 1
    flat_parts_apart: bool = False
    smooths_last: bool = False
    rate_from_night_before: bool = False

    def __post_init__(self) -> None:
        if self.level_step_satang < 1:
            raise InvalidInput.one("level_step_satang", self.level_step_satang, "1 or more")
        if self.level_measure is Measure.REAL_DAYS and not self.solves_own_factors:
            expected = "REAL_DAYS only where interest_measure is REAL_DAYS too"
            raise InvalidInput.one("level_measure", self.level_measure.value, expected)
        if self.rounding.stage is Stage.DAY:
            expected = "POSTING (a period) or STRETCH (a sub-period)"
            raise InvalidInput.one("rounding.stage", self.rounding.stage.name, expected)

    @property
    def solves_own_factors(self) -> bool:
        """True when the level payment is solved with the factors of the interest itself."""
        return self.level_measure is self.interest_measure


_HALF_EVEN = RoundingRule(mode=Rounding.HALF_EVEN)

FACILITY = Convention()
"""The Facility's own; a product adds the step of its instalment, e.g. 10_000 (100 baht)."""

CUMULATIVE = Convention(
    level_measure=Measure.MONTHS_OF_30_DAYS,
    rounding=RoundingRule(mode=Rounding.HALF_EVEN, stage=Stage.STRETCH),
    level_mode=Rounding.HALF_EVEN,
    flat_parts_apart=True,
    rate_from_night_before=True,
)
"""The sources' engine "cumulative", interest by real days (conventions 1 and 4)."""

CUMULATIVE_BY_PERIOD = Convention(
    interest_measure=Measure.EQUAL_PERIODS,
    level_measure=Measure.EQUAL_PERIODS,
    rounding=CUMULATIVE.rounding,
    level_mode=Rounding.HALF_EVEN,
    flat_parts_apart=True,
    rate_from_night_before=True,
)
"""The same, interest the same as the repayment period: a twelfth of the rate a month."""

PROGRESSIVE = Convention(
    level_measure=Measure.REAL_DAYS,
    rounding=_HALF_EVEN,
    level_mode=Rounding.HALF_EVEN,
    smooths_last=True,
    rate_from_night_before=True,
)
"""The sources' engine "progressive", real days (conventions 2, 3 and 5)."""

PROGRESSIVE_30_360 = Convention(
    day_count=DayCount.THIRTY_360,
    interest_measure=Measure.MONTHS_OF_30_DAYS,
    level_measure=Measure.MONTHS_OF_30_DAYS,
    rounding=_HALF_EVEN,
    level_mode=Rounding.HALF_EVEN,
    smooths_last=True,
    rate_from_night_before=True,
)
"""The same with months of 30 days over 360."""
