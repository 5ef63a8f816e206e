"""What a balance earns or pays on a date: slabs, a minimum, an overdraft and its limit."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from pricing.slabs import Slab, SlabBasis, Slabs
from products.interest.day_counts import DAYS_MULTIPLE, EXACT_DENOMINATOR, DayCount
from products.interest.earning import Conditions, Earned, Overdraft, interest_of
from tests.products.night_by_night import of_a_night, rate_of_satang

DAY = DAYS_MULTIPLE // 365
ON = date(2026, 6, 1)
SAVED, USED, BEYOND = 1_000_000, 7_000_000, 9_000_000


def conditions(minimum: int = 0, limit: int | None = None) -> Conditions:
    """1% on what is saved, 7% on what is used, 9% beyond the limit where there is one."""
    beyond = None if limit is None else BEYOND
    used = Overdraft(annual_rate_e8=USED, limit_satang=limit, over_limit_rate_e8=beyond)
    return Conditions(slabs=Slabs.flat(SAVED), minimum_satang=minimum, overdraft=used)


def test_above_zero_a_balance_earns_and_below_it_pays() -> None:
    assert interest_of(5, conditions(), DAY) == Earned(credit_exact=5 * SAVED * DAY)
    assert interest_of(-5, conditions(), DAY) == Earned(debit_exact=5 * USED * DAY)
    assert interest_of(0, conditions(), DAY) == Earned()


def test_without_an_overdraft_a_balance_below_zero_costs_nothing() -> None:
    assert interest_of(-5, Conditions.flat(SAVED), DAY) == Earned()


def test_a_balance_below_the_minimum_earns_nothing_that_day() -> None:
    earned = [
        interest_of(amount, conditions(minimum=500), DAY).credit_exact for amount in (499, 500, 501)
    ]
    assert earned == [0, 500 * SAVED * DAY, 501 * SAVED * DAY]


@pytest.mark.parametrize(
    ("used", "weighted"),
    [
        (999, 999 * USED),
        (1000, 1000 * USED),
        (1001, 1000 * USED + BEYOND),
        (1500, 1000 * USED + 500 * BEYOND),
    ],
)
def test_beyond_the_limit_only_the_excess_pays_more(used: int, weighted: int) -> None:
    earned = interest_of(-used, conditions(limit=1000), DAY)
    assert earned == Earned(debit_exact=weighted * DAY)


def test_a_limit_of_nothing_makes_everything_an_excess() -> None:
    assert interest_of(-10, conditions(limit=0), DAY).debit_exact == 10 * BEYOND * DAY


@given(
    balance=st.integers(-120, 120),
    bound=st.integers(1, 100),
    rates=st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)),
    basis=st.sampled_from(SlabBasis),
    minimum=st.integers(0, 60),
    limit=st.integers(0, 100),
    day_count=st.sampled_from(DayCount),
)
def test_a_night_is_the_sum_of_what_every_satang_earns_or_pays(
    balance: int,
    bound: int,
    rates: tuple[int, int],
    basis: SlabBasis,
    minimum: int,
    limit: int,
    day_count: DayCount,
) -> None:
    plain = [(0, bound, rates[0]), (bound, None, rates[1])]
    slabs = tuple(Slab(from_satang=a, to_satang=b, annual_rate_e8=r) for a, b, r in plain)
    valid = Conditions(
        slabs=Slabs(basis=basis, slabs=slabs),
        minimum_satang=minimum,
        overdraft=Overdraft(annual_rate_e8=USED, limit_satang=limit, over_limit_rate_e8=BEYOND),
    )
    credit = debit = Fraction(0)
    for at in range(balance if balance >= minimum else 0):
        place = balance if basis is SlabBasis.WHOLE else at
        credit += of_a_night(1, rate_of_satang(place, plain), ON, day_count)
    for at in range(-balance):
        debit += of_a_night(1, USED if at < limit else BEYOND, ON, day_count)
    found = interest_of(balance, valid, day_count.day_units(ON))
    assert Fraction(found.credit_exact, EXACT_DENOMINATOR) == credit
    assert Fraction(found.debit_exact, EXACT_DENOMINATOR) == debit


def test_the_rate_that_a_balance_reaches_is_its_slab_s_or_the_overdraft_s() -> None:
    assert conditions().rate_reached_e8(0) == SAVED
    assert conditions().rate_reached_e8(-1) == USED
    assert Conditions.flat(SAVED).rate_reached_e8(-1) == 0


@pytest.mark.parametrize(
    ("rate", "limit", "beyond", "said"),
    [
        (-1, None, None, "overdraft rate: got -1"),
        (USED, 100, None, "limit and over-limit rate: got '100, None'; expected both"),
        (USED, None, BEYOND, "limit and over-limit rate"),
        (USED, -1, BEYOND, "overdraft limit: got -1"),
        (USED, 100, USED - 1, "over-limit rate: got 6999999; expected at least the rate within"),
    ],
)
def test_an_overdraft_that_cannot_be_is_refused_by_name(
    rate: int, limit: int | None, beyond: int | None, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        Overdraft(annual_rate_e8=rate, limit_satang=limit, over_limit_rate_e8=beyond)


def test_an_overdraft_may_cost_nothing_and_the_excess_no_more_than_the_rest() -> None:
    free = Overdraft(annual_rate_e8=0)
    level = Overdraft(annual_rate_e8=USED, limit_satang=1, over_limit_rate_e8=USED)
    assert (free.weighted_e8(7), level.weighted_e8(7)) == (0, 7 * USED)
