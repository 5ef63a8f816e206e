"""Notices as a file: JSON lines or CSV, read as a stream, judged line by line.

A bad line is reported with its number, its field, what stood there and what was expected; the
rest is judged all the same. Lines go in windows: what a window needs is read at one go, its units
are submitted together, the results are written in the order of the lines. Two lines with one id
mean what they would mean one after the other: a replay, or a conflict.

A finished file is known by the SHA-256 of its bytes: again, it is a no-op that says so. A load that
was killed is started again with the same file: what was recorded is a replay, the rest is taken up.
At the end suspended lines of the bank are looked at again, for the notices that came late.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from ledger.books import Book
from ledger.db import Pool
from ledger.errors import InvalidInput, Problem
from ledger.posting.collector import Collector
from ledger.posting.values import Status
from products.payments.file_intake import Intake, begin_intake, digest_of, finish_intake
from products.payments.intake import SIZE_LIMIT_BYTES
from products.payments.notice_services import Received, receive_many
from products.payments.notice_values import FIELDS, NoticeIn, parse_fields, parse_notice
from products.payments.settling import rematch

WINDOW = 500
LINE_BYTES_MAX = 16 * 1024
INVALID = "invalid_input"
NAMED_MAX = 20
"""Refused lines that a report names; the result file names them all."""

Receive = Callable[[Sequence[tuple[NoticeIn, str]]], Awaitable[list[Received]]]
"""Receives the notices of a window, each with its place in the file."""

Progress = Callable[[int], None]
"""Called with the number of bytes read since the last call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What a file of notices came to.

    repeated:      these bytes were loaded and finished before; the counts are of that time.
    refused:       lines refused, by code; "invalid_input" for those that could not be read.
    matched_again: suspended bank lines that found their notice in this file.
    problems:      what is wrong with the first `NAMED_MAX` refused lines, line and field named;
                   empty for a repeated file.
    """

    lines: int = 0
    accepted: int = 0
    replayed: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    matched_again: int = 0
    repeated: bool = False
    problems: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line of the file: its notice, or what is wrong with it."""

    number: int
    size: int
    notice: NoticeIn | None = None
    problems: tuple[Problem, ...] = ()


async def load_notices(
    pool: Pool,
    collector: Collector,
    book: Book,
    source: Path,
    *,
    received_by: str,
    result: Path | None = None,
    progress: Progress | None = None,
    window: int = WINDOW,
) -> FileReport:
    """Load a file of notices; `result` is written with one JSON line for each of its lines.

    window: how many lines are read, judged and submitted together.
    Raises `InvalidInput` for a file that is too large or, as CSV, has another header; a bad line
    is no error of the file.
    """
    digest, size = digest_of(source, SIZE_LIMIT_BYTES)
    intake = Intake(
        book_id=book.book_id, sha256=digest, kind="notices", name=source.name, size=size
    )
    with source.open("rb") as stream:
        lines = _lines_of(source, stream)
        done = await begin_intake(pool, intake, received_by)
        if done is not None:
            return _report(done, repeated=True)
        named: list[str] = []
        receive = partial(receive_many, collector, pool, book.book_id, received_by=received_by)
        counts = await _load(receive, lines, result, progress, window, named)
    settled = await rematch(pool, collector, book.book_id)
    counts["matched_again"] = settled.counts.get("resolved", 0)
    if counts["refused"] != {INVALID: counts.get("lines")}:
        # Else no line could be read: the wrong form, such as CSV under another name.
        await finish_intake(pool, intake, counts)
    return replace(_report(counts, repeated=False), problems=tuple(named))


async def _load(
    receive: Receive,
    lines: Iterator[_Line],
    result: Path | None,
    progress: Progress | None,
    size: int,
    named: list[str],
) -> dict[str, object]:
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    written = None if result is None else result.with_name(result.name + ".part")
    out = None if written is None else written.open("w", encoding="utf-8")
    try:
        while window := list(islice(lines, size)):
            good = [(line.notice, f"line {line.number}") for line in window if line.notice]
            received = iter(await receive(good))
            for line in window:
                found = next(received) if line.notice else None
                _count(found, counts, refused)
                problems = line.problems if found is None else found.problems
                named += map(str, problems[: NAMED_MAX - len(named)])
                if out is not None:
                    _write_result(out, line, found)
            if progress is not None:
                progress(sum(line.size for line in window))
    finally:
        if out is not None:
            out.close()
    if written is not None and result is not None:
        written.replace(result)
    return {**counts, "refused": dict(refused)}


def _count(found: Received | None, counts: Counter[str], refused: Counter[str]) -> None:
    counts["lines"] += 1
    if found is None:
        refused[INVALID] += 1
    elif found.status is Status.ACCEPTED:
        counts["accepted"] += 1
    elif found.status is Status.REPLAYED:
        counts["replayed"] += 1
    else:
        refused[found.code or found.status.value] += 1


def _write_result(out: TextIO, line: _Line, found: Received | None) -> None:
    problems = line.problems if found is None else found.problems
    entry: dict[str, object] = {
        "line": line.number,
        "id": str(line.notice.id) if line.notice else None,
        "outcome": Status.REFUSED.value if found is None else found.status.value,
    }
    if found is None or found.status is Status.REFUSED:
        entry["code"] = INVALID if found is None else found.code
        entry["problems"] = [
            {"where": p.where, "got": p.got, "expected": p.expected, "fix": p.fix} for p in problems
        ]
    elif found.outcome is not None and found.outcome.receipts:
        entry["recorded_seq"] = found.outcome.receipts[0].recorded_seq
    out.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _report(counts: Mapping[str, object], *, repeated: bool) -> FileReport:
    def number(name: str) -> int:
        value = counts.get(name, 0)
        return value if isinstance(value, int) else 0

    refused = counts.get("refused", {})
    return FileReport(
        lines=number("lines"),
        accepted=number("accepted"),
        replayed=number("replayed"),
        refused=dict(refused) if isinstance(refused, dict) else {},
        matched_again=number("matched_again"),
        repeated=repeated,
    )


def _lines_of(source: Path, stream: BinaryIO) -> Iterator[_Line]:
    """The lines of the file; for CSV the header is read, and judged, at once."""
    if source.suffix.lower() != ".csv":
        return _json_lines(stream)
    first = _next_line(stream).decode("utf-8-sig", "replace")
    expected = f"the columns {','.join(FIELDS)}"
    try:
        header = next(csv.reader(io.StringIO(first), strict=True), [])
    except csv.Error:
        raise InvalidInput.one("line 1, header", first, expected) from None
    if sorted(header) != sorted(FIELDS):
        raise InvalidInput.one("line 1, header", ",".join(header), expected)
    return _csv_lines(stream, header)


def _json_lines(stream: BinaryIO) -> Iterator[_Line]:
    for number, text in _numbered(stream, start=1):
        where = f"line {number}"
        body = text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text
        yield _judged(number, text, partial(parse_notice, body, where))


def _csv_lines(stream: BinaryIO, header: list[str]) -> Iterator[_Line]:
    """CSV whose fields hold no line ends: no field of a notice can."""
    for number, text in _numbered(stream, start=2):
        where = f"line {number}"
        yield _judged(number, text, partial(_csv_row, text, header, where))


def _csv_row(text: bytes, header: list[str], where: str) -> NoticeIn:
    expected = f"{len(header)} fields in UTF-8 with commas between"
    try:
        cells = next(csv.reader(io.StringIO(text.decode("utf-8")), strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput.one(where, str(error), expected) from None
    if len(cells) != len(header):
        raise InvalidInput.one(where, f"{len(cells)} fields", expected)
    return parse_fields(dict(zip(header, cells, strict=True)), where)


def _judged(number: int, text: bytes, read: Callable[[], NoticeIn]) -> _Line:
    if len(text) > LINE_BYTES_MAX:
        expected = f"a line of at most {LINE_BYTES_MAX} bytes"
        problem = Problem(where=f"line {number}", got=f"{len(text)} bytes", expected=expected)
        return _Line(number=number, size=len(text), problems=(problem,))
    try:
        return _Line(number=number, size=len(text), notice=read())
    except InvalidInput as error:
        return _Line(number=number, size=len(text), problems=error.problems)


def _numbered(stream: BinaryIO, *, start: int) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, without their ends; empty lines are counted and passed over."""
    number = start
    while text := _next_line(stream):
        if body := text.strip(b"\r\n"):
            yield number, body
        number += 1


def _next_line(stream: BinaryIO) -> bytes:
    """The next line; of one that is far too long, enough to say so, the rest is passed over."""
    text = stream.readline(LINE_BYTES_MAX + 1)
    rest = text
    while len(rest) == LINE_BYTES_MAX + 1 and not rest.endswith(b"\n"):
        rest = stream.readline(LINE_BYTES_MAX + 1)
    return text
