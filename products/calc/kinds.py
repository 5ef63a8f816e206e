"""The kinds of cases and the function that answers each: a list in sight, nothing registers itself.

A function takes the case's inputs and its `engine` (the schedule convention of the source; None is
the Facility's own), reads every field, calls `finish()`, and only then computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
    "loan_overdue": loan_overdue,
    "loan_payoff": loan_payoff,
    "loan_schedule": loan_schedule,
}
"""Every kind by its name in a case."""

ENGINES: Mapping[str, str] = {name: name for name in ("cumulative", "progressive")}
"""Schedule conventions of other systems that a case may ask for by name."""

SCHEDULED = frozenset({"loan_schedule", "loan_payoff", "loan_overdue", "loan_accrual"})
"""The kinds that make a schedule; any other has no use for an engine and refuses one."""
