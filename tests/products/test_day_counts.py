"""What a date weighs under each day count, night by night and over whole spans."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from products.interest.day_counts import DAYS_MULTIPLE, EXACT_DENOMINATOR, DayCount
from tests.products.night_by_night import nights, part_of_year, thirty_days

THIRTY = DayCount.THIRTY_360
some_dates = st.dates(date(2019, 1, 1), date(2033, 12, 31))


def test_one_unit_of_exact_interest_divides_by_every_length_of_year() -> None:
    assert all(DAYS_MULTIPLE % year == 0 for year in (360, 365, 366))
    assert EXACT_DENOMINATOR == DAYS_MULTIPLE * 10**8


@given(start=some_dates, length=st.integers(0, 800), day_count=st.sampled_from(DayCount))
def test_a_span_weighs_what_its_nights_weigh_together(
    start: date, length: int, day_count: DayCount
) -> None:
    stop = start + timedelta(length)
    by_night = sum((part_of_year(night, day_count) for night in nights(start, stop)), Fraction(0))
    assert Fraction(day_count.span_units(start, stop), DAYS_MULTIPLE) == by_night
    units = sum(day_count.day_units(night) for night in nights(start, stop))
    assert units == day_count.span_units(start, stop)


@given(start=some_dates, length=st.integers(0, 800))
def test_months_of_thirty_days_add_up_to_the_published_count(start: date, length: int) -> None:
    stop = start + timedelta(length)
    assert THIRTY.counted_days(start, stop) == thirty_days(start, stop)


@pytest.mark.parametrize(
    ("start", "stop", "days"),
    [
        ("2023-01-31", "2023-02-28", 28),
        ("2023-02-28", "2023-03-31", 32),
        ("2024-02-29", "2024-03-31", 31),
        ("2023-01-30", "2023-01-31", 0),
        ("2023-01-31", "2023-02-01", 1),
        ("2023-02-28", "2023-03-01", 3),
        ("2024-02-28", "2024-02-29", 1),
        ("2024-02-29", "2024-03-01", 2),
        ("2023-01-15", "2024-01-15", 360),
        ("2023-12-31", "2024-12-31", 360),
    ],
)
def test_thirty_day_months_at_their_ends(start: str, stop: str, days: int) -> None:
    assert THIRTY.counted_days(date.fromisoformat(start), date.fromisoformat(stop)) == days


def test_a_calendar_year_is_cut_at_the_first_of_january() -> None:
    calendar = DayCount.ACT_ACT_CALYEAR
    eve, new_year = date(2023, 12, 31), date(2024, 1, 1)
    assert calendar.day_units(eve) == DAYS_MULTIPLE // 365
    assert calendar.day_units(new_year) == DAYS_MULTIPLE // 366
    assert calendar.span_units(date(2023, 1, 1), date(2025, 1, 1)) == 2 * DAYS_MULTIPLE


def test_a_leap_day_counts_by_365_unless_the_year_is_the_real_one() -> None:
    year = (date(2024, 1, 1), date(2025, 1, 1))
    assert DayCount.ACT_365F.span_units(*year) * 365 == 366 * DAYS_MULTIPLE
    assert DayCount.ACT_360.span_units(*year) * 360 == 366 * DAYS_MULTIPLE
    assert DayCount.ACT_ACT_CALYEAR.span_units(*year) == THIRTY.span_units(*year) == DAYS_MULTIPLE


def test_the_days_of_a_year_are_those_of_the_date_s_own_year() -> None:
    in_leap_year = date(2024, 6, 1)
    counts = {day_count: day_count.year_days(in_leap_year) for day_count in DayCount}
    assert counts == {
        DayCount.ACT_365F: 365,
        DayCount.ACT_ACT_CALYEAR: 366,
        DayCount.ACT_360: 360,
        DayCount.THIRTY_360: 360,
    }
