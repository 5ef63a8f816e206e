"""What a batch locks before the head: idempotency keys and the product rows it was decided on.

Order of locks, the same for everyone: idempotency keys (tried, never waited for), product rows
(table by name, row by id, locked rows are skipped), the book head (the only wait, in `read`). The
first two are one statement; who is not obtained waits for the next batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from ledger.db import Connection
from ledger.posting.columns import literal_of_ids
from ledger.posting.read import SQL
from ledger.posting.values import RowTable, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtained:
    """What a batch has locked.

    busy:     places of units whose idempotency key is being worked on elsewhere.
    versions: of the product rows, by table and id; who is missing was locked by somebody else.
    """

    busy: set[int]
    versions: dict[tuple[str, UUID], int]


async def try_locks(connection: Connection, book_id: int, units: Sequence[Unit]) -> Obtained:
    """Lock the idempotency keys of the batch, then every row that its units were decided on.

    One round trip, whatever the number of tables. Nothing in it waits.
    """
    keyed = [(place, unit.key) for place, unit in enumerate(units) if unit.key is not None]
    wanted: dict[str, tuple[RowTable, set[UUID]]] = {}
    for unit in units:
        for read in unit.reads:
            wanted.setdefault(read.table.name, (read.table, set()))[1].add(read.row_id)
    obtained = Obtained(busy=set(), versions={})
    if not keyed and not wanted:
        return obtained
    names = sorted(wanted)
    asked: list[object] = [literal_of_ids(wanted[name][1]) for name in names]
    if keyed:
        asked.insert(0, [f"{key.client}\x1f{key.key}" for _, key in keyed])
    statement = _locks_of(bool(keyed), tuple(wanted[name][0].select for name in names))
    for place, row_id, number in await connection.fetch(statement, book_id, *asked):
        if place == _KEY_IS_BUSY:
            obtained.busy.add(keyed[number - 1][0])
        else:
            obtained.versions[names[place], row_id] = number
    return obtained


_KEY_IS_BUSY = -1


@cache
def _locks_of(keyed: bool, selects: tuple[str, ...]) -> str:
    """One statement of the locks in their order: keys first, then table by table.

    Rows are (place of the table, id, version), and (-1, NULL, place of the key) for a busy key. A
    part that locks is never merged with another, and parts are executed in the order in which they
    are asked for; since none of them waits, no order could end in a deadlock.
    """
    parts: list[str] = []
    answers: list[str] = []
    if keyed:
        parts.append(f"keys (number, locked) AS MATERIALIZED ({SQL['try_keys']})")
        answers.append(f"SELECT {_KEY_IS_BUSY}, NULL::uuid, number FROM keys WHERE NOT locked")
    for place, select in enumerate(selects):
        # Once a statement, not once a row that is looked at.
        ids = f"(SELECT ${place + 2 + keyed}::text::uuid [])"
        parts.append(f"t{place} (id, version) AS MATERIALIZED ({select.replace('$2', ids)})")
        answers.append(f"SELECT {place}, id, version FROM t{place}")
    return f"WITH {', '.join(parts)} {' UNION ALL '.join(answers)}"
