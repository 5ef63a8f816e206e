"""Two databases that begin alike: one is posted to by units, the other by lines; they stay alike.

Both hold the same books under the same numbers, so not only the balances but every row, every
number and the chain of digests must be equal. What the bulk writer made of a load is told by its
own hook, batch by batch; the units are then posted in batches cut at the same places.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
import uvloop

from ledger import books, embedded
from ledger.books import GlAccount
from ledger.cut_off import end_business_date
from ledger.db import Connection, Pool, open_pool
from ledger.posting.assemble import Assembled
from ledger.posting.bulk import BulkWriter
from ledger.posting.lines import EPOCH, Lines
from ledger.posting.outcomes import LineOutcomes, LineStatus
from ledger.posting.values import Origin, Outcome, Status, Unit
from ledger.posting.write import post_batch
from ledger.proof.verify import verify_ledger
from tests.ledger.bulk.drawn import OPENED_ON, Drawn, Kitchen
from tests.ledger.bulk.rows import ACTOR, Row, lines_of, unit_of
from tests.ledger.play import next_book_id

_T = TypeVar("_T")

TABLES = ("batch", "transfer", "movement", "balance", "refusal", "hold", "event", "book_head")
_OWN = "- 'recorded_at' - 'xact' - 'marks'"
"""What a row does not share with its twin; marks are for readers, and only lines have them."""
_ROWS = ", ".join(
    f"(SELECT array_agg((to_jsonb(t) {_OWN})::text ORDER BY (to_jsonb(t) {_OWN})::text) "
    f"FROM ledger.{table} AS t WHERE t.book_id = $1) AS {table}"
    for table in TABLES
)
_PLANT = """
UPDATE ledger.balance SET debits = $3, credits = $4 WHERE book_id = $1 AND account_id = $2
"""
_BALANCES = """
SELECT account_id, debits, credits, held, excess_satang, changed_seq FROM ledger.balance
WHERE book_id = $1
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What one line was answered, in words that both ways share."""

    status: str
    number: tuple[int, int, int, str, str] | None = None
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of the bulk side: whose rows, and what they were answered; `bulk` or another's."""

    rows: Sequence[Row]
    said: Sequence[Said]
    bulk: bool


class CountingWriter(BulkWriter):
    """A bulk writer that counts what became of the batches it had made beforehand."""

    def __init__(self, pool: Pool, book_id: int, counts: Counter[str], lines_max: int) -> None:
        super().__init__(pool, book_id, actor=ACTOR, lines_max=lines_max)
        self._counts = counts

    async def _decide(self, *arguments: Any) -> Assembled:
        """Counted: a batch that was not made beforehand, or in vain."""
        self._counts["batches decided under the head"] += 1
        return await super()._decide(*arguments)

    async def _make_next(self, *arguments: Any) -> Any:
        """Counted: a batch made beforehand."""
        ready = await super()._make_next(*arguments)
        self._counts["batches made beforehand"] += ready is not None
        return ready

    def _judge(self, *arguments: Any) -> Assembled:
        """Counted: how lines were judged."""
        made = super()._judge(*arguments)
        self._counts["lines judged in sequence"] += made.judged.in_sequence
        self._counts["lines judged in sets"] += len(made.outcomes) - made.judged.in_sequence
        return made

    def holds(self) -> dict[int, tuple[int, ...]]:
        """What it would trust: account -> counters, held, excess, last change.

        Not what is held but not sure: somebody else may have posted to it since, and the next
        batch that names it asks for it.
        """
        sheet = self._sheet
        return {
            int(sheet.account[slot]): (
                int(sheet.debits[slot]),
                int(sheet.credits[slot]),
                int(sheet.held[slot]),
                int(sheet.excess[slot]),
                int(sheet.changed_seq[slot]),
            )
            for slot in range(sheet.count)
            if sheet.sure[slot]
        }


class Twins:
    """Two databases in a loop of their own, and the counts of everything played in them."""

    def __init__(self, server: embedded.Lease, template: str) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._server = server
        self.counts: Counter[str] = Counter()
        self._names = [f"twin_{uuid4().hex}" for _ in range(2)]
        self.run(self._open(template))

    def run(self, work: Awaitable[_T]) -> _T:
        """Wait for something in this loop."""

        async def wait() -> _T:
            return await work

        return self._runner.run(wait())

    async def _open(self, template: str) -> None:
        owner = await asyncpg.connect(self._server.dsn("postgres"))
        for name in self._names:
            await owner.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        await owner.close()
        role = {"role": "cff_poster"}
        urls = [self._server.dsn(name) for name in self._names]
        self.owners = [await asyncpg.connect(url) for url in urls]
        self.posters = [await asyncpg.connect(url, server_settings=role) for url in urls]
        self.pool = await open_pool(urls[1])
        for owner in self.owners:
            # Only its planted balances: the guards against going back are not what is tested.
            await owner.execute("SET session_replication_role = replica")

    def close(self) -> None:
        """Hang up and drop both."""
        self.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        await self.pool.close()
        for connection in (*self.owners, *self.posters):
            await connection.close()
        owner = await asyncpg.connect(self._server.dsn("postgres"))
        for name in self._names:
            await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await owner.close()

    async def both(self, book_id: int, units: Sequence[Unit]) -> None:
        """Post the same batch on both sides; the answers must be the same."""
        answers = []
        for poster in self.posters:
            async with poster.transaction():
                answers.append(await post_batch(poster, book_id, units, origin=Origin.DOORS))
        assert answers[0] == answers[1]

    async def set_book(self, kitchen: Kitchen) -> None:
        """Lay the drawn book on both sides."""
        book_id = kitchen.book_id
        for poster in self.posters:
            await books.create_book(
                poster,
                book_id=book_id,
                code=f"book-{book_id}",
                name_th="สมุด",
                name_en="Book",
                opened_on=OPENED_ON,
            )
            line = GlAccount(gl_code="211100", cad_code="", name_th="เงินฝาก", name_en="Savings")
            await books.add_gl_accounts(poster, book_id, [line])
        await self.both(book_id, kitchen.openings())
        for day in range(kitchen.drawn.days):
            for poster in self.posters:
                async with poster.transaction():
                    ended = await end_business_date(
                        poster,
                        book_id,
                        OPENED_ON + timedelta(days=day),
                        actor="test:clock",
                        origin=Origin.DOORS,
                    )
                    assert ended
            await self.both(book_id, kitchen.daily(day + 1))
        await self.both(book_id, kitchen.conditions())
        for account, debits, credits_ in kitchen.planted():
            for owner in self.owners:
                await owner.execute(_PLANT, book_id, account, debits, credits_)

    async def stand_alike(self, book_id: int) -> None:
        """Every row of the two books is the same, but for clock, transaction and marks."""
        ours, theirs = [
            await poster.fetchrow(f"SELECT {_ROWS}", book_id) for poster in self.posters
        ]
        assert ours is not None
        assert theirs is not None
        for table in TABLES:
            mine, bulk = ours[table] or [], theirs[table] or []
            assert len(mine) == len(bulk), f"rows of {table}: {len(mine)} != {len(bulk)}"
            for one, other in zip(mine, bulk, strict=True):
                assert one == other, f"rows of {table}: by units {one}, by lines {other}"

    async def verify(self, book_id: int) -> None:
        """The independent model agrees with what the bulk way has recorded."""
        report = await verify_ledger(self.posters[1], book_id)
        assert report.ok, f"verify: {report}"


class Load:
    """One load of one book, as it went on the bulk side."""

    def __init__(self, twins: Twins, kitchen: Kitchen) -> None:
        self._twins = twins
        self._kitchen = kitchen
        self._rows = kitchen.rows()
        self.batches: list[Batch] = []
        drawn = kitchen.drawn
        self._writer = CountingWriter(twins.pool, kitchen.book_id, twins.counts, drawn.most)

    async def by_lines(self) -> None:
        """Post it through the bulk writer, others in between as they come."""
        await self._writer.load(self._chunks(), self._note)
        assert sum(len(batch.rows) for batch in self.batches if batch.bulk) == len(self._rows)

    async def by_units(self) -> None:
        """Post the same batches on the other side by units; the answers must be the same."""
        poster, book_id = self._twins.posters[0], self._kitchen.book_id
        for batch in self.batches:
            units = [unit_of(row) for row in batch.rows]
            async with poster.transaction():
                outcomes = await post_batch(
                    poster, book_id, units, origin=Origin.BULK if batch.bulk else Origin.DOORS
                )
            for row, said, outcome in zip(batch.rows, batch.said, outcomes, strict=True):
                heard = _heard(outcome)
                assert said == heard, f"answers: by units {heard}, by lines {said} to {row}"
                self._twins.counts[heard.code or heard.status] += 1

    async def held_as_recorded(self) -> None:
        """What the writer would trust is what stands in the table."""
        rows = await self._twins.posters[1].fetch(_BALANCES, self._kitchen.book_id)
        held = self._writer.holds()
        standing = {row["account_id"]: tuple(row)[1:] for row in rows}
        last = self.batches[-1]
        if last.bulk:
            assert held == {number: standing[number] for number in held}, "held: not as recorded"

    async def _chunks(self) -> AsyncIterator[Lines]:
        first, place = 0, 0
        lengths, others = self._kitchen.drawn.chunks, self._kitchen.drawn.others
        while first < len(self._rows):
            if place in others:
                await self._somebody_else(place)
            length = lengths[place % len(lengths)]
            yield lines_of(self._rows[first : first + length])
            first, place = first + length, place + 1

    async def _somebody_else(self, place: int) -> None:
        row = self._kitchen.other(place)
        poster = self._twins.posters[1]
        async with poster.transaction():
            outcomes = await post_batch(
                poster, self._kitchen.book_id, [unit_of(row)], origin=Origin.DOORS
            )
            # Under the head still: the order of this list is the book's order.
            said = [_heard(outcome) for outcome in outcomes]
            self.batches.append(Batch(rows=[row], said=said, bulk=False))
        self._twins.counts["by others"] += 1

    async def _note(self, connection: Connection, first: int, outcomes: LineOutcomes) -> None:
        rows = self._rows[first : first + len(outcomes)]
        said = [_told(outcomes, place) for place in range(len(outcomes))]
        self.batches.append(Batch(rows=rows, said=said, bulk=True))
        self._twins.counts["batches by lines"] += 1


def run_any_load(twins: Twins, drawn: Drawn) -> None:
    """Post a drawn load both ways on a drawn book; everything must be the same."""
    kitchen = Kitchen(drawn=drawn, book_id=next_book_id())
    twins.run(_both_ways(twins, kitchen))


async def _both_ways(twins: Twins, kitchen: Kitchen) -> None:
    await twins.set_book(kitchen)
    load = Load(twins, kitchen)
    await load.by_lines()
    await load.by_units()
    await twins.stand_alike(kitchen.book_id)
    await load.held_as_recorded()
    if not kitchen.planted():
        twins.counts["verified"] += 1
        await twins.verify(kitchen.book_id)


def _told(outcomes: LineOutcomes, place: int) -> Said:
    """What the bulk writer says of a line."""
    status = LineStatus(outcomes.status[place])
    numbers = (
        int(outcomes.recorded_seq[place]),
        int(outcomes.voucher_no[place]),
        int(outcomes.fiscal_year[place]),
        _day(int(outcomes.business_date[place])),
        _day(int(outcomes.value_date[place])),
    )
    if status is not LineStatus.REFUSED:
        assert place not in outcomes.refusals
        return Said(status.name.lower(), numbers)
    refusal = outcomes.refusals.get(place)
    assert refusal is not None, "answers: refused without a reason"
    assert numbers[:3] == (0, 0, 0), "answers: a refused line has a number"
    return Said("refused", None, refusal.code, _text(refusal.detail))


def _heard(outcome: Outcome) -> Said:
    """What the sequential path says of the unit of the same line."""
    if outcome.status is Status.REFUSED:
        assert outcome.refusal is not None
        return Said("refused", None, outcome.refusal.code, _text(outcome.refusal.detail))
    (receipt,) = outcome.receipts
    numbers = (
        receipt.recorded_seq,
        receipt.voucher_no or 0,
        receipt.fiscal_year or 0,
        receipt.business_date.isoformat(),
        receipt.value_date.isoformat(),
    )
    return Said("posted" if outcome.status is Status.ACCEPTED else "replayed", numbers)


def _day(days: int) -> str:
    return type(OPENED_ON).fromordinal(EPOCH + days).isoformat()


def _text(detail: object) -> str:
    return json.dumps(detail, sort_keys=True, default=str)
