"""The collector: what arrived while the last batch was in flight becomes the next batch.

One task a book, no timer: under light load a unit is posted at once, alone; under heavy load the
batches grow by themselves. Back-pressure is a bounded queue that answers `Overloaded` instead of
making everybody wait. If a batch fails with an error, its units are run one by one, so that only
the guilty one fails; if the connection is lost while the commit is on its way, the outcome is
unknown and is said to be unknown: the same ids will tell.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ledger import dates
from ledger.db import Connection, Pool
from ledger.errors import DatabaseUnavailable, OutcomeUnknown, Overloaded
from ledger.posting.clocked import CutOffs
from ledger.posting.desk import Desk
from ledger.posting.held import Held
from ledger.posting.short import Plan, plain
from ledger.posting.together import Found, Load, Together, Wanted
from ledger.posting.transact import pooled
from ledger.posting.values import Outcome, Status, Unit

BATCH_MAX = 256
"""More wait for the next batch, which is judged while the database has this one."""
QUEUE_MAX = 8192
YOUNG_OBJECTS = 50_000
"""So many more objects than before are made until Python looks for cycles among them."""
_STALE_TRIES = 20
_DEFERRED_PAUSE_SECONDS = 0.002
PATIENCE_SECONDS = 10

_NO_UNITS_FAULT = (OutcomeUnknown, DatabaseUnavailable, Overloaded)
"""Errors that no unit is guilty of: one by one each unit would only wait for the same again."""

Decide = Callable[[Connection], Awaitable[Unit]]
"""Loads what it needs and decides; called again when what it read has changed."""


@dataclass(slots=True)
class _Waiting:
    unit: Unit
    answer: asyncio.Future[Outcome]
    deferred_since_seconds: float | None = None


class Collector:
    """Posts units from many tasks of this process, batched per book.

    clock:            tells when a book's cut-off time has passed; the first batch after it moves
                      the date.
    queue_max:        units of one book that may wait; one more is `Overloaded`.
    patience_seconds: how long a unit waits for rows that others hold, or that are not there.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        clock: dates.Clock = dates.now,
        queue_max: int = QUEUE_MAX,
        patience_seconds: int = PATIENCE_SECONDS,
    ) -> None:
        _let_batches_live()
        self._pool = pool
        self._clock = clock
        self._queue_max = queue_max
        self._patience_seconds = patience_seconds
        self._queues: dict[int, deque[_Waiting]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._desks: dict[int, Desk] = {}
        self._held: dict[int, Held] = {}
        self._cut_offs = CutOffs(clock)
        self._closing = False
        self.together = Together()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Post what is queued, then stop; later submissions are refused as overload."""
        self._closing = True
        await asyncio.gather(*self._tasks.values(), *self._leaving)

    async def submit(self, book_id: int, unit: Unit) -> Outcome:
        """Post one unit with whatever else is waiting; returns after its commit.

        Raises `Overloaded`, `OutcomeUnknown`, `DatabaseUnavailable`, or the error of the unit.
        """
        queue = self._queues.setdefault(book_id, deque())
        if self._closing or len(queue) >= self._queue_max:
            raise Overloaded(f"{len(queue)} units are waiting in book {book_id}; try again shortly")
        waiting = _Waiting(unit, asyncio.get_running_loop().create_future())
        queue.append(waiting)
        desk = self._desks.get(book_id)
        if desk is None:
            held = self._held.setdefault(book_id, Held())
            desk = self._desks[book_id] = Desk(self._pool, book_id, held)
            self._tasks[book_id] = asyncio.create_task(self._drain(desk, book_id, queue))
        desk.ring()
        return await waiting.answer

    async def _drain(self, desk: Desk, book_id: int, queue: deque[_Waiting]) -> None:
        """Work until nothing waits; the connection is kept meanwhile."""
        try:
            while queue:
                await self._work(desk, book_id, queue)
                # Who was just answered may ask again at once.
                await asyncio.sleep(0)
        finally:
            # From here on a new unit begins a new task; nothing is awaited in between.
            task = self._tasks.pop(book_id)
            del self._desks[book_id]
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
            await desk.leave()

    async def _work(self, desk: Desk, book_id: int, queue: deque[_Waiting]) -> None:
        """Batch after batch, until nothing waits and nothing is on its way."""
        sent: list[_Waiting] = []
        while queue or sent:
            if not sent:
                sent = await self._begin(desk, book_id, queue)
                continue
            plan, judged = await self._judge_ahead(desk, queue)
            before, sent = sent, []
            try:
                written, outcomes = desk.answer()
            except Exception as error:  # noqa: BLE001 - each must reach the task that waits for it
                queue.extendleft(reversed(judged))
                if isinstance(error, _NO_UNITS_FAULT):
                    _fail(before, error)
                else:
                    await self._post(desk, book_id, before, queue)
                continue
            if not written:
                queue.extendleft(reversed(judged))
                await self._post(desk, book_id, before, queue)
                continue
            if judged and await self._sent(desk, book_id, plan):
                sent = judged
            else:
                queue.extendleft(reversed(judged))
            _answer(before, outcomes)

    async def _begin(self, desk: Desk, book_id: int, queue: deque[_Waiting]) -> list[_Waiting]:
        """The next batch; answers who is on the way, or nobody when it was posted the long way."""
        batch = [queue.popleft() for _ in range(min(len(queue), BATCH_MAX))]
        try:
            await self._move_date(desk, book_id)
            plan = await desk.plan([waiting.unit for waiting in batch])
        except Exception:  # noqa: BLE001 - the long way meets it again and says whose it is
            plan = None
        if await self._sent(desk, book_id, plan):
            return batch
        await self._post(desk, book_id, batch, queue)
        return []

    async def _sent(self, desk: Desk, book_id: int, plan: Plan | None) -> bool:
        """True when the plan is on its way; not when the business date has to move first."""
        if plan is None or self._cut_offs.due(book_id):
            return False
        try:
            await desk.send(plan)
        except Exception:  # noqa: BLE001 - the long way meets it again and says whose it is
            return False
        return True

    async def _judge_ahead(
        self, desk: Desk, queue: deque[_Waiting]
    ) -> tuple[Plan | None, list[_Waiting]]:
        """Judge what comes while a batch is on its way; returns when that has its answer."""
        judged: list[_Waiting] = []
        plan: Plan | None = None
        going_on = True
        # The batch is sent in this step; while it is on its way, its answers are put in words.
        await asyncio.sleep(0)
        desk.put_in_words()
        while not desk.landed:
            while going_on and queue and len(judged) < BATCH_MAX:
                if plan is None:
                    plan = desk.next_plan()
                unit = queue[0].unit
                if plan is None or not _plain(unit):
                    # All that waits rides together, the long way.
                    queue.extendleft(reversed(judged))
                    judged, going_on = [], False
                    break
                going_on = _fits(plan, unit)
                if going_on:
                    judged.append(queue.popleft())
            await desk.heard()
        return plan, judged

    async def _post(
        self, desk: Desk, book_id: int, batch: list[_Waiting], queue: deque[_Waiting]
    ) -> None:
        """Post a batch the long way; if it fails with an error, its units one by one."""
        try:
            await self._move_date(desk, book_id)
            outcomes = await desk.post([waiting.unit for waiting in batch])
        except Exception as error:  # noqa: BLE001 - each must reach the task that waits for it
            if len(batch) == 1 or isinstance(error, _NO_UNITS_FAULT):
                _fail(batch, error)
                return
            for waiting in batch:
                await self._post(desk, book_id, [waiting], queue)
            return
        _answer(batch, outcomes)
        deferred = [
            waiting
            for waiting, outcome in zip(batch, outcomes, strict=True)
            if outcome.status is Status.DEFERRED
        ]
        if deferred:
            queue.extendleft(reversed([w for w in deferred if self._may_wait(w)]))
            if len(deferred) == len(batch):
                await asyncio.sleep(_DEFERRED_PAUSE_SECONDS)

    async def _move_date(self, desk: Desk, book_id: int) -> None:
        if self._cut_offs.due(book_id):
            await self._cut_offs.move_if_due(await desk.connection(), book_id)

    def _may_wait(self, waiting: _Waiting) -> bool:
        """False, and the waiter told, when a row was out of reach, or missing, for too long."""
        now = asyncio.get_running_loop().time()
        if waiting.deferred_since_seconds is None:
            waiting.deferred_since_seconds = now
        if now - waiting.deferred_since_seconds < self._patience_seconds:
            return True
        if not waiting.answer.done():
            names = ", ".join(f"{row.table.name} {row.row_id}" for row in waiting.unit.reads)
            waiting.answer.set_exception(
                Overloaded(f"rows were locked or missing for {self._patience_seconds} s: {names}")
            )
        return False


def _let_batches_live() -> None:
    """Have Python look for cycles of dead objects when there may be some, not in every batch.

    Its default is to look whenever 700 more objects live than when it last did. A batch in hand is
    tens of thousands, none of them dead and none in a cycle: they were looked through again and
    again, counted as old, and every few batches everything the process holds was looked through for
    their sake, which took longer than a hundred batches of one. Looking stays automatic. Whoever
    has set it to look more rarely, or never, is left alone.
    """
    young, middle, old = gc.get_threshold()
    if 0 < young < YOUNG_OBJECTS:
        gc.set_threshold(YOUNG_OBJECTS, middle, old)


def _plain(unit: Unit) -> bool:
    """True when the short way can take the unit."""
    try:
        return plain(unit)
    except Exception:  # noqa: BLE001 - the long way meets it again and says whose it is
        return False


def _fits(plan: Plan, unit: Unit) -> bool:
    """True when the plan has taken the unit."""
    try:
        return plan.take(unit)
    except Exception:  # noqa: BLE001 - the long way meets it again and says whose it is
        return False


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)


def _answer(batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if outcome.status is not Status.DEFERRED and not waiting.answer.done():
            waiting.answer.set_result(outcome)


async def decide_and_post(
    collector: Collector, pool: Pool, book_id: int, decide: Decide, decided: Unit | None = None
) -> Outcome:
    """Decide and post; decide again for as long as what was read has changed meanwhile.

    decided: what the caller has decided on what it had read already.
    """
    for _ in range(_STALE_TRIES):
        unit = decided or await _decided(pool, decide)
        decided = None
        outcome = await collector.submit(book_id, unit)
        if outcome.status is not Status.STALE:
            return outcome
    raise _changed(book_id)


async def read_and_post(
    collector: Collector,
    pool: Pool,
    book_id: int,
    load: Load[Wanted, Found],
    wanted: Wanted,
    decide: Callable[[Found], Unit],
) -> Outcome:
    """As `decide_and_post`, for a verb that many may ask for at once.

    load: reads what all of them want in one go. decide: on what was read; pure.
    """
    for _ in range(_STALE_TRIES):
        found = await collector.together.read(pool, load, book_id, wanted)
        outcome = await collector.submit(book_id, decide(found))
        if outcome.status is not Status.STALE:
            return outcome
    raise _changed(book_id)


def _changed(book_id: int) -> Overloaded:
    return Overloaded(f"the same rows of book {book_id} changed {_STALE_TRIES} times meanwhile")


async def _decided(pool: Pool, decide: Decide) -> Unit:
    async with pooled(pool) as connection:
        return await decide(connection)
