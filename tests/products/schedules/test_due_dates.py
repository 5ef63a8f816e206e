"""Due dates: the anchor is kept, a short month never moves it, holidays move the day of payment."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from products.schedules.due_dates import (
    Calendar,
    DueRule,
    FirstPeriod,
    Interval,
    OnHoliday,
    Unit,
    add_months,
    due_periods,
    first_due_date,
)
from tests.products.schedules.loans import ends, monthly

JANUARY_31 = date(2028, 1, 31)
QUARTERLY = Interval(count=3)


def test_an_anchor_of_31_goes_to_the_29th_of_a_leap_february_and_back_to_the_31st() -> None:
    assert ends(due_periods(date(2027, 12, 31), monthly(JANUARY_31), 5)) == [
        "2028-01-31",
        "2028-02-29",
        "2028-03-31",
        "2028-04-30",
        "2028-05-31",
    ]


def test_an_anchor_of_30_is_no_month_end() -> None:
    rule = DueRule(first_due_date=date(2026, 1, 30), anchor_day=30)
    assert ends(due_periods(date(2025, 12, 30), rule, 3)) == [
        "2026-01-30",
        "2026-02-28",
        "2026-03-30",
    ]


def test_a_month_end_that_begins_in_a_short_month_stays_a_month_end() -> None:
    rule = DueRule(first_due_date=date(2026, 2, 28), anchor_day=31)
    assert ends(due_periods(date(2026, 1, 31), rule, 3)) == [
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
    ]


def test_without_an_anchor_the_day_of_the_first_due_date_is_one() -> None:
    rule = monthly(date(2026, 2, 28))
    assert ends(due_periods(date(2026, 1, 31), rule, 2))[1] == "2026-03-28"


def test_weeks_and_days_are_counted_from_the_first_due_date() -> None:
    weeks = DueRule(first_due_date=date(2026, 3, 6), interval=Interval(count=2, unit=Unit.WEEKS))
    days = DueRule(first_due_date=date(2026, 3, 6), interval=Interval(count=45, unit=Unit.DAYS))
    assert ends(due_periods(date(2026, 2, 20), weeks, 3))[-1] == "2026-04-03"
    assert ends(due_periods(date(2026, 2, 20), days, 3))[-1] == "2026-06-04"


def test_periods_join_each_other_from_the_day_of_drawing() -> None:
    periods = due_periods(date(2026, 1, 10), monthly(date(2026, 1, 31)), 4)
    assert periods[0].start_date == date(2026, 1, 10)
    assert [p.start_date for p in periods[1:]] == [p.end_date for p in periods[:-1]]


@pytest.mark.parametrize(
    ("first", "expected"),
    [(FirstPeriod.SHORT, date(2026, 1, 25)), (FirstPeriod.LONG, date(2026, 2, 25))],
)
def test_the_first_period_is_short_or_long_as_agreed(first: FirstPeriod, expected: date) -> None:
    assert first_due_date(date(2026, 1, 10), 25, Interval(), first) == expected


def test_drawn_after_the_anchor_day_the_short_first_period_ends_in_the_next_month() -> None:
    drawn = date(2026, 1, 28)
    assert first_due_date(drawn, 25, Interval(), FirstPeriod.SHORT) == date(2026, 2, 25)
    assert first_due_date(drawn, 25, QUARTERLY, FirstPeriod.SHORT) == date(2026, 2, 25)
    assert first_due_date(drawn, 25, QUARTERLY, FirstPeriod.LONG) == date(2026, 5, 25)


@pytest.mark.parametrize("first", FirstPeriod)
def test_drawn_on_the_anchor_day_the_first_period_is_a_whole_one(first: FirstPeriod) -> None:
    assert first_due_date(date(2026, 2, 28), 31, Interval(), first) == date(2026, 3, 31)


def test_a_first_period_that_is_no_whole_interval_knows_how_long_one_would_be() -> None:
    odd = due_periods(date(2026, 3, 10), monthly(date(2026, 4, 25)), 2)
    assert [period.interval_days for period in odd] == [31, None]
    whole = due_periods(date(2026, 3, 25), monthly(date(2026, 4, 25)), 2)
    assert [period.interval_days for period in whole] == [None, None]


SATURDAY = date(2026, 2, 28)
SONGKRAN = frozenset({date(2026, 4, 13), date(2026, 4, 14), date(2026, 4, 15)})


@pytest.mark.parametrize(
    ("way", "moved"),
    [
        (OnHoliday.KEEP, SATURDAY),
        (OnHoliday.NEXT, date(2026, 3, 2)),
        (OnHoliday.PREVIOUS, date(2026, 2, 27)),
        (OnHoliday.NEXT_IN_MONTH, date(2026, 2, 27)),
    ],
)
def test_a_due_date_on_a_saturday_at_the_end_of_a_month(way: OnHoliday, moved: date) -> None:
    rule = DueRule(first_due_date=SATURDAY, anchor_day=31, on_holiday=way)
    assert rule.payday(SATURDAY) == moved


def test_next_in_month_stays_in_the_month_when_a_banking_day_is_left() -> None:
    calendar = Calendar(holidays=SONGKRAN)
    rule = DueRule(
        first_due_date=date(2026, 4, 13), on_holiday=OnHoliday.NEXT_IN_MONTH, calendar=calendar
    )
    assert rule.payday(date(2026, 4, 13)) == date(2026, 4, 16)


def test_a_moved_due_date_takes_the_interest_with_it_or_leaves_it_behind() -> None:
    def second(*, follows: bool) -> tuple[date, date, date]:
        rule = DueRule(
            first_due_date=date(2026, 1, 31),
            anchor_day=31,
            on_holiday=OnHoliday.NEXT,
            interest_follows=follows,
        )
        period = due_periods(date(2025, 12, 31), rule, 3)[1]
        return period.start_date, period.end_date, period.due_date

    assert second(follows=True) == (date(2026, 2, 2), date(2026, 3, 2), date(2026, 3, 2))
    assert second(follows=False) == (date(2026, 1, 31), SATURDAY, date(2026, 3, 2))


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(1, 31),
    st.sampled_from(OnHoliday),
    st.frozensets(st.dates(date(2020, 1, 1), date(2030, 1, 1)), max_size=30),
)
def test_moving_a_due_date_never_moves_the_anchor(
    drawn: date, anchor: int, way: OnHoliday, holidays: frozenset[date]
) -> None:
    calendar = Calendar(holidays=holidays)
    first = first_due_date(drawn, anchor, Interval(), FirstPeriod.LONG)
    rule = DueRule(first_due_date=first, anchor_day=anchor, on_holiday=way, calendar=calendar)
    for at, period in enumerate(due_periods(drawn, rule, 14)):
        nominal = rule.nominal(at)
        assert nominal.day == anchor or (nominal + timedelta(1)).day == 1
        assert abs((period.due_date - nominal).days) <= 10
        if way is not OnHoliday.KEEP:
            assert calendar.is_banking_day(period.due_date)
        if way is OnHoliday.NEXT_IN_MONTH:
            assert period.due_date.month == nominal.month


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(-50, 50))
def test_months_added_come_to_the_same_day_or_the_last_of_a_shorter_month(
    day: date, months: int
) -> None:
    moved = add_months(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == day.day or (moved.day < day.day and (moved + timedelta(1)).day == 1)


@pytest.mark.parametrize("count", [0, -1])
def test_an_interval_of_nothing_is_refused(count: int) -> None:
    with pytest.raises(InvalidInput, match="1 or more months, weeks or days"):
        Interval(count=count)


@pytest.mark.parametrize("count", [0, -3])
def test_a_count_of_no_instalments_is_refused(count: int) -> None:
    with pytest.raises(InvalidInput, match="number of instalments"):
        due_periods(date(2026, 1, 1), monthly(date(2026, 2, 1)), count)


def test_a_first_due_date_not_after_the_drawdown_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a date after the drawdown of 2026-02-01"):
        due_periods(date(2026, 2, 1), monthly(date(2026, 2, 1)), 3)


def test_an_anchor_day_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a day 1 to 31"):
        DueRule(first_due_date=date(2026, 2, 1), anchor_day=32)
    with pytest.raises(InvalidInput, match="a date on the anchor day 15"):
        DueRule(first_due_date=date(2026, 2, 1), anchor_day=15)
    by_days = Interval(unit=Unit.DAYS)
    with pytest.raises(InvalidInput, match="where the interval is in MONTHS"):
        DueRule(first_due_date=date(2026, 2, 1), interval=by_days, anchor_day=1)
    with pytest.raises(InvalidInput, match="where the interval is in MONTHS"):
        first_due_date(date(2026, 2, 1), 1, by_days, FirstPeriod.SHORT)
    with pytest.raises(InvalidInput, match="a day 1 to 31"):
        first_due_date(date(2026, 2, 1), 0, Interval(), FirstPeriod.SHORT)


def test_a_calendar_without_banking_days_is_refused_and_not_searched_for_ever() -> None:
    closed = Calendar(closed_weekdays=frozenset(range(7)))
    rule = DueRule(first_due_date=SATURDAY, on_holiday=OnHoliday.NEXT, calendar=closed)
    with pytest.raises(InvalidInput, match="a banking day within"):
        rule.payday(SATURDAY)
