"""Sources: a file opened at a position, given chunk by chunk. What a worker process runs.

The format is told by the file's name or by its caller. A file that lacks a column, above all its
ids, is refused as a whole before anything is posted. A file that changes while it is read is
noticed before the next piece is given.
"""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, Protocol

from ledger.errors import CffError, InvalidInput, Problem
from ledger.loading import csv_lines, jsonl_lines
from ledger.loading.chunks import Chunk
from ledger.loading.fields import LINE_BYTES_MAX, REQUIRED, Flaw, shown
from ledger.loading.parquet_lines import ROWS_AT_ONCE, ParquetRows
from ledger.loading.pieces import PIECE_BYTES, Cutter, Piece
from ledger.loading.spans import Numbers

LAYOUT = 1
"""Number of the layouts; a change of what a line means makes another run of the same file."""


class FileChanged(CffError):  # noqa: N818
    """The file changed under the loader: what was committed stands, the rest was not posted."""

    code = "file_changed"


class Format(enum.Enum):
    """How the lines are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_BY_SUFFIX = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
}


class Fingerprint(NamedTuple):
    """What a file shows when it is written to or replaced."""

    inode: int
    size: int
    changed_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where to begin: how many bytes and lines of the file are done; bytes count its header.

    fingerprint: of the file whose content is known; another one is a file that has changed.
    """

    bytes_done: int = 0
    lines_done: int = 0
    fingerprint: Fingerprint | None = None


class Source(Protocol):
    """Gives the chunks of a file in order.

    first_line: the number of the first line of journals: 2 under a header, else 1.
    rows:       how many lines there are, where the file tells; 0 otherwise.
    """

    first_line: int
    rows: int

    def next(self, numbers: Numbers) -> Chunk | None:
        """The next chunk, None at the end. Raises `FileChanged`, `InvalidInput`."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def format_of(path: Path, said: str | None = None) -> Format:
    """The format of a file: what was said, else what its name ends in. Raises `InvalidInput`."""
    if said is not None:
        return Format(said)
    found = _BY_SUFFIX.get(path.suffix.lower())
    if found is None:
        expected = "a name that ends in .csv, .jsonl or .parquet, or the option --format"
        raise InvalidInput.one("FILE", path.name, expected)
    return found


def parse(piece: Piece, names: tuple[str, ...] | None, numbers: Numbers) -> Chunk:
    """The chunk of a piece: of CSV under columns `names`, of JSONL without them."""
    if names is None:
        chunk = jsonl_lines.parse(piece.data, numbers, piece.offset)
    else:
        chunk = csv_lines.parse(piece.data, names, numbers, piece.offset)
    if piece.size > len(piece.data):
        # The middle of its last line was dropped: it is done up to its real end.
        chunk.ends[-1] = piece.offset + piece.size
    return chunk


def header(line: bytes) -> tuple[str, ...]:
    """The columns of a CSV file by its first line. Raises `InvalidInput`."""
    if len(line) > LINE_BYTES_MAX:
        raise InvalidInput.one("line 1", shown(line[:80].decode("utf-8", "replace")), _A_HEADER)
    return csv_lines.header_of(line.rstrip(b"\n").removesuffix(b"\r"))


_A_HEADER = f"a header with at least {', '.join(REQUIRED)}"


def require_ids(first_line: bytes) -> None:
    """A JSONL file whose first line is an object that lacks a column is refused as a whole.

    Raises `InvalidInput` naming each. A first line that is no object is one malformed line.
    """
    cells = jsonl_lines.cells_of(first_line.rstrip(b"\n").removesuffix(b"\r"))
    if isinstance(cells, Flaw):
        return
    missing = [name for name in REQUIRED if name not in cells]
    if missing:
        got = shown(",".join(cells))
        raise InvalidInput(
            [
                Problem(
                    where="line 1", got=got, expected=f"a field {name}: each line needs its own"
                )
                for name in missing
            ]
        )


class TextFile:
    """CSV or JSONL on disk."""

    rows = 0

    def __init__(
        self, path: Path, form: Format, start: Start, piece_bytes: int = PIECE_BYTES
    ) -> None:
        self._path = path
        self._file = _opened(path)
        try:
            self._begin(form, start)
        except BaseException:
            self.close()
            raise
        self._file.seek(self._offset)
        self._cutter = Cutter(self._file.read, self._offset, piece_bytes)

    def _begin(self, form: Format, start: Start) -> None:
        path = self._path
        self._print = start.fingerprint or fingerprint_of(path)
        _unchanged(path, self._file.fileno(), self._print)
        if self._print.size == 0:
            raise InvalidInput.one(path.name, "an empty file", "at least one line")
        first = self._file.readline(LINE_BYTES_MAX + 1)
        if form is Format.CSV:
            self._names: tuple[str, ...] | None = header(first)
            offset, self.first_line = len(first), 2
        else:
            self._names = None
            offset, self.first_line = 0, 1
            if first.startswith(csv_lines.BOM):
                offset, first = len(csv_lines.BOM), first.removeprefix(csv_lines.BOM)
            require_ids(first)
        self._offset = max(offset, start.bytes_done)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def next(self, numbers: Numbers) -> Chunk | None:
        """The next chunk, None at the end."""
        piece = self._cutter.next()
        _unchanged(self._path, self._file.fileno(), self._print)
        return None if piece is None else parse(piece, self._names, numbers)


class ParquetFile:
    """Parquet on disk; its lines are counted from 1."""

    first_line = 1

    def __init__(self, path: Path, start: Start, rows_at_once: int = ROWS_AT_ONCE) -> None:
        self._path = path
        self._file = _opened(path)
        try:
            self._print = start.fingerprint or fingerprint_of(path)
            self._rows = ParquetRows(path, start.lines_done, rows_at_once)
        except BaseException:
            self._file.close()
            raise
        self.rows = self._rows.rows

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()
        self._file.close()

    def next(self, numbers: Numbers) -> Chunk | None:
        """The next chunk, None at the end."""
        chunk = self._rows.next(numbers)
        _unchanged(self._path, self._file.fileno(), self._print)
        return chunk


def open_source(path: Path, form: Format, start: Start) -> Source:
    """A file at a position. Raises `InvalidInput` for a file that cannot be posted at all."""
    if form is Format.PARQUET:
        return ParquetFile(path, start)
    return TextFile(path, form, start)


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise InvalidInput.one("FILE", str(path), f"a file that can be read ({error})") from error


def fingerprint_of(path: Path) -> Fingerprint:
    """What a file shows now. Raises `InvalidInput` when there is none."""
    try:
        return _shown_by(path.stat())
    except OSError as error:
        raise InvalidInput.one("FILE", str(path), f"a file that can be read ({error})") from error


def _shown_by(facts: os.stat_result) -> Fingerprint:
    return Fingerprint(facts.st_ino, facts.st_size, facts.st_mtime_ns)


def _unchanged(path: Path, opened: int, before: Fingerprint) -> None:
    try:
        same = _shown_by(path.stat()) == _shown_by(os.fstat(opened)) == before
    except OSError:
        same = False
    if not same:
        raise FileChanged(
            f"{path.name} changed while it was posted: what was committed stands. Post the file "
            "as it is now; it is another run, in which lines recorded already are replays"
        )
