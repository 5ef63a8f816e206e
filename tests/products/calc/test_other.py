"""Effective rates and hire purchase: what the calculators are handed, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.products.calc.asking import ask, explained, refused

LOAN: dict[str, Any] = {
    "amount_financed": "5000",
    "payments": [{"count": 24, "amount": "230"}],
    "unit_period": "MONTH",
    "unit_periods_per_year": 12,
    "first_payment_full_unit_periods": 1,
}
TRUCK: dict[str, Any] = {
    "principal": "1000.00",
    "flat_rate_pct_per_month": "1",
    "number_of_repayments": 3,
    "rounding_mode": "HALF_UP",
}


def test_the_effective_rate_has_two_places_and_is_explained() -> None:
    assert ask("apr", LOAN) == {"apr_pct": "9.69"}
    assert explained("apr", LOAN) == [
        "5000.00 equals the payments discounted at 9.69% / 12 a unit period; the first comes after "
        "1 + 0 unit periods"
    ]


def test_the_word_of_the_unit_period_may_be_left_out() -> None:
    case = {name: value for name, value in LOAN.items() if name != "unit_period"}
    assert ask("apr", case) == {"apr_pct": "9.69"}


@pytest.mark.parametrize(
    ("word", "count"),
    [("YEAR", 1), ("QUARTER", 4), ("MONTH", 12), ("SEMI_MONTH", 24), ("WEEK", 52), ("DAY", 365)],
)
def test_the_word_of_the_unit_period_says_how_many_make_a_year(word: str, count: int) -> None:
    one = {
        "amount_financed": "100000.00",
        "payments": [{"count": 1, "amount": "101000.00"}],
        "unit_period": word,
        "unit_periods_per_year": count,
        "first_payment_full_unit_periods": 1,
    }
    assert ask("apr", one) == {"apr_pct": f"{count}.00"}
    assert f"expected {count} for {word}" in refused("apr", one | {"unit_periods_per_year": 7})


def test_a_loan_may_have_as_many_payments_as_the_bound_and_begin_at_once() -> None:
    # Interest alone, fifty a month on five thousand, and the principal with the last.
    many = [
        {"count": 2399, "amount": "50.00"},
        {"count": 1, "amount": "5050.00"},
    ]
    assert ask("apr", LOAN | {"payments": many}) == {"apr_pct": "12.00"}
    half = {"first_payment_full_unit_periods": 0, "first_payment_fraction": "1/2"}
    single = {"payments": [{"count": 1, "amount": "5025.00"}]}
    assert ask("apr", LOAN | half | single) == {"apr_pct": "12.00"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"unit_periods_per_year": 52}, "inputs.unit_periods_per_year: got 52; expected 12 for MO"),
        ({"unit_period": "MOON"}, "inputs.unit_period: got 'MOON'"),
        ({"first_payment_fraction": "30/30"}, "expected less than a whole unit period"),
        ({"first_payment_fraction": "0.5"}, "inputs.first_payment_fraction: got '0.5'"),
        ({"payments": [{"count": 2, "amount": "1.00"}]}, "payments: got 'a sum of 200'; expected"),
        ({"payments": []}, "payments: got 0; expected 1 to 2,400"),
        ({"payments": [{"count": 2400, "amount": "5"}] * 2}, "at most 2,400 payments together"),
    ],
)
def test_payments_and_periods_that_do_not_fit_are_refused(more: dict[str, Any], said: str) -> None:
    assert said in refused("apr", LOAN | more)


def test_hire_purchase_without_vat_is_the_same_with_and_without_it() -> None:
    assert ask("hire_purchase", TRUCK) == {
        "total_interest": "30.00",
        "instalment": "343.33",
        "instalment_with_vat": "343.33",
        "total_with_vat": "1030.00",
    }


def test_vat_is_taken_on_the_unrounded_instalment() -> None:
    taxed = TRUCK | {"vat_pct": "7"}
    assert ask("hire_purchase", taxed)["instalment_with_vat"] == "367.37"
    assert explained("hire_purchase", taxed) == [
        "interest: 1000.00 x 1% x 3 months = 30.00",
        "instalment: (1000.00 + interest) / 3 = 343.33",
        "with VAT of 7% on the unrounded instalment = 367.37",
        "in all: (1000.00 + interest) with VAT of 7% = 1102.10",
    ]


def test_hire_purchase_without_its_rate_is_refused() -> None:
    case = {name: value for name, value in TRUCK.items() if name != "flat_rate_pct_per_month"}
    assert "inputs.flat_rate_pct_per_month: got nothing" in refused("hire_purchase", case)
