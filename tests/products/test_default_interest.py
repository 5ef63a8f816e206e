"""Default interest: published results, then what must hold whatever is overdue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.money import Rounding
from pricing.dated import Dated, DatedRow
from products.default_interest import (
    BANK_OF_THAILAND_CAP,
    Cap,
    DefaultInterest,
    OverdueStretch,
    default_interest,
    overdue_stretches,
)
from products.interest import DayCount

many = settings(max_examples=max(200, settings().max_examples))
"""Draws cost microseconds here, and a wrong order shows only in few of them."""

DUE = date(2026, 1, 31)
PERCENT = 10**6
NO_CHANGES: Mapping[date, int] = {}


def rates(first: int, changes: Mapping[date, int] = NO_CHANGES) -> Dated[int]:
    """Contract rates in percent, from long before the due date on."""
    whole = {on: rate * PERCENT for on, rate in changes.items()}
    return Dated.of_changes("contract rate", date(2020, 1, 1), first * PERCENT, whole)


def capped(cap: Cap, changes: Mapping[date, Cap] | None = None) -> Dated[Cap]:
    """A cap in force since long ago, and its changes."""
    return Dated.of_changes("default cap", date(2020, 1, 1), cap, changes or {})


def owed(
    principal_satang: int, contract: Dated[int], caps: Dated[Cap], margin: int, late: int
) -> DefaultInterest:
    """Default interest of an instalment `late` days after its due date; margin in percent."""
    return default_interest(
        overdue_stretches(
            principal_satang=principal_satang,
            start=DUE,
            stop=DUE + timedelta(late),
            contract_rates=contract,
            margin_e8=margin * PERCENT,
            caps=caps,
        )
    )


BOT = capped(BANK_OF_THAILAND_CAP)


def test_half_a_million_17_days_late_costs_1047_95_at_the_contracts_rate_and_698_63_on_top() -> (
    None
):
    contract = Dated.of_changes("contract rate", date(2020, 1, 1), 4_500_000, {})
    cost = owed(500_000_00, contract, BOT, margin=3, late=17)
    assert cost.contract_satang() == 1_047_95
    assert cost.extra_satang() == 698_63
    assert cost.whole_satang() == 1_746_58


def test_ten_thousand_30_days_late_at_8_and_3_percent_costs_90_41() -> None:
    cost = owed(10_000_00, rates(8), BOT, margin=3, late=30)
    assert cost.whole_satang(Rounding.HALF_EVEN) == 90_41
    assert (cost.contract_satang(), cost.extra_satang()) == (65_75, 24_66)


def test_the_days_before_and_on_the_due_date_cost_nothing() -> None:
    assert owed(10_000_00, rates(8), BOT, margin=3, late=0).whole_satang() == 0
    assert owed(36_500_00, rates(8), BOT, margin=3, late=1).extra_satang() == 3_00


def test_a_change_of_the_contracts_rate_is_summed_before_it_is_rounded() -> None:
    changed = rates(4, {DUE + timedelta(10): 5})
    cost = owed(365_000_00, changed, BOT, margin=3, late=30)
    assert cost.contract_satang() == (40_00 * 10) + (50_00 * 20)
    assert cost.extra_satang() == 30_00 * 30


def test_a_margin_above_the_cap_is_charged_up_to_the_cap_of_each_day() -> None:
    caps = capped(Cap(margin_e8=3 * PERCENT), {DUE + timedelta(10): Cap(margin_e8=2 * PERCENT)})
    cost = owed(365_000_00, rates(4), caps, margin=5, late=30)
    assert cost.extra_satang() == 30_00 * 10 + 20_00 * 20


@pytest.mark.parametrize(
    ("contract", "margin", "extra"), [(8, 3, 3), (13, 3, 2), (15, 3, 0), (16, 3, 0), (8, 0, 0)]
)
def test_a_cap_on_the_whole_rate_leaves_the_margin_what_room_there_is(
    contract: int, margin: int, extra: int
) -> None:
    cap = Cap(margin_e8=3 * PERCENT, annual_rate_e8=15 * PERCENT)
    assert cap.extra_e8(contract * PERCENT, margin * PERCENT) == extra * PERCENT


@pytest.mark.parametrize(
    ("principal", "margin", "said"),
    [(-1, 3, "principal_satang: got -1; expected 0 or"), (1, -3, "margin_e8: got -3000000")],
)
def test_a_principal_or_a_margin_below_zero_is_refused(
    principal: int, margin: int, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        owed(principal, rates(4), BOT, margin=margin, late=1)


def test_a_day_without_a_rate_or_without_a_cap_is_refused() -> None:
    one_day = DatedRow(from_date=DUE, to_date=DUE + timedelta(1), value=4 * PERCENT)
    ended = Dated(what="contract rate", rows=(one_day,))
    with pytest.raises(InvalidInput, match="contract rate: got '2026-02-01'; expected a date"):
        owed(1, ended, BOT, margin=3, late=2)
    begun = Dated.of_changes("default cap", DUE + timedelta(1), BANK_OF_THAILAND_CAP, {})
    with pytest.raises(InvalidInput, match="default cap: got '2026-01-31'; expected a date"):
        owed(1, rates(4), begun, margin=3, late=2)


some_rates = st.dictionaries(
    st.integers(1, 60).map(lambda n: DUE + timedelta(n)), st.integers(0, 20), max_size=4
)
some_caps = st.builds(
    Cap,
    margin_e8=st.integers(0, 5).map(lambda p: p * PERCENT),
    annual_rate_e8=st.none() | st.integers(0, 20).map(lambda p: p * PERCENT),
)


@many
@given(
    principal=st.integers(0, 10**12),
    first=st.integers(0, 20),
    changes=some_rates,
    cap=some_caps,
    later=some_caps,
    change=st.integers(1, 60),
    margin=st.integers(0, 6),
    late=st.integers(0, 70),
    day_count=st.sampled_from((DayCount.ACT_365F, DayCount.ACT_360, DayCount.ACT_ACT_CALYEAR)),
)
def test_default_interest_is_the_sum_of_its_days_each_at_its_own_rate_and_cap(
    principal: int,
    first: int,
    changes: dict[date, int],
    cap: Cap,
    later: Cap,
    change: int,
    margin: int,
    late: int,
    day_count: DayCount,
) -> None:
    cost = default_interest(
        overdue_stretches(
            principal_satang=principal,
            start=DUE,
            stop=DUE + timedelta(late),
            contract_rates=rates(first, changes),
            margin_e8=margin * PERCENT,
            caps=capped(cap, {DUE + timedelta(change): later}),
            day_count=day_count,
        )
    )
    year = 360 if day_count is DayCount.ACT_360 else 365
    contract = extra = Fraction(0)
    rate = first
    for night in range(late):
        rate = changes.get(DUE + timedelta(night), rate)
        limit = later if night >= change else cap
        most = min(margin * PERCENT, limit.margin_e8)
        if limit.annual_rate_e8 is not None and rate * PERCENT + most > limit.annual_rate_e8:
            most = max(limit.annual_rate_e8 - rate * PERCENT, 0)
        contract += Fraction(principal * rate, 100 * year)
        extra += Fraction(principal * most, 10**8 * year)
    assert (cost.contract_exact, cost.extra_exact) == (contract, extra)


@many
@given(
    pieces=st.lists(
        st.tuples(st.integers(0, 10**10), st.integers(0, 400), st.integers(0, 10**7)), max_size=4
    ),
    mode=st.sampled_from(Rounding),
)
def test_one_rounded_sum_is_never_a_satang_away_from_what_its_two_parts_come_to(
    pieces: list[tuple[int, int, int]], mode: Rounding
) -> None:
    cost = default_interest(
        OverdueStretch(
            principal_satang=principal,
            years=Fraction(late, 365),
            contract_rate_e8=rate,
            extra_rate_e8=3 * PERCENT,
        )
        for principal, late, rate in pieces
    )
    apart = cost.contract_satang(mode) + cost.extra_satang(mode)
    assert abs(cost.whole_satang(mode) - apart) <= 1
