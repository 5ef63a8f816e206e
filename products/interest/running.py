"""An account that earns above zero and pays below it, its days lived one by one. Pure.

Interest of the two sides is added up apart, settled apart and posted apart at each period's end; it
bears interest itself from the next date on. Between postings it does not compound. This is how a
savings account that may be overdrawn and an overdraft line are lived; a deposit contract with the
record of its nights is `savings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from ledger.dates import days
from pricing.dated import Dated
from products.interest.day_counts import DayCount
from products.interest.earning import Conditions, Earned, interest_of
from products.interest.rounding import RoundingRule, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningDay:
    """One date: the balance that it bore, what it earned, and both sums of the period, settled.

    balance_satang: at the close of the date, without that date's own posting.
    credit_satang, debit_satang: of the period so far; their growth is what the date accrues.
    """

    on: date
    balance_satang: int
    earned: Earned
    credit_satang: int
    debit_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What a period's end posts: interest earned and interest charged, each zero or more."""

    period_end: date
    credit_satang: int
    debit_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Every date, every posting, and the balance after the last date with its posting."""

    days: tuple[RunningDay, ...]
    postings: tuple[Posting, ...]
    balance_satang: int


class _Sum:
    """Interest of one side in the running period: settled parts, and the part still open."""

    __slots__ = ("_open", "_rule", "_settled")

    def __init__(self, rule: RoundingRule) -> None:
        self._rule = rule
        self._settled = self._open = 0

    def add(self, exact: int, new_stretch: bool) -> int:
        stage = self._rule.stage
        if stage is Stage.DAY or (stage is Stage.STRETCH and new_stretch):
            self._settled += self._rule.settle(self._open)
            self._open = 0
        self._open += exact
        return self._settled + self._rule.settle(self._open)


def run(
    *,
    start: date,
    stop: date,
    changes: Mapping[date, int],
    conditions: Dated[Conditions],
    day_count: DayCount,
    rounding: RoundingRule,
    ends_period: Callable[[date], bool],
    opening_satang: int = 0,
) -> Run:
    """Live the dates [start, stop); `start` begins a period.

    changes:        net change of the balance by value date, interest left out.
    ends_period:    true of the dates at whose close interest is posted.
    opening_satang: balance at the close of the date before `start`.
    Raises `InvalidInput` when a date has no conditions.
    """
    lived: list[RunningDay] = []
    postings: list[Posting] = []
    balance = opening_satang
    earning, paying = _Sum(rounding), _Sum(rounding)
    before: tuple[int, Conditions] | None = None
    for on in days(start, stop):
        balance += changes.get(on, 0)
        valid = conditions.on(on)
        earned = interest_of(balance, valid, day_count.day_units(on))
        new = before != (balance, valid)
        before = balance, valid
        credit = earning.add(earned.credit_exact, new)
        debit = paying.add(earned.debit_exact, new)
        lived.append(
            RunningDay(
                on=on,
                balance_satang=balance,
                earned=earned,
                credit_satang=credit,
                debit_satang=debit,
            )
        )
        if ends_period(on):
            postings.append(Posting(period_end=on, credit_satang=credit, debit_satang=debit))
            balance += credit - debit
            earning, paying, before = _Sum(rounding), _Sum(rounding), None
    return Run(days=tuple(lived), postings=tuple(postings), balance_satang=balance)
