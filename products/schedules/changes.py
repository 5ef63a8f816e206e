"""A loan's life: tranche, prepayment, rate change, reschedule, payment holiday. Pure.

Each change takes a schedule and gives the schedule after it. Rows that ended before it stay as they
are, to the satang; the rest is computed from where they left off. A contract keeps its first terms
and the changes in order, as data, and not an overwritten schedule: folding `changed` over them
gives the schedule again. A class of contracts is the same function over each of its schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice

from ledger.errors import InvalidInput
from pricing.dated import Dated, DatedRow
from products.schedules.build import go_on
from products.schedules.due_dates import DuePeriod, DueRule, InterestDue
from products.schedules.values import (
    Adjust,
    Disbursement,
    LoanTerms,
    Prepayment,
    PrepaymentEffect,
    Repayment,
    Schedule,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange:
    """Another rate from a date on, for good; later rates that were known are dropped.

    adjust: what gives way from now on; None = what the terms say.
    """

    from_date: date
    annual_rate_e8: int
    adjust: Adjust | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reschedule:
    """New periods for what is not yet due, and the instalment solved anew over them.

    on:       periods that ended up to this date stay.
    periods:  join the last one that stays, or begin where the first began; with new dates, count,
              weights and grace. A new rate is a `RateChange` of its own.
    fixed_instalment_satang, balloon_satang: as in `LoanTerms`, for the new periods.
    due_rule: None = as before; its interval is the one that the new periods have.
    repayment: None = as before.
    """

    on: date
    periods: tuple[DuePeriod, ...]
    fixed_instalment_satang: int | None = None
    balloon_satang: int = 0
    repayment: Repayment | None = None
    due_rule: DueRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """No principal for some periods (a moratorium); the instalment that was agreed stays.

    from_date: the first period that ends on or after this date is the first one spared.
    count:     periods spared.
    interest:  COLLECTED = it goes on being paid; DEFERRED = it is earned, and due with the first
               instalment after the holiday; FREE = it is not earned.
    extends:   every instalment moves later by `count` periods and so does the end; otherwise the
               end stays and the instalment is solved anew over the periods that are left (one that
               was agreed stays, and the last absorbs what the others did not pay).
    """

    from_date: date
    count: int
    interest: InterestDue = InterestDue.COLLECTED
    extends: bool = True


Change = Disbursement | Prepayment | RateChange | Reschedule | Holiday
"""All that can happen to a schedule; a disbursement is a further tranche."""


def changed(schedule: Schedule, change: Change) -> Schedule:
    """The schedule after a change. `InvalidInput` names what makes the change impossible."""
    match change:
        case Disbursement():
            return _tranche(schedule, change)
        case Prepayment():
            return _prepay(schedule, change)
        case RateChange():
            return _change_rate(schedule, change)
        case Reschedule():
            return _reschedule(schedule, change)
        case Holiday():
            return _spare(schedule, change)


def _tranche(schedule: Schedule, paid: Disbursement) -> Schedule:
    terms = schedule.terms
    disbursements = sorted([*terms.disbursements, paid], key=_by_date)
    if disbursements[0] is paid:
        expected = f"after the drawdown of {terms.disbursements[0].on.isoformat()}"
        raise InvalidInput.one("tranche", paid.on.isoformat(), expected)
    after = replace(terms, disbursements=tuple(disbursements))
    return go_on(schedule, after, _first(schedule, lambda period: period.end_date >= paid.on))


def _prepay(schedule: Schedule, paid: Prepayment) -> Schedule:
    terms = schedule.terms
    prepayments = sorted([*terms.prepayments, paid], key=_by_date)
    smaller = paid.effect is PrepaymentEffect.SMALLER_INSTALMENTS
    after = replace(
        terms,
        prepayments=tuple(prepayments),
        fixed_instalment_satang=None if smaller else terms.fixed_instalment_satang,
    )
    return go_on(schedule, after, _first(schedule, lambda period: period.end_date >= paid.on))


def _change_rate(schedule: Schedule, change: RateChange) -> Schedule:
    terms = schedule.terms
    rows = terms.annual_rates.rows
    if change.from_date <= rows[0].from_date:
        expected = f"after {rows[0].from_date.isoformat()}, where the rates begin"
        raise InvalidInput.one("rate change", change.from_date.isoformat(), expected)
    kept = [row for row in rows if row.from_date < change.from_date]
    last = replace(kept[-1], to_date=change.from_date)
    new = DatedRow(from_date=change.from_date, to_date=None, value=change.annual_rate_e8)
    rates = Dated(what=terms.annual_rates.what, rows=(*kept[:-1], last, new))
    adjust = change.adjust or terms.on_rate_change
    after = replace(terms, annual_rates=rates, on_rate_change=adjust)
    earlier = timedelta(days=1 if terms.convention.rate_from_night_before else 0)
    night = change.from_date - earlier
    return go_on(schedule, after, _first(schedule, lambda period: period.end_date > night))


def _reschedule(schedule: Schedule, change: Reschedule) -> Schedule:
    terms = schedule.terms
    at = _first(schedule, lambda period: period.end_date > change.on)
    kept = terms.periods[:at]
    starts = kept[-1].end_date if kept else terms.periods[0].start_date
    if not change.periods or change.periods[0].start_date != starts:
        got = change.periods[0].start_date.isoformat() if change.periods else "no period"
        raise InvalidInput.one("rescheduled periods", got, f"a start on {starts.isoformat()}")
    rule = change.due_rule or terms.due_rule
    after = replace(
        terms,
        periods=(*kept, *change.periods),
        interval=change.due_rule.interval if change.due_rule else terms.interval,
        fixed_instalment_satang=change.fixed_instalment_satang,
        balloon_satang=change.balloon_satang,
        repayment=change.repayment or terms.repayment,
        due_rule=rule,
    )
    return go_on(schedule, after, at, anew=True)


def _spare(schedule: Schedule, holiday: Holiday) -> Schedule:
    terms = schedule.terms
    at = _first(schedule, lambda period: period.end_date >= holiday.from_date)
    left = len(terms.periods) - at
    if not 1 <= holiday.count <= (left if holiday.extends else left - 1):
        expected = f"1 to {left if holiday.extends else left - 1} periods"
        raise InvalidInput.one("holiday", holiday.count, expected)
    dates = terms.periods[at:]
    if holiday.extends:
        dates += _more_periods(terms, holiday.count)
        pays = [*_spared(dates[: holiday.count], holiday.interest), *terms.periods[at:]]
    else:
        pays = [*_spared(dates[: holiday.count], holiday.interest), *dates[holiday.count :]]
    periods = [
        replace(
            one, weight=pay.weight, interest=pay.interest, principal_satang=pay.principal_satang
        )
        for one, pay in zip(dates, pays, strict=True)
    ]
    after = replace(terms, periods=(*terms.periods[:at], *periods))
    return go_on(schedule, after, at, anew=not holiday.extends)


def _spared(periods: Sequence[DuePeriod], interest: InterestDue) -> list[DuePeriod]:
    return [
        replace(period, weight=0, interest=interest, principal_satang=None) for period in periods
    ]


def _more_periods(terms: LoanTerms, count: int) -> tuple[DuePeriod, ...]:
    last = terms.periods[-1]
    if terms.due_rule is None:
        raise InvalidInput.one("due_rule", "none", "a rule for the due dates after the last one")
    reached = max(last.end_date, last.due_date)
    return tuple(islice(terms.due_rule.periods_from(last.end_date, reached), count))


def _first(schedule: Schedule, touched: Callable[[DuePeriod], bool]) -> int:
    """Position of the first period that a change touches. `InvalidInput` when none is left."""
    for at, period in enumerate(schedule.terms.periods):
        if at <= len(schedule.rows) and touched(period):
            return at
    end = schedule.rows[-1].period.end_date
    raise InvalidInput.one("change", "a date after the end", f"a date up to {end.isoformat()}")


def _by_date(flow: Disbursement | Prepayment) -> date:
    return flow.on
