"""A loan's life: what each change does, what it leaves alone, and that the order of telling it
does not matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from pricing.dated import Dated
from products.schedules.build import build
from products.schedules.changes import Change, Holiday, RateChange, Reschedule, changed
from products.schedules.conventions import Convention, Measure
from products.schedules.due_dates import DueRule, InterestDue, Interval, due_periods
from products.schedules.repayment import with_grace
from products.schedules.values import (
    Adjust,
    Disbursement,
    LoanTerms,
    Prepayment,
    PrepaymentEffect,
    Schedule,
)
from tests.products.schedules.day_by_day import wrong_with
from tests.products.schedules.drawn import RATES, SHARES, SUMS, built, terms_drawn
from tests.products.schedules.loans import BAHT, instalments, loan, monthly, principals

DRAWN = date(2026, 1, 31)
RULE = monthly(date(2026, 2, 28))
SMALLER, FEWER, NEXT = PrepaymentEffect


def half_a_year(**terms: Any) -> LoanTerms:
    """600,000 baht at 4%, six months, in steps of 100 baht."""
    base = loan(600_000, "4.00", DRAWN, RULE, 6, step_baht=100)
    return replace(base, **terms)


def applied(schedule: Schedule, *changes: Change) -> Schedule:
    """One change after the other."""
    return reduce(changed, changes, schedule)


# Tranches, rates and prepayments: told at once, or one after the other.


@given(terms_drawn())
def test_terms_told_at_once_and_change_by_change_make_the_same_schedule(terms: LoanTerms) -> None:
    whole = built(terms)
    first, rates = terms.disbursements[:1], terms.annual_rates.rows
    bare = replace(
        terms,
        disbursements=first,
        annual_rates=Dated(what="annual_rates", rows=(replace(rates[0], to_date=None),)),
    )
    changes: list[tuple[date, Change]] = [(paid.on, paid) for paid in terms.disbursements[1:]]
    changes += [
        (row.from_date, RateChange(from_date=row.from_date, annual_rate_e8=row.value))
        for row in rates[1:]
    ]
    try:
        told = applied(built(bare), *(change for _, change in sorted(changes, key=_by_date)))
    except InvalidInput as error:
        # Without what comes later an instalment may fail to cover its interest, or all is repaid.
        assume("never repaid" not in str(error) and "after the end" not in str(error))
        raise
    assert told.rows == whole.rows
    assert told.terms == whole.terms


def _by_date(change: tuple[date, Change]) -> date:
    return change[0]


@given(terms_drawn(), st.data())
def test_a_change_leaves_every_row_alone_that_ended_before_it(
    terms: LoanTerms, data: st.DataObject
) -> None:
    schedule = built(terms)
    start, end = terms.disbursements[0].on, schedule.rows[-1].period.end_date
    assume((end - start).days > 3)
    on = data.draw(st.dates(start + timedelta(2), end - timedelta(1)))
    change = data.draw(
        st.builds(Disbursement, on=st.just(on), amount_satang=SUMS)
        | st.builds(RateChange, from_date=st.just(on), annual_rate_e8=RATES)
        | st.builds(Holiday, from_date=st.just(on), count=st.integers(1, 3))
    )
    try:
        after = changed(schedule, change)
    except InvalidInput as error:
        assume("never repaid" not in str(error) and "holiday" not in str(error))
        assume("due date before it" not in str(error))  # two moved to one day
        raise
    kept = [row for row in schedule.rows if row.period.end_date < on - timedelta(1)]
    assert after.rows[: len(kept)] == tuple(kept)
    assert not wrong_with(after)


def test_a_tranche_counts_from_its_night_and_raises_the_instalment_of_that_period() -> None:
    before = build(half_a_year())
    after = changed(before, Disbursement(on=date(2026, 4, 10), amount_satang=100_000 * BAHT))
    assert after.rows[:2] == before.rows[:2]
    third = after.rows[2]
    assert [part.balance_satang for part in third.sub_periods] == [
        third.opening_satang,
        third.opening_satang + 100_000 * BAHT,
    ]
    assert instalments(after)[2] > instalments(before)[2]


def test_a_tranche_on_a_due_date_counts_after_that_due() -> None:
    before = build(half_a_year())
    after = changed(before, Disbursement(on=date(2026, 4, 28), amount_satang=100_000 * BAHT))
    third = after.rows[2]
    assert third.total_satang == before.rows[2].total_satang
    assert third.closing_satang == before.rows[2].closing_satang + 100_000 * BAHT
    assert instalments(after)[3] > instalments(before)[3]


def test_an_agreed_instalment_is_kept_when_a_tranche_comes_and_the_last_one_absorbs_it() -> None:
    before = build(half_a_year(fixed_instalment_satang=101_200 * BAHT))
    after = changed(before, Disbursement(on=date(2026, 4, 28), amount_satang=50_000 * BAHT))
    assert set(instalments(after)[:-1]) == {101_200 * BAHT}
    assert instalments(after)[-1] > 150_000 * BAHT


# Rates.


def test_a_rate_is_first_used_for_the_night_that_begins_on_its_date() -> None:
    change = RateChange(from_date=date(2026, 4, 10), annual_rate_e8=5_000_000)
    third = changed(build(half_a_year()), change).rows[2]
    assert [(part.start_date, part.annual_rate_e8) for part in third.sub_periods] == [
        (date(2026, 3, 28), 4_000_000),
        (date(2026, 4, 10), 5_000_000),
    ]


def test_a_convention_of_others_uses_a_rate_from_the_night_before() -> None:
    terms = half_a_year()
    way = replace(terms.convention, rate_from_night_before=True)
    change = RateChange(from_date=date(2026, 4, 10), annual_rate_e8=5_000_000)
    third = changed(build(replace(terms, convention=way)), change).rows[2]
    assert third.sub_periods[1].start_date == date(2026, 4, 9)


def test_a_rate_change_solves_the_instalment_anew_from_the_period_that_has_it() -> None:
    before = build(half_a_year())
    after = changed(before, RateChange(from_date=date(2026, 4, 10), annual_rate_e8=9_000_000))
    assert instalments(after)[:2] == instalments(before)[:2]
    assert len(set(instalments(after)[2:-1])) == 1
    assert instalments(after)[2] > instalments(before)[2]
    assert len(after.rows) == 6


def test_where_the_instalment_stays_a_lower_rate_needs_fewer_of_them() -> None:
    base = loan(600_000, "12.00", DRAWN, RULE, 36, step_baht=100)
    before = build(replace(base, on_rate_change=Adjust.NUMBER))
    after = changed(before, RateChange(from_date=date(2026, 4, 10), annual_rate_e8=0))
    assert set(instalments(after)[:-1]) == set(instalments(before)[:-1])
    assert len(after.rows) == 31
    assert instalments(after)[-1] <= instalments(after)[0]


def test_where_the_instalment_stays_a_higher_rate_needs_more_dues_by_the_same_rule() -> None:
    base = replace(loan(600_000, "4.00", DRAWN, RULE, 12), on_rate_change=Adjust.NUMBER)
    change = RateChange(from_date=date(2026, 2, 28), annual_rate_e8=30_000_000)
    after = changed(build(base), change)
    assert len(after.rows) == 14
    assert [row.due_date for row in after.rows[-2:]] == [date(2027, 2, 28), date(2027, 3, 28)]
    assert after.terms.periods[-1] == after.rows[-1].period


def test_without_a_rule_for_more_dues_an_instalment_that_stays_is_refused() -> None:
    base = loan(600_000, "4.00", DRAWN, RULE, 12)
    before = build(replace(base, on_rate_change=Adjust.NUMBER, due_rule=None))
    with pytest.raises(InvalidInput, match="due_rule"):
        changed(before, RateChange(from_date=date(2026, 2, 28), annual_rate_e8=20_000_000))


def test_a_rate_at_which_the_instalment_that_stays_covers_no_interest_is_refused() -> None:
    base = replace(loan(600_000, "4.00", DRAWN, RULE, 120), on_rate_change=Adjust.NUMBER)
    with pytest.raises(InvalidInput, match=r"instalment 3.*never repaid"):
        changed(build(base), RateChange(from_date=date(2026, 4, 1), annual_rate_e8=50_000_000))


def test_a_rate_change_drops_the_later_ones_that_were_known() -> None:
    terms = loan(600_000, "4.00", DRAWN, RULE, 6, changes={date(2026, 5, 1): "6.00"})
    change = RateChange(from_date=date(2026, 4, 1), annual_rate_e8=5_000_000)
    after = changed(build(terms), change)
    assert [row.value for row in after.terms.annual_rates.rows] == [4_000_000, 5_000_000]


# Prepayments.


def test_principal_prepaid_for_smaller_instalments_keeps_their_number() -> None:
    before = build(half_a_year())
    paid = Prepayment(on=date(2026, 4, 10), amount_satang=100_000 * BAHT, effect=SMALLER)
    after = changed(before, paid)
    assert len(after.rows) == len(before.rows)
    assert instalments(after)[2] < instalments(before)[2]
    assert instalments(after)[2] == instalments(after)[3]
    assert not wrong_with(after)


def test_principal_prepaid_for_fewer_instalments_keeps_their_size() -> None:
    before = build(half_a_year())
    paid = Prepayment(on=date(2026, 4, 10), amount_satang=150_000 * BAHT, effect=FEWER)
    after = changed(before, paid)
    assert set(instalments(after)[:-1]) == {101_200 * BAHT}
    assert len(after.rows) == 5
    assert not wrong_with(after)


def test_principal_prepaid_stands_in_for_the_next_instalments_until_it_is_used_up() -> None:
    before = build(half_a_year())
    paid = Prepayment(on=date(2026, 4, 10), amount_satang=150_000 * BAHT, effect=NEXT)
    after = changed(before, paid)
    third, fourth, fifth = after.rows[2:5]
    assert third.principal_satang == 0
    assert third.advance_satang == 150_000 * BAHT - (101_200 * BAHT - third.earned_satang)
    used = third.advance_satang
    assert fourth.principal_satang == 101_200 * BAHT - fourth.earned_satang - used
    assert fourth.advance_satang == 0
    assert fifth.total_satang == 101_200 * BAHT
    assert not wrong_with(after)


def test_a_prepayment_of_all_that_is_owed_ends_the_loan_with_its_interest() -> None:
    before = build(half_a_year())
    owed = before.rows[2].opening_satang
    paid = Prepayment(on=date(2026, 4, 10), amount_satang=owed, effect=FEWER)
    after = changed(before, paid)
    assert len(after.rows) == 3
    assert after.rows[2].interest_satang > 0
    assert after.rows[2].principal_satang == 0
    with pytest.raises(InvalidInput, match="the loan is paid on 2026-04-28"):
        changed(after, replace(paid, on=date(2026, 5, 10), amount_satang=1))


def test_a_prepayment_above_the_balance_is_refused_with_the_balance() -> None:
    before = build(half_a_year())
    owed = before.rows[2].opening_satang
    paid = Prepayment(on=date(2026, 4, 10), amount_satang=owed + 1, effect=SMALLER)
    with pytest.raises(InvalidInput, match=f"at most the principal outstanding, {owed}"):
        changed(before, paid)


def test_a_prepayment_for_smaller_instalments_replaces_an_agreed_one() -> None:
    before = build(half_a_year(fixed_instalment_satang=101_200 * BAHT))
    paid = Prepayment(on=date(2026, 4, 10), amount_satang=100_000 * BAHT, effect=SMALLER)
    once = changed(before, paid)
    assert once.terms.fixed_instalment_satang is None
    assert instalments(once)[2] < 101_200 * BAHT
    again = changed(once, replace(paid, on=date(2026, 6, 10)))
    assert instalments(again)[4] < instalments(once)[4]
    assert instalments(again)[:4] == instalments(once)[:4]


# Reschedule.


def test_a_reschedule_gives_new_dates_and_count_and_keeps_what_was_due() -> None:
    before = build(half_a_year())
    rule = DueRule(first_due_date=date(2026, 6, 30), interval=Interval(count=3), anchor_day=31)
    new = due_periods(date(2026, 4, 28), rule, 4)
    after = changed(before, Reschedule(on=date(2026, 5, 10), periods=new, due_rule=rule))
    assert after.rows[:3] == before.rows[:3]
    assert [row.due_date.isoformat() for row in after.rows[3:]] == [
        "2026-06-30",
        "2026-09-30",
        "2026-12-31",
        "2027-03-31",
    ]
    assert after.terms.interval == rule.interval
    level = after.rows[3].in_force
    assert level is not None
    # A quarter of the yearly rate for each of four quarters.
    owed, growth = before.rows[2].closing_satang, 1 + 0.01
    annuity = owed * 0.01 / (1 - growth**-4)
    assert abs(level.exact_satang - annuity) < 1
    assert not wrong_with(after)


def test_a_reschedule_may_bring_grace_a_fixed_instalment_or_another_way_to_repay() -> None:
    before = build(half_a_year())
    new = due_periods(date(2026, 4, 28), monthly(date(2026, 5, 28)), 8)
    change = Reschedule(on=date(2026, 4, 28), periods=new)
    graced = changed(before, replace(change, periods=with_grace(new, principal=3)))
    assert principals(graced)[3:6] == [0, 0, 0]
    fixed = changed(before, replace(change, fixed_instalment_satang=30_000 * BAHT))
    assert set(instalments(fixed)[3:-1]) == {30_000 * BAHT}
    equal = changed(before, replace(change, repayment=SHARES))
    assert len(set(principals(equal)[3:-1])) == 1
    for after in (graced, fixed, equal):
        assert not wrong_with(after)


def test_a_reschedule_that_does_not_join_what_was_due_is_refused() -> None:
    new = due_periods(date(2026, 5, 1), monthly(date(2026, 6, 1)), 3)
    with pytest.raises(InvalidInput, match="a start on 2026-04-28"):
        changed(build(half_a_year()), Reschedule(on=date(2026, 4, 30), periods=new))
    with pytest.raises(InvalidInput, match="no period"):
        changed(build(half_a_year()), Reschedule(on=date(2026, 4, 30), periods=()))


# Payment holidays.


def test_a_holiday_on_principal_moves_the_end_and_the_interest_goes_on_being_paid() -> None:
    before = build(half_a_year())
    after = changed(before, Holiday(from_date=date(2026, 4, 1), count=2))
    assert after.rows[:2] == before.rows[:2]
    assert principals(after)[2:4] == [0, 0]
    assert all(row.interest_satang for row in after.rows)
    assert after.rows[-1].due_date == date(2026, 9, 28)
    assert set(instalments(after)[4:-1]) == {101_200 * BAHT}
    assert not wrong_with(after)


def test_a_holiday_from_everything_collects_its_interest_with_the_first_instalment_after_it() -> (
    None
):
    spared = Holiday(from_date=date(2026, 4, 1), count=2, interest=InterestDue.DEFERRED)
    after = changed(build(half_a_year()), spared)
    assert instalments(after)[2:4] == [0, 0]
    fifth = after.rows[4]
    deferred = after.rows[2].earned_satang + after.rows[3].earned_satang
    assert fifth.interest_satang == fifth.earned_satang + deferred
    assert fifth.total_satang == 101_200 * BAHT + deferred
    # Interest is never earned on interest: the holiday costs what the balance earns.
    assert after.rows[3].sub_periods[0].balance_satang == after.rows[3].opening_satang


def test_a_holiday_without_interest_earns_none() -> None:
    spared = Holiday(from_date=date(2026, 4, 1), count=2, interest=InterestDue.FREE)
    after = changed(build(half_a_year()), spared)
    assert instalments(after)[2:4] == [0, 0]
    assert not any(row.earned_satang for row in after.rows[2:4])


def test_a_holiday_that_keeps_the_end_makes_the_later_instalments_larger() -> None:
    before = build(half_a_year())
    spared = Holiday(from_date=date(2026, 4, 1), count=2, extends=False)
    after = changed(before, spared)
    assert after.rows[-1].due_date == before.rows[-1].due_date
    assert instalments(after)[4] > instalments(before)[4]
    assert not wrong_with(after)


def test_an_agreed_instalment_outlives_a_holiday_that_keeps_the_end() -> None:
    before = build(half_a_year(fixed_instalment_satang=101_200 * BAHT))
    after = changed(before, Holiday(from_date=date(2026, 4, 1), count=2, extends=False))
    assert instalments(after)[4] == 101_200 * BAHT
    assert instalments(after)[5] > 300_000 * BAHT
    moved = changed(before, Holiday(from_date=date(2026, 4, 1), count=2))
    assert set(instalments(moved)[4:-1]) == {101_200 * BAHT}


@given(terms_drawn(plain=True), st.data())
def test_a_holiday_moves_dates_and_never_money_unless_interest_follows(
    terms: LoanTerms, data: st.DataObject
) -> None:
    """Principal that falls due is the same, instalment by instalment; only the dates are later.

    Where periods are counted whole the interest of each is the same too, so a holiday without
    interest costs nothing, and one with it exactly what the balance earns meanwhile.
    """
    way = Convention(
        interest_measure=Measure.EQUAL_PERIODS,
        rounding=terms.convention.rounding,
        level_step_satang=terms.convention.level_step_satang,
    )
    before = built(replace(terms, convention=way))
    assume(len(before.rows) == len(terms.periods))
    at = data.draw(st.integers(0, len(before.rows) - 1))
    assume(not terms.periods[at].interval_days and terms.periods[at].principal_satang is None)
    assume(before.rows[at].opening_satang)  # else only interest that was put off is left
    spared = Holiday(
        from_date=terms.periods[at].end_date,
        count=data.draw(st.integers(1, len(before.rows) - at)),
        interest=data.draw(st.sampled_from(InterestDue)),
    )
    try:
        after = changed(before, spared)
    except InvalidInput as error:
        assume("periods[" not in str(error))  # two due dates moved to one day
        assume("deferred interest" not in str(error))  # the last periods are interest-free
        raise
    resting = after.rows[at : at + spared.count]
    assert principals(after)[:at] + principals(after)[at + spared.count :] == principals(before)
    assert {row.opening_satang for row in resting} == {before.rows[at].opening_satang}
    extra = after.interest_satang - before.interest_satang
    assert extra == sum(row.earned_satang for row in resting)
    assert extra == 0 or spared.interest is not InterestDue.FREE


def test_a_class_of_contracts_is_spared_by_the_same_function() -> None:
    flood = Holiday(from_date=date(2026, 4, 1), count=3, interest=InterestDue.DEFERRED)
    loans = [build(half_a_year()), build(half_a_year(repayment=SHARES))]
    spared = [changed(one, flood) for one in loans]
    assert [len(one.rows) for one in spared] == [9, 9]
    assert all(not any(instalments(one)[2:5]) for one in spared)


@pytest.mark.parametrize(
    ("spared", "said"),
    [
        (Holiday(from_date=date(2026, 4, 1), count=0), "1 to 4 periods"),
        (Holiday(from_date=date(2026, 4, 1), count=5), "1 to 4 periods"),
        (Holiday(from_date=date(2026, 4, 1), count=4, extends=False), "1 to 3 periods"),
        (Holiday(from_date=date(2026, 8, 1), count=1), "a date up to 2026-07-28"),
    ],
)
def test_a_holiday_that_spares_what_is_not_there_is_refused(spared: Holiday, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        changed(build(half_a_year()), spared)


def test_a_holiday_that_moves_the_end_needs_a_rule_for_the_dates() -> None:
    before = build(half_a_year(due_rule=None))
    with pytest.raises(InvalidInput, match="a rule for the due dates after the last one"):
        changed(before, Holiday(from_date=date(2026, 4, 1), count=1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Disbursement(on=date(2026, 1, 30), amount_satang=1), "after the drawdown"),
        (Disbursement(on=date(2026, 7, 28), amount_satang=1), "before the last due, 2026-07-28"),
        (Disbursement(on=date(2026, 9, 1), amount_satang=1), "a date up to 2026-07-28"),
        (Disbursement(on=date(2026, 3, 1), amount_satang=0), "1 or more"),
        (RateChange(from_date=date(2026, 1, 31), annual_rate_e8=1), "where the rates begin"),
        (RateChange(from_date=date(2026, 8, 1), annual_rate_e8=1), "a date up to 2026-07-28"),
        (RateChange(from_date=date(2026, 3, 1), annual_rate_e8=-1), "0 or more"),
        (Prepayment(on=date(2026, 1, 31), amount_satang=1, effect=NEXT), "after 2026-01-31"),
        (Prepayment(on=date(2026, 3, 1), amount_satang=0, effect=NEXT), "1 or more"),
    ],
)
def test_a_change_out_of_its_time_or_of_no_amount_is_refused(change: Change, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        changed(build(half_a_year()), change)
