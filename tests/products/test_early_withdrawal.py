"""Placements ended early: the table of rules, the rate that is paid, and what is clawed back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.money import Rounding
from pricing.dated import Dated
from products.early_withdrawal import (
    EarlyRule,
    EarlyRules,
    EarlyWithdrawal,
    RateSource,
    withdraw_early,
)
from products.interest.day_counts import DayCount
from products.interest.rounding import RoundingRule
from products.placements import InterestPaid, PlacementTerms, coupons
from tests.products.night_by_night import nights, of_a_night, rounded

START = date(2026, 1, 15)
SAVINGS_RATE = Dated.of_changes("savings rate", START, 1_250_000, {date(2026, 5, 1): 1_000_000})


def rule(
    months: tuple[int, int | None], source: RateSource, part: int = 100, penalty: int = 0
) -> EarlyRule:
    """A row of the table."""
    return EarlyRule(
        from_months=months[0],
        to_months=months[1],
        source=source,
        part_percent=part,
        penalty_e8=penalty,
    )


USUAL = EarlyRules(
    rules=(
        rule((0, 3), RateSource.NOTHING),
        rule((3, 6), RateSource.SAVINGS, part=50),
        rule((6, 12), RateSource.SAVINGS),
        rule((12, None), RateSource.CONTRACT, penalty=500_000),
    )
)


def placed(
    principal: int = 1_000_000_00, paid: InterestPaid = InterestPaid.AT_MATURITY
) -> PlacementTerms:
    """A million for two years at 2.5%."""
    return PlacementTerms(
        principal_satang=principal,
        start=START,
        maturity=date(2028, 1, 15),
        annual_rate_e8=2_500_000,
        paid=paid,
    )


def ended(
    closed_on: date, paid_satang: int = 0, rules: EarlyRules = USUAL, **more: Dated[int]
) -> EarlyWithdrawal:
    """The placement ended on a date."""
    rates: Mapping[RateSource, Dated[int]] = {RateSource.SAVINGS: SAVINGS_RATE} | {
        RateSource(name): rate for name, rate in more.items()
    }
    return withdraw_early(
        placed(), rules, closed_on=closed_on, rates=rates, paid_satang=paid_satang
    )


@pytest.mark.parametrize(
    ("closed_on", "months", "source", "earned"),
    [
        ("2026-01-15", 0, RateSource.NOTHING, 0),
        ("2026-04-14", 2, RateSource.NOTHING, 0),
        # 90 nights at half of 1.25%.
        ("2026-04-15", 3, RateSource.SAVINGS, 1_541_10),
        # 106 nights at 0.625%, 74 at 0.5%: the savings rate fell on 1 May.
        ("2026-07-14", 5, RateSource.SAVINGS, 2_828_77),
        # 106 nights at 1.25%, 75 at 1%.
        ("2026-07-15", 6, RateSource.SAVINGS, 5_684_93),
        ("2027-01-14", 11, RateSource.SAVINGS, 10_698_63),
        # 365 nights at 2.5% less half a point.
        ("2027-01-15", 12, RateSource.CONTRACT, 20_000_00),
        ("2028-01-14", 23, RateSource.CONTRACT, 39_945_21),
    ],
)
def test_the_time_held_decides_the_rate_at_every_edge_of_the_table(
    closed_on: str, months: int, source: RateSource, earned: int
) -> None:
    found = ended(date.fromisoformat(closed_on))
    assert (found.held_months, found.rule.source) == (months, source)
    assert found.earned_satang == earned
    assert found.payout_satang == 1_000_000_00 + earned


def test_a_rule_that_says_no_more_pays_the_whole_rate_and_nothing_was_paid_before() -> None:
    plain = EarlyRules(
        rules=(EarlyRule(from_months=0, to_months=None, source=RateSource.CONTRACT),)
    )
    found = withdraw_early(placed(), plain, closed_on=date(2026, 4, 15), rates={})
    assert (found.earned_satang, found.paid_satang) == (6_164_38, 0)


def test_nothing_is_a_rate_of_zero() -> None:
    assert [piece.annual_rate_e8 for piece in ended(date(2026, 4, 14)).pieces] == [0]


def test_a_note_redeemed_after_120_days_earns_the_lower_rate() -> None:
    note = PlacementTerms(
        principal_satang=20_000_000_00,
        start=START,
        maturity=date(2027, 1, 15),
        annual_rate_e8=2_750_000,
    )
    closed = START + timedelta(120)
    lower = Dated.of_changes("savings rate", START, 1_250_000, {})
    table = EarlyRules(rules=(rule((0, None), RateSource.SAVINGS),))
    found = withdraw_early(note, table, closed_on=closed, rates={RateSource.SAVINGS: lower})
    assert found.earned_satang == 82_191_78
    own = EarlyRules(rules=(rule((0, None), RateSource.CONTRACT),))
    assert withdraw_early(note, own, closed_on=closed, rates={}).earned_satang == 180_821_92


def test_interest_paid_too_much_is_clawed_back_from_the_principal() -> None:
    monthly = coupons(placed(paid=InterestPaid.MONTHLY))
    paid = sum(coupon.amount_satang for coupon in monthly if coupon.stop <= date(2026, 4, 15))
    assert paid == 2_123_29 + 1_917_81 + 2_123_29
    found = ended(date(2026, 4, 15), paid_satang=paid)
    assert (found.earned_satang, found.owed_satang) == (1_541_10, 0)
    assert found.claw_back_satang == paid - 1_541_10 == 4_623_29
    assert found.payout_satang == 1_000_000_00 - 4_623_29


def test_interest_paid_too_little_is_owed_and_nothing_is_clawed_back() -> None:
    found = ended(date(2026, 4, 15), paid_satang=41_10)
    assert (found.owed_satang, found.claw_back_satang) == (1_500_00, 0)
    assert found.payout_satang == 1_000_000_00 + 1_500_00


def test_a_rate_of_the_chart_is_taken_less_its_points_and_never_below_zero() -> None:
    chart = Dated.of_changes("chart rate", START, 300_000, {})
    table = EarlyRules(rules=(rule((0, None), RateSource.CHART_HELD, penalty=500_000),))
    found = ended(date(2026, 4, 15), rules=table, chart_held=chart)
    assert [piece.annual_rate_e8 for piece in found.pieces] == [0]
    assert found.earned_satang == 0


def test_a_part_of_a_rate_is_a_whole_number_of_its_smallest_unit() -> None:
    half = rule((0, None), RateSource.CONTRACT, part=50)
    assert [half.rate_e8(rate) for rate in (2, 3, 4)] == [1, 2, 2]


@given(
    held=st.integers(0, 729),
    paid=st.integers(0, 1_000_000_00),
    part=st.integers(0, 100),
    penalty=st.integers(0, 3_000_000),
    mode=st.sampled_from(Rounding),
    day_count=st.sampled_from(DayCount),
)
def test_what_is_paid_back_is_principal_and_the_nights_held_less_what_was_paid(
    held: int, paid: int, part: int, penalty: int, mode: Rounding, day_count: DayCount
) -> None:
    terms = PlacementTerms(
        principal_satang=1_000_000_00,
        start=START,
        maturity=START + timedelta(730),
        annual_rate_e8=2_500_000,
        rounding=RoundingRule(mode=mode),
        day_count=day_count,
    )
    table = EarlyRules(rules=(rule((0, None), RateSource.SAVINGS, part, penalty),))
    closed = START + timedelta(held)
    found = withdraw_early(
        terms,
        table,
        closed_on=closed,
        rates={RateSource.SAVINGS: SAVINGS_RATE},
        paid_satang=paid,
    )
    slowly = Fraction(0)
    for night in nights(START, closed):
        whole = 1_250_000 if night < date(2026, 5, 1) else 1_000_000
        rate = max(rounded(Fraction(whole * part, 100), Rounding.HALF_UP) - penalty, 0)
        slowly += of_a_night(1_000_000_00, rate, night, day_count)
    earned = rounded(slowly, mode)
    assert found.earned_satang == earned
    assert found.payout_satang == 1_000_000_00 + earned - paid
    assert found.owed_satang - found.claw_back_satang == earned - paid


@pytest.mark.parametrize("closed_on", [START - timedelta(1), date(2028, 1, 15)])
def test_a_date_before_the_start_or_from_maturity_on_is_no_early_one(closed_on: date) -> None:
    said = f"closed_on: got '{closed_on}'; expected 2026-01-15 or later, before 2028-01-15"
    with pytest.raises(InvalidInput, match=said):
        ended(closed_on)


def test_more_paid_than_the_placement_holds_is_refused_with_the_most_there_can_be() -> None:
    assert ended(date(2026, 4, 15), paid_satang=1_001_541_10).payout_satang == 0
    said = "interest paid: got 100154111; expected at most 100154110, principal and interest"
    with pytest.raises(InvalidInput, match=said):
        ended(date(2026, 4, 15), paid_satang=1_001_541_11)


def test_a_rate_that_the_rule_names_and_nobody_gave_is_refused_by_its_name() -> None:
    table = EarlyRules(rules=(rule((0, None), RateSource.CHART_TERM),))
    with pytest.raises(InvalidInput, match="early rates: got 'no rate of chart_term'"):
        ended(date(2026, 4, 15), rules=table)


def test_a_savings_rate_that_begins_after_the_placement_is_a_gap_and_refused() -> None:
    late = Dated.of_changes("savings rate", date(2026, 2, 1), 1, {})
    with pytest.raises(InvalidInput, match="savings rate: got '2026-01-15'"):
        withdraw_early(
            placed(), USUAL, closed_on=date(2026, 4, 15), rates={RateSource.SAVINGS: late}
        )


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((), "early rules: got no row"),
        (((0, 3), (4, None)), r"early rules\[1\].from_months: got 4, a gap; expected 3"),
        (((0, 3), (2, None)), r"early rules\[1\].from_months: got 2, an overlap; expected 3"),
        (((1, None),), r"early rules\[0\].from_months: got 1; expected 0: the first"),
        (((0, 3),), r"early rules\[0\].to_months: got 3; expected no end"),
    ],
)
def test_a_table_that_leaves_a_time_out_or_says_it_twice_is_refused(
    rules: tuple[tuple[int, int | None], ...], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        EarlyRules(rules=tuple(rule(months, RateSource.NOTHING) for months in rules))


@pytest.mark.parametrize(
    ("part", "penalty", "said"),
    [(101, 0, "part_percent: got 101"), (-1, 0, "part_percent"), (100, -1, "penalty_e8: got -1")],
)
def test_a_part_outside_the_whole_or_a_negative_penalty_is_refused(
    part: int, penalty: int, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        EarlyRules(rules=(rule((0, None), RateSource.SAVINGS, part, penalty),))
