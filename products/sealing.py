"""The night's last step: every proven day gets its seal, in order, whoever missed it.

It stands after `prove` and can fail alone: the day stays proven, doors and later nights go on, and
the next run seals what is missing to the same bytes. A night without a key file seals nothing; a
later one that has it does.
"""

from __future__ import annotations

from ledger.db import Pool
from ledger.evidence.keys import KeyFile
from ledger.evidence.seals import Seal, days_to_seal, seal_day
from products.night import ACTOR, Night, Progress, only_night

SEAL = "seal"


async def seal(night: Night) -> None:
    """Seal the day that was proven just now, and every earlier one that has no seal.

    Raises `SealKeyUnusable` when the key in force is not there; the day is proven all the same.
    """
    if night.seal_key is None:
        return
    await seal_missing(night.pool, night.book_id, night.seal_key)
    if night.say is not None:
        night.say(Progress(business_date=night.business_date, step=SEAL, chunk=1, chunks=1))


async def seal_missing(pool: Pool, book_id: int, key: KeyFile) -> list[Seal]:
    """Seal every proven day that has no seal, oldest first; what was made.

    For the one night of the book (`only_night`): the seal after is made from the one before.
    """
    days = await days_to_seal(pool, book_id)
    if not days:
        return []
    async with pool.acquire() as connection:
        signer = await key.signer(connection)
    return [await seal_day(pool, day, signer, actor=ACTOR) for day in days]


async def seal_left_over(pool: Pool, book_id: int, key: KeyFile) -> list[Seal]:
    """As `seal_missing`, as the only night of the book: for days whose night died before its seal.

    Raises `NightRunning` when there is something to seal and another night runs.
    """
    if not await days_to_seal(pool, book_id):
        return []
    async with only_night(pool, book_id):
        return await seal_missing(pool, book_id, key)
