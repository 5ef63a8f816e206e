"""`cff post FILE`: a file is posted once, whatever happens to whoever posts it.

The content says which run it is, the run's row says how far it has come. So posting a file again
goes on where it stopped, or finds that it is finished; a file with other content is another run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from ledger.db import Pool, translated
from ledger.errors import InvalidInput, NotFound
from ledger.loading.load import Bars, Loading, bars_nothing, book_of
from ledger.loading.reader import FileReader
from ledger.loading.results import ResultFile, ResultUnusable
from ledger.loading.runs import (
    Position,
    Run,
    Told,
    begin_run,
    only_loader,
    read_run,
    run_id_of,
    sha256_of,
)
from ledger.loading.sources import LAYOUT, Fingerprint, Format, Start, fingerprint_of

RESULT_SUFFIX = ".result.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to post, and how.

    form:      of the lines. result: None = beside the file, or where the run has it already.
    bars:      which accounts a loader must not move.
    lines_max: lines of a batch at most; None = as the writer sees fit.
    again:     a file that is finished is posted once more, as a run of its own with a result file
               of its own: lines that were refused or malformed for what has been mended since get
               their chance, those on record are replays.
    """

    path: Path
    form: Format
    actor: str
    result: Path | None = None
    bars: Bars = bars_nothing
    lines_max: int | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of a file. repeated: it was finished before, nothing was done.

    resumed_after: so many lines had their outcome when this loader began.
    """

    run: Run
    repeated: bool
    resumed_after: int


def untold(_done: int, _total: int) -> None:
    """Nobody watches."""


async def post_file(
    pool: Pool,
    book_id: int,
    order: Order,
    *,
    hashing: Told = untold,
    posting: Told = untold,
) -> Posted:
    """Post a file, or the rest of it.

    Raises `InvalidInput` for a file that cannot be posted at all (then nothing was), `RunBusy`,
    `ResultUnusable`, `FileChanged`, and what the bulk writer raises. What was committed stands,
    and the same call goes on from there.
    """
    fingerprint = fingerprint_of(order.path)
    # Its process becomes ready while the file is hashed and its run is looked for.
    async with FileReader(order.path, order.form) as reader:
        sha256 = await asyncio.to_thread(sha256_of, order.path, hashing)
        attempt = await _attempt(pool, book_id, order, sha256)
        options = _options(order, attempt)
        run_id = run_id_of(sha256, book_id, order.actor, options)
        async with only_loader(pool, book_id, run_id):
            known = await _known(pool, book_id, run_id)
            if known is not None and known.finished:
                return Posted(run=known, repeated=True, resumed_after=known.position.lines_done)
            result = _result_path(order, known, attempt)
            position = Position() if known is None else known.position
            book = await book_of(pool, book_id, order.bars)
            await reader.open(_start(position, fingerprint), book.numbers)
            _refuse_anothers(result, known)
            with ResultFile(result, position.result_bytes) as results:
                async with translated(), pool.acquire() as connection:
                    run = await begin_run(
                        connection,
                        book_id,
                        run_id,
                        name=order.path.name,
                        actor=order.actor,
                        options=options,
                        result=str(result),
                    )
                loading = Loading(
                    pool=pool,
                    run=run,
                    book=book,
                    source=reader,
                    results=results,
                    result=str(result),
                    first_line=reader.first_line,
                    done=_progress(reader, fingerprint, posting),
                )
                finished = await loading.post(lines_max=order.lines_max)
    return Posted(run=finished, repeated=False, resumed_after=position.lines_done)


def _options(order: Order, attempt: int) -> dict[str, object]:
    """What besides the content decides which run it is."""
    options: dict[str, object] = {"format": order.form.value, "layout": LAYOUT}
    return options if attempt == 1 else options | {"attempt": attempt}


async def _known(pool: Pool, book_id: int, run_id: UUID) -> Run | None:
    async with translated(), pool.acquire() as connection:
        try:
            return await read_run(connection, book_id, run_id)
        except NotFound:
            return None


async def _attempt(pool: Pool, book_id: int, order: Order, sha256: bytes) -> int:
    """Which attempt at this content it is: the last there was, one more to post it again."""
    attempt = 1
    while True:
        run_id = run_id_of(sha256, book_id, order.actor, _options(order, attempt))
        known = await _known(pool, book_id, run_id)
        if known is None:
            return attempt if attempt == 1 or order.again else attempt - 1
        if not known.finished:
            return attempt
        attempt += 1


def _start(position: Position, fingerprint: Fingerprint) -> Start:
    return Start(
        bytes_done=position.bytes_done,
        lines_done=position.lines_done,
        fingerprint=fingerprint,
    )


def _progress(
    reader: FileReader, fingerprint: Fingerprint, posting: Told
) -> Callable[[Position], None]:
    """Tells how much is done: rows where the file knows how many it has, else bytes."""

    def done(position: Position) -> None:
        if reader.rows:
            posting(position.lines_done, reader.rows)
        else:
            posting(position.bytes_done, max(1, fingerprint.size))

    return done


def _result_path(order: Order, known: Run | None, attempt: int) -> Path:
    if order.result is not None:
        path = order.result.absolute()
    elif known is not None:
        path = Path(known.result)
    else:
        number = "" if attempt == 1 else f".{attempt}"
        path = order.path.absolute().with_name(order.path.name + number + RESULT_SUFFIX)
    if path.resolve() == order.path.resolve():
        raise InvalidInput.one("--result", str(path), "another file than the one that is posted")
    return path


def _refuse_anothers(result: Path, known: Run | None) -> None:
    """The results of another run are somebody's evidence and are not written over."""
    if known is None and result.exists() and result.stat().st_size > 0:
        raise ResultUnusable(
            f"{result} exists and is not of this run: name another file with --result, or move "
            "that one away; nothing was posted"
        )
