"""One proof of one book under way: the model, where it stands, what was found.

`advance` replays and compares the record slice by slice; between two slices everything that the
run knows can be put into a checkpoint and taken out of one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.db import Connection
from ledger.proof import chain, checkpoint
from ledger.proof.book import Book
from ledger.proof.calendar import check_head_and_days, check_keys, check_periods, check_plans
from ledger.proof.checks import Replayed, Thread, check_batch, check_rest
from ledger.proof.closings import Closings, check_strays
from ledger.proof.followers import check_followers
from ledger.proof.later import drop_nets, load_nets
from ledger.proof.links import Referred, check_links
from ledger.proof.marks import Marks, read_marks
from ledger.proof.model import Batch, Model
from ledger.proof.movements import Movements, read_movements
from ledger.proof.report import Difference, Findings, differ
from ledger.proof.rows import Slice, read_slice
from ledger.proof.sealed import Unreadable
from ledger.proof.seals import Seals
from ledger.proof.standing import (
    check_accounts,
    check_ended_holds,
    check_open_holds,
    check_reversed_once,
)

Progress = Callable[[int, int], None]
"""Called now and then with (last number proven, number to prove)."""

_BATCH = "SELECT last_seq, digest FROM ledger.batch WHERE book_id = $1 AND batch_no = $2"
_ONE_CORE = "SET max_parallel_workers_per_gather = 0"
"""Slices are read beside postings: workers cost a third more than they do, and take their cores."""
_ANY_CORE = "RESET max_parallel_workers_per_gather"
_BOOK_STATE = (
    "accounts",
    "holds",
    "days",
    "periods",
    "plans",
    "thawing",
    "vouchers",
    "voucher_year",
    "holds_placed",
    "business_date",
    "floor",
)


class Run:
    """A proof under way. `kept`: the file of its checkpoint, if it has one."""

    def __init__(
        self,
        connection: Connection,
        book_id: int,
        book: Book,
        progress: Progress | None = None,
        kept: Path | None = None,
    ) -> None:
        self.connection = connection
        self.book_id = book_id
        self.book = book
        self.model = Model(book)
        self.thread = Thread(book_id)
        self.closings = Closings(book.opened_on)
        self.seals = Seals(book_id)
        self.findings = Findings()
        self.at = (0, 0)
        self._ahead: asyncio.Task[tuple[Slice, Movements, Marks]] | None = None
        self._progress = progress
        self._kept = kept
        self._kept_at = 0

    async def advance(self, batch_no: int, seq: int) -> None:
        """Replay and check slice after slice until batch `batch_no` and number `seq`."""
        until = (batch_no, seq)
        if not self._is_before(self.at, until):
            return
        await self.connection.execute(_ONE_CORE)
        try:
            while self._is_before(self.at, until):
                piece, movements, marks = await (self._ahead or self._read(self.at, until))
                await load_nets(self.connection, self.book_id, self.book, piece)
                at = (piece.to_batch, piece.to_seq)
                # The server reads the next slice while this one is replayed.
                more = self._is_before(at, until)
                self._ahead = asyncio.create_task(self._read(at, until)) if more else None
                await self._slice(piece, movements, marks)
                if self._progress is not None:
                    self._progress(self.at[1], seq)
                if self._kept is not None and self.at[1] - self._kept_at >= checkpoint.EVERY:
                    self.keep(self._kept)
        finally:
            if self._ahead is not None:
                self._ahead.cancel()
                await asyncio.gather(self._ahead, return_exceptions=True)
                self._ahead = None
        await self.connection.execute(_ANY_CORE)

    @staticmethod
    def _is_before(at: tuple[int, int], until: tuple[int, int]) -> bool:
        return at[0] < until[0] or at[1] < until[1]

    async def _read(
        self, after: tuple[int, int], until: tuple[int, int]
    ) -> tuple[Slice, Movements, Marks]:
        connection, book_id = self.connection, self.book_id
        piece = await read_slice(connection, book_id, after=after, until=until)
        movements = await read_movements(connection, book_id, after[0], piece.to_batch)
        return piece, movements, await read_marks(connection, book_id, after[0], piece.to_batch)

    async def _free(self) -> Connection:
        """The connection, when the next slice has been read: it does one thing at a time."""
        if self._ahead is not None:
            await asyncio.wait([self._ahead])
        return self.connection

    async def _slice(self, piece: Slice, movements: Movements, marks: Marks) -> None:
        """Replay a slice and compare everything in it."""
        referred = Referred()
        for batch in self.model.replay(piece):
            await self._batch(piece, movements, marks, batch, referred)
        drop_nets(self.book)
        self.findings.add(check_rest(self.thread, piece, movements, marks))
        if self.model.seq < piece.to_seq:
            place = f"recorded_seq {self.model.seq + 1} to {piece.to_seq}"
            self.findings.add(differ("recorded_seq is gap-free", place, "one record each", "none"))
            self.model.seq = piece.to_seq
        self.findings.add(await check_links(await self._free(), self.book_id, piece, referred))
        self.findings.counts["movements"] += movements.count
        self.at = (piece.to_batch, piece.to_seq)

    async def _batch(
        self,
        piece: Slice,
        movements: Movements,
        marks: Marks,
        batch: Batch,
        referred: Referred,
    ) -> None:
        """Compare a batch as it was replayed; the book stands right after it."""
        version = batch.row["digest_version"] if batch.row is not None else chain.VERSIONS[-1]
        journals = chain.journals(piece, batch.first_line, batch.last_line, version)
        replayed = Replayed(piece, movements, marks, batch, self.book, journals)
        self.findings.add(check_batch(self.thread, replayed))
        self.closings.take(batch, self.book)
        await self.seals.take(replayed)
        referred.take(batch)
        self._count(batch, piece)
        heard, add = batch.heard, self.findings.add
        if not (heard.ended or heard.proven or heard.closed):
            return
        place = (await self._free(), self.book_id)
        if heard.ended:
            add(await check_ended_holds(*place, heard.ended))
        for day in heard.proven:
            add(await self.closings.check_day(*place, self.book, day, self.thread.batch_no))
            seq = self.book.days[day].proven_seq or 0
            self.seals.prove(day, seq, replayed, self.closings.totals(day))
        for kind, starts_on in heard.closed:
            add(await self.closings.check_period(*place, self.book, kind, starts_on))

    def _count(self, batch: Batch, piece: Slice) -> None:
        counts = self.findings.counts
        counts["journals"] += batch.journals
        counts["transfers"] += batch.last_line - batch.first_line
        counts["events"] += batch.last_event - batch.first_event
        counts["days_proven"] += len(batch.heard.proven)
        if batch.row is not None:
            counts["batches"] += 1
            counts["refusals"] += len(piece.refusals.get(batch.row["batch_no"], ()))

    async def standing(self) -> None:
        """Compare what stands now."""
        connection, book_id, book = self.connection, self.book_id, self.book
        add = self.findings.add
        add(await check_open_holds(connection, book_id, book, self.advance))
        add(await check_accounts(connection, book_id, book, self.advance))
        add(await check_reversed_once(connection, book_id))
        add(await check_strays(connection, book_id))
        add(await check_keys(connection, book_id))
        add(await check_followers(connection, book_id))
        add(await check_periods(connection, book_id, book, self.advance))
        add(await check_plans(connection, book_id, book, self.advance))
        add(await self.seals.check(connection, self.advance))
        add(await check_head_and_days(connection, book_id, book, self.thread, self.advance))
        counts = self.findings.counts
        counts["accounts"], counts["holds"] = len(book.accounts), book.holds_placed
        counts["recorded_seq"] = self.at[1]

    def keep(self, path: Path) -> None:
        """Put everything that the run knows into a checkpoint."""
        state: dict[str, object] = {
            "book_id": self.book_id,
            "opened_on": self.book.opened_on,
            "at": self.at,
            "seq": self.model.seq,
            "thread": self.thread,
            "closings": self.closings,
            "seals": self.seals,
            "findings": self.findings,
            "book": {name: getattr(self.book, name) for name in _BOOK_STATE},
        }
        checkpoint.save(path, state)
        self._kept_at = self.at[1]

    async def resume(self, path: Path) -> None:
        """Go on from a checkpoint; the book must still have the batch that it ends with.

        Raises `Unreadable` for a file that is no checkpoint of this book.
        """
        state: dict[str, Any] = dict(checkpoint.load(path))
        mine = (self.book_id, self.book.opened_on)
        if (state["book_id"], state["opened_on"]) != mine:
            raise Unreadable(f"{path} is the checkpoint of another book: {state['book_id']}")
        for name, value in state["book"].items():
            setattr(self.book, name, value)
        self.at, self.model.seq = state["at"], state["seq"]
        self.thread, self.closings = state["thread"], state["closings"]
        self.seals, self.findings = state["seals"], state["findings"]
        self.findings.totals = Counter(self.findings.totals)
        self.findings.counts = Counter(self.findings.counts)
        self._kept_at = self.at[1]
        self.findings.add(
            await differs_at(self.connection, self.book_id, self.thread, f"checkpoint {path}")
        )


async def differs_at(
    connection: Connection, book_id: int, thread: Thread, what: str
) -> list[Difference]:
    """Whether the book still has the batch that something before this run ended with."""
    row = await connection.fetchrow(_BATCH, book_id, thread.batch_no)
    expected = f"last_seq {thread.last_seq}, digest {thread.digest.hex()}, as in the {what}"
    found = "none"
    if row is not None:
        found = f"last_seq {row['last_seq']}, digest {row['digest'].hex()}, as in the {what}"
    where = f"ledger.batch {thread.batch_no}"
    return differ("what was proven before still stands", where, expected, found)
