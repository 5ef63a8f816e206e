"""What no schedule is made from: each thing refused by its own name, and nothing computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ledger.errors import InvalidInput
from pricing.dated import Dated, DatedRow
from products.interest.day_counts import DayCount
from products.interest.rounding import RoundingRule, Stage
from products.schedules.build import build
from products.schedules.conventions import FACILITY, Convention, Measure
from products.schedules.due_dates import DuePeriod, InterestDue, Interval, Unit
from products.schedules.values import (
    Disbursement,
    InterestMethod,
    LoanTerms,
    Prepayment,
    PrepaymentEffect,
)
from tests.products.schedules.drawn import SHARES
from tests.products.schedules.loans import BAHT, loan, monthly, rates, with_tranches

DRAWN = date(2026, 1, 31)
TERMS = loan(600_000, "4.00", DRAWN, monthly(date(2026, 2, 28)), 6, step_baht=100)
EARLY = Disbursement(on=date(2026, 1, 30), amount_satang=1)
FEWER = PrepaymentEffect.FEWER_INSTALMENTS


def periods(at: int, **fields: Any) -> LoanTerms:
    """The terms with one period bent."""
    bent = list(TERMS.periods)
    bent[at] = replace(bent[at], **fields)
    return replace(TERMS, periods=tuple(bent))


def dated(*rows: tuple[date, date | None, int]) -> Dated[int]:
    """Rates with the dates between which they hold."""
    made = [DatedRow(from_date=first, to_date=last, value=value) for first, last, value in rows]
    return Dated(what="annual_rates", rows=tuple(made))


REFUSED: dict[str, tuple[Callable[[], LoanTerms], str]] = {
    "no disbursement": (lambda: replace(TERMS, disbursements=()), "disbursements: got 'none'"),
    "no period": (lambda: replace(TERMS, periods=()), "periods: got 'none'"),
    "an amount of nothing": (
        lambda: with_tranches(TERMS, (date(2026, 3, 1), 0)),
        r"disbursements\[1\].amount: got 0",
    ),
    "a disbursement before the first period": (
        lambda: replace(
            TERMS, disbursements=(Disbursement(on=date(2026, 1, 30), amount_satang=1),)
        ),
        "2026-01-31 or later",
    ),
    "a disbursement on the last due": (
        lambda: with_tranches(TERMS, (date(2026, 7, 28), 1)),
        "before the last due, 2026-07-28",
    ),
    "a disbursement after the last due": (
        lambda: with_tranches(TERMS, (date(2026, 9, 1), 1)),
        "before the last due, 2026-07-28",
    ),
    "disbursements out of order": (
        lambda: with_tranches(TERMS, (date(2026, 4, 1), 1), (date(2026, 3, 1), 1)),
        "in order of dates",
    ),
    "a period that ends before it starts": (
        lambda: periods(2, end_date=date(2026, 3, 27)),
        r"periods\[2\].end_date: got 2026-03-27",
    ),
    "a period of no night": (
        lambda: periods(0, end_date=DRAWN),
        "a date after the period's start",
    ),
    "periods that overlap": (
        lambda: periods(2, start_date=date(2026, 3, 20)),
        "2026-03-28 or later",
    ),
    "due dates out of order": (
        lambda: periods(2, due_date=date(2026, 3, 28)),
        "a date after the due date before it, 2026-03-28",
    ),
    "a weight below zero": (lambda: periods(2, weight=-1), r"periods\[2\].weight: got -1"),
    "a weight in equal instalments": (lambda: periods(2, weight=2), "0 or 1 in equal instalments"),
    "a last period that pays no principal": (
        lambda: periods(5, weight=0),
        "the last period's weight: got 0",
    ),
    "a stated principal of nothing": (
        lambda: periods(2, weight=0, principal_satang=0),
        "1 or more, and no weight",
    ),
    "a stated principal beside a weight": (
        lambda: periods(2, principal_satang=5),
        "5 with a weight of 1",
    ),
    "interest put off beyond the end": (
        lambda: periods(5, interest=InterestDue.DEFERRED),
        "deferred interest that nothing collects",
    ),
    "no rate at the drawdown": (
        lambda: replace(TERMS, annual_rates=rates("4.00", date(2026, 2, 1))),
        "a rate from the drawdown on, 2026-01-31",
    ),
    "no rate at the end": (
        lambda: replace(TERMS, annual_rates=dated((DRAWN, date(2026, 6, 1), 4_000_000))),
        "a rate up to the last due, 2026-07-28",
    ),
    "a rate below zero": (
        lambda: replace(TERMS, annual_rates=dated((DRAWN, None, -1))),
        r"annual_rates\[0\]: got -1",
    ),
    "an agreed instalment of nothing": (
        lambda: replace(TERMS, fixed_instalment_satang=0),
        "1 or more, in equal instalments",
    ),
    "an agreed instalment where the principal is": (
        lambda: replace(TERMS, repayment=SHARES, fixed_instalment_satang=1),
        "1 in PRINCIPAL_SHARES",
    ),
    "an agreed instalment that covers no interest": (
        lambda: replace(TERMS, fixed_instalment_satang=1841_10),
        "instalment 1, due 2026-02-28: got 184110; expected more than its interest of 184110",
    ),
    "a solved instalment that covers no interest": (
        lambda: loan(600_000, "40.00", DRAWN, monthly(date(2026, 12, 31)), 120),
        "instalment 1, due 2026-12-31.*never repaid",
    ),
    "a balloon of everything": (
        lambda: replace(TERMS, balloon_satang=600_000 * BAHT),
        "less than the principal of 60000000",
    ),
    "a balloon beside an agreed instalment": (
        lambda: replace(TERMS, balloon_satang=1, fixed_instalment_satang=200_000 * BAHT),
        "it goes with solved equal instalments",
    ),
    "a balloon on flat interest": (
        lambda: replace(TERMS, balloon_satang=1, interest_method=InterestMethod.FLAT),
        "it goes with solved equal instalments",
    ),
    "a prepayment on the day of drawing": (
        lambda: replace(TERMS, prepayments=(Prepayment(on=DRAWN, amount_satang=1, effect=FEWER),)),
        "after 2026-01-31",
    ),
    "prepayments out of order": (
        lambda: replace(
            TERMS,
            prepayments=(
                Prepayment(on=date(2026, 4, 1), amount_satang=1, effect=FEWER),
                Prepayment(on=date(2026, 3, 1), amount_satang=1, effect=FEWER),
            ),
        ),
        "in order of dates",
    ),
    "whole days of a year without a fixed length": (
        lambda: replace(
            TERMS,
            interval=Interval(unit=Unit.DAYS),
            convention=Convention(day_count=DayCount.ACT_ACT_CALYEAR),
        ),
        "over a year of a fixed number of days",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_makes_no_schedule_is_refused_by_name(what: str) -> None:
    terms, said = REFUSED[what]
    with pytest.raises(InvalidInput, match=said):
        build(terms())


def test_every_problem_of_the_terms_is_told_at_once() -> None:
    bent = with_tranches(periods(5, weight=0), (date(2026, 9, 1), 0))
    with pytest.raises(InvalidInput) as told:
        build(replace(bent, annual_rates=dated((DRAWN, None, -1))))
    assert [problem.where for problem in told.value.problems] == [
        "the last period's weight",
        "disbursements[1].amount",
        "disbursements[1].date",
        "annual_rates[0]",
    ]


def test_rates_with_a_gap_or_an_overlap_cannot_be_written_down() -> None:
    with pytest.raises(InvalidInput, match="a gap"):
        dated((DRAWN, date(2026, 3, 1), 1), (date(2026, 3, 2), None, 2))
    with pytest.raises(InvalidInput, match="an overlap"):
        dated((DRAWN, date(2026, 3, 1), 1), (date(2026, 2, 27), None, 2))


def test_a_convention_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(InvalidInput, match="level_step_satang"):
        replace(FACILITY, level_step_satang=0)
    with pytest.raises(InvalidInput, match="REAL_DAYS only where interest_measure is"):
        Convention(interest_measure=Measure.EQUAL_PERIODS, level_measure=Measure.REAL_DAYS)
    with pytest.raises(InvalidInput, match=r"rounding.stage"):
        Convention(rounding=RoundingRule(stage=Stage.DAY))


def test_periods_need_not_join_and_what_lies_between_earns_nothing() -> None:
    first = DuePeriod(start_date=DRAWN, end_date=date(2026, 2, 28), due_date=date(2026, 2, 28))
    later = replace(
        first, start_date=date(2026, 3, 5), end_date=date(2026, 4, 4), due_date=date(2026, 4, 4)
    )
    terms = replace(TERMS, periods=(first, later), repayment=SHARES)
    second = build(with_tranches(terms, (date(2026, 3, 2), 100_000))).rows[1]
    (part,) = second.sub_periods
    assert (part.start_date, part.days) == (date(2026, 3, 5), 30)
    assert part.balance_satang == 400_000 * BAHT
