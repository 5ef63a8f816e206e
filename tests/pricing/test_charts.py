"""Rate charts by term and amount: which row holds a question, and which charts cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from pricing.charts import ChartPrimary, ChartRow, RateChart

TERM, AMOUNT = ChartPrimary.TERM, ChartPrimary.AMOUNT
FIFTY = 50_000_00


def row(
    months: tuple[int, int | None],
    amounts: tuple[int, int | None] = (0, None),
    rate: int = 1_000_000,
) -> ChartRow:
    """A row of half-open ranges."""
    return ChartRow(
        from_months=months[0],
        to_months=months[1],
        from_satang=amounts[0],
        to_satang=amounts[1],
        annual_rate_e8=rate,
    )


GRID = (
    row((3, 6), (0, FIFTY), 1),
    row((3, 6), (FIFTY, None), 2),
    row((6, 12), (0, FIFTY), 3),
    row((6, 12), (FIFTY, None), 4),
    row((12, 25), (0, FIFTY), 5),
    row((12, 25), (FIFTY, None), 6),
)


@pytest.mark.parametrize("primary", [TERM, AMOUNT])
@pytest.mark.parametrize(
    ("months", "amount", "rate"),
    [
        (3, 0, 1),
        (5, FIFTY - 1, 1),
        (5, FIFTY, 2),
        (6, FIFTY - 1, 3),
        (11, FIFTY + 1, 4),
        (12, 1, 5),
        (24, 10**15, 6),
    ],
)
def test_a_bound_belongs_to_the_row_above_it(
    primary: ChartPrimary, months: int, amount: int, rate: int
) -> None:
    chart = RateChart(primary=primary, rows=GRID)
    assert chart.annual_rate_e8(term_months=months, amount_satang=amount) == rate


def test_a_term_outside_the_chart_is_refused_with_the_chart_s_bounds() -> None:
    chart = RateChart(primary=TERM, rows=GRID)
    for months in (2, 25):
        said = f"chart terms: got '{months} months'; expected 3 months or more, less than 25 months"
        with pytest.raises(InvalidInput, match=said):
            chart.annual_rate_e8(term_months=months, amount_satang=1)


def test_an_amount_below_the_chart_is_refused_with_its_least_amount() -> None:
    chart = RateChart(primary=TERM, rows=(row((1, None), (1_000_00, None)),))
    with pytest.raises(InvalidInput, match=r"'999.99'; expected 1000.00 or more\."):
        chart.annual_rate_e8(term_months=1, amount_satang=999_99)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((), "chart terms: got no row"),
        ((row((1, 3)), row((4, None))), "chart terms.1..from: got 4 months, a gap; expected 3 mon"),
        ((row((1, 4)), row((3, None))), "got 3 months, an overlap; expected 4 months"),
        ((row((1, 4)), row((1, 7))), "got 1 months, an overlap; expected 4 months"),
        ((row((1, 4)), row((1, 4))), "chart amounts.1..from: got 0.00, an overlap"),
        (
            (row((1, 4), (0, 100_00)), row((1, 4), (101_00, None))),
            "chart amounts.1..from: got 101.00, a gap; expected 100.00",
        ),
        ((row((4, 4)),), "chart terms.0..to: got 4 months; expected more than 4 months"),
        ((row((1, 4), rate=-1),), "chart rows.0..annual_rate_e8: got -1"),
    ],
)
def test_a_chart_with_a_hole_or_two_answers_is_refused(
    rows: tuple[ChartRow, ...], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        RateChart(primary=TERM, rows=rows)


def test_each_term_may_be_divided_by_amounts_of_its_own() -> None:
    rows = (row((1, 6), rate=1), row((6, 12), (0, 9), 2), row((6, 12), (9, None), 3))
    chart = RateChart(primary=TERM, rows=rows)
    found = [chart.annual_rate_e8(term_months=6, amount_satang=n) for n in (8, 9)]
    assert found == [2, 3]
    with pytest.raises(InvalidInput, match="chart amounts"):
        RateChart(primary=AMOUNT, rows=rows)


@given(months=st.integers(3, 24), amount=st.integers(0, 2 * FIFTY))
def test_both_readings_of_a_full_grid_give_one_rate(months: int, amount: int) -> None:
    asked = {"term_months": months, "amount_satang": amount}
    by_term = RateChart(primary=TERM, rows=GRID).annual_rate_e8(**asked)
    assert RateChart(primary=AMOUNT, rows=tuple(reversed(GRID))).annual_rate_e8(**asked) == by_term


def test_a_row_without_bounds_holds_every_term_and_every_amount_even_at_no_rate() -> None:
    chart = RateChart(primary=TERM, rows=(ChartRow(annual_rate_e8=0),))
    found = {chart.annual_rate_e8(term_months=n, amount_satang=n) for n in (0, 1, 10**12)}
    assert found == {0}
