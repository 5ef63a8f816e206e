"""A client's own book: what it asked, what it was told. Written before and after, line by line.

The file outlives kill -9 of its writer; a last line that was cut off says nothing and is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class ClientLog:
    """Lines of facts about named wishes; every line is in the file when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)

    def write(self, **facts: object) -> None:
        """Keep these facts."""
        self._file.write(json.dumps(facts).encode() + b"\n")

    def close(self) -> None:
        """No more lines."""
        self._file.close()


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a log; none when there is no file."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            facts: dict[str, Any] = json.loads(line)
            yield facts


def told(path: Path) -> dict[str, dict[str, Any]]:
    """What each wish was told; told twice it must have been told the same."""
    answers: dict[str, dict[str, Any]] = {}
    for facts in lines(path):
        if "told" in facts:
            name = facts["told"]
            said = {key: facts[key] for key in facts if key not in ("told", "replay")}
            assert answers.setdefault(name, said) == said, (answers[name], said)
    return answers
