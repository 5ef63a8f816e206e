"""Loans as tests write them: baht and percent, the Facility's own convention unless said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from pricing.dated import Dated
from pricing.rates import parse_rate_percent
from products.schedules.conventions import FACILITY, Convention
from products.schedules.due_dates import (
    MONTHLY,
    DuePeriod,
    DueRule,
    Interval,
    due_periods,
)
from products.schedules.values import Disbursement, LoanTerms, Row, Schedule

BAHT = 100


def rates(percent: str, start: date, changes: Mapping[date, str] | None = None) -> Dated[int]:
    """A rate from `start` on, and those that follow it by date."""
    later = {on: parse_rate_percent(text) for on, text in (changes or {}).items()}
    return Dated.of_changes("annual_rates", start, parse_rate_percent(percent), later)


def monthly(first_due: date, interval: Interval = MONTHLY) -> DueRule:
    """Due dates from the first one on, at its own day of the month; the 31st is the month's end."""
    return DueRule(first_due_date=first_due, interval=interval)


def loan(
    baht: int,
    percent: str,
    drawn: date,
    rule: DueRule,
    count: int,
    *,
    step_baht: int = 0,
    convention: Convention = FACILITY,
    changes: Mapping[date, str] | None = None,
) -> LoanTerms:
    """Equal instalments of a loan drawn at once, over `count` periods of the rule."""
    stepped = replace(convention, level_step_satang=step_baht * BAHT or 1)
    return LoanTerms(
        disbursements=(Disbursement(on=drawn, amount_satang=baht * BAHT),),
        annual_rates=rates(percent, drawn, changes),
        periods=due_periods(drawn, rule, count),
        interval=rule.interval,
        convention=stepped,
        due_rule=rule,
    )


def with_tranches(terms: LoanTerms, *tranches: tuple[date, int]) -> LoanTerms:
    """The terms with further tranches in baht."""
    more = [Disbursement(on=on, amount_satang=baht * BAHT) for on, baht in tranches]
    return replace(terms, disbursements=(*terms.disbursements, *more))


def instalments(schedule: Schedule) -> list[int]:
    """What is due with each row, in satang."""
    return [row.total_satang for row in schedule.rows]


def principals(schedule: Schedule) -> list[int]:
    """The principal that falls due with each row, in satang."""
    return [row.principal_satang for row in schedule.rows]


def money(row: Row) -> tuple[int, int, int]:
    """Principal, interest and balance of a row, in satang."""
    return row.principal_satang, row.interest_satang, row.closing_satang


def ends(periods: tuple[DuePeriod, ...]) -> list[str]:
    """The due dates, as they are written."""
    return [period.due_date.isoformat() for period in periods]
