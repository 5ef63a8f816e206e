"""What was asked, in one comparable form: how a retry is told from another request.

An operation with an id of its own (a journal, a placed hold) has a *body*: everything the client
said about it. The same id with the same body is a replay; with another body it is a conflict that
names the fields that differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from json.encoder import encode_basestring
from typing import cast
from uuid import UUID

from ledger.posting.records import JournalRecord, canonical_json
from ledger.posting.state import HoldState
from ledger.posting.values import Journal, Operation, PlaceHold, Transfer

Body = Mapping[str, object]


def operation_id(operation: Operation) -> UUID | None:
    """The client-made id that an operation is known by, if it has one."""
    if isinstance(operation, Journal):
        return operation.journal_id
    return operation.hold_id if isinstance(operation, PlaceHold) else None


def operation_body(operation: Operation) -> str:
    """Canonical JSON of what was asked; `{}` for an operation without an id of its own."""
    if isinstance(operation, Journal):
        return _journal_body(
            kind=operation.kind,
            transfers=operation.transfers,
            value_date=operation.value_date,
            reference=operation.reference,
            narrative=operation.narrative,
            hold_id=operation.hold_id,
            reverses=operation.reverses,
            may_exceed_limit=operation.exceeds,
            adjusts=operation.adjusts,
            forced=operation.forced,
        )
    if isinstance(operation, PlaceHold):
        return canonical_json(
            {
                "account": operation.account,
                "amount_satang": operation.amount_satang,
                "expires_on": operation.expires_on,
                "reference": operation.reference,
            }
        )
    return "{}"


def line_body(
    kind: int, transfer: tuple[int, int, int], value_date: str | None, texts: tuple[str, str]
) -> str:
    """The body of an ordinary journal of one transfer, written directly: lines come by the million.

    transfer: debit, credit and satang. value_date: as ISO text. texts: reference and narrative.
    """
    debit, credit, amount = transfer
    day = "null" if value_date is None else f'"{value_date}"'
    reference, narrative = texts
    return (
        f'{{"adjusts":null,"forced":false,"hold_id":null,"kind":{kind},"may_exceed_limit":false,'
        f'"narrative":{encode_basestring(narrative)},"reference":{encode_basestring(reference)},'
        f'"reverses":null,"transfers":[{{"amount_satang":{amount},"credit":{credit},'
        f'"debit":{debit}}}],"value_date":{day}}}'
    )


def recorded_journal_body(journal: JournalRecord, asked: date | None, by_default: date) -> str:
    """The body of a recorded journal, as the asker would have written it.

    asked:      the value date that the operation at hand asks for.
    by_default: what the journal got if it asked for none: its business date or, reversing, its
                target's value date. Asked again without one it is the same journal, on whatever
                day the retry arrives.
    """
    open_date = asked is None and journal.value_date == by_default
    return _journal_body(
        kind=journal.kind,
        transfers=journal.transfers,
        value_date=None if open_date else journal.value_date,
        reference=journal.reference,
        narrative=journal.narrative,
        hold_id=journal.hold_id,
        reverses=journal.reverses,
        may_exceed_limit=journal.may_exceed_limit,
        adjusts=journal.adjusts,
        forced=journal.forced,
    )


def repeats_record(journal: Journal, record: JournalRecord) -> bool:
    """True when an ordinary journal asks for just what is recorded: the bodies would be the same.

    False says nothing of a journal that captures, reverses, adjusts or exceeds something.
    """
    ordinary = not (
        journal.hold_id
        or journal.reverses
        or journal.adjusts
        or journal.exceeds
        or record.hold_id
        or record.reverses
        or record.adjusts
        or record.may_exceed_limit
        or record.forced
    )
    return (
        ordinary
        and journal.kind == record.kind
        and journal.transfers == record.transfers
        and journal.reference == record.reference
        and journal.narrative == record.narrative
        and (journal.value_date or record.business_date) == record.value_date
    )


def recorded_hold_body(hold: HoldState) -> str:
    """The body of a recorded hold."""
    return operation_body(
        PlaceHold(
            hold_id=hold.hold_id,
            account=hold.account,
            amount_satang=hold.amount,
            expires_on=hold.expires_on,
            reference=hold.reference,
        )
    )


def _journal_body(*, transfers: tuple[Transfer, ...], **facts: object) -> str:
    lines = [
        {"debit": t.debit, "credit": t.credit, "amount_satang": t.amount_satang} for t in transfers
    ]
    return canonical_json({**facts, "transfers": lines})


def differing_fields(recorded: str, asked: str) -> list[str]:
    """Names of the fields in which two bodies differ, e.g. ["reference", "transfers[0].debit"]."""
    if recorded == asked:
        return []
    old, new = cast(Body, json.loads(recorded)), cast(Body, json.loads(asked))
    names: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        same_length = isinstance(before, list) and isinstance(after, list)
        if (
            name == "transfers"
            and same_length
            and len(cast(list[Body], before)) == len(cast(list[Body], after))
        ):
            pairs = zip(cast(list[Body], before), cast(list[Body], after), strict=True)
            for line, (left, right) in enumerate(pairs):
                names += [f"transfers[{line}].{key}" for key in left if left[key] != right.get(key)]
        else:
            names.append(name)
    return names
