"""Which ids of a batch are on record, asked by ranges instead of one by one.

Ids of one load are neighbours when they are time-ordered: between the first and the last of a batch
nothing else can be, so one probe answers for thousands. Sorted ids are cut at their widest gaps;
what is left inside the ranges must be so little of the room of ids that whatever else the book
holds is not met there by chance, otherwise (random ids) each is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ledger.db import Connection, statements
from ledger.posting.lines import Ints, Lines

SQL = statements(Path(__file__).parent.parent / "sql" / "bulk.sql")
RANGES_MAX = 2_048
FOUND_MAX = 16_384
"""So many ids found in ranges, and it is cheaper to ask for each that is wanted."""
FOUND_IN_ONE_MAX = 1_024
"""So many found where nothing was expected, and the range is cut up."""
_NARROW = 2**44
"""In units of 2^-64 of the room of ids: a billion random ids put about a thousand into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Ids as ranges, both ends inclusive; `exact` = none, each id has to be asked for."""

    low: list[UUID]
    high: list[UUID]
    exact: bool


def ranges_of(lines: Lines) -> Ranges:
    """The ids of some lines as few ranges; one by one when they lie too far apart."""
    order, words = _sorted(lines)
    gaps = np.diff(words[:, 0])
    if not len(gaps) or _width(gaps) <= _NARROW:
        return _between(lines, order, np.zeros(0, np.int64))
    most = min(RANGES_MAX - 1, len(gaps))
    cuts = np.sort(np.argpartition(gaps, len(gaps) - most)[len(gaps) - most :])
    if _width(np.delete(gaps, cuts)) > _NARROW:
        return Ranges(low=[], high=[], exact=True)
    return _between(lines, order, cuts)


def finer_ranges_of(lines: Lines) -> Ranges:
    """The same ids cut wherever their gaps are widest, however narrow they all are."""
    order, words = _sorted(lines)
    # Ids that differ in their second half only are ranked by that, behind all others.
    by_width = np.lexsort((np.diff(words[:, 1]), np.diff(words[:, 0])))
    widest = by_width[max(0, len(by_width) - RANGES_MAX + 1) :]
    return _between(lines, order, np.sort(widest))


def _between(lines: Lines, order: Ints, cuts: Ints) -> Ranges:
    """Ranges that end at these places of the sorted ids, and at the last."""
    first = np.concatenate([np.zeros(1, np.int64), cuts + 1])
    last = np.concatenate([cuts, np.array([len(order) - 1])])
    low, high = _uuids(lines, order[first]), _uuids(lines, order[last])
    return Ranges(low=low, high=high, exact=False)


async def known_ids(
    connection: Connection, book_id: int, lines: Lines, ranges: Ranges
) -> set[bytes]:
    """Of recorded journals, holds and remembered refusals, those under the lines' ids, and noise.

    One range that turns out to be full of other ids (replays of what came right before lie among
    them) is cut up; ranges that are (a load beside this one) are given up for asking id by id.
    """
    if not ranges.exact:
        if len(ranges.low) == 1:
            found = await _in_ranges(connection, book_id, ranges, FOUND_IN_ONE_MAX)
            if found is not None:
                return found
            ranges = finer_ranges_of(lines)
        found = await _in_ranges(connection, book_id, ranges, FOUND_MAX)
        if found is not None:
            return found
    rows = await connection.fetch(SQL["known_by_id"], book_id, _literal(lines))
    return {row["id"].bytes for row in rows}


async def _in_ranges(
    connection: Connection, book_id: int, ranges: Ranges, most: int
) -> set[bytes] | None:
    """What is on record in these ranges; None when it is so much that it was not all brought."""
    rows = await connection.fetch(SQL["known_in_ranges"], book_id, ranges.low, ranges.high, most)
    return {row["id"].bytes for row in rows} if len(rows) < most else None


def share_ids(some: Lines, others: Lines) -> bool:
    """True when an id may stand among both; False is certain."""
    first, second = _upper(some), _upper(others)
    if int(first.max()) < int(second.min()) or int(second.max()) < int(first.min()):
        return False
    return bool(np.isin(first, second).any())


def _upper(lines: Lines) -> NDArray[np.uint64]:
    """The first half of each id."""
    return lines.halves()[:, 0]


def _sorted(lines: Lines) -> tuple[Ints, NDArray[np.uint64]]:
    """Places of the lines in the order of their ids, and the halves of the ids in that order."""
    words = lines.halves()
    order = np.lexsort((words[:, 1], words[:, 0]))
    return order, words[order]


def _width(gaps: NDArray[np.uint64]) -> int:
    """Sum of gaps; shifted first, so that it fits: what is lost is far below `_NARROW`."""
    return int((gaps >> np.uint64(20)).sum()) << 20


def _literal(lines: Lines) -> str:
    """All ids as one array literal; making objects of them costs more than their search."""
    digits = np.ascontiguousarray(lines.ids).tobytes().hex()
    return "{" + ",".join([digits[at : at + 32] for at in range(0, len(digits), 32)]) + "}"


def _uuids(lines: Lines, places: Ints) -> list[UUID]:
    raw = lines.ids[places].tobytes()
    return [UUID(bytes=raw[at : at + 16]) for at in range(0, len(raw), 16)]
