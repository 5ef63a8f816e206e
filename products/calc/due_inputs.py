"""Due dates as a case states them by rule: the first one, the day they keep, what no bank works on.

Without any of these fields they follow from the day on which interest begins, one interval each.
The rule is that of contracts (`products.schedules.due_dates`); a loan whose due dates are stated
one by one has none, and is refused these fields by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from ledger.errors import InvalidInput
from products.calc.fields import PERIODS_MAX, SPAN_DAYS_MAX, Fields
from products.schedules.due_dates import Calendar, DueRule, Interval, OnHoliday, Unit

_INTEREST_UNTIL: Mapping[str, bool] = {"PAYDAY": True, "DUE_DATE": False}
_LONGEST: Mapping[Unit, int] = {
    Unit.MONTHS: PERIODS_MAX,
    Unit.WEEKS: SPAN_DAYS_MAX // 7,
    Unit.DAYS: SPAN_DAYS_MAX,
}
_RULE_FIELDS = ("first_due_date", "anchor_day", "on_holiday", "bank_holidays", "interest_until")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueInputs:
    """The fields of a rule for due dates, read and not yet judged.

    first_due_date: None = one interval after interest begins.
    anchor_day:     day of the month that due dates keep, 31 = its end; None = the first one's own.
    interest_follows: interest runs to the day that a holiday moved the payment to.
    """

    fields: Fields
    first_due_date: date | None
    anchor_day: int | None
    on_holiday: OnHoliday
    bank_holidays: tuple[date, ...]
    interest_follows: bool

    def refuse_beside_due_dates(self) -> None:
        """Raise `InvalidInput` naming a field of the rule, where due dates are stated."""
        for name in _RULE_FIELDS:
            if self.fields.has(name):
                raise self.fields.wrong(name, "none with due_dates")

    def rule(self, start: date, interval: Interval) -> DueRule:
        """The rule of a loan whose interest begins on `start`. Raises `InvalidInput`."""
        if self.bank_holidays and self.on_holiday is OnHoliday.KEEP:
            raise self.fields.wrong("bank_holidays", "none, unless on_holiday moves due dates")
        first, anchor = self._first(start, interval)
        if first <= start:
            raise self.fields.wrong("first_due_date", f"a date after {start.isoformat()}")
        rule = DueRule(
            first_due_date=first,
            interval=interval,
            on_holiday=self.on_holiday,
            calendar=Calendar(holidays=frozenset(self.bank_holidays)),
            interest_follows=self.interest_follows,
        )
        try:
            return replace(rule, anchor_day=anchor)
        except InvalidInput:
            expected = "the day of first_due_date (31: its month's end), with MONTHS alone"
            raise self.fields.wrong("anchor_day", expected) from None

    def _first(self, start: date, interval: Interval) -> tuple[date, int | None]:
        if self.first_due_date is not None:
            return self.first_due_date, self.anchor_day
        if self.anchor_day is not None:
            raise self.fields.wrong("anchor_day", "none without first_due_date")
        anchor = start.day if interval.unit is Unit.MONTHS else None
        return DueRule(first_due_date=start, interval=interval).nominal(1), anchor


def read_dues(fields: Fields) -> DueInputs:
    """The fields of the rule."""
    return DueInputs(
        fields=fields,
        first_due_date=fields.day("first_due_date", None),
        anchor_day=fields.whole("anchor_day", None, most=31),
        on_holiday=fields.choice("on_holiday", OnHoliday.__members__, OnHoliday.KEEP),
        bank_holidays=fields.days("bank_holidays", ()),
        interest_follows=fields.choice("interest_until", _INTEREST_UNTIL, True),
    )


def read_interval(fields: Fields) -> Interval:
    """`repay_every` and `frequency`: the distance of due dates."""
    return Interval(
        count=fields.whole("repay_every", 1),
        unit=fields.choice("frequency", Unit.__members__, Unit.MONTHS),
    )


def within_a_hundred_years(count: int, interval: Interval) -> bool:
    """True when so many periods of the interval are no longer than a case may be."""
    return count * interval.count <= _LONGEST[interval.unit]
