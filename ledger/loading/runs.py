"""A run: one file, or one stream, posted into one book by one actor; how far it has come.

The row moves in the transaction of each of its batches, so what it tells is what is recorded. One
loader at a time works at a run: it holds a session's advisory lock, which ends with the session,
and each move starts from where the loader left the row, so that even one that lost its lock
unnoticed cannot move a run that somebody else has moved.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg

from ledger.db import CONNECTION_LOST, Connection, Pool, statements, translated
from ledger.errors import CffError, InvalidInput, NotFound
from ledger.posting.transact import pooled

SQL = statements(Path(__file__).parent.parent / "sql" / "loading.sql")

_NAME_SPACE = UUID("6f2c1c0e-8f0c-5c0a-9a59-2b7d1a7f4c11")
_HASHED_AT_ONCE = 4 * 1024 * 1024
NAME_CHARACTERS_MAX = 200

Told = Callable[[int, int], None]
"""Called with how much is done, and how much there is."""


class RunBusy(CffError):  # noqa: N818
    """Another loader works at this very run; nothing was done, wait until it has ended."""

    code = "run_busy"


class RunDiffers(CffError):  # noqa: N818
    """The run is known with another actor or other options, or stands elsewhere than expected."""

    code = "run_differs"


class RunState(enum.IntEnum):
    """UNDER_WAY until the last line has its outcome."""

    UNDER_WAY = 1
    FINISHED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a run has come: bytes of the file, bytes of the result, lines by outcome."""

    bytes_done: int = 0
    result_bytes: int = 0
    lines_done: int = 0
    posted: int = 0
    replayed: int = 0
    refused: int = 0
    malformed: int = 0

    def counts(self) -> dict[str, int]:
        """Lines, all and by outcome."""
        return {
            "lines": self.lines_done,
            "posted": self.posted,
            "replayed": self.replayed,
            "refused": self.refused,
            "malformed": self.malformed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its row tells.

    name:   of the file, for people. options: what else decides outcomes.
    result: where its result file is; empty for a stream.
    """

    book_id: int
    run_id: UUID
    name: str
    actor: str
    options: str
    result: str
    state: RunState
    position: Position
    begun_at: datetime
    moved_at: datetime

    @property
    def finished(self) -> bool:
        """True when every line has its outcome."""
        return self.state is RunState.FINISHED


def run_id_of(sha256: bytes, book_id: int, actor: str, options: Mapping[str, object]) -> UUID:
    """The id of a file's run: the same content, book, actor and options are the same run."""
    facts = {"sha256": sha256.hex(), "book": book_id, "actor": actor, "options": dict(options)}
    return uuid5(_NAME_SPACE, canonical(facts))


def canonical(facts: Mapping[str, object]) -> str:
    """Facts as canonical JSON."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(path: Path, told: Told | None = None) -> bytes:
    """SHA-256 of a file's bytes. Raises `InvalidInput` for a file that cannot be read."""
    found = hashlib.sha256()
    done = 0
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            while block := file.read(_HASHED_AT_ONCE):
                found.update(block)
                done += len(block)
                if told is not None:
                    told(done, max(done, size))
    except OSError as error:
        raise InvalidInput.one("FILE", str(path), f"a file that can be read ({error})") from error
    return found.digest()


@asynccontextmanager
async def only_loader(pool: Pool, book_id: int, run_id: UUID) -> AsyncIterator[None]:
    """Be the only loader of a run. Raises `RunBusy`."""
    async with translated(), pooled(pool) as connection:
        if not await connection.fetchval(SQL["lock_run"], book_id, run_id):
            raise RunBusy(
                "another process works at this very run: wait until it has ended, then run the "
                "same command again to see what became of it"
            )
        try:
            yield
        finally:
            try:
                await connection.execute(SQL["unlock_run"], book_id, run_id)
            except (asyncpg.PostgresError, *CONNECTION_LOST):
                # The session is dead and its lock with it; what killed it is told by the posting.
                connection.terminate()


async def begin_run(
    connection: Connection,
    book_id: int,
    run_id: UUID,
    *,
    name: str,
    actor: str,
    options: Mapping[str, object],
    result: str,
) -> Run:
    """Enter a run, or find it. Raises `RunDiffers` when it is another actor's or has other options.

    The answer's `result` is that of the row: a run that is known has its result file already.
    """
    written = canonical(options)
    shown = name[-NAME_CHARACTERS_MAX:] or "-"
    await connection.execute(SQL["begin_run"], book_id, run_id, shown, actor, written, result)
    run = await read_run(connection, book_id, run_id)
    if (run.actor, run.options) != (actor, written):
        raise RunDiffers(f"run {run_id} is another actor's or has other options: make a new id")
    return run


async def read_run(connection: Connection, book_id: int, run_id: UUID) -> Run:
    """How far a run has come. Raises `NotFound`."""
    row = await connection.fetchrow(SQL["read_run"], book_id, run_id)
    if row is None:
        raise NotFound("run", run_id)
    facts = dict(row)
    position = Position(**{each: facts.pop(each) for each in Position.__slots__})
    state = RunState(facts.pop("state"))
    return Run(book_id=book_id, run_id=run_id, state=state, position=position, **facts)


async def move_run(connection: Connection, run: Run, to: Position, *, finished: bool) -> Run:
    """Move a run on in the caller's transaction. Raises `RunDiffers` if it stands elsewhere."""
    state = RunState.FINISHED if finished else RunState.UNDER_WAY
    moved = await connection.fetchval(
        SQL["move_run"],
        run.book_id,
        run.run_id,
        run.position.lines_done,
        to.bytes_done,
        to.result_bytes,
        to.lines_done,
        to.posted,
        to.replayed,
        to.refused,
        to.malformed,
        int(state),
        run.result,
    )
    if moved is None:
        raise RunDiffers(
            f"run {run.run_id} stands elsewhere than this loader left it: another one moved it; "
            "nothing of this batch was posted"
        )
    return replace(run, position=to, state=state)
