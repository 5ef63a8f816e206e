"""Loans drawn at random: every way to repay, every convention, odd first periods, tranches, rates.

Money is mostly round, as people lend it, and sometimes a few satang, where rounding bites. Terms
that the engine refuses because an instalment would not cover its interest are not drawn again: they
are a refusal of their own, tested by name.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import assume
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.money import Rounding
from pricing.dated import Dated
from products.interest.day_counts import DayCount
from products.interest.rounding import RoundingRule, Stage
from products.schedules.build import build
from products.schedules.conventions import Convention, Measure, SourceDayCount
from products.schedules.due_dates import (
    Calendar,
    DuePeriod,
    DueRule,
    FirstPeriod,
    Interval,
    OnHoliday,
    Unit,
    due_periods,
    first_due_date,
)
from products.schedules.repayment import (
    balloon_by_share,
    bullet,
    seasonal,
    with_down_payment,
    with_grace,
)
from products.schedules.values import (
    Disbursement,
    InterestMethod,
    LoanTerms,
    Repayment,
    Schedule,
)

SHARES = Repayment.PRINCIPAL_SHARES
DAYS = st.dates(date(2019, 1, 1), date(2031, 12, 31))
RATES = st.integers(0, 1500).map(lambda basis_points: basis_points * 10**4)
ROUND_SUMS = st.integers(1, 5000).map(lambda thousands: thousands * 100_000)
SUMS = ROUND_SUMS | st.integers(1, 10**10)
STEPS = st.sampled_from([1, 25, 100, 10_000])
DAY_COUNTS: tuple[DayCount | SourceDayCount, ...] = (*DayCount, *SourceDayCount)
FIXED_YEARS = (DayCount.ACT_365F, DayCount.ACT_360, DayCount.THIRTY_360, SourceDayCount.ACT_364)


@st.composite
def conventions(draw: st.DrawFn) -> Convention:
    """Any convention that measures the year by one rule, and the level payment by another."""
    interest = draw(st.sampled_from(Measure))
    others = [Measure.EQUAL_PERIODS, Measure.MONTHS_OF_30_DAYS]
    level = draw(st.sampled_from([interest, *others]))
    real = interest is level is Measure.REAL_DAYS
    return Convention(
        day_count=draw(st.sampled_from(DAY_COUNTS if real else FIXED_YEARS)),
        interest_measure=interest,
        level_measure=level,
        rounding=RoundingRule(
            mode=draw(st.sampled_from(Rounding)),
            step_satang=draw(st.sampled_from([1, 1, 25])),
            stage=draw(st.sampled_from([Stage.POSTING, Stage.STRETCH])),
        ),
        level_mode=draw(st.sampled_from(Rounding)),
        level_step_satang=draw(STEPS),
        smooths_last=draw(st.booleans()),
        rate_from_night_before=draw(st.booleans()),
    )


@st.composite
def rules(draw: st.DrawFn, drawn: date) -> DueRule:
    """Due dates of a loan drawn on a day: by anchor day, by weeks or days, moved by holidays."""
    unit = draw(st.sampled_from(Unit))
    count = draw(st.integers(1, 6 if unit is Unit.MONTHS else 45))
    interval = Interval(count=count, unit=unit)
    anchor, first = None, drawn + timedelta(days=draw(st.integers(1, 60)))
    if unit is Unit.MONTHS:
        anchor = draw(st.integers(1, 31))
        first = first_due_date(drawn, anchor, interval, draw(st.sampled_from(FirstPeriod)))
    holidays = draw(st.frozensets(st.dates(drawn, drawn + timedelta(days=400)), max_size=20))
    return DueRule(
        first_due_date=first,
        interval=interval,
        anchor_day=anchor,
        on_holiday=draw(st.sampled_from(OnHoliday)),
        calendar=Calendar(holidays=holidays),
        interest_follows=draw(st.booleans()),
    )


def sound_periods(drawn: date, rule: DueRule, count: int) -> tuple[DuePeriod, ...]:
    """Periods of a rule, unless its holidays leave no day between two dues."""
    periods = due_periods(drawn, rule, count)
    dues = [period.due_date for period in periods]
    assume(all(period.start_date < period.end_date for period in periods))
    assume(dues == sorted(set(dues)) and dues[0] > drawn)
    return periods


@st.composite
def weighed(draw: st.DrawFn, periods: tuple[DuePeriod, ...]) -> tuple[Repayment, list[DuePeriod]]:
    """A way to repay over the periods, with grace of any of the three kinds."""
    most = len(periods) - 1
    grace = with_grace(
        periods,
        principal=draw(st.integers(0, most)) if draw(st.booleans()) else 0,
        interest=draw(st.integers(0, most)) if draw(st.booleans()) else 0,
        interest_free=draw(st.integers(0, len(periods))) if draw(st.booleans()) else 0,
    )
    way = draw(st.sampled_from(["level", "equal", "bullet", "balloon", "seasonal"]))
    if way == "level":
        return Repayment.EQUAL_INSTALMENTS, list(grace)
    if way == "bullet":
        return SHARES, list(bullet(grace))
    if way == "balloon":
        paying = sum(1 for period in grace if period.weight)
        return SHARES, list(balloon_by_share(grace, Fraction(1, paying + draw(st.integers(0, 9)))))
    if way == "seasonal":
        last = grace[-1].due_date
        others = [period.due_date for period in grace]
        named = draw(st.sets(st.sampled_from(others))) | {last}
        return SHARES, list(seasonal(grace, {day: draw(st.integers(1, 9)) for day in named}))
    return SHARES, list(grace)


@st.composite
def terms_drawn(draw: st.DrawFn, *, plain: bool = False) -> LoanTerms:
    """Terms of any kind. plain: drawn at once at one rate, on a declining balance."""
    drawn = draw(DAYS)
    rule = draw(rules(drawn))
    periods = sound_periods(drawn, rule, draw(st.integers(1, 24)))
    repayment, weights = draw(weighed(periods))
    amount = draw(SUMS)
    if draw(st.booleans()) and amount > 1:
        weights = list(with_down_payment(weights, drawn, draw(st.integers(1, amount - 1))))
    terms = LoanTerms(
        disbursements=(Disbursement(on=drawn, amount_satang=amount),),
        annual_rates=Dated.of_changes("annual_rates", drawn, draw(RATES), {}),
        periods=tuple(weights),
        interval=rule.interval,
        repayment=repayment,
        convention=draw(conventions()),
        due_rule=rule,
    )
    return terms if plain else draw(_lived(terms))


@st.composite
def _lived(draw: st.DrawFn, terms: LoanTerms) -> LoanTerms:
    """The terms with tranches and rates, and perhaps flat interest."""
    first, end = terms.disbursements[0].on, terms.periods[-1].end_date
    inside = st.dates(first + timedelta(days=1), max(end, first + timedelta(days=2)))
    later = sorted(draw(st.lists(inside.filter(lambda on: first < on < end), max_size=3)))
    tranches = [Disbursement(on=on, amount_satang=draw(SUMS)) for on in later]
    changes = draw(st.dictionaries(inside, RATES, max_size=3))
    rate = terms.annual_rates.rows[0].value
    return replace(
        terms,
        disbursements=(*terms.disbursements, *tranches),
        annual_rates=Dated.of_changes("annual_rates", first, rate, changes),
        interest_method=draw(st.sampled_from(InterestMethod)),
    )


def built(terms: LoanTerms) -> Schedule:
    """The schedule, unless an instalment would not cover its interest, or hardly."""
    try:
        return build(terms)
    except InvalidInput as error:
        assume("never repaid" not in str(error) and "more due dates" not in str(error))
        raise
