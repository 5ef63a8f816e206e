"""Corrections: recorded plus difference is what a replay from the beginning says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger.dates import days
from ledger.money import Rounding
from pricing.slabs import Slab, SlabBasis, Slabs
from products.interest import DayCount, Replay, Terms, replay
from products.interest.earning import Conditions
from products.interest_corrections import Recorded, correct

START = date(2026, 6, 1)
STOP = START + timedelta(30)
TERMS = Terms(
    day_count=DayCount.ACT_365F,
    rounding=Rounding.HALF_UP,
    capitalisation_days=frozenset({"06-10", "06-20"}),
)
RATES = dict.fromkeys(days(START, STOP), 7_300_000)
PERIOD_ENDS = (date(2026, 6, 10), date(2026, 6, 20))

changes_of_a_month = st.dictionaries(
    st.integers(0, 29).map(lambda n: START + timedelta(n)),
    st.integers(-(10**9), 10**12),
    max_size=6,
)


def _lived(
    changes: Mapping[date, int],
    fixed: Mapping[date, int] | None = None,
    rates: Mapping[date, int | Conditions] = RATES,
) -> Replay:
    return replay(
        terms=TERMS, start=START, stop=STOP, changes=changes, rates=rates, fixed_credits=fixed
    )


def _recorded(lived: Replay) -> Recorded:
    return Recorded(
        exact={day.on: day.exact for day in lived.accruals},
        balances={day.on: day.balance_satang for day in lived.accruals},
        credits={p.period_end: p.credited_satang for p in lived.periods if p.credited_satang},
        outstanding_satang=lived.outstanding_satang,
    )


def _merged(*changes: Mapping[date, int]) -> dict[date, int]:
    return {on: sum(c.get(on, 0) for c in changes) for on in {on for c in changes for on in c}}


STEPS = Slabs(
    basis=SlabBasis.SLICE,
    slabs=(
        Slab(from_satang=0, to_satang=10**11, annual_rate_e8=7_300_000),
        Slab(from_satang=10**11, to_satang=None, annual_rate_e8=10_950_000),
    ),
)


@given(known=changes_of_a_month, late=changes_of_a_month)
def test_late_equals_on_time_under_slabs_and_a_minimum(
    known: dict[date, int], late: dict[date, int]
) -> None:
    rates = dict.fromkeys(days(START, STOP), Conditions(slabs=STEPS, minimum_satang=10**10))
    before, truth = _lived(known, rates=rates), _lived(_merged(known, late), rates=rates)
    found = correct(
        terms=TERMS,
        start=START,
        stop=STOP,
        opening_satang=0,
        changes=_merged(known, late),
        rates=rates,
        recorded=_recorded(before),
    )
    exact = {day.on: day.exact for day in before.accruals}
    for day in found.days:
        exact[day.on] += day.exact_delta
    assert exact == {day.on: day.exact for day in truth.accruals}
    outstanding = before.outstanding_satang + found.accrued_delta - found.credited_delta
    assert outstanding == truth.outstanding_satang


@given(known=changes_of_a_month)
def test_nothing_late_corrects_nothing(known: dict[date, int]) -> None:
    recorded = _lived(known)
    found = correct(
        terms=TERMS,
        start=START,
        stop=STOP,
        opening_satang=0,
        changes=known,
        rates=RATES,
        recorded=_recorded(recorded),
    )
    assert found.days == ()
    assert found.credits == {}
    assert found.cumulative_exact == recorded.cumulative_exact


@given(
    known=changes_of_a_month,
    late=changes_of_a_month,
    refused=st.sets(st.sampled_from(PERIOD_ENDS)),
)
def test_recorded_and_difference_are_what_on_time_would_have_been(
    known: dict[date, int], late: dict[date, int], refused: set[date]
) -> None:
    # What was refused then would have been refused on time too.
    facts = {end: 0 for end in refused if _owed(_lived(known), end)}
    before = _lived(known, facts)
    truth = _lived(_merged(known, late), facts)
    found = correct(
        terms=TERMS,
        start=START,
        stop=STOP,
        opening_satang=0,
        changes=_merged(known, late),
        rates=RATES,
        recorded=_recorded(before),
    )
    exact = {day.on: day.exact for day in before.accruals}
    for day in found.days:
        exact[day.on] += day.exact_delta
    assert exact == {day.on: day.exact for day in truth.accruals}
    credited = {p.period_end: p.credited_satang for p in before.periods}
    assert {end: credited[end] + found.credits.get(end, 0) for end in credited} == {
        p.period_end: p.credited_satang for p in truth.periods
    }
    assert found.cumulative_exact == truth.cumulative_exact
    assert (
        before.outstanding_satang + found.accrued_delta - found.credited_delta
        == truth.outstanding_satang
    )


@given(known=changes_of_a_month, late=changes_of_a_month)
def test_an_account_that_refuses_keeps_its_credits_and_is_owed_the_difference(
    known: dict[date, int], late: dict[date, int]
) -> None:
    before = _lived(known)
    found = correct(
        terms=TERMS,
        start=START,
        stop=STOP,
        opening_satang=0,
        changes=_merged(known, late),
        rates=RATES,
        recorded=_recorded(before),
        may_credit=False,
    )
    facts = {p.period_end: p.credited_satang for p in before.periods}
    truth = _lived(_merged(known, late), facts)
    assert found.credits == {}
    assert before.outstanding_satang + found.accrued_delta == truth.outstanding_satang


def _owed(lived: Replay, end: date) -> bool:
    """True when that period end had something to credit, so that it could be refused."""
    return any(p.period_end == end and p.accrued_satang for p in lived.periods)
