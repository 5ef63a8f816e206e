"""Chunks of lines as they come, batches of lines as they are wanted, a few chunks ahead. No I/O."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import Self

from ledger.posting.lines import Lines, joined

CHUNKS_AHEAD = 2


class Feeding:
    """Reads chunks in the background, at most `CHUNKS_AHEAD` beyond what is wanted.

    taken: how many lines were consumed so far.
    """

    def __init__(self, chunks: AsyncIterator[Lines]) -> None:
        self._chunks = chunks
        self._queue: asyncio.Queue[Lines | BaseException | None] = asyncio.Queue(CHUNKS_AHEAD)
        self._held: deque[Lines] = deque()
        self._ended = False
        self._broken: BaseException | None = None
        self.taken = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def peek(self, offset: int, most: int) -> Lines | None:
        """At most `most` lines from `offset` on, at least one; None at the end.

        Waits only while there is none; an error of the source comes where its lines would have.
        """
        while self._count() <= offset and not self._ended:
            self._keep(await self._queue.get())
        while self._count() < offset + most and not self._ended and not self._queue.empty():
            self._keep(self._queue.get_nowait())
        if self._count() <= offset:
            if self._broken is not None:
                raise self._broken
            return None
        parts: list[Lines] = []
        wanted = most
        for chunk in self._held:
            if offset >= len(chunk):
                offset -= len(chunk)
                continue
            part = chunk.slice(offset, min(len(chunk), offset + wanted))
            parts.append(part)
            wanted -= len(part)
            offset = 0
            if not wanted:
                break
        return parts[0] if len(parts) == 1 else joined(parts)

    def consume(self, count: int) -> None:
        """The first `count` lines are done with."""
        self.taken += count
        while count:
            chunk = self._held.popleft()
            if len(chunk) > count:
                self._held.appendleft(chunk.slice(count, len(chunk)))
                return
            count -= len(chunk)

    def _count(self) -> int:
        return sum(map(len, self._held))

    def _keep(self, item: Lines | BaseException | None) -> None:
        if isinstance(item, BaseException):
            self._ended, self._broken = True, item
        elif item is None:
            self._ended = True
        elif len(item):
            self._held.append(item)

    async def _read(self) -> None:
        try:
            async for chunk in self._chunks:
                await self._queue.put(chunk)
        except Exception as error:  # noqa: BLE001 - handed to whoever asks for the next lines
            await self._queue.put(error)
        else:
            await self._queue.put(None)
        finally:
            # Else it is closed whenever it is collected, and its file stands open till then.
            if isinstance(self._chunks, AsyncGenerator):
                await self._chunks.aclose()
