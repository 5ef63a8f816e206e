"""What becomes of each unit of a batch: by its key, by the rows it was decided on, by the judge.

A `Draft` is a batch under the head before anything is written: the units are decided one after
another, and what is to be recorded gathers in it. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from ledger.errors import ensure
from ledger.posting import read
from ledger.posting import state as st
from ledger.posting.judge import Judge, Record, Verdict
from ledger.posting.records import JournalRecord, RefusalRecord, canonical_json
from ledger.posting.values import (
    AccountBalance,
    IdempotencyKey,
    MoveBusinessDate,
    OpenAccount,
    Origin,
    Outcome,
    Period,
    Receipt,
    RowWrite,
    Status,
    Unit,
)


@dataclass(slots=True, kw_only=True)
class Draft:
    """A batch under the head: what the units were met with, and what has been decided so far.

    busy:     places of units whose idempotency key is being worked on elsewhere.
    versions: product rows that were locked, with their versions.
    known:    idempotency keys on record, with request hash and answer.
    outcomes: one a unit, in input order, as far as they are decided.
    digest:   of the batch, when it is complete and records something.
    """

    book_id: int
    head: read.HeadRow
    units: list[Unit]
    origin: Origin
    period: Period
    fiscal_year: int
    first_voucher: int
    busy: set[int]
    versions: Mapping[tuple[str, UUID], int]
    known: Mapping[read.ClosedKey, tuple[bytes, str]]
    state: st.State
    first_seq: int
    journals: int = 0
    records: list[Record] = field(default_factory=list)
    refusals: list[RefusalRecord] = field(default_factory=list)
    writes: list[tuple[RowWrite, int]] = field(default_factory=list)
    opened: list[tuple[OpenAccount, int]] = field(default_factory=list)
    keys: list[tuple[int, Unit, IdempotencyKey]] = field(default_factory=list)
    named: set[read.ClosedKey] = field(default_factory=set)
    cut: tuple[MoveBusinessDate, int] | None = None
    touched: set[tuple[str, UUID]] = field(default_factory=set)
    outcomes: list[Outcome] = field(default_factory=list)
    digest: bytes | None = None

    @property
    def batch_no(self) -> int:
        """The number of the batch that this will be."""
        return self.head.batch_no + 1

    @property
    def business_date(self) -> date:
        """The date of the batch; refusals of a date that takes nothing are dated on the head's."""
        return self.state.business_date if self.state.shut is None else self.head.business_date

    @property
    def last_seq(self) -> int:
        """The last number that the batch takes."""
        return self.first_seq + len(self.records) - 1


def decide(draft: Draft) -> None:
    """Decide every unit of the batch that is not decided yet, one after another."""
    judge = Judge(draft.state)
    first = len(draft.outcomes)
    for place, unit in enumerate(draft.units[first:], start=first):
        outcome = _by_key(unit, place, draft)
        decided_on = draft.cut is not None or unit.reads or unit.unmoved or unit.on is not None
        if outcome is None and decided_on and not _answered_before(judge, unit):
            outcome = _not_now(unit, draft)
        if outcome is None:
            outcome = _judge_one(judge, unit, place, draft)
        draft.outcomes.append(outcome)


def _by_key(unit: Unit, place: int, draft: Draft) -> Outcome | None:
    """What the unit's idempotency key says of it, if anything."""
    if unit.key is None:
        return None
    if place in draft.busy:
        return Outcome(status=Status.IN_PROGRESS)
    name = (unit.key.client, unit.key.key)
    known = draft.known.get(name)
    if known is not None:
        same = known[0] == unit.key.request_hash
        status = Status.REPLAYED if same else Status.KEY_CONFLICT
        return Outcome(status=status, replay=same, answer=known[1] if same else None)
    if name in draft.named:
        return Outcome(status=Status.IN_PROGRESS)
    return None


def _answered_before(judge: Judge, unit: Unit) -> bool:
    """True of a retry: its answer stands, whatever has become of the rows it was decided on.

    Ids that our own products derive tell of an event, not of a request: two people who ask for the
    same one at once are no retry of each other, so such a unit decides again on what has become of
    its rows. Neither is a conflict a retry.
    """
    if unit.event_id is not None:
        return False
    verdict = judge.known(unit)
    return verdict is not None and (verdict.status is Status.REPLAYED or verdict.remembered)


def _not_now(unit: Unit, draft: Draft) -> Outcome | None:
    """Why a unit cannot be judged in this batch; None when it can."""
    if draft.cut is not None:
        # The date has moved inside this batch: what follows belongs to the next one.
        return Outcome(status=Status.DEFERRED)
    if unit.on is not None and unit.on != draft.business_date:
        return Outcome(status=Status.STALE)
    for row in unit.reads:
        name = (row.table.name, row.row_id)
        if name in draft.touched:
            return Outcome(status=Status.STALE)
        if name not in draft.versions:
            return Outcome(status=Status.DEFERRED)
        if draft.versions[name] != row.version:
            return Outcome(status=Status.STALE)
    for number, changed_seq in unit.unmoved:
        account = draft.state.accounts.get(number)
        if account is not None and account.changed_seq != changed_seq:
            return Outcome(status=Status.STALE)
    return None


def _keep_key(unit: Unit, place: int, draft: Draft) -> None:
    """The unit's answer will be kept under its key."""
    if unit.key is not None:
        draft.keys.append((place, unit, unit.key))
        draft.named.add((unit.key.client, unit.key.key))


def _judge_one(judge: Judge, unit: Unit, place: int, draft: Draft) -> Outcome:
    verdict = judge.unit(unit)
    if verdict.status is Status.REFUSED:
        return _refused(unit, place, verdict, draft)
    if verdict.status is Status.REPLAYED:
        return Outcome(
            status=Status.REPLAYED,
            receipts=tuple(_found(record) for record in verdict.records),
            balances=_balances(judge.state, verdict.records),
            replay=True,
        )
    first_seq = verdict.records[0].recorded_seq
    receipts = tuple(_receipt(record, draft) for record in verdict.records)
    draft.records += verdict.records
    draft.writes += [(write, first_seq) for write in unit.writes]
    draft.touched |= {(row.table.name, row.row_id) for row in unit.reads}
    for operation, record in zip(unit.operations, verdict.records, strict=True):
        if isinstance(operation, OpenAccount):
            draft.opened.append((operation, record.recorded_seq))
        elif isinstance(operation, MoveBusinessDate):
            draft.cut = (operation, record.recorded_seq)
    _keep_key(unit, place, draft)
    return Outcome(
        status=Status.ACCEPTED,
        receipts=receipts,
        balances=_balances(judge.state, verdict.records),
        batch_no=draft.batch_no,
    )


def _refused(unit: Unit, place: int, verdict: Verdict, draft: Draft) -> Outcome:
    refusal = verdict.refusal
    ensure(refusal is not None, "a refused unit without a refusal")
    if refusal is not None and not verdict.remembered:
        draft.refusals.append(
            RefusalRecord(
                position=place,
                code=refusal.code,
                sticky=refusal.sticky and verdict.operation_id is not None,
                operation_id=verdict.operation_id,
                event_id=unit.event_id,
                actor=unit.actor,
                detail=canonical_json(refusal.detail),
                body=verdict.body,
            )
        )
        if refusal.sticky:
            _keep_key(unit, place, draft)
    return Outcome(
        status=Status.REFUSED,
        refusal=refusal,
        failed_operation=verdict.failed_operation,
        batch_no=None if verdict.remembered else draft.batch_no,
        replay=verdict.remembered,
    )


def _receipt(record: Record, draft: Draft) -> Receipt:
    """The receipt of what is being recorded; a journal takes the next voucher number."""
    if not isinstance(record, JournalRecord):
        return _found(record)
    voucher_no = draft.first_voucher + draft.journals
    draft.journals += 1
    return Receipt(
        recorded_seq=record.recorded_seq,
        business_date=record.business_date,
        value_date=record.value_date,
        journal_id=record.journal_id,
        fiscal_year=draft.fiscal_year,
        voucher_no=voucher_no,
    )


def _found(record: Record) -> Receipt:
    """The receipt of a record without its voucher number, which stands with its batch."""
    journal = record if isinstance(record, JournalRecord) else None
    return Receipt(
        recorded_seq=record.recorded_seq,
        business_date=record.business_date,
        value_date=record.business_date if journal is None else journal.value_date,
        journal_id=None if journal is None else journal.journal_id,
    )


def _balances(state: st.State, records: Sequence[Record]) -> tuple[AccountBalance, ...]:
    numbers: dict[int, None] = {}
    for record in records:
        if isinstance(record, JournalRecord):
            for transfer in record.transfers:
                numbers[transfer.debit] = numbers[transfer.credit] = None
        elif record.account_id is not None:
            numbers[record.account_id] = None
    return tuple(
        AccountBalance(
            account=number,
            balance_satang=state.accounts[number].balance,
            held_satang=state.accounts[number].held,
            available_satang=state.accounts[number].available,
            excess_satang=state.accounts[number].excess,
        )
        for number in numbers
    )
