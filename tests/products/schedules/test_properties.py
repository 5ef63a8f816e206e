"""Rules that hold for every loan, held against a clerk who counts the nights one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pricing.dated import Dated
from products.schedules.due_dates import DuePeriod, InterestDue
from products.schedules.measure import interval_fraction
from products.schedules.repayment import with_grace
from products.schedules.values import (
    Adjust,
    InterestMethod,
    LoanTerms,
    Prepayment,
    PrepaymentEffect,
    Repayment,
    Row,
    Schedule,
)
from tests.products.schedules.day_by_day import left_after, night_of_a_year, wrong_with
from tests.products.schedules.drawn import RATES, SHARES, built, terms_drawn

drawn = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
LEVEL = Repayment.EQUAL_INSTALMENTS


@drawn
@given(terms_drawn())
def test_what_was_paid_out_comes_back_and_every_night_earns_what_the_row_says(
    terms: LoanTerms,
) -> None:
    assert not wrong_with(built(terms))


@drawn
@given(terms_drawn(plain=True))
def test_level_instalments_are_all_equal_but_the_last(terms: LoanTerms) -> None:
    schedule = built(replace(terms, repayment=LEVEL, periods=_level(terms)))
    # A row after the last principal only collects interest that was put off.
    paying = [row for row in schedule.rows if row.period.weight and row.opening_satang]
    levels = {row.principal_satang + row.earned_satang for row in paying[:-1]}
    assert len(levels) <= 1
    assert levels <= {row.in_force.level_satang for row in paying if row.in_force}


@drawn
@given(terms_drawn(plain=True))
def test_the_exact_level_payment_leaves_nothing_at_the_plain_factors(terms: LoanTerms) -> None:
    way = replace(terms.convention, smooths_last=False)
    terms = replace(terms, repayment=LEVEL, periods=_level(terms), convention=way)
    schedule = built(terms)
    paying = [period for period in terms.periods if period.weight]
    first = next(row for row in schedule.rows if row.period.weight)
    assume(first.opening_satang > 0)
    assert first.in_force is not None
    growths = [1 + _factor(terms, period) for period in paying]
    owed = first.opening_satang * growths[0]
    exact = first.in_force.exact_satang
    for growth in growths[1:]:
        owed = (owed - exact) * growth
    assert owed == exact
    level, step = first.in_force.level_satang or 0, way.level_step_satang
    assert abs(level - exact) < step
    # A step more than the exact payment repays everything, a step less does not.
    assert left_after(first.opening_satang * growths[0], growths[1:], level + step) <= 0
    assert left_after(first.opening_satang * growths[0], growths[1:], level - step) >= 0


@drawn
@given(terms_drawn(), st.data())
def test_grace_on_principal_pays_none_and_interest_free_periods_earn_none(
    terms: LoanTerms, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, len(terms.periods) - 1))
    free = data.draw(st.integers(0, count))
    spared = with_grace(terms.periods, principal=count, interest_free=free)
    assume(spared[-1].interest is not InterestDue.DEFERRED)
    schedule = built(replace(terms, periods=spared))
    for row in schedule.rows[:count]:
        assert row.principal_satang == (row.period.principal_satang or 0)
    assert not any(row.earned_satang for row in schedule.rows[:free])


@drawn
@given(terms_drawn(), RATES)
def test_a_higher_rate_never_lowers_the_interest_of_the_same_principal(
    terms: LoanTerms, more: int
) -> None:
    lower = built(replace(terms, repayment=SHARES))
    higher = built(replace(_dearer(terms, more), repayment=SHARES))
    assert higher.interest_satang >= lower.interest_satang
    assert all(one.earned_satang <= two.earned_satang for one, two in _pairs(lower, higher))


@drawn
@given(terms_drawn(plain=True), RATES)
def test_a_higher_rate_never_lowers_the_interest_at_the_same_agreed_instalment(
    terms: LoanTerms, more: int
) -> None:
    terms = replace(terms, repayment=LEVEL, periods=_level(terms))
    dearer = built(_dearer(terms, more))
    level = max((row.in_force.level_satang or 0 for row in dearer.rows if row.in_force), default=0)
    assume(level > 0)
    lower = built(replace(terms, fixed_instalment_satang=level))
    higher = built(replace(_dearer(terms, more), fixed_instalment_satang=level))
    assert higher.interest_satang >= lower.interest_satang


@drawn
@given(terms_drawn(plain=True))
def test_shares_fall_due_as_their_weights_say_and_the_last_one_absorbs(terms: LoanTerms) -> None:
    schedule = built(replace(terms, repayment=SHARES))
    paying = [row for row in schedule.rows if row.period.weight]
    owed = paying[0].opening_satang
    whole = sum(period.weight for period in terms.periods)
    step = terms.convention.rounding.step_satang
    for row in paying[:-1]:
        exact = Fraction(owed * row.period.weight, whole)
        assert abs(row.principal_satang - exact) < step


@drawn
@given(terms_drawn(plain=True), st.data())
def test_an_instalment_that_stays_has_the_loan_paid_earlier_or_later_never_differently(
    terms: LoanTerms, data: st.DataObject
) -> None:
    """The rate changes and the number of instalments with it: all are equal but the last."""
    terms = replace(terms, repayment=LEVEL, periods=_level(terms))
    assume(len(terms.periods) > 2)
    at = data.draw(st.integers(1, len(terms.periods) - 2))
    rate = terms.annual_rates.rows[0].value
    on = terms.periods[at].start_date
    # A rate from the day after the drawdown is the only one under some conventions.
    assume(on > terms.disbursements[0].on + timedelta(days=1))
    start = terms.disbursements[0].on
    rates = Dated.of_changes("annual_rates", start, rate, {on: data.draw(RATES)})
    schedule = built(replace(terms, annual_rates=rates, on_rate_change=Adjust.NUMBER))
    paying = [row for row in schedule.rows if row.period.weight and row.opening_satang]
    assert len({row.principal_satang + row.earned_satang for row in paying[:-1]}) <= 1
    assert not wrong_with(schedule)
    last, step = paying[-1], terms.convention.level_step_satang
    level = last.in_force.level_satang if last.in_force else None
    if level is not None and any(row.period.start_date >= on for row in schedule.rows):
        assert last.principal_satang + last.earned_satang < level + step


@drawn
@given(terms_drawn(), st.data())
def test_a_prepayment_lowers_the_balance_on_its_day_and_is_repaid_once(
    terms: LoanTerms, data: st.DataObject
) -> None:
    schedule = built(terms)
    rows = [row for row in schedule.rows if row.closing_satang > 1 and row.n < len(schedule.rows)]
    assume(rows)
    row = data.draw(st.sampled_from(rows))
    paid = Prepayment(
        on=row.period.end_date,
        amount_satang=data.draw(st.integers(1, row.closing_satang)),
        effect=data.draw(st.sampled_from(PrepaymentEffect)),
    )
    tranches = [p.amount_satang for p in terms.disbursements if p.on == paid.on]
    assume(paid.on > terms.disbursements[0].on)
    assume(paid.amount_satang <= row.closing_satang - sum(tranches))
    after = built(replace(terms, prepayments=(paid,)))
    assert after.rows[: row.n - 1] == schedule.rows[: row.n - 1]
    assert after.rows[row.n - 1].prepaid_satang == paid.amount_satang
    assert not wrong_with(after)
    if terms.interest_method is InterestMethod.DECLINING_BALANCE:
        assert len(after.rows) <= len(schedule.rows)


def _level(terms: LoanTerms) -> tuple[DuePeriod, ...]:
    """The periods with weights as equal instalments have them."""
    return tuple(replace(period, weight=min(period.weight, 1)) for period in terms.periods)


def _factor(terms: LoanTerms, period: DuePeriod) -> Fraction:
    """What 1 earns over a period, as the level payment counts it."""
    if period.interest is InterestDue.FREE:
        return Fraction(0)
    rate = Fraction(terms.annual_rates.rows[0].value, 10**8)
    way = terms.convention
    if way.level_measure is not way.interest_measure:
        return rate * interval_fraction(way.level_measure, way, terms.interval)
    nights = (period.end_date - period.start_date).days
    return rate * sum(
        night_of_a_year(terms, period, period.start_date + timedelta(days=at))
        for at in range(nights)
    )


def _dearer(terms: LoanTerms, more: int) -> LoanTerms:
    """The terms with every rate higher by the same."""
    rows = tuple(replace(row, value=row.value + more) for row in terms.annual_rates.rows)
    return replace(terms, annual_rates=Dated(what="annual_rates", rows=rows))


def _pairs(one: Schedule, two: Schedule) -> list[tuple[Row, Row]]:
    return list(zip(one.rows, two.rows, strict=True))
