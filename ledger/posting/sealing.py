"""A decided batch made ready for writing: its digest, the head it leaves, its arguments. Pure.

Both online ways write a batch by the same statement: the short way sends these arguments on their
own, the long way under the head that it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ledger import digest
from ledger.posting.columns import (
    account_columns,
    columns,
    counter_columns,
    event_columns,
    literal_of_ids,
    movement_columns,
    refusal_columns,
    transfer_columns,
)
from ledger.posting.decide import Draft
from ledger.posting.read import HeadRow
from ledger.posting.records import EventRecord, JournalRecord
from ledger.posting.values import IdempotencyKey, Outcome

_NO_REFUSALS: tuple[None, ...] = (None,) * 8
_NO_KEYS: tuple[None, ...] = (None,) * 4


def seal(draft: Draft) -> None:
    """Digest what was decided, which the outcomes carry as well: the batch is complete."""
    sealed = digest.batch_digest(
        previous=draft.head.digest,
        book_id=draft.book_id,
        batch_no=draft.batch_no,
        business_date=draft.business_date,
        origin=draft.origin,
        first_seq=draft.first_seq,
        last_seq=draft.last_seq,
        records=draft.records,
        refusals=draft.refusals,
        fiscal_year=draft.fiscal_year,
        first_voucher=draft.first_voucher,
        period=draft.period,
    )
    draft.outcomes = [
        outcome if outcome.batch_no is None else _with_digest(outcome, sealed)
        for outcome in draft.outcomes
    ]
    draft.digest = sealed


def _with_digest(outcome: Outcome, sealed: bytes) -> Outcome:
    # Field by field: a general `replace` costs a small batch as much as judging it.
    return Outcome(
        status=outcome.status,
        refusal=outcome.refusal,
        failed_operation=outcome.failed_operation,
        receipts=outcome.receipts,
        balances=outcome.balances,
        batch_no=outcome.batch_no,
        digest=sealed,
        replay=outcome.replay,
        answer=outcome.answer,
    )


def head_after(draft: Draft) -> HeadRow:
    """The head as this batch, once complete, leaves it; as it was when nothing is recorded."""
    head = draft.head
    if draft.digest is None:
        return head
    year, voucher_no = _last_voucher(draft)
    return HeadRow(
        recorded_seq=draft.last_seq,
        batch_no=draft.batch_no,
        business_date=head.business_date if draft.cut is None else draft.cut[0].to,
        value_date_floor=head.value_date_floor,
        digest=draft.digest,
        epoch=head.epoch,
        voucher_year=year,
        voucher_no=voucher_no,
        fiscal_year_start_month=head.fiscal_year_start_month,
    )


def _last_voucher(draft: Draft) -> tuple[int, int]:
    """What the head says of vouchers after the batch; an older year's do not stand there."""
    if draft.fiscal_year < draft.head.voucher_year:
        return draft.head.voucher_year, draft.head.voucher_no
    return draft.fiscal_year, draft.first_voucher + draft.journals - 1


def write_arguments(
    draft: Draft, *, ids: Sequence[UUID], keys: Sequence[IdempotencyKey]
) -> tuple[object, ...]:
    """Arguments of the statement that writes a batch.

    ids, keys: what must not be on record; nothing is written if it is.
    """
    head = draft.head
    journals = [record for record in draft.records if isinstance(record, JournalRecord)]
    told = {r.account_id for r in draft.records if isinstance(r, EventRecord)}
    changed = [a for a in draft.state.changed_accounts.values() if a.account not in told]
    return (
        draft.book_id,
        draft.batch_no,
        draft.business_date,
        draft.first_seq,
        draft.last_seq,
        len(journals),
        len(draft.records) - len(journals),
        sum(t.amount_satang for journal in journals for t in journal.transfers),
        len(draft.refusals),
        int(draft.origin),
        int(draft.period),
        draft.fiscal_year,
        draft.first_voucher,
        digest.DIGEST_VERSION,
        draft.digest,
        *_last_voucher(draft),
        head.epoch,
        head.business_date,
        head.value_date_floor,
        head.digest,
        literal_of_ids(ids),
        [key.client for key in keys] or None,
        [key.key for key in keys] or None,
        *transfer_columns(journals),
        *movement_columns(journals, draft.state),
        *counter_columns(changed),
        *(refusal_columns(draft.refusals) if draft.refusals else _NO_REFUSALS),
        *(_key_columns(draft) if draft.keys else _NO_KEYS),
    )


def _key_columns(draft: Draft) -> tuple[list[object], ...]:
    """Keys and the answers kept under them."""
    rows = []
    for place, unit, key in draft.keys:
        answer = unit.answer(draft.outcomes[place]) if unit.answer is not None else "{}"
        rows.append((key.client, key.key, key.request_hash, answer))
    return columns(rows, 4)


def in_words(draft: Draft) -> tuple[tuple[object, ...], tuple[object, ...] | None]:
    """Complete the batch; answers the arguments of the statements that write it and its events."""
    seal(draft)
    # Whoever holds the head has looked its ids and keys up already.
    return write_arguments(draft, ids=(), keys=()), _event_arguments(draft)


def _event_arguments(draft: Draft) -> tuple[object, ...] | None:
    """Events, and the accounts that they tell of: an event may change more than counters."""
    events = [record for record in draft.records if isinstance(record, EventRecord)]
    if not events:
        return None
    told = {event.account_id for event in events}
    changed = [a for a in draft.state.changed_accounts.values() if a.account in told]
    return (
        draft.book_id,
        draft.business_date,
        *event_columns(events),
        *account_columns(changed),
    )
