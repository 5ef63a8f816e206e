"""Posting a source of chunks: each batch's results on disk, then its position, then its commit.

`Loading` stands between a source and the bulk writer. It hands the lines of chunks over and keeps
the chunks until the writer, in the posting transaction, tells what became of their lines; then it
writes the result lines, those of malformed lines among them, and moves the run's row. Where a
stretch of the file has no line to post, its results are committed by themselves.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from ledger.db import Connection, Pool, transaction, translated
from ledger.errors import ensure
from ledger.loading.chunks import Chunk
from ledger.loading.fields import MOVED_BY_HAND, Flaw
from ledger.loading.result_lines import Part, texts_of
from ledger.loading.runs import SQL, Position, Run, move_run
from ledger.loading.spans import Numbers
from ledger.posting.bulk import LINES_MAX, BulkWriter
from ledger.posting.lines import Lines
from ledger.posting.outcomes import LineOutcomes, LineStatus

_CHUNKS_WITHOUT_LINES = 4
"""So many chunks with nothing to post wait at most for a batch that takes them along."""

Done = Callable[[Position], None]
"""Called with the position after each commit."""


class Chunks(Protocol):
    """Where chunks come from; it is told of accounts that it did not know."""

    async def next(self) -> Chunk | None:
        """The next chunk, None at the end."""
        ...

    def tell(self, news: Mapping[bytes, int]) -> None:
        """Accounts that have become known."""
        ...


class Results(Protocol):
    """Where result lines go."""

    def write(self, texts: Iterable[bytes], place: int) -> int:
        """Put texts at a place, kept when this returns; how many bytes they are."""
        ...


Bars = Callable[[Connection, int, Collection[int] | None], Awaitable[Collection[int]]]
"""Which accounts of a book a loader must not move, among these or (None) all."""


async def bars_nothing(
    _connection: Connection, _book_id: int, _among: Collection[int] | None
) -> Collection[int]:
    """A loader may move every account."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What a loader knows of its book: accounts by code, and those that are not for loaders.

    numbers, barred: grow by what is opened while it loads.
    """

    book_id: int
    numbers: Numbers
    barred: set[int]
    bars: Bars


async def book_of(pool: Pool, book_id: int, bars: Bars = bars_nothing) -> Book:
    """The accounts of a book, held in memory while it is loaded.

    bars: which accounts a loader must not move; asked again about accounts that are opened while it
          loads.
    """
    async with pool.acquire() as connection:
        rows = await connection.fetch(SQL["account_numbers"], book_id)
        barred = await bars(connection, book_id, None)
    numbers = Numbers((row["code"].encode(), row["account_id"]) for row in rows)
    return Book(book_id=book_id, numbers=numbers, barred={*barred}, bars=bars)


@dataclass(slots=True)
class _Held:
    """A chunk whose lines are with the writer; `done` of its lines have their result."""

    chunk: Chunk
    done: int = 0

    @property
    def is_done(self) -> bool:
        return self.done == len(self.chunk)


@dataclass(slots=True, kw_only=True)
class Loading:
    """One load of one run. `run` tells how far it has come; it is moved by every commit.

    result:     where the results go, for the row. first_line: number of the first line of journals.
    """

    pool: Pool
    run: Run
    book: Book
    source: Chunks
    results: Results
    result: str
    first_line: int
    done: Done
    _held: deque[_Held] = field(default_factory=deque)
    _names: dict[int, str] = field(default_factory=dict)
    _taken: int = 0
    _written: tuple[list[Part], int] = field(default_factory=lambda: ([], 0))
    _ended: bool = False

    async def post(self, *, lines_max: int | None = None) -> Run:
        """Post everything; the run as it is then. Raises what the writer and the source raise."""
        self.run = replace(self.run, result=self.result)
        self._names = {number: code.decode() for code, number in self.book.numbers.items()}
        writer = BulkWriter(
            self.pool, self.book.book_id, actor=self.run.actor, lines_max=lines_max or LINES_MAX
        )
        while not self._ended:
            self._taken = 0
            await writer.load(self._lines(), self._before_commit, self._beside)
            await self._commit_rest()
        return self.run

    async def _lines(self) -> AsyncIterator[Lines]:
        """The lines to post; ends early where many chunks have none, so that those get done."""
        without = 0
        while without < _CHUNKS_WITHOUT_LINES:
            chunk = await self.source.next()
            if chunk is None:
                self._ended = True
                return
            chunk = self._without_barred(await self._looked_up(chunk))
            self._held.append(_Held(chunk))
            without = 0 if len(chunk.lines) else without + 1
            if len(chunk.lines):
                yield chunk.lines

    async def _looked_up(self, chunk: Chunk) -> Chunk:
        """Ask the book again, once a chunk, for codes that nobody knew."""
        if not chunk.unknown:
            return chunk
        numbers = self.book.numbers
        codes = {code for pair in chunk.unknown.values() for code in pair}
        asked = [code for code in codes if code.encode() not in numbers]
        if asked:
            async with translated(), self.pool.acquire() as connection:
                rows = await connection.fetch(SQL["numbers_of_codes"], self.book.book_id, asked)
                opened = [row["account_id"] for row in rows]
                self.book.barred.update(await self.book.bars(connection, self.book.book_id, opened))
            news = {row["code"].encode(): row["account_id"] for row in rows}
            numbers.update(news)
            self._names.update((number, code.decode()) for code, number in news.items())
            self.source.tell(news)
        return chunk.known_by(numbers)

    def _without_barred(self, chunk: Chunk) -> Chunk:
        """Lines on accounts that a loader must not move are malformed."""
        barred = np.fromiter(self.book.barred, np.int32, len(self.book.barred))
        lines = chunk.lines
        found = np.isin(lines.debit, barred), np.isin(lines.credit, barred)
        at_fault = np.flatnonzero(found[0] | found[1]).tolist()
        if not at_fault:
            return chunk
        flaws = dict(chunk.flaws)
        for at in at_fault:
            name, column = ("debit", lines.debit) if found[0][at] else ("credit", lines.credit)
            flaws[int(chunk.places[at])] = Flaw(
                field=name,
                got=self._names[int(column[at])],
                expected=MOVED_BY_HAND,
                journal_id=chunk.id_at(at),
            )
        return chunk.without(flaws)

    async def _beside(self, first: int, outcomes: LineOutcomes) -> None:
        """Results on disk while the batch is being copied; void until its commit."""
        ensure(first == self._taken, f"batch begins at line {first}, not {self._taken}")
        parts = self._parts(len(outcomes))
        self._written = parts, await asyncio.to_thread(self._write, parts, outcomes)

    async def _before_commit(
        self, connection: Connection, first: int, outcomes: LineOutcomes
    ) -> None:
        """The run's row, in the posting transaction; its results are on disk."""
        ensure(first == self._taken, f"batch begins at line {first}, not {self._taken}")
        parts, text = self._written
        self.run = await self._moved(connection, parts, outcomes, text, finished=False)
        self._taken += len(outcomes)
        self._forget()
        self.done(self.run.position)

    async def _commit_rest(self) -> None:
        """What follows the last line posted: malformed lines, and at the end that it is the end."""
        parts = self._parts(0)
        if not parts and not self._ended:
            return
        text = await asyncio.to_thread(self._write, parts, None)
        async with translated(), transaction(self.pool, self.run.actor) as connection:
            run = await self._moved(connection, parts, None, text, finished=self._ended)
        self.run = run
        self._forget()
        self.done(self.run.position)

    def _parts(self, count: int) -> list[Part]:
        """The lines of the file up to the last of the next `count` that were posted; 0 = all."""
        found: list[Part] = []
        line = self.first_line + self.run.position.lines_done
        begins = 0
        for held in self._held:
            chunk = held.chunk
            before = int(np.searchsorted(chunk.places, held.done))
            here = min(len(chunk.places) - before, count - begins) if count else 0
            last = int(chunk.places[before + here - 1]) + 1 if here else held.done
            if not count or (begins + here < count and before + here == len(chunk.places)):
                last = len(chunk)
            if last > held.done:
                part = Part(chunk=chunk, first=held.done, last=last, line=line, begins=begins)
                found.append(part)
            line += last - held.done
            begins += here
            held.done = last
            if count and begins == count:
                break
        ensure(begins == count, f"{count} outcomes for {begins} lines")
        return found

    def _write(self, parts: list[Part], outcomes: LineOutcomes | None) -> int:
        """Result lines on disk, and how many bytes they are."""
        texts = (text for part in parts for text in texts_of(part, outcomes, self._names))
        return self.results.write(texts, self.run.position.result_bytes)

    async def _moved(
        self,
        connection: Connection,
        parts: list[Part],
        outcomes: LineOutcomes | None,
        text: int,
        *,
        finished: bool,
    ) -> Run:
        """The run moved on by these parts."""
        before = self.run.position
        lines = sum(part.last - part.first for part in parts)
        statuses = np.zeros(0, np.uint8) if outcomes is None else outcomes.status
        posted, replayed, refused = (
            int(np.count_nonzero(statuses == int(status))) for status in LineStatus
        )
        position = Position(
            bytes_done=int(parts[-1].chunk.ends[parts[-1].last - 1])
            if parts
            else before.bytes_done,
            result_bytes=before.result_bytes + text,
            lines_done=before.lines_done + lines,
            posted=before.posted + posted,
            replayed=before.replayed + replayed,
            refused=before.refused + refused,
            malformed=before.malformed + lines - len(statuses),
        )
        return await move_run(connection, self.run, position, finished=finished)

    def _forget(self) -> None:
        while self._held and self._held[0].is_done:
            self._held.popleft()
