"""How a reader names a date and a moment of knowledge: `on`, `axis`, `known_at`, `through`.

A date alone is no answer in a ledger that takes back-dated postings: `axis` says which of the two
dates is meant, `known_at` up to which number the book is read. Whatever a reader leaves out means
now, and the answer always says what was taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal

from fastapi import Query

from api.v1.fields import CalendarDate
from ledger import asof
from ledger.asof import Pin
from ledger.db import Connection
from ledger.errors import InvalidInput
from ledger.posting.values import Period

AxisName = Literal["business", "value"]
PeriodName = Literal["ordinary", "late", "year_close"]

On = Annotated[
    CalendarDate | None,
    Query(description="The close of this day; the current business date by default."),
]
OnAxis = Annotated[
    AxisName,
    Query(description="Which date counts: `business` for accounting, `value` for interest."),
]
KnownAt = Annotated[
    int | None,
    Query(
        ge=0,
        le=10**18,
        description="As known at this `recorded_seq`; everything recorded by default.",
    ),
]
Through = Annotated[
    PeriodName,
    Query(
        description="Of the day itself: ordinary postings only, with the audit adjustments of the "
        "late period, or with the closing journal of the fiscal year too."
    ),
]

PERIODS: dict[PeriodName, Period] = {
    "ordinary": Period.ORDINARY,
    "late": Period.LATE,
    "year_close": Period.YEAR_CLOSE,
}
PERIOD_NAMES: dict[Period, PeriodName] = {period: name for name, period in PERIODS.items()}


@contextmanager
def named_in_query() -> Iterator[None]:
    """Problems with a parameter of a read, named as its author would point at them."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(
            [replace(problem, where=f"query/{problem.where}") for problem in error.problems]
        ) from None


async def pinned(connection: Connection, book_id: int, known_at: int | None) -> Pin:
    """The moment that a reader asked for. Raises `InvalidInput` for a number not given out yet."""
    with named_in_query():
        return await asof.pin(connection, book_id, known_at)


def day_of(on: date | None, at: Pin) -> date:
    """The day that a reader asked for: no later than the business date, which is the default."""
    day = on or at.business_date
    if day > at.business_date:
        expected = f"a day up to the business date {at.business_date}"
        raise InvalidInput.one("query/on", day.isoformat(), expected)
    return day
