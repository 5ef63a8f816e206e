"""What the readers of bank files share: the limit on a file's size, and the list of its problems.

A file comes from outside and may be anything. Its size is judged before a byte of it is parsed,
and everything wrong with it is collected, so that the bank is asked once and not fifty times.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import BinaryIO, TypeVar

from ledger.errors import InvalidInput, Problem, shorten

SIZE_LIMIT_BYTES = 50 * 1024 * 1024
"""An entry takes 0.5 to 2 KiB as XML: 25,000 of the longest, far above any day and account."""

PROBLEMS_MAX = 50
_CHUNK_BYTES = 256 * 1024

T = TypeVar("T")


class Findings:
    """The problems found in one file so far, in the order in which they were met.

    The problem after the fiftieth ends the reading: `InvalidInput` is raised at once with the
    fifty and a note that there are more.
    """

    def __init__(self) -> None:
        """Nothing found yet."""
        self._problems: list[Problem] = []

    def __len__(self) -> int:
        """How many problems were found so far."""
        return len(self._problems)

    def note(self, where: str, got: object, expected: str, fix: str = "") -> None:
        """Add one problem; `got` is shown shortened."""
        self.extend([Problem(where=where, got=shorten(got), expected=expected, fix=fix)])

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems; raises `InvalidInput` when there are more than `PROBLEMS_MAX`."""
        for problem in problems:
            if len(self._problems) >= PROBLEMS_MAX:
                raise InvalidInput([*self._problems[:PROBLEMS_MAX], _MORE])
            self._problems.append(problem)

    def attempt(self, read: Callable[[], T]) -> T | None:
        """What `read` gives, or None with its problems added to the list."""
        try:
            return read()
        except InvalidInput as error:
            problems = error.problems
        self.extend(problems)
        return None

    def raise_if_any(self) -> None:
        """Raise `InvalidInput` with everything found, if anything was."""
        if self._problems:
            raise InvalidInput(self._problems)


_MORE = Problem(
    where="the rest of the file",
    got="more problems",
    expected=f"at most {PROBLEMS_MAX}",
    fix=f"Only the first {PROBLEMS_MAX} are listed: correct them and read the file again.",
)


def open_limited(source: BinaryIO | bytes, size_limit: int) -> BinaryIO:
    """A seekable stream over `source`, which holds at most `size_limit` bytes.

    Raises `InvalidInput` naming the size and the limit. A stream that cannot be sought is read in
    chunks into memory, never further than one byte beyond the limit.
    """
    if isinstance(source, bytes):
        _refuse_above(size_limit, len(source), f"{len(source):,} bytes")
        return io.BytesIO(source)
    if not source.seekable():
        return io.BytesIO(_read_limited(source, size_limit))
    start = source.tell()
    size = source.seek(0, io.SEEK_END) - start
    _refuse_above(size_limit, size, f"{size:,} bytes")
    source.seek(start)
    return source


def _read_limited(source: BinaryIO, size_limit: int) -> bytes:
    held = bytearray()
    while chunk := source.read(min(_CHUNK_BYTES, size_limit + 1 - len(held))):
        held += chunk
        _refuse_above(size_limit, len(held), f"more than {size_limit:,} bytes")
    return bytes(held)


def _refuse_above(size_limit: int, size: int, described: str) -> None:
    if size > size_limit:
        raise InvalidInput(
            [
                Problem(
                    where="the file",
                    got=described,
                    expected=f"at most {size_limit:,} bytes",
                    fix="It was not read: ask the bank for one file a day and account.",
                )
            ]
        )
