"""A date worked out from its inputs alone, and what a difference from the record is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest

from ledger.errors import InvariantBroken
from ledger.money import Rounding
from pricing.rate_lines import RateLine, slabs_of
from pricing.slabs import SlabBasis
from products.figures import Figure, Told, ToldSpan, figure
from products.interest import EXACT_DENOMINATOR, DayCount, Terms
from products.interest.earning import Conditions
from products.spans import Span
from products.workings import Inputs, Nothing, Working, differences, work_out

FIRST, ON = date(2027, 12, 30), date(2028, 1, 2)
TERMS = Terms(
    day_count=DayCount.ACT_ACT_CALYEAR,
    rounding=Rounding.HALF_UP,
    capitalisation_days=frozenset({"06-30"}),
)
LINES = (
    RateLine(slab_from_satang=0, annual_rate_e8=3_650_000),
    RateLine(slab_from_satang=10_000_00, annual_rate_e8=7_300_000),
)
PAID = Conditions(slabs=slabs_of(LINES, SlabBasis.SLICE), minimum_satang=1_000_00)
INPUTS = Inputs(
    terms=TERMS,
    on=ON,
    period_start=FIRST,
    opening_satang=20_000_00,
    changes={},
    paid={FIRST + timedelta(days=n): PAID for n in range(4)},
)


def worked(opening: int, **changed: int) -> Working:
    """The date with that balance all along; `changed` by days since the period began."""
    moved = {FIRST + timedelta(days=int(day[1:])): net for day, net in changed.items()}
    return work_out(replace(INPUTS, opening_satang=opening, changes=moved))


def satang(exact: int) -> Fraction:
    """An exact amount in satang."""
    return Fraction(exact, EXACT_DENOMINATOR)


def test_the_date_and_the_period_before_it_are_told_apart_across_a_leap_year_s_first() -> None:
    found = worked(20_000_00)
    # 10,000.00 at 3.65 % and 10,000.00 at 7.3 % are 1,095.00 a year.
    of_2027, of_2028 = Fraction(109_500, 365), Fraction(109_500, 366)
    assert satang(found.exact) == of_2028
    assert satang(found.before_exact) == 2 * of_2027 + of_2028
    assert satang(found.through_exact) == 2 * of_2027 + 2 * of_2028
    assert (found.since, found.days) == (date(2028, 1, 1), 2)
    assert satang(found.base_exact) == 2 * of_2027 == 600
    assert (found.before_satang, found.through_satang, found.posted_satang) == (899, 1198, 299)
    assert found.year_days == 366


def test_a_movement_ends_a_run_of_like_dates_and_so_does_one_there_and_back() -> None:
    assert (worked(20_000_00, d3=1).since, worked(20_000_00, d3=1).days) == (ON, 1)
    back = worked(20_000_00, d1=5, d2=-5)
    assert (back.since, back.days) == (date(2028, 1, 1), 2)


@pytest.mark.parametrize(
    ("balance", "why"),
    [
        (-1, Nothing.BELOW_ZERO),
        (0, Nothing.BELOW_MINIMUM),
        (999_99, Nothing.BELOW_MINIMUM),
        (1_000_00, None),
    ],
)
def test_a_balance_that_earns_nothing_is_told_with_the_reason(
    balance: int, why: Nothing | None
) -> None:
    found = worked(balance)
    assert (found.nothing, found.balance_satang) == (why, balance)
    assert (found.exact == 0, found.parts == ()) == (why is not None, why is not None)


def test_without_a_minimum_a_balance_of_nothing_is_a_part_of_nothing() -> None:
    found = work_out(
        replace(
            INPUTS,
            opening_satang=0,
            paid=dict.fromkeys(INPUTS.paid, Conditions.flat(1_250_000)),
        )
    )
    (part,) = found.parts
    assert (found.nothing, part.amount_satang, part.exact) == (None, 0, 0)
    assert found.annual_rate_e8 == 1_250_000


def test_a_date_of_the_period_without_conditions_is_a_bug() -> None:
    paid = {on: each for on, each in INPUTS.paid.items() if on != date(2028, 1, 1)}
    with pytest.raises(InvariantBroken, match="no rate for 2028-01-01"):
        work_out(replace(INPUTS, paid=paid))


def recorded(
    found: Working, changed: Mapping[str, int] | None = None, told_by: Told = Told.NIGHT
) -> Figure:
    """The figure of a span that says what a working says, but for what is changed."""
    fields = {
        "balance_satang": found.balance_satang,
        "annual_rate_e8": found.annual_rate_e8,
        "year_days": found.year_days,
        "slope_exact": found.exact,
        "base_exact": found.base_exact,
    }
    span = Span(
        span_no=1, from_date=found.since, made_on=found.since, **(fields | dict(changed or {}))
    )
    return figure(ToldSpan(span=span, told_by=told_by), ON, TERMS, FIRST)


def test_a_record_that_says_the_same_has_no_difference() -> None:
    found = worked(20_000_00)
    assert differences(recorded(found), found, ON) == ()


def test_the_smallest_difference_of_an_exact_amount_is_seen_and_can_be_read() -> None:
    found = worked(20_000_00)
    (one, two) = differences(recorded(found, {"base_exact": found.base_exact + 1}), found, ON)
    assert (one.what, two.what) == ("exact_through_day_before", "exact_through_date")
    assert one.recorded != one.worked_out
    assert (one.known_on, two.known_on) == (ON, ON)


def test_a_closing_s_span_is_held_to_its_balance_and_to_earning_nothing_only() -> None:
    found = worked(0)
    closing = {"annual_rate_e8": 0, "year_days": 365}
    assert differences(recorded(found, closing, Told.CLOSING), found, ON) == ()
    told = differences(recorded(found, closing), found, ON)
    assert [(each.what, each.recorded, each.worked_out) for each in told] == [
        ("annual_rate_percent", "0.0000", "3.6500"),
        ("year_days", "365", "366"),
    ]
    earns = differences(recorded(found, closing | {"slope_exact": 1}, Told.CLOSING), found, ON)
    assert earns[0].what == "exact"
