"""The classes of loans by lateness, as data with dates: boundaries, provisions, income. Pure.

The Registrar's regulation of B.E. 2544 knows five classes (clauses 7 to 11), by months overdue and
by events, each with the share of uncovered principal to set aside; recognition of interest income
stops for those that do not perform (clause 13). Later drafts change boundaries and percentages, so
a table is a value of a time; one that contradicts itself is refused when it is made.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from ledger.errors import InvalidInput, Problem
from pricing.dated import Dated, DatedRow

SHARE_E8_MAX = 10**8
"""A share of one: 100 percent, in 10^-8."""


class LoanClass(enum.IntEnum):
    """The five classes of clauses 7 to 11, from best to worst; the larger wins."""

    NORMAL = 1  # ปกติ
    SUBSTANDARD = 2  # ต่ำกว่ามาตรฐาน
    DOUBTFUL = 3  # สงสัย
    DOUBTFUL_OF_LOSS = 4  # สงสัยจะสูญ
    LOSS = 5  # สูญ


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRule:
    """What puts a loan into a class, and what follows from it.

    over_months:     overdue for more than so many months; None = not by months: the first class
                     holds whatever fits no other, any other such class is given by events.
    provision_e8:    share of the uncovered principal to set aside, in 10^-8: 20% = 20_000_000.
    suspends_income: interest goes on accruing in memo only (clause 13).
    """

    loan_class: LoanClass
    over_months: int | None
    provision_e8: int
    suspends_income: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTable:
    """All five rules of one time, best class first.

    Raises `InvalidInput`, all problems at once: a class missing, twice or out of order, months
    that do not rise, a first class by months, a share outside 0 to 100%, a worse class that asks
    for less.
    """

    rules: tuple[ClassRule, ...]

    def __post_init__(self) -> None:
        if problems := list(_table_problems(self.rules)):
            raise InvalidInput(problems)

    def rule(self, loan_class: LoanClass) -> ClassRule:
        """The rule of a class."""
        return self.rules[loan_class - 1]


def _table_problems(rules: Sequence[ClassRule]) -> Iterator[Problem]:
    got = [rule.loan_class for rule in rules]
    if got != list(LoanClass):
        names = ", ".join(loan_class.name for loan_class in got) or "no class"
        yield _problem("classes", names, "each of the five classes once, the best first")
    if rules and rules[0].over_months is not None:
        yield _problem("NORMAL.over_months", rules[0].over_months, "none: it holds all other loans")
    dated = [rule for rule in rules if rule.over_months is not None]
    for better, worse in pairwise(dated):
        if (worse.over_months or 0) <= (better.over_months or 0):
            expected = f"more than {better.loan_class.name}, {better.over_months}"
            yield _problem(f"{worse.loan_class.name}.over_months", worse.over_months, expected)
    for rule in rules:
        if rule.over_months is not None and rule.over_months < 0:
            yield _problem(f"{rule.loan_class.name}.over_months", rule.over_months, "0 or more")
        if not 0 <= rule.provision_e8 <= SHARE_E8_MAX:
            where = f"{rule.loan_class.name}.provision_e8"
            yield _problem(where, rule.provision_e8, f"0 to {SHARE_E8_MAX}")
    for better, worse in pairwise(rules):
        if worse.provision_e8 < better.provision_e8:
            expected = f"at least that of {better.loan_class.name}, {better.provision_e8}"
            yield _problem(f"{worse.loan_class.name}.provision_e8", worse.provision_e8, expected)


def _problem(where: str, got: object, expected: str) -> Problem:
    return Problem(where=where, got=str(got), expected=expected)


def _rule(loan_class: LoanClass, over_months: int | None, percent: int) -> ClassRule:
    return ClassRule(
        loan_class=loan_class,
        over_months=over_months,
        provision_e8=percent * 10**6,
        suspends_income=loan_class is not LoanClass.NORMAL,
    )


REGISTRAR_2544 = ClassTable(
    rules=(
        _rule(LoanClass.NORMAL, None, 0),
        _rule(LoanClass.SUBSTANDARD, 3, 20),
        _rule(LoanClass.DOUBTFUL, 6, 50),
        _rule(LoanClass.DOUBTFUL_OF_LOSS, 12, 100),
        _rule(LoanClass.LOSS, None, 100),
    )
)
"""The Registrar's regulation of B.E. 2544, clauses 7 to 13; the shares are those generally applied,
to be confirmed by the Facility's accountants before a return is made from them."""

CLASS_TABLES: Dated[ClassTable] = Dated(
    what="loan classes",
    # The year is the regulation's; no loan of the Facility is classified as of an earlier date.
    rows=(DatedRow(from_date=date(2001, 1, 1), to_date=None, value=REGISTRAR_2544),),
)
"""The tables by the date that a loan is classified on."""
