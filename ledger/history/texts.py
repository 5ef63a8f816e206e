"""Fields of an old system's files: texts become values, and every bad one is named by its place.

A place is `file:line:field`. Dates are in the Buddhist era, as the old books have them, written
2569-06-30 or 30/06/2569; a year of the common era is refused and the right one named, because a
file that mixes the two would be off by five centuries in silence. Amounts are texts with two
places.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from ledger.dates import BUDDHIST_OFFSET, thai_date
from ledger.errors import InvalidInput, Problem, shorten
from ledger.money import parse_baht, parse_signed_baht
from ledger.posting.ids import event_id

T = TypeVar("T")

NAMED_MAX = 1_000
"""So many problems are kept with their words; the rest is counted."""
LINE_CHARACTERS_MAX = 1_000_000

ACCOUNT_CODE = (r"[A-Z0-9][A-Z0-9-]{1,31}", 'an account code such as "SAV-0001"')
GL_CODE = (r"[1-59][0-9]{5}", "a GL code of six digits, the first one 1 to 5 or 9")
NAME = (r"\S(.{0,198}\S)?", "1 to 200 characters")
NOTHING_OR_TEXT = (r".{0,200}", "at most 200 characters")
ID = (r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}", "1 to 64 of A-Z, a-z, 0-9 and ._:/-")
PERSON = (r"[A-Za-z0-9][A-Za-z0-9:._@-]{0,63}", '1 to 64 characters such as "facility:treasury"')

_DAY_EXPECTED = "a date of the Buddhist era, 2569-06-30 or 30/06/2569"
_ISO = re.compile(r"^([0-9]{4})-([0-9]{2})-([0-9]{2})$", re.ASCII)
_SLASHED = re.compile(r"^([0-9]{2})/([0-9]{2})/([0-9]{4})$", re.ASCII)
_WHOLE = re.compile(r"^(0|[1-9][0-9]{0,40})$", re.ASCII)


@dataclass(slots=True, kw_only=True)
class Findings:
    """Problems in the order in which they were found; `count` counts those not kept, too."""

    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, where: str, got: object, expected: str, fix: str = "") -> None:
        """One more problem, its place written `file:line:field`."""
        self.keep(Problem(where=where, got=shorten(got), expected=expected, fix=fix))

    def keep(self, problem: Problem) -> None:
        """One more problem."""
        self.count += 1
        if len(self.problems) < NAMED_MAX:
            self.problems.append(problem)

    def read(self, read: Callable[[], T]) -> T | None:
        """What `read` gives; None when it raises `InvalidInput`, whose problems are kept."""
        try:
            return read()
        except InvalidInput as error:
            for problem in error.problems:
                self.keep(problem)
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a file: its cells by field name, and where it stands."""

    file: str
    line: int
    cells: Mapping[str, object]

    def place(self, name: str) -> str:
        """The place of a field, `file:line:field`."""
        return f"{self.file}:{self.line}:{name}"

    def text(self, name: str, rule: tuple[str, str], *, default: str | None = None) -> str:
        """A text that matches a pattern whole; an empty or missing one is `default`, if there is
        one. Raises `InvalidInput`.
        """
        value = self.cells.get(name, "")
        if value == "" and default is not None:
            return default
        if not isinstance(value, str) or not re.fullmatch(rule[0], value, re.ASCII | re.DOTALL):
            raise InvalidInput.one(self.place(name), value, rule[1])
        if any(ord(sign) < 32 for sign in value):
            raise InvalidInput.one(self.place(name), value, "text without control characters")
        return value

    def one_of(self, name: str, words: Mapping[str, T], *, default: str = "") -> T:
        """The value of one of some words. Raises `InvalidInput` that lists them."""
        value = self.cells.get(name, "") or default
        if not isinstance(value, str) or value not in words:
            raise InvalidInput.one(self.place(name), value, f"one of {', '.join(words)}")
        return words[value]

    def day(self, name: str) -> date:
        """A date of the Buddhist era. Raises `InvalidInput`."""
        return parse_buddhist_date(self.cells.get(name, ""), self.place(name))

    def day_or_none(self, name: str) -> date | None:
        """A date of the Buddhist era, or None for an empty field."""
        return None if self.cells.get(name, "") == "" else self.day(name)

    def amount(self, name: str) -> int:
        """Satang of an amount above zero."""
        return parse_baht(self.cells.get(name, ""), self.place(name))

    def balance(self, name: str) -> int:
        """Satang of a balance, which may be zero or below."""
        return parse_signed_baht(self.cells.get(name, ""), self.place(name))

    def balance_or_none(self, name: str) -> int | None:
        """Satang of a balance; None for an empty field."""
        return None if self.cells.get(name, "") == "" else self.balance(name)

    def whole(self, name: str, highest: int, *, default: str = "") -> int:
        """A whole number from 0 to `highest`."""
        value = self.cells.get(name, "") or default
        if not isinstance(value, str) or not _WHOLE.match(value) or int(value) > highest:
            raise InvalidInput.one(self.place(name), value, f"a whole number, 0 to {highest}")
        return int(value)

    def uuid(self, name: str, *under: str) -> UUID:
        """The id written there: a UUID is itself, another text gets one made from it.

        under: the name space of made ids, so that two old systems may both have a journal "1".
        """
        value = self.text(name, ID)
        try:
            return UUID(value) if len(value) == 36 else event_id(*under, value)
        except ValueError:
            return event_id(*under, value)


def parse_buddhist_date(text: object, where: str) -> date:
    """A date of the Buddhist era as a date. Raises `InvalidInput`; names a common-era year."""
    match = _ISO.match(text) if isinstance(text, str) else None
    parts = match.groups() if match else None
    if parts is None and isinstance(text, str) and (slashed := _SLASHED.match(text)):
        parts = slashed.groups()[::-1]
    if parts is None or (isinstance(text, str) and text.endswith("\n")):
        raise InvalidInput.one(where, text, _DAY_EXPECTED)
    year, month, day = (int(part) for part in parts)
    if 1900 <= year < 2400:
        fix = f"{year} looks like the common era: did you mean {year + BUDDHIST_OFFSET}?"
        raise InvalidInput.one(where, text, _DAY_EXPECTED, fix)
    if not 1900 <= year - BUDDHIST_OFFSET < 2400:
        raise InvalidInput.one(where, text, _DAY_EXPECTED)
    try:
        return date(year - BUDDHIST_OFFSET, month, day)
    except ValueError:
        raise InvalidInput.one(where, text, _DAY_EXPECTED, "There is no such day.") from None


def buddhist(day: date) -> str:
    """A date as these files have it, for messages and for files that tests write."""
    return thai_date(day)


def rows_of(path: Path, findings: Findings, columns: tuple[str, ...]) -> Iterator[Row]:
    """The lines of a CSV file with exactly these columns (in any order), or of a JSONL file.

    What cannot be read is named in `findings` and passed over. The file is read as a stream.
    """
    if path.suffix == ".jsonl":
        for row in json_rows(path, findings):
            odd = [name for name in row.cells if name not in columns]
            for name in odd:
                findings.add(row.place(name[:40]), "another field", f"only {', '.join(columns)}")
            if not odd:
                yield row
    else:
        yield from _csv_rows(path, findings, columns)


def json_rows(path: Path, findings: Findings) -> Iterator[Row]:
    """The objects of a JSONL file, one a line; empty lines are passed over."""
    with path.open("rb") as stream:
        number = 0
        while text := stream.readline(LINE_CHARACTERS_MAX + 1):
            number += 1
            if len(text) > LINE_CHARACTERS_MAX:
                expected = f"a line of at most {LINE_CHARACTERS_MAX:,} bytes"
                findings.add(f"{path.name}:{number}:line", "a longer one", expected)
                return
            body = text.removeprefix(b"\xef\xbb\xbf").strip()
            if not body:
                continue
            cells = _object(body)
            if cells is None:
                expected = "one whole JSON object in UTF-8, each field once"
                findings.add(
                    f"{path.name}:{number}:line", body[:80].decode("utf-8", "replace"), expected
                )
                continue
            yield Row(file=path.name, line=number, cells=cells)


def _object(body: bytes) -> dict[str, object] | None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a field twice")
        return made

    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _csv_rows(path: Path, findings: Findings, columns: tuple[str, ...]) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as stream:
        lines = csv.reader(stream, strict=True)
        number, header = 0, None
        while True:
            number = lines.line_num + 1
            try:
                cells = next(lines)
            except StopIteration:
                break
            except csv.Error as error:
                findings.add(f"{path.name}:{number}:line", str(error), "fields with commas between")
                break
            if header is None:
                header = cells
                if sorted(header) != sorted(columns):
                    expected = f"the columns {','.join(columns)}"
                    findings.add(f"{path.name}:1:header", ",".join(header), expected)
                    return
                continue
            if not cells:
                continue
            if len(cells) != len(header):
                expected = f"{len(header)} fields with commas between"
                findings.add(f"{path.name}:{number}:line", f"{len(cells)} fields", expected)
                continue
            if any("\udc80" <= sign <= "\udcff" for cell in cells for sign in cell):
                findings.add(f"{path.name}:{number}:line", "other bytes", "text in UTF-8")
                continue
            yield Row(file=path.name, line=number, cells=dict(zip(header, cells, strict=True)))
    if header is None:
        findings.add(f"{path.name}:1:header", "nothing", f"the columns {','.join(columns)}")
