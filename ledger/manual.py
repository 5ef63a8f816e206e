"""Manual journals: made by one person, posted by another, exactly as they were made.

A proposal is a row and a numbered note that seals its body in the chain; it moves nothing. The
second person posts the stored body, byte for byte, under the journal's own id, or rejects it with
a reason. Whoever made it can do neither. A journal that the judge refuses for good burns its id:
the proposal stays waiting, is rejected, and is made anew under another id.

A proposal may be *dated*: an adjustment on an earlier business date of an open month, or an audit
adjustment in a fiscal year's late period. It is then posted as a batch of its own on that date
(`ledger.periods.adjusting`), never with the doors' batches of the day.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import asyncpg

from ledger.corrections import mirror, with_its_reason
from ledger.db import Connection, statements
from ledger.errors import CffError, Forbidden, InvalidInput, NotFound
from ledger.kinds import EventKind, JournalKind
from ledger.posting.read import SQL as POSTING_SQL
from ledger.posting.read import journals_of
from ledger.posting.records import JournalRecord, canonical_json
from ledger.posting.values import (
    Journal,
    Note,
    Period,
    RowRead,
    RowTable,
    RowWrite,
    Transfer,
    Unit,
)

SQL = statements(Path(__file__).parent / "sql" / "manual.sql")

TABLE = RowTable(name="ledger.manual_journal", select=SQL["lock"])
"""How proposals are locked when a unit is decided on them."""

BEFORE_ALL = datetime(1900, 1, 1, tzinfo=UTC), UUID(int=0)
"""Where the first page of proposals begins after."""


class ManualState(enum.IntEnum):
    """A proposal waits until exactly one of the other two happens to it."""

    WAITING = 1
    POSTED = 2
    REJECTED = 3

    @property
    def code(self) -> str:
        """The word on the wire, such as "waiting"."""
        return self.name.lower()


class NotWaiting(CffError):  # noqa: N818 - the name is what the clerk reads
    """The proposal has been decided already."""

    code: ClassVar[str] = "wrong_status"


class NotOurs(CffError):  # noqa: N818
    """The journal was made by a product and is undone there, not by hand."""

    code: ClassVar[str] = "journal_belongs_to_product"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dating:
    """The business date that a proposal is to be posted on.

    business_date: None = the current one when it is approved.
    period:        `LATE` = in the late period of the fiscal year that ends on the date.
    """

    business_date: date | None = None
    period: Period = Period.ORDINARY


TODAY = Dating()
"""An ordinary proposal: posted on the current business date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualJournal:
    """A row of `ledger.manual_journal`; `journal` is what will be posted, nothing else.

    dating: on which business date. reason: why it was made, then why it was decided so, if that
    was said.
    """

    journal: Journal
    version: int
    state: ManualState
    made_by: str
    made_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str
    dating: Dating = TODAY

    @property
    def journal_id(self) -> UUID:
        """The id that it is posted under."""
        return self.journal.journal_id


def propose(
    book_id: int,
    journal: Journal,
    *,
    maker: str,
    at: datetime,
    reason: str,
    dating: Dating = TODAY,
) -> Unit:
    """The unit that records a proposal. `reason` says why, for the checker and the auditor."""
    body = _body_of(journal, dating)
    note = Note(
        kind=EventKind.MANUAL_JOURNAL_MADE,
        subject=journal.journal_id,
        amount_satang=sum(transfer.amount_satang for transfer in journal.transfers),
        body=body,
    )
    arguments = (book_id, journal.journal_id, canonical_json(body), maker, at, reason)
    write = RowWrite(statement=SQL["insert"], arguments=arguments)
    return Unit(operations=(note,), actor=maker, reason=reason, writes=(write,))


def approval(
    book_id: int, proposal: ManualJournal, *, checker: str, at: datetime, reason: str = ""
) -> Unit:
    """The unit that posts a proposal as it was read; it is stale if that has been decided since.

    Raises `NotWaiting`, `Forbidden` (maker).
    """
    _require_second_person(proposal, checker, "approve")
    decided = _decide(book_id, proposal, ManualState.POSTED, checker, at, reason)
    forced = proposal.journal.forced
    return Unit(
        operations=with_its_reason(
            proposal.journal, made_by=proposal.made_by, reason=proposal.reason
        ),
        actor=checker,
        # What sets limits aside says why, also when the second person has nothing to add.
        reason=reason or (proposal.reason if forced else ""),
        reads=(_read_of(proposal),),
        writes=(decided,),
    )


def rejection(
    book_id: int, proposal: ManualJournal, *, checker: str, at: datetime, reason: str
) -> Unit:
    """The unit that rejects a proposal as it was read; it is stale if that was decided since.

    Raises `NotWaiting`, `Forbidden` (maker), `InvalidInput` unreasoned.
    """
    if not reason.strip():
        raise InvalidInput.one("reason", reason, "why the proposal is rejected")
    _require_second_person(proposal, checker, "reject")
    note = Note(
        kind=EventKind.MANUAL_JOURNAL_REJECTED,
        subject=proposal.journal_id,
        body={"from": "waiting", "to": "rejected"},
    )
    return Unit(
        operations=(note,),
        actor=checker,
        reason=reason,
        reads=(_read_of(proposal),),
        writes=(_decide(book_id, proposal, ManualState.REJECTED, checker, at, reason),),
    )


def reversal_of(
    record: JournalRecord,
    journal_id: UUID,
    *,
    narrative: str = "",
    forced: bool = False,
    value_date: date | None = None,
) -> Journal:
    """The journal that mirrors a recorded one, with its value date or another; forced by right.

    Raises `NotOurs` for a journal of a product: a match is un-matched, a payment comes back, and
    the product's own rows change with it; and for the closing of a year, which is opened again.
    """
    if record.kind == JournalKind.YEAR_CLOSE:
        raise NotOurs(
            f"journal {record.journal_id} closes a fiscal year: open the year again instead"
        )
    if record.kind not in list(JournalKind):
        raise NotOurs(
            f"journal {record.journal_id} was made by a product: undo it where it was made "
            "(un-match the bank line, reject the notice)"
        )
    return mirror(record, journal_id, narrative=narrative, forced=forced, value_date=value_date)


async def find(connection: Connection, book_id: int, journal_id: UUID) -> ManualJournal | None:
    """The proposal with this id, if there is one."""
    return (await find_all(connection, book_id, [journal_id])).get(journal_id)


async def find_all(
    connection: Connection, book_id: int, journal_ids: Sequence[UUID]
) -> dict[UUID, ManualJournal]:
    """The proposals with these ids; one that there is not is simply absent."""
    rows = await connection.fetch(SQL["get"], book_id, journal_ids)
    return {row["journal_id"]: _manual(row) for row in rows}


async def get(connection: Connection, book_id: int, journal_id: UUID) -> ManualJournal:
    """The proposal with this id. Raises `NotFound`."""
    return named(await find_all(connection, book_id, [journal_id]), journal_id)


def named(found: Mapping[UUID, ManualJournal], journal_id: UUID) -> ManualJournal:
    """The proposal with this id among those that were found. Raises `NotFound`."""
    if journal_id not in found:
        raise NotFound("proposal of a journal", journal_id)
    return found[journal_id]


async def page(
    connection: Connection,
    book_id: int,
    *,
    after: tuple[datetime, UUID] = BEFORE_ALL,
    limit: int = 100,
    state: ManualState | None = None,
) -> list[ManualJournal]:
    """Proposals in the order in which they were made, those after (made_at, id) `after`."""
    rows = await connection.fetch(SQL["page"], book_id, *after, state, limit)
    return [_manual(row) for row in rows]


async def recorded_journal(
    connection: Connection, book_id: int, journal_id: UUID
) -> JournalRecord | None:
    """The journal as it was posted, whoever made it; None when there is none with this id."""
    rows = await connection.fetch(POSTING_SQL["recorded_journals"], book_id, [journal_id])
    return journals_of(rows).get(journal_id)


async def account_codes(
    connection: Connection, book_id: int, journals: Iterable[Journal | JournalRecord]
) -> dict[int, str]:
    """The codes of every account that these journals touch, in one query."""
    numbers = {number for journal in journals for number in accounts_of(journal)}
    rows = await connection.fetch(SQL["account_codes"], book_id, sorted(numbers))
    return {row["account_id"]: row["code"] for row in rows}


def accounts_of(journal: Journal | JournalRecord) -> set[int]:
    """The accounts that a journal touches."""
    return {number for t in journal.transfers for number in (t.debit, t.credit)}


def same_proposal(known: ManualJournal, journal: Journal, dating: Dating = TODAY) -> bool:
    """True when a proposal would post just this, on just this date."""
    body = _body_of(known.journal, known.dating)
    return canonical_json(body) == canonical_json(_body_of(journal, dating))


def _require_second_person(proposal: ManualJournal, checker: str, verb: str) -> None:
    if proposal.state is not ManualState.WAITING:
        raise NotWaiting(
            f"proposal {proposal.journal_id} is {proposal.state.code} (by {proposal.decided_by}): "
            f"only one that is waiting can be decided"
        )
    if checker == proposal.made_by:
        raise Forbidden(
            f"proposal {proposal.journal_id} was made by {proposal.made_by}: "
            f"another person must {verb} it"
        )


def _read_of(proposal: ManualJournal) -> RowRead:
    return RowRead(table=TABLE, row_id=proposal.journal_id, version=proposal.version)


def _decide(
    book_id: int,
    proposal: ManualJournal,
    state: ManualState,
    checker: str,
    at: datetime,
    reason: str,
) -> RowWrite:
    said = f"{proposal.reason} / {reason}" if reason else ""
    arguments = (book_id, proposal.journal_id, proposal.version, int(state), checker, at, said)
    return RowWrite(statement=SQL["decide"], arguments=arguments, together=True)


def _body_of(journal: Journal, dating: Dating) -> dict[str, object]:
    on = dating.business_date
    return {
        "kind": int(journal.kind),
        "transfers": [
            {"debit": t.debit, "credit": t.credit, "amount_satang": t.amount_satang}
            for t in journal.transfers
        ],
        "value_date": None if journal.value_date is None else journal.value_date.isoformat(),
        "reference": journal.reference,
        "narrative": journal.narrative,
        "reverses": None if journal.reverses is None else str(journal.reverses),
        "adjusts": None if journal.adjusts is None else str(journal.adjusts),
        "forced": journal.forced,
        "business_date": None if on is None else on.isoformat(),
        "period": int(dating.period),
    }


def _manual(row: asyncpg.Record) -> ManualJournal:
    # Proposals made before there were dated ones say nothing of these.
    since_then = {"adjusts": None, "forced": False, "business_date": None, "period": 0}
    body = since_then | json.loads(row["body"])
    return ManualJournal(
        journal=Journal(
            journal_id=row["journal_id"],
            kind=JournalKind(body["kind"]),
            transfers=tuple(Transfer(**transfer) for transfer in body["transfers"]),
            value_date=_date(body["value_date"]),
            reference=body["reference"],
            narrative=body["narrative"],
            reverses=_uuid(body["reverses"]),
            adjusts=_uuid(body["adjusts"]),
            forced=body["forced"],
        ),
        dating=Dating(business_date=_date(body["business_date"]), period=Period(body["period"])),
        version=row["version"],
        state=ManualState(row["state"]),
        made_by=row["made_by"],
        made_at=row["made_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        reason=row["reason"],
    )


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
