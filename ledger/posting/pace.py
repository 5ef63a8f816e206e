"""How many lines a bulk writer puts into its next batch: as many as it may, fewer when others wait.

Pure. A full batch holds the head for some hundred milliseconds. As soon as somebody was seen
waiting, the next batch is cut to what the measured rate does in `AIM_NS`. It stays so until
nobody has waited through `CALM_NS` of head time: whoever posts now and then, not all the time, is
not made to wait for a full batch each time either. Then it doubles from batch to batch.
"""

from __future__ import annotations

YIELD_NS = 50_000_000
"""Head time of a batch after one that somebody waited for: 50 ms at most."""
AIM_NS = 15_000_000
"""What is aimed at: a line of a short batch costs up to twice one of a long batch."""
CALM_NS = 20_000_000_000
LINES_MIN = 1_024


class Pace:
    """The size of the next batch, in lines."""

    def __init__(self, lines_max: int) -> None:
        self._max = lines_max
        self._calm_ns = CALM_NS
        self.lines = lines_max

    def held(self, lines: int, nanoseconds: int, *, waited_for: bool) -> None:
        """A batch of so many lines held the head so long, and somebody waited for it or not."""
        fitting = lines * AIM_NS // max(1, nanoseconds)
        if waited_for:
            self._calm_ns = 0
        else:
            self._calm_ns += nanoseconds
        if self._calm_ns >= CALM_NS:
            self.lines = min(self._max, self.lines * 2)
        else:
            # One slow batch must not be held against the next ones: at most twice as many.
            self.lines = min(self._max, self.lines * 2, max(LINES_MIN, fitting))
