"""A contract's interest lived again, night by night, as each night knew it. Pure.

Written from docs/architecture.md. A date bears interest on the balance by value date at its close,
without that date's own capitalisation; a negative balance earns nothing. Exact interest counts
units of 1/(1,603,080 x 10^8) satang; only the cumulative amount of a capitalisation period is
rounded. A sheet's lines each begin at a balance; a slab reaches to where the next line begins. A
date pays by them as the product says, on the whole balance or slice by slice, and nothing below the
product's minimum balance.

A night first looks at what was posted that day with an earlier value date and corrects the dates it
changes, then accrues its own date, then, on the product's days, credits all that is accrued and not
yet credited.

What was credited is taken from the record as a fact for the balances; whether it should have been
that amount is part of what comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from products.proof.closings import Closing

UNITS_A_YEAR = 1_603_080
"""Divisible by 360, 365 and 366."""

UNIT = UNITS_A_YEAR * 10**8
"""So many units are one satang: a year's units times the rate's hundred-millionths."""

_ONE_DAY = timedelta(days=1)

Lines = tuple[tuple[int, int], ...]
"""A sheet: (satang from which on a slab holds, annual rate in hundred-millionths)."""


def reached(lines: Lines, balance: int) -> int:
    """The rate of the slab that a balance lies in, of the lowest one for a balance below zero."""
    under = [line for line in lines if line[0] <= max(balance, 0)]
    return max(under)[1] if under else 0


def sliced(lines: Lines, balance: int) -> int:
    """Satang times rate, slice by slice from the top one down."""
    weight = 0
    for begins, rate in sorted(lines, reverse=True):
        weight += max(balance - begins, 0) * rate
        balance = min(balance, begins)
    return weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What of a product decides interest; `rounding` 1 half up, 2 half even, 3 up, 4 down.

    slab_rule: "whole" = all of a balance at the rate of the slab it reaches; "slice" = each part of
               it at the rate of its own slab.
    minimum:   satang below which a balance earns nothing on a date.
    """

    product_code: str
    day_count: str
    rounding: int
    ends: frozenset[str]
    slab_rule: str = "whole"
    minimum: int = 0

    def year_days(self, on: date) -> int:
        """Days of the year that a date counts in."""
        if self.day_count == "ACT_365F":
            return 365
        return (date(on.year + 1, 1, 1) - date(on.year, 1, 1)).days

    def ends_period(self, on: date) -> bool:
        """True on the days on which interest is credited."""
        return on.isoformat()[5:] in self.ends

    def earned(self, on: date, balance: int, lines: Lines) -> int:
        """What a balance earns on a date, in exact units."""
        if balance < max(self.minimum, 0):
            return 0
        weight = balance * reached(lines, balance)
        if self.slab_rule == "slice":
            weight = sliced(lines, balance)
        return weight * (UNITS_A_YEAR // self.year_days(on))

    def satang(self, exact: int) -> int:
        """A cumulative exact amount in whole satang."""
        whole, rest = divmod(abs(exact), UNIT)
        up = {
            1: 2 * rest >= UNIT,
            2: 2 * rest > UNIT or (2 * rest == UNIT and whole % 2 == 1),
            3: rest > 0,
            4: False,
        }[self.rounding]
        return (whole + up) * (-1 if exact < 0 else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the record says happened to one contract.

    moved:    business date -> value date -> net change of its account, everything included.
    credited: night -> period end -> amount capitalised (or corrected) by that night.
    refused:  nights whose capitalisation of this contract was refused.
    uncorrected: nights that could not correct past credits of this contract.
    rates:    date -> lines of the sheet in force.
    closings: in order; a closed contract earns nothing, and opened again it is corrected.
    brought:  exact interest that the first period brought along from an old system.
    """

    terms: Terms
    interest_from: date
    last_accrual: date
    last_night: date
    moved: Mapping[date, Mapping[date, int]]
    credited: Mapping[date, Mapping[date, int]]
    refused: frozenset[date]
    uncorrected: frozenset[date]
    rates: Mapping[date, Lines]
    closings: tuple[Closing, ...] = ()
    brought: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A closing as the life sees it: interest it had to pay, and what its period had earned."""

    closing: Closing
    owed: int
    earned: int


@dataclass(slots=True)
class Life:
    """What must be recorded of a contract.

    accruals:    date -> the row's figures, as the night of that date knew them.
    corrections: (date, night) -> balance_satang, exact_delta, posted_delta.
    credits:     (period end, night) -> amount; accrued and credited are satang since the start.
    posted:      (night, value date) -> satang of interest expense.
    ends:        each closing with the interest that it had to pay.
    """

    accruals: dict[date, dict[str, int]] = field(default_factory=dict)
    corrections: dict[tuple[date, date], dict[str, int]] = field(default_factory=dict)
    credits: dict[tuple[date, date], int] = field(default_factory=dict)
    posted: dict[tuple[date, date], int] = field(default_factory=dict)
    ends: list[End] = field(default_factory=list)
    period_start: date = date.min
    cumulative_exact: int = 0
    cumulative_satang: int = 0
    accrued: int = 0
    credited: int = 0


def live(facts: Facts) -> Life:
    """Live every night up to the last one that recorded anything of the contract."""
    run = _Run(facts)
    nights = sorted({*facts.moved, *dates(facts.interest_from, facts.last_night)})
    for night in nights:
        if night <= facts.last_night:
            run.night(night)
    return run.finish()


def dates(first: date, last: date) -> Iterator[date]:
    """Each date from the first to the last, both included."""
    while first <= last:
        yield first
        first += _ONE_DAY


def shut(closing: Closing, night: date) -> bool:
    """True when the contract was closed at the end of that day."""
    until = closing.reopened_on or date.max
    return closing.closed_on <= night < until


class _Run:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.life = Life()
        self.closing = 0
        self.balance: dict[date, int] = {}
        self.exact: dict[date, int] = {}
        self.share: dict[date, int] = {}
        self.credit: dict[date, int] = {}
        self.running = facts.brought
        self.life.accrued = facts.terms.satang(facts.brought)
        self.closings = list(facts.closings)

    def night(self, night: date) -> None:
        self._close_and_reopen(night)
        moved = self.facts.moved.get(night, {})
        paid = self.facts.credited.get(night, {})
        if night > self.facts.interest_from:
            late = {on: net for on, net in moved.items() if on < night}
            if late:
                self._late(night, late, {e: a for e, a in paid.items() if e < night})
        self.closing += sum(moved.values())
        if any(shut(closing, night) for closing in self.facts.closings):
            self.balance[night] = self.exact[night] = self.share[night] = 0
        elif self.facts.interest_from <= night <= self.facts.last_accrual:
            self._accrue(night, self.closing - paid.get(night, 0))
            if self.facts.terms.ends_period(night):
                self._credit(night, paid.get(night, 0))

    def _close_and_reopen(self, today: date) -> None:
        """What the day's closings paid and its re-openings took back, before its night."""
        while self.closings and self.closings[0].closed_on <= today:
            closing = self.closings[0]
            if not any(end.closing is closing for end in self.life.ends):
                owed = self.life.accrued - self.life.credited
                self.life.ends.append(End(closing=closing, owed=owed, earned=self.running))
                self.life.credited += closing.paid
            if closing.reopened_on is None or closing.reopened_on > today:
                return
            self.life.credited -= closing.paid
            gap = dates(closing.closed_on, closing.reopened_on - _ONE_DAY)
            if any(self.facts.terms.ends_period(day) for day in gap):
                self.running = 0
            del self.closings[0]

    def _accrue(self, on: date, balance: int) -> None:
        terms = self.facts.terms
        self.balance[on] = balance
        self.exact[on] = self._earned(on, balance)
        before, cumulative = self.running, self.running + self.exact[on]
        self.running = 0 if terms.ends_period(on) else cumulative
        self.share[on] = terms.satang(cumulative) - terms.satang(before)
        self.life.accruals[on] = {
            "balance_satang": balance,
            "annual_rate_e8": reached(self.facts.rates.get(on, ()), balance),
            "year_days": terms.year_days(on),
            "exact": self.exact[on],
            "cumulative_exact": cumulative,
            "cumulative_satang": terms.satang(cumulative),
        }
        self._post(on, on, self.share[on])

    def _credit(self, on: date, recorded: int) -> None:
        owed = self.life.accrued - self.life.credited
        if owed > 0 and on not in self.facts.refused:
            self.life.credits[on, on] = owed
        self.credit[on] = recorded
        self.life.credited += recorded

    def _late(self, night: date, late: Mapping[date, int], paid: Mapping[date, int]) -> None:
        first = max(min(late), self.facts.interest_from)
        start = self._period_start(first)
        balance = dict(self.balance)
        for on, net in late.items():
            for day in dates(max(on, self.facts.interest_from), night - _ONE_DAY):
                balance[day] = balance.get(day, 0) + net
        for end, amount in paid.items():
            # A capitalisation does not bear interest on its own date.
            if end in balance:
                balance[end] -= amount
        owed = self._owed_before(start)
        exact, share = self._again(start, night, balance)
        self._expect_credits(night, start, owed, share)
        for day in dates(start, night - _ONE_DAY):
            delta = {
                "balance_satang": balance[day],
                "exact_delta": exact[day] - self.exact.get(day, 0),
                "posted_delta": share[day] - self.share.get(day, 0),
            }
            changed = balance[day] != self.balance.get(day, 0)
            if changed or delta["exact_delta"] or delta["posted_delta"]:
                self.life.corrections[day, night] = delta
                self._post(night, day, delta["posted_delta"])
        self.balance = balance
        self.exact |= exact
        self.share |= share
        running = self._period_start(night)
        self.running = sum(amount for day, amount in exact.items() if day >= running)
        self.running += sum(self.exact[day] for day in dates(running, start - _ONE_DAY))
        self.running += self._brought(running)
        for end, amount in paid.items():
            self.credit[end] = self.credit.get(end, 0) + amount
            self.life.credited += amount

    def _again(
        self, start: date, night: date, balance: Mapping[date, int]
    ) -> tuple[dict[date, int], dict[date, int]]:
        """Exact interest of each date from `start`, and its share of the rounded amounts."""
        terms = self.facts.terms
        exact: dict[date, int] = {}
        share: dict[date, int] = {}
        cumulative = self._brought(start)
        for day in dates(start, night - _ONE_DAY):
            exact[day] = self._earned(day, balance[day])
            before, cumulative = cumulative, cumulative + exact[day]
            share[day] = terms.satang(cumulative) - terms.satang(before)
            if terms.ends_period(day):
                cumulative = 0
        return exact, share

    def _expect_credits(
        self, night: date, start: date, owed: int, share: Mapping[date, int]
    ) -> None:
        """Credits of past periods become right, save where one had left something unpaid."""
        before = owed
        for day in dates(start, night - _ONE_DAY):
            before += self.share.get(day, 0)
            owed += share[day]
            if not self.facts.terms.ends_period(day):
                continue
            credit = self.credit.get(day, 0)
            before -= credit
            right = credit if before != 0 or night in self.facts.uncorrected else max(owed, 0)
            owed -= right
            if right != credit:
                self.life.credits[day, night] = right - credit

    def _owed_before(self, start: date) -> int:
        accrued = self.facts.terms.satang(self.facts.brought)
        accrued += sum(amount for day, amount in self.share.items() if day < start)
        return accrued - sum(amount for day, amount in self.credit.items() if day < start)

    def _brought(self, period_start: date) -> int:
        return self.facts.brought if period_start == self.facts.interest_from else 0

    def _earned(self, on: date, balance: int) -> int:
        return self.facts.terms.earned(on, balance, self.facts.rates.get(on, ()))

    def _period_start(self, on: date) -> date:
        day = on
        while day > self.facts.interest_from and not self.facts.terms.ends_period(day - _ONE_DAY):
            day -= _ONE_DAY
        return max(day, self.facts.interest_from)

    def _post(self, night: date, on: date, amount: int) -> None:
        self.life.accrued += amount
        if amount:
            self.life.posted[night, on] = self.life.posted.get((night, on), 0) + amount

    def finish(self) -> Life:
        self._close_and_reopen(date.max)
        life, last = self.life, self.facts.last_accrual
        following = max(last + _ONE_DAY, self.facts.interest_from)
        life.period_start = self._period_start(following)
        life.cumulative_exact = self.running
        life.cumulative_satang = self.facts.terms.satang(life.cumulative_exact)
        return life
