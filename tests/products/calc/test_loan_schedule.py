"""Loan schedules in the calculator: what a field means, what is refused, and that lines add up."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from products.calc.run import calculate
from tests.products.calc.asking import ask, explained, refused
from tests.products.calc.published import asked, published_cases

LOAN: dict[str, Any] = {
    "principal": "600000.00",
    "annual_rate_pct": "4",
    "number_of_repayments": 6,
    "disbursements": [{"date": "2026-01-31", "amount": "600000.00"}],
    "rounding_mode": "HALF_UP",
}
SCHEDULES = [asked(case) for case in published_cases() if case["kind"] == "loan_schedule"]


def rows(**changes: Any) -> list[dict[str, Any]]:
    """The rows of the loan with some fields changed."""
    return list(ask("loan_schedule", LOAN | changes)["rows"])


def column(name: str, **changes: Any) -> list[str]:
    """One column of those rows."""
    return [row[name] for row in rows(**changes)]


def told_of(case: dict[str, Any]) -> dict[str, Any]:
    """The outcome of one case, explained."""
    (told,) = calculate([case], explain=True)
    return told


def engine_told(engine: str, **changes: Any) -> dict[str, Any]:
    """The outcome of the loan as another system's engine makes it."""
    inputs = LOAN | changes
    return told_of({"id": "x", "kind": "loan_schedule", "engine": engine, "inputs": inputs})


def engine_rows(engine: str, **changes: Any) -> list[dict[str, Any]]:
    """The rows as another system's engine makes them."""
    told = engine_told(engine, **changes)
    assert "result" in told, told["error"]
    return list(told["result"]["rows"])


def engine_refusal(engine: str, **changes: Any) -> str:
    """The words with which a case of another engine is refused."""
    return str(engine_told(engine, **changes)["error"]["message"])


def test_without_due_dates_they_follow_from_the_drawdown_and_keep_its_day() -> None:
    assert column("due_date") == [
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
        "2026-06-30",
        "2026-07-31",
    ]
    weeks = column("due_date", frequency="WEEKS", repay_every=2)
    assert weeks[:2] == ["2026-02-14", "2026-02-28"]


def test_the_facilitys_instalment_is_rounded_up_to_its_step_and_the_last_takes_the_rest() -> None:
    *level, last = column("total", instalment_multiple_of="100")
    assert set(level) == {"101200.00"}
    assert Decimal(last) < Decimal("101200.00")
    *level, _ = column("total", instalment_multiple_of="1000")
    assert set(level) == {"102000.00"}


def test_interest_is_by_real_days_or_by_equal_months() -> None:
    assert column("interest")[0] == "1841.10"
    assert column("interest", interest_period="SAME_AS_REPAYMENT")[0] == "2000.00"


@pytest.mark.parametrize(
    ("fields", "interest"),
    [
        ({"days_in_year": "360"}, "1866.67"),
        ({"days_in_year": "364"}, "1846.15"),
        ({"days_in_year": "ACTUAL"}, "1841.10"),
        ({"days_in_year": "360", "days_in_month": "30"}, "1866.67"),
        ({"days_in_year": 365, "days_in_month": "ACTUAL"}, "1841.10"),
        ({"rounding_mode": "DOWN"}, "1841.09"),
        ({"rounding_mode": "UP"}, "1841.10"),
        ({"currency_multiple_of": "1"}, "1841.00"),
    ],
)
def test_day_count_and_rounding_are_the_cases_own(fields: dict[str, Any], interest: str) -> None:
    assert column("interest", **fields)[0] == interest


def test_a_drawdown_late_in_its_first_period_earns_from_its_own_day() -> None:
    late = [{"date": "2026-02-14", "amount": "600000.00"}]
    dues = ["2026-02-28", "2026-03-31", "2026-04-30"]
    fields = {"disbursements": late, "due_dates": dues, "number_of_repayments": 3}
    assert column("interest", **fields, period_start_date="2026-01-31")[0] == "920.55"


def test_periods_may_begin_later_than_the_one_before_ends() -> None:
    dues, starts = ["2026-02-28", "2026-04-30"], ["2026-01-31", "2026-03-31"]
    fields = {"due_dates": dues, "number_of_repayments": 2, "amortization": "EQUAL_PRINCIPAL"}
    assert column("interest", **fields, period_from_dates=starts) == ["1841.10", "986.30"]
    assert column("interest", **fields) == ["1841.10", "2005.48"]


def test_totals_are_the_sums_of_the_rows() -> None:
    for case in SCHEDULES:
        told = told_of(case)
        found, totals = told["result"]["rows"], told["result"]["totals"]
        for name in ("principal", "interest", "total"):
            assert sum(Decimal(row[name]) for row in found) == Decimal(totals[name])


@pytest.mark.parametrize("case", SCHEDULES, ids=[case["id"] for case in SCHEDULES])
def test_every_balance_line_adds_up_to_the_balance_of_its_row(case: dict[str, Any]) -> None:
    told = told_of(case)
    found = {row["n"]: row for row in told["result"]["rows"]}
    lines = [line for line in told["explanation"] if ", balance: " in line]
    assert len(lines) == len(found)
    for line in lines:
        number, _, sums = line.partition(", balance: ")
        left, _, right = sums.partition(" = ")
        terms = re.findall(r"([+-]?) ?([0-9.]+)", left)
        total = sum(Decimal(amount) * (-1 if sign == "-" else 1) for sign, amount in terms)
        assert total == Decimal(right) == Decimal(found[int(number)]["balance"])


def test_an_explanation_names_balance_rate_days_exact_amount_and_rounding() -> None:
    lines = explained("loan_schedule", LOAN | {"instalment_multiple_of": "100"})
    assert lines[0].startswith("convention: ACT_365F; interest by REAL_DAYS")
    assert lines[1:5] == [
        "1, due 2026-02-28: principal 99358.90: instalment 101200.00 (from 101169.901996) "
        "less the interest of 1841.10",
        "1, interest: 600000.00 x 4% x 28/365 of a year (2026-01-31 to 2026-02-28, 28 days) "
        "= 1841.095890",
        "1, interest: 1841.095890 settled HALF_UP as 1841.10",
        "1, balance: 600000.00 - 99358.90 due = 500641.10",
    ]


def test_what_is_put_off_stated_or_paid_in_advance_is_said() -> None:
    lines = "\n".join(explained("loan_schedule", LOAN | {"grace_on_interest_payment": 1}))
    assert "due now 0.00, put off to the next instalment that collects it" in lines
    lines = "\n".join(explained("loan_schedule", LOAN | {"grace_on_principal": 1}))
    assert "no principal falls due, 0.00" in lines
    lines = "\n".join(explained("loan_schedule", LOAN | {"down_payment_pct": "10"}))
    assert "principal 60000.00 as stated" in lines
    lines = "\n".join(explained("loan_schedule", LOAN | {"fixed_instalment": "101200"}))
    assert "instalment 101200.00 (as agreed)" in lines
    lines = "\n".join(explained("loan_schedule", LOAN | {"amortization": "EQUAL_PRINCIPAL"}))
    assert "principal 100000.00: 100000.000000 for a weight of 1, weight 1" in lines
    early = [{"date": "2026-02-10", "amount": "20000.00"}]
    lines = "\n".join(explained("loan_schedule", LOAN | {"payments": early}))
    assert "and 20000.00 paid in advance" in lines


def test_a_rate_change_counts_from_its_date_and_for_sources_from_the_night_before() -> None:
    change = [{"effective_date": "2026-02-14", "annual_rate_pct": "8"}]
    assert column("interest", rate_changes=change)[0] == "2761.64"
    assert engine_rows("cumulative", rate_changes=change)[0]["interest"] == "2827.39"


def test_a_rate_may_begin_with_the_instalment_due_on_or_after_a_date() -> None:
    change = [{"effective_from_instalment_due": "2026-03-05", "annual_rate_pct": "8"}]
    flat = column("interest", rate_changes=change, interest_method="FLAT")
    assert flat[:2] == ["1841.10", "4076.71"]
    assert engine_rows("cumulative", rate_changes=change, interest_method="FLAT")[1][
        "interest"
    ] == ("4076.71")


def test_payments_alone_are_recalculated_as_of_the_last_of_them() -> None:
    late = [{"date": "2026-03-05", "amount": "101169.91"}]
    fields = {"payments": late, "due_dates": ["2026-02-28", "2026-03-31"]}
    once = rows(**fields, number_of_repayments=2)
    assert once == rows(**fields, number_of_repayments=2, as_of_date="2026-03-05")
    assert once != rows(due_dates=fields["due_dates"], number_of_repayments=2)


def test_the_progressive_engine_smooths_unless_told_not_to() -> None:
    fields = {
        "principal": "75.00",
        "annual_rate_pct": "12.3",
        "number_of_repayments": 5,
        "days_in_year": "360",
        "days_in_month": "30",
        "disbursements": [{"date": "2024-01-01", "amount": "75.00"}],
        "rounding_mode": "HALF_EVEN",
    }
    smooth = engine_rows("progressive", **fields)
    assert [row["total"] for row in smooth] == ["15.47"] * 4 + ["15.45"]
    rough = engine_rows("progressive", **fields, last_instalment_smoothing="NONE")
    assert [row["total"] for row in rough] == ["15.46"] * 4 + ["15.49"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"principal": "600000.01"}, "inputs.principal: got '600000.01'; expected the sum"),
        ({"disbursements": []}, "inputs.disbursements"),
        ({"number_of_repayments": 5, "due_dates": ["2026-02-28"]}, "expected 1, as there are"),
        ({"number_of_repayments": None}, "a count, or due_dates"),
        ({"due_dates": ["2026-03-28", "2026-02-28"], "number_of_repayments": 2}, "a date after"),
        ({"period_from_dates": ["2026-01-31"]}, "none without due_dates"),
        (
            {"number_of_repayments": 1, "due_dates": ["2026-02-28"]}
            | {"period_from_dates": ["2026-01-31", "2026-02-01"]},
            "1 dates, one for each due date",
        ),
        ({"grace_on_principal": 6}, "grace on principal: got 6"),
        ({"grace_on_interest_payment": 6}, "grace on interest: got 6"),
        ({"principal_percentage_per_instalment": "5"}, "unless amortization is EQUAL_PRINCIPAL"),
        (
            {"principal_percentage_per_instalment": "20", "amortization": "EQUAL_PRINCIPAL"},
            "share of the principal per instalment",
        ),
        ({"down_payment_pct": "100"}, "less than 100"),
        (
            {"down_payment_pct": "10", "due_dates": ["2026-02-28"], "number_of_repayments": 1},
            "the down payment first, 2026-01-31",
        ),
        ({"fixed_instalment": "1841.10"}, "never repaid"),
        ({"fixed_instalment": "9.00", "amortization": "EQUAL_PRINCIPAL"}, "fixed_instalment"),
        ({"days_in_month": "30"}, "ACTUAL, or 30 with days_in_year 360"),
        ({"days_in_year": "ACTUAL", "interest_period": "SAME_AS_REPAYMENT"}, "365, 360 or 364"),
        ({"last_instalment_smoothing": "FINERACT"}, "engine progressive alone does"),
        (
            {"rate_changes": [{"effective_date": "2026-01-31", "annual_rate_pct": "5"}]},
            "a date of its own, after 2026-01-31",
        ),
        (
            {"rate_changes": [{"effective_date": "2026-03-01", "annual_rate_pct": "5"}] * 2},
            "a date of its own",
        ),
        ({"rate_changes": [{"annual_rate_pct": "5"}]}, "either this or effective_from_instalment"),
        (
            {
                "rate_changes": [
                    {"effective_from_instalment_due": "2027-01-01", "annual_rate_pct": "5"}
                ]
            },
            "a date up to the last due date",
        ),
        ({"compounding": "INTEREST"}, "inputs.compounding"),
        ({"interest_recalculation": "MONTHLY_REST"}, "inputs.interest_recalculation"),
        ({"paid_in_full_due_dates": ["2026-03-01"]}, "due dates of the schedule"),
    ],
)
def test_fields_that_do_not_fit_each_other_are_refused_by_name(
    changes: dict[str, Any], said: str
) -> None:
    assert said in refused("loan_schedule", LOAN | changes)


def test_policies_that_no_engine_has_are_refused_by_name() -> None:
    assert "this engine knows no other" in engine_refusal(
        "progressive", interest_period="SAME_AS_REPAYMENT"
    )
    assert "daily interest counts days" in engine_refusal("cumulative", days_in_month="30")
    leap = {"disbursements": [{"date": "2024-01-31", "amount": "600000.00"}]}
    assert "365, 360 or 364" in engine_refusal("cumulative", days_in_year="ACTUAL", **leap)
    assert engine_rows("cumulative", days_in_year="ACTUAL") == engine_rows("cumulative")


@pytest.mark.parametrize(
    ("kind", "dated"),
    [
        ("loan_schedule", {}),
        ("loan_payoff", {"payoff_date": "2026-03-05"}),
        ("loan_overdue", {"as_of_date": "2026-03-05"}),
    ],
)
def test_the_daily_rest_may_be_said_and_changes_nothing(kind: str, dated: dict[str, Any]) -> None:
    said = LOAN | dated | {"interest_recalculation": "DAILY_REST"}
    assert ask(kind, said) == ask(kind, LOAN | dated)
