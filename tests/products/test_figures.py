"""The figure of a date against the days of a replay, and against fractions."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import Rounding
from products.figures import Told, ToldSpan, changes, figure, satang_text
from products.interest import EXACT_DENOMINATOR, DayCount, Terms, period_start, replay
from products.spans import Span, expand, folded

START = date(2027, 12, 20)
TERMS = Terms(
    day_count=DayCount.ACT_ACT_CALYEAR,
    rounding=Rounding.HALF_UP,
    capitalisation_days=frozenset({"12-31", "01-04"}),
)
DAYS = 25


def _on(offset: int) -> date:
    return START + timedelta(days=offset)


def _told(span: Span, told_by: Told = Told.NIGHT) -> ToldSpan:
    return ToldSpan(span=span, told_by=told_by)


def _span(balance: int, *, span_no: int = 1, made_on: date = START, base: int = 0) -> Span:
    return Span(
        span_no=span_no,
        from_date=START,
        made_on=made_on,
        balance_satang=balance,
        annual_rate_e8=10_000_000,
        year_days=365,
        slope_exact=balance * 10_000_000 * (1_603_080 // 365),
        base_exact=base,
    )


@given(
    st.dictionaries(st.integers(0, DAYS - 1), st.integers(-5_000_00, 9_000_00), max_size=6),
    st.dictionaries(st.integers(0, DAYS - 1), st.sampled_from([0, 1_250_000, 9_000_000])),
    st.integers(0, 10**9),
)
def test_figures_told_by_spans_are_the_days_of_a_replay(
    moved: dict[int, int], rates: dict[int, int], brought: int
) -> None:
    rate, by_date = 7_000_000, {}
    for offset in range(DAYS):
        rate = rates.get(offset, rate)
        by_date[_on(offset)] = rate
    lived = replay(
        terms=TERMS,
        start=START,
        stop=_on(DAYS),
        changes={_on(offset): amount for offset, amount in moved.items()},
        rates=by_date,
        opening_exact=brought,
    ).accruals
    spans = folded(lived, terms=TERMS, first=START, made_on=_on(DAYS), after=0)
    told = expand(spans, START, _on(DAYS))
    for day in lived:
        found = figure(_told(told[day.on]), day.on, TERMS, period_start(TERMS, day.on, START))
        assert found.span.balance_satang == day.balance_satang
        assert found.exact == day.exact
        assert found.through_exact == day.cumulative_exact
        assert found.before_exact == day.cumulative_exact - day.exact
        assert found.through_satang == day.cumulative_satang
        assert found.posted_satang == day.posted_satang
        assert found.period_start <= found.since <= day.on


def test_a_span_of_an_earlier_period_gives_the_new_one_no_base() -> None:
    # What a closing leaves: a span of nothing, with what its own period had earned.
    nothing = _span(0, base=5 * EXACT_DENOMINATOR)
    in_its_period = figure(_told(nothing), date(2027, 12, 31), TERMS, START)
    in_the_next = figure(_told(nothing), date(2028, 1, 1), TERMS, date(2028, 1, 1))
    assert (in_its_period.through_satang, in_its_period.posted_satang) == (5, 0)
    assert (in_the_next.through_satang, in_the_next.posted_satang) == (0, 0)
    assert in_the_next.since == in_the_next.period_start == date(2028, 1, 1)


def test_a_correction_that_leaves_a_date_as_it_was_is_no_change_of_it() -> None:
    on = _on(3)
    known = [
        figure(_told(_span(365_000_00)), on, TERMS, START),
        figure(
            _told(_span(365_000_00, span_no=2, made_on=_on(5)), Told.CORRECTION), on, TERMS, START
        ),
        figure(
            _told(_span(730_000_00, span_no=3, made_on=_on(7)), Told.CORRECTION), on, TERMS, START
        ),
    ]
    (change,) = changes(known)
    assert (change.night, change.amount_satang) == (_on(7), 100_00)
    assert (change.before.posted_satang, change.after.posted_satang) == (100_00, 200_00)


@pytest.mark.parametrize(
    ("satang", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(10_000), "10000"),
        (Fraction(-1, 2), "-0.5"),
        (Fraction(1500, 73), "20.547945205479..."),
        (Fraction(1, EXACT_DENOMINATOR), "0.000000000000..."),
        (Fraction(-1500, 73), "-20.547945205479..."),
    ],
)
def test_exact_interest_is_written_in_satang_and_says_when_digits_are_left_out(
    satang: Fraction, text: str
) -> None:
    assert satang_text(int(satang * EXACT_DENOMINATOR)) == text
