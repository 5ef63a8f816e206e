"""Pay-off, lateness and accrual in the calculator: the notes' figures, then refusals by name."""

from __future__ import annotations

from typing import Any

import pytest

from products.calc.run import calculate

HUNDRED: dict[str, Any] = {
    "principal": "100.00",
    "annual_rate_pct": "7",
    "number_of_repayments": 6,
    "days_in_year": "360",
    "days_in_month": "30",
    "disbursements": [{"date": "2024-01-01", "amount": "100.00"}],
    "payments": [{"date": "2024-02-01", "amount": "17.01"}],
    "payoff_date": "2024-02-15",
}
WEEKLY: dict[str, Any] = {
    "annual_rate_pct": "24",
    "number_of_repayments": 4,
    "frequency": "WEEKS",
    "weeks_in_year": 52,
    "disbursements": [{"date": "2024-01-01", "amount": "10000.00"}],
}
THIRTY_DAYS: dict[str, Any] = {
    "annual_rate_pct": "108",
    "number_of_repayments": 4,
    "repay_every": 30,
    "frequency": "DAYS",
    "days_in_year": "360",
    "disbursements": [{"date": "2024-01-01", "amount": "1000.00"}],
    "as_of_date": "2024-03-11",
}


def told(kind: str, inputs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The outcome of one case; a change to None takes the field away."""
    (outcome,) = calculate([{"id": "x", "kind": kind, "inputs": inputs | changes}], explain=True)
    return outcome


def result(kind: str, inputs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The result of a case that is answered."""
    outcome = told(kind, inputs, **changes)
    assert "error" not in outcome, outcome["error"]
    answered: dict[str, Any] = outcome["result"]
    return answered


def payoff(**changes: Any) -> tuple[str, str, str]:
    """Principal, interest and total of the pay-off of the loan of a hundred."""
    got = result("loan_payoff", HUNDRED, **changes)
    assert got["payoff"] == got["total"]
    return got["principal"], got["interest"], got["total"]


def test_a_pay_off_is_charged_to_its_day_or_to_the_end_of_the_running_period() -> None:
    assert payoff() == ("83.57", "0.24", "83.81")
    rest = payoff(preclosure_interest="TILL_REST_FREQUENCY_DATE")
    assert rest == ("83.57", "0.49", "84.06")


def test_a_pay_off_on_a_due_date_asks_for_that_instalments_interest_once() -> None:
    assert payoff(payoff_date="2024-02-01") == ("83.57", "0.00", "83.57")
    assert payoff(payoff_date="2024-03-01") == ("83.57", "0.49", "84.06")
    assert payoff(payoff_date="2024-02-01", payments=[]) == ("100.00", "0.58", "100.58")


def test_an_instalment_left_unpaid_is_part_of_the_pay_off_with_all_its_interest() -> None:
    # 0.58 for January, then 100.00 x 7% / 12 x 14/29 = 0.28 for half of February.
    assert payoff(payments=[]) == ("100.00", "0.86", "100.86")
    # 10.00 settles the interest of January first and then 9.42 of its principal.
    part = [{"date": "2024-02-01", "amount": "10.00"}]
    assert payoff(payments=part) == ("90.58", "0.26", "90.84")


def test_to_the_end_of_the_period_overdue_principal_is_charged_like_the_rest() -> None:
    # 100.00 x 7% / 12 = 0.58 for January and again for February.
    rest = payoff(payments=[], preclosure_interest="TILL_REST_FREQUENCY_DATE")
    assert rest == ("100.00", "1.16", "101.16")


def test_a_tranche_that_is_not_paid_out_yet_is_not_part_of_the_pay_off() -> None:
    tranches = [*HUNDRED["disbursements"], {"date": "2024-04-15", "amount": "50.00"}]
    assert payoff(principal="150.00", disbursements=tranches) == ("83.57", "0.24", "83.81")
    drawn = payoff(
        principal="150.00", disbursements=tranches, payments=[], payoff_date="2024-04-15"
    )
    assert drawn[0] == "150.00"


def test_after_the_last_due_date_what_is_overdue_goes_on_bearing_interest_by_the_day() -> None:
    end = result("loan_payoff", HUNDRED, payoff_date="2024-07-01", payments=[])
    assert (end["principal"], end["interest"]) == ("100.00", "3.48")
    # 100.00 x 7% x 30/360 = 0.58 more for July.
    later = result("loan_payoff", HUNDRED, payoff_date="2024-08-01", payments=[])
    assert (later["principal"], later["interest"]) == ("100.00", "4.06")
    assert later["rows_after"] == []


def test_a_loan_that_is_paid_costs_nothing_to_settle() -> None:
    paid = [{"date": "2024-02-01", "amount": "100.58"}]
    assert payoff(payments=paid) == ("0.00", "0.00", "0.00")


def test_the_rows_after_a_pay_off_of_equal_principal_keep_their_principal() -> None:
    got = result("loan_payoff", HUNDRED, amortization="EQUAL_PRINCIPAL", payments=[])
    parts = [(row["principal"], row["interest"]) for row in got["rows_after"]]
    assert parts[:2] == [("16.67", "0.28"), ("16.67", "0.00")]
    assert got["rows_after"][-1]["balance"] == "0.00"


def test_interest_on_overdue_interest_is_told_to_be_no_contract_of_ours() -> None:
    outcome = told("loan_overdue", WEEKLY, as_of_date="2024-01-15", compounding="INTEREST")
    assert outcome["result"]["rows"][1]["interest"] == "46.37"
    assert "no contract of the Facility may have that" in outcome["explanation"][0]


def test_lateness_is_told_by_rows_and_totals_like_any_schedule() -> None:
    got = result("loan_overdue", WEEKLY, as_of_date="2024-01-15")
    assert [row["interest"] for row in got["rows"]] == ["46.15", "46.15", "23.24", "11.67"]
    assert got["totals"] == {"principal": "10000.00", "interest": "127.21", "total": "10127.21"}


@pytest.mark.parametrize(
    ("order", "unpaid"),
    [
        # 340.00 against 218.67 + 90.00 and 238.35 + 70.32.
        (None, "70.32"),
        ("OLDEST_INSTALMENT_PRINCIPAL_FIRST", "70.32"),
        ("OLDEST_INSTALMENT_INTEREST_FIRST", "38.99"),
        ("ALL_INTEREST_FIRST", "0.00"),
    ],
)
def test_which_interest_stays_unpaid_follows_from_the_order_of_allocation(
    order: str | None, unpaid: str
) -> None:
    payments = [{"date": "2024-03-11", "amount": "340.00"}]
    got = result("loan_accrual", THIRTY_DAYS, payments=payments, allocation_order=order)
    assert got == {
        "period_interest": "48.87",
        "accrued": "176.61",
        "accrued_due_unpaid": unpaid,
        "accrued_not_due": "16.29",
    }


def test_the_entries_of_a_period_add_up_to_its_interest() -> None:
    days = [f"2024-01-{day:02d}" for day in range(1, 32)]
    got = result("loan_accrual", THIRTY_DAYS, as_of_date=None, entries_for=days)
    assert got["period_interest"] == "90.00"
    assert [entry["amount"] for entry in got["entries"]] == ["0.00", *["3.00"] * 30]


@pytest.mark.parametrize(
    ("kind", "inputs", "changes", "where", "expected"),
    [
        ("loan_payoff", HUNDRED, {"payoff_date": None}, "inputs.payoff_date", "a date YYYY-MM-DD"),
        (
            "loan_payoff",
            HUNDRED,
            {"payoff_date": "2024-01-01", "payments": []},
            "inputs.payoff_date",
            "2024-01-02 or later: the loan is drawn, all payments have come",
        ),
        (
            "loan_payoff",
            HUNDRED,
            {
                "payments": [{"date": "2024-02-16", "amount": "17.01"}],
                "preclosure_interest": "TILL_REST_FREQUENCY_DATE",
            },
            "inputs.payoff_date",
            "2024-02-16 or later: the loan is drawn, all payments have come",
        ),
        (
            "loan_payoff",
            HUNDRED,
            {"as_of_date": "2024-02-14"},
            "inputs.as_of_date",
            "the pay-off's date, 2024-02-15, or none",
        ),
        (
            "loan_payoff",
            HUNDRED,
            {"payments": [{"date": "2024-02-10", "amount": "5.00"}], "rest": "WEEKS"},
            "inputs.rest",
            "one of DAILY, SAME_AS_REPAYMENT_PERIOD",
        ),
        (
            "loan_payoff",
            HUNDRED,
            {
                "payments": [{"date": "2024-02-10", "amount": "5.00"}],
                "rest": "SAME_AS_REPAYMENT_PERIOD",
            },
            "inputs.payoff_date",
            "2024-03-01 or later, when what was paid in its period counts",
        ),
        (
            "loan_payoff",
            HUNDRED,
            {"preclosure_interest": "NEVER"},
            "inputs.preclosure_interest",
            "one of TILL_PRECLOSE_DATE, TILL_REST_FREQUENCY_DATE",
        ),
        (
            "loan_overdue",
            WEEKLY,
            {"as_of_date": "2024-01-15", "compounding": "FEE"},
            "inputs.compounding",
            "one of NONE, INTEREST",
        ),
        ("loan_overdue", WEEKLY, {}, "inputs.as_of_date", "a date YYYY-MM-DD"),
        (
            "loan_accrual",
            THIRTY_DAYS,
            {"as_of_date": None},
            "inputs.as_of_date",
            "a date, or dates in entries_for",
        ),
        (
            "loan_accrual",
            THIRTY_DAYS,
            {"payments": [{"date": "2024-01-30", "amount": "0.01"}]},
            "inputs.payments[0].amount",
            "at most what was due and unpaid on 2024-01-30",
        ),
        (
            "loan_accrual",
            THIRTY_DAYS,
            {
                "payments": [
                    {"date": "2024-03-02", "amount": "1.00"},
                    {"date": "2024-03-01", "amount": "1.00"},
                ]
            },
            "inputs.payments[1].date",
            "dates in order, none after 2024-03-11",
        ),
        (
            "loan_accrual",
            THIRTY_DAYS,
            {"payments": [{"date": "2024-03-12", "amount": "1.00"}]},
            "inputs.payments[0].date",
            "dates in order, none after 2024-03-11",
        ),
        (
            "loan_accrual",
            THIRTY_DAYS,
            {"allocation_order": "RANDOM"},
            "inputs.allocation_order",
            "one of OLDEST_INSTALMENT_PRINCIPAL_FIRST",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_field(
    kind: str, inputs: dict[str, Any], changes: dict[str, Any], where: str, expected: str
) -> None:
    (problem,) = told(kind, inputs, **changes)["error"]["problems"]
    assert problem["where"] == where
    assert expected in problem["expected"]
