"""The result file of a run: one line for each line of the input, in its order.

Nothing in it depends on where batches were cut, so a run that was killed and resumed leaves the
same bytes as one that was not. Text is written before the commit that makes it true: what lies
beyond the length that the run's row tells is void.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger.errors import CffError


class ResultUnusable(CffError):  # noqa: N818
    """The result file is not what the run left; nothing was posted, the message says what to do."""

    code = "result_unusable"


class ResultFile:
    """A result file: what `write` was given is on disk when it returns."""

    def __init__(self, path: Path, length: int) -> None:
        """Open the file and void what lies beyond `length`. Raises `ResultUnusable`.

        length: of a run that goes on, what its row tells; 0 for one that begins.
        """
        self.path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise ResultUnusable(f"the result file {path} cannot be written: {error}") from error
        try:
            # A loader that has lost its session, but still posts, still holds its file.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise ResultUnusable(
                f"the result file {path} is being written by another process: wait until that "
                "has ended, then run the same command again"
            ) from error
        found = os.fstat(self._file).st_size
        if found < length:
            os.close(self._file)
            raise ResultUnusable(
                f"the result file {path} holds {found:,} bytes, its run had written {length:,}: "
                "bring the file back or name where it is with --result; if it is lost, post the "
                "file with --again: what is recorded is answered as replayed"
            )
        os.ftruncate(self._file, length)
        _sync_folder(path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def write(self, texts: Iterable[bytes], place: int) -> int:
        """Put texts at a place, on disk when this returns; how many bytes they are.

        Raises `ResultUnusable`.
        """
        try:
            written = put(self._file, texts, place)
            os.fdatasync(self._file)
        except OSError as error:
            raise ResultUnusable(
                f"the result file {self.path} cannot be written: {error}; nothing of this batch "
                "was posted: make room, then run the same command again"
            ) from error
        return written


def put(file: int, texts: Iterable[bytes], place: int) -> int:
    """Write texts one after another at a place of an open file; how many bytes they are."""
    begins = place
    for text in texts:
        left = memoryview(text)
        while left:
            written = os.pwrite(file, left, place)
            place, left = place + written, left[written:]
    return place - begins


def _sync_folder(folder: Path) -> None:
    """The file's name is on disk as well."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
