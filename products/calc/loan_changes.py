"""What happens to a loan of a case in mid-life: reschedules and payment holidays, by date.

Each is a change of `products.schedules.changes`, applied in the order of the dates to the schedule
that was agreed; rows that had ended by then stay to the satang. The new periods of a reschedule
join the last one that stays, so that they are made only when that is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from products.calc.answers import day_text
from products.calc.due_inputs import (
    DueInputs,
    read_dues,
    read_interval,
    within_a_hundred_years,
)
from products.calc.fields import PERIODS_MAX, Fields
from products.calc.sharing import GraceInputs, read_grace
from products.schedules.changes import Change, Holiday, Reschedule, changed
from products.schedules.due_dates import InterestDue, Interval, due_periods
from products.schedules.values import Schedule

CHANGES_MAX = 24
"""The most reschedules, or payment holidays, of one case: each walks the schedule anew."""
_BOUND = f"at most {PERIODS_MAX} instalments, due within a hundred years"
_END: Mapping[str, bool] = {"MOVES": True, "STAYS": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayInput:
    """A payment holiday as stated."""

    fields: Fields
    holiday: Holiday

    @property
    def on(self) -> date:
        """From when on it spares."""
        return self.holiday.from_date

    @property
    def line(self) -> str:
        """What it is, in words."""
        spared, end = self.holiday, "moves" if self.holiday.extends else "stays"
        return (
            f"payment holiday from {day_text(spared.from_date)}: {spared.count} without principal, "
            f"their interest {spared.interest.value}; the end {end}"
        )

    def change(self, schedule: Schedule) -> Change:
        """The change. Raises `InvalidInput` where the end cannot move, or not so far."""
        terms, holiday = schedule.terms, self.holiday
        if not holiday.extends:
            return holiday
        if terms.due_rule is None:
            raise self.fields.wrong("end", "STAYS, as nothing says how the due_dates go on")
        count = len(terms.periods) + holiday.count
        if count > PERIODS_MAX or not within_a_hundred_years(count, terms.interval):
            raise self.fields.wrong("count", _BOUND)
        return holiday


@dataclass(frozen=True, slots=True, kw_only=True)
class RescheduleInput:
    """New periods for what is not due by a date, as stated."""

    fields: Fields
    on: date
    count: int
    interval: Interval
    dues: DueInputs
    grace: GraceInputs
    fixed_instalment: int | None
    balloon: int

    @property
    def line(self) -> str:
        """What it is, in words."""
        return (
            f"rescheduled on {day_text(self.on)}: {self.count} instalments every "
            f"{self.interval.count} {self.interval.unit.value}, solved anew"
        )

    def change(self, schedule: Schedule) -> Change:
        """The change, its periods joining the last one that had ended by its date."""
        if not within_a_hundred_years(self.count, self.interval):
            raise self.fields.wrong("number_of_repayments", _BOUND)
        periods = schedule.terms.periods
        ended = [period for period in periods if period.end_date <= self.on]
        starts = ended[-1].end_date if ended else periods[0].start_date
        rule = self.dues.rule(starts, self.interval)
        return Reschedule(
            on=self.on,
            periods=self.grace.spare(due_periods(starts, rule, self.count)),
            fixed_instalment_satang=self.fixed_instalment,
            balloon_satang=self.balloon,
            due_rule=rule,
        )


ChangeInput = HolidayInput | RescheduleInput


def read_changes(fields: Fields) -> tuple[ChangeInput, ...]:
    """`payment_holidays` and `reschedules`."""
    holidays = [_holiday(row) for row in fields.rows("payment_holidays", most=CHANGES_MAX)]
    reschedules = [_reschedule(row) for row in fields.rows("reschedules", most=CHANGES_MAX)]
    return *holidays, *reschedules


def lived(schedule: Schedule, changes: Sequence[ChangeInput]) -> tuple[Schedule, tuple[str, ...]]:
    """The schedule after the changes, and what they were in words.

    Raises `InvalidInput` for two on one date, and as the changes do.
    """
    ordered = sorted(changes, key=_date)
    for one, two in pairwise(ordered):
        if one.on == two.on:
            name = "from_date" if isinstance(two, HolidayInput) else "date"
            raise two.fields.wrong(name, "a date without another change")
    for each in ordered:
        schedule = changed(schedule, each.change(schedule))
    return schedule, tuple(each.line for each in ordered)


def _holiday(row: Fields) -> HolidayInput:
    return HolidayInput(
        fields=row,
        holiday=Holiday(
            from_date=row.day("from_date"),
            count=row.whole("count"),
            interest=row.choice("interest", InterestDue.__members__, InterestDue.COLLECTED),
            extends=row.choice("end", _END, True),
        ),
    )


def _reschedule(row: Fields) -> RescheduleInput:
    return RescheduleInput(
        fields=row,
        on=row.day("date"),
        count=row.whole("number_of_repayments"),
        interval=read_interval(row),
        dues=read_dues(row),
        grace=read_grace(row),
        fixed_instalment=row.money("fixed_instalment", None),
        balloon=row.money("balloon_amount", 0),
    )


def _date(change: ChangeInput) -> date:
    return change.on
