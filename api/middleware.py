"""Around every request: its id, its log line, the limit on its body, the net under everything.

The id is the trace id of a valid `traceparent`, else made here; it stands in the log, in problems
and in the header `X-Request-Id`. A body over its limit is refused as soon as that is known, without
reading the rest. Whatever escapes the doors becomes a 500 with that id and nothing else in it.
"""

from __future__ import annotations

import re
import time
from uuid import uuid4

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import logs
from api.problems import problem_response

JSON_LIMIT_BYTES = 1024 * 1024
_TRACEPARENT = re.compile(rb"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_STATEMENTS = re.compile(r"^/v1/books/[^/]+/statements$")
# Posted as it comes, so it has no limit but that of its lines.
_STREAMED = re.compile(r"^/v1/books/[^/]+/bulk/[^/]+$")
_LOG = logs.logger("api.middleware")


class RequestMiddleware:
    """Plain ASGI: no task and no queue of its own between the server and the door."""

    def __init__(self, app: ASGIApp, *, statement_limit_bytes: int) -> None:
        self._app = app
        self._statement_limit = statement_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything that is not HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(send, request_id)
        started = time.monotonic_ns()
        try:
            await self._guarded(scope, receive, answer)
        finally:
            _log_line(scope, answer.status, (time.monotonic_ns() - started) // 1000)
            structlog.contextvars.clear_contextvars()

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        limit = JSON_LIMIT_BYTES
        if scope["method"] == "POST" and _STATEMENTS.match(scope["path"]):
            limit = self._statement_limit
        limited = receive
        if scope["method"] != "POST" or not _STREAMED.match(scope["path"]):
            limited = _limited(scope, receive, limit)
        try:
            await self._app(scope, limited, answer.send)
        except Exception as error:
            _LOG.error("request_failed", exc_info=error)
            if answer.status:
                raise
            response = problem_response(
                "internal_error",
                "The request failed; tell the operator its request_id.",
                instance=scope["path"],
                request_id=scope["state"]["request_id"],
            )
            await response(scope, receive, answer.send)


class _Answer:
    """Adds the request id to the answer and remembers its status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self._request_id)]
        await self._send(message)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            match = _TRACEPARENT.match(value)
            if match is not None and set(match.group(1)) != {0x30}:
                return match.group(1).decode()
    return uuid4().hex


def _limited(scope: Scope, receive: Receive, limit: int) -> Receive:
    """`receive` that refuses a body over `limit` bytes, by its announced length if it has one."""
    announced = next((v for n, v in scope["headers"] if n == b"content-length"), b"")
    read = 0

    async def limited() -> Message:
        nonlocal read
        if announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
            raise _too_large(limit)
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > limit:
                raise _too_large(limit)
        return message

    return limited


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the body is over {limit:,} bytes; it was not read")


def _log_line(scope: Scope, status: int, microseconds: int) -> None:
    route = scope.get("route")
    _LOG.info(
        "request",
        method=scope["method"],
        route=getattr(route, "path", None) or "unknown",
        status=status,
        microseconds=microseconds,
        client=scope["state"].get("client"),
    )
