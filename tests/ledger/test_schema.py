"""The schema is what the migrations say, on every PostgreSQL, for every kind of owner.

`golden_schema.txt` is the schema as text; a change of a migration changes it in the same commit:
    CFF_WRITE_GOLDEN=1 .venv/bin/python -m pytest tests/ledger/test_schema.py
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from ledger import embedded, kinds, schema
from ledger.db import Pool, open_pool
from ledger.errors import DatabaseTooOld, DatabaseUnavailable
from products import kinds as product_kinds
from tests.builders import make_scene

HERE = Path(__file__).parent
GOLDEN = HERE / "golden_schema.txt"


async def test_the_migrated_schema_is_the_golden_one(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        rows = await connection.fetch((HERE / "schema_facts.sql").read_text(encoding="utf-8"))
    found = "".join(f"{line}\n" for line in sorted(row["line"] for row in rows))
    if os.environ.get("CFF_WRITE_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found.splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()


async def test_kinds_in_the_code_are_the_rows_of_the_database(pool: Pool) -> None:
    journals = await pool.fetch("SELECT kind, code FROM ledger.journal_kind")
    events = await pool.fetch("SELECT kind, code FROM ledger.event_kind")
    in_code = [*kinds.JournalKind, *product_kinds.JournalKind]
    assert {row["kind"]: row["code"] for row in journals} == {k: k.name.lower() for k in in_code}
    in_code_events = [*kinds.EventKind, *product_kinds.EventKind]
    assert {row["kind"]: row["code"] for row in events} == {
        k: k.name.lower() for k in in_code_events
    }


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await schema.migrate(database_url)
    connection = await asyncpg.connect(database_url)
    assert await schema.current_version(connection) == schema.REQUIRED
    await connection.close()


@pytest.fixture
async def empty_database(server: embedded.Lease, template: str) -> AsyncIterator[str]:
    """A database that was never migrated, owned by a login that is no superuser."""
    name = f"e_{uuid4().hex}"
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(f"CREATE ROLE owner_{name} LOGIN CREATEROLE")
    for role in ("cff_reader", "cff_auditor", "cff_application", "cff_poster"):
        await connection.execute(f"GRANT {role} TO owner_{name} WITH ADMIN OPTION")
    await connection.execute(f"CREATE DATABASE {name} OWNER owner_{name}")
    yield server.dsn(name).replace("//postgres@", f"//owner_{name}@", 1)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.execute(f"DROP OWNED BY owner_{name}")
    await connection.execute(f"DROP ROLE owner_{name}")
    await connection.close()


async def test_an_owner_without_superpowers_can_migrate_and_post(empty_database: str) -> None:
    await schema.migrate(empty_database)
    pool = await open_pool(empty_database)
    try:
        scene = await make_scene(pool, opening=100)
        assert len(scene.members) == 2
    finally:
        await pool.close()


async def test_a_database_that_was_never_migrated_is_refused(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    with pytest.raises(DatabaseTooOld, match="cff db migrate"):
        await schema.require_current(connection)
    await connection.close()


async def test_a_login_without_the_role_is_told_which_grant_it_needs(
    server: embedded.Lease, database_url: str
) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    login = f"stranger_{uuid4().hex}"
    await connection.execute(f"CREATE ROLE {login} LOGIN")
    with pytest.raises(DatabaseUnavailable, match="GRANT cff_poster TO"):
        await open_pool(database_url.replace("//postgres@", f"//{login}@", 1))
    await connection.execute(f"DROP ROLE {login}")
    await connection.close()
