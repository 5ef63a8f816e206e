"""Loan requests as people look at them: a page with filters, and the history of one.

A page goes by the number under which a request was drafted, so it never repeats or skips. The
history is the steps with the instant of their batch and the facts of their notes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from ledger.db import Connection
from products.loans.request_reads import SQL, request_of, step_of
from products.loans.request_values import LoanRequest, RequestState, Step

PAGE_MAX = 1000
"""Requests on one page at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters of a page, joined by "and"; None = any.

    drafted_until: only those drafted on this day or before.
    """

    state: RequestState | None = None
    party_id: int | None = None
    loan_kind: str | None = None
    drafted_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A step, when its batch was recorded, and what its note says beside it."""

    step: Step
    recorded_at: datetime
    facts: dict[str, object]


async def page(
    connection: Connection,
    book_id: int,
    wanted: Wanted,
    *,
    after_seq: int = 0,
    limit: int = 100,
) -> list[LoanRequest]:
    """Requests in the order of drafting, those after `after_seq`; at most `limit`.

    The next page begins after the last one's `drafted_seq`; a page shorter than `limit` is the
    last.
    """
    conditions: list[str] = []
    arguments: list[object] = [book_id, after_seq, max(1, min(limit, PAGE_MAX))]
    filters: tuple[tuple[str, object], ...] = (
        ("r.state =", wanted.state),
        ("r.party_id =", wanted.party_id),
        ("r.loan_kind =", wanted.loan_kind),
        ("r.drafted_on <=", wanted.drafted_until),
    )
    for condition, value in filters:
        if value is not None:
            arguments.append(value)
            conditions.append(f"AND {condition} ${len(arguments)}")
    query = SQL["page"].replace("/* filters */", " ".join(conditions))
    return [request_of(row) for row in await connection.fetch(query, *arguments)]


def drafted_until(business_date: date, at_least_days: int | None) -> date | None:
    """The last day of drafting of requests that are so many calendar days old; None for None."""
    return None if at_least_days is None else business_date - timedelta(days=at_least_days)


async def history(connection: Connection, book_id: int, request_id: UUID) -> list[Told]:
    """Every step of a request in order; [] for an id that is no request."""
    rows = [dict(row) for row in await connection.fetch(SQL["history"], book_id, request_id)]
    return [
        Told(
            recorded_at=row.pop("recorded_at"), facts=json.loads(row.pop("body")), step=step_of(row)
        )
        for row in rows
    ]
