"""What part of a year a span is, under every convention, against counting by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from products.interest.day_counts import DayCount
from products.schedules.conventions import FACILITY, Convention, Measure, SourceDayCount
from products.schedules.due_dates import MONTHLY, DuePeriod, Interval, Unit
from products.schedules.level import level_payment
from products.schedules.measure import days_fraction, interval_fraction, year_fraction
from tests.products.schedules.day_by_day import left_after

REAL, EQUAL, OF_30 = Measure
NEW_YEAR_2024 = (date(2023, 12, 12), date(2024, 1, 12))
FEBRUARY = DuePeriod(
    start_date=date(2026, 1, 31), end_date=date(2026, 2, 28), due_date=date(2026, 2, 28)
)


@pytest.mark.parametrize(
    ("day_count", "expected"),
    [
        (DayCount.ACT_365F, Fraction(31, 365)),
        (DayCount.ACT_360, Fraction(31, 360)),
        (DayCount.THIRTY_360, Fraction(30, 360)),
        (SourceDayCount.ACT_364, Fraction(31, 364)),
        (DayCount.ACT_ACT_CALYEAR, Fraction(20, 365) + Fraction(11, 366)),
        (SourceDayCount.ACT_ACT_31_DECEMBER, Fraction(19, 365) + Fraction(12, 366)),
    ],
)
def test_a_month_over_a_new_year_by_each_day_count(
    day_count: DayCount | SourceDayCount, expected: Fraction
) -> None:
    assert days_fraction(day_count, *NEW_YEAR_2024) == expected


@pytest.mark.parametrize("day_count", [*DayCount, *SourceDayCount])
@given(st.dates(date(2019, 1, 1), date(2029, 1, 1)), st.integers(0, 400), st.integers(0, 400))
def test_a_span_cut_anywhere_is_worth_the_same(
    day_count: DayCount | SourceDayCount, start: date, one: int, two: int
) -> None:
    middle, stop = start + timedelta(one), start + timedelta(one + two)
    parts = days_fraction(day_count, start, middle) + days_fraction(day_count, middle, stop)
    assert parts == days_fraction(day_count, start, stop)


@pytest.mark.parametrize(
    ("interval", "equal", "of_30"),
    [
        (MONTHLY, Fraction(1, 12), Fraction(30, 365)),
        (Interval(count=3), Fraction(1, 4), Fraction(90, 365)),
        (Interval(count=2, unit=Unit.WEEKS), Fraction(1, 26), Fraction(14, 365)),
        (Interval(count=15, unit=Unit.DAYS), Fraction(15, 365), Fraction(15, 365)),
    ],
)
def test_an_interval_counted_whole(interval: Interval, equal: Fraction, of_30: Fraction) -> None:
    assert interval_fraction(EQUAL, FACILITY, interval) == equal
    assert interval_fraction(OF_30, FACILITY, interval) == of_30


def test_real_days_count_no_interval_whole() -> None:
    with pytest.raises(InvalidInput, match="REAL_DAYS with ACT_365F"):
        interval_fraction(REAL, FACILITY, MONTHLY)


def test_a_part_of_a_whole_period_is_its_share_of_the_periods_days() -> None:
    way = Convention(interest_measure=EQUAL, level_measure=EQUAL)
    start, stop = date(2026, 1, 31), date(2026, 2, 7)
    assert year_fraction(way, MONTHLY, FEBRUARY, start, stop) == Fraction(1, 12) * Fraction(7, 28)
    assert year_fraction(way, MONTHLY, FEBRUARY, start, date(2026, 2, 28)) == Fraction(1, 12)


def test_a_long_first_period_is_worth_more_than_an_interval_by_its_days() -> None:
    way = Convention(interest_measure=EQUAL, level_measure=EQUAL)
    long = replace(FEBRUARY, start_date=date(2026, 1, 14), interval_days=28)
    whole = year_fraction(way, MONTHLY, long, date(2026, 1, 14), date(2026, 2, 28))
    assert whole == Fraction(1, 12) * Fraction(45, 28)


@given(
    st.integers(1, 10**9),
    st.lists(st.fractions(1, Fraction(6, 5), max_denominator=10**6), max_size=30),
    st.integers(0, 10**8),
)
def test_paying_the_level_payment_leaves_exactly_what_was_to_be_left(
    owed: int, growths: list[Fraction], left: int
) -> None:
    payment = level_payment(Fraction(owed), growths, left)
    debt = Fraction(owed)
    for growth in growths:
        debt = (debt - payment) * growth
    assert debt - payment == left


def test_the_level_payment_at_no_interest_is_an_equal_share() -> None:
    assert level_payment(Fraction(1000), [Fraction(1)] * 3) == 250
    assert left_after(Fraction(1000), [Fraction(1)] * 3, 250) == 0
    assert level_payment(Fraction(1000), []) == 1000
