"""Journals by the stream: lines of CSV or JSONL in, a line about each of them out.

The body is posted as it comes, batch by batch; the answer tells what became of each line once its
batch is committed, never before. A sender may read while it sends, or when it has sent everything:
outcomes wait in a file meanwhile. The client makes the run's id and asks for its position when its
connection broke; it then sends the lines after it with `after`, or everything under a new run,
whose recorded lines are answered as replayed.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from api import logs
from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors, in_book
from api.problems import BODIES, READS, ProblemError, failing
from api.v1.fields import Id, View
from ledger.db import translated
from ledger.errors import CffError, InvalidInput, Overloaded
from ledger.loading.load import Loading, book_of
from ledger.loading.results import put
from ledger.loading.runs import Position, Run, begin_run, only_loader, read_run
from ledger.loading.sources import LAYOUT, Format
from ledger.loading.streams import StreamBroken, StreamLines
from products.barred import barred_accounts

router = APIRouter(prefix="/books/{book}/bulk", tags=["journals"])
PostLines = Annotated[Caller, Depends(in_book("journals:post"))]

RunId = Annotated[Id, Path(description="Made by the client: the name of this stream.")]

STREAMS_MAX = 2
"""So many streams of one process at once: each holds connections, and the book has one head."""
NDJSON = "application/x-ndjson"
_FORMATS = {
    "text/csv": Format.CSV,
    NDJSON: Format.JSONL,
    "application/jsonl": Format.JSONL,
}
_SENT_AT_ONCE = 256 * 1024
_LOOK_AGAIN_SECONDS = 0.005
_LOG = logs.logger("api.bulk")

_CSV_EXAMPLE = (
    "id,debit,credit,amount,value_date,reference\n"
    "0198c5a2-0000-7000-8000-000000000001,SAV-0001,SAV-0002,1234.50,2026-06-01,PAY-1\n"
)
_JSONL_EXAMPLE = (
    '{"id":"0198c5a2-0000-7000-8000-000000000002","debit":"SAV-0001","credit":"SAV-0002",'
    '"amount":"1234.50","reference":"PAY-2"}\n'
)
_RESULT_EXAMPLE = (
    '{"line":2,"id":"0198c5a2-0000-7000-8000-000000000001","outcome":"posted",'
    '"recorded_seq":7,"voucher":"2026/3","business_date":"2026-06-01",'
    '"value_date":"2026-06-01"}\n'
)
_BODY: dict[str, object] = {
    "requestBody": {
        "required": True,
        "description": "Lines as docs/loading.md has them; at most 8,192 bytes a line.",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE},
            NDJSON: {"schema": {"type": "string"}, "example": _JSONL_EXAMPLE},
        },
    }
}
_ANSWER: dict[int | str, dict[str, object]] = {
    200: {
        "description": "One JSON line for each line of the body, in its order, each after its "
        "commit; then one line with the run's counts, or with `error`.",
        "content": {NDJSON: {"schema": {"type": "string"}, "example": _RESULT_EXAMPLE}},
    }
}


class RunView(View):
    """How far a run has come. `lines` counts what is committed; what follows was not posted."""

    run: UUID
    actor: str
    finished: bool
    lines: int = Field(description="Lines of journals with an outcome; a header is not counted.")
    posted: int
    replayed: int
    refused: int
    malformed: int


@router.post(
    "/{run}",
    response_class=Response,
    responses=_ANSWER
    | failing(*BODIES, "invalid_input", "run_busy", "run_differs", "outcome_unknown"),
    openapi_extra=_BODY,
    operation_id="post_lines",
)
async def post_lines(
    request: Request,
    doors: OpenDoors,
    caller: PostLines,
    run: RunId,
    after: Annotated[
        int,
        Query(
            ge=0,
            le=2**53,
            description="How many lines of this run were sent before and are committed, as its "
            "position tells; the body goes on after them (CSV with its header again).",
        ),
    ] = 0,
) -> Response:
    """Post journals by the line, by right: no second person approves them."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = _FORMATS.get(media_type)
    if form is None:
        expected = ", ".join(_FORMATS)
        raise ProblemError(
            "unsupported_media_type", f"got {media_type or 'nothing'}; expected {expected}"
        )
    return _Posting(request, doors, caller, run, after, form)


@router.get(
    "/{run}",
    responses=failing(*READS),
    operation_id="read_run",
)
async def read_position(doors: OpenDoors, caller: PostLines, run: RunId) -> RunView:
    """How far a run has come: what to send again after a connection broke."""
    async with doors.read() as connection:
        return _view(await read_run(connection, caller.book_id, run))


def _view(run: Run) -> RunView:
    return RunView(run=run.run_id, actor=run.actor, finished=run.finished, **run.position.counts())


class _Spool:
    """Result lines between their commit and their sending. Kept in a file without a name."""

    def __init__(self, begins: int) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the answer
        self._begins = begins

    def write(self, texts: Iterable[bytes], place: int) -> int:
        """Put texts at a place of the run's results; how many bytes they are."""
        return put(self._file.fileno(), texts, place - self._begins)

    def read(self, place: int, last: int) -> bytes:
        """What stands from a place on, a block of it at most."""
        count = min(_SENT_AT_ONCE, last - place)
        return os.pread(self._file.fileno(), count, place - self._begins)

    def close(self) -> None:
        """Forget everything."""
        self._file.close()


class _Posting(Response):
    """The answer: posts while it is sent."""

    def __init__(
        self,
        request: Request,
        doors: Doors,
        caller: Caller,
        run_id: UUID,
        after: int,
        form: Format,
    ) -> None:
        super().__init__(media_type=NDJSON)
        del self.headers["content-length"]
        self._request = request
        self._doors = doors
        self._caller = caller
        self._run_id = run_id
        self._after = after
        self._form = form
        self._written = asyncio.Event()
        self._expected = 0

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - the base's signature
        receive: Receive,  # noqa: ARG002 - the request reads the body
        send: Send,
    ) -> None:
        """Open everything, which may raise a problem; then answer line by line."""
        state = self._request.app.state
        streams = getattr(state, "bulk_streams", 0)
        if streams >= STREAMS_MAX:
            raise Overloaded(f"{streams} streams are being posted; nothing of this one was")
        state.bulk_streams = streams + 1
        try:
            await self._answer(send)
        except StreamBroken:
            return  # before the first line: nobody is there to be told
        finally:
            state.bulk_streams -= 1

    async def _answer(self, send: Send) -> None:
        pool, book_id = self._doors.database.poster, self._caller.book_id
        async with AsyncExitStack() as stack:
            lines = StreamLines(self._blocks(), self._form)
            await stack.enter_async_context(lines)
            await lines.open()
            await stack.enter_async_context(only_loader(pool, book_id, self._run_id))
            run = await self._begun()
            lines.go_on(run.position.bytes_done)
            spool = _Spool(run.position.result_bytes)
            stack.callback(spool.close)
            loading = await self._loading(run, lines, spool)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            posting = asyncio.create_task(loading.post())
            try:
                last = await self._tell(posting, spool, run, send)
            finally:
                posting.cancel()
                await asyncio.gather(posting, return_exceptions=True)
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _blocks(self) -> AsyncIterator[bytes]:
        try:
            async for block in self._request.stream():
                if block:
                    yield block
        except ClientDisconnect:
            raise StreamBroken("the sender hung up: the rest was not posted") from None

    async def _begun(self) -> Run:
        """The run, standing where the client says that it stands. Raises `run_differs`."""
        async with self._doors.read() as connection:
            run = await begin_run(
                connection,
                self._caller.book_id,
                self._run_id,
                name="stream",
                actor=self._caller.actor,
                options={"stream": self._form.value, "layout": LAYOUT},
                result="",
            )
        done = run.position.lines_done
        if run.finished or done != self._after:
            state = "is finished" if run.finished else "stands"
            raise ProblemError(
                "run_differs", f"run {run.run_id} {state} after line {done}, not {self._after}"
            )
        return run

    async def _loading(self, run: Run, lines: StreamLines, spool: _Spool) -> Loading:
        book = await book_of(self._doors.database.poster, run.book_id, barred_accounts)
        lines.numbers = book.numbers
        return Loading(
            pool=self._doors.database.poster,
            run=run,
            book=book,
            source=lines,
            results=spool,
            result="",
            first_line=lines.first_line,
            done=self._note,
        )

    def _note(self, position: Position) -> None:
        """Results are written; they are true once the commit that follows can be read."""
        self._expected = position.result_bytes
        self._written.set()

    async def _tell(self, posting: asyncio.Task[Run], spool: _Spool, run: Run, send: Send) -> bytes:
        """Send result lines as they are committed; the last line to send."""
        sent = run.position.result_bytes
        while True:
            ended = posting.done()
            committed = (await self._position()).result_bytes
            while sent < committed:
                block = await asyncio.to_thread(spool.read, sent, committed)
                await send({"type": "http.response.body", "body": block, "more_body": True})
                sent += len(block)
            if ended:
                return await self._last_line(posting)
            if sent < self._expected:
                await asyncio.wait([posting], timeout=_LOOK_AGAIN_SECONDS)
            else:
                await self._wait(posting)

    async def _wait(self, posting: asyncio.Task[Run]) -> None:
        """Until the posting has written more results, or has ended."""
        self._written.clear()
        written = asyncio.create_task(self._written.wait())
        await asyncio.wait([posting, written], return_when=asyncio.FIRST_COMPLETED)
        written.cancel()

    async def _position(self) -> Position:
        """Where the run stands: only what is committed can be read."""
        async with self._doors.read() as connection:
            return (await read_run(connection, self._caller.book_id, self._run_id)).position

    async def _last_line(self, posting: asyncio.Task[Run]) -> bytes:
        """The counts of a run that came to its end; else why it did not."""
        try:
            async with translated():
                view = _view(await posting)
        except Exception as error:  # noqa: BLE001 - the answer has begun: its last line tells
            _LOG.warning("stream_ended_early", exc_info=error)
            return _line({"error": _error_of(error)})
        return (view.model_dump_json() + "\n").encode()


def _error_of(error: Exception) -> dict[str, object]:
    if isinstance(error, InvalidInput | CffError):
        return {"code": error.code, "detail": str(error)}
    return {"code": "internal_error", "detail": "tell the operator the request's id"}


def _line(facts: dict[str, object]) -> bytes:
    return (json.dumps(facts, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
