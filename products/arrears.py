"""How late a loan is, which class that makes it, and what must be set aside for it. Pure.

Days past due count from the oldest due that is still unpaid beyond a tolerance: a function of what
is owed today, so that a payment undone or entered late ages the loan as if it had been on time.
Of the classes that fit (`products.loan_classes`), by months overdue and by events, the worst wins
(clause 12 of the Registrar's regulation of B.E. 2544). A provision is required anew each time; what
is posted is the difference from what stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.errors import InvalidInput, Problem
from ledger.money import Rounding, Satang, round_ratio
from products.allocation.values import Due
from products.loan_classes import SHARE_E8_MAX, ClassRule, ClassTable, LoanClass
from products.schedules.due_dates import add_months


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What is let pass before a loan counts as late.

    days:          so many days past due, and fewer, are none; beyond them all days count.
    amount_satang: so much unpaid, and less, ages nothing.
    """

    days: int = 0
    amount_satang: int = 0


NO_TOLERANCE = Tolerance()
"""A satang unpaid on the day after its due date is a day past due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A class that somebody or something other than the months gives: a judgment, a death."""

    loan_class: LoanClass
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The class of a loan on a date, its rule, and all reasons that lead to this class.

    oldest_due_date: of the unpaid due that counts; None when the loan is not late.
    """

    rule: ClassRule
    oldest_due_date: date | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """Something pledged for a loan; `eligible_e8` of its value may be deducted, in 10^-8."""

    reference: str
    value_satang: int
    eligible_e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """What must be set aside for a loan, in satang.

    base_satang:     principal not covered by eligible collateral.
    required_satang: that, times the share of its class.
    delta_satang:    required less what stands: to be posted; negative = to be released.
    """

    base_satang: int
    required_satang: int
    delta_satang: int


def oldest_overdue(
    dues: Sequence[Due], on: date, tolerance: Tolerance = NO_TOLERANCE
) -> date | None:
    """Due date from which the loan is late on `on`; None when it is not.

    The dues are added up from the oldest on: the one that lifts what is unpaid above the tolerated
    amount counts. Fees and penalties age nothing. On the due date itself nothing is late.
    """
    unpaid = 0
    for due in sorted(dues, key=lambda due: due.due_date):
        unpaid += due.principal_satang + due.interest_satang
        if unpaid > tolerance.amount_satang:
            late = (on - due.due_date).days > tolerance.days
            return due.due_date if late and due.due_date < on else None
    return None


def days_past_due(dues: Sequence[Due], on: date, tolerance: Tolerance = NO_TOLERANCE) -> int:
    """Calendar days from that due date to `on`; 0 when the loan is not late."""
    oldest = oldest_overdue(dues, on, tolerance)
    return (on - oldest).days if oldest else 0


def classify(
    *,
    oldest_due_date: date | None,
    on: date,
    table: ClassTable,
    findings: Iterable[Finding] = (),
) -> Classification:
    """The class on `on` of a loan late since `oldest_due_date` (None = not late); the worst wins.

    More than n months overdue is later than the same day n months on (the last day of a shorter
    month): a due of 30 November is three months overdue on 28 February and more on 1 March.
    """
    found = [Finding(loan_class=table.rules[0].loan_class, reason="no other class fits")]
    for rule in table.rules:
        if oldest_due_date is None or rule.over_months is None:
            continue
        if on > add_months(oldest_due_date, rule.over_months):
            since = f"unpaid since {oldest_due_date.isoformat()}"
            reason = f"{since}, more than {rule.over_months} months"
            found.append(Finding(loan_class=rule.loan_class, reason=reason))
    found += findings
    worst = max(finding.loan_class for finding in found)
    return Classification(
        rule=table.rule(worst),
        oldest_due_date=oldest_due_date,
        reasons=tuple(finding.reason for finding in found if finding.loan_class is worst),
    )


def provision(
    *,
    principal_satang: int,
    collateral: Iterable[Collateral],
    rule: ClassRule,
    standing_satang: int,
) -> Provision:
    """What a loan of a class needs: (principal - eligible collateral) x share, half-up to a satang.

    standing_satang: what is set aside for it already. What is eligible of each item is rounded
    down. Raises `InvalidInput` for an amount below zero or a share outside 0 to 100%.
    """
    items = tuple(collateral)
    if problems := list(_provision_problems(principal_satang, items, standing_satang)):
        raise InvalidInput(problems)
    covered = sum(_share(item.value_satang, item.eligible_e8, Rounding.DOWN) for item in items)
    base = max(principal_satang - covered, 0)
    required = _share(base, rule.provision_e8, Rounding.HALF_UP)
    return Provision(
        base_satang=base, required_satang=required, delta_satang=required - standing_satang
    )


def _share(satang: int, share_e8: int, mode: Rounding) -> Satang:
    return round_ratio(satang * share_e8, SHARE_E8_MAX, mode)


def _provision_problems(
    principal_satang: int, items: Sequence[Collateral], standing_satang: int
) -> Iterator[Problem]:
    amounts = [("principal_satang", principal_satang), ("standing_satang", standing_satang)]
    amounts += [(f"collateral[{item.reference}].value_satang", item.value_satang) for item in items]
    for where, amount in amounts:
        if amount < 0:
            yield _problem(where, amount, "0 satang or more")
    for item in items:
        if not 0 <= item.eligible_e8 <= SHARE_E8_MAX:
            where = f"collateral[{item.reference}].eligible_e8"
            yield _problem(where, item.eligible_e8, f"0 to {SHARE_E8_MAX}")


def _problem(where: str, got: object, expected: str) -> Problem:
    return Problem(where=where, got=str(got), expected=expected)
