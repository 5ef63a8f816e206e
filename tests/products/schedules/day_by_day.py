"""An independent clerk: lives a schedule night by night, with nothing but the terms in his hand.

He shares no function with `products.schedules`: he counts nights one at a time, each with its own
part of a year, and adds the interest up as fractions. What he is told are the terms and what each
row says was repaid; what he finds wrong with the rows comes back as sentences. A level payment he
checks by paying it: with it nothing is left at the end, with one step less something is.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction

from products.interest.day_counts import DayCount
from products.interest.rounding import Stage
from products.schedules.conventions import Convention, Measure, SourceDayCount
from products.schedules.due_dates import DuePeriod, InterestDue, Unit
from products.schedules.values import InterestMethod, LoanTerms, Row, Schedule
from tests.products.schedules.settling import settled

NIGHT = timedelta(days=1)


def wrong_with(schedule: Schedule) -> list[str]:
    """Everything about the rows that the clerk finds otherwise; empty for a sound schedule."""
    return [*_balances(schedule), *_interest(schedule), *_collected(schedule)]


def _balances(schedule: Schedule) -> Iterator[str]:
    """Principal: what was paid out is repaid, in order, and never more than is there."""
    rows, terms = schedule.rows, schedule.terms
    before = sum(p.amount_satang for p in terms.disbursements if p.on <= rows[0].period.start_date)
    for number, row in enumerate(rows, start=1):
        if row.n != number or row.opening_satang != before:
            yield f"row {number}: opening {row.opening_satang}, the one before left {before}"
        back = row.principal_satang + row.prepaid_satang
        left = row.opening_satang + row.disbursed_satang - back
        if left != row.closing_satang or min(left, row.principal_satang, row.prepaid_satang) < 0:
            yield f"row {number}: closing {row.closing_satang}, counted {left}"
        before = row.closing_satang
    if before:
        yield f"{before} is never repaid"
    if schedule.principal_satang != sum(paid.amount_satang for paid in terms.disbursements):
        yield f"{schedule.principal_satang} repaid of what was paid out"


def _interest(schedule: Schedule) -> Iterator[str]:
    """Interest: each period's nights, one by one."""
    for row in schedule.rows:
        exact = {part: Fraction(0) for part in row.sub_periods}
        total = Fraction(0)
        for night in _nights(row.period):
            earned = _night(schedule, row.period, night)
            total += earned
            for part in exact:
                if part.start_date <= night < part.stop_date:
                    exact[part] += earned
        if total != row.exact_satang:
            yield f"row {row.n}: exact interest {row.exact_satang}, the nights earn {total}"
        rule = schedule.terms.convention.rounding
        whole = (
            sum(settled(earned, rule.mode, rule.step_satang) for earned in exact.values())
            if rule.stage is Stage.STRETCH
            else settled(total, rule.mode, rule.step_satang)
        )
        if whole != row.earned_satang:
            yield f"row {row.n}: interest {row.earned_satang}, settled by hand {whole}"
        for part, earned in exact.items():
            if earned != part.exact_satang:
                yield f"row {row.n}, {part.start_date}: {part.exact_satang}, nights {earned}"


def _collected(schedule: Schedule) -> Iterator[str]:
    """Nothing that was earned is lost, and nothing is asked for that was not earned."""
    waiting = 0
    for row in schedule.rows:
        waiting += row.earned_satang
        if row.period.interest is InterestDue.COLLECTED:
            due, waiting = waiting, 0
        else:
            due = 0
        if (row.interest_satang, row.deferred_satang) != (due, waiting):
            yield f"row {row.n}: interest due {row.interest_satang}, by hand {due}"
    if waiting:
        yield f"interest of {waiting} is never collected"


def _nights(period: DuePeriod) -> Iterator[date]:
    night = period.start_date
    while night < period.end_date:
        yield night
        night += NIGHT


def _night(schedule: Schedule, period: DuePeriod, night: date) -> Fraction:
    """What one night earns, in satang."""
    terms = schedule.terms
    if period.interest is InterestDue.FREE:
        return Fraction(0)
    bearing = sum(p.amount_satang for p in terms.disbursements if p.on <= night)
    if terms.interest_method is InterestMethod.DECLINING_BALANCE:
        bearing -= sum(r.principal_satang for r in schedule.rows if _repaid(r, night))
        bearing -= sum(p.amount_satang for p in terms.prepayments if p.on <= night)
    rate = Fraction(_rate(terms, night), 10**8)
    return bearing * rate * night_of_a_year(terms, period, night)


def _repaid(row: Row, night: date) -> bool:
    return row.period.end_date <= night


def _rate(terms: LoanTerms, night: date) -> int:
    """The rate of a night, looked up from the last change backwards."""
    day = night + NIGHT if terms.convention.rate_from_night_before else night
    found = terms.annual_rates.rows[0].value
    for row in terms.annual_rates.rows:
        if row.from_date <= day:
            found = row.value
    return found


def night_of_a_year(terms: LoanTerms, period: DuePeriod, night: date) -> Fraction:
    """The part of a year that one night is."""
    way = terms.convention
    if way.interest_measure is Measure.REAL_DAYS:
        return _real_night(way, night)
    nights = period.interval_days or sum(1 for _ in _nights(period))
    return _whole_interval(terms) / nights


def _real_night(way: Convention, night: date) -> Fraction:
    match way.day_count:
        case DayCount.ACT_365F:
            return Fraction(1, 365)
        case DayCount.ACT_360:
            return Fraction(1, 360)
        case SourceDayCount.ACT_364:
            return Fraction(1, 364)
        case DayCount.ACT_ACT_CALYEAR:
            return Fraction(1, 366 if isleap(night.year) else 365)
        case SourceDayCount.ACT_ACT_31_DECEMBER:
            return Fraction(1, 366 if isleap((night + NIGHT).year) else 365)
        case DayCount.THIRTY_360:
            return Fraction(_thirty_steps(night), 360)


def _thirty_steps(night: date) -> int:
    """Steps from a date to the next where every month has a 30th and no 31st (30E/360)."""
    if night.day == 30 and (night + NIGHT).day == 31:
        return 0
    if (night + NIGHT).day == 1 and night.day < 30:
        return 31 - night.day
    return 1


def _whole_interval(terms: LoanTerms) -> Fraction:
    way, interval = terms.convention, terms.interval
    year = {DayCount.ACT_365F: 365, SourceDayCount.ACT_364: 364}.get(way.day_count, 360)
    if way.interest_measure is Measure.EQUAL_PERIODS and interval.unit is not Unit.DAYS:
        return Fraction(interval.count, 12 if interval.unit is Unit.MONTHS else 52)
    days = {Unit.MONTHS: 30, Unit.WEEKS: 7, Unit.DAYS: 1}[interval.unit]
    return Fraction(interval.count * days, year)


def left_after(owed: Fraction, growths: list[Fraction], payment: int) -> Fraction:
    """What is owed after paying `payment` at each due; `growths` lie between the payments."""
    for growth in [*growths, Fraction(1)]:
        owed = (owed - payment) * growth
    return owed
