"""What the process does that reads a file beside the posting; `reader` starts it and talks to it.

It is told where to begin, is asked for a chunk and gives it. It ends by itself when its pipe is
closed, so it outlives no loader, however that one died. It must be up quickly: whatever it imports
is waited for before the first line is posted, so nothing of the database is among it.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

from ledger.errors import InvalidInput
from ledger.loading import wire
from ledger.loading.sources import FileChanged, Fingerprint, Format, Source, Start, open_source
from ledger.loading.spans import Numbers


def main(path: str, form: str) -> None:
    """Read the file and answer until the pipe is closed."""
    source = sys.stdin.buffer
    to = sys.stdout.buffer
    numbers = Numbers()
    try:
        told = wire.receive(source)
        if told is None:
            return
        with closing(_opened(path, form, told)) as opened:
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


def _opened(path: str, form: str, told: wire.Message) -> Source:
    begins = told[0]["start"]
    start = Start(**begins) if isinstance(begins, dict) else Start()
    if start.fingerprint is not None:
        start = replace(start, fingerprint=Fingerprint(*start.fingerprint))
    return open_source(Path(path), Format(form), start)


if __name__ == "__main__":
    main(*sys.argv[1:])
