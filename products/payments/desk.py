"""The desk: everything that lies open between the bank's lines and the members' notices.

Read at one go and never changed: the open lines (new ones and suspended ones), the notices that
they might be about, and what earlier attempts taught: pairs that a person took apart, refusals of
the judge. `settling` and `resolving` decide on it.

A line's event carries its version, so each step of its life has ids of its own; the attempt within
a step is counted on the remembered refusals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import asyncpg

from ledger.books import read_head
from ledger.db import Connection, meanwhile
from ledger.errors import NotFound
from ledger.posting.columns import literal_of_ids
from ledger.posting.ids import event_id, journal_id
from products.payments.bank_statement import LineKind
from products.payments.banks import (
    SQL,
    BankAccount,
    PaymentAccounts,
    bank_accounts,
    payment_accounts,
    standing,
)
from products.payments.lines import COLUMNS as LINE_COLUMNS
from products.payments.lines import BankLine, line_of
from products.payments.matching import references_of
from products.payments.notice_reads import COLUMNS as NOTICE_COLUMNS
from products.payments.notice_reads import load, notice_of
from products.payments.notice_values import Notice
from products.payments.postings import source_of, value_date_of

MONEY_MOVED, MONEY_BACK = 1, 2
"""What a match says: the notice's money came or went; a payment made on it came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What lies open, and what is needed to post it.

    settled:  withdrawals whose payment the bank has debited.
    returned: withdrawals whose payment has come back.
    refused:  for a line and the version it had then, the codes of its refusals, oldest first.
    undone:   (line, notice) that a person took apart.
    events:   steps that are known already, by line and version.
    """

    book_id: int
    business_date: date
    value_date_floor: date
    accounts: PaymentAccounts
    banks: dict[str, BankAccount]
    lines: tuple[BankLine, ...]
    notices: dict[UUID, Notice]
    settled: frozenset[UUID]
    returned: frozenset[UUID]
    refused: dict[tuple[UUID, int], tuple[str, ...]]
    undone: frozenset[tuple[UUID, UUID]]
    events: dict[tuple[UUID, int], UUID] = field(default_factory=dict)

    def bank_account(self, line: BankLine) -> int:
        """The account of the book that mirrors the line's bank account."""
        return self.banks[line.bank_code].account_id

    def source(self, line: BankLine) -> int:
        """The account on which the line's money stands now."""
        return source_of(line, self.bank_account(line), self.accounts)

    def value_date(self, line: BankLine) -> date:
        """The value date that the book gives the line."""
        return value_date_of(line, self.business_date, self.value_date_floor)

    def event(self, line: BankLine) -> UUID:
        """The line's present step."""
        known = self.events.get((line.line_id, line.version))
        return known or line_event(self.book_id, line.line_id, line.version)

    def journal_id(self, line: BankLine) -> UUID:
        """The id of the journal that takes the line its next step."""
        return journal_id(self.event(line), self.attempt(line))

    def attempt(self, line: BankLine) -> int:
        """1 + the remembered refusals of the line's present step."""
        return 1 + len(self.refused.get((line.line_id, line.version), ()))

    def refusal_of(self, line: BankLine) -> str:
        """Code of the newest refusal in the line's life, "" if there was none."""
        for version in range(line.version, 0, -1):
            codes = self.refused.get((line.line_id, version), ())
            if codes:
                return codes[-1]
        return ""


def line_event(book_id: int, line_id: UUID, version: int) -> UUID:
    """The event of a step in a line's life, by the version that the step begins from."""
    return event_id(book_id, "bank_line", line_id, version)


async def load_desk(connection: Connection, book_id: int, bank_code: str | None = None) -> Desk:
    """The desk of a bank, or of all banks."""
    rows = await connection.fetch(SQL["open_lines"], book_id, bank_code)
    return await _desk_of(connection, book_id, [line_of(row) for row in rows], ())


async def load_lines(
    connection: Connection, book_id: int, line_ids: Sequence[UUID], notice_ids: Sequence[UUID]
) -> Desk:
    """A desk with just these lines, in whatever state, and these notices besides the candidates."""
    rows = await connection.fetch(SQL["lines"], book_id, list(line_ids))
    return await _desk_of(connection, book_id, [line_of(row) for row in rows], notice_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A line and the notices that a person names for it."""

    line_id: UUID
    notice_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A desk with what several people have named, and nothing besides; lines by id."""

    desk: Desk
    lines: dict[UUID, BankLine]

    def line(self, line_id: UUID) -> BankLine:
        """A line that was named. Raises `NotFound`."""
        if line_id not in self.lines:
            raise NotFound("bank line", line_id)
        return self.lines[line_id]

    def notice(self, notice_id: UUID) -> Notice:
        """A notice that was named. Raises `NotFound`."""
        if notice_id not in self.desk.notices:
            raise NotFound("notice", notice_id)
        return self.desk.notices[notice_id]


async def load_named(connection: Connection, book_id: int, wanted: Sequence[Wanted]) -> Named:
    """A desk with just the lines and notices that are named: what joining them is decided on.

    Nothing is looked for, so neither candidates nor pairs taken apart are on it; of refusals, those
    of each line's present step. Two round trips, for one line as for hundreds.
    """
    # A line for which no notice is named is looked for all the same: no notice has the id 0.
    pairs = [(each.line_id, notice) for each in wanted for notice in each.notice_ids or (_NONE,)]
    asked = [literal_of_ids(ids) for ids in zip(*pairs, strict=True)]
    rows = await connection.fetch(SQL["named"], book_id, *asked)
    events = {
        (row[0], row[_VERSION]): line_event(book_id, row[0], row[_VERSION])
        for row in rows
        if row[0] is not None
    }
    stands, (lines, notices) = await meanwhile(
        standing(connection, book_id, list(events.values())), lambda: _lines_and_notices(rows)
    )
    withdrawals = [row for row in rows if row[_PURPOSES]]
    desk = Desk(
        book_id=book_id,
        business_date=stands.business_date,
        value_date_floor=stands.value_date_floor,
        accounts=stands.accounts,
        banks=stands.banks,
        lines=tuple(lines.values()),
        notices=notices,
        settled=frozenset(row[_NOTICE] for row in withdrawals if MONEY_MOVED in row[_PURPOSES]),
        returned=frozenset(row[_NOTICE] for row in withdrawals if MONEY_BACK in row[_PURPOSES]),
        refused=_by_step(events, stands.refused),
        undone=frozenset(),
        events=events,
    )
    return Named(desk=desk, lines=lines)


_NONE = UUID(int=0)
_VERSION = LINE_COLUMNS.index("version")
_NOTICE = len(LINE_COLUMNS)
_PURPOSES = _NOTICE + len(NOTICE_COLUMNS)
"""Places in a row of the statement `named`: a line's columns, a notice's, what its money did."""


def _lines_and_notices(
    rows: Sequence[asyncpg.Record],
) -> tuple[dict[UUID, BankLine], dict[UUID, Notice]]:
    """What was found, by id; a line or notice may stand in several rows."""
    lines: dict[UUID, BankLine] = {}
    notices: dict[UUID, Notice] = {}
    for row in rows:
        line_id, notice_id = row[0], row[_NOTICE]
        if line_id is not None and line_id not in lines:
            lines[line_id] = line_of(row[:_NOTICE])
        if notice_id is not None and notice_id not in notices:
            notices[notice_id] = notice_of(row[_NOTICE:_PURPOSES])
    return lines, notices


async def _desk_of(
    connection: Connection, book_id: int, lines: list[BankLine], notice_ids: Sequence[UUID]
) -> Desk:
    head = await read_head(connection, book_id)
    ids = [line.line_id for line in lines]
    found = await connection.fetch(
        SQL["candidates"],
        book_id,
        [line.bank_code for line in lines],
        [line.amount_satang for line in lines],
        sorted({reference for line in lines for reference in line_references(line)}),
        list(notice_ids),
    )
    undone = await connection.fetch(SQL["undone_pairs"], book_id, ids)
    events = {
        (line.line_id, version): line_event(book_id, line.line_id, version)
        for line in lines
        for version in range(1, line.version + 1)
    }
    return Desk(
        book_id=book_id,
        business_date=head.business_date,
        value_date_floor=head.value_date_floor,
        accounts=await payment_accounts(connection, book_id),
        banks=await bank_accounts(connection, book_id),
        lines=tuple(lines),
        notices=await load(connection, book_id, [row["notice_id"] for row in found]),
        settled=frozenset(row["notice_id"] for row in found if row["settled"]),
        returned=frozenset(row["notice_id"] for row in found if row["returned"]),
        refused=await _refused(connection, book_id, events),
        undone=frozenset((row["line_id"], row["notice_id"]) for row in undone),
        events=events,
    )


async def _refused(
    connection: Connection, book_id: int, events: dict[tuple[UUID, int], UUID]
) -> dict[tuple[UUID, int], tuple[str, ...]]:
    rows = await connection.fetch(SQL["refused_events"], book_id, list(events.values()))
    return _by_step(events, ((row["event_id"], row["code"]) for row in rows))


def _by_step(
    events: dict[tuple[UUID, int], UUID], refused: Iterable[tuple[UUID, str]]
) -> dict[tuple[UUID, int], tuple[str, ...]]:
    """The codes of each step's refusals, oldest first."""
    codes: dict[tuple[UUID, int], tuple[str, ...]] = {}
    if refused:
        steps = {event: step for step, event in events.items()}
        for event, code in refused:
            codes[steps[event]] = (*codes.get(steps[event], ()), code)
    return codes


def line_references(line: BankLine) -> tuple[str, ...]:
    """The references by which a line's notices are looked for."""
    if line.kind is LineKind.RETURN:
        return references_of(line.original_reference)
    return references_of(line.reference, line.remittance)
