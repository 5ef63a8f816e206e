"""Back-dated postings on limited accounts: what has to be known of later value dates.

A debit dated in the past lowers every balance since then, so the model needs the sums per value
date of the accounts that a slice posts to with an earlier value date. They are rare: their sums are
read from the movements of the batches before the slice, which were compared with the transfers
when their own slice was replayed, and live for one slice only.
"""

from __future__ import annotations

import numpy as np

from ledger.db import Connection
from ledger.proof.acts import DATE_MOVED, LIMITS, OPENED
from ledger.proof.book import Book
from ledger.proof.rows import Slice, day_number, day_of

_NETS = """
SELECT w.account_id, m.value_date, sum(m.credits - m.debits)::bigint AS net
FROM unnest($2::int[], $3::date[]) AS w (account_id, since)
INNER JOIN ledger.movement AS m
    ON m.book_id = $1 AND m.account_id = w.account_id AND m.business_date > w.since
        AND m.value_date > w.since AND m.batch_no <= $4
GROUP BY w.account_id, m.value_date
"""


async def load_nets(connection: Connection, book_id: int, book: Book, piece: Slice) -> None:
    """Give the accounts that need them their sums by value date, for this slice."""
    since = _may_be_limited(book, piece, _back_dated(book, piece))
    book.back_dated = set(since)
    known = {number: day for number, day in since.items() if number in book.accounts}
    for account_id in known:
        account = book.accounts[account_id]
        account.nets = {}
        account.watch()
    if not known:
        return
    days = [day_of(day) for day in known.values()]
    for row in await connection.fetch(_NETS, book_id, list(known), days, piece.after_batch):
        nets = book.accounts[row["account_id"]].nets
        if nets is not None:
            nets[day_number(row["value_date"])] = row["net"]


def drop_nets(book: Book) -> None:
    """Forget the sums of a slice that has been replayed."""
    for account_id in book.back_dated:
        account = book.accounts.get(account_id)
        if account is not None:
            account.nets = None
            account.watch()
    book.back_dated = set()


def _may_be_limited(book: Book, piece: Slice, since: dict[int, int]) -> dict[int, int]:
    if not since:
        return since
    changing = {event["account_id"] for event in piece.events if event["kind"] in (OPENED, LIMITS)}
    limited = {
        number
        for number in since
        if (account := book.accounts.get(number)) is not None
        and (account.lowest is not None or account.highest is not None)
    }
    return {number: day for number, day in since.items() if number in limited | changing}


def _back_dated(book: Book, piece: Slice) -> dict[int, int]:
    """Accounts that back-dated journals of the slice touch, with their earliest value day."""
    moves = [event["recorded_seq"] for event in piece.events if event["kind"] == DATE_MOVED]
    moves.append(piece.to_seq + 1)
    since: dict[int, int] = {}
    lines, head_day, place = piece.lines, book.head_day, 0
    for upto in moves:
        end = int(np.searchsorted(lines.seqs, upto))
        earlier = (lines.value_days[place:end] < head_day) & ~lines.exceeds[place:end]
        for line in (np.flatnonzero(earlier) + place).tolist():
            day = lines.value_days.item(line)
            for account_id in (lines.debits.item(line), lines.credits.item(line)):
                since[account_id] = min(since.get(account_id, day), day)
        place = end
        head_day += 1
    return since
