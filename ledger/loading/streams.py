"""A stream of lines that somebody sends: CSV or JSONL as it comes in, cut at line ends.

What has come while the last chunk was being posted is the next chunk; nothing waits for more to
come than one whole line. A stream that breaks off gives no half line.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Self

from ledger.errors import CffError, InvalidInput
from ledger.loading.chunks import Chunk
from ledger.loading.csv_lines import BOM
from ledger.loading.fields import LINE_BYTES_MAX
from ledger.loading.pieces import PIECE_BYTES, Piece, end_of_lines
from ledger.loading.sources import Format, header, parse, require_ids
from ledger.loading.spans import Numbers

IDLE_SECONDS = 60
_KEPT = LINE_BYTES_MAX + 1


class StreamIdle(CffError):  # noqa: N818
    """Nothing came for a minute: what was committed stands, the rest was not posted."""

    code = "stream_idle"


class StreamBroken(CffError):  # noqa: N818
    """The sender is gone: what was committed stands, nothing of the rest was posted."""

    code = "stream_broken"


class StreamLines:
    """Chunks of a stream. Use it as a context; `open` reads the first line."""

    def __init__(self, blocks: AsyncIterator[bytes], form: Format) -> None:
        self._blocks = blocks
        self._form = form
        self._names: tuple[str, ...] | None = None
        self._buffer = bytearray()
        self._offset = 0
        self._dropped = 0
        self._ended = False
        self._broken: BaseException | None = None
        self._moved = asyncio.Condition()
        self.first_line = 2 if form is Format.CSV else 1
        self.numbers = Numbers()

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def open(self) -> None:
        """Read the first line. Raises `InvalidInput` for a stream that cannot be posted at all."""
        await self._come()
        first = bytes(self._buffer.partition(b"\n")[0][:_KEPT])
        if not self._buffer:
            raise InvalidInput.one("body", "nothing", "at least one line")
        if self._form is Format.CSV:
            self._names = header(first)
            self._skip(self._buffer.find(b"\n") + 1 or len(self._buffer))
            return
        if first.startswith(BOM):
            self._skip(len(BOM))
            first = first.removeprefix(BOM)
        require_ids(first)

    def go_on(self, offset: int) -> None:
        """The bytes of earlier streams of the same run count before these."""
        self._offset += offset

    async def next(self) -> Chunk | None:
        """The next chunk, None at the end of the stream. Raises what broke the stream."""
        await self._come()
        piece = await self._cut()
        return None if piece is None else await asyncio.to_thread(self._parse, piece)

    def tell(self, news: Mapping[bytes, int]) -> None:
        """Accounts that have become known."""
        self.numbers.update(news)

    def _parse(self, piece: Piece) -> Chunk:
        return parse(piece, self._names, self.numbers)

    async def _read(self) -> None:
        """Take in what comes, no further ahead than two pieces."""
        broken: BaseException | None = None
        try:
            async for block in self._blocks:
                async with self._moved:
                    self._take(block)
                    self._moved.notify_all()
                    await self._moved.wait_for(lambda: len(self._buffer) < 2 * PIECE_BYTES)
        except Exception as error:  # noqa: BLE001 - handed to whoever asks for the next chunk
            broken = error
        async with self._moved:
            self._broken, self._ended = broken, True
            self._moved.notify_all()

    def _take(self, block: bytes) -> None:
        """Keep a block, but not the middle of a line that is too long to be one."""
        if self._dropped or (len(self._buffer) > _KEPT and b"\n" not in self._buffer):
            rest = len(self._buffer) - _KEPT
            if rest > 0:
                del self._buffer[_KEPT:]
                self._dropped += rest
            at = block.find(b"\n")
            if at < 0:
                self._dropped += len(block)
                return
            self._dropped += at
            block = block[at:]
        self._buffer += block

    async def _come(self) -> None:
        """Wait for a whole line, or the end. Raises what broke the stream."""
        try:
            async with asyncio.timeout(IDLE_SECONDS), self._moved:
                await self._moved.wait_for(lambda: self._ended or b"\n" in self._buffer)
        except TimeoutError:
            raise StreamIdle(
                f"no line came for {IDLE_SECONDS} seconds: send what is left, see the run's count"
            ) from None
        if self._broken is not None:
            raise self._broken

    async def _cut(self) -> Piece | None:
        async with self._moved:
            # The long line is the first one whenever something was dropped of it.
            cut = self._buffer.find(b"\n") + 1 if self._dropped else 0
            cut = cut or end_of_lines(self._buffer) or len(self._buffer)
            data = bytes(self._buffer[:cut])
            dropped, self._dropped = self._dropped, 0
            del self._buffer[:cut]
            self._moved.notify_all()
        if not data:
            return None
        piece = Piece(data=data, offset=self._offset, size=len(data) + dropped)
        self._offset += piece.size
        return piece

    def _skip(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count
