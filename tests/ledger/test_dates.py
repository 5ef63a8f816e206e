"""Dates: the common era inside, the Buddhist era named where somebody typed it by habit."""

from __future__ import annotations

from datetime import UTC, date

import pytest

from ledger import dates
from ledger.books import fiscal_year_start
from ledger.errors import InvalidInput
from ledger.parties import thai_sort_key


@pytest.mark.parametrize(
    "text",
    ["2026-6-1", "01-06-2026", "2026-02-30", "๒๐๒๖-๐๖-๐๑", "2026-06-01 ", "0001-01-01", None],
)
def test_what_is_no_date_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput):
        dates.parse_date(text)


def test_a_buddhist_year_is_named_and_the_common_one_proposed() -> None:
    with pytest.raises(InvalidInput, match="did you mean 2026-06-30"):
        dates.parse_date("2569-06-30")


def test_a_date_is_shown_to_people_in_the_buddhist_era() -> None:
    assert dates.thai_date(date(2026, 6, 30)) == "30/06/2569"


def test_the_29th_of_february_is_judged_on_the_common_year() -> None:
    assert dates.parse_date("2028-02-29") == date(2028, 2, 29)
    with pytest.raises(InvalidInput, match="no such day"):
        dates.parse_date("2026-02-29")


def test_years_and_months_have_the_days_that_the_calendar_gives_them() -> None:
    assert (dates.days_in_year(2028), dates.days_in_year(2100)) == (366, 365)
    assert dates.month_end(date(2028, 2, 3)) == date(2028, 2, 29)
    assert list(dates.days(date(2026, 6, 29), date(2026, 7, 1))) == [
        date(2026, 6, 29),
        date(2026, 6, 30),
    ]
    assert dates.now().tzinfo is UTC


def test_a_fiscal_year_starts_in_the_month_that_the_book_says() -> None:
    assert fiscal_year_start(date(2026, 6, 1), 1) == date(2026, 1, 1)
    assert fiscal_year_start(date(2026, 6, 1), 7) == date(2025, 7, 1)
    assert fiscal_year_start(date(2026, 7, 1), 7) == date(2026, 7, 1)


def test_thai_names_are_sorted_as_the_dictionary_sorts_them() -> None:
    in_order = ["กรุงเทพ", "แก้ว", "เกาะ", "ขอนแก่น", "โคราช", "ใจ", "ไชยา", "เชียงใหม่", "นคร", "เลย"]
    dictionary = ["กรุงเทพ", "เกาะ", "แก้ว", "ขอนแก่น", "โคราช", "ใจ", "เชียงใหม่", "ไชยา", "นคร", "เลย"]
    assert sorted(in_order, key=thai_sort_key) == dictionary


def test_tone_marks_decide_only_between_names_that_are_otherwise_equal() -> None:
    assert sorted(["ป้า", "ปา", "ปาก", "ป่า"], key=thai_sort_key) == ["ปา", "ป่า", "ป้า", "ปาก"]
