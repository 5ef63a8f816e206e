"""Dates of the book: calendar arithmetic, the clock, and the Buddhist era at the edges only.

A business date, a value date and a recorded order are three different things (docs/architecture);
all dates are `datetime.date` in the common era. The wall clock is read in one function, `now`, so
that tests and the demo can stand in another day; nothing else may ask the time.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ledger.errors import InvalidInput

BANGKOK = ZoneInfo("Asia/Bangkok")
BUDDHIST_OFFSET = 543
_ISO_DATE = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", re.ASCII)
_EXPECTED = "a date YYYY-MM-DD in the common era, 1900 to 2399"

Clock = Callable[[], datetime]
"""A function that gives the present instant, always with a time zone."""


def now() -> datetime:
    """The present instant in UTC: the one place where the wall clock is read."""
    return datetime.now(UTC)


def parse_date(text: object, where: str = "date") -> date:
    """A date from ISO text. Raises `InvalidInput`; a Buddhist-era year is named as such."""
    if not isinstance(text, str) or not _ISO_DATE.match(text) or text.endswith("\n"):
        raise InvalidInput.one(where, text, _EXPECTED)
    year = int(text[:4])
    if 2400 <= year <= 2700:
        common = f"{year - BUDDHIST_OFFSET:04d}{text[4:]}"
        fix = f"{year} looks like the Buddhist era: did you mean {common}?"
        raise InvalidInput.one(where, text, _EXPECTED, fix)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput.one(where, text, _EXPECTED, "There is no such day.") from None
    if not 1900 <= year <= 2399:
        raise InvalidInput.one(where, text, _EXPECTED)
    return day


def thai_date(day: date) -> str:
    """A date for people in Thai: day/month/Buddhist year, e.g. 30/06/2569."""
    return f"{day.day:02d}/{day.month:02d}/{day.year + BUDDHIST_OFFSET}"


def days_in_year(year: int) -> int:
    """365 or 366."""
    return 366 if calendar.isleap(year) else 365


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def days(start: date, stop: date) -> Iterator[date]:
    """Each date of the half-open interval [start, stop)."""
    for offset in range((stop - start).days):
        yield start + timedelta(days=offset)
