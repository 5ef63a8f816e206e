"""The application: the doors under /v1, one shape of problem for all of them, nothing else.

`create_app` takes an open database and gives an ASGI application; the collector is closed with it
(what is queued is posted first). Routers are an explicit list. The OpenAPI document at
/openapi.json names for every operation each problem it may answer, and /problems/{code} says what
a problem means in both languages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api import logs
from api.auth.keys import KeyRing
from api.auth.scopes import MEANINGS
from api.dependencies import Doors, doors_of
from api.followers import followers
from api.middleware import RequestMiddleware
from api.problems import (
    PROBLEMS,
    FieldProblem,
    Problem,
    ProblemError,
    failing,
    problem_response,
)
from api.v1 import (
    account_life,
    account_limits,
    accounts,
    balances,
    books,
    bulk,
    early_withdrawals,
    end_of_day,
    feed,
    find,
    holds,
    interest,
    journal_decisions,
    journal_reads,
    journals,
    loan_request_steps,
    loan_requests,
    notices,
    periods,
    placement_offers,
    placements,
    proofs,
    seals,
    statements,
    suspense,
    tax_withheld,
    terms,
    trial_balance,
)
from api.v1.fields import money_facts
from ledger import dates
from ledger.db import Database, translate
from ledger.errors import CffError, InvalidInput, InvariantBroken
from ledger.evidence.keys import KeyFile
from ledger.posting.collector import Collector
from products.payments.intake import SIZE_LIMIT_BYTES

ROUTERS = (
    books.router,
    accounts.router,
    account_life.router,
    account_limits.router,
    balances.router,
    interest.router,
    trial_balance.router,
    bulk.router,
    journals.router,
    journal_decisions.router,
    journal_reads.router,
    periods.router,
    holds.router,
    notices.router,
    loan_requests.router,
    loan_request_steps.router,
    statements.router,
    suspense.router,
    placements.router,
    placement_offers.router,
    early_withdrawals.router,
    terms.router,
    tax_withheld.router,
    end_of_day.router,
    feed.router,
    find.router,
    seals.router,
    proofs.router,
)

_LOG = logs.logger("api.app")
_BUSY = frozenset({"40001", "40P01", "55P03", "57014"})
_BY_STATUS = {
    400: "malformed_body",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
_ABOUT = """
The core ledger of the Facility. Amounts are strings of baht with exactly two places; dates are ISO
dates of the common era; everything that moves money needs an `Idempotency-Key`, and a repetition
gets the stored answer with `Idempotent-Replayed: true`. Problems are RFC 9457. An API key goes into
`Authorization: Bearer ...`; a revoked one may go on working for five seconds. Scopes:

"""


class Health(BaseModel):
    """The process runs and reaches its database."""

    status: str


class ProblemPage(BaseModel):
    """What a kind of problem means."""

    code: str
    status: int
    title: str
    title_th: str


class LedgerApi(FastAPI):
    """FastAPI with the one schema that every operation's problems refer to."""

    def openapi(self) -> dict[str, object]:
        """The OpenAPI document."""
        document: dict[str, object] = super().openapi()
        components = document.setdefault("components", {})
        if isinstance(components, dict):
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts = schema.pop("$defs", {})
            components.setdefault("schemas", {}).update({"Problem": schema, **parts})
        return document


def create_app(
    database: Database,
    collector: Collector | None = None,
    *,
    clock: dates.Clock = dates.now,
    live: bool = False,
    key_cache_seconds: int = 5,
    statement_limit_bytes: int = SIZE_LIMIT_BYTES,
    seal_key: KeyFile | None = None,
) -> FastAPI:
    """The HTTP doors on an open database, which stays the caller's to close.

    collector: None = one of its own. live: take only `cff_live_...` keys. key_cache_seconds: how
    long a revoked key may go on working. seal_key: what its nights seal with; None = no seals.
    """
    posting = collector or Collector(database.poster, clock=clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with posting, followers(database.poster):
            yield

    app = LedgerApi(
        title="CFF core ledger",
        version="1",
        description=_ABOUT + "\n".join(f"* `{s}`: {what}" for s, what in MEANINGS.items()),
        lifespan=lifespan,
        redirect_slashes=False,
    )
    keys = KeyRing(database.poster, clock=clock, live=live, seconds=key_cache_seconds)
    app.state.doors = Doors(
        database=database,
        collector=posting,
        keys=keys,
        clock=clock,
        live=live,
        seal_key=seal_key,
    )
    app.add_middleware(RequestMiddleware, statement_limit_bytes=statement_limit_bytes)
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")
    _add_service_routes(app)
    _add_handlers(app)
    return app


def _add_service_routes(app: FastAPI) -> None:
    @app.get("/healthz", tags=["service"], responses=failing("database_unavailable"))
    async def healthz(request: Request) -> Health:
        """The process runs and reaches its database."""
        async with doors_of(request).read() as connection:
            await connection.fetchval("SELECT 1")
        return Health(status="ok")

    @app.get("/problems/{code}", tags=["service"], responses=failing("not_found", "invalid_input"))
    async def problem_page(code: Annotated[str, Path(pattern="^[a-z_]{1,64}$")]) -> ProblemPage:
        """What a kind of problem means, in English and Thai."""
        if code not in PROBLEMS:
            raise ProblemError("not_found", f"no problem {code}")
        kind = PROBLEMS[code]
        return ProblemPage(
            code=kind.code, status=kind.status, title=kind.title, title_th=kind.title_th
        )


def _add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(CffError, _on_our_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(asyncpg.PostgresError, _on_database_error)
    # What the driver raises when the server dies under a door that only looked.
    for lost in (asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError):
        app.add_exception_handler(lost, _on_connection_lost)


def _answer(
    request: Request,
    code: str,
    detail: str,
    errors: Sequence[FieldProblem] = (),
    headers: dict[str, str] | None = None,
    facts: Mapping[str, object] | None = None,
) -> Response:
    return problem_response(
        code,
        detail,
        instance=request.url.path,
        request_id=request.state.request_id,
        errors=errors,
        headers=headers,
        facts=facts,
    )


async def _on_our_error(request: Request, error: Exception) -> Response:
    if isinstance(error, ProblemError):
        return _answer(request, error.kind.code, str(error), error.errors, error.headers)
    if isinstance(error, InvariantBroken):
        _LOG.critical("invariant_broken", exc_info=error)
        return _answer(request, "invariant_broken", "Nothing was recorded; tell the operator.")
    if isinstance(error, InvalidInput):
        errors = [FieldProblem(pointer=p.where, detail=str(p)) for p in error.problems]
        return _answer(request, "invalid_input", f"{len(errors)} problem(s) found", errors)
    if not isinstance(error, CffError) or error.code not in PROBLEMS:
        _LOG.error("unmapped_error", exc_info=error)
        return _answer(request, "internal_error", "Tell the operator the request_id.")
    facts = money_facts(dict(error.facts))
    shown = facts if isinstance(facts, dict) else {}
    return _answer(request, error.code, str(error), facts=shown)


async def _on_database_error(request: Request, error: Exception) -> Response:
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate in _BUSY:
        return _answer(request, "overloaded", "the database is busy; nothing was recorded")
    ours = translate(error) if isinstance(error, asyncpg.PostgresError) else error
    if isinstance(ours, CffError):
        return await _on_our_error(request, ours)
    _LOG.error("database_error", exc_info=error)
    return _answer(request, "internal_error", "Tell the operator the request_id.")


async def _on_connection_lost(request: Request, error: Exception) -> Response:
    _LOG.warning("connection_lost", exc_info=error)
    return _answer(request, "database_unavailable", "the connection to the database was lost")


async def _on_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else ""
    headers = {"Allow": _methods(request)} if status == 405 else None
    return _answer(request, _BY_STATUS.get(status, "internal_error"), detail, headers=headers)


def _methods(request: Request) -> str:
    """Every method that some route offers on this path."""
    path = request.url.path.removeprefix("/v1")
    found = {
        method
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.path_regex.match(path)
        for method in route.methods or ()
    }
    return ", ".join(sorted(found)) or "GET"


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    for entry in found:
        if entry["type"] == "json_invalid":
            return _answer(request, "malformed_body", f"not JSON: {entry['ctx']['error']}")
        if entry["loc"] == ("header", "idempotency-key") and entry["type"] == "missing":
            return _answer(request, "idempotency_key_missing", "send the header Idempotency-Key")
    if any(entry["loc"] == ("body",) for entry in found) and not _is_json(request):
        got = request.headers.get("content-type", "nothing")
        return _answer(request, "unsupported_media_type", f"got {got}; expected application/json")
    errors = [
        FieldProblem(pointer=_pointer(entry["loc"]), detail=str(entry["msg"])) for entry in found
    ]
    return _answer(request, "invalid_input", f"{len(errors)} problem(s) found", errors)


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _pointer(place: Sequence[object]) -> str:
    if place and place[0] == "body":
        steps = [str(step).replace("~", "~0").replace("/", "~1")[:64] for step in place[1:]]
        return "#/" + "/".join(steps) if steps else "#"
    return "/".join(str(step)[:64] for step in place)
