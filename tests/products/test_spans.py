"""Spans against the rule in one sentence, and against the days that they fold."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger.money import Rounding
from products.interest import DayCount, Terms, replay
from products.spans import Span, as_known, earned_before, expand, folded

START = date(2027, 12, 20)
TERMS = Terms(
    day_count=DayCount.ACT_ACT_CALYEAR,
    rounding=Rounding.HALF_UP,
    capitalisation_days=frozenset({"12-31", "01-04"}),
)


def _on(offset: int) -> date:
    return START + timedelta(days=offset)


def _span(span_no: int, from_date: date, made_on: date) -> Span:
    return Span(
        span_no=span_no,
        from_date=from_date,
        made_on=made_on,
        balance_satang=span_no,
        annual_rate_e8=0,
        year_days=365,
        slope_exact=span_no,
        base_exact=0,
    )


@st.composite
def _told(draw: st.DrawFn) -> list[Span]:
    """Spans as nights write them: the later made, the higher the number."""
    nights = sorted(draw(st.lists(st.integers(0, 20), min_size=1, max_size=12)))
    spans = []
    for number, night in enumerate(nights, start=1):
        first = draw(st.integers(0, night))
        spans.append(_span(number, _on(first), _on(night)))
    return spans


@given(_told(), st.integers(0, 20))
def test_a_date_is_told_by_the_highest_number_that_begins_by_then_and_was_made_by_then(
    spans: list[Span], known: int
) -> None:
    told = expand(as_known(spans, _on(known)), _on(0), _on(21))
    for offset in range(21):
        able = [s for s in spans if s.from_date <= _on(offset) and s.made_on <= _on(known)]
        expected = max(able, key=lambda span: span.span_no, default=None)
        assert told.get(_on(offset)) == expected


@given(
    st.dictionaries(st.integers(0, 24), st.integers(-5_000_00, 9_000_00), max_size=6),
    st.dictionaries(st.integers(0, 24), st.sampled_from([0, 1_250_000, 9_000_000]), max_size=4),
    st.integers(0, 24),
)
def test_days_folded_into_spans_and_told_again_are_the_days(
    moved: dict[int, int], rates: dict[int, int], first: int
) -> None:
    rate, by_date = 7_000_000, {}
    for offset in range(25):
        rate = rates.get(offset, rate)
        by_date[_on(offset)] = rate
    lived = replay(
        terms=TERMS,
        start=START,
        stop=_on(25),
        changes={_on(offset): amount for offset, amount in moved.items()},
        rates=by_date,
    ).accruals

    spans = folded(lived, terms=TERMS, first=_on(first), made_on=_on(25), after=3)

    assert [span.span_no for span in spans] == list(range(4, 4 + len(spans)))
    told = expand(spans, START, _on(25))
    assert told.keys() == {day.on for day in lived if day.on >= _on(first)}
    for day in lived[first:]:
        span = told[day.on]
        days = (day.on - span.from_date).days + 1
        assert span.balance_satang == day.balance_satang
        assert span.slope_exact == day.exact
        assert span.base_exact + span.slope_exact * days == day.cumulative_exact


@given(
    st.dictionaries(st.integers(0, 24), st.integers(1, 9_000_00), min_size=1, max_size=6),
    st.integers(1, 24),
)
def test_what_a_period_had_earned_before_a_date_follows_from_the_span_before_it(
    moved: dict[int, int], asked: int
) -> None:
    lived = replay(
        terms=TERMS,
        start=START,
        stop=_on(25),
        changes={_on(offset): amount for offset, amount in moved.items()},
        rates={_on(offset): 7_000_000 for offset in range(25)},
    ).accruals
    spans = folded(lived, terms=TERMS, first=START, made_on=_on(25), after=0)
    begins = [_on(n) for n in range(1, 25) if TERMS.ends_period(_on(n - 1))]
    began = max([START, *(on for on in begins if on <= _on(asked))])

    earned = earned_before(spans, _on(asked), began)

    if began == _on(asked):
        assert earned is None
    else:
        assert earned == lived[asked - 1].cumulative_exact
