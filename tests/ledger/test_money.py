"""Money: text becomes satang in one way only, and a fraction becomes satang in one place only."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.db import Pool
from ledger.errors import InvalidInput, InvariantBroken
from ledger.money import (
    AMOUNT_MAX,
    Rounding,
    format_baht,
    parse_baht,
    parse_signed_baht,
    round_ratio,
)

DECIMAL_MODES = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
}
NUMERATORS = st.integers(min_value=-(10**30), max_value=10**30)
DENOMINATORS = st.integers(min_value=1, max_value=10**18)


@pytest.mark.parametrize(
    "text",
    [
        "1e3",
        "1_000.50",
        "๑๒",
        "๑๒.๕๐",
        "NaN",
        "-0.00",
        "-1.00",
        "0.00",
        "0.001",
        "1.5",
        "10",
        "01.00",
        "1,000.00",
        " 1.00",
        "1.00\n",
        "+1.00",
        "Infinity",
        "10000000000000.00",
        "",
        None,
        1,
        True,
    ],
)
def test_what_is_no_amount_is_refused_with_what_was_expected(text: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_baht(text, "line 7, field amount")
    (problem,) = refused.value.problems
    assert problem.where == "line 7, field amount"
    assert "exactly two places" in problem.expected


@given(st.integers(min_value=1, max_value=AMOUNT_MAX))
def test_every_amount_is_read_back_as_it_was_written(satang: int) -> None:
    assert parse_baht(format_baht(satang)) == satang


@given(st.integers(min_value=-9 * 10**17, max_value=9 * 10**17))
def test_every_balance_is_read_back_as_it_was_written(satang: int) -> None:
    assert parse_signed_baht(format_baht(satang)) == satang


def test_amounts_are_shown_with_thousands_and_a_sign_before_the_baht() -> None:
    assert format_baht(-50) == "-0.50"
    assert format_baht(123456789, thousands=True) == "1,234,567.89"
    assert format_baht(-100_000_00, thousands=True) == "-100,000.00"


@given(NUMERATORS, DENOMINATORS, st.sampled_from(Rounding))
def test_rounding_is_what_exact_decimal_arithmetic_says(
    numerator: int, denominator: int, mode: Rounding
) -> None:
    context = Context(prec=80, rounding=DECIMAL_MODES[mode])
    # The rest is put on the same side of the half as a decimal can say it: 0, 1/4, 1/2 or 3/4.
    whole, rest = divmod(abs(numerator), denominator)
    if rest == 0:
        side = "0"
    elif 2 * rest == denominator:
        side = "0.5"
    else:
        side = "0.25" if 2 * rest < denominator else "0.75"
    near = context.add(Decimal(whole), Decimal(side))
    expected = int(near.quantize(Decimal(1), context=context))
    assert round_ratio(numerator, denominator, mode) == (expected if numerator >= 0 else -expected)


@pytest.mark.parametrize(
    ("numerator", "mode", "expected"),
    [
        (5, Rounding.HALF_UP, 3),
        (-5, Rounding.HALF_UP, -3),
        (5, Rounding.HALF_EVEN, 2),
        (7, Rounding.HALF_EVEN, 4),
        (1, Rounding.UP, 1),
        (-1, Rounding.UP, -1),
        (3, Rounding.DOWN, 1),
        (-3, Rounding.DOWN, -1),
        (0, Rounding.UP, 0),
    ],
)
def test_halves_of_a_satang_go_where_the_mode_says(
    numerator: int, mode: Rounding, expected: int
) -> None:
    assert round_ratio(numerator, 2, mode) == expected


def test_a_denominator_that_cannot_be_is_a_broken_invariant() -> None:
    with pytest.raises(InvariantBroken):
        round_ratio(1, 0)


async def test_the_database_rounds_exactly_as_the_code_does(pool: Pool) -> None:
    numbers = [0, 1, -1, 2, 3, 5, -5, 7, 10**29 + 1, -(10**29) - 1, 3 * 10**20, 160_308_000_000_000]
    cases = [
        (n, d, mode)
        for n in numbers
        for d in (1, 2, 3, 4, 160_308_000_000_000)
        for mode in Rounding
    ]
    rows = await pool.fetch(
        "SELECT ledger.round_ratio(n, d, m) AS rounded FROM unnest("
        "$1::numeric [], $2::numeric [], $3::smallint []) WITH ORDINALITY AS t (n, d, m, place) "
        "ORDER BY place",
        [n for n, _, _ in cases],
        [d for _, d, _ in cases],
        [mode.value for _, _, mode in cases],
    )
    for (numerator, denominator, mode), row in zip(cases, rows, strict=True):
        assert int(row["rounded"]) == round_ratio(numerator, denominator, mode)
