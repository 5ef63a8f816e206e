"""Kinds `loan_payoff` and `loan_overdue`: what settles a loan, and what lateness makes of it.

Both recalculate the loan's schedule from what was really paid, by the engine of contracts. A case
may follow a policy that no contract of the Facility has (payments that lower interest only from the
next period, interest on overdue interest); the explanation then says so.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from products.allocation.values import Owed
from products.calc.answers import Answer, day_text, money_text
from products.calc.fields import Fields
from products.calc.loan_inputs import loan_terms, read_loan
from products.calc.loans import (
    PREPAYMENT_STRATEGIES,
    explained,
    read_receipts,
    row_result,
    schedule_answer,
)
from products.interest.day_counts import DayCount
from products.payoff import InterestTill, PayoffQuote, interest_stop, owed_on, payoff_quote
from products.schedules.conventions import Measure
from products.schedules.recalculate import PaidHistory, Receipt, recalculate
from products.schedules.values import LoanTerms, PrepaymentEffect, Row, Schedule

_PRECLOSURE: Mapping[str, InterestTill] = {
    "TILL_PRECLOSE_DATE": InterestTill.PAYOFF_DATE,
    "TILL_REST_FREQUENCY_DATE": InterestTill.REST_DATE,
}
_COMPOUNDING: Mapping[str, bool] = {"NONE": False, "INTEREST": True}
_ONE_DAY = timedelta(days=1)
_COMPOUNDED = (
    "overdue interest bears interest, as the case asks: no contract of the Facility may have that "
    "(Civil and Commercial Code s.655)"
)


class _Rest(enum.Enum):
    """From when a payment lowers the balance that bears interest."""

    DAILY = "DAILY"  # its own date
    SAME_AS_REPAYMENT_PERIOD = "SAME_AS_REPAYMENT_PERIOD"  # the end of the period it came in


def loan_overdue(fields: Fields, engine: str | None) -> Answer:
    """The schedule as of `as_of_date`, when some of what fell due by then is unpaid.

    Principal overdue keeps bearing simple interest until then; the instalment stays and the last
    one takes what lateness cost. Rows and totals are those of `loan_schedule`.
    """
    given = read_loan(fields, engine)
    as_of = fields.day("as_of_date")
    receipts = read_receipts(fields)
    paid_in_full = fields.days("paid_in_full_due_dates", ())
    history = _read_history(fields, as_of)
    fields.finish()
    paid = replace(history, receipts=receipts, paid_in_full=frozenset(paid_in_full))
    answer = schedule_answer(recalculate(loan_terms(given), paid), fields.decimals)
    return replace(answer, explanation=(*_policy(history), *answer.explanation))


def loan_payoff(fields: Fields, engine: str | None) -> Answer:
    """What a payment on `payoff_date` must be to settle the loan.

    `principal`, `interest` and their sum `total`, which `payoff` repeats; `rows` as of that date,
    when nothing but the `payments` was paid; `rows_after`, what the pay-off makes of the rows that
    were not due: the instalments stay, interest only for the running period.
    """
    given = read_loan(fields, engine)
    on = fields.day("payoff_date")
    till = fields.choice("preclosure_interest", _PRECLOSURE, InterestTill.PAYOFF_DATE)
    rest = fields.choice("rest", _Rest.__members__, _Rest.DAILY)
    receipts = read_receipts(fields)
    as_of = fields.day("as_of_date", on)
    history = _read_history(fields, on)
    fields.finish()
    if as_of != on:
        raise fields.wrong("as_of_date", f"the pay-off's date, {day_text(on)}, or none")
    terms = _sharing_months(loan_terms(given))
    first = max([terms.disbursements[0].on + _ONE_DAY, *(receipt.on for receipt in receipts)])
    if on < first:
        expected = f"{day_text(first)} or later: the loan is drawn, all payments have come"
        raise fields.wrong("payoff_date", expected)
    if rest is _Rest.SAME_AS_REPAYMENT_PERIOD:
        receipts = _at_rest(fields, terms, receipts, on)
    stop = interest_stop(till, on, (period.end_date for period in terms.periods))
    schedule = recalculate(terms, replace(history, receipts=receipts, as_of=stop))
    owed = owed_on(schedule, sum(receipt.amount_satang for receipt in receipts), on, till)
    told = _payoff_told(payoff_quote(owed, on), stop, fields.decimals)
    return replace(
        told,
        result={
            **told.result,
            "rows": [row_result(row, fields.decimals) for row in schedule.rows],
            "rows_after": [*_rows_after(schedule, owed, on, fields.decimals)],
        },
        explanation=(
            *told.explanation,
            *_policy(history),
            *explained(schedule, fields.decimals),
        ),
    )


def _read_history(fields: Fields, as_of: date) -> PaidHistory:
    fields.choice("interest_recalculation", {"DAILY_REST": True}, None)
    return PaidHistory(
        as_of=as_of,
        effect=fields.choice(
            "prepayment_strategy", PREPAYMENT_STRATEGIES, PrepaymentEffect.SMALLER_INSTALMENTS
        ),
        overdue_interest_bears=fields.choice("compounding", _COMPOUNDING, False),
    )


def _policy(history: PaidHistory) -> tuple[str, ...]:
    return (_COMPOUNDED,) if history.overdue_interest_bears else ()


def _sharing_months(terms: LoanTerms) -> LoanTerms:
    """Months of 30 days that a pay-off cuts are shared out over their real days."""
    way = terms.convention
    if way.day_count is DayCount.THIRTY_360 and way.interest_measure is Measure.REAL_DAYS:
        way = replace(way, interest_measure=Measure.MONTHS_OF_30_DAYS)
    return replace(terms, convention=way)


def _at_rest(
    fields: Fields, terms: LoanTerms, receipts: Sequence[Receipt], on: date
) -> tuple[Receipt, ...]:
    """Each payment on the end of the period it came in."""
    ends = sorted(period.end_date for period in terms.periods)
    moved = []
    for receipt in receipts:
        end = interest_stop(InterestTill.REST_DATE, receipt.on, ends)
        if end > on:
            expected = f"{day_text(end)} or later, when what was paid in its period counts"
            raise fields.wrong("payoff_date", expected)
        moved.append(replace(receipt, on=end))
    return tuple(moved)


def _payoff_told(quote: PayoffQuote, interest_until: date, decimals: int) -> Answer:
    principal, interest, total = (
        money_text(amount, decimals)
        for amount in (quote.principal_satang, quote.interest_satang, quote.total_satang)
    )
    line = (
        f"pay-off valid to {day_text(quote.valid_to)}: principal {principal}, due or not, + "
        f"interest {interest}, unpaid or accrued before {day_text(interest_until)} = {total}"
    )
    result = {"principal": principal, "interest": interest, "total": total, "payoff": total}
    return Answer(result=result, explanation=(line,))


def _rows_after(
    schedule: Schedule, owed: Owed, on: date, decimals: int
) -> Iterator[dict[str, object]]:
    """The rows not due by `on`, cut anew: instalments stay, interest is what had accrued."""
    left = sum(due.principal_satang for due in owed.dues if due.due_date > on)
    interest = owed.accrued_interest_satang
    for row in schedule.rows:
        if row.due_date <= on or not (left or interest):
            continue
        principal = left if row is schedule.rows[-1] else min(_planned(row, interest), left)
        left -= principal
        yield {
            "n": row.n,
            "due_date": day_text(row.due_date),
            "principal": money_text(principal, decimals),
            "interest": money_text(interest, decimals),
            "total": money_text(principal + interest, decimals),
            "balance": money_text(left, decimals),
        }
        interest = 0


def _planned(row: Row, interest: int) -> int:
    """Principal of a row whose interest is another than was planned."""
    level = row.in_force.level_satang if row.in_force is not None else None
    if level is None or not row.period.weight:
        return row.principal_satang
    return max(level - interest, 0)
