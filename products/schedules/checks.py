"""What no schedule is made from, each refused by name before anything is computed. Pure.

Dates out of order, periods that overlap, a payment out after the last due, no due that pays
principal, interest put off beyond the end, rates with a gap, amounts below one: `InvalidInput` with
every problem found. What only shows while computing (an instalment that does not cover its
interest, a prepayment above the balance) is refused where it shows, in `walk`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from ledger.errors import InvalidInput, Problem
from products.schedules.due_dates import DuePeriod, InterestDue
from products.schedules.values import InterestMethod, LoanTerms, Repayment


def check_terms(terms: LoanTerms) -> None:
    """Raise `InvalidInput` naming everything that makes a schedule of these terms impossible."""
    if not terms.periods or not terms.disbursements:
        what = "disbursements" if terms.periods else "periods"
        raise InvalidInput.one(what, "none", "one or more")
    problems = [
        *_periods(terms.periods),
        *_weights(terms),
        *_deferred(terms.periods),
        *_disbursements(terms),
        *_prepayments(terms),
        *_rates(terms),
        *_instalment(terms),
    ]
    if problems:
        raise InvalidInput(problems)


def _periods(periods: tuple[DuePeriod, ...]) -> Iterator[Problem]:
    for at, period in enumerate(periods):
        start, end = period.start_date, period.end_date
        if end < start or (end == start and period.principal_satang is None):
            where = f"periods[{at}].end_date"
            yield _problem(where, end, f"a date after the period's start, {start.isoformat()}")
    for at, (one, two) in enumerate(pairwise(periods), start=1):
        if two.start_date < one.end_date:
            where = f"periods[{at}].start_date"
            yield _problem(where, two.start_date, f"{one.end_date.isoformat()} or later")
        if two.due_date <= one.due_date:
            expected = f"a date after the due date before it, {one.due_date.isoformat()}"
            yield _problem(f"periods[{at}].due_date", two.due_date, expected)


def _weights(terms: LoanTerms) -> Iterator[Problem]:
    level = terms.repayment is Repayment.EQUAL_INSTALMENTS
    for at, period in enumerate(terms.periods):
        stated = period.principal_satang
        if period.weight < 0 or (level and period.weight > 1):
            expected = "0 or 1 in equal instalments, 0 or more elsewhere"
            yield _problem(f"periods[{at}].weight", period.weight, expected)
        if stated is not None and (period.weight or stated < 1):
            got = f"{stated} with a weight of {period.weight}"
            yield _problem(f"periods[{at}].principal_satang", got, "1 or more, and no weight")
    if terms.periods[-1].weight < 1:
        yield _problem("the last period's weight", terms.periods[-1].weight, "1 or more")


def _deferred(periods: tuple[DuePeriod, ...]) -> Iterator[Problem]:
    waiting = False
    for period in periods:
        if period.interest is InterestDue.DEFERRED:
            waiting = True
        elif period.interest is InterestDue.COLLECTED:
            waiting = False
    if waiting:
        expected = "a period that collects interest after the last one that defers it"
        yield _problem("periods", "deferred interest that nothing collects", expected)


def _disbursements(terms: LoanTerms) -> Iterator[Problem]:
    first, end = terms.periods[0].start_date, terms.periods[-1].end_date
    for at, paid in enumerate(terms.disbursements):
        where = f"disbursements[{at}]"
        if paid.amount_satang < 1:
            yield _problem(f"{where}.amount", paid.amount_satang, "1 or more")
        if paid.on < first:
            yield _problem(f"{where}.date", paid.on, f"{first.isoformat()} or later")
        if paid.on >= end:
            yield _problem(f"{where}.date", paid.on, f"before the last due, {end.isoformat()}")
    for at, (one, two) in enumerate(pairwise(terms.disbursements), start=1):
        if two.on < one.on:
            expected = f"{one.on.isoformat()} or later, in order of dates"
            yield _problem(f"disbursements[{at}].date", two.on, expected)


def _prepayments(terms: LoanTerms) -> Iterator[Problem]:
    drawn, end = terms.disbursements[0].on, terms.periods[-1].end_date
    for at, paid in enumerate(terms.prepayments):
        if paid.amount_satang < 1:
            yield _problem(f"prepayments[{at}].amount", paid.amount_satang, "1 or more")
        if not drawn < paid.on <= end:
            expected = f"after {drawn.isoformat()}, not after {end.isoformat()}"
            yield _problem(f"prepayments[{at}].date", paid.on, expected)
    for at, (one, two) in enumerate(pairwise(terms.prepayments), start=1):
        if two.on < one.on:
            expected = f"{one.on.isoformat()} or later, in order of dates"
            yield _problem(f"prepayments[{at}].date", two.on, expected)


def _rates(terms: LoanTerms) -> Iterator[Problem]:
    rows = terms.annual_rates.rows
    drawn, end = terms.disbursements[0].on, terms.periods[-1].end_date
    if rows[0].from_date > drawn:
        expected = f"a rate from the drawdown on, {drawn.isoformat()}"
        yield _problem("annual_rates", f"none before {rows[0].from_date.isoformat()}", expected)
    last = rows[-1].to_date
    if last is not None and last < end:
        expected = f"a rate up to the last due, {end.isoformat()}"
        yield _problem("annual_rates", f"none from {last.isoformat()} on", expected)
    for at, row in enumerate(rows):
        if row.value < 0:
            yield _problem(f"annual_rates[{at}]", row.value, "0 or more")


def _instalment(terms: LoanTerms) -> Iterator[Problem]:
    fixed, balloon = terms.fixed_instalment_satang, terms.balloon_satang
    level = terms.repayment is Repayment.EQUAL_INSTALMENTS
    if fixed is not None and (fixed < 1 or not level):
        got = f"{fixed} in {terms.repayment.value}"
        yield _problem("fixed_instalment", got, "1 or more, in equal instalments")
    if not balloon:
        return
    declining = terms.interest_method is InterestMethod.DECLINING_BALANCE
    if fixed is not None or not (level and declining):
        expected = "none: it goes with solved equal instalments on a declining balance"
        yield _problem("balloon", balloon, expected)
    if not 0 < balloon < terms.disbursed_satang:
        expected = f"more than 0, less than the principal of {terms.disbursed_satang}"
        yield _problem("balloon", balloon, expected)


def _problem(where: str, got: date | int | str, expected: str) -> Problem:
    text = got.isoformat() if isinstance(got, date) else str(got)
    return Problem(where=where, got=text, expected=expected)
