"""Which part of the principal falls due when: weights, graces, and what makes no sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from ledger.errors import InvalidInput
from products.schedules.build import build
from products.schedules.due_dates import InterestDue, due_periods
from products.schedules.repayment import (
    balloon_by_amount,
    balloon_by_share,
    bullet,
    seasonal,
    with_down_payment,
    with_grace,
)
from products.schedules.values import LoanTerms
from tests.products.schedules.drawn import SHARES
from tests.products.schedules.loans import BAHT, instalments, loan, monthly, principals

DRAWN = date(2026, 1, 31)
RULE = monthly(date(2026, 2, 28))
SIX = due_periods(DRAWN, RULE, 6)
COLLECTED, DEFERRED, FREE = InterestDue


def shared(**terms: Any) -> LoanTerms:
    """600,000 baht at 4%, six months, principal by shares."""
    base = replace(loan(600_000, "4.00", DRAWN, RULE, 6), repayment=SHARES)
    return replace(base, **terms)


def test_equal_principal_is_the_same_each_time_and_the_last_takes_the_satang_left() -> None:
    parts = principals(build(replace(loan(1_000_000, "4.00", DRAWN, RULE, 3), repayment=SHARES)))
    assert parts == [333_333_33, 333_333_33, 333_333_34]


def test_a_bullet_pays_all_principal_at_the_end() -> None:
    assert principals(build(shared(periods=bullet(SIX)))) == [0, 0, 0, 0, 0, 600_000 * BAHT]


def test_grace_and_a_balloon_share_the_periods_that_pay() -> None:
    graced = with_grace(SIX, principal=2)
    parts = principals(build(shared(periods=balloon_by_share(graced, Fraction(1, 10)))))
    assert [part // BAHT for part in parts] == [0, 0, 60_000, 60_000, 60_000, 420_000]


def test_a_balloon_of_an_amount_leaves_that_amount_for_the_last() -> None:
    periods = balloon_by_amount(SIX, 600_000 * BAHT, 100_000 * BAHT)
    parts = principals(build(shared(periods=periods)))
    assert [part // BAHT for part in parts] == [100_000] * 6
    periods = balloon_by_amount(SIX, 600_000 * BAHT, 350_000 * BAHT)
    parts = principals(build(shared(periods=periods)))
    assert [part // BAHT for part in parts] == [50_000] * 5 + [350_000]


def test_seasons_pay_in_proportion_on_their_dates_and_interest_on_all() -> None:
    shares = {date(2026, 4, 28): 1, date(2026, 7, 28): 3}
    schedule = build(shared(periods=seasonal(SIX, shares)))
    assert [p // BAHT for p in principals(schedule)] == [0, 0, 150_000, 0, 0, 450_000]
    assert all(row.interest_satang for row in schedule.rows)


def test_three_kinds_of_grace_are_three_different_things() -> None:
    graced = with_grace(SIX, principal=3, interest=2, interest_free=1)
    assert [period.weight for period in graced] == [0, 0, 0, 1, 1, 1]
    assert [p.interest for p in graced] == [FREE, DEFERRED, *[COLLECTED] * 4]


def test_interest_put_off_is_due_with_the_next_period_that_collects_and_bears_none() -> None:
    plain = build(shared())
    graced = build(shared(periods=with_grace(SIX, interest=2)))
    assert principals(graced) == principals(plain)
    assert [row.interest_satang for row in graced.rows[:2]] == [0, 0]
    assert graced.rows[2].interest_satang == sum(r.interest_satang for r in plain.rows[:3])
    assert graced.interest_satang == plain.interest_satang


def test_a_down_payment_is_the_first_row_without_interest() -> None:
    periods = with_down_payment(SIX, DRAWN, 150_000 * BAHT)
    schedule = build(replace(shared(), periods=periods))
    first, second, *_ = schedule.rows
    assert (first.due_date, first.interest_satang) == (DRAWN, 0)
    assert first.principal_satang == 150_000 * BAHT
    assert second.opening_satang == 450_000 * BAHT
    assert second.principal_satang == 75_000 * BAHT


def test_equal_instalments_to_a_balloon_are_level_before_the_last_which_pays_what_is_left() -> None:
    schedule = build(replace(loan(600_000, "4.00", DRAWN, RULE, 6), balloon_satang=300_000 * BAHT))
    *level, last = instalments(schedule)
    assert len(set(level)) == 1
    left = schedule.rows[-1].principal_satang
    assert abs(left - 300_000 * BAHT) < 500 * BAHT  # real days are no twelfths of a year
    assert last == left + schedule.rows[-1].interest_satang


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"principal": 6}, "grace on principal: got 6; expected 0 to 5 of 6 periods"),
        ({"principal": -1}, "0 to 5"),
        ({"interest": 6}, "grace on interest: got 6; expected 0 to 5 of 6 periods"),
        ({"interest_free": 7}, "grace on interest_free: got 7; expected 0 to 6 of 6 periods"),
    ],
)
def test_grace_that_leaves_no_period_to_pay_is_refused(
    counts: Mapping[str, int], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        with_grace(SIX, **counts)


@pytest.mark.parametrize("share", [Fraction(0), Fraction(1, 5), Fraction(1, 4), Fraction(-1, 9)])
def test_shares_that_leave_nothing_for_the_last_are_refused(share: Fraction) -> None:
    with pytest.raises(InvalidInput, match="share of the principal per instalment"):
        balloon_by_share(SIX, share)


@pytest.mark.parametrize("last", [0, -1, 600, 601])
def test_a_balloon_of_nothing_or_of_everything_is_refused(last: int) -> None:
    with pytest.raises(InvalidInput, match="last amount"):
        balloon_by_amount(SIX, 600, last)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({date(2026, 4, 27): 1, date(2026, 7, 28): 1}, "one of the due dates"),
        ({date(2026, 4, 28): 0, date(2026, 7, 28): 1}, "1 or more"),
        ({date(2026, 4, 28): 1}, "a share on the last due date"),
    ],
)
def test_seasons_that_do_not_fit_the_due_dates_are_refused(
    shares: Mapping[date, int], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        seasonal(SIX, shares)
