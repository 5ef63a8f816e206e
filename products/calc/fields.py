"""Strict reading of a case's `inputs`: every field is asked for by name, none is ignored.

A kind reads its fields one by one and then calls `finish()`, which raises one `InvalidInput` that
names every field that was wrong, missing or read by nobody, each with its path (positions count
from 0: `inputs.rate_changes[1].effective_date`). A field that cannot be read is noted and a
harmless stand-in of its type is handed out, so that the clerk sees all mistakes at once; hence
nothing may be computed before `finish()`. A `null` counts as not given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TypeVar, overload

from ledger.dates import parse_date
from ledger.errors import InvalidInput, Problem
from ledger.money import Rounding
from products.calc.reading import Doubled, shown

T = TypeVar("T")
D = TypeVar("D")

PERIODS_MAX = 1200
"""The longest schedule, a hundred years of months; any count's bound unless another is given."""
ROWS_MAX = 10_000
"""The longest list inside a case, e.g. of movements."""
CHANGES_MAX = 120
"""The most rate changes, tranches or slabs of one case: each is reckoned with on its own."""
SPAN_DAYS_MAX = 36_525
"""The dates of one case lie within a hundred years."""
PROBLEMS_MAX = 50
"""Problems told of one case; how many more there are is said."""

DECIMALS_MAX = 8
"""The most places that a currency has here."""

_MONEY = re.compile(r"(-?)(0|[1-9][0-9]{0,12})(?:\.([0-9]+))?", re.ASCII)
_RATE = re.compile(r"(0|[1-9][0-9]{0,3})(?:\.([0-9]{1,6}))?", re.ASCII)
_RATIO = re.compile(r"(0|[1-9][0-9]{0,5})/([1-9][0-9]{0,5})", re.ASCII)
_RATE_MAX_E8 = 10 * 10**8
_RATE_EXPECTED = 'a percentage as a string like "3.75", from "0" to "1000", at most six places'
_DAY_EXPECTED = "a date YYYY-MM-DD in the common era"
_STAND_IN_DAY = date(2000, 1, 1)


class _Required:
    """The default of a field that has none."""


_REQUIRED = _Required()


@dataclass(slots=True)
class _Notes:
    """What the reading of one case has found so far, shared by its nested objects."""

    problems: list[Problem] = field(default_factory=list)
    more: int = 0
    days: list[date] = field(default_factory=list)
    # After a choice that cannot be read nobody knows which other fields belong to it.
    branch_unknown: bool = False

    def add(self, *problems: Problem) -> None:
        room = max(PROBLEMS_MAX - len(self.problems), 0)
        self.problems += problems[:room]
        self.more += len(problems[room:])


class Fields:
    """One JSON object of a case, read strictly; the module says how.

    Every method that reads takes the field's name and perhaps a default, which is what an absent
    field means; without one the field is required.
    """

    __slots__ = ("_decimals", "_notes", "_parts", "_read", "_values", "where")

    def __init__(self, values: Mapping[str, object], where: str = "inputs") -> None:
        """values: the object as `read_document` gives it; where: its path."""
        self.where = where
        self._values = values
        self._read: set[str] = set()
        self._parts: list[Fields] = []
        self._notes = _Notes()
        self._decimals: int | None = None
        self._note_doubled()

    @property
    def decimals(self) -> int:
        """The case's `currency_decimals`: places of its currency, 0 to 8; 2 unless stated."""
        if self._decimals is None:
            before = len(self._notes.problems)
            self._decimals = self.whole("currency_decimals", 2, least=0, most=DECIMALS_MAX)
            if len(self._notes.problems) > before:
                # One mistake, not one of every amount besides.
                self._decimals = DECIMALS_MAX
        return self._decimals

    def has(self, name: str) -> bool:
        """True when the field is given and not null; this does not count as reading it."""
        return self._values.get(name) is not None

    @overload
    def money(self, name: str, *, least: int = ..., signed: bool = ...) -> int: ...
    @overload
    def money(self, name: str, default: D, *, least: int = ..., signed: bool = ...) -> int | D: ...
    def money(
        self, name: str, default: D | _Required = _REQUIRED, *, least: int = 1, signed: bool = False
    ) -> int | D:
        """Money in the currency's smallest unit: "1234.5" -> 123450 with two decimals.

        least:  the smallest amount taken, in that unit: 0 lets zero in.
        signed: a leading minus is taken; `least` does not hold then.
        """
        decimals = self.decimals
        bound = "a leading minus allowed" if signed else f"at least {least} of the smallest unit"
        expected = f'money as a string like "1234.50", at most {decimals} places, {bound}'

        def read(value: object) -> int | None:
            units = _units(value, decimals)
            return units if units is not None and (signed or units >= least) else None

        return self._value(name, default, read, expected, least)

    @overload
    def rate_e8(self, name: str) -> int: ...
    @overload
    def rate_e8(self, name: str, default: D) -> int | D: ...
    def rate_e8(self, name: str, default: D | _Required = _REQUIRED) -> int | D:
        """A percentage in 10^-8 of the fraction: "3.75" -> 3_750_000; 0 to 1000 percent."""
        return self._value(name, default, _rate, _RATE_EXPECTED, 0)

    @overload
    def whole(self, name: str, *, least: int = ..., most: int = ...) -> int: ...
    @overload
    def whole(self, name: str, default: D, *, least: int = ..., most: int = ...) -> int | D: ...
    def whole(
        self,
        name: str,
        default: D | _Required = _REQUIRED,
        *,
        least: int = 1,
        most: int = PERIODS_MAX,
    ) -> int | D:
        """A count, a JSON whole number from `least` to `most`."""

        def read(value: object) -> int | None:
            counts = isinstance(value, int) and not isinstance(value, bool)
            return value if counts and isinstance(value, int) and least <= value <= most else None

        return self._value(name, default, read, f"a whole number, {least} to {most}", least)

    @overload
    def day(self, name: str) -> date: ...
    @overload
    def day(self, name: str, default: D) -> date | D: ...
    def day(self, name: str, default: D | _Required = _REQUIRED) -> date | D:
        """A date; a Buddhist-era year is refused and named as such."""

        def read(value: object) -> date:
            return self._day(value, self._path(name))

        return self._value(name, default, read, _DAY_EXPECTED, _STAND_IN_DAY)

    @overload
    def choice(self, name: str, options: Mapping[str, T]) -> T: ...
    @overload
    def choice(self, name: str, options: Mapping[str, T], default: D) -> T | D: ...
    def choice(
        self, name: str, options: Mapping[str, T], default: D | _Required = _REQUIRED
    ) -> T | D:
        """What one of the words of `options` stands for; a whole number is taken as its digits.

        For an enum whose members' names are the words, `options` is its `__members__`.
        """

        def read(value: object) -> T | None:
            word = str(value) if isinstance(value, int) else value
            found = options.get(word) if isinstance(word, str) else None
            self._notes.branch_unknown |= found is None
            return found

        expected = "one of " + ", ".join(options)
        return self._value(name, default, read, expected, next(iter(options.values())))

    def rounding(self) -> Rounding:
        """The case's `rounding_mode`; HALF_EVEN unless stated."""
        return self.choice("rounding_mode", Rounding.__members__, Rounding.HALF_EVEN)

    def flag(self, name: str, default: bool) -> bool:
        """A JSON true or false."""

        def read(value: object) -> bool | None:
            return value if isinstance(value, bool) else None

        return self._value(name, default, read, "true or false", default)

    def text(self, name: str, default: str | _Required = _REQUIRED) -> str:
        """A name or a remark: 1 to 500 characters that UTF-8 can write; it decides no amount."""

        def read(value: object) -> str | None:
            return value if isinstance(value, str) and _is_writable(value) else None

        return self._value(name, default, read, "text of 1 to 500 characters", "")

    def ratio(self, name: str, default: Fraction | _Required = _REQUIRED) -> Fraction:
        """A fraction written as such: "4/7"; numerator and denominator up to 999,999."""

        def read(value: object) -> Fraction | None:
            match = _RATIO.fullmatch(value) if isinstance(value, str) else None
            return Fraction(int(match[1]), int(match[2])) if match else None

        return self._value(name, default, read, 'a fraction as a string like "4/7"', Fraction(0))

    def days(
        self, name: str, default: tuple[date, ...] | _Required = _REQUIRED
    ) -> tuple[date, ...]:
        """A list of dates, in the order given."""
        found = []
        for at, value in enumerate(self._list(name, default)):
            try:
                found.append(self._day(value, f"{self._path(name)}[{at}]"))
            except InvalidInput as error:
                self._notes.add(*error.problems)
        return default if not found and isinstance(default, tuple) else tuple(found)

    def rows(
        self, name: str, *, required: bool = False, most: int = ROWS_MAX
    ) -> tuple[Fields, ...]:
        """A list of objects, each to be read like this one; absent = empty unless `required`."""
        parts = []
        for at, value in enumerate(self._list(name, _REQUIRED if required else (), most)):
            where = f"{self._path(name)}[{at}]"
            if isinstance(value, dict):
                parts.append(self._part(value, where))
            else:
                self._note(where, value, "an object")
        return tuple(parts)

    def nested(self, name: str) -> Mapping[str, object]:
        """A required object as it stands, for a reader of its own."""

        def read(value: object) -> Mapping[str, object] | None:
            return value if isinstance(value, dict) else None

        empty: Mapping[str, object] = {}
        return self._value(name, _REQUIRED, read, "an object", empty)

    def wrong(self, name: str, expected: str, fix: str = "") -> InvalidInput:
        """The error to raise for a field whose value is read well and is not acceptable."""
        got = shown(self._values.get(name))
        return InvalidInput([Problem(where=self._path(name), got=got, expected=expected, fix=fix)])

    def finish(self) -> None:
        """Raise `InvalidInput` with every problem of the case, unread fields among them."""
        notes = self._notes
        if not notes.branch_unknown:
            self._note_unread()
        if notes.days and (max(notes.days) - min(notes.days)).days > SPAN_DAYS_MAX:
            got = f"{min(notes.days).isoformat()} to {max(notes.days).isoformat()}"
            notes.add(Problem(where=self.where, got=got, expected="dates within a hundred years"))
        if notes.more:
            got = f"{notes.more} more problems"
            notes.problems.append(Problem(where=self.where, got=got, expected="none of them"))
        if notes.problems:
            raise InvalidInput(notes.problems)

    def _value(
        self,
        name: str,
        default: D | _Required,
        read: Callable[[object], T | None],
        expected: str,
        stand_in: T,
    ) -> T | D:
        self._read.add(name)
        value = self._values.get(name)
        if value is None and not isinstance(default, _Required):
            return default
        try:
            found = None if value is None else read(value)
        except InvalidInput as error:
            self._notes.add(*error.problems)
            return stand_in
        if found is None:
            self._note(self._path(name), value, expected)
            return stand_in
        return found

    def _list(self, name: str, default: object, most: int = ROWS_MAX) -> list[object]:
        def read(value: object) -> list[object] | None:
            return value if isinstance(value, list) and len(value) <= most else None

        none: list[object] = []
        found = self._value(name, default, read, f"a list of at most {most:,}", none)
        return found if isinstance(found, list) else []

    def _day(self, value: object, where: str) -> date:
        if not isinstance(value, str):
            raise InvalidInput([Problem(where=where, got=shown(value), expected=_DAY_EXPECTED)])
        day = parse_date(value, where)
        self._notes.days.append(day)
        return day

    def _part(self, values: Mapping[str, object], where: str) -> Fields:
        part = Fields(values, where)
        self._notes.add(*part._notes.problems)
        part._notes, part._decimals = self._notes, self.decimals
        self._parts.append(part)
        return part

    def _path(self, name: str) -> str:
        plain = name if name.isprintable() else ascii(name)
        return f"{self.where}.{plain if len(plain) <= 60 else plain[:60] + '…'}"

    def _note(self, where: str, value: object, expected: str) -> None:
        self._notes.add(Problem(where=where, got=shown(value), expected=expected))

    def _note_doubled(self) -> None:
        if isinstance(self._values, Doubled):
            for name in self._values.names:
                where = self._path(name)
                self._notes.add(
                    Problem(where=where, got="the field more than once", expected="it once")
                )

    def _note_unread(self) -> None:
        for name in self._values:
            if name not in self._read:
                what = f"unknown field, {shown(self._values[name])}"
                self._notes.add(
                    Problem(where=self._path(name), got=what, expected="no such field here")
                )
        for part in self._parts:
            part._note_unread()


def _is_writable(text: str) -> bool:
    try:
        return 0 < len(text) <= 500 and bool(text.encode("utf-8"))
    except UnicodeEncodeError:
        return False


def _units(value: object, decimals: int) -> int | None:
    match = _MONEY.fullmatch(value) if isinstance(value, str) else None
    places = (match[3] or "") if match else ""
    if match is None or len(places) > decimals:
        return None
    units = int(match[2] + places.ljust(decimals, "0"))
    return -units if match[1] else units


def _rate(value: object) -> int | None:
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    rate = int(match[1] + (match[2] or "").ljust(6, "0"))
    return rate if rate <= _RATE_MAX_E8 else None
