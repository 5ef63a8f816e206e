"""What a person does with a suspended line: join it to its notices, or take a joined line apart.

Joining moves suspense, not the bank: debit suspense receipts, credit the contracts (one journal, a
transfer a notice). The sums must be equal; a difference, however well known, is refused here: it
needs a notice over the right amount or a manual journal.

Taking apart never edits. One unit reverses the journal that joined them, with its value date,
mirrored line by line; if that journal was the one that moved the bank's account, a second journal
puts the line's money in suspense at once, so that the bank's account is what the bank says all the
time. The notices go back to where they came from, the match stays as history, and the same pair is
never joined by itself again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import UUID

from ledger.db import Connection, Pool
from ledger.errors import CffError, InvalidInput, NotFound
from ledger.kinds import JournalKind as LedgerKind
from ledger.money import format_baht
from ledger.posting.collector import Collector, decide_and_post, read_and_post
from ledger.posting.ids import event_id, journal_id
from ledger.posting.values import (
    FIRST_SEQ,
    IdempotencyKey,
    Journal,
    Note,
    Operation,
    Outcome,
    RowWrite,
    Transfer,
    Unit,
)
from products.kinds import EventKind
from products.payments import lines, notices, postings
from products.payments.banks import SQL
from products.payments.desk import (
    MONEY_BACK,
    MONEY_MOVED,
    Desk,
    Named,
    Wanted,
    load_lines,
    load_named,
)
from products.payments.lines import BankLine, LineStatus
from products.payments.notice_services import Answer
from products.payments.notice_values import Notice, NoticeKind, NoticeStatus
from products.payments.settling import (
    BY_PERSON,
    is_awaited_deposit,
    is_awaited_payment,
    is_returnable,
    match_unit,
    suspended_note,
)


class CannotMatch(CffError):  # noqa: N818 - the name is what the clerk reads
    """The line and the notices do not belong together; the message says what differs."""

    code: ClassVar[str] = "cannot_match"


class AmountsDiffer(CannotMatch):
    """The notices do not add up to the line; the message names both sums and the difference."""

    code: ClassVar[str] = "amounts_differ"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMatch:
    """A row of `products.bank_match` that is not undone."""

    match_id: UUID
    notice_id: UUID
    amount_satang: int
    purpose: int
    journal_id: UUID


async def resolve(
    collector: Collector,
    pool: Pool,
    book_id: int,
    line_id: UUID,
    notice_ids: Sequence[UUID],
    *,
    actor: str,
    reason: str,
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
) -> Outcome:
    """Join a suspended line to one or several notices.

    Raises `NotFound`, `CannotMatch`, `AmountsDiffer`; `InvalidInput` without a reason. The judge
    may refuse (a frozen account): the line stays in suspense and may be tried again.
    """

    wanted = Wanted(line_id=line_id, notice_ids=tuple(dict.fromkeys(notice_ids)))

    def decide(named: Named) -> Unit:
        line = named.line(line_id)
        joined = [named.notice(notice_id) for notice_id in wanted.notice_ids]
        return decide_resolve(
            named.desk, line, joined, actor=actor, reason=reason, key=key, answer=answer
        )

    return await read_and_post(collector, pool, book_id, load_named, wanted, decide)


def decide_resolve(
    desk: Desk,
    line: BankLine,
    joined: Sequence[Notice],
    *,
    actor: str,
    reason: str,
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
) -> Unit:
    """The unit that joins a suspended line to notices. Pure; errors as `resolve`."""
    _require_reason(reason)
    if line.status is not LineStatus.SUSPENSE:
        raise CannotMatch(f"line {line.bank_reference} is {line.status.code}, not in suspense")
    if not joined:
        raise CannotMatch(f"line {line.bank_reference}: name at least one notice")
    purpose = _purpose(desk, line, joined)
    total = sum(notice.amount_satang for notice in joined)
    if total != line.amount_satang:
        raise AmountsDiffer(
            f"line {line.bank_reference} is {format_baht(line.amount_satang)} baht, the notices "
            f"are {format_baht(total)}: the difference of "
            f"{format_baht(line.amount_satang - total)} needs a notice over the right amount"
        )
    return match_unit(
        desk,
        line,
        joined,
        purpose,
        how=BY_PERSON,
        actor=actor,
        reason=reason,
        key=key,
        answer=answer,
    )


def _purpose(desk: Desk, line: BankLine, joined: Sequence[Notice]) -> int:
    """What joining means: money that moved or money that came back. Raises `CannotMatch`."""
    if line.is_credit and all(is_awaited_deposit(notice) for notice in joined):
        return MONEY_MOVED
    if not line.is_credit and all(is_awaited_payment(notice, desk) for notice in joined):
        return MONEY_MOVED
    if line.is_credit and all(is_returnable(notice, desk) for notice in joined):
        return MONEY_BACK
    standing = ", ".join(f"{n.kind.code} {n.reference} is {n.status.code}" for n in joined)
    expected = (
        "deposits that are received, or withdrawals that are paid or posted and came back"
        if line.is_credit
        else "withdrawals that are paid"
    )
    side = "credit" if line.is_credit else "debit"
    raise CannotMatch(f"the {side} {line.bank_reference} goes with {expected}; {standing}")


async def unmatch(
    collector: Collector,
    pool: Pool,
    book_id: int,
    line_id: UUID,
    *,
    actor: str,
    reason: str,
    may_exceed_limit: bool = False,
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
) -> Outcome:
    """Take a joined line apart by reversal; the line waits in suspense again.

    may_exceed_limit: for who has the right to force: the member may have spent the money already.
    Raises `NotFound`, `CannotMatch`, `InvalidInput` without a reason.
    """

    async def decide(connection: Connection) -> Unit:
        rows = await connection.fetch(SQL["matches_of"], book_id, line_id)
        matches = [LiveMatch(**dict(row)) for row in rows]
        desk = await load_lines(connection, book_id, [line_id], [m.notice_id for m in matches])
        if not desk.lines:
            raise NotFound("bank line", line_id)
        if not matches:
            line = desk.lines[0]
            raise CannotMatch(f"line {line.bank_reference} is {line.status.code}, not matched")
        moved = await connection.fetch(SQL["journal_transfers"], book_id, matches[0].journal_id)
        transfers = tuple(
            Transfer(
                debit=row["credit_account"],
                credit=row["debit_account"],
                amount_satang=row["amount_satang"],
            )
            for row in moved
        )
        unit = decide_unmatch(
            desk,
            desk.lines[0],
            matches,
            transfers,
            actor=actor,
            reason=reason,
            may_exceed_limit=may_exceed_limit,
        )
        return replace(unit, key=key, answer=answer)

    return await decide_and_post(collector, pool, book_id, decide)


def decide_unmatch(
    desk: Desk,
    line: BankLine,
    matches: Sequence[LiveMatch],
    mirrored: tuple[Transfer, ...],
    *,
    actor: str,
    reason: str,
    may_exceed_limit: bool,
) -> Unit:
    """The unit that takes a line and its notices apart. `mirrored`: the joining journal, turned."""
    _require_reason(reason)
    joining = matches[0].journal_id
    first = desk.journal_id(line)
    reversal = Journal(
        journal_id=first,
        kind=LedgerKind.REVERSAL,
        transfers=mirrored,
        reference=line.bank_reference[:140],
        narrative=reason[:140],
        reverses=joining,
        may_exceed_limit=may_exceed_limit,
    )
    operations: list[Operation] = [reversal]
    posted_journal = line.posted_journal
    if joining == line.posted_journal:
        # The joining journal had moved the bank's account itself: suspense takes its place.
        posted_journal = journal_id(event_id(desk.event(line), "suspense"), desk.attempt(line))
        operations.append(
            postings.line_unexplained(
                line,
                bank_account=desk.bank_account(line),
                accounts=desk.accounts,
                journal_id=posted_journal,
                value_date=desk.value_date(line),
            )
        )
    operations += [*_parted(desk, line, matches), suspended_note(line)]
    parted = [desk.notices[match.notice_id] for match in matches]
    arguments = (
        desk.book_id,
        line.line_id,
        line.version,
        posted_journal,
        FIRST_SEQ,
        [notice.notice_id for notice in parted],
        [notice.version for notice in parted],
        [int(_status_before(desk, match)) for match in matches],
        actor,
    )
    return Unit(
        operations=tuple(operations),
        actor=actor,
        reason=reason,
        event_id=desk.event(line),
        reads=(lines.row_read(line), *(notices.row_read(notice) for notice in parted)),
        writes=(RowWrite(statement=SQL["unmatch_line"], arguments=arguments),),
    )


def _parted(desk: Desk, line: BankLine, matches: Sequence[LiveMatch]) -> list[Note]:
    return [
        notices.moved(
            desk.notices[match.notice_id],
            _status_before(desk, match),
            EventKind.NOTICE_UNMATCHED,
            line_id=line.line_id,
            journal_id=match.journal_id,
        )
        for match in matches
    ]


def _status_before(desk: Desk, match: LiveMatch) -> NoticeStatus:
    """Where a notice goes back to when its line is taken away."""
    notice = desk.notices[match.notice_id]
    if notice.kind is NoticeKind.DEPOSIT:
        return NoticeStatus.RECEIVED
    if match.purpose == MONEY_BACK:
        settled = notice.notice_id in desk.settled
        return NoticeStatus.POSTED if settled else NoticeStatus.PAID
    came_back = notice.status is NoticeStatus.RETURNED
    return NoticeStatus.RETURNED if came_back else NoticeStatus.PAID


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput.one("reason", reason, "a reason in words; it is kept for the auditor")
