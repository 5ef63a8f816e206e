"""Pay-off quotes and scheduled accrual: figures that people know, then rules for every loan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.money import Rounding
from pricing.dated import Dated
from products.allocation.splitting import after, allocate
from products.allocation.values import Charge, Due, Kind, Owed
from products.payoff import (
    InterestTill,
    ScheduledPeriod,
    accrued_of_period,
    accrued_to,
    interest_stop,
    owed_on,
    payoff_quote,
)
from products.schedules.build import build
from products.schedules.due_dates import DueRule, due_periods
from products.schedules.recalculate import PaidHistory, Receipt, recalculate
from products.schedules.values import Disbursement, LoanTerms, Repayment

many = settings(max_examples=max(200, settings().max_examples))
"""Draws cost microseconds here, and a wrong order shows only in few of them."""

START = date(2024, 1, 1)
DUES = (date(2024, 2, 1), date(2024, 3, 1), date(2024, 4, 1))
TO_THE_DAY, TO_THE_REST = InterestTill


@pytest.mark.parametrize(
    ("till", "on", "stop"),
    [
        (TO_THE_DAY, date(2024, 2, 15), date(2024, 2, 15)),
        (TO_THE_REST, date(2024, 2, 15), date(2024, 3, 1)),
        (TO_THE_REST, date(2024, 2, 29), date(2024, 3, 1)),
        (TO_THE_REST, date(2024, 3, 1), date(2024, 3, 1)),
        (TO_THE_REST, date(2024, 3, 2), date(2024, 4, 1)),
        (TO_THE_REST, date(2024, 4, 2), date(2024, 4, 2)),
    ],
)
def test_interest_runs_to_the_pay_off_or_to_the_end_of_the_running_period(
    till: InterestTill, on: date, stop: date
) -> None:
    assert interest_stop(till, on, DUES[::-1]) == stop


def test_a_quote_adds_up_principal_due_or_not_interest_to_the_date_fees_and_penalty() -> None:
    owed = Owed(
        dues=(
            Due(number=1, due_date=DUES[0], principal_satang=300_00, interest_satang=20_00),
            Due(number=2, due_date=DUES[1], principal_satang=700_00, interest_satang=15_00),
            Due(number=3, due_date=DUES[2], principal_satang=700_00, interest_satang=7_00),
        ),
        charges=(
            Charge(reference="f", kind=Kind.FEE, due_date=DUES[0], amount_satang=5_00),
            Charge(reference="p", kind=Kind.PENALTY, due_date=DUES[0], amount_satang=1_25),
            Charge(reference="g", kind=Kind.FEE, due_date=DUES[1], amount_satang=9_00),
        ),
        accrued_interest_satang=7_77,
    )
    quote = payoff_quote(owed, date(2024, 2, 15))
    assert quote.valid_to == date(2024, 2, 15)
    assert quote.principal_satang == 1_700_00
    assert quote.interest_satang == 20_00 + 7_77
    assert (quote.fee_satang, quote.penalty_satang) == (5_00, 1_25)
    assert quote.total_satang == 1_734_02


def period(interest_satang: int, days: int) -> ScheduledPeriod:
    """A period of so many days from the first of January 2024."""
    return ScheduledPeriod(
        start=START, due_date=START + timedelta(days), interest_satang=interest_satang
    )


@pytest.mark.parametrize(
    ("interest", "days", "elapsed", "accrued"),
    [
        (90_00, 30, 1, 3_00),
        (70_32, 30, 2, 4_69),
        (29_59, 15, 9, 17_75),
        (10_19, 31, 1, 33),
        (10_19, 31, 2, 66),
        (10_19, 31, 0, 0),
        (10_19, 31, -1, 0),
        (10_19, 31, 31, 10_19),
        (10_19, 31, 32, 10_19),
    ],
)
def test_scheduled_interest_accrues_by_its_share_of_the_periods_days(
    interest: int, days: int, elapsed: int, accrued: int
) -> None:
    got = accrued_of_period(period(interest, days), START + timedelta(elapsed), Rounding.HALF_EVEN)
    assert got == accrued


@pytest.mark.parametrize("days", [0, -1])
def test_a_period_without_a_day_is_refused(days: int) -> None:
    with pytest.raises(InvalidInput, match="expected a period of one day or more"):
        accrued_of_period(period(1, days), START)


@many
@given(
    parts=st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 40)), min_size=1, max_size=4),
    mode=st.sampled_from(Rounding),
)
def test_what_the_nights_book_adds_up_to_what_the_instalments_ask_for(
    parts: list[tuple[int, int]], mode: Rounding
) -> None:
    periods, start = [], START
    for interest, length in parts:
        stop = start + timedelta(length)
        periods.append(ScheduledPeriod(start=start, due_date=stop, interest_satang=interest))
        start = stop
    whole = (start - START).days
    standing = [accrued_to(periods, START + timedelta(day), mode) for day in range(whole + 1)]
    booked = [later - earlier for earlier, later in pairwise(standing)]
    assert standing[0] == 0
    assert all(entry >= 0 for entry in booked)
    assert sum(booked) == sum(interest for interest, _ in parts)
    each_day = [Fraction(interest, length) for interest, length in parts for _ in range(length)]
    for day, stands in enumerate(standing):
        exact = sum(each_day[:day], Fraction(0))
        assert exact - 1 < stands < exact + 1


@many
@given(
    amounts=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)), max_size=6),
    first=st.integers(-90, 30),
    accrued=st.integers(0, 10**6),
    fee=st.integers(0, 10**4),
    penalty=st.integers(0, 10**4),
)
def test_paying_exactly_the_quote_leaves_nothing_owed_and_nothing_over(
    amounts: list[tuple[int, int]], first: int, accrued: int, fee: int, penalty: int
) -> None:
    owed = Owed(
        dues=tuple(
            Due(
                number=number,
                due_date=START + timedelta(first + 30 * number),
                principal_satang=principal,
                interest_satang=interest,
            )
            for number, (principal, interest) in enumerate(amounts)
        ),
        charges=(
            Charge(reference="f", kind=Kind.FEE, due_date=START, amount_satang=fee),
            Charge(reference="p", kind=Kind.PENALTY, due_date=START, amount_satang=penalty),
        ),
        accrued_interest_satang=accrued,
    )
    quote = payoff_quote(owed, START)
    assume(quote.total_satang > 0)
    split = allocate(amount_satang=quote.total_satang, value_date=START, owed=owed)
    left = after(owed, split)
    assert split.remainder_satang == 0
    assert sum(due.principal_satang for due in left.dues) == 0
    assert payoff_quote(left, START).total_satang == 0
    assert split.of_kind(Kind.PRINCIPAL) == quote.principal_satang


DRAWN = date(2026, 1, 15)
RATE_E8 = 6_000_000


def loan(repayment: Repayment, principal_satang: int, count: int) -> LoanTerms:
    """A monthly loan at 6%, by the Facility's own convention."""
    rule = DueRule(first_due_date=date(2026, 2, 15))
    return LoanTerms(
        disbursements=(Disbursement(on=DRAWN, amount_satang=principal_satang),),
        annual_rates=Dated.of_changes("rate", DRAWN, RATE_E8, {}),
        periods=due_periods(DRAWN, rule, count),
        repayment=repayment,
    )


def left_owed(
    terms: LoanTerms, receipts: tuple[Receipt, ...], on: date, till: InterestTill
) -> Owed:
    """What the receipts leave owed on a date."""
    stop = interest_stop(till, on, (period.end_date for period in terms.periods))
    schedule = recalculate(terms, PaidHistory(as_of=stop, receipts=receipts))
    return owed_on(schedule, sum(receipt.amount_satang for receipt in receipts), on, till)


def night_by_night(opening: int, since: date, dues: Sequence[date], until: date) -> int:
    """Interest of a balance that nobody pays any of: rounded at each due date and at the end."""
    owed, running, night = 0, Fraction(0), since
    while night < until:
        running += Fraction(opening * RATE_E8, 10**8 * 365)
        night += timedelta(1)
        if night in dues or night == until:
            owed += int(running + Fraction(1, 2))
            running = Fraction(0)
    return owed


@given(
    repayment=st.sampled_from(Repayment),
    principal=st.integers(10_000_00, 10**9),
    count=st.integers(2, 12),
    paid=st.integers(0, 11),
    late=st.integers(1, 70),
    till=st.sampled_from(InterestTill),
)
def test_a_pay_off_after_some_instalments_is_the_balance_and_its_interest_night_by_night(
    repayment: Repayment, principal: int, count: int, paid: int, late: int, till: InterestTill
) -> None:
    assume(paid < count)
    terms = loan(repayment, principal, count)
    planned = build(terms).rows
    since = planned[paid - 1].due_date if paid else DRAWN
    on = since + timedelta(late)
    receipts = tuple(
        Receipt(on=row.due_date, amount_satang=row.total_satang) for row in planned[:paid]
    )
    quote = payoff_quote(left_owed(terms, receipts, on, till), on)
    left = principal - sum(row.principal_satang for row in planned[:paid])
    dues = [row.due_date for row in planned]
    running_end = min((due for due in dues if due >= on), default=on)
    until = on if till is InterestTill.PAYOFF_DATE else running_end
    assert quote.principal_satang == left
    assert quote.interest_satang == night_by_night(left, since, dues, until)


@given(
    repayment=st.sampled_from(Repayment),
    principal=st.integers(30_000_00, 10**9),
    payments=st.lists(st.tuples(st.integers(1, 181), st.integers(1, 5_000_00)), max_size=4),
    on=st.integers(1, 200),
    till=st.sampled_from(InterestTill),
)
def test_what_was_paid_and_the_pay_off_are_the_loan_and_all_its_interest(
    repayment: Repayment,
    principal: int,
    payments: list[tuple[int, int]],
    on: int,
    till: InterestTill,
) -> None:
    terms = loan(repayment, principal, 6)
    day = DRAWN + timedelta(on)
    receipts = tuple(
        Receipt(on=DRAWN + timedelta(after_days), amount_satang=amount)
        for after_days, amount in sorted(payments)
        if after_days <= on
    )
    owed = left_owed(terms, receipts, day, till)
    quote = payoff_quote(owed, day)
    received = sum(receipt.amount_satang for receipt in receipts)
    interest = received + quote.total_satang - principal
    assert interest >= owed.accrued_interest_satang >= 0
    assert sum(due.principal_satang for due in owed.dues) == quote.principal_satang
    # The most there can be: simple interest of the whole loan, rounded up in every period.
    assert interest <= Fraction(principal * RATE_E8 * 231, 10**8 * 365) + 8
    to_rest = payoff_quote(left_owed(terms, receipts, day, InterestTill.REST_DATE), day)
    assert to_rest.total_satang >= quote.total_satang
    assert to_rest.principal_satang == quote.principal_satang
