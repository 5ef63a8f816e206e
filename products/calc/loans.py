"""Kind `loan_schedule`: a loan's instalments, by the engine that makes those of a contract.

Without payments the schedule is what is agreed; with `payments`, `as_of_date` or
`paid_in_full_due_dates` it is recalculated from what was really paid, as of that date. Every row is
explained: what earned interest, at which rate, for how long, exact and settled, and how the
instalment comes about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from products.calc.answers import Answer, day_text, decimal_text, money_text, percent_text
from products.calc.fields import PERIODS_MAX, Fields
from products.calc.loan_changes import lived, read_changes
from products.calc.loan_inputs import loan_terms, read_loan
from products.interest.rounding import Stage
from products.schedules.build import build
from products.schedules.due_dates import DueRule, InterestDue, OnHoliday
from products.schedules.recalculate import PaidHistory, Receipt, recalculate
from products.schedules.values import LoanTerms, PrepaymentEffect, Row, Schedule, SubPeriod

PREPAYMENT_STRATEGIES = {
    "REDUCE_EMI": PrepaymentEffect.SMALLER_INSTALMENTS,
    "REDUCE_NUMBER": PrepaymentEffect.FEWER_INSTALMENTS,
    "RESCHEDULE_NEXT_REPAYMENTS": PrepaymentEffect.NEXT_INSTALMENTS,
}
"""What is paid beyond the running instalment does, by the word of a case."""

_PLACES_SHOWN = 6
_YEARS_SHOWN = (360, 364, 365, 366)
_NOT_COLLECTED = {
    InterestDue.DEFERRED: "put off to the next instalment that collects it",
    InterestDue.FREE: "an interest-free period",
}


def loan_schedule(fields: Fields, engine: str | None) -> Answer:
    """The rows of a loan's schedule and their totals."""
    given = read_loan(fields, engine)
    payments = read_receipts(fields)
    as_of = fields.day("as_of_date", None)
    paid_in_full = fields.days("paid_in_full_due_dates", ())
    changes = read_changes(fields)
    effect = fields.choice("prepayment_strategy", PREPAYMENT_STRATEGIES, None)
    fields.choice("interest_recalculation", {"DAILY_REST": True}, None)
    fields.choice("compounding", {"NONE": True}, None)
    fields.finish()
    terms = loan_terms(given)
    if as_of is None and not payments and not paid_in_full:
        schedule, lines = lived(build(terms), changes)
        answer = schedule_answer(schedule, fields.decimals)
        return replace(answer, explanation=(*lines, *answer.explanation))
    if changes:
        name = "reschedules" if fields.has("reschedules") else "payment_holidays"
        raise fields.wrong(name, "none beside payments or a date as of which the plan is told")
    known = [*paid_in_full, *(receipt.on for receipt in payments)]
    paid = PaidHistory(
        as_of=max(known) if as_of is None else as_of,
        receipts=payments,
        paid_in_full=frozenset(paid_in_full),
        effect=effect or PrepaymentEffect.SMALLER_INSTALMENTS,
    )
    return schedule_answer(recalculate(terms, paid), fields.decimals)


def read_receipts(fields: Fields) -> tuple[Receipt, ...]:
    """`payments`: what the borrower paid, by date."""
    return tuple(
        Receipt(on=row.day("date"), amount_satang=row.money("amount"))
        for row in fields.rows("payments", most=PERIODS_MAX)
    )


def schedule_answer(schedule: Schedule, decimals: int) -> Answer:
    """A schedule as a result: rows, totals, and the lines that explain them."""

    def money(units: int) -> str:
        return money_text(units, decimals)

    principal, interest = schedule.principal_satang, schedule.interest_satang
    return Answer(
        result={
            "rows": [row_result(row, decimals) for row in schedule.rows],
            "totals": {
                "principal": money(principal),
                "interest": money(interest),
                "total": money(principal + interest),
            },
        },
        explanation=tuple(explained(schedule, decimals)),
    )


def row_result(row: Row, decimals: int) -> dict[str, object]:
    """One row of a result. Its principal is all that left the balance, prepaid or due."""
    principal = row.principal_satang + row.prepaid_satang
    return {
        "n": row.n,
        "due_date": day_text(row.due_date),
        "principal": money_text(principal, decimals),
        "interest": money_text(row.interest_satang, decimals),
        "total": money_text(principal + row.interest_satang, decimals),
        "balance": money_text(row.closing_satang, decimals),
    }


def explained(schedule: Schedule, decimals: int) -> Iterator[str]:
    """The lines of a schedule: the convention, then every row's interest and principal."""
    terms = schedule.terms
    yield _convention_line(terms, decimals)
    if terms.due_rule is not None and terms.due_rule.on_holiday is not OnHoliday.KEEP:
        yield _payday_line(terms.due_rule)
    if terms.balloon_satang:
        yield f"the level payment leaves {money_text(terms.balloon_satang, decimals)} for the last"
    for row in schedule.rows:
        yield f"{row.n}, due {day_text(row.due_date)}: {_instalment(terms, row, decimals)}"
        for part in row.sub_periods:
            yield f"{row.n}, interest: {_earned(part, decimals)}"
        yield f"{row.n}, interest: {_settled(terms, row, decimals)}"
        yield f"{row.n}, balance: {_balance(row, decimals)}"


def _convention_line(terms: LoanTerms, decimals: int) -> str:
    way, rule = terms.convention, terms.convention.rounding
    each = "each sub-period" if rule.stage is Stage.STRETCH else "each period"
    return (
        f"convention: {way.day_count.value}; interest by {way.interest_measure.value}, settled for "
        f"{each} {rule.mode.name} to {money_text(rule.step_satang, decimals)}; level payment by "
        f"{way.level_measure.value}, {way.level_mode.name} to "
        f"{money_text(way.level_step_satang, decimals)}; the last instalment takes the rest"
    )


def _payday_line(rule: DueRule) -> str:
    closed = ", ".join(day_text(day) for day in sorted(rule.calendar.holidays)) or "no holiday"
    until = "the day it moves to" if rule.interest_follows else "the due date itself"
    return (
        f"due dates on a Saturday, a Sunday or a holiday ({closed}) move: {rule.on_holiday.value}; "
        f"interest runs to {until}"
    )


def _instalment(terms: LoanTerms, row: Row, decimals: int) -> str:
    """How the principal that falls due comes about."""
    principal = money_text(row.principal_satang, decimals)
    rule = row.in_force
    if row.period.principal_satang is not None:
        return f"principal {principal} as stated"
    if not row.period.weight or rule is None:
        return f"no principal falls due, {principal}"
    if row.closing_satang == 0 or row.n == len(terms.periods):
        return f"principal {principal}, all that is left"
    exact = decimal_text(rule.exact_satang / 10**decimals, _PLACES_SHOWN)
    if rule.level_satang is None:
        return f"principal {principal}: {exact} for a weight of 1, weight {row.period.weight}"
    agreed = "as agreed" if rule.exact_satang == rule.level_satang else f"from {exact}"
    line = f"principal {principal}: instalment {money_text(rule.level_satang, decimals)} ({agreed})"
    line += f" less the interest of {money_text(row.earned_satang, decimals)}"
    advance = rule.level_satang - row.earned_satang - row.principal_satang
    return line + (f" and {money_text(advance, decimals)} paid in advance" if advance > 0 else "")


def _earned(part: SubPeriod, decimals: int) -> str:
    span = f"{day_text(part.start_date)} to {day_text(part.stop_date)}, {part.days} days"
    exact = decimal_text(part.exact_satang / 10**decimals, _PLACES_SHOWN)
    return (
        f"{money_text(part.balance_satang, decimals)} x {percent_text(part.annual_rate_e8)}% x "
        f"{_part_of_year(part)} ({span}) = {exact}"
    )


def _part_of_year(part: SubPeriod) -> str:
    """Days over those of the year where the fraction is that, not shortened: 30/365."""
    year = part.days / part.year_fraction
    shown = f"{part.days}/{year}" if year in _YEARS_SHOWN else f"{part.year_fraction}"
    return f"{shown} of a year"


def _settled(terms: LoanTerms, row: Row, decimals: int) -> str:
    exact = decimal_text(row.exact_satang / 10**decimals, _PLACES_SHOWN)
    line = f"{exact} settled {terms.convention.rounding.mode.name} as "
    line += money_text(row.earned_satang, decimals)
    if row.interest_satang != row.earned_satang:
        line += f"; due now {money_text(row.interest_satang, decimals)}"
    if row.period.interest in _NOT_COLLECTED:
        line += f", {_NOT_COLLECTED[row.period.interest]}"
    return line


def _balance(row: Row, decimals: int) -> str:
    line = money_text(row.opening_satang, decimals)
    for sign, amount, what in (
        ("+", row.disbursed_satang, "paid out"),
        ("-", row.prepaid_satang, "prepaid"),
        ("-", row.principal_satang, "due"),
    ):
        if amount or what == "due":
            line += f" {sign} {money_text(amount, decimals)} {what}"
    return f"{line} = {money_text(row.closing_satang, decimals)}"
