"""Lines judged as sets, and in sequence where the order matters. Pure.

No rule lives here: what may be refused is decided by the one `Judge` and its guards. Lines whose
fate no order can change need not be asked about one by one. A *plain* line between accounts that no
order of this batch's lines could bring near a guard is accepted whatever else happens (an account
is *contested* otherwise). What sets can refuse is in `outright`. A plain line of a contested
account is asked about room alone when its turn comes, by the judge's own guard: that is all that is
left of the guards. Everything else is judged in line order (`in_turn`), on the state that the lines
before it left on the contested accounts.
"""

from __future__ import annotations

from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from ledger import money
from ledger.posting.in_turn import judge_in_turn
from ledger.posting.judged import Flags, Judged
from ledger.posting.lines import NO_DATE, Ints, Lines, days_of
from ledger.posting.outright import echoes_of, hopeless_of, refuse_hopeless
from ledger.posting.sheet import NO_HIGH, NO_LOW, Sheet
from ledger.posting.state import State

Slots = tuple[NDArray[np.int32], NDArray[np.int32]]
_SAFE = 2**62
"""Sums below it cannot pass 64 bits, whatever is added to a balance in range."""


def judge_lines(lines: Lines, sheet: Sheet, state: State, actor: str) -> Judged:
    """Judge a batch of lines on the sheet; the sheet itself is not changed.

    state: dates of the batch, and what was found under the ids of its lines (`journals`,
    `remembered`, `holds`) and of limited accounts that back-dated lines touch (`series`). Its
    `accounts` are filled here with those that are judged in sequence.
    """
    debit, credit = sheet.slots(lines.debit), sheet.slots(lines.credit)
    today = days_of(state.business_date)
    value_date = np.where(lines.value_date == NO_DATE, today, lines.value_date).astype(np.int64)
    if state.shut is not None:
        every = np.ones(len(lines), np.bool_)
        judged = Judged(accepted=~every, value_date=value_date)
        _in_turn(lines, every, ~every, (debit, credit), sheet, state, actor, judged)
        return judged
    twice = repeated(lines)
    echoes = echoes_of(lines, twice)
    firsts = np.zeros(len(lines), np.bool_)
    firsts[list(echoes.values())] = True
    possible = _possible(lines, debit, credit)
    plain = (
        possible
        & (value_date <= today)
        & (value_date >= days_of(state.value_date_floor))
        & (~twice | firsts)
        & ~among(lines, _on_record(state))
    )
    plain[plain] = sheet.currency[debit[plain]] == sheet.currency[credit[plain]]
    hopeless = plain & ~firsts
    sums = _sums(lines, sheet, debit, credit, possible)
    if sums is None:
        # They might not fit in 64 bits; in sequence they are Python's integers.
        hopeless[:] = False
    else:
        hopeless = hopeless_of(lines, hopeless, sheet, debit, credit, sums[1])
        sums = _sums(lines, sheet, debit, credit, possible & ~hopeless)
    contested = _contested(sheet, sums)
    back_dated = sheet.slots(np.array(sorted(state.series), np.int32))
    contested[back_dated] = True
    here = np.where(debit >= 0, debit, 0), np.where(credit >= 0, credit, 0)
    ordered = ~plain | contested[here[0]] | contested[here[1]]
    hopeless &= ~contested[here[0]]
    ordered &= ~hopeless
    judged = Judged(accepted=~ordered & ~hopeless, value_date=value_date)
    for place, first in echoes.items():
        if judged.accepted[first]:
            ordered[place] = False
            judged.repeats[place] = first
    # An id that is judged more than once is judged as a whole each time.
    # Where a guard beside the limits could speak, room alone is not enough.
    barred = sheet.bars != 0
    barred[back_dated] = True
    roomy = plain & ~firsts & ~barred[here[0]] & ~barred[here[1]]
    _in_turn(lines, ordered, roomy, (debit, credit), sheet, state, actor, judged)
    if hopeless.any():
        refuse_hopeless(lines, hopeless, (debit, credit), sheet, actor, judged)
        judged.refusals.sort(key=attrgetter("position"))
    return judged


def _in_turn(
    lines: Lines,
    ordered: Flags,
    roomy: Flags,
    slots: Slots,
    sheet: Sheet,
    state: State,
    actor: str,
    judged: Judged,
) -> None:
    places = np.flatnonzero(ordered)
    judged.in_sequence = len(places)
    if len(places):
        judge_in_turn(lines, places, roomy, slots, sheet, state, actor, judged)


def _on_record(state: State) -> set[bytes]:
    return {identity.bytes for identity in (*state.journals, *state.remembered, *state.holds)}


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
    found = np.zeros(len(lines), np.bool_)
    wanted = np.sort(np.frombuffer(b"".join(known), ">u8").astype(np.uint64)[::2])
    upper = lines.halves()[:, 0]
    nearest = np.minimum(np.searchsorted(wanted, upper), len(wanted) - 1)
    # Few ids share their first half with a known one; these are looked at whole.
    likely = np.flatnonzero(wanted[nearest] == upper)
    ids = np.ascontiguousarray(lines.ids[likely]).tobytes()
    found[likely] = [ids[at : at + 16] in known for at in range(0, len(ids), 16)]
    return found


def _sums(
    lines: Lines, sheet: Sheet, debit: NDArray[np.int32], credit: NDArray[np.int32], counted: Flags
) -> tuple[Ints, Ints] | None:
    """By slot: what the counted lines debit and credit; None when it might not fit."""
    amount = lines.amount_satang[counted]
    total = (int((amount >> 32).sum()) << 32) + int((amount & 0xFFFFFFFF).sum())
    if total >= _SAFE:
        return None
    debits = np.zeros(len(sheet.account), np.int64)
    credits_ = np.zeros(len(sheet.account), np.int64)
    np.add.at(debits, debit[counted], amount)
    np.add.at(credits_, credit[counted], amount)
    return debits, credits_


def _contested(sheet: Sheet, sums: tuple[Ints, Ints] | None) -> Flags:
    """By slot: True where some order of these lines could meet a guard on the account."""
    if sums is None:
        return np.ones(len(sheet.account), np.bool_)
    debits, credits_ = sums
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
