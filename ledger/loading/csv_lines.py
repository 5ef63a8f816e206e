"""CSV: comma-separated fields, quoted as need be, one journal a line, under a header. Pure.

Lines with as many commas as the header are taken apart at once; a comma between quotes does not
count. A field either is quoted whole or has no quote at all; what is more involved (doubled
quotes, a wrong count of fields) is taken apart one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ledger.errors import InvalidInput, Problem
from ledger.loading.chunks import Cells, Chunk, chunk_of
from ledger.loading.fields import FIELDS, LINE, REQUIRED, Flaw, shown
from ledger.loading.raw_lines import RawLines, raw_lines
from ledger.loading.spans import PADDING, Flags, Numbers, Spans
from ledger.posting.lines import Ints

BOM = b"\xef\xbb\xbf"
_COMMA, _QUOTE = ord(","), ord('"')
_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",]*))(,|$)', re.DOTALL)
QUOTES = 'a field is quoted whole or not at all; a quote inside it is written ""'


def header_of(line: bytes) -> tuple[str, ...]:
    """The columns of a file from its first line, without its line break.

    Raises `InvalidInput` that names every column that is missing, unknown or there twice.
    """
    text = line.removeprefix(BOM).decode("utf-8", "replace")
    cells = split(text)
    if isinstance(cells, Flaw):
        raise InvalidInput.one("line 1", text, f"a header: {','.join(FIELDS)}")
    problems = problems_of(cells)
    if problems:
        raise InvalidInput(problems)
    return tuple(cells)


def problems_of(names: Sequence[str], where: str = "line 1") -> list[Problem]:
    """What is wrong with the names of a file's columns."""
    found: list[Problem] = []
    for name in REQUIRED:
        if name not in names:
            wanted = f"a column {name}: each line needs its own {name}"
            found.append(Problem(where=where, got=shown(",".join(names)), expected=wanted))
    for place, name in enumerate(names):
        if name not in FIELDS:
            expected = f"only the columns {', '.join(FIELDS)}"
            found.append(Problem(where=where, got=f"column {shown(name)!r}", expected=expected))
        elif name in names[:place]:
            found.append(Problem(where=where, got=f"column {name} twice", expected="it once"))
    return found


def split(line: str) -> list[str] | Flaw:
    """The fields of one line."""
    cells: list[str] = []
    at = 0
    while True:
        match = _FIELD.match(line, at)
        if match is None:
            return Flaw(field=LINE, got=shown(line[at:]), expected=QUOTES)
        quoted, plain, mark = match.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        at = match.end()
        if not mark:
            return cells


def parse(data: bytes, names: Sequence[str], numbers: Numbers, offset: int) -> Chunk:
    """The chunk of some bytes of a file that begin at a line's start.

    names: the columns, as the header has them. offset: bytes of the file before these.
    """
    lines = raw_lines(data)
    columns, unclear = _columns(lines, names)

    def exact(place: int) -> Cells | Flaw:
        return _cells(lines, place, names)

    odd = lines.odd | unclear
    if lines.unended and len(lines):
        odd[-1] = True
    ends = np.minimum(lines.breaks + 1 - PADDING, len(data)) + offset
    return chunk_of(columns, odd, exact, numbers, ends)


def _cells(lines: RawLines, place: int, names: Sequence[str]) -> Cells | Flaw:
    flaw = lines.flaw(place, must_end=True)
    if flaw is not None:
        return flaw
    line = lines.line(place).decode("utf-8", "surrogateescape")
    cells = split(line)
    if isinstance(cells, Flaw):
        return cells
    if len(cells) != len(names):
        got = f"{len(cells)} fields: {line}" if line else "an empty line"
        return Flaw(field=LINE, got=shown(got), expected=f"{len(names)} fields: {','.join(names)}")
    return dict(zip(names, cells, strict=True))


def _columns(lines: RawLines, names: Sequence[str]) -> tuple[dict[str, Spans], Flags]:
    """Spans of every column, and the lines of which they mean nothing."""
    data = lines.data
    quotes = np.flatnonzero(data == _QUOTE)
    commas = _separators(lines, np.flatnonzero(data == _COMMA), quotes)
    inner = len(names) - 1
    counts = np.diff(np.searchsorted(commas, lines.breaks), prepend=0)
    unclear = counts != inner
    cuts = np.full((len(lines), inner), PADDING, np.int64)
    cuts[~unclear] = commas[np.repeat(~unclear, counts)].reshape(-1, inner)
    starts = np.column_stack([lines.starts, cuts + 1])
    ends = np.column_stack([cuts, lines.ends])
    starts[unclear] = ends[unclear] = PADDING
    if len(quotes):
        unclear |= _unquote(lines, quotes, starts, ends)
    return {
        name: Spans(data=data, starts=starts[:, place].copy(), ends=ends[:, place].copy())
        for place, name in enumerate(names)
    }, unclear


def _separators(lines: RawLines, commas: Ints, quotes: Ints) -> Ints:
    """The commas that stand between fields: an even number of quotes before them in their line."""
    if not len(quotes):
        return commas
    before_line = np.searchsorted(quotes, lines.starts)
    counts = np.diff(np.searchsorted(commas, lines.breaks), prepend=0)
    inside = (np.searchsorted(quotes, commas) - np.repeat(before_line, counts)) & 1
    between: Ints = commas[inside == 0]
    return between


def _unquote(lines: RawLines, quotes: Ints, starts: Ints, ends: Ints) -> Flags:
    """Take quotes off fields that are quoted whole; lines with any other quotes are unclear."""
    data = lines.data
    quoted = (data[starts] == _QUOTE) & (data[ends - 1] == _QUOTE) & (ends - starts >= 2)
    starts += quoted
    ends -= quoted
    counts = np.diff(np.searchsorted(quotes, lines.breaks), prepend=0)
    unclear: Flags = counts != 2 * quoted.sum(axis=1)
    return unclear
