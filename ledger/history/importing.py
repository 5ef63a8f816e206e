"""A history with its own dates becomes a book: posted day by day, each day closed behind it.

The head moves with the history. On each date the journals of that date are posted (origin *import*,
value dates as they were), then the date is cut off and proven with control totals, in the
transaction that moves the head. Dates never go back, and imported and live postings never mix: an
import wants a book of its own, and until its last note nobody else can post there. Both are kept
by a guard in the database.

A file is judged whole first (`checking`). A killed import is started again with the same file:
dates that are closed are passed over, journals of the open date are replays by their ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ledger import accounts, books, parties
from ledger.books import Book, GlAccount
from ledger.db import Connection, Pool, statements
from ledger.errors import ensure
from ledger.history.beginning import (
    HistoryRefused,
    book_for,
    is_finished,
    mark,
    only,
    post_import,
    unit_of,
)
from ledger.history.checking import Checked, Told, check_history
from ledger.history.outcome import Imported, kept_differences, report
from ledger.history.records import AccountIn, JournalIn, Record, paired, record_of
from ledger.history.texts import Findings, buddhist, json_rows
from ledger.kinds import EventKind, JournalKind
from ledger.money import CURRENCY
from ledger.parties import Party
from ledger.posting.values import (
    Journal,
    MoveBusinessDate,
    Note,
    OpenAccount,
    Operation,
    Status,
    Transfer,
    Unit,
)

_SQL = statements(Path(__file__).parent.parent / "sql" / "history.sql")

UNITS_AT_ONCE = 1_000
"""Journals of one batch: one commit."""
_NUMBERS_AT_ONCE = 500
_FIRST_COUNT = 2_000


async def import_history(
    pool: Pool,
    source: Path,
    *,
    balances: Path | None = None,
    actor: str = "facility:cut-over",
    checking: Told | None = None,
    posting: Told | None = None,
    units_at_once: int = UNITS_AT_ONCE,
) -> Imported:
    """Import a history file into the book that it names, creating it; resume a killed import.

    units_at_once: journals of one commit.

    Raises `InvalidInput` for a file that is not there, `HistoryRefused` for a book that has other
    postings, `OtherHistory` for another file than the import began with, `ImportRunning`. What is
    wrong inside the files is in the answer, and then nothing was posted.
    """
    checked = check_history(source, balances, checking)
    code = checked.book.code if checked.book is not None else ""
    if checked.book is None or not checked.ok:
        found = tuple(checked.differences)
        return Imported(book_code=code, problems=checked.findings, differences=found)
    async with pool.acquire() as connection, only(connection, code):
        book = await book_for(connection, checked.book, checked.sha256, actor)
        repeated = bool(await is_finished(connection, book.book_id))
        if not repeated:
            run = _Import(connection, book, checked, actor, posting)
            run.units_at_once = units_at_once
            await run.run(source)
        return await report(connection, book, checked, repeated)


@dataclass(slots=True)
class _Buffer:
    """What is read and not yet posted, in order; places name a unit's line in the file."""

    units: list[Unit] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    gl_accounts: list[GlAccount] = field(default_factory=list)
    parties: list[Party] = field(default_factory=list)


class _Import:
    """One run of an import: where the head stands, what is known of the book, what waits."""

    def __init__(
        self, connection: Connection, book: Book, checked: Checked, actor: str, told: Told | None
    ) -> None:
        self.connection = connection
        self.book = book
        self.checked = checked
        self.actor = actor
        self.told = told
        self.day = book.opened_on
        self.numbers: dict[str, int] = {}
        self.parties: set[int] = set()
        self.free: list[int] = []
        self.waiting = _Buffer()
        self.done = 0
        self.units_at_once = UNITS_AT_ONCE
        self.count_at = _FIRST_COUNT

    async def run(self, source: Path) -> None:
        """Post what is not posted yet, close every day, and say that it is finished."""
        connection, book_id = self.connection, self.book.book_id
        self.day = (await books.read_head(connection, book_id)).business_date
        rows = await connection.fetch(_SQL["account_numbers"], book_id)
        self.numbers = {row["code"]: row["account_id"] for row in rows}
        rows = await connection.fetch(_SQL["party_numbers"], book_id)
        self.parties = {row["party_id"] for row in rows}
        findings = Findings()
        for row in json_rows(source, findings):
            await self._take(record_of(row, self.book.code), row.place("record"))
        ensure(not findings.count, f"{source.name} changed while it was imported")
        while self.day <= self.checked.last_on:
            await self._close_day()
        await self._finish()

    async def _take(self, record: Record, place: str) -> None:
        if isinstance(record, GlAccount):
            self.waiting.gl_accounts.append(record)
        elif isinstance(record, Party):
            if record.party_id not in self.parties:
                self.waiting.parties.append(record)
        elif isinstance(record, AccountIn):
            if record.code not in self.numbers:
                await self._add(await self._opening(record), place)
        elif isinstance(record, JournalIn):
            await self._take_journal(record, place)

    async def _take_journal(self, journal: JournalIn, place: str) -> None:
        self.done += 1
        if journal.business_date < self.day:
            return  # posted and proven by the run that was killed
        while journal.business_date > self.day:
            await self._close_day()
        await self._add(self._journal(journal), place)

    async def _opening(self, account: AccountIn) -> OpenAccount:
        if not self.free:
            self.free = await accounts.reserve_ids(self.connection, _NUMBERS_AT_ONCE)
        number = self.numbers[account.code] = self.free.pop()
        return OpenAccount(
            account=number,
            code=account.code,
            gl_code=account.gl_code,
            currency=CURRENCY,
            name_th=account.name_th,
            name_en=account.name_en,
            party_id=account.party_id,
        )

    def _journal(self, journal: JournalIn) -> Journal:
        numbers = self.numbers
        return Journal(
            journal_id=journal.journal_id,
            kind=JournalKind.IMPORTED,
            transfers=tuple(
                Transfer(debit=numbers[debit], credit=numbers[credit], amount_satang=amount)
                for debit, credit, amount in paired(journal.legs)
            ),
            value_date=journal.value_date,
            reference=journal.reference,
            narrative=journal.story,
        )

    async def _add(self, operation: Operation, place: str) -> None:
        self.waiting.units.append(unit_of(operation, self.actor))
        self.waiting.places.append(place)
        if len(self.waiting.units) >= self.units_at_once:
            async with self.connection.transaction():
                await self._post_waiting()
            await self._posted()

    async def _post_waiting(self, *last: Unit) -> None:
        """Post everything that waits, and `last` after it, as one batch."""
        waiting, self.waiting = self.waiting, _Buffer()
        if waiting.gl_accounts:
            await books.add_gl_accounts(self.connection, self.book.book_id, waiting.gl_accounts)
        if waiting.parties:
            await parties.add_parties(self.connection, self.book.book_id, waiting.parties)
        units = [*waiting.units, *last]
        if not units:
            return
        places = [*waiting.places, *(buddhist(self.day) for _ in last)]
        outcomes = await post_import(self.connection, self.book.book_id, units)
        for place, outcome in zip(places, outcomes, strict=True):
            if outcome.status not in (Status.ACCEPTED, Status.REPLAYED):
                said = outcome.refusal or outcome.status.value
                raise HistoryRefused(f"{place.removesuffix(':record')} was refused: {said}")

    async def _close_day(self) -> None:
        """Post the rest of the day, cut it off, prove it: one transaction."""
        connection, book_id, day = self.connection, self.book.book_id, self.day
        following = day + timedelta(days=1)
        async with connection.transaction():
            await self._post_waiting(unit_of(MoveBusinessDate(to=following), self.actor))
            totals = await connection.fetch(_SQL["totals"], book_id)
            debits = sum(int(row["debits"]) for row in totals)
            credited = sum(int(row["credits"]) for row in totals)
            ensure(debits == credited, f"{day}: debits {debits} satang, credits {credited}")
            await connection.execute(_SQL["keep_snapshots"], book_id, day)
            note = Note(
                kind=EventKind.DAY_PROVEN,
                body={
                    "business_date": day.isoformat(),
                    "debits_satang": debits,
                    "credits_satang": credited,
                    "gl_codes": len(totals),
                },
            )
            (outcome,) = await post_import(connection, book_id, [unit_of(note, self.actor)])
            seq = outcome.receipts[0].recorded_seq
            closed = await connection.fetchval(_SQL["close_day"], book_id, day, seq)
            ensure(closed == seq, f"day {day} of book {self.book.code} was not cut off")
            columns = ([row[name] for row in totals] for name in ("gl_code", "debits", "credits"))
            await connection.execute(_SQL["keep_totals"], book_id, day, *columns)
        self.day = following
        await self._posted()

    async def _finish(self) -> None:
        """The closed days against the old system's trial balances; then the last note."""
        found = await kept_differences(self.connection, self.book.book_id, self.checked)
        ensure(
            not found,
            f"the days of book {self.book.code} differ from what was checked: "
            + "; ".join(map(str, found[:5])),
        )
        body: dict[str, object] = {
            "sha256": self.checked.sha256.hex(),
            "journals": self.checked.journals,
            "last_on": self.checked.last_on.isoformat(),
            "trial_balances": [as_of.isoformat() for as_of in sorted(self.checked.expected)],
        }
        note = mark(self.book.book_id, EventKind.HISTORY_IMPORTED, body)
        async with self.connection.transaction():
            await post_import(self.connection, self.book.book_id, [unit_of(note, self.actor)])

    async def _posted(self) -> None:
        """Tell who watches; let the planner count again whenever the book has doubled."""
        if self.done >= self.count_at:
            await self.connection.execute(_SQL["count_again"])
            self.count_at = 2 * self.done
        if self.told is not None:
            self.told(self.done, max(1, self.checked.journals))
