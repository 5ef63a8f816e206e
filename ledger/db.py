"""Pools, transactions and SQL by file: everything about talking to PostgreSQL that is not a query.

Two pools by duty: the *poster's* (asyncpg; whatever takes a number) and the *application's*
(SQLAlchemy Core; what takes no number). Each connection assumes its role at start-up, so that a
RESET returns to it and never to the login. Errors of the driver become ours by SQLSTATE, never by
the text of a message.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ledger.errors import CffError, DatabaseUnavailable, InvalidInput, InvariantBroken, Problem

_Found = TypeVar("_Found")
_Done = TypeVar("_Done")

Pool = asyncpg.Pool
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""An asyncpg connection, pooled or not; rows come back as `asyncpg.Record`."""

POSTER = "cff_poster"
APPLICATION = "cff_application"
READER = "cff_reader"
AUDITOR = "cff_auditor"

CONNECTION_LOST = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises when the server dies under it, beside errors with an SQLSTATE."""

UNFIT_ROW = "LG008"
"""SQLSTATE of guards against what a person asked for; DETAIL says where, HINT what is expected."""

# No transaction of ours lives long; the head is held for milliseconds (decision on long readers).
POSTER_SETTINGS = {
    "role": POSTER,
    "application_name": "cff-poster",
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "5s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An open database: the poster's pool and the application's engine on one URL."""

    url: str
    poster: Pool
    application: AsyncEngine

    async def close(self) -> None:
        """Close both; waits for what is in flight."""
        await self.poster.close()
        await self.application.dispose()


async def open_pool(
    url: str, *, role: str = POSTER, min_size: int = 1, max_size: int = 8
) -> asyncpg.Pool:
    """An asyncpg pool whose connections act as `role`."""
    settings = dict(POSTER_SETTINGS) | {"role": role, "application_name": role.replace("_", "-")}
    try:
        return await asyncpg.create_pool(
            url, min_size=min_size, max_size=max_size, server_settings=settings, reset=reset
        )
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseUnavailable(
            f"the login may not act as {role}: have its owner run GRANT {role} TO this login "
            f"({error})"
        ) from error
    except (OSError, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(f"cannot reach the database: {error}") from error


_UNTOUCHED: ContextVar[bool] = ContextVar("session_untouched", default=False)
"""True while a connection goes back to its pool with its session as it was when it was taken."""


async def give_back(pool: Pool, connection: asyncpg.pool.PoolConnectionProxy) -> None:
    """Return to its pool a connection on which nothing but transactions of ours was done.

    They leave no setting, lock, cursor or listener of the session behind, so the round trip of
    resetting it is saved. The pool throws a dead one away. Never raises.
    """
    said = _UNTOUCHED.set(True)
    try:
        await pool.release(connection)
    except (asyncpg.PostgresError, *CONNECTION_LOST):
        # What was committed is answered, and an error on its way is the one that is told.
        return
    finally:
        _UNTOUCHED.reset(said)


def is_lost(connection: Connection) -> bool:
    """True of a connection that has died, also when its pool has taken it away already."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # The pool has taken a dead one back already.
        return True


async def reset(connection: asyncpg.Connection) -> None:
    """What a pool does to a connection that is given back; the driver has rolled back by then."""
    if not _UNTOUCHED.get():
        await connection.execute(connection.get_reset_query())


async def open_database(url: str, *, max_size: int = 8) -> Database:
    """Open both pools on `url`. Raises `DatabaseUnavailable`."""
    poster = await open_pool(url, max_size=max_size)
    application = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(
            url, server_settings={"role": APPLICATION, "application_name": "cff-application"}
        ),
        pool_size=4,
    )
    return Database(url=url, poster=poster, application=application)


@asynccontextmanager
async def transaction(pool: Pool, actor: str) -> AsyncIterator[Connection]:
    """A transaction on a pooled connection that carries its actor for the database's own log."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('cff.actor', $1, true)", actor)
        yield connection


async def meanwhile(
    statement: Coroutine[object, None, _Found], work: Callable[[], _Done]
) -> tuple[_Found, _Done]:
    """Do some work of ours while the database works on a statement; answers both.

    The statement is sent first. Its connection is not to be used by the work. Raises what either
    raises, but not before the statement has its answer.
    """
    sent = asyncio.create_task(statement)
    try:
        await asyncio.sleep(0)
        done = work()
    finally:
        found = await sent
    return found, done


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn the driver's errors that have a meaning of ours into `ledger.errors`."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise translate(error) from error
    except CONNECTION_LOST as error:
        raise DatabaseUnavailable(f"the connection to the database was lost: {error}") from error


def translate(error: asyncpg.PostgresError) -> Exception:
    """The error of ours for a database error, chosen by SQLSTATE; itself when there is none."""
    state = error.sqlstate or ""
    if state == UNFIT_ROW:
        where, expected = error.detail or "a row", error.hint or "a row that fits"
        return InvalidInput([Problem(where=where, got=str(error.message), expected=expected)])
    if state.startswith("LG"):
        return InvariantBroken(f"{state}: {error}")
    if state.startswith("08") or state in {"57P01", "57P02", "57P03", "53300"}:
        return DatabaseUnavailable(f"the database went away ({state}): {error}")
    return error


_NAME = re.compile(r"^-- ([a-z][a-z0-9_]*) --$")


@cache
def statements(path: Path) -> dict[str, str]:
    """Named statements of an .sql file: `-- name --`, a comment of purpose, the query."""
    found: dict[str, list[str]] = {}
    name: str | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        heading = _NAME.match(line.strip())
        if heading:
            name = heading.group(1)
            if name in found:
                raise CffError(f"{path.name}: statement {name} is defined twice")
            found[name] = []
        elif name is not None:
            found[name].append(line)
    return {key: "\n".join(lines).strip() for key, lines in found.items()}
