"""Placements: coupons by anniversary, what a night accrues of them, and terms that cannot be."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput, InvariantBroken
from ledger.money import Rounding
from products.interest.day_counts import EXACT_DENOMINATOR, DayCount
from products.interest.rounding import RoundingRule, Stage
from products.placements import (
    InterestPaid,
    PlacementTerms,
    accrued,
    completed_months,
    coupons,
)
from tests.products.night_by_night import nights, of_a_night, rounded

START = date(2024, 1, 31)


def placed(
    principal: int = 10_000_000_00,
    maturity: date = date(2025, 1, 31),
    rate: int = 2_125_000,
    paid: InterestPaid = InterestPaid.AT_MATURITY,
    start: date = START,
    rounding: RoundingRule | None = None,
    day_count: DayCount = DayCount.ACT_365F,
) -> PlacementTerms:
    """Ten million for a year at 2.125% unless a test says otherwise."""
    return PlacementTerms(
        principal_satang=principal,
        start=start,
        maturity=maturity,
        annual_rate_e8=rate,
        paid=paid,
        rounding=rounding or RoundingRule(),
        day_count=day_count,
    )


def test_a_placement_that_pays_at_maturity_has_one_coupon() -> None:
    (plain,) = coupons(placed(start=date(2023, 1, 1), maturity=date(2024, 1, 1)))
    assert (plain.start, plain.stop) == (date(2023, 1, 1), date(2024, 1, 1))
    assert plain.amount_satang == 212_500_00
    (leap,) = coupons(placed(start=date(2024, 1, 1), maturity=date(2025, 1, 1)))
    assert leap.amount_satang == 213_082_19


def test_a_note_of_91_days_pays_its_coupon_at_maturity() -> None:
    note = placed(50_000_000_00, date(2025, 10, 15), 2_350_000, start=date(2025, 7, 16))
    assert [coupon.amount_satang for coupon in coupons(note)] == [292_945_21]


@pytest.mark.parametrize(
    ("paid", "stops"),
    [
        (InterestPaid.MONTHLY, ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-15"]),
        (InterestPaid.QUARTERLY, ["2024-04-30", "2024-05-15"]),
        (InterestPaid.HALF_YEARLY, ["2024-05-15"]),
        (InterestPaid.YEARLY, ["2024-05-15"]),
    ],
)
def test_coupons_end_on_anniversaries_of_the_start_and_the_last_at_maturity(
    paid: InterestPaid, stops: list[str]
) -> None:
    found = coupons(placed(maturity=date(2024, 5, 15), paid=paid))
    assert [coupon.stop.isoformat() for coupon in found] == stops
    assert [coupon.start for coupon in found] == [START, *(c.stop for c in found[:-1])]


def test_half_yearly_interest_is_paid_twice_a_year() -> None:
    found = coupons(placed(paid=InterestPaid.HALF_YEARLY))
    assert [coupon.stop for coupon in found] == [date(2024, 7, 31), date(2025, 1, 31)]


def test_a_note_of_five_years_pays_every_year() -> None:
    note = placed(
        1_000_000_00,
        date(2029, 2, 28),
        3_000_000,
        InterestPaid.YEARLY,
        start=date(2024, 2, 29),
        day_count=DayCount.ACT_ACT_CALYEAR,
    )
    stops = ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29", "2029-02-28"]
    assert [coupon.stop.isoformat() for coupon in coupons(note)] == stops


def test_a_maturity_on_an_anniversary_has_no_empty_coupon() -> None:
    found = coupons(placed(maturity=date(2024, 7, 31), paid=InterestPaid.QUARTERLY))
    assert [coupon.stop for coupon in found] == [date(2024, 4, 30), date(2024, 7, 31)]


def test_interest_runs_to_the_day_of_payment_only_where_the_product_says_so() -> None:
    terms = placed(365_00, date(2024, 2, 10), 10**8, start=date(2024, 2, 1))
    assert [coupon.amount_satang for coupon in coupons(terms)] == [9_00]
    (moved,) = coupons(terms, bears_until=date(2024, 2, 13))
    assert (moved.stop, moved.amount_satang) == (date(2024, 2, 13), 12_00)
    with pytest.raises(InvariantBroken, match="before maturity"):
        coupons(terms, bears_until=date(2024, 2, 9))


some_terms = st.builds(
    placed,
    principal=st.integers(1, 10**12),
    maturity=st.integers(1, 800).map(lambda count: START + timedelta(count)),
    rate=st.integers(0, 10**7),
    paid=st.sampled_from(InterestPaid),
    rounding=st.builds(
        RoundingRule,
        mode=st.sampled_from(Rounding),
        step_satang=st.sampled_from([1, 5, 25, 100]),
        stage=st.sampled_from(Stage),
    ),
    day_count=st.sampled_from(DayCount),
)


@given(terms=some_terms)
def test_a_coupon_is_what_its_nights_earn(terms: PlacementTerms) -> None:
    rule = terms.rounding
    for coupon in coupons(terms):
        single = [
            of_a_night(terms.principal_satang, terms.annual_rate_e8, night, terms.day_count)
            for night in nights(coupon.start, coupon.stop)
        ]
        assert Fraction(coupon.exact, EXACT_DENOMINATOR) == sum(single)
        parts = single if rule.stage is Stage.DAY else [sum(single, Fraction(0))]
        amount = sum(rounded(part, rule.mode, rule.step_satang) for part in parts)
        assert coupon.amount_satang == amount


@given(terms=some_terms)
def test_nightly_accruals_add_up_to_each_coupon(terms: PlacementTerms) -> None:
    total = 0
    for coupon in coupons(terms):
        running = [
            accrued(terms, night + timedelta(1)) for night in nights(coupon.start, coupon.stop)
        ]
        assert {each.start for each in running} == {coupon.start}
        assert running[-1] == coupon
        amounts = [0, *(each.amount_satang for each in running)]
        total += sum(after - before for before, after in pairwise(amounts))
    assert total == sum(coupon.amount_satang for coupon in coupons(terms))


def test_nothing_is_accrued_before_the_first_night() -> None:
    with pytest.raises(InvariantBroken, match="2024-01-31 does not lie after the start 2024-01-31"):
        accrued(placed(), START)


@pytest.mark.parametrize(
    ("principal", "rate", "maturity", "said"),
    [
        (0, 1, "2025-01-31", "principal: got 0; expected 1 satang or more"),
        (1, -1, "2025-01-31", "annual rate: got -1; expected a rate of 0 or more"),
        (1, 1, "2024-01-31", "maturity: got '2024-01-31'; expected a date after the start 2024"),
    ],
)
def test_terms_that_cannot_be_are_refused_by_name(
    principal: int, rate: int, maturity: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        placed(principal, date.fromisoformat(maturity), rate)


@pytest.mark.parametrize(
    ("stop", "months"),
    [
        ("2024-01-31", 0),
        ("2024-02-28", 0),
        ("2024-02-29", 1),
        ("2024-03-30", 1),
        ("2024-03-31", 2),
        ("2025-01-30", 11),
        ("2025-01-31", 12),
    ],
)
def test_a_month_is_completed_on_its_anniversary_or_the_month_s_last_day(
    stop: str, months: int
) -> None:
    assert completed_months(START, date.fromisoformat(stop)) == months
