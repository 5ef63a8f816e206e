"""When instalments fall due: an anchor day, an interval, and what happens on a holiday. Pure.

A due date is found from the anchor, never from the due date before it, so that an anchor of 31 goes
31 January, 28 February, 31 March, and a month end stays one. A holiday moves the day on which the
instalment is paid; whether interest runs to the moved day or to the nominal one is a term of its
own. A first period shorter or longer than the interval is chosen by name, never by accident.
"""

from __future__ import annotations

import calendar
import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice

from ledger.errors import InvalidInput

SATURDAY_AND_SUNDAY = frozenset({5, 6})
"""Days without banking in every week, as `date.weekday()` counts them."""

_CLOSED_DAYS_MAX = 60
"""Longer than any run of holidays; a calendar that says otherwise is wrong."""


class Unit(enum.Enum):
    """What an interval is counted in."""

    MONTHS = "MONTHS"
    WEEKS = "WEEKS"
    DAYS = "DAYS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From one due date to the next: `count` units, e.g. 3 MONTHS. `InvalidInput` below 1."""

    count: int = 1
    unit: Unit = Unit.MONTHS

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InvalidInput.one("interval", self.count, "1 or more months, weeks or days")


MONTHLY = Interval()


class OnHoliday(enum.Enum):
    """Where a due date goes that is no banking day."""

    KEEP = "KEEP"
    NEXT = "NEXT"  # the next banking day
    PREVIOUS = "PREVIOUS"  # the one before
    NEXT_IN_MONTH = "NEXT_IN_MONTH"  # the next, unless in another month: then the one before


class FirstPeriod(enum.Enum):
    """The first due date of a loan that is not drawn on its anchor day."""

    SHORT = "SHORT"  # the next anchor day after the drawdown
    LONG = "LONG"  # the anchor day one interval after that


class InterestDue(enum.Enum):
    """What becomes of the interest of a period."""

    COLLECTED = "COLLECTED"  # due with the period, and with it all that was deferred before
    DEFERRED = "DEFERRED"  # earned, without interest on it, and due with the next that collects
    FREE = "FREE"  # not earned at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Which days are banking days: all but some weekdays and the holidays, e.g. of one year."""

    holidays: frozenset[date] = frozenset()
    closed_weekdays: frozenset[int] = SATURDAY_AND_SUNDAY

    def is_banking_day(self, day: date) -> bool:
        """True when money can be paid on `day`."""
        return day.weekday() not in self.closed_weekdays and day not in self.holidays


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePeriod:
    """One period of a schedule. Interest runs over [start_date, end_date); `due_date` is payday.

    end_date:         the due date, unless a holiday moved that and interest stays behind.
    weight:           the period's share of the principal against the others'; 0 = none falls due.
                      In equal instalments every weight is 0 (no principal) or 1 (a level payment).
    interest:         what becomes of the period's interest.
    principal_satang: a stated principal, outside the sharing: a down payment; weight is then 0.
    interval_days:    real days of the regular interval, where the period is shorter or longer than
                      one: what a measure that counts whole periods shares out. None = it is one.
    """

    start_date: date
    end_date: date
    due_date: date
    weight: int = 1
    interest: InterestDue = InterestDue.COLLECTED
    principal_satang: int | None = None
    interval_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRule:
    """How due dates go on from the first one.

    first_due_date:   the nominal first due date, before any holiday rule.
    anchor_day:       1 to 31, for MONTHS only: the day of the month, or the month's last day where
                      the month is shorter; 31 is every month's end. None = that of the first date.
    calendar:         needed when `on_holiday` moves anything.
    interest_follows: a moved due date moves the end of the interest period with it.
    """

    first_due_date: date
    interval: Interval = MONTHLY
    anchor_day: int | None = None
    on_holiday: OnHoliday = OnHoliday.KEEP
    calendar: Calendar = Calendar()
    interest_follows: bool = True

    def __post_init__(self) -> None:
        anchor = self.anchor_day
        if anchor is None:
            return
        _check_anchor(anchor, self.interval)
        if self.first_due_date.day != _clamped(self.first_due_date, anchor).day:
            expected = f"a date on the anchor day {anchor}"
            raise InvalidInput.one("first_due_date", self.first_due_date.isoformat(), expected)

    def nominal(self, at: int) -> date:
        """The due date number `at`, counted from 0, before any holiday rule."""
        first, count = self.first_due_date, self.interval.count * at
        if self.interval.unit is Unit.MONTHS:
            return add_months(first, count, self.anchor_day)
        days = 7 if self.interval.unit is Unit.WEEKS else 1
        return first + timedelta(days=days * count)

    def payday(self, nominal: date) -> date:
        """The day on which the instalment of a nominal due date is paid, by the holiday rule."""
        is_banking_day = self.calendar.is_banking_day
        if self.on_holiday is OnHoliday.KEEP or is_banking_day(nominal):
            return nominal
        if self.on_holiday is OnHoliday.PREVIOUS:
            return _banking_day(nominal, -1, is_banking_day)
        after = _banking_day(nominal, 1, is_banking_day)
        if self.on_holiday is OnHoliday.NEXT_IN_MONTH and after.month != nominal.month:
            return _banking_day(nominal, -1, is_banking_day)
        return after

    def periods_from(self, start_date: date, after: date | None = None) -> Iterator[DuePeriod]:
        """Periods without end, each joining the one before it.

        start_date: where interest of the first of them begins.
        after:      due dates up to this one are left out, nominal or moved.
        """
        at = 0
        while after is not None and min(self.nominal(at), self.payday(self.nominal(at))) <= after:
            at += 1
        while True:
            nominal = self.nominal(at)
            due = self.payday(nominal)
            end = due if self.interest_follows else nominal
            yield DuePeriod(start_date=start_date, end_date=end, due_date=due)
            start_date, at = end, at + 1


def due_periods(start_date: date, rule: DueRule, count: int) -> tuple[DuePeriod, ...]:
    """`count` periods from the day the loan is drawn; the first may be short or long.

    Raises `InvalidInput` for a count below 1, and when the first due date is not after the start.
    """
    if count < 1:
        raise InvalidInput.one("number of instalments", count, "1 or more")
    if rule.first_due_date <= start_date:
        expected = f"a date after the drawdown of {start_date.isoformat()}"
        raise InvalidInput.one("first_due_date", rule.first_due_date.isoformat(), expected)
    first, *others = islice(rule.periods_from(start_date), count)
    regular_start = rule.nominal(-1)
    if start_date != regular_start:
        first = replace(first, interval_days=(rule.first_due_date - regular_start).days)
    return first, *others


def first_due_date(
    start_date: date, anchor_day: int, interval: Interval, first: FirstPeriod
) -> date:
    """The first due date by anchor day of a loan drawn on `start_date`; months only.

    Drawn on the anchor day, the first period is a whole interval whatever `first` says. Otherwise
    SHORT ends it within the first month after the drawdown and LONG one interval later.
    """
    _check_anchor(anchor_day, interval)
    here = _clamped(start_date, anchor_day)
    if here == start_date:
        return add_months(start_date, interval.count, anchor_day)
    next_anchor = here if here > start_date else add_months(start_date, 1, anchor_day)
    if first is FirstPeriod.SHORT:
        return next_anchor
    return add_months(next_anchor, interval.count, anchor_day)


def add_months(day: date, months: int, anchor_day: int | None = None) -> date:
    """`day` moved by months, to `anchor_day` (its own day when None) or the month's last day."""
    whole = day.year * 12 + day.month - 1 + months
    return _clamped(date(whole // 12, whole % 12 + 1, 1), anchor_day or day.day)


def _check_anchor(anchor_day: int, interval: Interval) -> None:
    if interval.unit is not Unit.MONTHS or not 1 <= anchor_day <= 31:
        got = f"{anchor_day} with {interval.unit.value}"
        raise InvalidInput.one("anchor_day", got, "a day 1 to 31, where the interval is in MONTHS")


def _clamped(day: date, anchor_day: int) -> date:
    return day.replace(day=min(anchor_day, calendar.monthrange(day.year, day.month)[1]))


def _banking_day(day: date, step: int, is_banking_day: Callable[[date], bool]) -> date:
    for _ in range(_CLOSED_DAYS_MAX):
        day += timedelta(days=step)
        if is_banking_day(day):
            return day
    expected = f"a banking day within {_CLOSED_DAYS_MAX} days of {day.isoformat()}"
    raise InvalidInput.one("calendar", "none", expected)
