"""Suspense: what waits for an explanation, how long it has waited, and what people are asked.

Age is counted in calendar days of the book, from the business date on which the line was put in
suspense; one that was joined and taken apart counts from the taking apart. The sums are those of
the suspense accounts (a test holds that they are equal).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ledger.db import Connection
from products.payments.banks import SQL

BUCKETS: tuple[tuple[str, int | None], ...] = (
    ("0-1", 1),
    ("2-3", 3),
    ("4-7", 7),
    ("8-30", 30),
    (">30", None),
)
"""Ages in days and the last day of each; None = no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendedLine:
    """A line in suspense. posted_on: the business date since which it waits (this time)."""

    line_id: UUID
    bank_code: str
    bank_reference: str
    is_credit: bool
    amount_satang: int
    value_date: date
    posted_on: date
    reference: str
    counterparty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBucket:
    """Count and sum in satang of the lines of one age: money that came, money that went."""

    days: str
    receipts: int
    receipts_satang: int
    payments: int
    payments_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A line and a notice that may belong together; `reason` is one of `matching.REASONS` or the
    code of a refusal.
    """

    line_id: UUID
    notice_id: UUID
    reason: str
    bank_code: str
    bank_reference: str
    value_date: date
    line_satang: int
    notice_satang: int
    reference: str
    line_reference: str
    contract_no: str


async def suspended_lines(connection: Connection, book_id: int) -> list[SuspendedLine]:
    """Everything in suspense now, the oldest first."""
    rows = await connection.fetch(SQL["suspended_lines"], book_id)
    return [SuspendedLine(**dict(row)) for row in rows]


async def questions(
    connection: Connection, book_id: int, line_id: UUID | None = None
) -> list[Question]:
    """The proposals that wait for a person, of one line or of all."""
    rows = await connection.fetch(SQL["proposals"], book_id, line_id)
    return [Question(**dict(row)) for row in rows]


async def age_list(connection: Connection, book_id: int, on: date) -> list[AgeBucket]:
    """Suspense by age on a business date: every bucket, also the empty ones."""
    return ages(await suspended_lines(connection, book_id), on)


def ages(lines: list[SuspendedLine], on: date) -> list[AgeBucket]:
    """The buckets of `lines` as of `on`; lines posted after it are left out. Pure."""
    found = []
    start = 0
    for name, last in BUCKETS:
        inside = [
            line
            for line in lines
            if start <= (on - line.posted_on).days and (last is None or _age(line, on) <= last)
        ]
        came = [line.amount_satang for line in inside if line.is_credit]
        went = [line.amount_satang for line in inside if not line.is_credit]
        found.append(
            AgeBucket(
                days=name,
                receipts=len(came),
                receipts_satang=sum(came),
                payments=len(went),
                payments_satang=sum(went),
            )
        )
        start = 0 if last is None else last + 1
    return found


def _age(line: SuspendedLine, on: date) -> int:
    return (on - line.posted_on).days
