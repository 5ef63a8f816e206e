"""The OpenAPI document against the running doors: every check of schemathesis, no failure.

The application runs on the event loop of schemathesis, so it opens its own pools there. A request
that is well formed may still be refused by the book (no such account, not enough money): 404, 409
and 422 are answers that the document promises. A night is run for real, but only up to dates that
have come, so that generated dates of the year 2399 close nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import CheckNode
from schemathesis.schemas import BaseSchema

from api.app import create_app
from api.auth.keys import issue_key
from api.auth.scopes import SCOPES
from ledger.db import open_database
from tests.how_much import times
from tests.products.payments.payments_scene import payments_scene

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Lines of JSON are sent as the texts that they are.
schemathesis.serializer.alias("application/x-ndjson", "text/plain")

REFUSED = ["400", "401", "403", "404", "409", "413", "415", "422"]


class OnItsOwnLoop:
    """An ASGI application that opens its database where its lifespan runs."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._app: FastAPI | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            assert self._app is not None
            await self._app(scope, receive, send)
            return
        database = await open_database(self._url)
        self._app = create_app(database)
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._app.state.doors.collector.close()
        await database.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _furnish(url: str, folder: Path) -> str:
    database = await open_database(url)
    try:
        async with payments_scene(database.poster, folder), database.poster.acquire() as connection:
            return await issue_key(
                connection,
                client="fuzz",
                actor="fuzz:tester",
                scopes=SCOPES,
                book_id=1,
                valid_days=1,
            )
    finally:
        await database.close()


@pytest.fixture
def doors(database_url: str, tmp_path: Path) -> BaseSchema:
    """The schema of the doors on a furnished book."""
    key = asyncio.run(_furnish(database_url, tmp_path))
    refused = {"expected-statuses": REFUSED}
    config = SchemathesisConfig.from_dict(
        {
            "headers": {"Authorization": f"Bearer {key}"},
            "parameters": {"path.book": "book-1"},
            "generation": {"max-examples": times(5), "deterministic": True},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ["2xx", *REFUSED]},
                "negative_data_rejection": refused,
                "missing_required_header": refused,
            },
        }
    )
    return schemathesis.openapi.from_asgi(
        "/openapi.json", OnItsOwnLoop(database_url), config=config
    )


def test_every_door_answers_as_its_document_says(doors: BaseSchema) -> None:
    complaints: list[str] = []
    requests = 0
    for event in from_schema(doors).execute():
        if isinstance(event, ScenarioFinished):
            requests += len(event.recorder.interactions)
            for checks in event.recorder.checks.values():
                complaints += [_told(check) for check in checks if check.failure_info is not None]
        elif isinstance(event, NonFatalError | FatalError):
            complaints.append(f"the run broke: {event}")
    print(f"schemathesis: {requests} requests, {len(complaints)} complaints")
    assert requests > 1000
    assert not complaints, "\n\n".join(complaints[:10])


def _told(check: CheckNode) -> str:
    info = check.failure_info
    assert info is not None
    return f"{check.name}: {info.failure.operation}\n{info.failure}\n{info.code_sample[:1500]}"
