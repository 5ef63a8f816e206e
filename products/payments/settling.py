"""Settling: every open line is posted, and whatever belongs together without doubt is joined.

`plan` is pure: the desk in, one unit a line out. A new line is matched, taken as a fee, or goes to
suspense; a suspended line is matched when its notice has come at last. What the judge refuses to
credit (a frozen, a closed account) goes to suspense with the refusal's code as the reason, and is
then a person's.

`settle` goes in rounds: plan on what is there, submit everything, look again, until nothing is
left to do. A unit that was decided on something that has changed is simply planned anew in the next
round; a killed run begins with what is still open, under the same ids.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ledger.db import Pool, transaction
from ledger.errors import Overloaded
from ledger.posting.collector import Collector
from ledger.posting.ids import event_id, journal_id
from ledger.posting.values import (
    FIRST_SEQ,
    IdempotencyKey,
    Note,
    Operation,
    RowWrite,
    Status,
    Unit,
)
from products.kinds import EventKind, JournalKind
from products.payments import lines, matching, notices, postings
from products.payments.bank_statement import LineKind
from products.payments.banks import SQL
from products.payments.desk import (
    MONEY_BACK,
    MONEY_MOVED,
    Desk,
    line_references,
    load_desk,
)
from products.payments.lines import BankLine, LineStatus
from products.payments.matching import OpenLine, OpenNotice, Proposal
from products.payments.notice_services import Answer
from products.payments.notice_values import Notice, NoticeKind, NoticeStatus

ACTOR = "system:matching"
ROUNDS_MAX = 20
_TOGETHER = 1000

AUTOMATIC, BY_PERSON = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line's next step. action: "matched", "returned", "fee" or "suspended"."""

    line: BankLine
    action: str
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to post now, and what to ask people about the lines that stay in suspense."""

    steps: tuple[Step, ...]
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What settling did.

    counts:    lines by action: matched, returned, fee, suspended, resolved (out of suspense).
    proposals: rows that now wait for a person.
    stuck:     lines that could not even be put in suspense, with the code; nothing of them is lost.
    """

    counts: dict[str, int] = field(default_factory=dict)
    proposals: int = 0
    stuck: dict[UUID, str] = field(default_factory=dict)


async def settle(
    pool: Pool, collector: Collector, book_id: int, *, bank_code: str | None = None
) -> Settled:
    """Post every new line and join what is unique both ways, of one bank or of all."""
    counts: Counter[str] = Counter()
    stuck: dict[UUID, str] = {}
    for _ in range(ROUNDS_MAX):
        async with pool.acquire() as connection:
            desk = await load_desk(connection, book_id, bank_code)
        planned = plan(desk)
        steps = [step for step in planned.steps if step.line.line_id not in stuck]
        if not steps:
            written = await _write_proposals(pool, desk, planned.proposals)
            return Settled(counts=dict(counts), proposals=written, stuck=stuck)
        for first in range(0, len(steps), _TOGETHER):
            await _submit(collector, book_id, steps[first : first + _TOGETHER], counts, stuck)
    raise Overloaded(f"lines of book {book_id} changed in {ROUNDS_MAX} rounds on end; try again")


async def rematch(pool: Pool, collector: Collector, book_id: int) -> Settled:
    """Notices have come: look at the suspended lines of all banks again."""
    return await settle(pool, collector, book_id)


async def _submit(
    collector: Collector,
    book_id: int,
    steps: Sequence[Step],
    counts: Counter[str],
    stuck: dict[UUID, str],
) -> None:
    outcomes = await asyncio.gather(*(collector.submit(book_id, step.unit) for step in steps))
    for step, outcome in zip(steps, outcomes, strict=True):
        if outcome.status is Status.ACCEPTED:
            late = step.action == "matched" and step.line.status is LineStatus.SUSPENSE
            counts["resolved" if late else step.action] += 1
        elif outcome.refusal is not None:
            # A match that is refused goes to suspense in the next round; what else is refused
            # would be refused again.
            to_suspense = step.action in ("matched", "returned") and outcome.refusal.sticky
            if not to_suspense:
                stuck[step.line.line_id] = outcome.refusal.code


def plan(desk: Desk) -> Plan:
    """Decide on everything that lies open. Pure."""
    steps: list[Step] = []
    proposals: list[Proposal] = []
    matched: set[UUID] = set()
    by_id = {line.line_id: line for line in desk.lines}
    for lane in _lanes(desk):
        found = matching.propose(
            lane.lines, lane.notices, window_days=lane.window_days, pairs_barred=desk.undone
        )
        proposals += found.proposals
        for match in found.automatic:
            line = by_id[match.line_id]
            joined = [desk.notices[notice_id] for notice_id in match.notice_ids]
            unit = match_unit(desk, line, joined, lane.purpose, how=AUTOMATIC, actor=ACTOR)
            action = "matched" if lane.purpose == MONEY_MOVED else "returned"
            steps.append(Step(line=line, action=action, unit=unit))
            matched.add(line.line_id)
    for line in desk.lines:
        if line.status is LineStatus.NEW and line.line_id not in matched:
            steps.append(_unmatched_step(desk, line))
    return Plan(steps=tuple(steps), proposals=tuple(proposals))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """Lines and notices that may belong together, and what joining them means."""

    lines: list[OpenLine]
    notices: list[OpenNotice]
    purpose: int
    window_days: int | None


def _lanes(desk: Desk) -> Iterator[_Lane]:
    own = [line for line in desk.lines if not line.is_reversal]
    came = [line for line in own if line.is_credit and line.kind is not LineKind.RETURN]
    went = [line for line in own if not line.is_credit and line.kind is not LineKind.RETURN]
    back = [line for line in own if line.is_credit and line.kind is LineKind.RETURN]
    known = list(desk.notices.values())
    week = matching.WINDOW_DAYS
    yield _lane(desk, came, filter(is_awaited_deposit, known), MONEY_MOVED, week)
    due = (n for n in known if is_awaited_payment(n, desk))
    yield _lane(desk, went, due, MONEY_MOVED, None)
    returnable = (n for n in known if is_returnable(n, desk))
    yield _lane(desk, back, returnable, MONEY_BACK, None)


def is_awaited_deposit(notice: Notice) -> bool:
    """A deposit whose money has not come."""
    return notice.kind is NoticeKind.DEPOSIT and notice.status is NoticeStatus.RECEIVED


def is_awaited_payment(notice: Notice, desk: Desk) -> bool:
    """A paid withdrawal that the bank has not debited; perhaps it even came back before."""
    status = notice.status
    open_return = status is NoticeStatus.RETURNED and notice.notice_id not in desk.settled
    return notice.kind is NoticeKind.WITHDRAWAL and (status is NoticeStatus.PAID or open_return)


def is_returnable(notice: Notice, desk: Desk) -> bool:
    """A withdrawal whose payment was ordered and has not come back."""
    ordered = notice.status in (NoticeStatus.PAID, NoticeStatus.POSTED)
    withdrawal = notice.kind is NoticeKind.WITHDRAWAL
    return withdrawal and ordered and notice.notice_id not in desk.returned


def _lane(
    desk: Desk,
    own: Iterable[BankLine],
    candidates: Iterable[Notice],
    purpose: int,
    window_days: int | None,
) -> _Lane:
    facts = [
        OpenLine(
            line_id=line.line_id,
            bank_code=line.bank_code,
            amount_satang=line.amount_satang,
            value_date=line.value_date,
            references=line_references(line),
            barred=_barred(desk, line),
        )
        for line in own
        if line.kind is not LineKind.FEE
    ]
    notes = [
        OpenNotice(
            notice_id=notice.notice_id,
            bank_code=notice.bank_code,
            amount_satang=notice.amount_satang,
            value_date=notice.value_date,
            reference=notice.reference,
            party_id=notice.party_id,
        )
        for notice in candidates
    ]
    return _Lane(lines=facts, notices=notes, purpose=purpose, window_days=window_days)


def _barred(desk: Desk, line: BankLine) -> str:
    """Why a line is never joined by itself: the bank calls it no transfer, or it was refused."""
    kind = matching.LINE_KIND if line.kind is LineKind.OTHER else ""
    return desk.refusal_of(line) or kind


def match_unit(
    desk: Desk,
    line: BankLine,
    joined: Sequence[Notice],
    purpose: int,
    *,
    how: int,
    actor: str,
    reason: str = "",
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
) -> Unit:
    """Join a line with its notices: one journal, a note each, line and notices change together."""
    event = desk.event(line)
    journal = postings.line_matched(
        line,
        joined,
        _journal_kind(line, purpose),
        source=desk.source(line),
        accounts=desk.accounts,
        journal_id=journal_id(event, desk.attempt(line)),
        value_date=desk.value_date(line),
    )
    kind = EventKind.NOTICE_POSTED if purpose == MONEY_MOVED else EventKind.NOTICE_RETURNED
    moves = [(notice, status_after(notice, purpose)) for notice in joined]
    notes = [
        notices.moved(notice, to, kind, line_id=line.line_id, journal_id=journal.journal_id)
        for notice, to in moves
    ]
    writes = _match_writes(desk, line, moves, journal.journal_id, purpose, how=how, actor=actor)
    return Unit(
        operations=(journal, *notes),
        actor=actor,
        reason=reason,
        event_id=event,
        reads=(lines.row_read(line), *(notices.row_read(notice) for notice in joined)),
        writes=writes,
        key=key,
        answer=answer,
    )


def _match_writes(
    desk: Desk,
    line: BankLine,
    moves: Sequence[tuple[Notice, NoticeStatus]],
    journal_id: UUID,
    purpose: int,
    *,
    how: int,
    actor: str,
) -> tuple[RowWrite, ...]:
    """The rows of a match, a write a notice: line, notice, what joins them; questions are spent."""
    status = int(LineStatus.MATCHED if purpose == MONEY_MOVED else LineStatus.RETURNED)
    return tuple(
        RowWrite(
            statement=SQL["match_lines"],
            arguments=(
                desk.book_id,
                line.line_id,
                line.version,
                status,
                journal_id,
                notice.notice_id,
                notice.version,
                int(to),
                journal_id if notice.kind is NoticeKind.DEPOSIT else None,
                event_id(journal_id, notice.notice_id),
                notice.amount_satang,
                how,
                purpose,
                actor,
                FIRST_SEQ,
            ),
            together=True,
        )
        for notice, to in moves
    )


def status_after(notice: Notice, purpose: int) -> NoticeStatus:
    """Where a notice stands once its line is joined to it."""
    if purpose == MONEY_BACK:
        return NoticeStatus.RETURNED
    # A payment may come back before the bank's own debit is seen: it stays returned.
    came_back = notice.status is NoticeStatus.RETURNED
    return NoticeStatus.RETURNED if came_back else NoticeStatus.POSTED


def _journal_kind(line: BankLine, purpose: int) -> JournalKind:
    if purpose == MONEY_BACK:
        return JournalKind.WITHDRAWAL_RETURNED
    return JournalKind.DEPOSIT if line.is_credit else JournalKind.WITHDRAWAL_SETTLED


def _unmatched_step(desk: Desk, line: BankLine) -> Step:
    """A fee, or money that nothing explains yet."""
    is_fee = line.kind is LineKind.FEE
    make = postings.bank_fee if is_fee else postings.line_unexplained
    journal = make(
        line,
        bank_account=desk.bank_account(line),
        accounts=desk.accounts,
        journal_id=desk.journal_id(line),
        value_date=desk.value_date(line),
    )
    operations: tuple[Operation, ...] = (journal,)
    if not is_fee:
        operations = (journal, suspended_note(line))
    status = LineStatus.FEE if is_fee else LineStatus.SUSPENSE
    arguments = (desk.book_id, line.line_id, line.version, int(status), journal.journal_id)
    unit = Unit(
        operations=operations,
        actor=ACTOR,
        event_id=desk.event(line),
        reads=(lines.row_read(line),),
        writes=(RowWrite(statement=SQL["post_line"], arguments=arguments),),
    )
    return Step(line=line, action="fee" if is_fee else "suspended", unit=unit)


def suspended_note(line: BankLine) -> Note:
    """The numbered note that a line waits in suspense."""
    return Note(
        kind=EventKind.LINE_SUSPENDED,
        subject=line.line_id,
        amount_satang=line.amount_satang,
        body={"bank": line.bank_code, "bank_reference": line.bank_reference},
    )


async def _write_proposals(pool: Pool, desk: Desk, proposals: Sequence[Proposal]) -> int:
    """Renew the list of questions for people: a work list, not a record; it takes no number."""
    waiting = [line.line_id for line in desk.lines]
    if not waiting:
        return 0
    async with transaction(pool, ACTOR) as connection:
        await connection.execute(SQL["hold_head"], desk.book_id)
        await connection.execute(SQL["clear_proposals"], desk.book_id, waiting)
        await connection.execute(
            SQL["write_proposals"],
            desk.book_id,
            [proposal.line_id for proposal in proposals],
            [proposal.notice_id for proposal in proposals],
            [proposal.reason for proposal in proposals],
        )
    return len(proposals)
