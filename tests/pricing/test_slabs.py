"""Slabs of a balance: bounds to the satang, whole or by slice, no hole and no overlap."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput, InvariantBroken
from pricing.slabs import Slab, SlabBasis, Slabs
from tests.products.night_by_night import rate_of_satang

LOW, MIDDLE, HIGH = 1_000_000, 1_500_000, 2_000_000
FIRST, SECOND = 100_000_00, 1_000_000_00


def slab(begin: int, end: int | None, rate: int) -> Slab:
    """A slab [begin, end) of satang."""
    return Slab(from_satang=begin, to_satang=end, annual_rate_e8=rate)


THREE = (slab(0, FIRST, LOW), slab(FIRST, SECOND, MIDDLE), slab(SECOND, None, HIGH))


@pytest.mark.parametrize(
    ("amount", "rate"),
    [
        (0, LOW),
        (1, LOW),
        (FIRST - 1, LOW),
        (FIRST, MIDDLE),
        (FIRST + 1, MIDDLE),
        (SECOND - 1, MIDDLE),
        (SECOND, HIGH),
        (SECOND + 1, HIGH),
        (10**17, HIGH),
    ],
)
def test_a_bound_belongs_to_the_slab_above_it(amount: int, rate: int) -> None:
    whole = Slabs(basis=SlabBasis.WHOLE, slabs=THREE)
    assert whole.reached(amount).annual_rate_e8 == rate
    assert whole.weighted_e8(amount) == amount * rate


@pytest.mark.parametrize(
    ("amount", "weighted"),
    [
        (FIRST - 1, (FIRST - 1) * LOW),
        (FIRST, FIRST * LOW),
        (FIRST + 1, FIRST * LOW + MIDDLE),
        (SECOND, FIRST * LOW + (SECOND - FIRST) * MIDDLE),
        (SECOND + 1, FIRST * LOW + (SECOND - FIRST) * MIDDLE + HIGH),
    ],
)
def test_by_slice_each_part_of_a_balance_has_its_own_rate(amount: int, weighted: int) -> None:
    assert Slabs(basis=SlabBasis.SLICE, slabs=THREE).weighted_e8(amount) == weighted


@given(
    widths=st.lists(st.integers(1, 40), max_size=4),
    rates=st.lists(st.integers(0, 10**7), min_size=5, max_size=5),
    amount=st.integers(0, 200),
)
def test_both_bases_agree_with_pricing_every_single_satang(
    widths: Sequence[int], rates: Sequence[int], amount: int
) -> None:
    bounds = [0]
    for width in widths:
        bounds.append(bounds[-1] + width)
    ends: list[int | None] = [*bounds[1:], None]
    plain = [*zip(bounds, ends, rates, strict=False)]
    slabs = tuple(slab(*each) for each in plain)
    by_satang = sum(rate_of_satang(at, plain) for at in range(amount))
    assert Slabs(basis=SlabBasis.SLICE, slabs=slabs).weighted_e8(amount) == by_satang
    # The slab that a whole balance reaches is the one in which its next satang would stand.
    whole = amount * rate_of_satang(amount, plain)
    assert Slabs(basis=SlabBasis.WHOLE, slabs=slabs).weighted_e8(amount) == whole


def test_one_rate_for_all_is_a_single_slab_without_end() -> None:
    assert Slabs.flat(LOW).slabs == (slab(0, None, LOW),)
    assert (Slabs.flat(LOW).weighted_e8(7), Slabs.flat(0).weighted_e8(7)) == (7 * LOW, 0)


@pytest.mark.parametrize(
    ("slabs", "said"),
    [
        ((), "slabs: got no row"),
        ((slab(0, 100_00, LOW), slab(200_00, None, HIGH)), "200.00, a gap; expected 100.00, whe"),
        ((slab(0, 200_00, LOW), slab(100_00, None, HIGH)), "100.00, an overlap; expected 200.00"),
        ((slab(0, None, LOW), slab(100_00, None, HIGH)), "an overlap; expected no row after one"),
        ((slab(1, None, LOW),), r"slabs\[0\].from: got 0.01; expected 0.00: the first slab begin"),
        ((slab(0, 100_00, LOW),), r"slabs\[0\].to: got 100.00; expected no end"),
        ((slab(0, 0, LOW), slab(0, None, LOW)), r"slabs\[0\].to: got 0.00; expected more than 0.0"),
        ((slab(0, None, -1),), r"slabs\[0\].annual_rate_e8: got -1; expected a rate of 0 or more"),
    ],
)
def test_slabs_that_leave_something_unpriced_or_price_it_twice_are_refused(
    slabs: tuple[Slab, ...], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        Slabs(basis=SlabBasis.SLICE, slabs=slabs)


@pytest.mark.parametrize("basis", list(SlabBasis))
def test_a_balance_below_zero_has_no_slab(basis: SlabBasis) -> None:
    with pytest.raises(InvariantBroken, match="below zero"):
        Slabs(basis=basis, slabs=THREE).weighted_e8(-1)


def test_the_whole_balance_is_one_part_and_by_slice_there_is_a_part_for_each_slab_reached() -> None:
    whole, slices = (Slabs(basis=basis, slabs=THREE) for basis in SlabBasis)
    assert [(part.slab, part.amount_satang) for part in whole.parts(SECOND)] == [(THREE[2], SECOND)]
    # A balance on a bound reaches the slab above it, with nothing of it.
    assert [(part.slab, part.amount_satang) for part in slices.parts(SECOND)] == [
        (THREE[0], FIRST),
        (THREE[1], SECOND - FIRST),
    ]
    for slabs in (whole, slices):
        (nothing,) = slabs.parts(0)
        assert (nothing.slab, nothing.amount_satang) == (THREE[0], 0)
        with pytest.raises(InvariantBroken, match="below zero"):
            slabs.parts(-1)


@given(st.integers(0, 2 * SECOND), st.sampled_from(SlabBasis))
def test_the_parts_of_an_amount_add_up_to_it_and_weigh_what_it_weighs(
    amount: int, basis: SlabBasis
) -> None:
    slabs = Slabs(basis=basis, slabs=THREE)
    parts = slabs.parts(amount)
    assert sum(part.amount_satang for part in parts) == amount
    weighs = sum(part.amount_satang * part.slab.annual_rate_e8 for part in parts)
    assert weighs == slabs.weighted_e8(amount)
