"""The chart of a case: bounds that are written inclusive become half-open without a hole."""

from __future__ import annotations

from typing import Any

import pytest

from tests.products.calc.asking import ask, explained, refused

KIND = "rate_chart"
MONTHS: list[dict[str, Any]] = [
    {"from_months": 1, "to_months": 6, "rate": "5"},
    {"from_months": 7, "to_months": None, "rate": "6"},
]
AMOUNTS: list[dict[str, Any]] = [
    {"from_amount": "1", "to_amount": "5000", "rate": "1"},
    {"from_amount": "5001", "to_amount": None, "rate": "2"},
]


def chart(slabs: list[dict[str, Any]], primary: str, amount: str, months: int) -> dict[str, Any]:
    """A case that asks a chart."""
    return {
        "slabs": slabs,
        "chart_primary": primary,
        "amount": amount,
        "term_months": months,
    }


@pytest.mark.parametrize(("months", "rate"), [(1, "5"), (6, "5"), (7, "6"), (1200, "6")])
def test_both_bounds_of_a_term_belong_to_it(months: int, rate: str) -> None:
    case = chart(MONTHS, "period", "1.00", months)
    assert ask(KIND, case) == {"rate_pct": rate}
    assert explained(KIND, case) == [f"1.00 for {months} months: {rate}%"]


def test_a_row_without_a_lower_bound_begins_at_nothing() -> None:
    rows = [{"to_months": 6, "from_amount": "0", "rate": "1"}, {"from_months": 7, "rate": "2"}]
    from_zero = [row | {"from_months": 0} if "to_months" in row else row for row in rows]
    for slabs in (rows, from_zero):
        assert ask(KIND, chart(slabs, "period", "0.01", 1)) == {"rate_pct": "1"}
    assert ask(KIND, chart(rows, "period", "0.01", 7)) == {"rate_pct": "2"}


@pytest.mark.parametrize(
    ("amount", "rate"),
    [("1", "1"), ("5000", "1"), ("5000.50", "1"), ("5000.99", "1"), ("5001", "2"), ("9e9", "")],
)
def test_an_amount_between_two_whole_units_belongs_to_the_row_below(amount: str, rate: str) -> None:
    case = chart(AMOUNTS, "amount", amount, 1)
    if rate:
        assert ask(KIND, case) == {"rate_pct": rate}
    else:
        assert "inputs.amount" in refused(KIND, case)


@pytest.mark.parametrize(
    ("slabs", "primary", "amount", "months", "said"),
    [
        (MONTHS, "period", "1", 1201, "inputs.term_months: got 1201"),
        (MONTHS[1:], "period", "1", 6, "chart terms: got '6 months'; expected 7 months or more."),
        (AMOUNTS, "amount", "0.99", 1, "chart amounts: got '0.99'; expected 1.00 or more."),
        (AMOUNTS[:1], "amount", "6000", 1, "expected 1.00 or more, less than 5000.01"),
        (
            [AMOUNTS[0], AMOUNTS[1] | {"from_amount": "5001.01"}],
            "amount",
            "1",
            1,
            "chart amounts[1].from: got 5001.01, a gap; expected 5000.01",
        ),
        (
            [AMOUNTS[0], AMOUNTS[1] | {"from_amount": "5000"}],
            "amount",
            "1",
            1,
            "chart amounts[1].from: got 5000.00, an overlap; expected 5000.01",
        ),
        (
            [MONTHS[0], MONTHS[1] | {"from_months": 6}],
            "period",
            "1",
            1,
            "chart terms[1].from: got 6 months, an overlap; expected 7 months",
        ),
        ([], "period", "1", 1, "chart terms: got no row"),
        (MONTHS, "weight", "1", 1, "inputs.chart_primary: got 'weight'; expected one of period"),
    ],
)
def test_what_a_chart_does_not_reach_or_says_twice_is_refused(
    slabs: list[dict[str, Any]], primary: str, amount: str, months: int, said: str
) -> None:
    assert said in refused(KIND, chart(slabs, primary, amount, months))


def test_a_currency_without_decimals_has_no_amounts_between_units() -> None:
    case = chart(AMOUNTS, "amount", "5001", 1) | {"currency_decimals": 0}
    assert ask(KIND, case) == {"rate_pct": "2"}


def test_each_term_may_be_divided_by_amounts_of_its_own() -> None:
    shorter: dict[str, Any] = {"from_months": 1, "to_months": 6}
    longer: dict[str, Any] = {"from_months": 7, "to_months": None}
    rows = [
        shorter | {"from_amount": "1", "to_amount": "5000", "rate": "1"},
        shorter | {"from_amount": "5001", "to_amount": None, "rate": "2"},
        longer | {"from_amount": "1", "to_amount": "5000.49", "rate": "3"},
        longer | {"from_amount": "5000.50", "to_amount": None, "rate": "4"},
    ]
    found = [
        ask(KIND, chart(rows, "period_amount", "5000.50", months))["rate_pct"] for months in (6, 7)
    ]
    assert found == ["1", "4"]
