"""Lines judged one after another, in their order, on what the lines before them left. Pure.

A line that passes every check but room is asked about room alone, by the judge's own guard. One
that asks again for what is recorded under its id is a replay, one whose form is refused is refused
by the guards of the form; all else goes to the judge as a unit.
"""

from __future__ import annotations

import time
from datetime import date
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ledger import money
from ledger.errors import InvariantBroken
from ledger.posting.bodies import line_body, repeats_record
from ledger.posting.journal_rules import form_refusal, room_guards
from ledger.posting.judge import Judge, Verdict
from ledger.posting.judged import Flags, Judged
from ledger.posting.lines import EPOCH, NO_DATE, Ints, Lines
from ledger.posting.records import JournalRecord, RefusalRecord, canonical_json
from ledger.posting.room import room_of
from ledger.posting.sheet import Sheet
from ledger.posting.state import State
from ledger.posting.values import Journal, Status, Unit
from ledger.refusals import Refusal

_TURNS = 256
"""Lines judged in sequence between two offers of the interpreter to other threads."""


def judge_in_turn(
    lines: Lines,
    places: Ints,
    roomy: Flags,
    slots: tuple[NDArray[np.int32], NDArray[np.int32]],
    sheet: Sheet,
    state: State,
    actor: str,
    judged: Judged,
) -> None:
    """Judge lines one after another; only what they can be judged on is kept up to date."""
    touched = np.unique(np.concatenate([slots[0][places], slots[1][places]]))
    touched = touched[touched >= 0]
    accounts = sheet.states(touched)
    state.accounts.update({account.account: account for account in accounts})
    room = room_of(accounts)
    debits, credits_, lowest, highest = room.debits, room.credits, room.lowest, room.highest
    judge = Judge(state)
    accepted: list[int] = []
    first_at: dict[UUID, int] = {}
    turns = zip(
        places.tolist(),
        roomy[places].tolist(),
        np.searchsorted(touched, slots[0][places]).tolist(),
        np.searchsorted(touched, slots[1][places]).tolist(),
        lines.amount_satang[places].tolist(),
        strict=True,
    )
    for turn, (place, may_pass, debit, credit, amount) in enumerate(turns):
        if not turn % _TURNS:
            # This runs beside the thread that feeds the batch before to the database.
            time.sleep(0)
        if may_pass:
            debited, credited = debits[debit] + amount, credits_[credit] + amount
            if (
                credits_[debit] - debited >= lowest[debit]
                and credited - debits[credit] <= highest[credit]
                and debited <= money.COUNTER_MAX
                and credited <= money.COUNTER_MAX
            ):
                debits[debit], credits_[credit] = debited, credited
                accepted.append(place)
                continue
            room.write_back(debit, credit)
            guarded = room_guards(0, amount, accounts[debit], accounts[credit])
            refuse(judged, lines, place, _said(guarded, place), actor)
            continue
        journal = lines.journal(place)
        if _told(state, journal, place, judged, first_at):
            continue
        if refusal := _form_refused(state, journal):
            refuse(judged, lines, place, refusal, actor)
            continue
        # An account that is not there has the first one's place, which is then asked in vain.
        held = (debit, credit) if accounts else ()
        room.write_back(*held)
        _note(judge.unit(Unit(operations=(journal,), actor=actor)), place, actor, judged, first_at)
        room.read_again(*held)
    judged.accepted[accepted] = True


def _said(refusal: Refusal | None, place: int) -> Refusal:
    if refusal is None:
        raise InvariantBroken(f"line {place} has no room, and no guard refuses it")
    return refusal


def refuse(judged: Judged, lines: Lines, place: int, refusal: Refusal, actor: str) -> None:
    """Refuse an ordinary line that the judge has not seen, and record that."""
    days = lines.value_date.item(place)
    judged.refused[place] = refusal
    judged.refusals.append(
        RefusalRecord(
            position=place,
            code=refusal.code,
            sticky=refusal.sticky,
            operation_id=UUID(bytes=lines.ids[place].tobytes()),
            event_id=None,
            actor=actor,
            detail=canonical_json(refusal.detail),
            body=line_body(
                lines.kind.item(place),
                (
                    lines.debit.item(place),
                    lines.credit.item(place),
                    lines.amount_satang.item(place),
                ),
                None if days == NO_DATE else date.fromordinal(EPOCH + days).isoformat(),
                (lines.reference.text(place), lines.narrative.text(place)),
            ),
        )
    )


def _told(
    state: State, journal: Journal, place: int, judged: Judged, first_at: dict[UUID, int]
) -> bool:
    """True, and noted, of a line that asks again for the journal recorded under its id."""
    identity = journal.journal_id
    record = state.journals.get(identity)
    if record is None or identity in state.remembered or identity in state.holds:
        return False
    if not repeats_record(journal, record):
        return False
    _note_replay(record, place, judged, first_at)
    return True


def _form_refused(state: State, journal: Journal) -> Refusal | None:
    """Why a line under a new id cannot be a journal at all, whatever its accounts hold.

    None as well where the judge has to say it: its id is known, or will have to be remembered.
    """
    identity = journal.journal_id
    if identity in state.journals or identity in state.remembered or identity in state.holds:
        return None
    refusal = form_refusal(state, journal)
    return None if refusal is None or refusal.sticky else refusal


def _note(
    verdict: Verdict, place: int, actor: str, judged: Judged, first_at: dict[UUID, int]
) -> None:
    """Keep what the judge said of one line; `first_at` tells where an id was accepted here."""
    if verdict.status is Status.REFUSED and verdict.refusal is not None:
        judged.refused[place] = verdict.refusal
        if not verdict.remembered:
            judged.refusals.append(
                RefusalRecord(
                    position=place,
                    code=verdict.refusal.code,
                    sticky=verdict.refusal.sticky and verdict.operation_id is not None,
                    operation_id=verdict.operation_id,
                    event_id=None,
                    actor=actor,
                    detail=canonical_json(verdict.refusal.detail),
                    body=verdict.body,
                )
            )
        return
    record = verdict.records[0]
    if not isinstance(record, JournalRecord):
        return
    if verdict.status is Status.REPLAYED:
        _note_replay(record, place, judged, first_at)
        return
    judged.accepted[place] = True
    first_at[record.journal_id] = place


def _note_replay(
    record: JournalRecord, place: int, judged: Judged, first_at: dict[UUID, int]
) -> None:
    first = first_at.get(record.journal_id)
    if first is None:
        judged.replays[place] = record
    else:
        judged.repeats[place] = first
