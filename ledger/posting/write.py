"""The posting transaction: rows, head, read, judge, write. The only code that moves money.

`post_batch` runs inside a transaction that its caller opens and commits: the collector for the
doors, the night for its chunks. It answers one outcome a unit, in input order; refusals are values
and are committed with the batch. Nothing is written before everything has been judged, so there
is no savepoint and nothing to undo in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from ledger import digest
from ledger.db import Connection
from ledger.errors import ensure
from ledger.posting import read
from ledger.posting import state as st
from ledger.posting.columns import (
    balance_columns,
    columns,
    event_columns,
    movement_columns,
    refusal_columns,
    transfer_columns,
)
from ledger.posting.judge import Judge, Record, Verdict
from ledger.posting.read import SQL, HeadRow
from ledger.posting.records import EventRecord, JournalRecord, RefusalRecord, canonical_json
from ledger.posting.values import (
    BUSINESS_DATE,
    FIRST_SEQ,
    AccountBalance,
    IdempotencyKey,
    MoveBusinessDate,
    OpenAccount,
    Origin,
    Outcome,
    Placeholder,
    Receipt,
    RowWrite,
    Status,
    Unit,
)


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What has been decided so far, ready to be written."""

    book_id: int
    batch_no: int
    business_date: date
    first_seq: int
    origin: Origin
    records: list[Record] = field(default_factory=list)
    refusals: list[RefusalRecord] = field(default_factory=list)
    writes: list[tuple[RowWrite, int]] = field(default_factory=list)
    opened: list[tuple[OpenAccount, int]] = field(default_factory=list)
    keys: list[tuple[int, Unit, IdempotencyKey]] = field(default_factory=list)
    cut: tuple[MoveBusinessDate, int] | None = None
    touched: set[tuple[str, UUID]] = field(default_factory=set)


async def post_batch(
    connection: Connection,
    book_id: int,
    units: Sequence[Unit],
    *,
    origin: Origin,
    business_date: date | None = None,
) -> list[Outcome]:
    """Judge and write `units` as one batch of one book; outcomes in input order.

    business_date: None = the head's (doors); the night names the date that it closes.
    Must run inside a transaction; the caller commits, and only then may anything be answered.
    Raises what the database raises; then nothing of the batch is recorded.
    """
    busy = await read.try_keys(connection, book_id, units)
    versions = await read.lock_rows(connection, book_id, units)
    head = await read.take_head(connection, book_id)
    keys = await read.recorded_keys(connection, book_id, units)
    day = business_date or head.business_date
    state = await read.load_state(connection, book_id, head, day, units)
    judge = Judge(state)
    batch = _Batch(
        book_id=book_id,
        batch_no=head.batch_no + 1,
        business_date=day,
        first_seq=state.next_seq,
        origin=origin,
    )
    outcomes: list[Outcome] = []
    for place, unit in enumerate(units):
        outcome = _by_key(unit, place in busy, keys, batch)
        decided_on = batch.cut is not None or unit.reads or unit.unmoved
        if outcome is None and decided_on and not _answered_before(judge, unit):
            outcome = _not_now(unit, versions, judge.state, batch)
        if outcome is None:
            outcome = _judge_one(judge, unit, place, batch)
        outcomes.append(outcome)
    if batch.records or batch.refusals:
        outcomes = await _write(connection, head, state, batch, outcomes)
    return outcomes


def _by_key(
    unit: Unit, busy: bool, keys: dict[read.ClosedKey, tuple[bytes, str]], batch: _Batch
) -> Outcome | None:
    """What the unit's idempotency key says of it, if anything."""
    if unit.key is None:
        return None
    if busy:
        return Outcome(status=Status.IN_PROGRESS)
    known = keys.get((unit.key.client, unit.key.key))
    if known is not None:
        same = known[0] == unit.key.request_hash
        status = Status.REPLAYED if same else Status.KEY_CONFLICT
        return Outcome(status=status, replay=same, answer=known[1] if same else None)
    if any(_same_name(key, unit.key) for _, _, key in batch.keys):
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


def _not_now(
    unit: Unit, versions: dict[tuple[str, UUID], int], state: st.State, batch: _Batch
) -> Outcome | None:
    """Why a unit cannot be judged in this batch; None when it can."""
    if batch.cut is not None:
        # The date has moved inside this batch: what follows belongs to the next one.
        return Outcome(status=Status.DEFERRED)
    for row in unit.reads:
        name = (row.table.name, row.row_id)
        if name in batch.touched:
            return Outcome(status=Status.STALE)
        if name not in versions:
            return Outcome(status=Status.DEFERRED)
        if versions[name] != row.version:
            return Outcome(status=Status.STALE)
    for number, changed_seq in unit.unmoved:
        account = state.accounts.get(number)
        if account is not None and account.changed_seq != changed_seq:
            return Outcome(status=Status.STALE)
    return None


def _same_name(left: IdempotencyKey, right: IdempotencyKey) -> bool:
    return (left.client, left.key) == (right.client, right.key)


def _judge_one(judge: Judge, unit: Unit, place: int, batch: _Batch) -> Outcome:
    verdict = judge.unit(unit)
    if verdict.status is Status.REFUSED:
        return _refused(unit, place, verdict, batch)
    if verdict.status is Status.REPLAYED:
        return Outcome(
            status=Status.REPLAYED,
            receipts=tuple(_receipt(record) for record in verdict.records),
            balances=_balances(judge.state, verdict.records),
            replay=True,
        )
    first_seq = verdict.records[0].recorded_seq
    batch.records += verdict.records
    batch.writes += [(write, first_seq) for write in unit.writes]
    batch.touched |= {(row.table.name, row.row_id) for row in unit.reads}
    for operation, record in zip(unit.operations, verdict.records, strict=True):
        if isinstance(operation, OpenAccount):
            batch.opened.append((operation, record.recorded_seq))
        elif isinstance(operation, MoveBusinessDate):
            batch.cut = (operation, record.recorded_seq)
    if unit.key is not None:
        batch.keys.append((place, unit, unit.key))
    return Outcome(
        status=Status.ACCEPTED,
        receipts=tuple(_receipt(record) for record in verdict.records),
        balances=_balances(judge.state, verdict.records),
        batch_no=batch.batch_no,
    )


def _refused(unit: Unit, place: int, verdict: Verdict, batch: _Batch) -> Outcome:
    refusal = verdict.refusal
    ensure(refusal is not None, "a refused unit without a refusal")
    if refusal is not None and not verdict.remembered:
        batch.refusals.append(
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
        if unit.key is not None and refusal.sticky:
            batch.keys.append((place, unit, unit.key))
    return Outcome(
        status=Status.REFUSED,
        refusal=refusal,
        failed_operation=verdict.failed_operation,
        batch_no=None if verdict.remembered else batch.batch_no,
        replay=verdict.remembered,
    )


def _receipt(record: Record) -> Receipt:
    journal = isinstance(record, JournalRecord)
    return Receipt(
        recorded_seq=record.recorded_seq,
        business_date=record.business_date,
        value_date=record.value_date if isinstance(record, JournalRecord) else record.business_date,
        journal_id=record.journal_id if journal and isinstance(record, JournalRecord) else None,
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


async def _write(
    connection: Connection, head: HeadRow, state: st.State, batch: _Batch, outcomes: list[Outcome]
) -> list[Outcome]:
    """Write everything that was decided; answers the outcomes with the batch's digest."""
    last_seq = batch.first_seq + len(batch.records) - 1
    sealed = digest.batch_digest(
        previous=head.digest,
        book_id=batch.book_id,
        batch_no=batch.batch_no,
        business_date=batch.business_date,
        origin=batch.origin,
        first_seq=batch.first_seq,
        last_seq=last_seq,
        records=batch.records,
        refusals=batch.refusals,
    )
    outcomes = [
        replace(outcome, digest=sealed) if outcome.batch_no is not None else outcome
        for outcome in outcomes
    ]
    if batch.opened:
        await _open_accounts(connection, batch)
    await _row_writes(connection, batch)
    await connection.execute(SQL["write_batch"], *_batch_arguments(state, batch, last_seq, sealed))
    await _write_holds(connection, batch.book_id, list(state.changed_holds.values()))
    if batch.keys:
        await _write_keys(connection, batch, outcomes)
    if batch.cut is not None:
        operation, seq = batch.cut
        await connection.execute(SQL["cut_day"], batch.book_id, batch.business_date, seq)
        await connection.execute(SQL["open_day"], batch.book_id, operation.to)
        await connection.execute(SQL["move_head"], batch.book_id, operation.to)
    return outcomes


async def _row_writes(connection: Connection, batch: _Batch) -> None:
    """Product rows of the accepted units; statements in order of first appearance."""
    grouped: dict[str, list[tuple[object, ...]]] = {}
    for write, seq in batch.writes:
        known = {FIRST_SEQ: seq, BUSINESS_DATE: batch.business_date}
        arguments = tuple(
            known[value] if isinstance(value, Placeholder) else value for value in write.arguments
        )
        grouped.setdefault(write.statement, []).append(arguments)
    for statement, rows in grouped.items():
        await connection.executemany(statement, rows)


async def _open_accounts(connection: Connection, batch: _Batch) -> None:
    opened = [operation for operation, _ in batch.opened]
    await connection.execute(
        SQL["open_accounts"],
        batch.book_id,
        batch.business_date,
        [o.account for o in opened],
        [o.code for o in opened],
        [o.gl_code for o in opened],
        [o.currency for o in opened],
        [o.party_id for o in opened],
        [o.name_th for o in opened],
        [o.name_en for o in opened],
        [seq for _, seq in batch.opened],
    )


def _batch_arguments(
    state: st.State, batch: _Batch, last_seq: int, sealed: bytes
) -> tuple[object, ...]:
    journals = [record for record in batch.records if isinstance(record, JournalRecord)]
    events = [record for record in batch.records if isinstance(record, EventRecord)]
    transfer_count = sum(len(journal.transfers) for journal in journals)
    amount_sum = sum(t.amount_satang for journal in journals for t in journal.transfers)
    return (
        batch.book_id,
        batch.batch_no,
        batch.business_date,
        batch.first_seq,
        last_seq,
        len(journals),
        len(events),
        transfer_count,
        amount_sum,
        len(batch.refusals),
        int(batch.origin),
        digest.DIGEST_VERSION,
        sealed,
        *transfer_columns(journals),
        *movement_columns(journals, state),
        *event_columns(events),
        *refusal_columns(batch.refusals),
        *balance_columns(list(state.changed_accounts.values())),
    )


async def _write_holds(connection: Connection, book_id: int, holds: Sequence[st.HoldState]) -> None:
    new = [hold for hold in holds if hold.is_new]
    if new:
        rows = [
            (
                h.hold_id,
                h.account,
                h.amount,
                h.captured,
                h.state,
                h.expires_on,
                h.reference,
                h.placed_seq,
                h.changed_seq,
            )
            for h in new
        ]
        await connection.execute(SQL["insert_holds"], book_id, *columns(rows, 9))
    old = [hold for hold in holds if not hold.is_new]
    if old:
        changes = [(h.hold_id, h.captured, h.state, h.changed_seq) for h in old]
        await connection.execute(SQL["update_holds"], book_id, *columns(changes, 4))


async def _write_keys(connection: Connection, batch: _Batch, outcomes: Sequence[Outcome]) -> None:
    rows = []
    for place, unit, key in batch.keys:
        answer = unit.answer(outcomes[place]) if unit.answer is not None else "{}"
        rows.append((key.client, key.key, key.request_hash, answer))
    await connection.execute(SQL["insert_keys"], batch.book_id, batch.batch_no, *columns(rows, 4))
