"""A batch of plain journals replayed as a whole: in columns, with the rules of `model`.

Most transfers are recorded in large batches of journals of one transfer, valued on one date, on
accounts that are open and not frozen, and keep every limit. Whether a batch is such a one is asked
of all its lines and of every balance on the way; if it is not, nothing has been changed, and it is
replayed line by line, which names what is wrong. Sums are of 64 bits where they are known to fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ledger.proof.book import Account, Book
from ledger.proof.lines import Flags, Ints, Lines
from ledger.proof.movements import ELEMENT, ID_LENGTH, Sums, key_of

FEWEST = 200
"""Lines that are worth the columns."""
_ROOM = 2**60
"""Four numbers below it add up to less than a 64-bit number holds."""
_SHORT_ACCOUNT = 2**16


def replay(book: Book, lines: Lines, part: slice, seq: int, day: int) -> dict[int, Sums] | None:
    """Apply the lines `part` of a batch of business day `day`; `seq` is the last number before.

    Answers what is moved, as `Batch.moved` has it in the same order; None when nothing was done
    because these lines have to be taken one by one.
    """
    if not _is_plain(book, lines, part, seq, day):
        return None
    seqs, amounts = lines.seqs[part], lines.amounts[part]
    sides = np.stack((lines.debits[part], lines.credits[part]), axis=1).ravel()
    order = _by_account(sides)
    sides = sides[order]
    firsts = np.flatnonzero(np.diff(sides, prepend=-1))
    touched = _accounts(book, sides[firsts].tolist())
    if touched is None:
        return None
    places, debited = order >> 1, order & 1 == 0
    moves = amounts[places]
    spared = lines.exceeds[part][places]
    if _some_limit_is_broken(touched, firsts, np.where(debited, -moves, moves), debited, spared):
        return None
    ends = np.append(firsts[1:], len(order))
    debits = np.add.reduceat(np.where(debited, moves, 0), firsts)
    credits_ = np.add.reduceat(np.where(debited, 0, moves), firsts)
    elements = _elements(lines.ids[part])[places].tobytes()
    groups = list(
        zip(
            touched,
            debits.tolist(),
            credits_.tolist(),
            seqs[places[ends - 1]].tolist(),
            firsts.tolist(),
            ends.tolist(),
            strict=True,
        )
    )
    value_day, moved = lines.value_days.item(part.start), {}
    for group in np.argsort(order[firsts]).tolist():
        account, debit, credit, last_seq, first, end = groups[group]
        account.debits += debit
        account.credits += credit
        account.changed_seq = last_seq
        ids = elements[ELEMENT * first : ELEMENT * end]
        moved[key_of(account.account_id, value_day)] = [debit, credit, end - first, ids]
    return moved


def _is_plain(book: Book, lines: Lines, part: slice, seq: int, day: int) -> bool:
    """Journals of one transfer with the numbers that come next and dates that may be."""
    count = part.stop - part.start
    if count < FEWEST or book.back_dated:
        return False
    first, last = lines.seqs.item(part.start), lines.seqs.item(part.stop - 1)
    value_days = lines.value_days[part]
    value_day = value_days.item(0)
    return bool(
        first == seq + 1
        and last - first == count - 1
        and lines.plain[part].all()
        and not lines.lines[part].any()
        and not lines.forced[part].any()
        and (lines.business_days[part] == day).all()
        and book.floor_day <= value_day <= day
        and (value_days == value_day).all()
        and (lines.debits[part] != lines.credits[part]).all()
        and int(lines.amounts[part].max()) * 2 * count < _ROOM
    )


def _by_account(sides: Ints) -> Ints:
    """The places of debits and credits by account, those of one account in their order."""
    short = int(sides.max()) < _SHORT_ACCOUNT
    # Small numbers are sorted by their digits, which takes a quarter of the time.
    found: Ints = np.argsort(sides.astype(np.uint16) if short else sides, kind="stable")
    return found


def _accounts(book: Book, numbers: Sequence[int]) -> list[Account] | None:
    """The accounts, if each is known, open and not frozen, and its counters leave room to add."""
    found: list[Account] = []
    for number in numbers:
        account = book.accounts.get(number)
        if account is None or account.closed or account.frozen or account.nets is not None:
            return None
        if max(account.debits, account.credits) >= _ROOM:
            return None
        found.append(account)
    return found


def _some_limit_is_broken(
    touched: Sequence[Account], firsts: Ints, moves: Ints, debited: Flags, spared: Flags
) -> bool:
    """Whether a balance stands beyond a limit after any line that brings it there.

    A debit is held against the lower limit and what is held, a credit against the upper one; each
    account's lines are in order, one account after another.
    """
    before = np.array([each.credits - each.debits for each in touched], np.int64)
    lowest = _limits([None if e.lowest is None else e.lowest + e.held for e in touched], -_ROOM)
    highest = _limits([each.highest for each in touched], _ROOM)
    if lowest is None or highest is None:
        return True
    sums = np.cumsum(moves)
    sizes = np.diff(firsts, append=len(moves))
    balances = sums + np.repeat(before - sums[firsts] + moves[firsts], sizes)
    beyond = np.where(
        debited, balances < np.repeat(lowest, sizes), balances > np.repeat(highest, sizes)
    )
    return bool((beyond & ~spared).any())


def _limits(limits: Sequence[int | None], without: int) -> Ints | None:
    """Limits as a column, `without` for those that have none; None when one of them is too big."""
    if any(each is not None and abs(each) >= _ROOM for each in limits):
        return None
    # Twice the room is beyond every balance.
    return np.array([2 * without if each is None else each for each in limits], np.int64)


def _elements(ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Ids as elements of an array in a row: each after its length."""
    found = np.empty((len(ids), ELEMENT), np.uint8)
    found[:, : len(ID_LENGTH)] = np.frombuffer(ID_LENGTH, np.uint8)
    found[:, len(ID_LENGTH) :] = ids
    return found
