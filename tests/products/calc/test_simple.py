"""Simple daily interest: balances, movements, payments that settle interest first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.products.calc.asking import ask, explained, refused

KIND = "simple_daily_interest"
BALANCE = {"balance": "365.00", "annual_rate_pct": "10", "days": 30}
LOAN: dict[str, Any] = {
    "movements": [{"date": "2026-06-01", "amount": "3650.00"}],
    "end_date": "2026-07-01",
    "annual_rate_pct": "10",
}


def test_a_balance_for_some_days_needs_no_dates() -> None:
    assert ask(KIND, BALANCE) == {"interest": "3.00", "total": "368.00"}
    assert explained(KIND, BALANCE) == [
        "365.00 x 10% x 30 days of 365 = 3.00000000 -> 3.00 (HALF_EVEN)"
    ]
    assert ask(KIND, BALANCE | {"day_count": "ACT/360"})["interest"] == "3.04"


def test_real_years_need_dates() -> None:
    said = "inputs.day_count: got 'ACT/ACT'; expected 365 or 360: without dates nobody knows"
    assert said in refused(KIND, BALANCE | {"day_count": "ACT/ACT"})
    assert "inputs.days_in_year: got 'ACTUAL'" in refused(
        KIND, BALANCE | {"days_in_year": "ACTUAL"}
    )


def test_a_payment_settles_interest_and_reduces_the_principal_by_the_rest() -> None:
    paid = LOAN | {"payments": [{"date": "2026-06-11", "amount": "1835.00"}]}
    # 10.00 to the payment, then 1,825.00 for 20 nights.
    assert ask(KIND, paid) == {"interest": "20.00", "total": "1835.00"}
    assert explained(KIND, paid)[1] == "interest, each settled and added: 10.00 (HALF_EVEN)"
    assert explained(KIND, paid)[2] == "2026-06-11: paid, 10.00 of it interest, 1825.00 principal"


def test_interest_that_a_payment_does_not_cover_stays_owed_and_bears_none() -> None:
    paid = LOAN | {"payments": [{"date": "2026-06-11", "amount": "4.00"}]}
    assert ask(KIND, paid) == {"interest": "30.00", "total": "3676.00"}
    again = LOAN | {
        "payments": [
            {"date": "2026-06-11", "amount": "4.00"},
            {"date": "2026-06-21", "amount": "1841.00"},
        ]
    }
    # 6.00 from before and 10.00 since; 1,825.00 of principal for the last ten nights.
    assert ask(KIND, again) == {"interest": "25.00", "total": "1830.00"}


def test_everything_paid_leaves_nothing_owed() -> None:
    paid = LOAN | {"payments": [{"date": "2026-06-11", "amount": "3660.00"}]}
    assert ask(KIND, paid) == {"interest": "10.00", "total": "0.00"}


def test_each_run_is_settled_by_itself_unless_the_stage_says_posting() -> None:
    # A night of 18.25 at 10% is half a satang.
    halves = {
        "movements": [
            {"date": "2026-06-01", "amount": "18.25"},
            {"date": "2026-06-02", "amount": "-18.25"},
            {"date": "2026-06-03", "amount": "18.25"},
        ],
        "end_date": "2026-06-04",
        "annual_rate_pct": "10",
        "rounding_mode": "HALF_UP",
    }
    assert ask(KIND, halves)["interest"] == "0.02"
    together = halves | {"rounding_stage": "POSTING"}
    assert ask(KIND, together)["interest"] == "0.01"
    assert explained(KIND, together)[-1] == "interest, added and settled: 0.01 (HALF_UP)"


def test_rates_may_change_and_slabs_may_price_the_balance() -> None:
    changed = LOAN | {"rate_changes": [{"effective_date": "2026-06-16", "annual_rate_pct": "20"}]}
    assert ask(KIND, changed)["interest"] == "45.00"
    slabs = {
        "slabs": [
            {"from_amount": "0", "to_amount": "1825.00", "rate": "10"},
            {"from_amount": "1825.00", "rate": "30"},
        ],
        "slab_basis": "SLICE",
    }
    priced = {name: value for name, value in LOAN.items() if name != "annual_rate_pct"} | slabs
    assert ask(KIND, priced)["interest"] == "60.00"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"movements": []}, "inputs.movements: got a list of 0; expected at least one movement"),
        ({"end_date": "2026-06-01"}, "inputs.end_date: got '2026-06-01'; expected a date after ev"),
        (
            {"payments": [{"date": "2026-07-01", "amount": "1"}]},
            "expected a date after every movement and payment",
        ),
        (
            {
                "payments": [
                    {"date": "2026-06-11", "amount": "1"},
                    {"date": "2026-06-01", "amount": "1"},
                ]
            },
            "expected payments after the first movement on 2026-06-01",
        ),
        (
            {"payments": [{"date": "2026-06-11", "amount": "3660.01"}]},
            "inputs.payments: got a list of 1; expected payments of at most what is owed",
        ),
        (
            {"movements": [{"date": "2026-06-01", "amount": "-1.00"}]},
            "inputs.movements: got a list of 1; expected movements that leave a balance of 0",
        ),
        ({"balance": "1.00"}, "inputs.movements: got unknown field"),
        ({"rounding_stage": "DAY"}, "expected one of STRETCH, POSTING"),
    ],
)
def test_a_case_that_contradicts_itself_is_refused(more: dict[str, Any], said: str) -> None:
    assert said in refused(KIND, LOAN | more)
