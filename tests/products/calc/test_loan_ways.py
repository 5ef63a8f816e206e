"""Seasons, balloons, free months, holidays and reschedules in the calculator: by golden schedules.

The files of tests/products/golden are what an accountant reads; a case that states the same loan
must give the same rows, to the satang.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from products.calc.loan_inputs import FACILITY_ALONE
from products.calc.run import calculate
from tests.products.calc.asking import ask, explained, refused
from tests.products.schedules.golden import path_of

NINE_MONTHS: dict[str, Any] = {
    "annual_rate_pct": "5",
    "number_of_repayments": 9,
    "first_due_date": "2026-02-28",
    "disbursements": [{"date": "2026-01-31", "amount": "2400000"}],
    "rounding_mode": "HALF_UP",
}
SPARED: dict[str, Any] = NINE_MONTHS | {
    "annual_rate_pct": "4",
    "disbursements": [{"date": "2026-01-31", "amount": "600000"}],
    "instalment_multiple_of": "100",
}
SIX_MONTHS: dict[str, Any] = SPARED | {"number_of_repayments": 6}
HARVESTS: dict[str, Any] = {
    "annual_rate_pct": "6",
    "number_of_repayments": 8,
    "repay_every": 3,
    "first_due_date": "2026-06-30",
    "anchor_day": 31,
    "disbursements": [{"date": "2026-05-01", "amount": "900000"}],
    "amortization": "EQUAL_PRINCIPAL",
    "rounding_mode": "HALF_UP",
    "seasons": [
        {"due_date": "2026-12-31", "amount": "300000"},
        {"due_date": "2027-03-31", "amount": "200000"},
        {"due_date": "2028-03-31", "amount": "400000"},
    ],
}
SONGKRAN: dict[str, Any] = SPARED | {
    "number_of_repayments": 5,
    "first_due_date": "2026-03-14",
    "disbursements": [{"date": "2026-02-14", "amount": "600000"}],
    "on_holiday": "NEXT",
    "bank_holidays": ["2026-04-13", "2026-04-14", "2026-04-15", "2026-05-01"],
}
RESCHEDULED: dict[str, Any] = {
    "annual_rate_pct": "6",
    "number_of_repayments": 12,
    "disbursements": [{"date": "2026-01-01", "amount": "1200000"}],
    "instalment_multiple_of": "100",
    "rounding_mode": "HALF_UP",
    "reschedules": [
        {
            "date": "2026-06-10",
            "first_due_date": "2026-08-31",
            "anchor_day": 31,
            "repay_every": 2,
            "number_of_repayments": 8,
            "grace_on_principal": 2,
        }
    ],
}


def spared(**more: str) -> dict[str, Any]:
    """The loan of six months with a payment holiday of three from 1 April on."""
    return SIX_MONTHS | {"payment_holidays": [{"from_date": "2026-04-01", "count": 3, **more}]}


GOLDEN: Mapping[str, dict[str, Any]] = {
    "seasonal_after_the_harvests": HARVESTS,
    "balloon_of_a_stated_amount": NINE_MONTHS
    | {"amortization": "EQUAL_PRINCIPAL", "balloon_amount": "800000"},
    "equal_instalments_to_a_balloon": NINE_MONTHS
    | {"instalment_multiple_of": "100", "balloon_amount": "800000"},
    "interest_free_months": SPARED | {"interest_free_periods": 2},
    "principal_grace": SPARED | {"grace_on_principal": 3},
    "reschedule": RESCHEDULED,
    "payment_holiday_principal_only": spared(),
    "payment_holiday_of_everything": spared(interest="DEFERRED", end="MOVES"),
    "holidays_interest_follows": SONGKRAN,
    "holidays_interest_stays": SONGKRAN | {"interest_until": "DUE_DATE"},
}


def golden_rows(name: str) -> list[tuple[str, ...]]:
    """(due date, principal, interest, total, balance) of a golden file; the last are its totals."""
    text = path_of(name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found: list[tuple[str, ...]] = []
    for row in csv.DictReader(lines):
        named = {key.split()[-1]: value for key, value in row.items()}
        principal = Decimal(named["principal"]) + Decimal(named["prepaid"] or 0)
        rest = (named["interest"], named["total"], named["balance"])
        found.append((named["due_date"], str(principal), *rest))
    return found


@pytest.mark.parametrize(("name", "inputs"), GOLDEN.items(), ids=GOLDEN)
def test_a_case_that_states_the_loan_gives_the_rows_that_the_accountant_has(
    name: str, inputs: dict[str, Any]
) -> None:
    *expected, total = golden_rows(name)
    result = ask("loan_schedule", inputs)
    assert [
        (row["due_date"], row["principal"], row["interest"], row["total"], row["balance"])
        for row in result["rows"]
    ] == expected
    totals = result["totals"]
    assert (totals["principal"], totals["interest"], totals["total"]) == total[1:4]


@pytest.mark.parametrize(
    ("inputs", "lines"),
    [
        (
            HARVESTS,
            ["3, due 2026-12-31: principal 300000.00: 100000.000000 for a weight of 1, weight 3"],
        ),
        (
            GOLDEN["equal_instalments_to_a_balloon"],
            ["the level payment leaves 800000.00 for the last"],
        ),
        (
            GOLDEN["interest_free_months"],
            [
                "1, interest: 0.000000 settled HALF_UP as 0.00, an interest-free period",
                "2, interest: 0.000000 settled HALF_UP as 0.00, an interest-free period",
            ],
        ),
        (
            spared(),
            [
                "payment holiday from 2026-04-01: 3 without principal, their interest COLLECTED; "
                "the end moves"
            ],
        ),
        (
            RESCHEDULED,
            ["rescheduled on 2026-06-10: 8 instalments every 2 MONTHS, solved anew"],
        ),
        (
            SONGKRAN,
            [
                "due dates on a Saturday, a Sunday or a holiday (2026-04-13, 2026-04-14, "
                "2026-04-15, 2026-05-01) move: NEXT; interest runs to the day it moves to"
            ],
        ),
    ],
    ids=["seasons", "balloon", "free", "holiday", "reschedule", "bank holidays"],
)
def test_an_explanation_says_what_was_agreed(inputs: dict[str, Any], lines: list[str]) -> None:
    said = explained("loan_schedule", inputs)
    assert [line for line in lines if line not in said] == []


def test_changes_are_taken_in_the_order_of_their_dates_whatever_the_order_of_the_fields() -> None:
    # Spared first, then rescheduled: the dues of April and May are interest only.
    both = RESCHEDULED | {
        "payment_holidays": [{"from_date": "2026-04-01", "count": 2, "end": "STAYS"}]
    }
    rows = ask("loan_schedule", both)["rows"]
    assert [row["due_date"] for row in rows[3:7]] == [
        "2026-05-01",
        "2026-06-01",
        "2026-08-31",
        "2026-10-31",
    ]
    paid = [row["principal"] == "0.00" for row in rows[:7]]
    assert paid == [False, False, True, True, False, True, True]


def test_a_payoff_and_lateness_know_the_seasons_and_the_paydays_too() -> None:
    payoff = ask("loan_payoff", HARVESTS | {"payoff_date": "2026-08-29"})
    # 60 dates to 29 August from the due of 30 June, whose interest is paid then or never was.
    assert payoff["principal"] == "900000.00"
    late = ask("loan_overdue", SONGKRAN | {"as_of_date": "2026-03-20"})
    assert late["rows"][1]["due_date"] == "2026-04-16"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (
            HARVESTS | {"amortization": "EQUAL_INSTALMENTS"},
            "inputs.seasons: got a list of 3; expected none, unless amortization is EQUAL_PRIN",
        ),
        (HARVESTS | {"grace_on_principal": 1}, "inputs.grace_on_principal: got 1; expected none"),
        (HARVESTS | {"balloon_amount": "1"}, "inputs.seasons: got a list of 3; expected none bes"),
        (
            HARVESTS | {"seasons": HARVESTS["seasons"][:2]},
            "expected one on the last due date, 2028-03-31, and the principal in all",
        ),
        (
            HARVESTS | {"seasons": [{"due_date": "2026-12-30", "amount": "900000"}]},
            "inputs.seasons[0].due_date: got '2026-12-30'; expected one of the due dates, each onc",
        ),
        (
            HARVESTS | {"seasons": [HARVESTS["seasons"][2]] * 2},
            "inputs.seasons[1].due_date: got '2028-03-31'; expected one of the due dates, each onc",
        ),
        (
            NINE_MONTHS | {"amortization": "EQUAL_PRINCIPAL", "balloon_amount": "2400000"},
            "inputs.balloon_amount: got '2400000'; expected less than the principal",
        ),
        (
            NINE_MONTHS | {"balloon_amount": "800000", "fixed_instalment": "100000"},
            "inputs.balloon_amount: got '800000'; expected none beside fixed_instalment",
        ),
        (
            NINE_MONTHS | {"balloon_amount": "800000", "interest_method": "FLAT"},
            "inputs.balloon_amount: got '800000'; expected none with FLAT interest, unless amort",
        ),
        (
            NINE_MONTHS | {"balloon_amount": "2400000"},
            "inputs.balloon_amount: got '2400000'; expected less than the principal",
        ),
        (
            NINE_MONTHS | {"anchor_day": 15},
            "inputs.anchor_day: got 15; expected the day of first_due_date",
        ),
        (
            {key: NINE_MONTHS[key] for key in NINE_MONTHS if key != "first_due_date"}
            | {"anchor_day": 15},
            "inputs.anchor_day: got 15; expected none without first_due_date",
        ),
        (
            NINE_MONTHS | {"first_due_date": "2026-01-31"},
            "inputs.first_due_date: got '2026-01-31'; expected a date after 2026-01-31",
        ),
        (
            NINE_MONTHS | {"bank_holidays": ["2026-04-13"]},
            "inputs.bank_holidays: got a list of 1; expected none, unless on_holiday moves",
        ),
        (
            NINE_MONTHS | {"number_of_repayments": 1, "due_dates": ["2026-02-28"]},
            "inputs.first_due_date: got '2026-02-28'; expected none with due_dates",
        ),
        (
            spared() | {"payments": [{"date": "2026-02-28", "amount": "1"}]},
            "inputs.payment_holidays: got a list of 1; expected none beside payments",
        ),
        (
            RESCHEDULED | {"as_of_date": "2026-02-28"},
            "inputs.reschedules: got a list of 1; expected none beside payments",
        ),
        (
            RESCHEDULED | {"payment_holidays": [{"from_date": "2026-06-10", "count": 1}]},
            "inputs.reschedules[0].date: got '2026-06-10'; expected a date without another change",
        ),
        (
            SIX_MONTHS | {"payment_holidays": [{"from_date": "2026-04-01", "count": 1195}]},
            "inputs.payment_holidays[0].count: got 1195; expected at most 1200 instalments, due wi",
        ),
        (
            RESCHEDULED
            | {
                "reschedules": [
                    {"date": "2026-06-10", "number_of_repayments": 101, "repay_every": 12}
                ]
            },
            "inputs.reschedules[0].number_of_repayments: got 101; expected at most 1200 instalmen",
        ),
        (spared(interest="LATER"), "inputs.payment_holidays[0].interest: got 'LATER'; expected on"),
        (
            SIX_MONTHS | {"payment_holidays": [{"from_date": "2030-04-01", "count": 3}]},
            "change: got 'a date after the end'; expected a date up to 2026-07-28",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(inputs: dict[str, Any], words: str) -> None:
    assert words in refused("loan_schedule", inputs)


def test_a_loan_that_is_rescheduled_before_its_first_due_begins_where_interest_began() -> None:
    moved = RESCHEDULED | {"reschedules": [{"date": "2026-01-20", "number_of_repayments": 12}]}
    plain = {key: RESCHEDULED[key] for key in RESCHEDULED if key != "reschedules"}
    assert ask("loan_schedule", moved) == ask("loan_schedule", plain)


def test_a_holiday_without_interest_costs_the_lender_what_the_months_would_have_earned() -> None:
    free, paid = (ask("loan_schedule", spared(interest=word)) for word in ("FREE", "COLLECTED"))
    months = [Decimal(row["interest"]) for row in paid["rows"][2:5]]
    assert [row["interest"] for row in free["rows"][2:5]] == ["0.00"] * 3
    assert free["rows"][5:] == paid["rows"][5:]
    interest = [Decimal(each["totals"]["interest"]) for each in (paid, free)]
    assert interest[0] - interest[1] == sum(months) > 0


def test_stated_due_dates_end_where_they_end() -> None:
    stated = {key: SIX_MONTHS[key] for key in SIX_MONTHS if key != "first_due_date"} | {
        "number_of_repayments": 3,
        "due_dates": ["2026-02-28", "2026-03-28", "2026-04-28"],
    }
    moves = stated | {"payment_holidays": [{"from_date": "2026-03-01", "count": 1}]}
    assert "inputs.payment_holidays[0].end: got nothing; expected STAYS" in refused(
        "loan_schedule", moves
    )
    stays = stated | {"payment_holidays": [{"from_date": "2026-03-01", "count": 1, "end": "STAYS"}]}
    assert [row["principal"] == "0.00" for row in ask("loan_schedule", stays)["rows"]] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("engine", ["cumulative", "progressive"])
@pytest.mark.parametrize("field", FACILITY_ALONE)
def test_other_engines_have_none_of_it(engine: str, field: str) -> None:
    values: Mapping[str, object] = {
        "first_due_date": "2026-02-28",
        "anchor_day": 28,
        "on_holiday": "KEEP",
        "bank_holidays": [],
        "interest_until": "PAYDAY",
        "interest_free_periods": 1,
        "balloon_amount": "1",
        "seasons": [],
        "payment_holidays": [],
        "reschedules": [],
    }
    plain = {key: NINE_MONTHS[key] for key in NINE_MONTHS if key != "first_due_date"}
    inputs = plain | {field: values[field]}
    case = {"id": "x", "kind": "loan_schedule", "engine": engine, "inputs": inputs}
    (told,) = calculate([case])
    said = str(told["error"])
    assert f"inputs.{field}: " in said
    assert f"none with engine {engine}" in said
