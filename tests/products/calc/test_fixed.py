"""Kinds of fixed deposits: simple, compounding, by months, closed early, taxed, recurring."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from math import prod
from typing import Any

import pytest

from tests.products.calc.asking import ask, explained, refused

MATURITY, PREMATURE, TAX = (
    "fixed_deposit_maturity",
    "fixed_deposit_premature",
    "fixed_deposit_tax",
)
DEPOSIT = {
    "principal": "1000000.00",
    "annual_rate_pct": "2.125",
    "start_date": "2026-01-31",
    "term_months": 12,
    "rounding_mode": "HALF_UP",
}
CHART = [
    {"from_months": 3, "to_months": 5, "rate": "1"},
    {"from_months": 6, "to_months": 11, "rate": "1.5"},
    {"from_months": 12, "to_months": None, "rate": "2"},
]
EARLY = {
    "principal": "1000000.00",
    "term_months": 12,
    "start_date": "2026-01-31",
    "rate_chart": CHART,
    "penal_rate_pct": "0.25",
    "penal_applies_to": "TILL_PREMATURE_WITHDRAWAL",
    "rounding_mode": "HALF_UP",
}
MONTHS = {
    "principal": "10000",
    "annual_rate_pct": "7",
    "term_months": 14,
    "compounding_months": 1,
}


def with_(case: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A case with some fields set, or taken away by None."""
    return {name: value for name, value in (case | changes).items() if value is not None}


def test_a_deposit_that_does_not_compound_is_a_placement_of_ours() -> None:
    assert ask(MATURITY, DEPOSIT) == {"maturity": "1021250.00"}
    assert explained(MATURITY, DEPOSIT) == [
        "2026-01-31 to 2027-01-30: 1000000.00 x 2.125% x 365 days ACT/365 = 21250.00000000"
        " -> 21250.00 (HALF_UP)"
    ]


def test_maturity_follows_from_the_term_or_is_stated_within_its_last_month() -> None:
    moved = with_(DEPOSIT, maturity_date="2027-02-01")
    assert ask(MATURITY, moved) == {"maturity": "1021308.22"}
    assert ask(MATURITY, with_(moved, term_months=None)) == {"maturity": "1021308.22"}


def test_growth_is_explained_posting_by_posting() -> None:
    case = with_(DEPOSIT, term_months=2, posting_months=1, annual_rate_pct="3.65")
    assert explained(MATURITY, case) == [
        "2026-01-31 to 2026-02-27: earned 2800.000000000, added to the deposit",
        "2026-02-28 to 2026-03-30: earned 3108.680000000, added to the deposit",
        "2026-03-31: 1005908.680000000 -> 1005908.68 (HALF_UP)",
    ]


def satang(amount: Decimal) -> str:
    """An amount rounded half-up to two places."""
    return str(amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


# From a 31st: 28 nights to 28 February, then 31, 30 ... to each anniversary.
NIGHTS = (28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31)
BY_MONTHS = prod((1 + Decimal("0.02125") * nights / 365 for nights in NIGHTS), start=Decimal(10**6))
BY_DAYS = Decimal(10**6) * (1 + Decimal("0.02125") / 365) ** 365


@pytest.mark.parametrize(
    ("more", "maturity"),
    [
        ({"posting": "MONTHLY"}, BY_MONTHS),
        ({"posting_months": 1}, BY_MONTHS),
        ({"compounding_months": 1}, BY_MONTHS),
        ({"posting": "ANNUAL", "compounding": "MONTHLY"}, BY_MONTHS),
        ({"posting": "MONTHLY", "compounding": "DAILY"}, BY_DAYS),
        ({"posting": "ANNUAL"}, Decimal(1_021_250)),
    ],
)
def test_interest_joins_a_deposit_at_anniversaries_of_its_start(
    more: dict[str, Any], maturity: Decimal
) -> None:
    assert ask(MATURITY, with_(DEPOSIT, **more)) == {"maturity": satang(maturity)}


def test_whole_months_compound_exactly_or_are_rounded() -> None:
    exact = Decimal(10000) * (1 + Decimal("0.07") / 12) ** 14
    rounded = ask(MATURITY, MONTHS)["maturity"]
    unrounded = ask(MATURITY, MONTHS | {"rounding": "none"})["maturity"]
    assert rounded == satang(exact)
    assert len(unrounded.partition(".")[2]) == 16
    assert abs(Decimal(unrounded) - exact) < Decimal("1e-15")


def test_an_unrounded_result_keeps_every_decimal_that_it_has() -> None:
    five = {"annual_rate_pct": "5", "term_months": 12, "rounding": "none"}
    plain = ask(MATURITY, MONTHS | five | {"compounding_months": 6})
    odd = ask(MATURITY, MONTHS | five | {"compounding_months": 12, "principal": "0.01"})
    none = ask(MATURITY, MONTHS | five | {"compounding_months": 12, "annual_rate_pct": "0"})
    assert plain["maturity"] == "10506.250000"
    assert odd["maturity"] == "0.0105000000000000"
    assert none["maturity"] == "10000.0"
    assert explained(MATURITY, MONTHS | five | {"compounding_months": 6}) == [
        "10000.00 x (1 + 5% x 6/12) ^ 2 = 10506.250000"
    ]


@pytest.mark.parametrize(("term", "places"), [(32, 64), (33, 16)])
def test_an_unrounded_result_is_written_out_up_to_64_places(term: int, places: int) -> None:
    case = {"annual_rate_pct": "12", "term_months": term, "rounding": "none"}
    text = ask(MATURITY, MONTHS | case)["maturity"]
    assert len(text.partition(".")[2]) == places
    assert abs(Decimal(text) - Decimal(10000) * Decimal("1.01") ** term) < Decimal("1e-15")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"term_months": None}, "inputs.term_months: got nothing"),
        ({"maturity_date": "2027-03-01"}, "inputs.maturity_date: got '2027-03-01'; expected 12 m"),
        ({"maturity_date": "2027-01-30"}, "inputs.maturity_date: got '2027-01-30'; expected 12 m"),
        (
            {"term_months": None, "maturity_date": "2026-01-31"},
            "inputs.maturity_date: got '2026-01-31'; expected a date after 2026-01-31",
        ),
        ({"posting": "WEEKLY"}, "inputs.posting: got 'WEEKLY'; expected one of DAILY, MONTHLY"),
        ({"posting": "MONTHLY", "posting_months": 1}, "inputs.posting_months: got unknown field"),
        ({"balance_method": "AVERAGE"}, "inputs.balance_method"),
        ({"days_in_year": "364"}, "inputs.days_in_year: got '364'; expected one of 365, 360"),
        ({"principal": "0"}, "inputs.principal"),
    ],
)
def test_a_deposit_that_cannot_be_is_refused_with_the_field(
    more: dict[str, Any], said: str
) -> None:
    assert said in refused(MATURITY, with_(DEPOSIT, **more))


def test_terms_are_valid_when_compounding_divides_the_term() -> None:
    terms = {"principal": "100", "annual_rate_pct": "5", "term_months": 12, "posting_months": 3}
    kind = "fixed_deposit_validation"
    assert ask(kind, terms | {"compounding_months": 6}) == {"result": "VALID"}
    said = explained(kind, terms | {"compounding_months": 6})
    assert said == ["12 months are 2 periods of 6 months"]
    assert "divides the term of 12" in refused(kind, terms | {"compounding_months": 7})
    assert "compounding_months: got nothing" in refused(kind, terms)
    assert "divides the term of 14" in refused(MATURITY, MONTHS | {"compounding_months": 3})


@pytest.mark.parametrize(
    ("closed_on", "applies", "rate", "amount"),
    [
        # 89 nights are not yet three months from a 31st; from 30 April they are.
        ("2026-04-30", "TILL_PREMATURE_WITHDRAWAL", "0.75", "1001828.77"),
        ("2026-07-30", "TILL_PREMATURE_WITHDRAWAL", "0.75", "1003698.63"),
        ("2026-07-31", "TILL_PREMATURE_WITHDRAWAL", "1.25", "1006198.63"),
        ("2026-07-31", "WHOLE_TERM", "1.75", "1008678.08"),
        ("2026-01-31", "WHOLE_TERM", "1.75", "1000000.00"),
    ],
)
def test_a_deposit_closed_early_earns_the_chart_s_rate_less_points(
    closed_on: str, applies: str, rate: str, amount: str
) -> None:
    case = EARLY | {"closed_on": closed_on, "penal_applies_to": applies}
    assert ask(PREMATURE, case) == {"applied_rate_pct": rate, "amount": amount}


def test_without_points_the_chart_s_own_rate_is_paid() -> None:
    case = with_(EARLY, closed_on="2026-07-31", penal_rate_pct=None)
    assert ask(PREMATURE, case)["applied_rate_pct"] == "1.5"


def test_points_beyond_the_rate_leave_no_interest_and_take_no_principal() -> None:
    case = EARLY | {"closed_on": "2026-05-15", "penal_rate_pct": "3"}
    assert ask(PREMATURE, case) == {"applied_rate_pct": "0", "amount": "1000000.00"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"closed_on": "2026-04-29"}, "chart terms: got '2 months'; expected 3 months or more."),
        ({"closed_on": "2026-01-30"}, "inputs.closed_on: got '2026-01-30'; expected 2026-01-31 o"),
        ({"closed_on": "2027-01-31"}, "later, before maturity on 2027-01-31"),
        (
            {"closed_on": "2026-05-15", "rate_chart": [CHART[0], CHART[2]]},
            "chart terms[1].from: got 12 months, a gap; expected 6 months",
        ),
        ({"closed_on": "2026-05-15", "penal_applies_to": "NEVER"}, "expected one of WHOLE_TERM"),
    ],
)
def test_an_early_closure_without_a_rate_or_out_of_time_is_refused(
    more: dict[str, Any], said: str
) -> None:
    assert said in refused(PREMATURE, EARLY | more)


def test_tax_is_taken_once_from_all_the_interest() -> None:
    case = DEPOSIT | {"withholding_tax_pct": "15"}
    assert ask(TAX, case) == {"gross": "1021250.00", "tax": "3187.50", "net": "1018062.50"}
    assert explained(TAX, case)[-1] == "21250.00 x 15% tax = 3187.50 (HALF_UP)"
    exempt = ask(TAX, DEPOSIT | {"withholding_tax_pct": "0"})
    assert (exempt["tax"], exempt["net"]) == ("0.00", "1021250.00")


def test_segments_of_days_are_added_up_before_they_are_rounded_and_taxed() -> None:
    case = {
        "principal": "20000000.00",
        "withholding_tax_pct": "1",
        "rounding_mode": "HALF_UP",
        "segments": [
            {"days": 15, "annual_rate_pct": "4.25"},
            {"days": 15, "annual_rate_pct": "4.00"},
        ],
    }
    assert ask(TAX, case) == {"gross": "20067808.22", "tax": "678.08", "net": "20067130.14"}
    assert "nobody knows the year" in refused(TAX, case | {"days_in_year": "ACTUAL"})
    assert "inputs.segments: got a list of 0" in refused(TAX, case | {"segments": []})


def test_a_recurring_deposit_is_paid_in_at_the_start_of_each_step() -> None:
    case = {
        "deposit": "36500.00",
        "deposits": 3,
        "every_months": 1,
        "first_deposit_date": "2026-01-01",
        "annual_rate_pct": "10",
        "rounding_mode": "HALF_UP",
    }
    kind = "recurring_deposit_maturity"
    # 90 + 59 + 31 nights at 10.00 a night.
    assert ask(kind, case) == {"maturity": "111300.00"}
    grown = Decimal(0)
    for nights in (31, 28, 31):
        grown = (grown + 36500) * (1 + Decimal("0.1") * nights / 365)
    assert ask(kind, case | {"posting": "MONTHLY"}) == {"maturity": satang(grown)}
    monthly = {name: value for name, value in case.items() if name != "every_months"}
    assert ask(kind, monthly) == {"maturity": "111300.00"}
    assert "maturity" in ask(kind, case | {"deposits": 100, "every_months": 12})
    too_long = case | {"deposits": 400, "every_months": 12}
    assert "inputs.deposits: got 400; expected deposits over at most 1200" in refused(
        kind, too_long
    )
