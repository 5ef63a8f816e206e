"""Numbers become text in one place, exactly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import Rounding
from products.calc.answers import day_text, decimal_text, money_text, percent_text


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (123450, 2, "1234.50"),
        (5, 2, "0.05"),
        (-5, 2, "-0.05"),
        (0, 2, "0.00"),
        (1055, 0, "1055"),
        (-100, 0, "-100"),
        (2740, 4, "0.2740"),
    ],
)
def test_money_has_the_places_of_its_currency(units: int, decimals: int, text: str) -> None:
    assert money_text(units, decimals) == text


@given(st.integers(-(10**20), 10**20), st.integers(0, 8))
def test_the_text_of_money_is_the_same_number(units: int, decimals: int) -> None:
    assert Decimal(money_text(units, decimals)).scaleb(decimals) == units


def test_a_ratio_is_rounded_once_and_as_asked() -> None:
    assert decimal_text(Fraction(2, 3), 4) == "0.6667"
    assert decimal_text(Fraction(1, 8), 2) == "0.13"
    assert decimal_text(Fraction(1, 8), 2, Rounding.HALF_EVEN) == "0.12"
    assert decimal_text(Fraction(-1, 8), 2, Rounding.UP) == "-0.13"
    assert decimal_text(7, 0) == "7"


@pytest.mark.parametrize(
    ("rate_e8", "text"),
    [(7_000_000, "7"), (3_750_000, "3.75"), (0, "0"), (1, "0.000001"), (100_000_000, "100")],
)
def test_a_rate_is_a_percentage_without_idle_zeros(rate_e8: int, text: str) -> None:
    assert percent_text(rate_e8) == text


def test_a_date_is_written_as_it_is_read() -> None:
    assert day_text(date(2026, 6, 30)) == "2026-06-30"
