"""Values by date: exactly one on each date, or a refusal that says which date has none."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.errors import InvalidInput
from pricing.dated import Dated, DatedRow

JAN, MAR, MAY, JUL = (date(2026, month, 1) for month in (1, 3, 5, 7))


def row(start: date, stop: date | None, value: int) -> DatedRow[int]:
    """A row of the list under test."""
    return DatedRow(from_date=start, to_date=stop, value=value)


def rates(*rows: DatedRow[int]) -> Dated[int]:
    """The list under test, in whatever order its rows come."""
    return Dated.of("rates", rows)


def test_a_row_begins_on_its_first_date_and_ends_before_its_last() -> None:
    found = rates(row(MAR, MAY, 2), row(JAN, MAR, 1), row(MAY, None, 3))
    assert [found.on(day) for day in (JAN, date(2026, 2, 28), MAR)] == [1, 1, 2]
    assert [found.on(day) for day in (date(2026, 4, 30), MAY, date(2399, 1, 1))] == [2, 3, 3]


def test_a_date_before_or_after_the_list_is_refused_with_the_list_s_own_dates() -> None:
    found = rates(row(JAN, MAR, 1), row(MAR, MAY, 2))
    for day in (date(2025, 12, 31), MAY):
        with pytest.raises(InvalidInput, match=f"rates: got '{day}'; expected a date from 2026-01"):
            found.on(day)
    with pytest.raises(InvalidInput, match="from 2026-01-01 on"):
        rates(row(JAN, None, 1)).on(date(2025, 12, 31))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((), "rates: got no row; expected at least one row"),
        ((row(JAN, MAR, 1), row(MAY, None, 2)), "2026-05-01, a gap; expected 2026-03-01"),
        ((row(JAN, MAY, 1), row(MAR, None, 2)), "2026-03-01, an overlap; expected 2026-05-01"),
        ((row(JAN, None, 1), row(MAR, None, 2)), "an overlap; expected no row after one without"),
        ((row(MAR, MAR, 1), row(MAR, None, 2)), r"rates\[0\].to_date: got 2026-03-01; expected mo"),
    ],
)
def test_rows_that_do_not_meet_are_refused_with_the_bound_that_was_expected(
    rows: tuple[DatedRow[int], ...], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        rates(*rows)


def test_every_misfit_of_a_list_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        rates(row(JAN, MAR, 1), row(MAY, JUL, 2), row(JUL, JUL, 3))
    assert [problem.where for problem in caught.value.problems] == [
        "rates[1].from_date",
        "rates[2].to_date",
    ]


def test_a_span_is_cut_where_the_value_changes() -> None:
    found = Dated.of_changes("rates", JAN, 1, {MAY: 3, MAR: 2})
    assert [*found.pieces(date(2026, 2, 1), date(2026, 6, 1))] == [
        (date(2026, 2, 1), MAR, 1),
        (MAR, MAY, 2),
        (MAY, date(2026, 6, 1), 3),
    ]
    assert [*found.pieces(MAR, MAY)] == [(MAR, MAY, 2)]
    assert [*found.pieces(MAR, MAR)] == []


def test_a_span_that_begins_before_the_first_value_is_refused() -> None:
    found = Dated.of_changes("rates", MAR, 1, {})
    with pytest.raises(InvalidInput, match="2026-01-01"):
        [*found.pieces(JAN, MAY)]
