"""The loader's side of the process that reads a file beside the posting (`worker`).

The process is started before anything is known of the run, so that it is ready when that is. A
chunk is asked for as soon as the one before it has come, so one is always being read; each asking
brings the accounts that have become known meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import ledger
from ledger.errors import InvalidInput, InvariantBroken, Problem
from ledger.loading import wire
from ledger.loading.chunks import Chunk
from ledger.loading.sources import FileChanged, Format, Start
from ledger.loading.spans import Numbers

_MODULE = "ledger.loading.worker"
_END_SECONDS = 10
_ENDED = "the process that reads the file ended; its words are above"
# The same code as ours, whatever lies in the directory where the loader was started.
_CLONE = str(Path(ledger.__file__).resolve().parents[1])
_PATH = os.pathsep.join([_CLONE, *filter(None, [os.environ.get("PYTHONPATH")])])


class FileReader:
    """The chunks of a file, read in another process; `open` comes before `next`.

    first_line: the number of the first line of journals: 2 under a header, else 1.
    rows:       how many lines there are, where the file tells; 0 otherwise.
    """

    def __init__(self, path: Path, form: Format) -> None:
        self._words = [str(path.resolve()), form.value]
        self._news: Mapping[bytes, int] = {}
        self.first_line = 1
        self.rows = 0

    async def __aenter__(self) -> Self:
        """Start the process; nothing is read until it is told from where."""
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own module, 2 ms
            [sys.executable, "-P", "-m", _MODULE, *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _PATH},
            start_new_session=True,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    async def open(self, start: Start, numbers: Numbers) -> None:
        """Open the file at a position, and have its first chunk read.

        Raises `InvalidInput` for a file that cannot be posted at all, `FileChanged`.
        """
        self._news = numbers
        await asyncio.to_thread(self._open, start)

    def _open(self, start: Start) -> None:
        self._send({"start": asdict(start)})
        facts, _ = self._answer()
        self.first_line, self.rows = wire.listed(facts, "opened")
        self._ask()

    def tell(self, news: Mapping[bytes, int]) -> None:
        """Accounts that have become known."""
        self._news = {**self._news, **news}

    async def next(self) -> Chunk | None:
        """The next chunk, None at the end. Raises `FileChanged`, `InvalidInput`."""
        return await asyncio.to_thread(self._next)

    def _next(self) -> Chunk | None:
        facts, columns = self._answer()
        if facts.get("ended"):
            return None
        self._ask()
        return wire.chunk_from(facts, columns)

    def _ask(self) -> None:
        """Have the next chunk read; it is fetched later."""
        news, self._news = self._news, {}
        self._send({"numbers": [[code.decode(), number] for code, number in news.items()]})

    def _send(self, facts: Mapping[str, object]) -> None:
        to = self._process.stdin
        if to is None:
            raise InvariantBroken("the reading process has no pipe")
        try:
            wire.send(to, facts)
        except BrokenPipeError as error:
            raise InvariantBroken(_ENDED) from error

    def _answer(self) -> wire.Message:
        source = self._process.stdout
        found = None if source is None else wire.receive(source)
        if found is None:
            raise InvariantBroken(_ENDED)
        said = found[0].get("error")
        if said == FileChanged.code:
            raise FileChanged(str(found[0]["text"]))
        if said is not None:
            raise InvalidInput([Problem(**each) for each in wire.listed(found[0], "problems")])
        return found

    def _end(self) -> None:
        # Killed first: a thread that still reads from it holds the pipe until it ends.
        self._process.kill()
        self._process.wait(_END_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
