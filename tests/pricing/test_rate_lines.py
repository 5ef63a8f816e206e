"""Lines of a rate sheet: what may be drafted, and what is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from pricing.rate_lines import (
    LINES_MAX,
    RateLine,
    one_rate,
    parse_slab,
    require_lines,
    slabs_of,
)
from pricing.slabs import SlabBasis


def line(begins: int, rate_e8: int = 1_250_000) -> RateLine:
    """From that many satang on, that rate."""
    return RateLine(slab_from_satang=begins, annual_rate_e8=rate_e8)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ((), r"lines: got no line; expected a line from 0.00 at least"),
        ((line(1),), r"lines\[0\].slab_from: got 0.01, a gap below it; expected 0.00"),
        (
            (line(0), line(5_00), line(5_00)),
            r"lines\[2\].slab_from: got 5.00, an overlap; expected more than 5.00",
        ),
        (
            (line(0), line(5_00), line(4_00)),
            r"lines\[2\].slab_from: got 4.00, not increasing; expected more than 5.00",
        ),
        ((line(-1), line(0)), r"lines\[0\].slab_from: got -0.01, negative; expected 0.00 or more"),
        ((line(0, -1),), r"lines\[0\].annual_rate_e8: got -1, negative"),
        ((line(0, 10**8 + 1),), r"got 100000001; expected 100000000 \(100%\) at most"),
        ((line(0), line(10**15)), r"got 10000000000000.00; expected 9999999999999.99 at most"),
        (
            tuple(line(n) for n in range(LINES_MAX + 1)),
            rf"lines: got {LINES_MAX + 1} lines, too many; expected {LINES_MAX} at most",
        ),
    ],
)
def test_lines_that_cannot_price_every_balance_once_are_refused_by_name(
    lines: tuple[RateLine, ...], named: str
) -> None:
    with pytest.raises(InvalidInput, match=named):
        require_lines(lines)


def test_as_many_lines_as_may_be_are_taken_as_they_are() -> None:
    lines = tuple(line(n) for n in range(LINES_MAX))
    assert require_lines(lines) == lines
    assert require_lines(one_rate(7)) == (line(0, 7),)


def test_every_problem_of_a_sheet_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        require_lines((line(5_00, -1), line(5_00, -2)))
    places = [problem.where for problem in refused.value.problems]
    assert places == [
        "lines[0].slab_from",
        "lines[1].slab_from",
        "lines[0].annual_rate_e8",
        "lines[1].annual_rate_e8",
    ]


@given(
    bounds=st.sets(st.integers(1, 10**12), max_size=6),
    amounts=st.lists(st.integers(0, 10**12), min_size=1),
)
def test_each_amount_lies_in_the_slab_of_the_last_line_that_begins_by_it(
    bounds: set[int], amounts: list[int]
) -> None:
    lines = [line(begins, rate) for rate, begins in enumerate(sorted({0, *bounds}))]
    slabs = slabs_of(require_lines(lines), SlabBasis.WHOLE)
    for amount in [*amounts, *bounds, *(bound - 1 for bound in bounds)]:
        reached = max(each.slab_from_satang for each in lines if each.slab_from_satang <= amount)
        assert slabs.reached(amount).from_satang == reached


def test_a_slab_is_written_as_bound_and_percent() -> None:
    assert parse_slab("100000.00=1.5000", "--slab") == line(100_000_00, 1_500_000)


@pytest.mark.parametrize("text", ["1.50", "100000=1.50", "1,000.00=1.50", "=1.50", "1.00=", "a=b"])
def test_a_slab_written_otherwise_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidInput, match="--slab: got"):
        parse_slab(text, "--slab")
