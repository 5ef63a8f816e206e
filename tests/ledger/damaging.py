"""Damage, drawn from the catalogue: any row of any table changed, lost or planted by its owner.

A `Derived` table says how its rows are named and which of its columns are nobody's to derive; every
other column is changed, one after the other, with triggers disabled and checks dropped, in a
transaction that is rolled back. The proof must name the place each time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from ledger.proof.report import Report

Verify = Callable[[asyncpg.Connection], Awaitable[Report]]

_COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type
FROM pg_attribute AS a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_CHECKS = """
SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c' ORDER BY conname
"""
_TABLES = """
SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
WHERE table_schema = ANY($1::text[]) AND table_type = 'BASE TABLE' ORDER BY 1
"""
_OTHER = {
    "integer": "coalesce({0} + 7, 7)",
    "bigint": "coalesce({0} + 7, 7)",
    "smallint": "({0} + 1)::smallint",
    "numeric": "{0} + 1",
    "text": "{0} || 'X'",
    "character varying": "{0} || 'X'",
    "uuid": "gen_random_uuid()",
    "date": "coalesce({0} + 500, DATE '2031-05-05')",
    "boolean": "NOT {0}",
    "bytea": "set_byte({0}, 0, get_byte({0}, 0) # 1)",
    "integer[]": "array_append({0}, 1)",
    "bigint[]": "array_append({0}, 1::bigint)",
    "uuid[]": "array_append({0}, gen_random_uuid())",
    "text[]": "array_append({0}, '06-07')",
}
"""Another value of each type, as SQL."""
_SHIFTED = "('[0:' || (cardinality({0}) - 1) || ']=' || {0}::text)::{1}"
"""The same elements under other subscripts: who asks for one by its number gets another."""
_SUBSCRIPTED = ("integer[]", "bigint[]", "uuid[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A table whose rows follow from others.

    place: SQL over a row `r`: how a difference names it; several are tried.
    pick:  SQL condition of the row to damage; the first that fits is.
    free:  columns that nothing derives, with the reason.
    plant: columns of the planted row that differ from the copied one, as SQL over `r`.
    to:    another value of a column than its type's, as SQL over `r`.
    generated: columns that the server works out.
    no_extra: why no row can be planted, where none can.
    """

    place: tuple[str, ...]
    plant: Mapping[str, str] = field(default_factory=dict)
    pick: str = "TRUE"
    free: Mapping[str, str] = field(default_factory=dict)
    to: Mapping[str, str] = field(default_factory=dict)
    generated: tuple[str, ...] = ()
    no_extra: str = ""


async def tables_of(connection: asyncpg.Connection, *schemas: str) -> set[str]:
    """Every table of these schemas."""
    return {row["name"] for row in await connection.fetch(_TABLES, list(schemas))}


async def columns_of(connection: asyncpg.Connection, table: str) -> dict[str, str]:
    """Name and type of every column of a table."""
    return {row["name"]: row["type"] for row in await connection.fetch(_COLUMNS, table)}


@asynccontextmanager
async def as_owner(connection: asyncpg.Connection, table: str) -> AsyncIterator[None]:
    """A transaction that is rolled back: triggers disabled, the table's checks dropped."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        for row in await connection.fetch(_CHECKS, table):
            await connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{row["conname"]}"')
        await connection.execute("SET LOCAL session_replication_role = replica")
        yield
    finally:
        await transaction.rollback()


async def changed(
    connection: asyncpg.Connection, table: str, derived: Derived, verify: Verify
) -> list[str]:
    """Columns whose change the proof did not find, or did not name."""
    unfound = []
    for column, kind in (await columns_of(connection, table)).items():
        if column in derived.free:
            continue
        others = [derived.to.get(column, _OTHER[kind].format(f"r.{column}"))]
        if kind in _SUBSCRIPTED and await _has_elements(connection, table, column, derived):
            others.append(_SHIFTED.format(f"r.{column}", kind))
        for other in others:
            async with as_owner(connection, table):
                places = await _places(connection, table, derived)
                await connection.execute(
                    f"UPDATE {table} AS r SET {column} = {other} "
                    f"WHERE r.ctid = ({_picked(table, derived)})"
                )
                report = await verify(connection)
            if not _names(report, places):
                unfound.append(f"{column} = {other}: {places} not among {_listed(report)}")
    return unfound


async def _has_elements(
    connection: asyncpg.Connection, table: str, column: str, derived: Derived
) -> bool:
    found: bool | None = await connection.fetchval(
        f"SELECT cardinality(r.{column}) > 0 FROM {table} AS r "
        f"WHERE r.ctid = ({_picked(table, derived)})"
    )
    return bool(found)


async def lost(
    connection: asyncpg.Connection, table: str, derived: Derived, verify: Verify
) -> list[str]:
    """What the proof did not find of a row that is gone."""
    async with as_owner(connection, table):
        places = await _places(connection, table, derived)
        await connection.execute(
            f"DELETE FROM {table} AS r WHERE r.ctid = ({_picked(table, derived)})"
        )
        report = await verify(connection)
    return [] if _names(report, places) else [f"{places} not among {_listed(report)}"]


async def planted(
    connection: asyncpg.Connection, table: str, derived: Derived, verify: Verify
) -> list[str]:
    """What the proof did not find of a row that was copied and given another key."""
    columns = await columns_of(connection, table)
    columns = {name: kind for name, kind in columns.items() if name not in derived.generated}
    values = ", ".join(derived.plant.get(name, f"r.{name}") for name in columns)
    async with as_owner(connection, table):
        found = await connection.fetchrow(
            f"INSERT INTO {table} AS r ({', '.join(columns)}) "
            f"SELECT {values} FROM {table} AS r WHERE r.ctid = ({_picked(table, derived)}) "
            f"RETURNING {', '.join(derived.place)}"
        )
        assert found is not None, f"{table} has no row to copy: {derived.pick}"
        places = list(found)
        report = await verify(connection)
    return [] if _names(report, places) else [f"{places} not among {_listed(report)}"]


def _picked(table: str, derived: Derived) -> str:
    return f"SELECT r.ctid FROM {table} AS r WHERE {derived.pick} ORDER BY r.ctid LIMIT 1"


async def _places(connection: asyncpg.Connection, table: str, derived: Derived) -> list[str]:
    found = [
        await connection.fetchval(
            f"SELECT {place} FROM {table} AS r WHERE r.ctid = ({_picked(table, derived)})"
        )
        for place in derived.place
    ]
    assert any(found), f"{table} has no row to damage: {derived.pick}"
    return found


def _names(report: Report, places: list[str]) -> bool:
    wanted = [place for place in places if place]
    return any(
        difference.where == place
        or difference.where.startswith((f"{place} ", f"{place},", f"{place}-"))
        for difference in report.differences
        for place in wanted
    )


def _listed(report: Report) -> str:
    return "; ".join(map(str, report.differences)) or "no difference"
