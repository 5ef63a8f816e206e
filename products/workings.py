"""One date's interest worked out from its inputs, and held against what is recorded. Pure.

The inputs are the contract's value-dated changes since its capitalisation period began and what
each date pays; `products.interest.replay`, the specification, lives the days up to the date. What
comes out is what an accountant would write down: the parts of the balance with their rates, the
amount of the date, the period before it and through it, both rounded, and the difference. Where the
conditions come from (a sheet's lines today) is the caller's to say.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ledger.errors import ensure
from ledger.money import format_baht
from pricing.rates import format_rate_percent
from pricing.slabs import Slab
from products.figures import Figure, Told, satang_text
from products.interest import AccrualDay, Terms, replay
from products.interest.earning import Conditions

_ONE_DAY = timedelta(days=1)
_EVERY_PLACE = 16
"""Decimals of a satang that tell any two exact amounts apart: 1/EXACT_DENOMINATOR is 6.2e-15."""


class Nothing(enum.Enum):
    """Why a balance earns nothing on a date, whatever the rates are."""

    BELOW_ZERO = "below_zero"
    BELOW_MINIMUM = "below_minimum"  # below the product's minimum balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a balance and what it earns on the date, in 1/EXACT_DENOMINATOR satang."""

    slab: Slab
    amount_satang: int
    exact: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the interest of the date `on` is worked out from.

    period_start:   first date of the capitalisation period that `on` lies in.
    opening_satang: balance by value date before `period_start`.
    changes:        net change of the balance by value date, from `period_start` to `on`, the
                    capitalisation of `on` left out: it bears from the next date.
    paid:           what each date of the period pays, from `period_start` to `on`.
    brought_exact:  interest that the period brought from an old system.
    """

    terms: Terms
    on: date
    period_start: date
    opening_satang: int
    changes: Mapping[date, int]
    paid: Mapping[date, Conditions]
    brought_exact: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """What a date earns and why; exact amounts in 1/EXACT_DENOMINATOR satang.

    balance_satang: closing balance by value date, without the date's own capitalisation.
    annual_rate_e8: the rate that the balance reaches.
    minimum_satang: a balance below it earns nothing.
    nothing:        why the date earns nothing, where that is not for a rate or balance of 0.
    parts:          the whole balance at one rate, or each slice at its own; none with `nothing`.
    since:          first date of the period from which on each date earned as this one does.
    base_exact:     what the period had earned before `since`.
    days:           dates from `since` to this one, both counted.
    before_satang:  the period's interest through the day before, rounded.
    through_satang: the same through the date; its growth is what the date posts.
    """

    on: date
    period_start: date
    balance_satang: int
    annual_rate_e8: int
    minimum_satang: int
    nothing: Nothing | None
    parts: tuple[Part, ...]
    year_days: int
    exact: int
    since: date
    base_exact: int
    days: int
    before_satang: int
    through_satang: int

    @property
    def before_exact(self) -> int:
        """Interest of the period through the day before."""
        return self.base_exact + self.exact * (self.days - 1)

    @property
    def through_exact(self) -> int:
        """Interest of the period through the date."""
        return self.base_exact + self.exact * self.days

    @property
    def posted_satang(self) -> int:
        """What the date posts."""
        return self.through_satang - self.before_satang


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something of a date that is recorded as one thing and worked out as another: damage or a bug.

    known_on: the night as of which both were told.
    """

    known_on: date
    what: str
    recorded: str
    worked_out: str


def work_out(inputs: Inputs) -> Working:
    """Live the period up to the date. Raises `InvariantBroken` where a date pays nothing known."""
    on, terms, paid = inputs.on, inputs.terms, inputs.paid
    lived = replay(
        terms=terms,
        start=inputs.period_start,
        stop=on + _ONE_DAY,
        changes=inputs.changes,
        rates=paid,
        opening_satang=inputs.opening_satang,
        opening_exact=inputs.brought_exact,
    ).accruals
    day, run = lived[-1], _run(lived)
    nothing, parts = _parts(day.balance_satang, paid[on], terms.day_count.day_units(on))
    told = sum(part.exact for part in parts)
    ensure(told == day.exact, f"{on}: the parts of a balance earn {told}, the balance {day.exact}")
    return Working(
        on=on,
        period_start=inputs.period_start,
        balance_satang=day.balance_satang,
        annual_rate_e8=day.annual_rate_e8,
        minimum_satang=paid[on].minimum_satang,
        nothing=nothing,
        parts=parts,
        year_days=terms.day_count.year_days(on),
        exact=day.exact,
        since=lived[-run].on,
        base_exact=day.cumulative_exact - day.exact * run,
        days=run,
        before_satang=day.cumulative_satang - day.posted_satang,
        through_satang=day.cumulative_satang,
    )


def differences(recorded: Figure, worked: Working, known_on: date) -> tuple[Difference, ...]:
    """Where a record and its working disagree; nothing where all is well.

    A closing's span has neither rate nor year of its own: it says that nothing is earned.
    """
    return tuple(
        Difference(known_on=known_on, what=what, recorded=one, worked_out=other)
        for what, one, other in _compared(recorded, worked)
        if one != other
    )


def _run(lived: Sequence[AccrualDay]) -> int:
    """How many of the last days are alike, the last one counted."""
    last, count = _alike(lived[-1]), 0
    for day in reversed(lived):
        if _alike(day) != last:
            break
        count += 1
    return count


def _alike(day: AccrualDay) -> tuple[int, int, int]:
    return day.balance_satang, day.annual_rate_e8, day.exact


def _parts(
    balance: int, paid: Conditions, day_units: int
) -> tuple[Nothing | None, tuple[Part, ...]]:
    if balance < 0:
        return Nothing.BELOW_ZERO, ()
    if balance < paid.minimum_satang:
        return Nothing.BELOW_MINIMUM, ()
    return None, tuple(
        Part(
            slab=each.slab,
            amount_satang=each.amount_satang,
            exact=each.amount_satang * each.slab.annual_rate_e8 * day_units,
        )
        for each in paid.slabs.parts(balance)
    )


def _compared(recorded: Figure, worked: Working) -> Iterator[tuple[str, str, str]]:
    span = recorded.span
    yield "balance", format_baht(span.balance_satang), format_baht(worked.balance_satang)
    if recorded.told_by is not Told.CLOSING:
        one, other = span.annual_rate_e8, worked.annual_rate_e8
        yield "annual_rate_percent", format_rate_percent(one), format_rate_percent(other)
        yield "year_days", str(span.year_days), str(worked.year_days)
    for what, exact, again in (
        ("exact", recorded.exact, worked.exact),
        ("exact_through_day_before", recorded.before_exact, worked.before_exact),
        ("exact_through_date", recorded.through_exact, worked.through_exact),
    ):
        yield what, satang_text(exact, _EVERY_PLACE), satang_text(again, _EVERY_PLACE)
    yield "posted", format_baht(recorded.posted_satang), format_baht(worked.posted_satang)
