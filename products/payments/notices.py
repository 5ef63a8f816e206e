"""Notices: received, approved by a second person, paid, rejected, expired.

    deposit:    received ──► posted                     (posted by a line of the bank's statement)
    withdrawal: held ──► approved ──► paid ──► posted | returned
                held | approved ──► rejected | expired

What is decided here is pure and gives a `Unit`; `notice_services` loads and hands over. The hold of
a withdrawal has the notice's own id, so that a retry is a replay whatever happened in between. Each
change is a numbered note; the history of a notice *is* those notes.

Value dates: a deposit may announce any day from the floor of the open fiscal years to 30 days
ahead. A withdrawal may ask for a day from 7 days ago (a file that arrives late is honoured) to 30
days ahead; it is paid on that day or later, always with the business date as its value date. Its
hold ends 30 days after the day asked for; the night then expires hold and notice together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import ClassVar
from uuid import UUID

from ledger.errors import CffError, Forbidden, InvalidInput, Problem
from ledger.money import format_baht
from ledger.posting.ids import event_id, journal_id
from ledger.posting.values import (
    FIRST_SEQ,
    Note,
    PlaceHold,
    ReleaseHold,
    RowRead,
    RowTable,
    RowWrite,
    Unit,
)
from products.contracts import ACTIVE, Contract
from products.deposits.savings_terms import Charge
from products.kinds import EventKind
from products.payments import postings
from products.payments.asked import charged, too_small
from products.payments.banks import PaymentAccounts
from products.payments.notice_reads import SQL, Known
from products.payments.notice_values import (
    Notice,
    NoticeIn,
    NoticeKind,
    NoticeStatus,
    differing_fields,
)

DEPOSIT_DAYS_AHEAD = WITHDRAWAL_DAYS_AHEAD = 30
WITHDRAWAL_DAYS_LATE = 7
HOLD_DAYS = 30

TABLE = RowTable(name="products.notice", select=SQL["lock_notices"])
"""How notices are locked when a unit is decided on them."""


class WrongStatus(CffError):  # noqa: N818 - the name is what the clerk reads
    """The notice does not stand where this step begins; `code` tells it from other conflicts."""

    code: ClassVar[str] = "wrong_status"


class NotYetDue(CffError):  # noqa: N818
    """The day that the withdrawal asks for has not come."""

    code: ClassVar[str] = "not_yet_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done with a notice that comes in: one of three.

    unit:    post this; the judge may still refuse it.
    replay:  the notice is recorded already with this body.
    code:    refused before the judge was asked; `problems` say why. Nothing is recorded, the id
             stays free.
    """

    unit: Unit | None = None
    replay: Notice | None = None
    code: str = ""
    problems: tuple[Problem, ...] = ()


def decide_receive(
    body: NoticeIn, known: Known, where: str = "notice", *, received_by: str
) -> Decision:
    """Receive a notice: a deposit is noted, a withdrawal holds its amount at once.

    received_by: who brings it in; neither they nor its maker may approve it later.
    """
    recorded = known.notices.get(body.id)
    if recorded is not None:
        fields = differing_fields(recorded, body)
        if not fields:
            return Decision(replay=recorded)
        return _refused("id_conflict", _conflicts(where, fields))
    if body.id in known.holds:
        return _refused("id_conflict", [held_otherwise(body, where)])
    contract = known.contracts.get(body.account)
    place = f"{where}, field account"
    if contract is None:
        problem = Problem(where=place, got=body.account, expected="the number of a contract here")
        return _refused("unknown_account", [problem])
    if contract.state != ACTIVE:
        problem = Problem(where=place, got=f"{body.account}, closed", expected="an open contract")
        return _refused("account_closed", [problem])
    if contract.is_placement:
        expected = "a savings contract: a placement is moved by its own events alone"
        return _refused(
            "placement_account", [Problem(where=place, got=body.account, expected=expected)]
        )
    if body.bank not in known.banks:
        expected = f"one of {', '.join(sorted(known.banks))}"
        problem = Problem(where=f"{where}, field bank", got=body.bank, expected=expected)
        return _refused("unknown_bank", [problem])
    small = too_small(body, contract, known, where)
    if small is not None:
        return _refused(small[0], [small[1]])
    late = _value_date_problem(body, known, where)
    if late is not None:
        return _refused("value_date_out_of_range", [late])
    return Decision(unit=_receive_unit(body, contract, known, received_by))


def _refused(code: str, problems: Sequence[Problem]) -> Decision:
    return Decision(code=code, problems=tuple(problems))


def held_otherwise(body: NoticeIn, where: str) -> Problem:
    """The id is that of a hold which no notice has placed: the notice cannot be recorded."""
    return Problem(
        where=f"{where}, field id",
        got=str(body.id),
        expected="an id of its own; a hold that belongs to no notice has this one",
        fix="Give the notice another id.",
    )


def _conflicts(where: str, fields: Mapping[str, tuple[str, str]]) -> list[Problem]:
    fix = "This id is recorded with another body: give a new notice an id of its own."
    return [
        Problem(
            where=f"{where}, field {name}", got=given, expected=f"{recorded}, as recorded", fix=fix
        )
        for name, (recorded, given) in fields.items()
    ]


def _value_date_problem(body: NoticeIn, known: Known, where: str) -> Problem | None:
    today = known.business_date
    if body.kind == "deposit":
        first, last = known.value_date_floor, today + timedelta(days=DEPOSIT_DAYS_AHEAD)
    else:
        first = max(known.value_date_floor, today - timedelta(days=WITHDRAWAL_DAYS_LATE))
        last = today + timedelta(days=WITHDRAWAL_DAYS_AHEAD)
    if first <= body.value_date <= last:
        return None
    return Problem(
        where=f"{where}, field value_date",
        got=body.value_date.isoformat(),
        expected=f"a day from {first} to {last} (the business date is {today})",
    )


def _receive_unit(body: NoticeIn, contract: Contract, known: Known, received_by: str) -> Unit:
    deposit = body.kind == "deposit"
    kind = NoticeKind.DEPOSIT if deposit else NoticeKind.WITHDRAWAL
    status = NoticeStatus.RECEIVED if deposit else NoticeStatus.HELD
    amount = body.amount_satang
    note = Note(
        kind=EventKind.NOTICE_RECEIVED,
        subject=body.id,
        account=contract.account_id,
        amount_satang=amount,
        body={
            "from": None,
            "to": status.code,
            "kind": kind.code,
            "bank": body.bank,
            "value_date": body.value_date,
            "reference": body.reference,
            "received_by": received_by,
        },
    )
    hold = PlaceHold(
        hold_id=body.id,
        account=contract.account_id,
        amount_satang=amount,
        # Taken from the body alone: the same notice sent again asks for the same hold.
        expires_on=body.value_date + timedelta(days=HOLD_DAYS),
        reference=body.reference,
    )
    write = RowWrite(
        statement=SQL["insert_notice"],
        arguments=(
            known.book_id,
            body.id,
            int(kind),
            int(status),
            contract.contract_id,
            body.bank,
            amount,
            body.value_date,
            body.reference,
            body.made_by,
            received_by,
            FIRST_SEQ,
        ),
    )
    operations = (note,) if deposit else (hold, note)
    return Unit(operations=operations, actor=body.made_by, writes=(write,))


def decide_approve(book_id: int, notice: Notice, *, actor: str, reason: str = "") -> Unit:
    """A second person approves a withdrawal.

    Raises `Forbidden` for its maker and for who brought it in, `WrongStatus`.
    """
    _require(notice, "be approved", NoticeStatus.HELD)
    for what, first in (("made", notice.made_by), ("brought in", notice.received_by)):
        if actor.casefold() == first.casefold():
            raise Forbidden(
                f"notice {notice.notice_id} was {what} by {first}: another person must approve it"
            )
    return _change(
        book_id,
        notice,
        NoticeStatus.APPROVED,
        EventKind.NOTICE_APPROVED,
        actor=actor,
        reason=reason,
        approved_by=actor,
    )


def decide_pay(
    book_id: int,
    notice: Notice,
    *,
    accounts: PaymentAccounts,
    business_date: date,
    attempt: int,
    actor: str,
    reason: str = "",
    charge: Charge | None = None,
) -> Unit:
    """Pay an approved withdrawal: its hold is captured, the money waits on outgoing clearing.

    charge: what the product takes for it, where it takes anything for some (docs/withdrawals.md).
    Raises `WrongStatus`, and `NotYetDue` before the day that was asked for.
    """
    _require(notice, "be paid", NoticeStatus.APPROVED)
    if notice.value_date > business_date:
        raise NotYetDue(
            f"notice {notice.notice_id} asks for {notice.value_date}; the business date is "
            f"{business_date}: pay it on that day or later"
        )
    event = payment_event(book_id, notice.notice_id)
    journal = postings.withdrawal_paid(notice, accounts, journal_id(event, attempt))
    unit = _change(
        book_id,
        notice,
        NoticeStatus.PAID,
        EventKind.NOTICE_PAID,
        actor=actor,
        reason=reason,
        posted_journal=journal.journal_id,
    )
    unit = replace(unit, operations=(journal, *unit.operations), event_id=event)
    return unit if charge is None else charged(book_id, unit, notice, charge, attempt)


def decide_reject(book_id: int, notice: Notice, *, actor: str, reason: str) -> Unit:
    """Reject a notice that has moved no money; a withdrawal's hold is released.

    A reason is required (`InvalidInput`): the member reads it. Raises `WrongStatus` once paid.
    """
    if not reason.strip():
        raise InvalidInput.one(
            "reason", reason, "why the notice is rejected", "The member reads it."
        )
    held = (NoticeStatus.HELD, NoticeStatus.APPROVED)
    _require(notice, "be rejected", NoticeStatus.RECEIVED, *held)
    unit = _change(
        book_id,
        notice,
        NoticeStatus.REJECTED,
        EventKind.NOTICE_REJECTED,
        actor=actor,
        reason=reason,
    )
    if notice.status not in held:
        return unit
    release = ReleaseHold(hold_id=notice.notice_id)
    return replace(unit, operations=(release, *unit.operations))


def payment_event(book_id: int, notice_id: UUID) -> UUID:
    """The event under which a withdrawal is paid; its attempts are counted on it."""
    return event_id(book_id, "notice_paid", notice_id)


def row_read(notice: Notice) -> RowRead:
    """The notice as it was decided on: a change in between makes the unit stale."""
    return RowRead(table=TABLE, row_id=notice.notice_id, version=notice.version)


def moved(notice: Notice, to: NoticeStatus, kind: EventKind, **facts: object) -> Note:
    """The numbered note of a notice's change of state; `facts` say what joined or parted."""
    body = {"from": notice.status.code, "to": to.code} | facts
    return Note(
        kind=kind,
        subject=notice.notice_id,
        account=notice.account_id,
        amount_satang=notice.amount_satang,
        body=body,
    )


def _require(notice: Notice, what: str, *statuses: NoticeStatus) -> None:
    if notice.status not in statuses:
        expected = " or ".join(status.code for status in statuses)
        raise WrongStatus(
            f"notice {notice.notice_id} over {format_baht(notice.amount_satang)} baht is "
            f"{notice.status.code}: only one that is {expected} can {what}"
        )


def _change(
    book_id: int,
    notice: Notice,
    to: NoticeStatus,
    kind: EventKind,
    *,
    actor: str,
    reason: str,
    approved_by: str | None = None,
    posted_journal: UUID | None = None,
) -> Unit:
    write = change_write(
        book_id, notice, to, approved_by=approved_by, posted_journal=posted_journal
    )
    return Unit(
        operations=(moved(notice, to, kind),),
        actor=actor,
        reason=reason,
        reads=(row_read(notice),),
        writes=(write,),
    )


def change_write(
    book_id: int,
    notice: Notice,
    to: NoticeStatus,
    *,
    approved_by: str | None = None,
    posted_journal: UUID | None = None,
) -> RowWrite:
    """The notice's row in its next state; what is None stays as it was."""
    facts = (book_id, notice.notice_id, notice.version, int(to), FIRST_SEQ)
    return RowWrite(statement=SQL["change_notice"], arguments=(*facts, approved_by, posted_journal))
