"""Lines whose fate sets can tell, though they are not accepted: echoes and hopeless ones. Pure.

An *echo* says in every column what another line of the batch said before it under the same id: a
replay of that one, if that one is accepted. A *hopeless* line debits more than its account could
ever pay, were all that the batch pays in there at once and nothing else paid out: refused wherever
it stands. What it is told is available is what its account holds when its turn comes: what was
accepted before it is added up, and the judge's own guard is asked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ledger.errors import InvariantBroken
from ledger.posting.in_turn import refuse
from ledger.posting.journal_rules import room_guards
from ledger.posting.judged import Flags, Judged
from ledger.posting.lines import Ints, Lines
from ledger.posting.sheet import NO_LOW, Sheet

Slots = NDArray[np.int32]


def echoes_of(lines: Lines, twice: Flags) -> dict[int, int]:
    """Place of a line -> place of the first one, where every line of an id says the same.

    twice: true of every line whose id stands more than once.
    """
    places = np.flatnonzero(twice)
    if not len(places):
        return {}
    ids = np.ascontiguousarray(lines.ids[places]).tobytes()
    first_of: dict[bytes, int] = {}
    later: list[tuple[int, int]] = []
    for turn, place in enumerate(places.tolist()):
        first = first_of.setdefault(ids[16 * turn : 16 * turn + 16], place)
        if first != place:
            later.append((place, first))
    same = _same(lines, np.array(later, np.int64).reshape(-1, 2))
    others = {first for (_, first), alike in zip(later, same, strict=True) if not alike}
    return {place: first for place, first in later if first not in others}


def _same(lines: Lines, pairs: Ints) -> list[bool]:
    """Of each pair of places: whether all columns are equal."""
    one, other = pairs[:, 0], pairs[:, 1]
    columns = (lines.debit, lines.credit, lines.amount_satang, lines.kind, lines.value_date)
    alike = np.ones(len(pairs), np.bool_)
    for column in columns:
        alike &= column[one] == column[other]
    texts = (lines.reference, lines.narrative)
    return [
        equal and all(text.text(here) == text.text(there) for text in texts)
        for equal, here, there in zip(alike.tolist(), one.tolist(), other.tolist(), strict=True)
    ]


def hopeless_of(
    lines: Lines, plain: Flags, sheet: Sheet, debit: Slots, credit: Slots, credited: Ints
) -> Flags:
    """True of plain lines between open, unfrozen accounts that no order could find room for.

    credited: by slot, all that the batch could pay in.
    """
    found = np.zeros(len(lines), np.bool_)
    most = sheet.credits - sheet.debits - sheet.held + credited
    places = np.flatnonzero(plain)
    here, there = debit[places], credit[places]
    found[places] = (
        (sheet.low[here] != NO_LOW)
        & (sheet.bars[here] == 0)
        & (sheet.bars[there] == 0)
        & (most[here] - lines.amount_satang[places] < sheet.low[here])
    )
    return found


def refuse_hopeless(
    lines: Lines,
    hopeless: Flags,
    slots: tuple[Slots, Slots],
    sheet: Sheet,
    actor: str,
    judged: Judged,
) -> None:
    """Refuse them, each on the balance that the accepted lines before it left."""
    places = np.flatnonzero(hopeless)
    debit, credit = slots
    moved = _moved_before(lines, places, debit, credit, judged.accepted)
    here, there = sheet.states(debit[places]), sheet.states(credit[places])
    amounts = lines.amount_satang[places].tolist()
    for place, net, amount, account, other in zip(
        places.tolist(), moved.tolist(), amounts, here, there, strict=True
    ):
        # The guard asks for the balance alone; which counter moved is nothing to it.
        account.credits += net
        refusal = room_guards(0, amount, account, other)
        if refusal is None or refusal.code != "below_balance_min":
            raise InvariantBroken(f"line {place} was found hopeless, the guards say {refusal}")
        refuse(judged, lines, place, refusal, actor)


def _moved_before(lines: Lines, places: Ints, debit: Slots, credit: Slots, accepted: Flags) -> Ints:
    """What accepted lines before each place moved on the account that it debits, in satang."""
    wanted = np.zeros(max(int(debit.max()), int(credit.max())) + 1, np.bool_)
    wanted[debit[places]] = True
    out = np.flatnonzero(accepted & wanted[np.maximum(debit, 0)])
    into = np.flatnonzero(accepted & wanted[np.maximum(credit, 0)])
    amount, count = lines.amount_satang, len(lines)
    keys = np.concatenate([_key(debit, out, count), _key(credit, into, count)])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    net = np.concatenate([-amount[out], amount[into]])[order]
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(net)])
    upto = np.searchsorted(keys, _key(debit, places, count))
    since = np.searchsorted(keys, debit[places].astype(np.int64) * count)
    found: Ints = sums[upto] - sums[since]
    return found


def _key(slots: Slots, places: Ints, count: int) -> Ints:
    """Lines in order of account, then of place."""
    found: Ints = slots[places].astype(np.int64) * count + places
    return found
