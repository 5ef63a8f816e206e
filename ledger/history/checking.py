"""A history judged whole, before anything of it is posted: a stream over the file, once.

Every line is read, every bad one is named, and the sums that the journals would leave are compared
with the old system's trial balances, date by date. What passes here is what the import posts; so a
file that is wrong in its last line posts nothing. Memory: the accounts, and 16 bytes an id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from ledger.books import GlAccount, fiscal_year_start
from ledger.errors import InvalidInput
from ledger.history.control import Balances, Difference, differences, read_trial_balances
from ledger.history.records import AccountIn, BookIn, JournalIn, Record, record_of
from ledger.history.texts import Findings, Row, buddhist, json_rows
from ledger.parties import Party

Told = Callable[[int, int], None]
"""Called with (done, total) as the work goes on."""

DAYS_MAX = 20_000
"""Days of one import: a year that was mistyped must not make a book of centuries."""
_PIECE = 1024 * 1024
_EVERY = 1_000
_LINE_BYTES = 350
"""About so long is a line: for a progress bar."""


@dataclass(slots=True, kw_only=True)
class Checked:
    """What a history file holds and what is wrong with it.

    last_on:     the last date of the import: of the last journal or the last trial balance.
    expected:    the old system's trial balances by date.
    differences: where the journals do not leave what the trial balances say.
    """

    sha256: bytes
    findings: Findings
    book: BookIn | None = None
    last_on: date = date.min
    accounts: int = 0
    journals: int = 0
    transfers: int = 0
    expected: dict[date, dict[str, int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when the file may be posted."""
        return self.book is not None and not self.findings.count and not self.differences


def sha256_of(path: Path, what: str = "FILE") -> bytes:
    """SHA-256 of a file's bytes, read in pieces. Raises `InvalidInput` when there is no file."""
    if not path.is_file():
        raise InvalidInput.one(what, str(path), "a file that exists")
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.digest()


def check_history(path: Path, balances: Path | None = None, told: Told | None = None) -> Checked:
    """Judge a history file, with its trial balances if there are any.

    Raises `InvalidInput` for a file that is not there; what is wrong inside is in the answer.
    """
    checked = Checked(sha256=sha256_of(path), findings=Findings())
    if balances is not None:
        sha256_of(balances, "--trial-balances")
        checked.expected = read_trial_balances(balances, checked.findings)
    run = _Run(checked, path.name)
    size = path.stat().st_size
    for lines, row in enumerate(json_rows(path, checked.findings), start=1):
        run.take(row)
        if told is not None and lines % _EVERY == 0:
            told(lines, max(lines, size // _LINE_BYTES))
    run.finish()
    return checked


class _Run:
    """One pass over the file: what has been opened, what has been posted so far."""

    def __init__(self, checked: Checked, name: str) -> None:
        self.checked = checked
        self.findings = checked.findings
        self.name = name
        self.gl_codes: set[str] = set()
        self.parties: set[int] = set()
        self.codes_of_parties: set[str] = set()
        self.accounts: dict[str, str] = {}
        self.ids: set[bytes] = set()
        self.today = date.min
        self.net: dict[str, int] = {}
        self.due = sorted(checked.expected)

    def take(self, row: Row) -> None:
        """Read and judge one line."""
        space = self.checked.book.code if self.checked.book is not None else ""
        record = self.findings.read(lambda: record_of(row, space))
        if record is None:
            return
        if (self.checked.book is None) != isinstance(record, BookIn):
            expected = "the book as the first record of the file, once"
            self.findings.add(row.place("record"), row.cells.get("record"), expected)
            return
        self._known(row, record)

    def _known(self, row: Row, record: Record) -> None:
        if isinstance(record, BookIn):
            self.checked.book = record
            self.today = self.checked.last_on = record.opened_on
        elif isinstance(record, GlAccount):
            self._once(row, "gl_code", record.gl_code, self.gl_codes)
        elif isinstance(record, Party):
            self._party(row, record)
        elif isinstance(record, AccountIn):
            self._account(row, record)
        else:
            self._journal(row, record)

    def _once(self, row: Row, name: str, value: str, known: set[str]) -> None:
        if value in known:
            self.findings.add(row.place(name), value, "one that no line before has")
        known.add(value)

    def _party(self, row: Row, party: Party) -> None:
        if party.party_id in self.parties:
            expected = "one that no line before has"
            self.findings.add(row.place("party_id"), str(party.party_id), expected)
        self.parties.add(party.party_id)
        self._once(row, "code", party.code, self.codes_of_parties)

    def _account(self, row: Row, account: AccountIn) -> None:
        if account.code in self.accounts:
            self.findings.add(row.place("code"), account.code, "one that no line before has")
        if account.gl_code not in self.gl_codes:
            expected = "a GL code of a gl_account before this line"
            self.findings.add(row.place("gl_code"), account.gl_code, expected)
        if account.party_id is not None and account.party_id not in self.parties:
            expected = "the number of a party before this line"
            self.findings.add(row.place("party_id"), str(account.party_id), expected)
        self.accounts[account.code] = account.gl_code
        self.checked.accounts += 1

    def _journal(self, row: Row, journal: JournalIn) -> None:
        self._dates(row, journal)
        if journal.journal_id.bytes in self.ids:
            self.findings.add(row.place("id"), row.cells.get("id"), "an id that no line before has")
        self.ids.add(journal.journal_id.bytes)
        for number, leg in enumerate(journal.legs, start=1):
            gl_code = self.accounts.get(leg.account)
            if gl_code is None:
                place = row.place(f"lines[{number}].account")
                self.findings.add(place, leg.account, "the code of an account before this line")
            else:
                self.net[gl_code] = self.net.get(gl_code, 0) - leg.satang
        self.checked.journals += 1

    def _dates(self, row: Row, journal: JournalIn) -> None:
        book = self.checked.book
        if book is None:
            return
        on, written = journal.business_date, row.cells.get("business_date")
        if on < self.today:
            expected = f"{buddhist(self.today)} or later: dates never go back in a history"
            self.findings.add(row.place("business_date"), written, expected)
        elif (on - book.opened_on).days > DAYS_MAX:
            expected = f"at most {DAYS_MAX:,} days after {buddhist(book.opened_on)}"
            self.findings.add(row.place("business_date"), written, expected)
        else:
            self._compare_before(on)
            self.today = self.checked.last_on = on
        floor = fiscal_year_start(book.opened_on, book.fiscal_year_start_month)
        if not floor <= journal.value_date <= on:
            expected = f"from {buddhist(floor)} to the business date {buddhist(on)}"
            self.findings.add(row.place("value_date"), row.cells.get("value_date"), expected)

    def _compare_before(self, on: date) -> None:
        """Compare the trial balances of dates that are complete once a later one begins."""
        while self.due and self.due[0] < on:
            self._compare(self.due.pop(0))

    def _compare(self, as_of: date) -> None:
        found: Balances = {code: net for code, net in self.net.items() if net}
        expected = self.checked.expected[as_of]
        self.checked.differences += differences(as_of, expected, found)

    def finish(self) -> None:
        """The trial balances that are left, and what only the whole file shows."""
        book = self.checked.book
        if book is None:
            self.findings.add(f"{self.name}:1:record", "no book", "a book as the first record")
            return
        early = [as_of for as_of in self.checked.expected if as_of < book.opened_on]
        for as_of in early:
            expected = f"a date on or after the book's first, {buddhist(book.opened_on)}"
            self.findings.add("--trial-balances", buddhist(as_of), expected)
        for as_of in self.due:
            self._compare(as_of)
        self.checked.last_on = max([self.checked.last_on, *self.checked.expected])
