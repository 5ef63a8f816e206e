"""Parquet: the same columns as CSV, typed or as texts; one row a journal.

An id may be a text or 16 bytes, an amount a text or a decimal with two places, a value date a text
or a date; everything else is text. Rows are read some ten thousand at a time; whole groups of rows
that are done are not read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ledger.errors import InvalidInput, Problem
from ledger.loading.chunks import Cells, Chunk, chunk_of
from ledger.loading.csv_lines import problems_of
from ledger.loading.fields import FIELDS, TEXTS, Flaw
from ledger.loading.result_lines import written_ids
from ledger.loading.spans import PADDING, Flags, Numbers, Spans, padded
from ledger.posting.lines import Ints

if TYPE_CHECKING:
    # Loaded where a Parquet file is read: 0.2 s and 60 MB that only such a file is worth.
    import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types

ROWS_AT_ONCE = 65_536
_ALLOWED = "text (or: id as 16 bytes, amount as decimal with two places, value_date as date)"
_DELETE, _SPACE, _ASCII_BELOW = 127, 32, 128
_ID_BYTES, _PLACES = 16, 2


class ParquetRows:
    """The rows of a file from `skipped` on, as chunks. Raises `InvalidInput` for another file."""

    def __init__(self, path: Path, skipped: int = 0, rows_at_once: int = ROWS_AT_ONCE) -> None:
        import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types

        self._path = path
        self._errors = _arrow_errors()
        try:
            self._file = pq.ParquetFile(path, pre_buffer=False)
        except self._errors as error:
            raise self._unreadable(error) from error
        self.names = tuple(self._file.schema_arrow.names)
        problems = problems_of(self.names, "the columns")
        problems += [] if problems else _odd_types(self._file.schema_arrow)
        if problems:
            self.close()
            raise InvalidInput(problems)
        self.rows = int(self._file.metadata.num_rows)
        self._batches = self._read(skipped, rows_at_once)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def next(self, numbers: Numbers) -> Chunk | None:
        """The next chunk, None at the end."""
        try:
            batch = next(self._batches, None)
        except self._errors as error:
            raise self._unreadable(error) from error
        return None if batch is None else _chunk(batch, self.names, numbers)

    def _read(self, skipped: int, rows_at_once: int) -> Iterator[pa.RecordBatch]:
        metadata = self._file.metadata
        first = 0
        while first < metadata.num_row_groups and metadata.row_group(first).num_rows <= skipped:
            skipped -= metadata.row_group(first).num_rows
            first += 1
        groups = list(range(first, metadata.num_row_groups))
        for batch in self._file.iter_batches(rows_at_once, row_groups=groups, use_threads=False):
            if skipped >= batch.num_rows:
                skipped -= batch.num_rows
                continue
            yield batch.slice(skipped)
            skipped = 0

    def _unreadable(self, error: Exception) -> InvalidInput:
        return InvalidInput.one(self._path.name, str(error), "a whole Parquet file")


def _arrow_errors() -> tuple[type[Exception], ...]:
    import pyarrow as pa

    return (pa.ArrowException, OSError)


def _odd_types(schema: pa.Schema) -> list[Problem]:
    return [
        Problem(where=f"column {name}", got=str(schema.field(name).type), expected=_ALLOWED)
        for name in schema.names
        if not _is_taken(name, schema.field(name).type)
    ]


def _is_taken(name: str, kind: pa.DataType) -> bool:
    import pyarrow.types as types  # type: ignore[import-untyped]  # it ships no types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_string(kind) or types.is_large_string(kind):
        return True
    return bool(
        (name == "id" and types.is_fixed_size_binary(kind) and kind.byte_width == _ID_BYTES)
        or (name == "id" and str(kind) == "extension<arrow.uuid>")
        or (name == "amount" and types.is_decimal(kind) and kind.scale == _PLACES)
        or (name == "value_date" and types.is_date32(kind))
    )


def _chunk(batch: pa.RecordBatch, names: tuple[str, ...], numbers: Numbers) -> Chunk:
    odd = np.zeros(batch.num_rows, np.bool_)
    columns: dict[str, Spans] = {}
    nothing: dict[str, Flags] = {}
    for name in names:
        column = _texts(batch.column(name))
        nothing[name] = column.is_null().to_numpy(zero_copy_only=False)
        columns[name] = _spans(column.fill_null(""))
        if name in TEXTS:
            _mark_odd(columns[name], odd)

    def exact(place: int) -> Cells | Flaw:
        return _cells(columns, nothing, place)

    ends: Ints = np.zeros(batch.num_rows, np.int64)
    return chunk_of(columns, odd, exact, numbers, ends)


def _cells(columns: Mapping[str, Spans], nothing: Mapping[str, Flags], place: int) -> Cells:
    return {
        name: None
        if nothing[name][place]
        else columns[name].text(place).decode("utf-8", "surrogateescape")
        for name in FIELDS
        if name in columns
    }


def _texts(column: pa.Array) -> pa.Array:
    """A column as texts, in the form in which a CSV file would have them."""
    import pyarrow as pa

    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not pa.types.is_fixed_size_binary(column.type):
        return column.cast(pa.large_string())
    nothing = column.is_null()
    whole = column.fill_null(bytes(_ID_BYTES))
    data = np.frombuffer(whole.buffers()[1], np.uint8).reshape(-1, _ID_BYTES)
    ids = written_ids(data[whole.offset : whole.offset + len(whole)])
    return pa.array(ids, pa.large_string(), mask=nothing.to_numpy(zero_copy_only=False))


def _spans(column: pa.Array) -> Spans:
    _, places, data = column.buffers()
    starts = np.frombuffer(places, np.int64)[column.offset : column.offset + len(column) + 1]
    written = b"" if data is None else data[int(starts[0]) : int(starts[-1])].to_pybytes()
    starts = starts + (PADDING - starts[0])
    return Spans(data=padded(written), starts=starts[:-1], ends=starts[1:])


def _mark_odd(column: Spans, odd: Flags) -> None:
    """Rows whose text holds control characters, or may hold broken UTF-8."""
    first, last = (int(column.starts[0]), int(column.ends[-1])) if len(column) else (0, 0)
    inside = column.data[first:last]
    found = (inside < _SPACE) | (inside == _DELETE)
    if len(inside) and int(inside.max()) >= _ASCII_BELOW:
        try:
            inside.tobytes().decode()
        except UnicodeDecodeError:
            found |= inside >= _ASCII_BELOW
    odd[np.searchsorted(column.ends, np.flatnonzero(found) + first, side="right")] = True
