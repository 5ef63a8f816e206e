"""A book whose days are closed and sealed in one call, without products: for the tests of evidence.

Days have no closings here (no snapshot, no control totals): a seal is made from the record alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ledger.db import Pool
from ledger.evidence.files import seals_document
from ledger.evidence.keys import KeyFile
from ledger.evidence.seals import Seal, days_to_seal, list_seals, public_keys, seal_day
from ledger.kinds import EventKind
from ledger.posting.values import Journal, MoveBusinessDate, Note, Operation, Origin, Outcome, Unit
from ledger.posting.write import post_batch
from tests.builders import OPENED_ON, Scene, journal, make_scene, post, post_units

_PROVE = """
UPDATE ledger.day SET state = 3, proven_seq = $3, proven_at = clock_timestamp()
WHERE book_id = $1 AND business_date = $2
"""


@dataclass(slots=True, kw_only=True)
class SealedBook:
    """A small book, the date that its doors post on, and the key that it is sealed with."""

    pool: Pool
    scene: Scene
    key: KeyFile
    today: date

    @property
    def book_id(self) -> int:
        """The book's number."""
        return self.scene.book.book_id

    async def do(self, *operations: Operation) -> Outcome:
        """Post operations as a door would, in a batch of their own."""
        return await post(self.pool, self.book_id, operations)

    async def deposit(
        self, amount: int, *, value_date: date | None = None, text: str = ""
    ) -> Journal:
        """A deposit to the first member's account."""
        made = journal(
            self.scene.bank,
            self.scene.members[0],
            amount,
            value_date=value_date,
            reference=text,
            narrative=text,
        )
        outcome = await self.do(made)
        assert outcome.receipts, outcome
        return made

    async def cut(self) -> None:
        """Move the business date on; the day before is not proven."""
        self.today += timedelta(days=1)
        await self.do(MoveBusinessDate(to=self.today))

    async def prove(self, day: date) -> None:
        """Prove a day that was cut off, in a batch of its own."""
        unit = Unit(operations=(Note(kind=EventKind.DAY_PROVEN, body={}),), actor="night")
        async with self.pool.acquire() as connection, connection.transaction():
            (outcome,) = await post_batch(
                connection, self.book_id, [unit], origin=Origin.NIGHT, business_date=day
            )
            seq = outcome.receipts[0].recorded_seq
            await connection.execute(_PROVE, self.book_id, day, seq)

    async def adjust(self, day: date, made: Journal) -> None:
        """Post an adjustment on an earlier business date."""
        async with self.pool.acquire() as connection, connection.transaction():
            unit = Unit(operations=(made,), actor="test:accountant")
            (outcome,) = await post_batch(
                connection, self.book_id, [unit], origin=Origin.ADJUST, business_date=day
            )
        assert outcome.receipts, outcome

    async def seal(self) -> list[Seal]:
        """Seal what is proven and not sealed."""
        async with self.pool.acquire() as connection:
            signer = await self.key.signer(connection)
        days = await days_to_seal(self.pool, self.book_id)
        return [await seal_day(self.pool, day, signer, actor="night") for day in days]

    async def close(self) -> Seal:
        """Cut off, prove and seal today."""
        day = self.today
        await self.cut()
        await self.prove(day)
        return (await self.seal())[-1]

    async def seal_file(self) -> dict[str, object]:
        """What `cff seals export` writes."""
        seals = await list_seals(self.pool, self.book_id)
        return seals_document(seals, await public_keys(self.pool))


async def open_sealed_book(pool: Pool, folder: Path) -> SealedBook:
    """A bank account, two members with 1,000.00 each, a key file that is not there yet."""
    scene = await make_scene(pool, opening=1_000_00)
    key = KeyFile(path=folder / "seal-key.pem", say=lambda _: None)
    return SealedBook(pool=pool, scene=scene, key=key, today=OPENED_ON)


async def deposit_many(book: SealedBook, count: int) -> None:
    """So many deposits of one satang, in one batch."""
    made = [
        Unit(operations=(journal(book.scene.bank, book.scene.members[0], 1),), actor="test:many")
        for _ in range(count)
    ]
    outcomes = await post_units(book.pool, book.book_id, made)
    assert all(outcome.receipts for outcome in outcomes)
