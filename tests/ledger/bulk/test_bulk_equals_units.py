"""A load posted by lines is the same as its journals posted one by one: rows, answers, digests.

Hypothesis draws books full of trouble and loads that ask for all of it: limits, holds, freezes,
ranges' ends, ids used before, dates that do not fit. Each load goes through the bulk writer on one
database and, unit by unit, through the sequential path on another; nothing may differ.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given

from tests.ledger.bulk.drawn import (
    AMOUNT_MAX,
    AccountRecipe,
    Drawn,
    LineRecipe,
    loads,
)
from tests.ledger.bulk.scenes import AGAIN, BRINKS, STALE, TROUBLE
from tests.ledger.bulk.twins import Twins, run_any_load

REFUSALS = (
    "amount_out_of_range",
    "accounts_must_differ",
    "unknown_account",
    "currency_mismatch",
    "value_date_after_business_date",
    "value_date_before_floor",
    "account_closed",
    "account_frozen_debit",
    "account_frozen_credit",
    "below_balance_min",
    "above_balance_max",
    "balance_out_of_range",
    "below_balance_min_later",
    "above_balance_max_later",
    "id_conflict",
)
"""Every reason for which a line can be refused."""

LOADS_MAX = 20


@given(drawn=loads(batches=False))
def test_a_load_in_one_batch_records_what_its_journals_one_by_one_would_have_recorded(
    twins: Twins, drawn: Drawn
) -> None:
    run_any_load(twins, drawn)


@given(drawn=loads(batches=True))
def test_a_load_in_many_batches_with_others_in_between_records_the_same_as_one_by_one(
    twins: Twins, drawn: Drawn
) -> None:
    run_any_load(twins, drawn)


def test_every_reason_for_which_a_line_can_be_refused_is_the_same_both_ways(twins: Twins) -> None:
    before = Counter(twins.counts)
    run_any_load(twins, TROUBLE)
    met = twins.counts - before
    missing = [code for code in REFUSALS if not met[code]]
    assert not missing
    assert met["posted"]
    assert met["replayed"]


@pytest.mark.parametrize("drawn", BRINKS)
def test_a_limit_and_the_end_of_a_range_are_met_to_the_satang_both_ways(
    twins: Twins, drawn: Drawn
) -> None:
    before = Counter(twins.counts)
    run_any_load(twins, drawn)
    assert (twins.counts - before)["posted"] >= 1


def test_a_line_whose_id_stands_in_the_batch_before_it_is_the_same_both_ways(twins: Twins) -> None:
    before = Counter(twins.counts)
    run_any_load(twins, AGAIN)
    met = twins.counts - before
    assert met["replayed"]
    assert met["id_conflict"]


def test_sums_that_would_pass_sixty_four_bits_are_added_up_whole(twins: Twins) -> None:
    """Five thousand lines of nearly 10^15 satang, there and back again."""
    there = LineRecipe(1, 2, AMOUNT_MAX)
    back = LineRecipe(2, 1, AMOUNT_MAX)
    lines = (there, back) * 2_500
    drawn = Drawn(accounts=(AccountRecipe(), AccountRecipe()), lines=lines, most=5_000)
    run_any_load(twins, replace(drawn, chunks=(5_000,)))


def test_a_batch_made_beforehand_is_used_and_one_that_somebody_else_came_before_is_not(
    twins: Twins,
) -> None:
    before, met = Counter(twins.counts), Counter[str]()
    for _ in range(LOADS_MAX):
        run_any_load(twins, STALE)
        met = twins.counts - before
        used = met["batches by lines"] - met["batches decided under the head"]
        if 0 < used < met["batches made beforehand"]:
            return
    pytest.fail(f"{LOADS_MAX} loads: {met}")
