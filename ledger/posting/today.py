"""Units that hold for one business date only: should a cut-off come in between, decide again.

Such a unit's row write hands a NOT NULL column NULL when the batch stands on another date than the
one it was decided on. So the database itself refuses it, under the head, where the date is known;
nothing is recorded, and the other units of the batch are posted without it.
"""

from __future__ import annotations

import asyncpg

from ledger.db import Pool
from ledger.errors import Overloaded
from ledger.posting.collector import Collector, Decide, decide_and_post
from ledger.posting.values import Outcome

_TRIES = 5


async def decide_and_post_today(
    collector: Collector, pool: Pool, book_id: int, decide: Decide
) -> Outcome:
    """Decide and post; decide again when the business date has moved in between.

    Raises what `decide_and_post` raises, and `Overloaded` when the date keeps moving.
    """
    for _ in range(_TRIES):
        try:
            return await decide_and_post(collector, pool, book_id, decide)
        except asyncpg.NotNullViolationError:
            continue
    raise Overloaded(f"the business date of book {book_id} moved {_TRIES} times meanwhile")
