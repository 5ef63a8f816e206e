"""Bytes cut into lines, and the lines in which bytes stand that no column looks for. Pure.

A line ends with a line feed, a carriage return before it is not part of it. A journal is one line:
there are no line breaks inside a field, so lines can be cut before anything is read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger.loading.fields import ENDED, LINE, LINE_BYTES_MAX, SHORT_LINE, Flaw, shown
from ledger.loading.spans import PADDING, Flags, padded
from ledger.posting.lines import Bytes, Ints

FEED, RETURN, DELETE = 10, 13, 127
_CONTROLS_BELOW, _ASCII_BELOW = 32, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLines:
    """Lines in a padded buffer.

    starts, ends: of each line without its line break, places in the buffer.
    breaks:       where each line's break stands, or the end of the file.
    odd:          lines with control characters, broken UTF-8 or too many bytes.
    unended:      the last line has no line break.
    """

    data: Bytes
    starts: Ints
    ends: Ints
    breaks: Ints
    odd: Flags
    unended: bool

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, place: int) -> bytes:
        """One line without its break."""
        return self.data[self.starts[place] : self.ends[place]].tobytes()

    def flaw(self, place: int, *, must_end: bool) -> Flaw | None:
        """What is wrong with a line before it is looked into: too long, or not known to be whole.

        must_end: a line of this format does not show by itself that it is whole.
        """
        length = int(self.ends[place] - self.starts[place])
        if length > LINE_BYTES_MAX:
            return too_long(self.line(place)[: 4 * LINE_BYTES_MAX])
        if must_end and self.unended and place == len(self) - 1:
            return Flaw(field=LINE, got=shown(_text(self.line(place))), expected=ENDED)
        return None

    def places_of(self, found: Ints) -> Ints:
        """The lines in which some bytes of the buffer stand; `found` in ascending order."""
        return np.searchsorted(self.breaks, found)


def too_long(line: bytes) -> Flaw:
    """A line over the limit; what there is of it is enough."""
    return Flaw(field=LINE, got=shown(_text(line[:400])), expected=SHORT_LINE)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def raw_lines(data: bytes) -> RawLines:
    """The lines of some bytes that begin at a line's start."""
    buffer = padded(data)
    inside = buffer[PADDING : PADDING + len(data)]
    low = np.flatnonzero(inside < _CONTROLS_BELOW) + PADDING
    what = buffer[low]
    breaks = low[what == FEED]
    unended = len(data) > 0 and not data.endswith(b"\n")
    if unended:
        breaks = np.append(breaks, PADDING + len(data))
    starts = np.concatenate([np.full(min(1, len(breaks)), PADDING), breaks[:-1] + 1])
    ends = breaks - ((buffer[breaks - 1] == RETURN) & (breaks > starts))
    if unended:
        # Without its feed a return is a control character like any other.
        ends[-1] = breaks[-1]
    lines = RawLines(
        data=buffer,
        starts=starts,
        ends=ends,
        breaks=breaks,
        odd=ends - starts > LINE_BYTES_MAX,
        unended=unended,
    )
    _mark_controls(lines, low, what)
    _mark_broken_utf8(lines, data, inside)
    return lines


def _mark_controls(lines: RawLines, low: Ints, what: Bytes) -> None:
    others = low[what != FEED]
    if len(others):
        at = lines.places_of(others)
        lines.odd[at[others < lines.ends[at]]] = True
    deleting = np.flatnonzero(lines.data == DELETE)
    if len(deleting):
        lines.odd[lines.places_of(deleting)] = True


def _mark_broken_utf8(lines: RawLines, data: bytes, inside: Bytes) -> None:
    if not len(inside) or int(inside.max()) < _ASCII_BELOW:
        return
    try:
        data.decode()
    except UnicodeDecodeError:
        high = np.flatnonzero(inside >= _ASCII_BELOW) + PADDING
        lines.odd[lines.places_of(high)] = True
