"""One instalment in the calculator: what a payment settles, what being late costs."""

from __future__ import annotations

from typing import Any

import pytest

from products.calc.run import calculate

SPLIT = {"opening_balance": "20000.00", "annual_rate_pct": "15", "days": 30, "payment": "970.00"}
LATE = {
    "overdue_principal": "500000.00",
    "contract_rate_pct": "4.5",
    "default_margin_pct": "3",
    "days_overdue": 17,
    "rounding_mode": "HALF_UP",
}


def told(kind: str, inputs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The outcome of one case; a change to None takes the field away."""
    case = {"id": "x", "kind": kind, "inputs": inputs | changes}
    (outcome,) = calculate([case], explain=True)
    return outcome


def test_a_payment_settles_interest_first_and_the_rest_goes_to_principal() -> None:
    outcome = told("instalment_split", SPLIT)
    assert outcome["result"] == {
        "interest": "246.58",
        "principal": "723.42",
        "balance": "19276.58",
    }
    assert outcome["explanation"][0] == (
        "interest: 20000.00 x 15% x 30/365 = 246.57534246…, HALF_EVEN to 246.58"
    )


def test_interest_that_a_payment_does_not_reach_is_told_and_does_not_join_the_balance() -> None:
    outcome = told("instalment_split", SPLIT, payment="100.00")
    assert outcome["result"] == {
        "interest": "100.00",
        "principal": "0.00",
        "balance": "20000.00",
        "interest_unpaid": "146.58",
    }


def test_the_last_payment_settles_all_to_the_satang() -> None:
    outcome = told("instalment_split", SPLIT, payment="20246.58")
    assert outcome["result"]["balance"] == "0.00"


def test_half_a_million_17_days_late_is_shown_at_one_rate_and_apart() -> None:
    outcome = told("default_interest", LATE)
    assert outcome["result"] == {"default_rate_pct": "7.5", "default_interest": "1746.58"}
    assert outcome["explanation"][-1] == "apart: at the contract's rate 1047.95, extra 698.63"


@pytest.mark.parametrize(
    ("kind", "changes", "where", "expected"),
    [
        ("instalment_split", {"payment": "20246.59"}, "payment", "at most 20246.58, which is all"),
        (
            "instalment_split",
            {"opening_balance": "9999999999999.99"},
            "opening_balance",
            "one that comes to at most 9999999999999.99 with its interest",
        ),
        ("instalment_split", {"days": -1}, "days", "a whole number, 0 to 36525"),
        ("instalment_split", {"days_in_year": "ACTUAL"}, "days_in_year", "one of 365, 360, 364"),
        ("instalment_split", {"payment": "0.00"}, "payment", "at least 1 of the smallest unit"),
        (
            "default_interest",
            {"default_margin_pct": "3.01"},
            "default_margin_pct",
            "at most 3, the",
        ),
        ("default_interest", {"days_overdue": 1.5}, "days_overdue", "a whole number, 0 to 36525"),
        ("default_interest", {"overdue_principal": None}, "overdue_principal", "money as a string"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_field(
    kind: str, changes: dict[str, Any], where: str, expected: str
) -> None:
    inputs = SPLIT if kind == "instalment_split" else LATE
    (problem,) = told(kind, inputs, **changes)["error"]["problems"]
    assert problem["where"] == f"inputs.{where}"
    assert expected in problem["expected"]
