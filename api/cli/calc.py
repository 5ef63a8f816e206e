"""`cff calc FILE`: what-if results for officers, by the functions that price contracts.

The document {"cases": [...]} of a file or of standard input (`-`) becomes {"results": [...]} on
standard output, one line a result, in the same order (docs/calc.md). No database is opened. A case
that is refused is an answer like any other: its result holds the `error`, and the exit code stays
0; a script reads each result anyway. Exit 2: the document itself cannot be read. Exit 70: a case
met a mistake of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from api.cli.output import Exit, say, share, stop
from ledger.errors import CffError, InvalidInput, InvariantBroken
from products.calc.reading import DOCUMENT_BYTES_MAX, read_document
from products.calc.run import INTERNAL_ERROR, calculate, cases_of

_OURS = frozenset({INTERNAL_ERROR, InvariantBroken.code})


def calc(
    file: Annotated[str, typer.Argument(help="JSON document of cases (docs/calc.md); - = stdin.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="Add to each result how its numbers came about.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Results always are JSON; with this, errors too.")
    ] = False,
) -> None:
    """Calculate what-if cases: schedules, pay-off, arrears, interest of savings and placements."""
    try:
        where, data = _bytes_of(file)
        cases = cases_of(read_document(data, where), where)
    except CffError as error:
        stop(error, as_json)
    codes: list[str] = []
    with share(where) as told:
        told_of = _noting(calculate(cases, explain), codes)
        write = sys.stdout.buffer
        write.write(b'{"results": [')
        for at, result in enumerate(told_of):
            write.write(b",\n" if at else b"\n")
            write.write(_json(result))
            told(at + 1, len(cases))
        write.write(b"\n]}\n" if cases else b"]}\n")
        write.flush()
    if codes:
        say(f"{len(codes)} of {len(cases)} cases were refused; each error says why")
    if _OURS.intersection(codes):
        raise typer.Exit(Exit.INTERNAL)


def _noting(results: Iterator[dict[str, object]], codes: list[str]) -> Iterator[dict[str, object]]:
    for result in results:
        error = result.get("error")
        if isinstance(error, dict):
            codes.append(str(error["code"]))
        yield result


def _bytes_of(file: str) -> tuple[str, bytes]:
    if file == "-":
        return "standard input", _bounded(sys.stdin.buffer)
    try:
        with Path(file).open("rb") as opened:
            return Path(file).name, _bounded(opened)
    except OSError as error:
        raise InvalidInput.one(
            "FILE", file, "a file that can be read", f"{error.strerror}."
        ) from None


def _bounded(source: BinaryIO) -> bytes:
    return source.read(DOCUMENT_BYTES_MAX + 1)


def _json(result: dict[str, object]) -> bytes:
    # What an error quotes may hold a lone surrogate, which UTF-8 cannot write.
    return json.dumps(result, ensure_ascii=False).encode("utf-8", "replace")
