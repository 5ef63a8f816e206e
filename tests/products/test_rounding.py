"""How interest becomes money: the mode, the step and the stage of a rule."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.money import Rounding
from products.interest.day_counts import EXACT_DENOMINATOR
from products.interest.rounding import HALF_UP_TO_A_SATANG, RoundingRule, Stage
from tests.products.night_by_night import rounded

HALF = EXACT_DENOMINATOR // 2


@pytest.mark.parametrize(
    ("step", "amounts"),
    [
        (1, {12_49: 12_49, 12_50: 12_50, 12_62: 12_62}),
        (5, {12_49: 12_50, 12_52: 12_50, 12_53: 12_55}),
        (25, {12_37: 12_25, 12_38: 12_50, 12_62: 12_50, 12_63: 12_75}),
        (100, {12_49: 12_00, 12_50: 13_00}),
    ],
)
def test_an_amount_is_a_multiple_of_the_step(step: int, amounts: dict[int, int]) -> None:
    rule = RoundingRule(step_satang=step)
    assert {amount: rule.settle(amount, 1) for amount in amounts} == amounts


@given(
    numerator=st.integers(-(10**20), 10**20),
    denominator=st.integers(1, 10**15),
    mode=st.sampled_from(Rounding),
    step=st.sampled_from([1, 5, 25, 50, 100]),
)
def test_a_step_is_rounded_to_as_decimal_arithmetic_does(
    numerator: int, denominator: int, mode: Rounding, step: int
) -> None:
    rule = RoundingRule(mode=mode, step_satang=step)
    expected = rounded(Fraction(numerator, denominator), mode, step)
    assert rule.settle(numerator, denominator) == expected


def test_parts_are_settled_one_by_one_or_together_as_the_stage_says() -> None:
    parts = [HALF, HALF, HALF]
    settled = {stage: RoundingRule(stage=stage).settle_parts(parts) for stage in Stage}
    assert settled == {Stage.DAY: 3, Stage.STRETCH: 3, Stage.POSTING: 2}


def test_the_facility_rounds_half_up_to_a_satang_once_a_posting() -> None:
    assert (
        RoundingRule(mode=Rounding.HALF_UP, step_satang=1, stage=Stage.POSTING)
        == HALF_UP_TO_A_SATANG
    )
    assert HALF_UP_TO_A_SATANG.settle(HALF) == 1
    assert HALF_UP_TO_A_SATANG.settle(HALF - 1) == 0


def test_a_step_below_one_satang_is_refused() -> None:
    with pytest.raises(InvalidInput, match="step_satang: got 0; expected a step of 1"):
        RoundingRule(step_satang=0)
