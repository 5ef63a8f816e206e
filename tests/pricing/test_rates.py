"""A rate is what is written, exactly, or it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput, InvariantBroken
from pricing.rates import format_rate_percent, parse_rate_percent


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("3.7500", 3_750_000),
        ("0.00", 0),
        ("100.00", 100_000_000),
        ("1.125", 1_125_000),
        ("0.000001", 1),
    ],
)
def test_a_percentage_is_read_exactly(text: str, rate: int) -> None:
    assert parse_rate_percent(text) == rate


@pytest.mark.parametrize(
    "text",
    [
        "3",
        "3.5",
        "3.7500%",
        "3,75",
        "-1.00",
        "+1.00",
        "1e2",
        "03.75",
        "100.000001",
        "101.00",
        "1.1234567",
        "๓.๗๕",
        "3.75\n",
        " 3.75",
        "",
        3.75,
        None,
    ],
)
def test_anything_else_is_refused_and_named(text: object) -> None:
    with pytest.raises(InvalidInput, match="sheet 7"):
        parse_rate_percent(text, "sheet 7")


@given(st.integers(0, 10**8))
def test_every_rate_is_read_back_as_it_was_shown(rate: int) -> None:
    assert parse_rate_percent(format_rate_percent(rate)) == rate


def test_a_rate_is_shown_with_four_places_or_as_many_as_it_needs() -> None:
    assert format_rate_percent(1_250_000) == "1.2500"
    assert format_rate_percent(1) == "0.000001"
    with pytest.raises(InvariantBroken):
        format_rate_percent(10**8 + 1)
