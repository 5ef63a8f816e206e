"""Simple interest over changes of balance and rate: the runs against every single night."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from pricing.dated import Dated
from products.interest.day_counts import EXACT_DENOMINATOR, DayCount
from products.interest.earning import Conditions
from products.interest.rounding import HALF_UP_TO_A_SATANG, RoundingRule, Stage
from products.interest.stretches import Stretch, stretches
from tests.products.night_by_night import nights, of_a_night

START = date(2023, 12, 1)
BAHT = 100


def rates(first: int, changes: Mapping[date, int] | None = None) -> Dated[Conditions]:
    """One rate from the start, then others from their own dates."""
    later = {on: Conditions.flat(rate) for on, rate in (changes or {}).items()}
    return Dated.of_changes("rates", START, Conditions.flat(first), later)


def runs(
    changes: Mapping[date, int],
    conditions: Dated[Conditions],
    stop: date,
    opening: int = 0,
) -> list[Stretch]:
    """The runs from the start, by real days over 365."""
    return [
        *stretches(
            start=START,
            stop=stop,
            changes=changes,
            conditions=conditions,
            day_count=DayCount.ACT_365F,
            opening_satang=opening,
        )
    ]


@given(
    moves=st.dictionaries(st.integers(0, 99), st.integers(-(10**9), 10**9), max_size=6),
    rate_changes=st.dictionaries(st.integers(1, 99), st.integers(0, 10**7), max_size=4),
    opening=st.integers(-(10**9), 10**9),
    length=st.integers(0, 100),
    day_count=st.sampled_from(DayCount),
)
def test_runs_earn_what_their_nights_earn_one_by_one(
    moves: dict[int, int],
    rate_changes: dict[int, int],
    opening: int,
    length: int,
    day_count: DayCount,
) -> None:
    changes = {START + timedelta(at): amount for at, amount in moves.items()}
    dated = {START + timedelta(at): rate for at, rate in rate_changes.items()}
    stop = START + timedelta(length)
    found = [
        *stretches(
            start=START,
            stop=stop,
            changes=changes,
            conditions=rates(3_000_000, dated),
            day_count=day_count,
            opening_satang=opening,
        )
    ]
    balance, rate, slowly = opening, 3_000_000, Fraction(0)
    for night in nights(START, stop):
        balance += changes.get(night, 0)
        rate = dated.get(night, rate)
        slowly += of_a_night(max(balance, 0), rate, night, day_count)
    assert Fraction(sum(run.earned.credit_exact for run in found), EXACT_DENOMINATOR) == slowly
    assert [night for run in found for night in nights(run.start, run.stop)] == [
        *nights(START, stop)
    ]


def test_a_run_ends_where_the_balance_or_the_rate_changes() -> None:
    changes = {START: 100 * BAHT, START + timedelta(20): -30 * BAHT}
    found = runs(changes, rates(1, {START + timedelta(10): 2}), START + timedelta(30))
    told = [
        ((run.stop - run.start).days, run.balance_satang, run.conditions.rate_reached_e8(1))
        for run in found
    ]
    assert told == [(10, 100_00, 1), (10, 100_00, 2), (10, 70_00, 2)]


def test_the_day_of_a_deposit_counts_and_the_day_of_a_withdrawal_does_not() -> None:
    day = timedelta(1)
    there_and_away = {START: 365 * BAHT, START + day: -365 * BAHT}
    earned = sum(
        run.earned.credit_exact for run in runs(there_and_away, rates(10**8), START + 5 * day)
    )
    assert earned == 1 * BAHT * EXACT_DENOMINATOR


def test_an_account_begins_with_nothing_unless_it_had_a_balance() -> None:
    found = stretches(
        start=START,
        stop=START + timedelta(2),
        changes={START + timedelta(1): 5},
        conditions=rates(1),
        day_count=DayCount.ACT_365F,
    )
    assert [run.balance_satang for run in found] == [0, 5]


def test_what_lies_outside_the_dates_does_not_count() -> None:
    changes = {START - timedelta(1): 10**9, START + timedelta(2): 10**9}
    (only,) = runs(changes, rates(1), START + timedelta(2), opening=7)
    assert (only.balance_satang, only.start, only.stop) == (7, START, START + timedelta(2))


def test_two_rates_are_added_before_they_are_rounded_unless_the_stage_says_stretch() -> None:
    stop, change = START + timedelta(30), START + timedelta(15)
    exact = [
        run.earned.credit_exact
        for run in runs({START: 20_000_000 * BAHT}, rates(4_250_000, {change: 4_000_000}), stop)
    ]
    assert HALF_UP_TO_A_SATANG.settle_parts(exact) == 67_808_22
    halves = [EXACT_DENOMINATOR // 2] * 2
    assert RoundingRule(stage=Stage.STRETCH).settle_parts(halves) == 2
    assert RoundingRule(stage=Stage.POSTING).settle_parts(halves) == 1


def test_a_date_without_a_rate_is_refused_and_named() -> None:
    later = Dated.of_changes("rates", START + timedelta(5), Conditions.flat(1), {})
    with pytest.raises(
        InvalidInput, match="rates: got '2023-12-01'; expected a date from 2023-12-"
    ):
        runs({START: 1}, later, START + timedelta(9))
