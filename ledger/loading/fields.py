"""One line, read exactly: its cells become values, or the first thing wrong with it is named.

This is the truth of the layouts. The columns (`spans`) take the many lines that are plainly in
order; whatever they are not sure of comes here, so a line is refused by nobody else and its words
are the same in every format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.kinds import JournalKind
from ledger.money import parse_baht
from ledger.posting.lines import NO_DATE, days_of

FIELDS = ("id", "debit", "credit", "amount", "kind", "value_date", "reference", "narrative")
"""The columns of a layout; a file may have them in any order."""
REQUIRED = FIELDS[:4]
TEXTS = ("reference", "narrative")

KINDS: Mapping[str, int] = {
    "manual": int(JournalKind.MANUAL),
    "imported": int(JournalKind.IMPORTED),
}
"""Kinds that a loader may use. Everything else is the word of a product, a night or an approval."""
DEFAULT_KIND = int(JournalKind.MANUAL)

TEXT_CHARACTERS_MAX = 140
CODE_BYTES_MAX = 32
LINE_BYTES_MAX = 8_192
"""A line in order is shorter, even with every character of its texts escaped."""
SHOWN_CHARACTERS = 80

LINE = "line"
"""As a field: the line as a whole."""
AN_ID = "a UUID with its four hyphens, made by the client, one a line"
A_CODE = 'the code of an account, 2 to 32 of A-Z, 0-9 and -, such as "SAV-0001"'
OF_THE_BOOK = "the code of an account of this book"
MOVED_BY_HAND = (
    "an account that may be moved by hand, not by the night, payments or a placement alone"
)
A_KIND = f"one of {', '.join(KINDS)}, or nothing"
A_TEXT = f"at most {TEXT_CHARACTERS_MAX} characters, no control characters"
UTF8 = "text in UTF-8"
SHORT_LINE = f"at most {LINE_BYTES_MAX:,} bytes"
ENDED = "a line break at the end of the last line: without it nobody knows whether it is whole"
ONLY_FIELDS = f"only the fields {', '.join(FIELDS)}"

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,31}", re.ASCII)
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong with a line: the field, what stood there (cut), what was expected.

    journal_id: the line's id where that can be read, so that its author finds it again.
    """

    field: str
    got: str
    expected: str
    journal_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The values of a line; account codes are not yet looked up."""

    journal_id: UUID
    debit: str
    credit: str
    amount_satang: int
    kind: int
    value_date: int
    reference: str
    narrative: str


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, field: str, got: object, expected: str) -> None:
        self.flaw = (field, shown(got), expected)


def read_cells(cells: Mapping[str, object]) -> Reading | Flaw:
    """The values of a line from its cells by name; a missing one is empty, or wrong if required."""
    try:
        return _reading(cells)
    except _Wrong as wrong:
        field, got, expected = wrong.flaw
        return Flaw(field=field, got=got, expected=expected, journal_id=id_in(cells))


def id_in(cells: Mapping[str, object]) -> str | None:
    """The id of a line as it will stand in the book, None where there is none to read."""
    found = cells.get("id")
    in_order = isinstance(found, str) and _ID.fullmatch(found) is not None
    return str(UUID(str(found))) if in_order else None


def shown(got: object) -> str:
    """What stood there, in one line of at most 80 characters."""
    text = got if isinstance(got, str) else json.dumps(got, ensure_ascii=False, default=str)
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    # Bytes that are no text stand as lone surrogates.
    return cut.encode("utf-8", "backslashreplace").decode()


def _reading(cells: Mapping[str, object]) -> Reading:
    for name in cells:
        if name not in FIELDS:
            raise _Wrong(shown(name), cells[name], ONLY_FIELDS)
    return Reading(
        journal_id=UUID(_matching(cells, "id", _ID, AN_ID)),
        debit=_matching(cells, "debit", _CODE, A_CODE),
        credit=_matching(cells, "credit", _CODE, A_CODE),
        amount_satang=_amount(cells),
        kind=_kind(cells),
        value_date=_value_date(cells),
        reference=_story(cells, "reference"),
        narrative=_story(cells, "narrative"),
    )


def _text(cells: Mapping[str, object], name: str, expected: str = "a text") -> str:
    found = cells.get(name)
    if found is None and name not in REQUIRED:
        return ""
    if not isinstance(found, str):
        raise _Wrong(name, "nothing" if name not in cells else found, expected)
    if any("\ud800" <= sign <= "\udfff" for sign in found):
        raise _Wrong(name, found, UTF8)
    return found


def _matching(
    cells: Mapping[str, object], name: str, pattern: re.Pattern[str], expected: str
) -> str:
    found = _text(cells, name, expected)
    if not pattern.fullmatch(found):
        raise _Wrong(name, found, expected)
    return found


def _amount(cells: Mapping[str, object]) -> int:
    # What is not a text is named by the parser as well.
    found = cells.get("amount", "nothing")
    try:
        return parse_baht(found)
    except InvalidInput as error:
        raise _Wrong("amount", found, _expected(error)) from None


def _kind(cells: Mapping[str, object]) -> int:
    found = _text(cells, "kind", A_KIND)
    if found and found not in KINDS:
        raise _Wrong("kind", found, A_KIND)
    return KINDS[found] if found else DEFAULT_KIND


def _value_date(cells: Mapping[str, object]) -> int:
    found = _text(cells, "value_date")
    try:
        return days_of(parse_date(found)) if found else NO_DATE
    except InvalidInput as error:
        raise _Wrong("value_date", found, _expected(error)) from None


def _expected(error: InvalidInput) -> str:
    problem = error.problems[0]
    return f"{problem.expected}. {problem.fix}" if problem.fix else problem.expected


def _story(cells: Mapping[str, object], name: str) -> str:
    found = _text(cells, name, A_TEXT)
    if len(found) > TEXT_CHARACTERS_MAX or not _PRINTABLE.fullmatch(found):
        raise _Wrong(name, found, A_TEXT)
    return found
