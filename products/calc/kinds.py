"""The kinds of cases and the function that answers each: a list in sight, nothing registers itself.

A function takes the case's inputs and its `engine` (the schedule convention of the source; None is
the Facility's own), reads every field, calls `finish()`, and only then computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from products.calc import charts, fixed, other, savings, simple
from products.calc.accruals import loan_accrual
from products.calc.answers import Answer
from products.calc.fields import Fields
from products.calc.instalments import default_interest_of, instalment_split
from products.calc.loans import loan_schedule
from products.calc.payoff import loan_overdue, loan_payoff

Kind = Callable[[Fields, str | None], Answer]
"""Answers one case from its inputs and its engine; raises `InvalidInput`."""

KINDS: Mapping[str, Kind] = {
    "default_interest": default_interest_of,
    "instalment_split": instalment_split,
    "loan_accrual": loan_accrual,
    "loan_overdue": loan_overdue,
    "loan_payoff": loan_payoff,
    "loan_schedule": loan_schedule,
    "savings_interest": savings.savings_interest,
    "savings_backdated": savings.savings_interest,
    "savings_overdraft_interest": savings.savings_overdraft_interest,
    "fixed_deposit_maturity": fixed.fixed_deposit_maturity,
    "fixed_deposit_validation": fixed.fixed_deposit_validation,
    "fixed_deposit_premature": fixed.fixed_deposit_premature,
    "fixed_deposit_tax": fixed.fixed_deposit_tax,
    "recurring_deposit_maturity": fixed.recurring_deposit_maturity,
    "rate_chart": charts.rate_chart,
    "simple_daily_interest": simple.simple_daily_interest,
    "apr": other.apr,
    "hire_purchase": other.hire_purchase,
}
"""Every kind by its name in a case."""

ENGINES: Mapping[str, str] = {name: name for name in ("cumulative", "progressive")}
"""Schedule conventions of other systems that a case may ask for by name."""

SCHEDULED = frozenset({"loan_schedule", "loan_payoff", "loan_overdue", "loan_accrual"})
"""The kinds that make a schedule; any other has no use for an engine and refuses one."""
