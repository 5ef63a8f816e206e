"""Interest of deposits: published results, then the rules that must hold for every contract."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.dates import days
from ledger.errors import InvariantBroken
from ledger.money import Rounding, round_ratio
from pricing.rates import parse_rate_percent
from pricing.slabs import Slab, SlabBasis, Slabs
from products.interest import (
    DAYS_MULTIPLE,
    EXACT_DENOMINATOR,
    DayCount,
    Replay,
    Terms,
    day_exact,
    period_start,
    replay,
    span_exact,
)
from products.interest.earning import Conditions

FIXED, CALENDAR = DayCount.ACT_365F, DayCount.ACT_ACT_CALYEAR
BAHT = 100
# Published by others; the source stands in each case. Here are those whose rules a savings contract
# has: no interest on interest between credits, nothing below zero.
VECTORS = [
    case
    for case in json.loads(
        (Path(__file__).parents[1] / "vectors" / "savings_interest.json").read_text("utf-8")
    )["cases"]
    if case["kind"] == "savings_interest"
    and (case["inputs"]["posting"] == "DAILY" or case["inputs"]["compounding"] != "DAILY")
]
EVERY_DAY = frozenset(
    f"{on.month:02d}-{on.day:02d}" for on in days(date(2024, 1, 1), date(2025, 1, 1))
)


def terms(*ends: str, day_count: DayCount = FIXED, rounding: Rounding = Rounding.HALF_UP) -> Terms:
    """Terms that credit interest on the days named, 30 June and 31 December when none is."""
    return Terms(
        day_count=day_count,
        rounding=rounding,
        capitalisation_days=frozenset(ends or ("06-30", "12-31")),
    )


def satang(exact: int) -> int:
    """Rounded half-up, as a savings product rounds."""
    return round_ratio(exact, EXACT_DENOMINATOR)


def rate(percent: str) -> int:
    """`annual_rate_e8` of a rate as it is written."""
    return parse_rate_percent(percent)


def test_a_unit_of_exact_interest_stays_as_the_nights_have_recorded_it() -> None:
    assert (DAYS_MULTIPLE, EXACT_DENOMINATOR) == (1_603_080, 160_308_000_000_000)


def test_a_million_at_1_50_percent_for_30_days() -> None:
    start = date(2026, 6, 1)
    earned = span_exact(1_000_000 * BAHT, rate("1.5000"), start, start + timedelta(30), FIXED)
    assert satang(earned) == 1_232_88


def test_ten_million_for_a_year_and_for_a_leap_year() -> None:
    amount, percent = 10_000_000 * BAHT, rate("2.1250")
    plain, leap = (date(2023, 1, 1), date(2024, 1, 1)), (date(2024, 1, 1), date(2025, 1, 1))
    assert satang(span_exact(amount, percent, *plain, FIXED)) == 212_500_00
    assert satang(span_exact(amount, percent, *leap, FIXED)) == 213_082_19
    assert satang(span_exact(amount, percent, *leap, CALENDAR)) == 212_500_00


def test_a_span_across_new_year_is_cut_at_the_first_of_january() -> None:
    amount, percent = 20_000_000 * BAHT, rate("4.2500")
    span = (date(2023, 12, 1), date(2024, 1, 31))
    assert satang(span_exact(amount, percent, *span, FIXED)) == 142_054_79
    assert satang(span_exact(amount, percent, *span, CALENDAR)) == 141_863_91


def test_two_rates_are_summed_before_they_are_rounded() -> None:
    amount, start = 20_000_000 * BAHT, date(2026, 6, 1)
    change, end = start + timedelta(15), start + timedelta(30)
    earned = span_exact(amount, rate("4.2500"), start, change, FIXED)
    earned += span_exact(amount, rate("4.0000"), change, end, FIXED)
    assert satang(earned) == 67_808_22


def test_the_published_results_that_a_savings_contract_can_have_are_all_here() -> None:
    assert len(VECTORS) == 4


@pytest.mark.parametrize("case", VECTORS, ids=[case["id"] for case in VECTORS])
def test_a_published_result_comes_out(case: dict[str, dict[str, object]]) -> None:
    inputs, expected = case["inputs"], case["expected"]
    unit = 10 ** int(str(inputs["currency_decimals"]))
    movements = inputs["movements"]
    assert isinstance(movements, list)
    changes: dict[date, int] = {}
    for movement in movements:
        on = date.fromisoformat(movement["date"])
        changes[on] = changes.get(on, 0) + int(Decimal(movement["amount"]) * unit)
    start = min(changes)
    daily = inputs["posting"] == "DAILY"
    last = str(inputs.get("end_date") or inputs.get("posting_date") or start + timedelta(1))
    stop = date.fromisoformat(last)
    end = stop - timedelta(1)
    lived = replay(
        terms=Terms(
            day_count=FIXED,
            rounding=Rounding[str(inputs["rounding_mode"])],
            capitalisation_days=EVERY_DAY if daily else frozenset({f"{end:%m-%d}"}),
        ),
        start=start,
        stop=stop,
        changes=changes,
        rates=dict.fromkeys(days(start, stop), rate(f"{inputs['annual_rate_pct']}.00")),
    )
    earned = [period.credited_satang for period in lived.periods]
    found = {
        "postings": Decimal(earned[0]) / unit,
        "interest": Decimal(sum(earned)) / unit,
        "balance": Decimal(sum(changes.values()) + sum(earned)) / unit,
    }
    (name, wanted), *_ = expected.items()
    amount = wanted[0]["amount"] if isinstance(wanted, list) else str(wanted)
    assert abs(found[name] - Decimal(amount)) <= Decimal(str(case["tolerance"]))


def test_a_balance_below_zero_earns_nothing() -> None:
    assert day_exact(-1, rate("1.5000"), date(2026, 6, 1), FIXED) == 0


def test_a_date_without_a_rate_is_an_error_that_names_it() -> None:
    with pytest.raises(InvariantBroken, match="2026-06-01"):
        replay(terms=terms(), start=date(2026, 6, 1), stop=date(2026, 6, 2), changes={}, rates={})


def test_a_credit_bears_interest_from_the_next_day_and_begins_a_new_period() -> None:
    lived = _live(terms("06-02"), {date(2026, 6, 1): 365_000_00}, "10.0000", 4)
    assert [day.balance_satang for day in lived.accruals] == [
        365_000_00,
        365_000_00,
        365_200_00,
        365_200_00,
    ]
    assert [day.cumulative_satang for day in lived.accruals] == [100_00, 200_00, 100_05, 200_11]
    assert [period.credited_satang for period in lived.periods] == [200_00]
    assert lived.outstanding_satang == lived.cumulative_satang == 200_11


def test_a_credit_that_is_a_fact_stays_and_the_rest_waits_for_the_next() -> None:
    changes = {date(2026, 6, 1): 365_000_00}
    lived = _live(
        terms("06-02", "06-04"), changes, "10.0000", 4, fixed_credits={date(2026, 6, 2): 0}
    )
    assert [period.credited_satang for period in lived.periods] == [0, 400_00]


def test_slabs_price_a_contract_s_days_and_its_credits_reach_the_next_slab() -> None:
    steps = (
        Slab(from_satang=0, to_satang=365_100_00, annual_rate_e8=10_000_000),
        Slab(from_satang=365_100_00, to_satang=None, annual_rate_e8=20_000_000),
    )
    found = {
        basis: replay(
            terms=terms("06-02"),
            start=date(2026, 6, 1),
            stop=date(2026, 6, 4),
            changes={date(2026, 6, 1): 365_000_00},
            rates=dict.fromkeys(
                days(date(2026, 6, 1), date(2026, 6, 4)),
                Conditions(slabs=Slabs(basis=basis, slabs=steps), minimum_satang=365_000_00),
            ),
        )
        for basis in SlabBasis
    }
    told = {
        basis: [(day.annual_rate_e8, day.posted_satang) for day in lived.accruals]
        for basis, lived in found.items()
    }
    first_two = [(10_000_000, 100_00)] * 2
    assert told[SlabBasis.WHOLE] == [*first_two, (20_000_000, 200_11)]
    assert told[SlabBasis.SLICE] == [*first_two, (20_000_000, 100_08)]


def test_days_below_the_minimum_or_below_zero_earn_nothing_under_slabs() -> None:
    start, stop = date(2026, 6, 1), date(2026, 6, 4)
    earning = Conditions(slabs=Slabs.flat(10_000_000), minimum_satang=365_00)
    lived = replay(
        terms=terms(),
        start=start,
        stop=stop,
        changes={start: 364_99, date(2026, 6, 2): 1, date(2026, 6, 3): -400_00},
        rates=dict.fromkeys(days(start, stop), earning),
    )
    assert [day.posted_satang for day in lived.accruals] == [0, 10, 0]
    assert [day.balance_satang for day in lived.accruals] == [364_99, 365_00, -35_00]


def test_a_step_makes_every_accrued_and_credited_amount_a_multiple_of_it() -> None:
    lived = replay(
        terms=replace(terms("06-03"), step_satang=25),
        start=date(2026, 6, 1),
        stop=date(2026, 6, 4),
        changes={date(2026, 6, 1): 365_00},
        rates=dict.fromkeys(days(date(2026, 6, 1), date(2026, 6, 4)), 10_000_000),
    )
    assert [day.cumulative_satang for day in lived.accruals] == [0, 25, 25]
    assert [period.credited_satang for period in lived.periods] == [25]


def test_a_period_begins_after_the_last_credit_or_with_the_contract() -> None:
    first = date(2026, 3, 5)
    for on, start in (
        (date(2026, 6, 30), first),
        (date(2026, 7, 1), date(2026, 7, 1)),
        (date(2026, 12, 31), date(2026, 7, 1)),
        (first, first),
    ):
        assert period_start(terms(), on, first) == start


def _live(
    conditions: Terms,
    changes: dict[date, int],
    percent: str,
    count: int,
    fixed_credits: dict[date, int] | None = None,
) -> Replay:
    start = date(2026, 6, 1)
    stop = start + timedelta(count)
    return replay(
        terms=conditions,
        start=start,
        stop=stop,
        changes=changes,
        rates=dict.fromkeys(days(start, stop), rate(percent)),
        fixed_credits=fixed_credits,
    )


@given(
    moves=st.dictionaries(st.integers(0, 39), st.integers(-(10**12), 10**13), max_size=8),
    percent=st.sampled_from(["0.0000", "1.2500", "7.3000", "100.0000"]),
    day_count=st.sampled_from(DayCount),
    rounding=st.sampled_from(Rounding),
)
def test_what_is_credited_equals_what_was_accrued_to_the_satang(
    moves: dict[int, int], percent: str, day_count: DayCount, rounding: Rounding
) -> None:
    conditions = terms("06-11", "07-01", day_count=day_count, rounding=rounding)
    changes = {date(2026, 6, 1) + timedelta(n): amount for n, amount in moves.items()}
    lived = _live(conditions, changes, percent, 40)
    posted = sum(day.posted_satang for day in lived.accruals)
    credited = sum(period.credited_satang for period in lived.periods)
    assert posted == credited + lived.outstanding_satang
    assert lived.outstanding_satang == lived.cumulative_satang
    assert all(day.posted_satang >= 0 for day in lived.accruals)
