"""An account that earns above zero and pays below it, against a diary kept in fractions."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.dates import days, month_end
from ledger.money import Rounding
from pricing.dated import Dated
from pricing.slabs import Slabs
from products.interest import Terms, replay
from products.interest.day_counts import EXACT_DENOMINATOR, DayCount
from products.interest.earning import Conditions, Overdraft
from products.interest.rounding import RoundingRule, Stage
from products.interest.running import Posting, Run, run
from tests.products.night_by_night import nights, of_a_night, rounded

START = date(2024, 2, 20)
SAVED, USED, LIMIT, BEYOND = 1_250_000, 7_300_000, 500_00, 9_000_000
BOTH_SIDES = Conditions(
    slabs=Slabs.flat(SAVED),
    overdraft=Overdraft(annual_rate_e8=USED, limit_satang=LIMIT, over_limit_rate_e8=BEYOND),
)
moves = st.dictionaries(
    st.integers(0, 59).map(lambda at: START + timedelta(at)),
    st.integers(-(10**7), 10**7),
    max_size=6,
)


def lived(
    changes: dict[date, int],
    rule: RoundingRule,
    conditions: Conditions = BOTH_SIDES,
    count: int = 60,
    day_count: DayCount = DayCount.ACT_365F,
) -> Run:
    """The dates from the start, interest posted at each month's end."""
    return run(
        start=START,
        stop=START + timedelta(count),
        changes=changes,
        conditions=Dated.of_changes("rates", START, conditions, {}),
        day_count=day_count,
        rounding=rule,
        ends_period=lambda on: on == month_end(on),
    )


def diary(
    changes: dict[date, int], rule: RoundingRule, day_count: DayCount
) -> tuple[list[Posting], int]:
    """The same account month by month: a list of nights, then one sum of it a side."""
    balance, posted = 0, []
    whole = [*nights(START, START + timedelta(60))]
    for _, month in groupby(whole, key=lambda night: (night.year, night.month)):
        written: list[tuple[int, Fraction, Fraction]] = []
        for night in month:
            balance += changes.get(night, 0)
            within, beyond = min(max(-balance, 0), LIMIT), max(-balance - LIMIT, 0)
            credit = of_a_night(max(balance, 0), SAVED, night, day_count)
            debit = of_a_night(within, USED, night, day_count)
            debit += of_a_night(beyond, BEYOND, night, day_count)
            written.append((balance, credit, debit))
        if night == month_end(night):
            credit_sum = summed([(amount, credit) for amount, credit, _ in written], rule)
            debit_sum = summed([(amount, debit) for amount, _, debit in written], rule)
            posted.append(
                Posting(period_end=night, credit_satang=credit_sum, debit_satang=debit_sum)
            )
            balance += credit_sum - debit_sum
    return posted, balance


def summed(written: list[tuple[int, Fraction]], rule: RoundingRule) -> int:
    """Nights added up as the stage says: singly, by runs of one balance, or all together."""
    if rule.stage is Stage.POSTING:
        parts = [sum((interest for _, interest in written), Fraction(0))]
    elif rule.stage is Stage.DAY:
        parts = [interest for _, interest in written]
    else:
        runs = groupby(written, key=lambda line: line[0])
        parts = [sum((interest for _, interest in alike), Fraction(0)) for _, alike in runs]
    return sum(rounded(part, rule.mode, rule.step_satang) for part in parts)


@given(
    changes=moves,
    mode=st.sampled_from(Rounding),
    step=st.sampled_from([1, 25]),
    stage=st.sampled_from(Stage),
    day_count=st.sampled_from(DayCount),
)
def test_an_account_is_what_a_diary_of_its_nights_says(
    changes: dict[date, int], mode: Rounding, step: int, stage: Stage, day_count: DayCount
) -> None:
    rule = RoundingRule(mode=mode, step_satang=step, stage=stage)
    found = lived(changes, rule, day_count=day_count)
    postings, balance = diary(changes, rule, day_count)
    assert [*found.postings] == postings
    assert found.balance_satang == balance


@given(changes=moves, mode=st.sampled_from(Rounding))
def test_above_zero_it_lives_as_a_savings_contract_does(
    changes: dict[date, int], mode: Rounding
) -> None:
    changes = {on: abs(amount) for on, amount in changes.items()}
    ends = frozenset({"02-29", "03-31"})
    stop = START + timedelta(60)
    contract = replay(
        terms=Terms(day_count=DayCount.ACT_365F, rounding=mode, capitalisation_days=ends),
        start=START,
        stop=stop,
        changes=changes,
        rates=dict.fromkeys(days(START, stop), SAVED),
    )
    found = lived(changes, RoundingRule(mode=mode))
    assert [posting.credit_satang for posting in found.postings] == [
        period.credited_satang for period in contract.periods
    ]
    assert [day.balance_satang for day in found.days] == [
        day.balance_satang for day in contract.accruals
    ]
    assert [day.credit_satang for day in found.days] == [
        day.cumulative_satang for day in contract.accruals
    ]


def test_both_sides_of_a_month_are_posted_and_never_netted() -> None:
    changes = {START: 365_000_00, START + timedelta(5): -730_000_00}
    found = lived(changes, RoundingRule(), count=10)
    (only,) = found.postings
    assert only.period_end == date(2024, 2, 29)
    assert only.credit_satang == 5 * 12_50
    # Five nights of 500.00 at 7.3% are 0.50, of 364,500.00 at 9% they are 449.3836.
    assert only.debit_satang == 449_88
    assert found.balance_satang == -365_000_00 + 62_50 - 449_88


def test_the_date_s_own_posting_bears_interest_from_the_next_date() -> None:
    found = lived({START: 365_000_00}, RoundingRule(), count=12)
    balances = [day.balance_satang for day in found.days]
    assert balances == [365_000_00] * 10 + [365_125_00] * 2
    assert found.days[10].credit_satang == 12_50


def test_sums_of_a_period_begin_anew_after_its_posting() -> None:
    found = lived({START: -365_00}, RoundingRule(), count=12)
    charged = [day.debit_satang for day in found.days]
    assert charged == [7, 15, 22, 29, 37, 44, 51, 58, 66, 73, 7, 15]
    assert all(day.credit_satang == 0 for day in found.days)


@pytest.mark.parametrize(
    ("stage", "charged"), [(Stage.DAY, 70), (Stage.STRETCH, 73), (Stage.POSTING, 73)]
)
def test_the_stage_decides_what_is_rounded_away(stage: Stage, charged: int) -> None:
    (posted,) = lived({START: -365_00}, RoundingRule(stage=stage), count=10).postings
    assert posted.debit_satang == charged


def test_an_overdraft_month_of_the_facility() -> None:
    begin = date(2025, 6, 1)
    used = Conditions(slabs=Slabs.flat(0), overdraft=Overdraft(annual_rate_e8=5_250_000))
    found = run(
        start=begin,
        stop=begin + timedelta(30),
        changes={
            begin: -3_000_000_00,
            begin + timedelta(10): -4_500_000_00,
            begin + timedelta(22): 7_500_000_00,
        },
        conditions=Dated.of_changes("rates", begin, used, {}),
        day_count=DayCount.ACT_365F,
        rounding=RoundingRule(),
        ends_period=lambda on: on == month_end(on),
    )
    (posted,) = found.postings
    assert (posted.debit_satang, posted.credit_satang) == (17_260_27, 0)
    exact = sum(day.earned.debit_exact for day in found.days)
    assert Fraction(exact, EXACT_DENOMINATOR) == Fraction(120_000_000_00 * 525, 365 * 10_000)
