"""A process of its own that reads a file beside the posting, and who talks to it.

It is asked for a chunk and gives it; each asking brings the accounts that have become known. It
ends by itself when its pipe is closed, so it outlives no loader, however that one died.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import ledger
from ledger.errors import InvalidInput, InvariantBroken, Problem
from ledger.loading import wire
from ledger.loading.chunks import Chunk
from ledger.loading.runs import FileChanged
from ledger.loading.sources import Fingerprint, Format, Source, Start, open_source
from ledger.loading.spans import Numbers

_MODULE = "ledger.loading.worker"
_END_SECONDS = 10
# The same code as ours, whatever lies in the directory where the loader was started.
_CLONE = str(Path(ledger.__file__).resolve().parents[1])
_PATH = os.pathsep.join([_CLONE, *filter(None, [os.environ.get("PYTHONPATH")])])


class FileReader:
    """The loader's side: the chunks of a file, read in another process.

    first_line: the number of the first line of journals: 2 under a header, else 1.
    rows:       how many lines there are, where the file tells; 0 otherwise.
    """

    def __init__(self, path: Path, form: Format, start: Start, numbers: Numbers) -> None:
        self._facts = {"path": str(path.resolve()), "format": form.value, "start": asdict(start)}
        self._news: Mapping[bytes, int] = numbers
        self.first_line = 1
        self.rows = 0

    async def __aenter__(self) -> Self:
        """Open the file. Raises `InvalidInput` for one that cannot be posted, `FileChanged`."""
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own module, 2 ms
            [sys.executable, "-P", "-m", _MODULE, json.dumps(self._facts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _PATH},
            start_new_session=True,
        )
        try:
            facts, _ = await asyncio.to_thread(self._answer)
            self.first_line, self.rows = wire.listed(facts, "opened")
        except BaseException:
            self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def tell(self, news: Mapping[bytes, int]) -> None:
        """Accounts that have become known."""
        self._news = {**self._news, **news}

    async def next(self) -> Chunk | None:
        """The next chunk, None at the end. Raises `FileChanged`, `InvalidInput`."""
        return await asyncio.to_thread(self._next)

    def _next(self) -> Chunk | None:
        news, self._news = self._news, {}
        to = self._process.stdin
        if to is None:
            raise InvariantBroken("the reading process has no pipe")
        wire.send(to, {"numbers": [[code.decode(), number] for code, number in news.items()]})
        facts, columns = self._answer()
        return None if facts.get("ended") else wire.chunk_from(facts, columns)

    def _answer(self) -> wire.Message:
        source = self._process.stdout
        found = None if source is None else wire.receive(source)
        if found is None:
            raise InvariantBroken("the process that reads the file ended; its words are above")
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


def main(facts: dict[str, object]) -> None:
    """Read the file and answer until the pipe is closed."""
    source = sys.stdin.buffer
    to = sys.stdout.buffer
    numbers = Numbers()
    try:
        with closing(_opened(facts)) as opened:
            wire.send(to, {"opened": [opened.first_line, opened.rows]})
            while (asked := wire.receive(source)) is not None:
                for code, number in wire.listed(asked[0], "numbers"):
                    numbers[code.encode()] = number
                chunk = opened.next(numbers)
                if chunk is None:
                    wire.send(to, {"ended": True})
                else:
                    wire.send_chunk(to, chunk)
    except BrokenPipeError:
        # The loader was killed: nobody is left to be told, not even by the interpreter's end.
        os._exit(0)
    except FileChanged as error:
        wire.send(to, {"error": error.code, "text": str(error)})
    except InvalidInput as error:
        problems = [asdict(problem) for problem in error.problems]
        wire.send(to, {"error": error.code, "problems": problems})


def _opened(facts: dict[str, object]) -> Source:
    begins = facts["start"]
    start = Start(**begins) if isinstance(begins, dict) else Start()
    if start.fingerprint is not None:
        start = replace(start, fingerprint=Fingerprint(*start.fingerprint))
    return open_source(Path(str(facts["path"])), Format(facts["format"]), start)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
