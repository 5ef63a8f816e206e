"""Savings kinds: where the looking back ends, what is posted, and what contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.products.calc.asking import ask, explained, refused

KIND, CHARGED = "savings_interest", "savings_overdraft_interest"
MOVEMENT = ("2026-06-10", "1.00")


def account(*movements: tuple[str, str], **more: Any) -> dict[str, Any]:
    """An account at 10%, half-up, interest posted each month and not compounding before."""
    rows = [{"date": on, "amount": amount} for on, amount in movements]
    case = {
        "annual_rate_pct": "10",
        "posting": "MONTHLY",
        "rounding_mode": "HALF_UP",
        "movements": rows,
    }
    return {name: value for name, value in (case | more).items() if value is not None}


def postings(result: dict[str, Any], name: str = "postings") -> list[tuple[str, str]]:
    """Dates and amounts of a list of postings."""
    return [(each["date"], each["amount"]) for each in result[name]]


def test_the_first_period_that_ends_is_the_end_where_none_is_stated() -> None:
    result = ask(KIND, account(("2026-06-10", "365.00"), ("2026-06-20", "365.00")))
    assert postings(result) == [("2026-07-01", "3.20")]
    assert result["posting"] == {"date": "2026-07-01", "amount": "3.20"}
    assert (result["interest"], result["balance"]) == ("3.20", "733.20")


def test_without_an_end_the_period_of_the_last_movement_is_the_last() -> None:
    result = ask(KIND, account(("2026-06-01", "365.00"), ("2026-07-31", "1.00")))
    assert [on for on, _ in postings(result)] == ["2026-07-01", "2026-08-01"]


def test_a_movement_on_the_end_date_itself_bears_a_night() -> None:
    result = ask(KIND, account(("2026-06-10", "3650.00"), end_date="2026-06-10"))
    assert (result["unposted"], result["balance"]) == ("1.00", "3650.00")


def test_the_balance_of_an_end_date_leaves_out_what_is_posted_after_it() -> None:
    june = account(("2026-06-01", "3650.00"), end_date="2026-06-30")
    result = ask(KIND, june)
    assert postings(result) == [("2026-07-01", "30.00")]
    assert (result["interest"], result["balance"]) == ("30.00", "3650.00")
    later = ask(KIND, june | {"end_date": "2026-07-01"})
    assert (later["interest"], later["balance"], later["unposted"]) == ("30.00", "3680.00", "1.01")
    own_end = ask(KIND, june | {"post_on": "CURRENT_PERIOD_END"})
    assert (postings(own_end), own_end["balance"]) == ([("2026-06-30", "30.00")], "3680.00")


def test_a_posting_date_posts_what_was_earned_before_it() -> None:
    result = ask(KIND, account(("2026-06-01", "3650.00"), posting_date="2026-07-11"))
    assert postings(result) == [("2026-07-01", "30.00"), ("2026-07-11", "10.08")]
    assert "posting" not in result
    assert result["balance"] == "3690.08"


@pytest.mark.parametrize(
    ("posting", "dates"),
    [
        ("QUARTERLY", ["2026-04-01", "2026-07-01", "2026-10-01", "2027-01-01"]),
        ("BI_ANNUAL", ["2026-07-01", "2027-01-01"]),
        ("ANNUAL", ["2027-01-01"]),
    ],
)
def test_interest_is_posted_at_the_ends_of_calendar_periods(posting: str, dates: list[str]) -> None:
    case = account(("2026-01-01", "1000.00"), posting=posting, end_date="2026-12-31")
    assert [on for on, _ in postings(ask(KIND, case))] == dates


def test_a_financial_year_that_begins_in_april_posts_at_the_end_of_march() -> None:
    case = account(
        ("2026-01-01", "1000.00"),
        posting="ANNUAL",
        financial_year_begins_month=4,
        end_date="2026-12-31",
    )
    assert [on for on, _ in postings(ask(KIND, case))] == ["2026-04-01"]


def test_credit_and_debit_interest_are_posted_apart() -> None:
    both = account(
        ("2026-06-01", "365.00"),
        ("2026-06-11", "-730.00"),
        overdraft_rate_pct="20",
        end_date="2026-06-30",
    )
    saved = ask(KIND, both)
    assert postings(saved) == [("2026-07-01", "1.00")]
    assert postings(saved, "overdraft_postings") == [("2026-07-01", "4.00")]
    charged = ask(CHARGED, both)
    assert postings(charged) == [("2026-07-01", "4.00")]
    assert postings(charged, "credit_postings") == [("2026-07-01", "1.00")]
    assert (saved["interest"], charged["interest"]) == ("1.00", "4.00")


def test_below_zero_costs_nothing_where_no_overdraft_is_agreed() -> None:
    result = ask(KIND, account(("2026-06-01", "-365.00"), end_date="2026-06-30"))
    assert (result["postings"], result["interest"]) == ([], "0.00")


def test_what_is_used_beyond_the_limit_pays_the_over_limit_rate() -> None:
    case = account(
        ("2026-06-01", "-1000.00"),
        annual_rate_pct=None,
        overdraft_rate_pct="7.3",
        overdraft_limit="500.00",
        over_limit_rate_pct="14.6",
        end_date="2026-06-30",
    )
    # A day 0.10 and 0.20, thirty days.
    assert ask(CHARGED, case)["interest"] == "9.00"


def test_slabs_price_the_whole_balance_or_each_slice_and_a_minimum_earns_nothing() -> None:
    slabs = [
        {"from_amount": "0", "to_amount": "3650.00", "rate": "10"},
        {"from_amount": "3650.00", "rate": "20"},
    ]
    case = account(("2026-06-01", "7300.00"), annual_rate_pct=None, slabs=slabs)
    assert ask(KIND, case | {"slab_basis": "WHOLE"})["interest"] == "120.00"
    assert ask(KIND, case | {"slab_basis": "SLICE"})["interest"] == "90.00"
    minimum = {"slab_basis": "SLICE", "minimum_balance": "7300.01"}
    assert ask(KIND, case | minimum)["interest"] == "0.00"


def test_a_rate_change_is_in_force_from_its_date() -> None:
    changes = [
        {"effective_date": "2026-06-21", "annual_rate_pct": "30"},
        {"effective_date": "2026-06-11", "annual_rate_pct": "20"},
    ]
    case = account(("2026-06-01", "365.00"), rate_changes=changes)
    assert ask(KIND, case)["interest"] == "6.00"


@pytest.mark.parametrize(
    ("day_count", "year", "interest"),
    [
        ("ACT/365", "365", "29.08"),
        ("ACT/360", "360", "29.48"),
        ("ACT/ACT", "ACTUAL", "29.00"),
        ("30E/360", "360", "30.50"),
    ],
)
def test_a_leap_february_under_each_day_count(day_count: str, year: str, interest: str) -> None:
    case = account(
        ("2024-02-01", "3660.00"),
        day_count=day_count,
        days_in_year=year,
    )
    assert ask(KIND, case)["interest"] == interest


def test_a_reversed_movement_never_was_and_a_back_dated_one_always_was() -> None:
    plain = account(("2026-06-01", "365.00"), ("2026-06-11", "365.00"), end_date="2026-06-30")
    late = account(("2026-06-01", "365.00"), end_date="2026-06-30")
    late["movements"] += [
        {"date": "2026-06-11", "amount": "365.00", "entered_on": "2026-06-30"},
        {"date": "2026-06-02", "amount": "9999.00", "reversed": True},
    ]
    assert ask("savings_backdated", late) == ask("savings_backdated", plain)


def test_compounding_between_postings_is_the_calculator_s_alone() -> None:
    case = account(("2026-01-01", "1000.00"), posting="QUARTERLY", end_date="2026-03-31")
    simple = ask(KIND, case)["interest"]
    monthly = ask(KIND, case | {"compounding": "MONTHLY"})["interest"]
    daily = ask(KIND, case | {"compounding": "DAILY"})["interest"]
    assert [simple, monthly, daily] == ["24.66", "24.86", "24.96"]
    assert ask(KIND, case | {"compounding": "ANNUAL"})["interest"] == simple


@pytest.mark.parametrize("compounding", ["MONTHLY", "DAILY"])
def test_unposted_interest_is_told_where_the_end_cuts_a_period(compounding: str) -> None:
    case = account(("2026-06-01", "3650.00"), compounding=compounding, end_date="2026-06-02")
    result = ask(KIND, case)
    assert (result["postings"], result["unposted"]) == ([], "2.00")


def test_ten_years_may_be_posted_every_day() -> None:
    case = account(MOVEMENT, ("2030-01-01", "1"), posting="DAILY", end_date="2036-06-16")
    assert len(ask(KIND, case | {"annual_rate_pct": "1000"})["postings"]) == 3660


def test_every_run_of_days_and_every_posting_is_explained() -> None:
    case = account(
        ("2026-06-01", "365.00"),
        ("2026-06-11", "-730.00"),
        overdraft_rate_pct="20",
        end_date="2026-06-30",
    )
    assert explained(KIND, case) == [
        "2026-06-01 to 2026-06-10: 365.00 x 10% x 10 days ACT/365 = 1.00000000",
        "2026-06-11 to 2026-06-30: -365.00 x 20% overdraft x 20 days ACT/365 = 4.00000000",
        "posted 2026-07-01: credited 1.00 (HALF_UP), charged 4.00 (HALF_UP)",
        "balance at the close of 2026-06-30: -365.00",
    ]


def test_slabs_minimum_and_limit_are_named_in_the_explanation() -> None:
    slabs = [
        {"from_amount": "0", "to_amount": "100.00", "rate": "1"},
        {"from_amount": "100.00", "rate": "2"},
    ]
    case = account(
        ("2026-06-01", "50.00"),
        ("2026-06-02", "100.00"),
        ("2026-06-03", "-300.00"),
        annual_rate_pct=None,
        slabs=slabs,
        slab_basis="SLICE",
        minimum_balance="60.00",
        overdraft_rate_pct="7",
        overdraft_limit="100.00",
        over_limit_rate_pct="9",
        end_date="2026-06-30",
    )
    rates = [line.split(" x ")[1] for line in explained(KIND, case)[:3]]
    assert rates == [
        "0% (below the minimum)",
        "slices up to 2%",
        "7% overdraft, 9% of what is over the limit",
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"movements": []}, "inputs.movements: got a list of 0; expected at least one movement"),
        (
            {"end_date": "2026-06-09"},
            "inputs.movements: got a list of 1; expected movements dated an",
        ),
        ({"posting_date": "2026-06-10"}, "expected dates up to 2026-06-09"),
        (
            {
                "movements": [
                    {"date": "2026-06-10", "amount": "1.00"},
                    {"date": "2026-06-20", "amount": "1.00"},
                ],
                "posting_date": "2026-06-20",
            },
            "expected dates up to 2026-06-19",
        ),
        (
            {"end_date": "2026-07-01", "posting_date": "2026-07-01"},
            "inputs.posting_date: got '2026-07-01'; expected either posting_date or end_date",
        ),
        ({"day_count": "ACT/365", "days_in_year": "360"}, "inputs.days_in_year: got '360'; expect"),
        ({"balance_method": "AVERAGE_DAILY_BALANCE"}, "expected one of DAILY_BALANCE"),
        (
            {"posting": "DAILY", "end_date": "2036-06-17"},
            "inputs.posting: got 'DAILY'; expected periods longer than a day, or 3,660 dates",
        ),
        ({"financial_year_begins_month": 13}, "inputs.financial_year_begins_month: got 13"),
        ({"financial_year_begins_month": 0}, "expected a whole number, 1 to 12"),
        ({"posting": None}, "inputs.posting: got nothing; expected one of DAILY, MONTHLY"),
        ({"annual_rate_pct": None}, "inputs.annual_rate_pct: got nothing"),
        ({"overdraft_limit": "5.00"}, "inputs.overdraft_limit: got unknown field"),
        (
            {"overdraft_rate_pct": "7", "overdraft_limit": "5.00"},
            "limit and over-limit rate: got '500, None'; expected both of them or neither",
        ),
        (
            {"overdraft_rate_pct": "7", "overdraft_limit": "5", "over_limit_rate_pct": "6"},
            "over-limit rate: got 6000000",
        ),
        (
            {"rate_changes": [{"effective_date": "2026-06-10", "annual_rate_pct": "1"}]},
            "inputs.rate_changes: got '2026-06-10'; expected dates after 2026-06-10",
        ),
        (
            {"rate_changes": [{"effective_date": "2026-07-10", "annual_rate_pct": "1"}] * 2},
            "no two the same",
        ),
        (
            {"minimum_balance": "1.00", "compounding": "DAILY"},
            "inputs.compounding: got 'DAILY'; expected no compounding between postings with slabs",
        ),
        (
            {"slabs": [{"from_amount": "0", "to_amount": "9", "rate": "1"}], "slab_basis": "WHOLE"},
            "inputs.annual_rate_pct: got unknown field",
        ),
    ],
)
def test_an_account_that_contradicts_itself_is_refused_with_the_field(
    more: dict[str, Any], said: str
) -> None:
    assert said in refused(KIND, account(MOVEMENT, **more))


@pytest.mark.parametrize(
    ("slabs", "said"),
    [
        ([("0", "100.00"), ("100.01", None)], "slabs[1].from: got 100.01, a gap; expected 100.00"),
        ([("0", "100.00"), ("99.00", None)], "slabs[1].from: got 99.00, an overlap"),
        ([("0", "100.00")], "slabs[0].to: got 100.00; expected no end"),
        ([("1.00", None)], "slabs[0].from: got 1.00; expected 0.00"),
        ([("0", None)] * 121, "inputs.slabs: got a list of 121; expected a list of at most 120"),
    ],
)
def test_slabs_that_do_not_meet_are_refused(slabs: list[tuple[str, str | None]], said: str) -> None:
    rows = [{"from_amount": low, "to_amount": high, "rate": "1"} for low, high in slabs]
    case = account(MOVEMENT, annual_rate_pct=None, slabs=rows, slab_basis="SLICE")
    assert said in refused(KIND, case)


@pytest.mark.parametrize(
    ("movement", "said"),
    [
        ({"entered_on": "2026-06-09"}, "expected no movement entered before its date"),
        ({"entered_on": "2026-07-02"}, "expected movements dated and entered by 2026-07-01"),
        ({"reversed": True}, "expected at least one movement that was not reversed"),
        ({"reversed": "yes"}, "inputs.movements[0].reversed: got 'yes'; expected true or false"),
    ],
)
def test_a_movement_that_cannot_have_been_is_refused(movement: dict[str, Any], said: str) -> None:
    case = account(MOVEMENT, end_date="2026-07-01")
    case["movements"][0] |= movement
    assert said in refused("savings_backdated", case)


def test_an_overdraft_without_its_rate_is_refused() -> None:
    assert "inputs.overdraft_rate_pct: got nothing" in refused(CHARGED, account(MOVEMENT))
