"""What a door is handed: the open house (`Doors`), and who is calling (`Caller`).

Reads borrow a connection for as long as they read. A door that posts never holds a connection while
it waits for the collector: under load everybody would wait for a connection that everybody holds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.auth.keys import Caller, KeyRing
from api.auth.scopes import Scope
from api.problems import ProblemError
from api.v1.fields import BookCode
from ledger.dates import Clock
from ledger.db import Connection, Database, give_back, translated
from ledger.errors import NotFound
from ledger.evidence.keys import KeyFile
from ledger.posting.collector import Collector
from ledger.posting.together import Found, Load, Together, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Everything that is open while the process runs."""

    database: Database
    collector: Collector
    keys: KeyRing
    clock: Clock
    live: bool
    seal_key: KeyFile | None = None
    together: Together = field(default_factory=Together)

    async def ask(self, load: Load[Wanted, Found], book_id: int, wanted: Wanted) -> Found:
        """What `load` reads for this request and whatever else asks it now, in one go.

        For the doors that many knock at at once; one that knocks alone is read for at once.
        """
        return await self.together.read(self.database.poster, load, book_id, wanted)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection to read with; the driver's errors come out as ours."""
        pool = self.database.poster
        async with translated():
            connection = await pool.acquire()
            try:
                yield connection
            finally:
                # Reading leaves nothing behind in the session that would have to be reset.
                await give_back(pool, connection)


def doors_of(request: Request) -> Doors:
    """The open house of this application."""
    return cast(Doors, request.app.state.doors)


OpenDoors = Annotated[Doors, Depends(doors_of)]

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    description="An API key: `Authorization: Bearer cff_test_<prefix>_<secret>`.",
)


async def _authenticated(
    request: Request,
    doors: OpenDoors,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
) -> Caller:
    """The caller behind the key. Raises the problem `unauthenticated`."""
    if credentials is None:
        raise ProblemError(
            "unauthenticated",
            "send the header Authorization: Bearer <API key>",
            headers={"WWW-Authenticate": 'Bearer realm="cff"'},
        )
    caller = await doors.keys.recognise(credentials.credentials)
    if caller is None:
        raise ProblemError(
            "unauthenticated",
            "the key is malformed, unknown, expired, revoked or of another environment",
            headers={"WWW-Authenticate": 'Bearer realm="cff", error="invalid_token"'},
        )
    request.state.client = caller.client
    return caller


@dataclass(frozen=True, slots=True)
class requires:  # noqa: N801 - reads as a verb where it is used
    """A dependency: the caller, who holds `scope`. Raises the problem `scope_missing`."""

    scope: Scope

    async def __call__(self, caller: Annotated[Caller, Depends(_authenticated)]) -> Caller:
        """The caller."""
        return _with_scope(caller, self.scope)


@dataclass(frozen=True, slots=True)
class in_book:  # noqa: N801 - reads as a phrase where it is used
    """A dependency: the caller, who holds `scope` and whose book is that of the path.

    Raises `NotFound` for any other book: whether it exists is not the caller's to know.
    """

    scope: Scope

    async def __call__(
        self,
        caller: Annotated[Caller, Depends(_authenticated)],
        book: Annotated[BookCode, Path(description="Code of the book.", examples=["cff"])],
    ) -> Caller:
        """The caller."""
        _with_scope(caller, self.scope)
        if book != caller.book_code:
            raise NotFound("book", book)
        return caller


def _with_scope(caller: Caller, scope: Scope) -> Caller:
    if scope not in caller.scopes:
        raise ProblemError("scope_missing", f"the key does not hold the scope {scope}")
    return caller
