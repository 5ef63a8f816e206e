"""A schedule recalculated from what was really paid: late, early, too little, too much."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from products.interest.day_counts import DayCount
from products.schedules.build import build
from products.schedules.conventions import Convention
from products.schedules.recalculate import PaidHistory, Receipt, recalculate
from products.schedules.values import LoanTerms, PrepaymentEffect, Schedule
from tests.products.schedules.drawn import SHARES
from tests.products.schedules.loans import BAHT, instalments, loan, monthly, principals

DRAWN = date(2026, 1, 31)
DUES = [date(2026, month, 28) for month in range(2, 8)]
TERMS = loan(600_000, "4.00", DRAWN, monthly(DUES[0]), 6, step_baht=100)
LEVEL = 101_200 * BAHT
SMALLER, FEWER, NEXT = PrepaymentEffect


def recalculated(
    as_of: date, *paid: tuple[date, int], effect: PrepaymentEffect = SMALLER, **terms: Any
) -> Schedule:
    """600,000 baht at 4%, six months; what was paid in baht."""
    receipts = tuple(Receipt(on=on, amount_satang=baht * BAHT) for on, baht in paid)
    history = PaidHistory(as_of=as_of, receipts=receipts, effect=effect)
    return recalculate(replace(TERMS, **terms), history)


def test_paid_on_time_the_schedule_stays() -> None:
    assert recalculated(DUES[1], *((due, 101_200) for due in DUES[:2])).rows == build(TERMS).rows


def test_as_of_the_first_due_date_nothing_is_late_yet() -> None:
    assert recalculated(DUES[0]).rows == build(TERMS).rows


def test_principal_paid_late_bears_interest_until_the_day_it_is_paid() -> None:
    late = recalculated(date(2026, 3, 5), (date(2026, 3, 5), 101_200))
    second = late.rows[1]
    assert [(part.balance_satang, part.days) for part in second.sub_periods] == [
        (600_000 * BAHT, 5),
        (second.opening_satang, 23),
    ]
    assert second.total_satang == LEVEL
    # What lateness cost is absorbed by the last instalment.
    on_time = build(TERMS)
    assert set(instalments(late)[:-1]) == {LEVEL}
    assert instalments(late)[-1] > instalments(on_time)[-1]


def test_unpaid_principal_bears_interest_until_as_of_and_is_then_taken_to_be_paid() -> None:
    second, third = recalculated(date(2026, 4, 10)).rows[1:3]
    assert [part.balance_satang for part in second.sub_periods] == [600_000 * BAHT]
    assert [(part.balance_satang, part.days) for part in third.sub_periods] == [
        (600_000 * BAHT, 13),
        (third.opening_satang, 18),
    ]


def test_overdue_interest_bears_none_unless_a_source_says_so() -> None:
    interest = build(TERMS).rows[0].interest_satang
    plain = PaidHistory(as_of=DUES[2])
    assert recalculate(TERMS, plain).rows[1].sub_periods[0].balance_satang == 600_000 * BAHT
    bears = recalculate(TERMS, replace(plain, overdue_interest_bears=True))
    assert bears.rows[1].sub_periods[0].balance_satang == 600_000 * BAHT + interest


def test_a_part_payment_pays_the_oldest_instalment_and_its_interest_first() -> None:
    half = recalculated(date(2026, 3, 5), (date(2026, 3, 5), 50_000))
    # 50,000.00 pays the interest of 1,841.10 first; from then on all is taken to be paid.
    assert half.rows[1].sub_periods[1].balance_satang == half.rows[1].opening_satang
    later = recalculated(date(2026, 3, 20), (date(2026, 3, 5), 50_000))
    first = build(TERMS).rows[0]
    unpaid = first.principal_satang - (50_000 * BAHT - first.interest_satang)
    assert [part.balance_satang for part in later.rows[1].sub_periods] == [
        600_000 * BAHT,
        later.rows[1].opening_satang + unpaid,
        later.rows[1].opening_satang,
    ]


def test_less_than_an_instalment_paid_early_lowers_the_interest_only() -> None:
    early = recalculated(date(2026, 2, 10), (date(2026, 2, 10), 20_000))
    first = early.rows[0]
    assert [part.balance_satang for part in first.sub_periods] == [600_000_00, 580_000_00]
    assert first.prepaid_satang == 20_000 * BAHT
    assert first.principal_satang + first.prepaid_satang + first.interest_satang == LEVEL
    assert set(instalments(early)[1:-1]) == {LEVEL}


@pytest.mark.parametrize(
    ("effect", "count", "same"), [(SMALLER, 6, False), (FEWER, 5, True), (NEXT, 6, True)]
)
def test_more_than_an_instalment_paid_early_does_what_was_agreed(
    effect: PrepaymentEffect, count: int, same: bool
) -> None:
    early = recalculated(date(2026, 2, 10), (date(2026, 2, 10), 250_000), effect=effect)
    assert len(early.rows) == count
    assert early.rows[0].principal_satang == 0
    assert early.rows[0].advance_satang > 0 if effect is NEXT else not early.rows[0].advance_satang
    assert (instalments(early)[3] == LEVEL) is same


def test_what_is_over_on_a_due_date_is_principal_of_that_day() -> None:
    over = recalculated(DUES[0], (DUES[0], 131_200))
    first, second = over.rows[:2]
    assert first.total_satang == LEVEL
    assert first.prepaid_satang == 30_000 * BAHT
    assert second.opening_satang == first.opening_satang - first.principal_satang - 3_000_000
    assert instalments(over)[1] < LEVEL


def test_a_due_told_as_paid_in_full_needs_no_receipt() -> None:
    history = PaidHistory(as_of=date(2026, 4, 10), paid_in_full=frozenset(DUES[:2]))
    on_time = build(TERMS)
    told = recalculate(TERMS, history)
    assert told.rows[:2] == on_time.rows[:2]
    assert told.rows[2].sub_periods == on_time.rows[2].sub_periods


def test_lateness_that_costs_more_than_an_instalment_leaves_no_principal_to_fall_due() -> None:
    terms = loan(600_000, "24.00", DRAWN, monthly(DUES[0]), 120)
    history = PaidHistory(as_of=date(2027, 1, 28), overdue_interest_bears=True)
    late = recalculate(terms, history)
    assert principals(late)[0] > 0
    twelfth = late.rows[11]
    assert twelfth.principal_satang == 0
    assert twelfth.interest_satang > late.rows[0].total_satang
    assert late.rows[-1].principal_satang == late.rows[-1].opening_satang


@pytest.mark.parametrize(
    ("receipts", "said"),
    [
        ([(date(2026, 2, 10), 0)], "1 or more"),
        ([(DRAWN, 5)], r"payments\[0\].date.*after 2026-01-31"),
        ([(date(2026, 4, 11), 5)], "up to 2026-04-10"),
        ([(date(2026, 3, 2), 5), (date(2026, 3, 1), 5)], "dates in order"),
        ([(date(2026, 3, 2), 700_000)], "at most the principal outstanding"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused(receipts: list[tuple[date, int]], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        recalculated(date(2026, 4, 10), *receipts)


def test_a_receipt_after_the_last_period_is_refused_as_no_row_would_hold_it() -> None:
    with pytest.raises(InvalidInput, match="up to the end of the schedule, 2026-07-28"):
        recalculated(date(2026, 9, 1), (date(2026, 8, 3), 5))


def test_a_day_that_is_no_due_date_cannot_have_been_paid_in_full() -> None:
    history = PaidHistory(as_of=date(2026, 4, 10), paid_in_full=frozenset({date(2026, 3, 1)}))
    with pytest.raises(InvalidInput, match="due dates of the schedule"):
        recalculate(TERMS, history)


# The same by a cashier who lives the days one by one.


@dataclass(slots=True)
class Cashier:
    """Takes money day by day and knows which principal has really come back."""

    schedule: Schedule
    history: PaidHistory
    principal: int = 0
    pots: list[list[int]] = field(default_factory=list)

    def nights(self) -> dict[date, int]:
        """Principal that bears interest, by night."""
        terms, found = self.schedule.terms, {}
        day, end = terms.disbursements[0].on, terms.periods[-1].end_date
        while day < end:
            self.principal += sum(p.amount_satang for p in terms.disbursements if p.on == day)
            self._fall_due(day)
            for receipt in self.history.receipts:
                if receipt.on == day:
                    self._take(receipt.amount_satang)
            if day >= self.history.as_of:
                self._take(sum(interest + principal for interest, principal in self.pots))
            found[day] = self.principal
            day += timedelta(days=1)
        return found

    def _fall_due(self, day: date) -> None:
        for row in self.schedule.rows:
            if row.period.end_date == day:
                self.pots.append([row.interest_satang, row.principal_satang])
                if day in self.history.paid_in_full:
                    self._take(row.interest_satang + row.principal_satang)

    def _take(self, amount: int) -> None:
        for pot in self.pots:
            interest = min(amount, pot[0])
            principal = min(amount - interest, pot[1])
            pot[0], pot[1] = pot[0] - interest, pot[1] - principal
            self.principal -= principal
            amount -= interest + principal
        self.pots = [pot for pot in self.pots if any(pot)]
        self.principal -= amount


@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(1, 360), st.integers(1, 40)), max_size=6),
    st.integers(0, 360),
    st.sampled_from(PrepaymentEffect),
    st.booleans(),
)
def test_interest_is_earned_on_the_principal_that_has_not_come_back(
    count: int,
    paid: list[tuple[int, int]],
    as_of: int,
    effect: PrepaymentEffect,
    equal_principal: bool,
) -> None:
    terms = loan(120_000, "12.00", DRAWN, monthly(DUES[0]), count)
    terms = replace(terms, repayment=SHARES) if equal_principal else terms
    receipts = sorted((min(day, as_of), thousands) for day, thousands in paid if as_of)
    history = PaidHistory(
        as_of=DRAWN + timedelta(days=as_of),
        receipts=tuple(
            Receipt(on=DRAWN + timedelta(days=day), amount_satang=thousands * 100_000)
            for day, thousands in receipts
        ),
        effect=effect,
    )
    schedule = _sound(terms, history)
    nights = Cashier(schedule, history).nights()
    for row in schedule.rows:
        inside = [on for on in nights if row.period.start_date <= on < row.period.end_date]
        earned = sum(Fraction(nights[on] * 12_000_000, 10**8 * 365) for on in inside)
        assert row.exact_satang == earned
    assert schedule.rows[-1].closing_satang == 0
    assert schedule.principal_satang == 120_000 * BAHT


def _sound(terms: LoanTerms, history: PaidHistory) -> Schedule:
    """The schedule, unless more was paid than is owed."""
    try:
        return recalculate(terms, history)
    except InvalidInput as error:
        assume("at most the principal outstanding" not in str(error))
        assume("up to the end of the schedule" not in str(error))
        raise


def test_the_days_of_a_leap_year_count_in_it_for_what_is_late_too() -> None:
    way = Convention(day_count=DayCount.ACT_ACT_CALYEAR)
    terms = loan(
        600_000, "4.00", date(2023, 11, 30), monthly(date(2023, 12, 30)), 3, convention=way
    )
    second = recalculate(terms, PaidHistory(as_of=date(2024, 1, 30))).rows[1]
    assert second.exact_satang == 600_000 * BAHT * Fraction(4, 100) * (
        Fraction(2, 365) + Fraction(29, 366)
    )
