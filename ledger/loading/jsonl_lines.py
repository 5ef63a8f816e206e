"""JSONL: one JSON object a line, one journal a line, every value a text. Pure.

Files are written by programs, so most lines look like each other but for their values. The first
line that is in order becomes the pattern; lines with the same text between their values are taken
apart at once, all others by the standard library's parser.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from ledger.loading.chunks import Cells, Chunk, chunk_of
from ledger.loading.fields import FIELDS, LINE, Flaw, shown
from ledger.loading.raw_lines import RawLines, raw_lines
from ledger.loading.spans import PADDING, Flags, Numbers, Spans, empty
from ledger.posting.lines import Ints

AN_OBJECT = 'a JSON object such as {"id":"...","debit":"...","credit":"...","amount":"1234.50"}'
ONCE = "each name once in a line"
_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_TRIED = 16
"""So many lines are tried as the pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    """names: fields in order. parts: the text before each value with its quote, and the end."""

    names: tuple[str, ...]
    parts: tuple[bytes, ...]


class _Twice(ValueError):  # noqa: N818 - never leaves this module
    pass


def parse(data: bytes, numbers: Numbers, offset: int) -> Chunk:
    """The chunk of some bytes of a file that begin at a line's start; `offset` bytes before it."""
    lines = raw_lines(data)
    columns, unclear = _columns(lines)

    def exact(place: int) -> Cells | Flaw:
        return lines.flaw(place, must_end=False) or cells_of(lines.line(place))

    ends = np.minimum(lines.breaks + 1 - PADDING, len(data)) + offset
    return chunk_of(columns, lines.odd | unclear, exact, numbers, ends)


def cells_of(line: bytes) -> Cells | Flaw:
    """The cells of one line."""
    if not line.strip():
        return Flaw(field=LINE, got="an empty line", expected=AN_OBJECT)
    try:
        text = line.decode()
    except UnicodeDecodeError:
        got = line.decode("utf-8", "surrogateescape")
        return Flaw(field=LINE, got=shown(got), expected="text in UTF-8")
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except _Twice as error:
        return Flaw(field=shown(str(error)), got="the name twice", expected=ONCE)
    except (ValueError, RecursionError):
        return Flaw(field=LINE, got=shown(text), expected=AN_OBJECT)
    if not isinstance(found, dict):
        return Flaw(field=LINE, got=shown(text), expected=AN_OBJECT)
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _columns(lines: RawLines) -> tuple[dict[str, Spans], Flags]:
    """Spans of every field of the pattern, and the lines that do not follow it."""
    data = lines.data
    unclear = np.ones(len(lines), np.bool_)
    quotes = np.flatnonzero(data == _QUOTE)
    counts = np.diff(np.searchsorted(quotes, lines.breaks), prepend=0)
    pattern = _pattern(lines, counts)
    if pattern is None:
        return {"id": empty(len(lines), data)}, unclear
    width = 4 * len(pattern.names)
    regular = np.flatnonzero(counts == width)
    at = quotes[np.repeat(counts == width, counts)].reshape(-1, width)
    opened, closed = at[:, 2::4], at[:, 3::4]
    follows = _follows(lines, regular, opened, closed, pattern)
    unclear[regular[follows]] = False
    escaping = np.flatnonzero(data == _BACKSLASH)
    if len(escaping):
        unclear[lines.places_of(escaping)] = True
    columns: dict[str, Spans] = {}
    for place, name in enumerate(pattern.names):
        starts = np.full(len(lines), PADDING, np.int64)
        ends = starts.copy()
        starts[regular] = opened[:, place] + 1
        ends[regular] = closed[:, place]
        columns[name] = Spans(data=data, starts=starts, ends=ends)
    return columns, unclear


def _pattern(lines: RawLines, counts: Ints) -> _Pattern | None:
    """What the first line in order looks like."""
    for place in range(min(_TRIED, len(lines))):
        line = lines.line(place)
        cells = cells_of(line) if not lines.odd[place] and b"\\" not in line else None
        if not isinstance(cells, dict) or not cells:
            continue
        in_order = all(name in FIELDS and isinstance(cells[name], str) for name in cells)
        if not in_order or counts[place] != 4 * len(cells):
            continue
        pieces = line.split(b'"')
        # Between quotes: a name, a colon, a value, a comma; four pieces a field.
        parts = [
            b'"'.join(pieces[first : first + 3]) + b'"' for first in range(0, 4 * len(cells), 4)
        ]
        if max(map(len, parts)) <= PADDING and len(pieces[-1]) < PADDING:
            return _Pattern(names=tuple(cells), parts=(*parts, pieces[-1]))
    return None


def _follows(
    lines: RawLines, regular: Ints, opened: Ints, closed: Ints, pattern: _Pattern
) -> Flags:
    """Which of the regular lines have the pattern's text before, between and after their values."""
    before = np.column_stack([lines.starts[regular], closed + 1])
    after = np.column_stack([opened + 1, lines.ends[regular]])
    follows = np.ones(len(regular), np.bool_)
    for place, part in enumerate(pattern.parts):
        column = Spans(data=lines.data, starts=before[:, place], ends=after[:, place])
        follows &= column.lengths == len(part)
        if part:
            same = column.windows(len(part)) == np.frombuffer(part, np.uint8)
            follows &= same.all(axis=1)
    return follows
