"""A placement as a clerk with a calendar and exact fractions would keep it, one day at a time.

Written from docs/placements.md alone: it knows nothing of spans, legs, coupons laid out in advance
or journals. Each date it is asked what the doors do, then what the night does; what it pays, taxes
and accrues it writes into plain lists that a book can be compared with.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

ONE = timedelta(days=1)


def half_up(value: Fraction) -> int:
    """To whole satang, halves up; never asked below zero."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def months_later(start: date, months: int) -> date:
    """The same day so many months later, or that month's last."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, last))


def in_force(rates: Mapping[date, Decimal], on: date) -> Decimal:
    """The newest rate, in per cent, whose date has come."""
    return rates[max(begun for begun in rates if begun <= on)]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What holds for every placement: rates in per cent by their dates, tax, banking days.

    large:    rates of placements of `bound` satang or more; the others bear `small`.
    tax:      per cent from its dates, of this holder. days_a_year: None = by the calendar.
    holidays: date announced → the holiday.
    """

    months: int
    small: Mapping[date, Decimal]
    large: Mapping[date, Decimal]
    bound: int
    savings: Mapping[date, Decimal]
    tax: Mapping[date, Decimal]
    holidays: tuple[tuple[date, date], ...]
    moves: bool
    days_a_year: int | None

    def maturity(self, begun: date) -> tuple[date, date]:
        """By the calendar, and where no banking moves it; what is announced later is not known."""
        nominal = moved = months_later(begun, self.months)
        known = {on for announced, on in self.holidays if announced <= begun}
        while self.moves and (moved.weekday() >= 5 or moved in known):
            moved += ONE
        return nominal, moved

    def rate(self, principal: int, on: date) -> Decimal:
        """The placement's rate for a term that begins."""
        return in_force(self.large if principal >= self.bound else self.small, on)

    def a_day(self, principal: int, percent: Decimal, on: date) -> Fraction:
        """What one date earns."""
        year = self.days_a_year or (366 if calendar.isleap(on.year) else 365)
        return Fraction(principal) * Fraction(percent) / 100 / year

    def taxed(self, interest: int, on: date) -> int:
        """Tax on interest paid on a date."""
        return half_up(Fraction(interest) * Fraction(in_force(self.tax, on)) / 100)


@dataclass(slots=True, kw_only=True)
class Life:
    """One placement: what it is today, and everything that was written down about it.

    settled: interest of coupons that are over, rounded; running: of the one that runs, exact.
    paid:    (last date it is for, date, satang). taxes: (date, interest, tax).
    terms:   (begins, nominal, matures, principal, rate). accruals: satang by date.
    moves:   (date, kind, debit, credit, satang), accounts by short names.
    """

    world: World
    principal: int
    every: int
    instruction: str
    begun: date
    settled: int = 0
    running: Fraction = Fraction(0)
    credited: int = 0
    before: int = 0
    number: int = 0
    frozen_here: bool = False
    frozen_there: bool = False
    pledged: bool = False
    matured: date | None = None
    closed: date | None = None
    percent: Decimal = Decimal(0)
    nominal: date = date.min
    matures: date = date.min
    paid: list[tuple[date, date, int]] = field(default_factory=list)
    taxes: list[tuple[date, int, int]] = field(default_factory=list)
    terms: list[tuple[date, date, date, int, Decimal]] = field(default_factory=list)
    accruals: dict[date, int] = field(default_factory=dict)
    moves: list[tuple[date, int, str, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._move(self.begun, 121, "savings", "placement", self.principal)
        self._term(self.begun)

    @property
    def accrued(self) -> int:
        """All interest so far."""
        return self.settled + half_up(self.running)

    @property
    def bears(self) -> bool:
        """It earns something today."""
        return self.closed is None and self.matured is None

    def may_leave(self) -> bool:
        """Nothing keeps its principal."""
        return not (self.frozen_here or self.frozen_there or self.pledged)

    # What doors do.

    def instruct(self, instruction: str) -> bool:
        """Another instruction; False: refused."""
        if not self.bears or instruction == self.instruction:
            return False
        self.instruction = instruction
        return True

    def pay_out(self, on: date) -> bool:
        """Pay a waiting placement; False: refused."""
        if self.closed or self.matured is None or not self.may_leave():
            return False
        self._pay(on, self.accrued - self.credited, self.matured - ONE, "savings")
        self._leave(on, self.principal)
        return True

    def end_early(self, on: date) -> bool:
        """By the rules of the scene: nothing, then the savings rate, then half its own."""
        if not self.bears or not self.may_leave() or on >= self.matures:
            return False
        begun = self.terms[-1][0]
        held = max(n for n in range(self.world.months + 1) if months_later(begun, n) <= on)
        half = (self.percent / 2).quantize(Decimal("1.000000"), ROUND_HALF_UP)
        earned, day = Fraction(0), begun
        while day < on:
            percent = half if held > 1 else in_force(self.world.savings, day)
            earned += self.world.a_day(self.principal, percent, day) if held else 0
            day += ONE
        should = self.before + half_up(earned)
        excess = self.accrued - should
        if excess:
            sides = ("payable", "expense") if excess > 0 else ("expense", "payable")
            self._move(on, 124, *sides, abs(excess))
        self.settled, self.running = should, Fraction(0)
        back = max(self.credited - should, 0)
        if back:
            self._move(on, 125, "placement", "payable", back)
            self.paid.append((on - ONE, on, -back))
            self.credited = should
        else:
            self._pay(on, should - self.credited, on - ONE, "savings")
        self._leave(on, self.principal - back)
        return True

    # What the night does.

    def night(self, on: date) -> None:
        """Coupons and maturity first, then the date's own interest."""
        if self.bears and on == self.matures:
            self._mature(on)
        elif self.bears and self._is_coupon(on):
            if not self.frozen_there:
                self._pay(on, self.accrued - self.credited, on - ONE, "savings")
            self._period()
        if self.bears:
            was = self.accrued
            self.running += self.world.a_day(self.principal, self.percent, on)
            self.accruals[on] = self.accrued - was

    def _is_coupon(self, on: date) -> bool:
        begun = self.terms[-1][0]
        if not self.every or not begun < on < self.nominal:
            return False
        return any(months_later(begun, n) == on for n in range(self.every, 200, self.every))

    def _mature(self, on: date) -> None:
        owed = self.accrued - self.credited
        if self.instruction == "pay_out":
            if not self.frozen_there:
                self._pay(on, owed, on - ONE, "savings")
            if self.may_leave():
                self._leave(on, self.principal)
            else:
                self.matured = on
            return
        if self.instruction == "roll_all" and not (self.frozen_here and owed):
            self.principal += self._pay(on, owed, on - ONE, "placement")
        elif self.instruction == "roll_principal" and not self.frozen_there:
            self._pay(on, owed, on - ONE, "savings")
        self._period()
        self._term(on)

    def _term(self, on: date) -> None:
        self.before, self.number = self.settled, self.number + 1
        self.percent = self.world.rate(self.principal, on)
        self.nominal, self.matures = self.world.maturity(on)
        self.terms.append((on, self.nominal, self.matures, self.principal, self.percent))

    def _period(self) -> None:
        self.settled, self.running = self.accrued, Fraction(0)

    def _pay(self, on: date, interest: int, through: date, to: str) -> int:
        """Pay interest less tax; answers what arrives."""
        if not interest:
            return 0
        tax = self.world.taxed(interest, on)
        self.paid.append((through, on, interest))
        self.taxes.append((on, interest, tax))
        self.credited += interest
        if interest > tax:
            self._move(on, 122, "payable", to, interest - tax)
        if tax:
            self._move(on, 122, "payable", "tax", tax)
        return interest - tax

    def _leave(self, on: date, satang: int) -> None:
        if satang:
            self._move(on, 123, "placement", "savings", satang)
        self.closed = on

    def _move(self, on: date, kind: int, debit: str, credit: str, satang: int) -> None:
        self.moves.append((on, kind, debit, credit, satang))
