"""Lines judged as sets, and in sequence where the order matters. Pure.

No rule lives here: what may be refused is decided by the one `Judge`. Two kinds of lines need not
be asked about one by one. A *plain* line between accounts that no order of this batch's lines could
bring near a guard is accepted whatever else happens (an account is *contested* otherwise). A plain
line of a contested account is asked about room alone when its turn comes, by the judge's own guard:
that is all that is left of the guards. Everything else goes to the judge as a unit, in line order,
on the state that the lines before it left on the contested accounts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ledger import money
from ledger.errors import InvariantBroken
from ledger.posting.bodies import line_body
from ledger.posting.journal_rules import room_guards
from ledger.posting.judge import Judge, Verdict
from ledger.posting.lines import EPOCH, NO_DATE, Ints, Lines, days_of
from ledger.posting.records import JournalRecord, RefusalRecord, canonical_json
from ledger.posting.room import room_of
from ledger.posting.sheet import NO_HIGH, NO_LOW, Sheet
from ledger.posting.state import State
from ledger.posting.values import Status, Unit
from ledger.refusals import Refusal

Flags = NDArray[np.bool_]
_TURNS = 256
"""Lines judged in sequence between two offers of the interpreter to other threads."""
_SAFE = 2**62
"""Sums below it cannot pass 64 bits, whatever is added to a balance in range."""


@dataclass(slots=True, kw_only=True)
class Judged:
    """What became of a batch of lines.

    value_date: days since 1970-01-01, settled, of every line.
    replays:    place of a line -> the number that was recorded under its id before this batch.
    repeats:    place of a line -> place of the accepted line of this batch with the same id.
    refused:    place of a line -> its refusal, new or remembered.
    refusals:   the new ones, as they will be recorded.
    """

    accepted: Flags
    value_date: Ints
    replays: dict[int, JournalRecord] = field(default_factory=dict)
    repeats: dict[int, int] = field(default_factory=dict)
    refused: dict[int, Refusal] = field(default_factory=dict)
    refusals: list[RefusalRecord] = field(default_factory=list)
    in_sequence: int = 0


def judge_lines(lines: Lines, sheet: Sheet, state: State, actor: str) -> Judged:
    """Judge a batch of lines on the sheet; the sheet itself is not changed.

    state: dates of the batch, and what was found under the ids of its lines (`journals`,
    `remembered`, `holds`) and of limited accounts that back-dated lines touch (`series`). Its
    `accounts` are filled here with those that are judged in sequence.
    """
    debit, credit = sheet.slots(lines.debit), sheet.slots(lines.credit)
    today = days_of(state.business_date)
    value_date = np.where(lines.value_date == NO_DATE, today, lines.value_date).astype(np.int64)
    known = {identity.bytes for identity in (*state.journals, *state.remembered, *state.holds)}
    plain = (
        _possible(lines, debit, credit)
        & (value_date <= today)
        & (value_date >= days_of(state.value_date_floor))
        & ~repeated(lines)
        & ~among(lines, known)
    )
    both = plain.copy()
    both[plain] = sheet.currency[debit[plain]] == sheet.currency[credit[plain]]
    plain = both
    back_dated = sheet.slots(np.array(sorted(state.series), np.int32))
    contested = _contested(lines, sheet, debit, credit)
    contested[back_dated] = True
    here = np.where(debit >= 0, debit, 0), np.where(credit >= 0, credit, 0)
    ordered = ~plain | contested[here[0]] | contested[here[1]]
    if state.shut is not None:
        ordered[:] = True
    judged = Judged(accepted=~ordered, value_date=value_date)
    places = np.flatnonzero(ordered)
    judged.in_sequence = len(places)
    if len(places):
        # Where a guard beside the limits could speak, room alone is not enough.
        barred = sheet.bars != 0
        barred[back_dated] = True
        roomy = plain & ~barred[here[0]] & ~barred[here[1]] & (state.shut is None)
        _in_sequence(lines, places, roomy, (debit, credit), sheet, state, actor, judged)
    return judged


def repeated(lines: Lines) -> Flags:
    """True of every line whose id stands more than once among them."""
    words = lines.halves()
    high, low = words[:, 0], words[:, 1]
    rising = (high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))
    found = np.zeros(len(lines), np.bool_)
    if rising.all():
        return found
    order = np.lexsort((low, high))
    same = (np.diff(high[order]) == 0) & (np.diff(low[order]) == 0)
    found[order[1:][same]] = True
    found[order[:-1][same]] = True
    return found


def back_dated_limited(lines: Lines, sheet: Sheet, state: State) -> dict[int, int]:
    """Limited accounts that back-dated lines touch -> the earliest value date, in days."""
    dated = lines.value_date != NO_DATE
    dated &= lines.value_date < days_of(state.head_date)
    dated &= lines.value_date >= days_of(state.value_date_floor)
    found: dict[int, int] = {}
    for side in (lines.debit[dated], lines.credit[dated]):
        slots = sheet.slots(side)
        limited = (slots >= 0) & (
            (sheet.low[np.maximum(slots, 0)] != NO_LOW)
            | (sheet.high[np.maximum(slots, 0)] != NO_HIGH)
        )
        days = lines.value_date[dated][limited].tolist()
        for account, day in zip(side[limited].tolist(), days, strict=True):
            found[account] = min(found.get(account, day), day)
    return found


def _possible(lines: Lines, debit: NDArray[np.int32], credit: NDArray[np.int32]) -> Flags:
    """Amount in range, two accounts, both there."""
    amount = lines.amount_satang
    in_range = (amount >= 1) & (amount <= money.AMOUNT_MAX)
    possible: Flags = in_range & (lines.debit != lines.credit) & (debit >= 0) & (credit >= 0)
    return possible


def among(lines: Lines, known: set[bytes]) -> Flags:
    """True of every line whose id is one of these."""
    if not known:
        return np.zeros(len(lines), np.bool_)
    ids = np.ascontiguousarray(lines.ids).tobytes()
    return np.fromiter(
        (ids[place : place + 16] in known for place in range(0, len(ids), 16)),
        np.bool_,
        len(lines),
    )


def _contested(
    lines: Lines, sheet: Sheet, debit: NDArray[np.int32], credit: NDArray[np.int32]
) -> Flags:
    """By slot: True where some order of these lines could meet a guard on the account."""
    possible = _possible(lines, debit, credit)
    amount = lines.amount_satang[possible]
    total = (int((amount >> 32).sum()) << 32) + int((amount & 0xFFFFFFFF).sum())
    if total >= _SAFE:
        # The sums might not fit; in sequence they are Python's integers.
        return np.ones(len(sheet.account), np.bool_)
    debits = np.zeros(len(sheet.account), np.int64)
    credits_ = np.zeros(len(sheet.account), np.int64)
    np.add.at(debits, debit[possible], amount)
    np.add.at(credits_, credit[possible], amount)
    balance = sheet.credits - sheet.debits
    contested: Flags = (
        (sheet.bars != 0)
        | ((sheet.low != NO_LOW) & (balance - sheet.held - debits < sheet.low))
        | ((sheet.high != NO_HIGH) & (balance + credits_ > sheet.high))
        | (debits > money.COUNTER_MAX - sheet.debits)
        | (credits_ > money.COUNTER_MAX - sheet.credits)
        | (debits > money.BALANCE_MAX + balance)
        | (credits_ > money.BALANCE_MAX - balance)
    )
    return contested


def _in_sequence(
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
            refusal = room_guards(0, amount, accounts[debit], accounts[credit])
            if refusal is None:
                raise InvariantBroken(f"line {place} has no room, and no guard refuses it")
            judged.refused[place] = refusal
            judged.refusals.append(_without_room(lines, place, refusal, actor))
            continue
        # An account that is not there has the first one's place, which is then asked in vain.
        held = (debit, credit) if accounts else ()
        room.write_back(*held)
        unit = Unit(operations=(lines.journal(place),), actor=actor)
        _note(judge.unit(unit), place, unit, judged, first_at)
        room.read_again(*held)
    judged.accepted[accepted] = True


def _without_room(lines: Lines, place: int, refusal: Refusal, actor: str) -> RefusalRecord:
    """What is remembered of an ordinary line that found no room; its id stands here once."""
    days = lines.value_date.item(place)
    return RefusalRecord(
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


def _note(
    verdict: Verdict, place: int, unit: Unit, judged: Judged, first_at: dict[UUID, int]
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
                    actor=unit.actor,
                    detail=canonical_json(verdict.refusal.detail),
                    body=verdict.body,
                )
            )
        return
    record = verdict.records[0]
    if not isinstance(record, JournalRecord):
        return
    if verdict.status is Status.REPLAYED:
        first = first_at.get(record.journal_id)
        if first is None:
            judged.replays[place] = record
        else:
            judged.repeats[place] = first
        return
    judged.accepted[place] = True
    first_at[record.journal_id] = place
