"""A file or a stream in pieces of bounded size, each of whole lines. No line is ever held whole
that is longer than a line may be: its middle is dropped, its length is kept, and its reader finds
it too long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ledger.loading.fields import LINE_BYTES_MAX

PIECE_BYTES = 4 * 1024 * 1024
"""About half as many lines as a full batch has: what is read ahead stays small."""
LINES_MAX = 131_072
"""Lines of a piece at most, however short: each may have its own words of what is wrong."""
_KEPT = LINE_BYTES_MAX + 1
_FEED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Whole lines; only the last line of a source may lack its line break.

    offset: bytes of the source before the piece.
    size:   bytes of the source that it stands for; more than it holds when the middle of its
            last line was dropped.
    """

    data: bytes
    offset: int
    size: int


class Cutter:
    """Cuts a source that is read piece by piece.

    read: gives so many bytes, fewer only at the end of the source.
    """

    def __init__(
        self, read: Callable[[int], bytes], offset: int, piece_bytes: int = PIECE_BYTES
    ) -> None:
        self._read = read
        self._offset = offset
        self._piece_bytes = piece_bytes
        self._rest = b""

    def next(self) -> Piece | None:
        """The next piece, None at the end."""
        data = self._rest + self._read(max(1, self._piece_bytes - len(self._rest)))
        cut = end_of_lines(data, len(data))
        if cut:
            self._rest = data[cut:]
            return self._piece(data[:cut], cut)
        if len(data) <= _KEPT:
            more = self._read(self._piece_bytes)
            if more:
                self._rest = data + more
                return self.next()
            self._rest = b""
            return self._piece(data, len(data)) if data else None
        return self._long_line(data)

    def _long_line(self, data: bytes) -> Piece:
        """A line without an end so far, longer than any line may be."""
        size = len(data)
        while block := self._read(self._piece_bytes):
            at = block.find(b"\n")
            if at >= 0:
                self._rest = block[at + 1 :]
                return self._piece(data[:_KEPT] + b"\n", size + at + 1)
            size += len(block)
        self._rest = b""
        return self._piece(data[:_KEPT], size)

    def _piece(self, data: bytes, size: int) -> Piece:
        piece = Piece(data=data, offset=self._offset, size=size)
        self._offset += size
        return piece


def end_of_lines(data: bytes | bytearray, size: int = PIECE_BYTES) -> int:
    """Where the last whole line ends that belongs in a piece; 0 when there is none."""
    end = data.rfind(b"\n", 0, size) + 1
    if end > LINES_MAX and data.count(b"\n", 0, end) > LINES_MAX:
        breaks = np.flatnonzero(np.frombuffer(data[:end], np.uint8) == _FEED)
        end = int(breaks[LINES_MAX - 1]) + 1
    return end
