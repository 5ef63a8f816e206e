"""Stepping through the record, newest first, run by run, with a bound on what a page costs.

A run is 262,144 numbers, and every index of the search rows begins with it. A *count* in one run
says how many rows each condition has there, to a cap. The rarest one leads: a *sweep* steps over
many runs by its index, passes those where it has nothing, and puts its few rows in the others to
all conditions; where it turns out frequent, the run is counted anew and another one may lead. Where
nothing is rare, the numbers are read in order, piece by piece. So rare things are found at once
however old they are, and two frequent things that never meet cost what is read: each page ends
after about its budget and says how far it looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements

SQL = statements(Path(__file__).parent / "sql" / "find.sql")

RUN_BITS = 18
RUN = 1 << RUN_BITS
"""Numbers in a run, as the generated column says."""

_SWEEP_FIRST, _SWEEP_MAX, _GROWTH = 2, 256, 4
_COST_OF_PROBE, _COST_OF_ROW, _ROWS_READ_IN_ORDER = 8, 2, 2
"""A descent of an index; a row found by one; rows for one unit where they are read in order."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something a transfer must be. `probes`: alternatives, each of which has an index.

    They are SQL about the row `f`, with `{}` where a value goes; each probe takes all `values`.
    """

    probes: tuple[str, ...]
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much a page may look at.

    budget: what it may cost, in units of about a microsecond on a machine that has the rows at
            hand; it ends after the step that exceeds it.
    cap:    a condition with so many rows in a run is frequent there.
    piece:  numbers that are read in order at a time; divides a run.
    """

    budget: int = 20_000
    cap: int = 1_000
    piece: int = 16_384


@dataclass(slots=True, kw_only=True)
class Search:
    """A search under way: what it looks for, how far it came, what it found.

    below:   every number from here up has been looked at.
    wanted:  enough journals; looking ends when so many are found.
    ids:     of those that were found in the tail, by number; search rows know those of the others.
    spent:   what it has cost so far, in the units of `Bounds.budget`.
    """

    connection: Connection
    book_id: int
    conditions: Sequence[Condition]
    indexed_to: int
    below: int
    wanted: int
    bounds: Bounds
    found: list[int] = field(default_factory=list)
    ids: dict[int, UUID] = field(default_factory=dict)
    spent: int = 0

    @property
    def unfinished(self) -> bool:
        """True while there is more to look at, and budget to do it, and need."""
        return self.below > 1 and self.spent < self.bounds.budget and len(self.found) < self.wanted


async def look(search: Search) -> None:
    """Look on from where the search stands, newest first, until it is full or has spent enough."""
    while search.unfinished and search.below > search.indexed_to + 1:
        await _look_in_tail(search)
    while search.unfinished:
        before, leader = search.below, await _rarest(search)
        if leader is not None:
            await _sweep(search, leader)
        if search.below == before:
            await _look_in_order(search)


async def _look_in_tail(search: Search) -> None:
    """A piece that the search rows do not cover, from the record itself."""
    start = max(search.indexed_to + 1, search.below - search.bounds.piece)
    values: list[object] = [search.book_id, start, search.below, search.wanted - len(search.found)]
    matches = _conjunction(search.conditions, values)
    rows = await search.connection.fetch(SQL["tail"].format(matches=matches), *values)
    search.found += [row["recorded_seq"] for row in rows]
    search.ids |= {row["recorded_seq"]: row["journal_id"] for row in rows}
    search.spent += 1 + (search.below - start) // _ROWS_READ_IN_ORDER
    search.below = start


async def _rarest(search: Search) -> Condition | None:
    """The condition with the fewest rows in the run at hand; None when none has few there."""
    values: list[object] = [search.book_id, _run_of(search)]
    counts = []
    for condition in search.conditions:
        probes = [
            SQL["count_probe"].format(probe=probe, cap=search.bounds.cap)
            for probe in _numbered(condition, values)
        ]
        counts.append(" + ".join(probes))
        search.spent += (_COST_OF_PROBE + search.bounds.cap // 4) * len(probes)
    if not counts:
        return None
    row = await search.connection.fetchrow(f"SELECT {', '.join(counts)}", *values)
    found = [int(count) for count in row or ()]
    least = min(found)
    return search.conditions[found.index(least)] if least < search.bounds.cap else None


def _run_of(search: Search) -> int:
    return (search.below - 1) >> RUN_BITS


async def _look_in_order(search: Search) -> None:
    """The piece at hand, whatever it holds."""
    start = (search.below - 1) // search.bounds.piece * search.bounds.piece
    run, upto = _run_of(search), min(search.below - 1, search.indexed_to)
    wanted = search.wanted - len(search.found)
    values: list[object] = [search.book_id, run, start, upto, wanted]
    matches = _conjunction(search.conditions, values)
    rows = await search.connection.fetch(SQL["piece"].format(matches=matches), *values)
    search.found += [row["recorded_seq"] for row in rows]
    search.spent += search.bounds.piece // _ROWS_READ_IN_ORDER
    search.below = start


async def _sweep(search: Search, leader: Condition) -> None:
    """Runs from the one at hand down, by one condition, until it is frequent in one of them."""
    pace = _SWEEP_FIRST
    while True:
        top = _run_of(search)
        bottom = max(0, top - pace + 1)
        rows = await _swept(search, leader, top, bottom)
        for row in rows:
            if row["examined"] >= search.bounds.cap:
                search.below = min(search.below, (row["run"] + 1) << RUN_BITS)
                return
            search.found += row["found"]
            search.spent += row["examined"] * _COST_OF_ROW
        search.spent += (top - bottom + 1) * len(leader.probes) * _COST_OF_PROBE
        search.below = bottom << RUN_BITS
        if not rows:
            pace = min(_SWEEP_MAX, pace * _GROWTH)
        if not search.unfinished:
            return


async def _swept(search: Search, leader: Condition, top: int, bottom: int) -> list[asyncpg.Record]:
    """Of each run where the leader has rows: how many, and the numbers of journals found."""
    values: list[object] = [search.book_id, top, bottom, search.below, search.indexed_to]
    probes = [
        SQL["sweep_probe"].format(probe=probe, cap=search.bounds.cap)
        for probe in _numbered(leader, values)
    ]
    matches = _conjunction(search.conditions, values)
    statement = SQL["sweep"].format(probes="\nUNION ALL\n".join(probes), matches=matches)
    return await search.connection.fetch(statement, *values)


def _conjunction(conditions: Sequence[Condition], values: list[object]) -> str:
    """All conditions as SQL; their values are added to `values`."""
    each = [f"({' OR '.join(_numbered(condition, values))})" for condition in conditions]
    return " AND ".join(each) or "TRUE"


def _numbered(condition: Condition, values: list[object]) -> list[str]:
    """The probes of a condition with parameter numbers; its values are added to `values`."""
    numbers = [f"${len(values) + place}" for place in range(1, len(condition.values) + 1)]
    values += condition.values
    return [probe.format(*numbers) for probe in condition.probes]
