"""What became of lines, as JSON lines: many at once where they look alike, else one by one. Pure.

Lines that were recorded differ from their neighbours in digits only: those of one outcome, of the
same dates and as many digits, are rows of one table of characters, into which digits are written
column by column. Refused and malformed lines have words of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from ledger.loading.chunks import Chunk
from ledger.loading.fields import Flaw
from ledger.money import format_baht
from ledger.posting.lines import EPOCH, Bytes, Ints
from ledger.posting.outcomes import LineOutcomes, LineStatus
from ledger.refusals import Refusal

STRETCH = 8_192
"""Lines made at once: bounds what their texts take."""
_WORDS = {int(LineStatus.POSTED): "posted", int(LineStatus.REPLAYED): "replayed"}
_LIMITS = ("balance_min", "balance_max")
_TRANSFER = "line"
"""In a refusal: which transfer of the journal. A journal of a file has one."""

_ID_WIDTH = 36
_GROUPS = (0, 8, 12, 16, 20, 32)
"""Of the 32 digits of an id: where its groups begin; as many hyphens stand before each."""
_PAIRS = np.frombuffer(bytes(range(256)).hex().encode(), np.uint16)
"""A byte as its two digits."""
_FOUR = 10_000
_FOURS = np.frombuffer("".join(f"{number:04}" for number in range(_FOUR)).encode(), np.uint32)
"""A number below ten thousand as four digits."""
_POWERS = np.array([10**power for power in range(1, 19)], np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Neighbouring lines of one chunk with their outcomes.

    first, last: places in the chunk, half-open.
    line:        number of the first of them in the file.
    begins:      place in the batch of the first line that was posted or judged.
    """

    chunk: Chunk
    first: int
    last: int
    line: int
    begins: int


def texts_of(
    part: Part, outcomes: LineOutcomes | None, codes: Mapping[int, str]
) -> Iterator[bytes]:
    """The result lines of a part, a stretch at a time; `codes` name the accounts of refusals."""
    begins = part.begins
    for first in range(part.first, part.last, STRETCH):
        last = min(part.last, first + STRETCH)
        low, high = part.chunk.places.searchsorted([first, last]).tolist()
        line = part.line + first - part.first
        stretch = Part(chunk=part.chunk, first=first, last=last, line=line, begins=begins)
        yield _text(stretch, outcomes, low, high, codes)
        begins += high - low


def _text(
    part: Part, outcomes: LineOutcomes | None, low: int, high: int, codes: Mapping[int, str]
) -> bytes:
    lines = [b""] * (part.last - part.first)
    at_fault = np.ones(len(lines), np.bool_)
    if outcomes is not None and high > low:
        places = part.chunk.places[low:high] - part.first
        at_fault[places] = False
        alike = _recorded(part, outcomes, part.chunk.lines.ids[low:high], places, lines)
        if alike is not None:
            return alike
        for at in np.flatnonzero(_statuses(part, outcomes, high - low) == LineStatus.REFUSED):
            journal_id = written_ids(part.chunk.lines.ids[low + at : low + at + 1])[0]
            line = part.line + int(places[at])
            refusal = outcomes.refusals[part.begins + int(at)]
            lines[int(places[at])] = _refused(line, journal_id, refusal, codes)
    for place in np.flatnonzero(at_fault).tolist():
        lines[place] = _malformed(part.line + place, part.chunk.flaws[part.first + place])
    return b"".join(lines)


def _statuses(part: Part, outcomes: LineOutcomes, count: int) -> Bytes:
    return outcomes.status[part.begins : part.begins + count]


def _recorded(
    part: Part, outcomes: LineOutcomes, ids: Bytes, places: Ints, lines: list[bytes]
) -> bytes | None:
    """Put the lines that were recorded where they belong; their text if they all are, and alike."""
    span = slice(part.begins, part.begins + len(ids))
    numbers = (
        places + part.line,
        outcomes.recorded_seq[span],
        outcomes.voucher_no[span],
    )
    key = _likeness(outcomes, span, numbers)
    if len(ids) == len(lines) and (key == key[0]).all():
        if int(outcomes.status[part.begins]) not in _WORDS:
            return None
        return _table(outcomes, part.begins, ids, numbers).tobytes()
    kinds, members = np.unique(key, return_inverse=True)
    for kind in range(len(kinds)):
        of_kind = np.flatnonzero(members == kind)
        at = part.begins + int(of_kind[0])
        if int(outcomes.status[at]) not in _WORDS:
            continue
        rows = _table(outcomes, at, ids[of_kind], [column[of_kind] for column in numbers])
        text, width = rows.tobytes(), rows.shape[1]
        for row, place in enumerate(places[of_kind].tolist()):
            lines[place] = text[row * width : (row + 1) * width]
    return None


def _likeness(outcomes: LineOutcomes, span: slice, numbers: tuple[Ints, ...]) -> Ints:
    """The same number for lines whose texts differ in digits only."""
    key: Ints = outcomes.status[span].astype(np.int64)
    for column in numbers:
        ends = np.searchsorted(_POWERS, [column.min(), column.max()], side="right")
        if ends[0] != ends[1]:
            key = key * 32 + np.searchsorted(_POWERS, column, side="right")
    columns = (outcomes.fiscal_year, outcomes.business_date, outcomes.value_date)
    for dates, bits in zip(columns, (8, 16, 20), strict=True):
        values = dates[span].astype(np.int64)
        if values.min() == values.max():
            continue
        # A refused line has zeros, whose distance means nothing and must not spill over.
        key = (key << bits) | ((values - values.max(initial=0)) & ((1 << bits) - 1))
    return key


def _table(outcomes: LineOutcomes, at: int, ids: Bytes, numbers: Sequence[Ints]) -> Bytes:
    """The texts of recorded lines that are alike, one a row; `at` is the first of them."""
    line, seq, voucher = (str(int(column[0])) for column in numbers)
    before = f'{{"line":{line},"id":"'
    middle = f'","outcome":"{_WORDS[int(outcomes.status[at])]}","recorded_seq":'
    year = f',"voucher":"{int(outcomes.fiscal_year[at])}/'
    after = (
        f'","business_date":"{_day(outcomes.business_date[at])}",'
        f'"value_date":"{_day(outcomes.value_date[at])}"}}\n'
    )
    row = f"{before}{'-' * _ID_WIDTH}{middle}{seq}{year}{voucher}{after}".encode()
    table = np.empty((len(ids), len(row)), np.uint8)
    table[:] = np.frombuffer(row, np.uint8)
    _write_ids(table[:, len(before) : len(before) + _ID_WIDTH], ids)
    ends_seq = len(before) + _ID_WIDTH + len(middle) + len(seq)
    ends = (len('{"line":') + len(line), ends_seq, ends_seq + len(year) + len(voucher))
    for column, end, text in zip(numbers, ends, (line, seq, voucher), strict=True):
        _write_number(table[:, end - len(text) : end], column)
    return table


def _write_number(table: Bytes, column: Ints) -> None:
    """Digits from the last to the first, as many as the table is wide."""
    rest, width = column, table.shape[1]
    for end in range(width, 0, -4):
        above = rest // _FOUR
        digits = _FOURS[rest - above * _FOUR].view(np.uint8).reshape(-1, 4)
        here = min(4, end)
        table[:, end - here : end] = digits[:, 4 - here :]
        rest = above


def _day(days: np.int32) -> str:
    return date.fromordinal(EPOCH + int(days)).isoformat()


def _write_ids(table: Bytes, ids: Bytes) -> None:
    digits = _PAIRS[np.ascontiguousarray(ids)].view(np.uint8)
    for hyphens, (first, last) in enumerate(pairwise(_GROUPS)):
        table[:, first + hyphens : last + hyphens] = digits[:, first:last]


def written_ids(ids: Bytes) -> list[str]:
    """Ids, rows of 16 bytes, as people write them."""
    table = np.full((len(ids), _ID_WIDTH), ord("-"), np.uint8)
    _write_ids(table, ids)
    text = table.tobytes().decode()
    return [text[at : at + _ID_WIDTH] for at in range(0, len(text), _ID_WIDTH)]


def _refused(line: int, journal_id: str, refusal: Refusal, codes: Mapping[int, str]) -> bytes:
    return _dumped(
        {
            "line": line,
            "id": journal_id,
            "outcome": "refused",
            "code": refusal.code,
            "detail": facts_of(refusal, codes),
        }
    )


def _malformed(line: int, flaw: Flaw) -> bytes:
    return _dumped(
        {
            "line": line,
            "id": flaw.journal_id,
            "outcome": "malformed",
            "field": flaw.field,
            "got": flaw.got,
            "expected": flaw.expected,
        }
    )


def _dumped(facts: Mapping[str, object]) -> bytes:
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode() + b"\n"


def facts_of(refusal: Refusal, codes: Mapping[int, str]) -> dict[str, object]:
    """Facts of a refusal for files: accounts by their codes, amounts as text with two places.

    In one order, whether it was refused just now or is remembered.
    """
    shown: dict[str, object] = {}
    for name, value in sorted(refusal.detail.items()):
        if name == _TRANSFER:
            continue
        if name == "account" and isinstance(value, int):
            shown[name] = codes.get(value)
        elif isinstance(value, int) and (name.endswith("_satang") or name in _LIMITS):
            shown[name.removesuffix("_satang")] = format_baht(value)
        else:
            shown[name] = value
    return shown
