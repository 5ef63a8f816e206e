"""The fields of a savings account: movements, periods, rates; checked against each other.

`end_date` looks back: periods that have ended by its close are posted, and the balance is that at
its close. `posting_date` posts all that was earned before it. With neither, the first period that
ends on or after the last movement is the end. A posting is dated the day after its period unless
`post_on` says otherwise.

A back-dated movement counts from its `date`, whenever it was entered; a reversed one never was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ledger.money import Rounding
from pricing.dated import Dated
from products.calc.answers import day_text
from products.calc.conditions import PERIOD_MONTHS, read_day_count, read_rates
from products.calc.fields import Fields
from products.calculators.compounding import Ends, every_months
from products.interest.day_counts import DayCount
from products.interest.earning import Conditions

ONE_DAY = timedelta(days=1)
POSTED_DAILY_MAX = 3_660
"""The most dates of a case that posts every day: ten years."""
_POST_ON = {"NEXT_PERIOD_START": ONE_DAY, "CURRENT_PERIOD_END": timedelta(0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When interest is posted and compounds.

    last:         the last date that is lived.
    balance_on:   the date at whose close the balance is told.
    compounds:    None where interest bears interest only once it is posted.
    posted_after: from the end of a period to the date of its posting.
    """

    last: date
    balance_on: date
    ends: Ends
    compounds: Ends | None
    posted_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsCase:
    """An account as a case describes it.

    changes:    its movements by date, in the currency's smallest unit; the first begins it.
    conditions: from that date on.
    """

    conditions: Dated[Conditions]
    day_count: DayCount
    changes: Mapping[date, int]
    calendar: Calendar
    mode: Rounding
    decimals: int

    @property
    def start(self) -> date:
        """The first date that is lived."""
        return min(self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Movement:
    on: date
    amount: int
    entered_on: date
    reversed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Periods:
    posting: int
    compounding: int
    year_begins: int
    posted_after: timedelta
    end_date: date | None
    posting_date: date | None


def read_savings(fields: Fields, *, must_charge: bool) -> SavingsCase:
    """All fields of a savings account; `must_charge`: an overdraft's rate is required.

    Raises `InvalidInput`, also for fields that are well written and contradict each other.
    """
    rates = read_rates(fields, must_charge=must_charge)
    day_count = read_day_count(fields)
    mode, decimals = fields.rounding(), fields.decimals
    fields.choice("balance_method", {"DAILY_BALANCE": True}, True)
    periods = _read_periods(fields)
    movements = tuple(_read_movement(row) for row in fields.rows("movements", required=True))
    fields.finish()
    changes = _changes(fields, movements, periods.end_date or periods.posting_date)
    calendar = _calendar(fields, periods, changes)
    if calendar.compounds is not None and not rates.is_one_rate:
        expected = "no compounding between postings with slabs, limits, a minimum or rate changes"
        raise fields.wrong("compounding", expected)
    return SavingsCase(
        conditions=rates.dated(min(changes)),
        day_count=day_count,
        changes=changes,
        calendar=calendar,
        mode=mode,
        decimals=decimals,
    )


def _read_periods(fields: Fields) -> _Periods:
    posting = fields.choice("posting", PERIOD_MONTHS)
    return _Periods(
        posting=posting,
        compounding=fields.choice("compounding", PERIOD_MONTHS, posting),
        year_begins=fields.whole("financial_year_begins_month", 1, least=1, most=12),
        posted_after=fields.choice("post_on", _POST_ON, ONE_DAY),
        end_date=fields.day("end_date", None),
        posting_date=fields.day("posting_date", None),
    )


def _read_movement(row: Fields) -> _Movement:
    row.text("type", "")
    on = row.day("date")
    return _Movement(
        on=on,
        amount=row.money("amount", signed=True),
        entered_on=row.day("entered_on", on),
        reversed=row.flag("reversed", False),
    )


def _changes(
    fields: Fields, movements: Sequence[_Movement], known_by: date | None
) -> dict[date, int]:
    """Net changes by date, reversed movements left out; there is at least one."""
    changes: dict[date, int] = {}
    for movement in movements:
        if movement.entered_on < movement.on:
            raise fields.wrong("movements", "no movement entered before its date")
        if known_by is not None and movement.entered_on > known_by:
            raise fields.wrong("movements", f"movements dated and entered by {day_text(known_by)}")
        if not movement.reversed:
            changes[movement.on] = changes.get(movement.on, 0) + movement.amount
    if not changes:
        raise fields.wrong("movements", "at least one movement that was not reversed")
    return changes


def _calendar(fields: Fields, periods: _Periods, changes: Mapping[date, int]) -> Calendar:
    ends = every_months(periods.posting, periods.year_begins)
    after, compounds = periods.posted_after, None
    if periods.compounding < periods.posting:
        compounds = every_months(periods.compounding, periods.year_begins)
    if periods.posting_date is None:
        last = periods.end_date or _first_end(ends, max(changes))
    elif periods.end_date is not None:
        raise fields.wrong("posting_date", "either posting_date or end_date")
    else:
        last, after = periods.posting_date - ONE_DAY, ONE_DAY
        ends = _or_on(ends, last)
    if max(changes) > last:
        raise fields.wrong("movements", f"dates up to {day_text(last)}", "Let the case end later.")
    if periods.posting == 0 and (last - min(changes)).days >= POSTED_DAILY_MAX:
        raise fields.wrong("posting", f"periods longer than a day, or {POSTED_DAILY_MAX:,} dates")
    return Calendar(
        last=last,
        balance_on=periods.end_date or last + after,
        ends=ends,
        compounds=compounds,
        posted_after=after,
    )


def _first_end(ends: Ends, on: date) -> date:
    while not ends(on):
        on += ONE_DAY
    return on


def _or_on(ends: Ends, last: date) -> Ends:
    return lambda on: on == last or ends(on)
