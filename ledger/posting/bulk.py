"""The bulk way: lines by the ten thousand, judged in sets, written by COPY, one commit a batch.

Same tables, same judge, same digest as a unit at a time (docs/posting-path.md). While a batch is
being copied, the next one is judged and packed on the accounts as this one will leave them; should
the head have moved by then, or an id be on record, that work is thrown away and done again under
the head. The caller's hook runs in each posting transaction, right before its commit: whatever it
writes there (a run's position) is true exactly when the batch is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger import dates, digest
from ledger.db import Connection, Pool, statements
from ledger.posting import bulk_read, dated, read
from ledger.posting.assemble import Assembled, Numbers, assemble
from ledger.posting.clocked import CutOffs
from ledger.posting.columns import literal_of_numbers, refusal_columns
from ledger.posting.feeding import Feeding
from ledger.posting.frames import MARK_COLUMNS, MOVEMENT_COLUMNS, TRANSFER_COLUMNS
from ledger.posting.idranges import ranges_of, share_ids
from ledger.posting.lines import Lines
from ledger.posting.outcomes import LineOutcomes
from ledger.posting.pace import Pace
from ledger.posting.sets import back_dated_limited, judge_lines
from ledger.posting.sheet import Sheet
from ledger.posting.state import State
from ledger.posting.transact import head_in_time, pooled, posting
from ledger.posting.values import Origin
from ledger.vouchers import fiscal_year_of

SQL = statements(Path(__file__).parent.parent / "sql" / "bulk.sql")
LINES_MAX = 131_072
"""Lines of a full batch: bounds memory, and how long the head is held before anybody can ask."""
_SUMMARIZE_EVERY = 32_768
_SUMMARIZE_LEAST = 4_096
_GIVE_WAY_SECONDS = 0.001
_GIVE_WAY_TRIES = 20

BeforeCommit = Callable[[Connection, int, LineOutcomes], Awaitable[None]]
"""(connection in the posting transaction, place of the batch's first line among all, outcomes)."""
Beside = Callable[[int, LineOutcomes], Awaitable[None]]
"""(place of the batch's first line among all, outcomes that are not committed yet)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A batch made beforehand: usable if the head is found as `assembled.before` says."""

    lines: Lines
    assembled: Assembled


class BulkWriter:
    """Posts lines into one book, batch by batch; one task uses it at a time.

    actor:     stands on every journal.
    lines_max: lines of a batch when nobody waits for the head.
    clock:     tells when the book's cut-off time has passed; then the date moves first.
    """

    def __init__(
        self,
        pool: Pool,
        book_id: int,
        *,
        actor: str,
        lines_max: int = LINES_MAX,
        clock: dates.Clock = dates.now,
    ) -> None:
        self._pool = pool
        self._book_id = book_id
        self._actor = actor
        self._pace = Pace(min(lines_max, LINES_MAX))
        self._sheet = Sheet()
        self._cut_offs = CutOffs(clock)
        self._left: read.HeadRow | None = None
        self._unsummarized = 0

    async def load(
        self,
        chunks: AsyncIterator[Lines],
        before_commit: BeforeCommit,
        beside: Beside | None = None,
    ) -> None:
        """Post all lines in their order; the hook is told of every batch, in its transaction.

        beside: begun when a batch's outcomes are known, runs while its rows are written, and has
        ended before the hook is called: what takes time but must be done before the commit.
        Raises `OutcomeUnknown` when a commit was sent and no answer came, `Overloaded` when the
        head was held elsewhere too long, `DatabaseUnavailable`, or the database's own error; what
        was committed before stands.
        """
        self._left = None
        summarizing: asyncio.Task[None] | None = None
        async with Feeding(chunks) as feeding:
            following: asyncio.Task[_Ready | None] | None = None
            try:
                ready: _Ready | None = None
                while lines := await feeding.peek(0, self._pace.lines):
                    if ready is not None and len(ready.lines) <= self._pace.lines:
                        lines = ready.lines
                    else:
                        ready = None
                    following = await self._batch(feeding, lines, ready, (before_commit, beside))
                    ready = await following
                    feeding.consume(len(lines))
                    if self._unsummarized >= _SUMMARIZE_EVERY:
                        if summarizing is not None:
                            await summarizing
                        summarizing = asyncio.create_task(self._summarize())
            except BaseException:
                await _finished(following)
                self._left = None
                self._sheet.forget()
                raise
            finally:
                if summarizing is not None:
                    await asyncio.gather(summarizing, return_exceptions=True)
        if self._unsummarized >= _SUMMARIZE_LEAST:
            # Housekeeping: the load is posted whatever becomes of it, the next one does it too.
            await asyncio.gather(self._summarize(), return_exceptions=True)

    async def _batch(
        self,
        feeding: Feeding,
        lines: Lines,
        ready: _Ready | None,
        hooks: tuple[BeforeCommit, Beside | None],
    ) -> asyncio.Task[_Ready | None]:
        """One batch, from the head to the commit; answers the making of the next one."""
        following: asyncio.Task[_Ready | None] | None = None
        told: asyncio.Future[None] | None = None
        before_commit, beside = hooks
        try:
            async with pooled(self._pool) as connection, self._on_time(connection):
                async with head_in_time(self._book_id):
                    head = await read.take_head(connection, self._book_id)
                began = time.perf_counter_ns()
                if ready is not None and ready.assembled.before == head:
                    assembled = ready.assembled
                else:
                    assembled = await self._decide(connection, head, lines)
                found = assembled.tally
                self._sheet.move(assembled.slots, found.debits, found.credits, found.last_seq)
                following = asyncio.create_task(
                    self._make_next(feeding, lines, head, assembled.after)
                )
                if beside is not None:
                    told = asyncio.ensure_future(beside(feeding.taken, assembled.outcomes))
                await self._write(connection, assembled)
                if told is not None:
                    await told
                await before_commit(connection, feeding.taken, assembled.outcomes)
                waited_for = await connection.fetchval(SQL["waiting"])
            self._left = assembled.after
            self._unsummarized += assembled.journals
            self._pace.held(len(lines), time.perf_counter_ns() - began, waited_for=waited_for)
            if waited_for:
                await self._give_way(assembled.after.batch_no)
        except BaseException:
            await _finished(told)
            await _finished(following)
            raise
        return following

    @asynccontextmanager
    async def _on_time(self, connection: Connection) -> AsyncIterator[None]:
        """A posting transaction on the business date that the clock asks for."""
        if self._cut_offs.due(self._book_id):
            await self._cut_offs.move_if_due(connection, self._book_id)
        async with posting(connection):
            yield

    async def _give_way(self, batch_no: int) -> None:
        """Whoever waits is woken by our commit; PostgreSQL does not keep its place in the queue."""
        async with pooled(self._pool) as connection:
            for _ in range(_GIVE_WAY_TRIES):
                if await connection.fetchval(SQL["newest_batch"], self._book_id) > batch_no:
                    return
                await asyncio.sleep(_GIVE_WAY_SECONDS)

    async def _decide(self, connection: Connection, head: read.HeadRow, lines: Lines) -> Assembled:
        """Ask what must be known, judge and assemble, all under the head."""
        looked = await bulk_read.look(connection, self._book_id, lines, ranges_of(lines))
        state = await bulk_read.state_of(connection, self._book_id, head, lines, looked.known)
        self._trust(head)
        await bulk_read.fill_sheet(connection, self._book_id, self._sheet, lines)
        await bulk_read.load_series(connection, self._book_id, self._sheet, state, lines)
        fiscal_year = fiscal_year_of(head.business_date, head.fiscal_year_start_month)
        numbers = Numbers(
            business_date=head.business_date,
            fiscal_year=fiscal_year,
            first_voucher=await dated.next_voucher(connection, self._book_id, head, fiscal_year),
        )
        assembled = await asyncio.to_thread(self._judge, head, numbers, lines, state)
        await bulk_read.add_vouchers(connection, self._book_id, assembled)
        return assembled

    def _trust(self, head: read.HeadRow) -> None:
        """What is held is true at the head it was left with; otherwise each account is asked for.

        A lower number or another epoch is another history (a restore, a repair): nothing of what is
        held says anything about it.
        """
        left = self._left
        if left is None or left.epoch != head.epoch or head.recorded_seq < left.recorded_seq:
            self._sheet.forget()
        elif left != head:
            self._sheet.unsure()

    def _judge(self, head: read.HeadRow, numbers: Numbers, lines: Lines, state: State) -> Assembled:
        judged = judge_lines(lines, self._sheet, state, self._actor)
        return assemble(self._book_id, self._actor, head, numbers, lines, judged, self._sheet)

    async def _make_next(
        self, feeding: Feeding, now: Lines, before: read.HeadRow, head: read.HeadRow
    ) -> _Ready | None:
        """Make the next batch for the head that this one will leave.

        now, before: the batch in flight and the head it found. What is on record is asked beside
        it: true when it is committed, if nobody else posts, but for its own ids.
        """
        lines = await feeding.peek(len(now), self._pace.lines)
        fiscal_year = fiscal_year_of(head.business_date, head.fiscal_year_start_month)
        if lines is None or fiscal_year < head.voucher_year or share_ids(now, lines):
            return None
        ranges = ranges_of(lines)
        async with pooled(self._pool) as connection:
            looked = await bulk_read.look(connection, self._book_id, lines, ranges)
            if looked.head not in (before, head):
                return None
            state = await bulk_read.state_of(connection, self._book_id, head, lines, looked.known)
            await bulk_read.fill_sheet(connection, self._book_id, self._sheet, lines)
            if back_dated_limited(lines, self._sheet, state):
                return None
            numbers = Numbers(
                business_date=head.business_date,
                fiscal_year=fiscal_year,
                first_voucher=head.voucher_no + 1 if fiscal_year == head.voucher_year else 1,
            )
            assembled = await asyncio.to_thread(self._judge, head, numbers, lines, state)
            await bulk_read.add_vouchers(connection, self._book_id, assembled)
        return _Ready(lines=lines, assembled=assembled)

    async def _write(self, connection: Connection, batch: Assembled) -> None:
        """Everything that the batch records, in the order that the guards ask for."""
        if not batch.records:
            return
        before, after, numbers = batch.before, batch.after, batch.numbers
        await connection.execute(
            SQL["open_batch"],
            self._book_id,
            after.batch_no,
            numbers.business_date,
            before.recorded_seq + 1,
            after.recorded_seq,
            batch.journals,
            batch.amount_sum,
            len(batch.judged.refusals),
            int(Origin.BULK),
            numbers.fiscal_year,
            numbers.first_voucher,
            digest.DIGEST_VERSION,
            after.digest,
            batch.marked_ids,
        )
        if batch.journals:
            await self._write_journals(connection, batch)
        if batch.judged.refusals:
            columns = refusal_columns(batch.judged.refusals)
            await connection.execute(SQL["write_refusals"], self._book_id, after.batch_no, *columns)
        await connection.execute(
            SQL["move_head"],
            self._book_id,
            after.recorded_seq,
            after.batch_no,
            after.digest,
            after.voucher_year,
            after.voucher_no,
        )

    async def _write_journals(self, connection: Connection, batch: Assembled) -> None:
        await connection.copy_to_table(
            "transfer",
            schema_name="ledger",
            columns=TRANSFER_COLUMNS,
            format="binary",
            source=_each(batch.transfers),
        )
        await connection.copy_to_table(
            "movement",
            schema_name="ledger",
            columns=MOVEMENT_COLUMNS,
            format="binary",
            source=_each((batch.movements,)),
        )
        if batch.marks:
            await connection.copy_to_table(
                "movement_mark",
                schema_name="ledger",
                columns=MARK_COLUMNS,
                format="binary",
                source=_each((batch.marks,)),
            )
        await connection.execute(
            SQL["move_balances"],
            self._book_id,
            literal_of_numbers(batch.tally.account.tolist()),
            literal_of_numbers(batch.debits_after.tolist()),
            literal_of_numbers(batch.credits_after.tolist()),
            literal_of_numbers(batch.excess_after.tolist()),
            literal_of_numbers(batch.tally.last_seq.tolist()),
        )

    async def _summarize(self) -> None:
        """Keep the tail of the numbers' index short, beside the posting and without its locks."""
        self._unsummarized = 0
        async with pooled(self._pool) as connection:
            await connection.execute(SQL["summarize"])


async def _each(frames: Sequence[bytes]) -> AsyncIterator[bytes]:
    for frame in frames:
        yield frame


async def _finished(task: asyncio.Future[Any] | None) -> None:
    """Wait for a task whose result nobody needs any more; it uses what we are about to forget."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
