"""Lines by the million for the bulk path, made from a seed: the same seed makes the same lines.

Ids are made by the client, either rising with time (48 bits of milliseconds, 12 of a counter, the
rest random: the layout of a version 7 uuid) or wholly random. A reference has twenty characters.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from benchmarks.made import AMOUNT_MAX
from ledger.kinds import JournalKind
from ledger.posting.lines import Bytes, Ints, Lines, Texts, days_of, joined

CHUNK = 65_536
"""Lines made at once; how many go into a batch is the path's own decision."""
REFERENCE_LENGTH = 20
_STARTED_MS = 1_764_547_200_000
_A_MILLISECOND = 256
"""Lines that one client makes in a millisecond; the counter has 4,096."""


class Ids(enum.Enum):
    """How the client makes its ids."""

    ORDERED = "time-ordered ids"
    RANDOM = "random ids"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """`count` lines, whose ids and references begin at `first`, as chunks.

    first: place in the whole benchmark, so that no two streams share an id. today: value date.
    """

    numbers: NDArray[np.int32]
    count: int
    first: int
    today: date
    ids: Ids = Ids.ORDERED

    def chunks(self) -> Iterator[Lines]:
        """Chunk after chunk, each made when it is asked for."""
        for at in range(self.first, self.first + self.count, CHUNK):
            yield self._chunk(at, min(CHUNK, self.first + self.count - at))

    def arrays(self) -> list[Lines]:
        """All chunks, made now: the path's own time starts here."""
        return list(self.chunks())

    def _chunk(self, first: int, count: int) -> Lines:
        dice = np.random.default_rng([2569, first, count])
        places = np.arange(first, first + count, dtype=np.int64)
        debit = dice.integers(0, len(self.numbers), count)
        # Never the same twice: a step of 1 to n - 1 from the first.
        credit = (debit + dice.integers(1, len(self.numbers), count)) % len(self.numbers)
        ids = dice.integers(0, 256, (count, 16), dtype=np.uint8)
        if self.ids is Ids.ORDERED:
            ids = _in_time(ids, places)
        return Lines(
            ids=ids,
            debit=self.numbers[debit],
            credit=self.numbers[credit],
            amount_satang=dice.integers(1, AMOUNT_MAX + 1, count),
            kind=np.full(count, int(JournalKind.MANUAL), np.int16),
            value_date=np.full(count, days_of(self.today), np.int32),
            reference=references(places),
            narrative=Texts(data=np.zeros(0, np.uint8), starts=np.zeros(count + 1, np.int64)),
        )


def _in_time(ids: Bytes, places: Ints) -> Bytes:
    words = (places // _A_MILLISECOND + _STARTED_MS) << 16 | 0x7000 | places % _A_MILLISECOND
    ids[:, :8] = words.astype(">i8").view(np.uint8).reshape(len(places), 8)
    ids[:, 8] = ids[:, 8] & 0x3F | 0x80
    return ids


def references(places: Ints) -> Texts:
    """`REF` and seventeen digits for each place."""
    digits = np.empty((len(places), REFERENCE_LENGTH), np.uint8)
    digits[:, :3] = np.frombuffer(b"REF", np.uint8)
    left = places.copy()
    for column in range(REFERENCE_LENGTH - 1, 2, -1):
        digits[:, column] = left % 10 + ord("0")
        left //= 10
    starts = np.arange(len(places) + 1, dtype=np.int64) * REFERENCE_LENGTH
    return Texts(data=digits.reshape(-1), starts=starts)


def regrouped(chunks: Sequence[Lines], sizes: Sequence[int]) -> list[Lines]:
    """The same lines in batches of these sizes."""
    whole = joined(chunks)
    ends = np.cumsum(sizes).tolist()
    return [whole.slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]


def with_columns(lines: Lines, **columns: NDArray[np.generic]) -> Lines:
    """The lines with some columns replaced."""
    return replace(lines, **columns)  # type: ignore[arg-type]  # columns named by the caller
