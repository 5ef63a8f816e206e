"""The process that is asked over HTTP: the product's own application, and beside each door that is
measured an idle twin with the same authentication and validation, which answers bytes of the same
length and posts nothing. The twins are mounted here, never by the product.

    python -m benchmarks.http_server URL PORT
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import uvicorn
from fastapi import APIRouter, Depends, Path, Response

from api.app import create_app
from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.logs import configure_logs
from api.settings import Settings
from api.v1.fields import Id
from api.v1.holds import HoldIn
from api.v1.journals import ApprovalIn, JournalIn
from api.v1.posting import PostingDoors, Promised
from ledger.db import open_database

HOLD_ANSWER_BYTES = 532
JOURNAL_ANSWER_BYTES = 721
APPROVAL_ANSWER_BYTES = 1_007
"""About as long as the doors' own answers; the benchmark checks that it is within a tenth."""

router = APIRouter(prefix="/idle/books/{book}")


@router.post("/holds", status_code=201)
async def idle_hold(
    _doors: PostingDoors,
    _caller: Annotated[Caller, Depends(in_book("holds:write"))],
    _promise: Promised,
    _body: HoldIn,
) -> Response:
    """Everything before the posting, and an answer."""
    return _answer(HOLD_ANSWER_BYTES, 201)


@router.post("/journals", status_code=202)
async def idle_journal(
    _doors: OpenDoors,
    _caller: Annotated[Caller, Depends(in_book("journals:write"))],
    _promise: Promised,
    _body: JournalIn,
) -> Response:
    """The same for a proposal of a journal."""
    return _answer(JOURNAL_ANSWER_BYTES, 202)


@router.post("/journals/{journal_id}/approve")
async def idle_approval(
    _doors: PostingDoors,
    _caller: Annotated[Caller, Depends(in_book("journals:approve"))],
    _promise: Promised,
    _journal_id: Annotated[Id, Path(alias="journal_id")],
    _body: ApprovalIn,
) -> Response:
    """The same for an approval."""
    return _answer(APPROVAL_ANSWER_BYTES, 200)


def _answer(length: int, status: int) -> Response:
    body = b'{"filled":"' + b"x" * (length - 13) + b'"}'
    return Response(body, status, media_type="application/json")


async def serve(url: str, port: int) -> None:
    """As `cff serve` does, one worker, until interrupted."""
    settings = Settings()
    configure_logs("warning")
    database = await open_database(url, max_size=settings.pool_max)
    try:
        app = create_app(database, key_cache_seconds=settings.key_cache_seconds)
        app.include_router(router)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=port,
            log_level="warning",
            log_config=None,
            access_log=False,
        )
        await uvicorn.Server(config).serve()
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
