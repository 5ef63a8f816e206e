"""Posting a dated proposal: an adjustment of an open month, or one of the late period.

It is a batch of its own with the proposal's business date; the judge refuses it where the month is
closed, or where the date is not the last day of a fiscal year in its late period. Everything else
is as with any manual journal: the second person, the same rules, the same answers.
"""

from __future__ import annotations

import asyncio

from ledger.db import Pool, translated
from ledger.errors import Overloaded
from ledger.manual import Dating
from ledger.periods.transact import own_transaction
from ledger.posting.collector import PATIENCE_SECONDS, Decide
from ledger.posting.values import Origin, Outcome, Status
from ledger.posting.write import post_batch

_PAUSE_SECONDS = 0.01


async def post_dated(
    pool: Pool, book_id: int, decide: Decide, dating: Dating, *, rehearse: bool = False
) -> Outcome:
    """Decide and post on the proposal's own business date; decides again while its row changes.

    rehearse: answer as if posted, and leave no trace. Raises what `decide` raises, `Overloaded`
    when the row stays locked, `OutcomeUnknown` when the commit got no answer.
    """
    ends = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        async with translated(), pool.acquire() as connection:
            unit = await decide(connection)
        async with own_transaction(pool, book_id, rehearse=rehearse) as mine:
            (outcome,) = await post_batch(
                mine.connection,
                book_id,
                [unit],
                origin=Origin.ADJUST,
                business_date=dating.business_date,
                period=dating.period,
            )
        if outcome.status not in (Status.STALE, Status.DEFERRED):
            return outcome
        if asyncio.get_running_loop().time() > ends:
            raise Overloaded(f"a proposal of book {book_id} was locked for {PATIENCE_SECONDS} s")
        await asyncio.sleep(_PAUSE_SECONDS)
