"""What the posting transaction reads: the head, locked last, and the part of the book it needs.

What is locked before the head is in `locks`. What is asked under the head is asked by statements of
their own, inside one function: a wait inside a statement does not refresh what the statement sees.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import groupby
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import NotFound
from ledger.posting import state as st
from ledger.posting.columns import literal, literal_of_ids
from ledger.posting.records import JournalRecord
from ledger.posting.values import (
    CloseAccount,
    Journal,
    Note,
    OpenAccount,
    Operation,
    PlaceHold,
    ReleaseHold,
    ReopenAccount,
    SetFreeze,
    SetLimits,
    Transfer,
    Unit,
)
from ledger.refusals import Refusal

SQL = statements(Path(__file__).parent.parent / "sql" / "posting.sql")
ClosedKey = tuple[str, str]
_OF_AN_ACCOUNT = (PlaceHold, OpenAccount, SetFreeze, SetLimits, CloseAccount, ReopenAccount)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRow:
    """The head as locked: last number, last batch, the date, the chain's last digest."""

    recorded_seq: int
    batch_no: int
    business_date: date
    value_date_floor: date
    digest: bytes
    epoch: int
    voucher_year: int
    voucher_no: int
    fiscal_year_start_month: int


async def take_head(connection: Connection, book_id: int) -> HeadRow:
    """Lock the book's head. From here to the commit nobody else posts in this book."""
    row = await connection.fetchrow(SQL["take_head"], book_id)
    if row is None:
        raise NotFound("book", book_id)
    return HeadRow(**dict(row))


@dataclass(slots=True)
class Wanted:
    """Names of everything that the operations of a batch speak of; `ids` are their own."""

    accounts: set[int]
    ids: set[UUID]
    journals: set[UUID]
    reversed_ids: set[UUID]
    holds: set[UUID]
    codes: set[str]
    gl_codes: set[str]
    parties: set[int]
    reopened: set[int]

    def add(self, operation: Operation) -> None:
        """Collect what one operation needs."""
        if isinstance(operation, Journal):
            self._add_journal(operation)
            return
        if isinstance(operation, Note):
            if operation.account is not None:
                self.accounts.add(operation.account)
            return
        if isinstance(operation, PlaceHold):
            # Journals and holds share one room of ids, else a refused hold would burn a journal's.
            self.ids.add(operation.hold_id)
        elif isinstance(operation, ReleaseHold):
            self.holds.add(operation.hold_id)
        elif isinstance(operation, OpenAccount):
            self.codes.add(operation.code)
            self.gl_codes.add(operation.gl_code)
            if operation.party_id is not None:
                self.parties.add(operation.party_id)
        elif isinstance(operation, ReopenAccount):
            self.reopened.add(operation.account)
        if isinstance(operation, _OF_AN_ACCOUNT):
            self.accounts.add(operation.account)

    def _add_journal(self, journal: Journal) -> None:
        self.ids.add(journal.journal_id)
        for transfer in journal.transfers:
            self.accounts.add(transfer.debit)
            self.accounts.add(transfer.credit)
        if journal.hold_id is not None:
            self.holds.add(journal.hold_id)
        if journal.reverses is not None:
            self.journals.add(journal.reverses)
            self.reversed_ids.add(journal.reverses)
        if journal.adjusts is not None:
            self.journals.add(journal.adjusts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The head as locked, and what was read under it in the same round trip.

    keys:      request hash and stored answer of the batch's idempotency keys that are on record.
    accounts:  as they stand.
    on_record: which of the batch's ids are known already, and as what.
    """

    head: HeadRow
    keys: dict[ClosedKey, tuple[bytes, str]]
    accounts: dict[int, st.AccountState]
    on_record: dict[int, set[UUID]]


async def take_head_with(
    connection: Connection,
    book_id: int,
    units: Sequence[Unit],
    ids: Iterable[UUID],
    accounts: Iterable[int],
) -> Taken:
    """Lock the book's head and ask about keys, ids and accounts under it. Raises `NotFound`."""
    keys = [unit.key for unit in units if unit.key is not None]
    clients, names = [key.client for key in keys], [key.key for key in keys]
    asked = (clients, names, literal_of_ids(ids), literal(accounts))
    rows = await connection.fetch(SQL["take_head_with"], book_id, *asked)
    if not rows:
        raise NotFound("book", book_id)
    taken = Taken(
        head=HeadRow(**{name: rows[0][name] for name in _OF_HEAD}),
        keys={},
        accounts={},
        on_record=_nothing(),
    )
    for row in rows[1:]:
        what: int = row["what"]
        if what == _ACCOUNT:
            taken.accounts[row["account_id"]] = account_of(row)
        elif what == _KEY:
            taken.keys[row["client"], row["key"]] = (row["digest"], row["answer"])
        else:
            taken.on_record[what].add(row["id"])
    return taken


async def load_state(
    connection: Connection,
    book_id: int,
    head: HeadRow,
    business_date: date,
    units: Sequence[Unit],
) -> st.State:
    """Read under the head whatever the judge may ask about these units."""
    return await state_of(connection, book_id, head, business_date, wanted_by(units), {})


async def state_of(
    connection: Connection,
    book_id: int,
    head: HeadRow,
    business_date: date,
    wanted: Wanted,
    accounts: dict[int, st.AccountState],
    on_record: dict[int, set[UUID]] | None = None,
) -> st.State:
    """The state that the judge works on; reads what is not known yet.

    accounts:  those that are known; the judge will change them.
    on_record: what is known of the ids that are wanted; None = nothing yet.
    """
    state = st.State(
        business_date=business_date,
        head_date=head.business_date,
        value_date_floor=head.value_date_floor,
        next_seq=head.recorded_seq + 1,
        accounts=accounts,
    )
    ids = wanted.ids if on_record is None else set()
    looked = await _look(connection, book_id, state, wanted.accounts, ids)
    found = looked if on_record is None else on_record
    wanted.journals |= found[_JOURNAL]
    wanted.holds |= found[_HOLD]
    if wanted.holds:
        rows = await connection.fetch(SQL["holds"], book_id, list(wanted.holds))
        state.holds = {row["hold_id"]: _hold(row) for row in rows}
        of_holds = {hold.account for hold in state.holds.values()} - state.accounts.keys()
        if of_holds:
            rows = await connection.fetch(SQL["look"], book_id, list(of_holds), [])
            state.accounts |= {row["account_id"]: account_of(row) for row in rows}
    if wanted.journals:
        rows = await connection.fetch(SQL["recorded_journals"], book_id, list(wanted.journals))
        state.journals = journals_of(rows)
    if wanted.reversed_ids:
        targets = list(wanted.reversed_ids)
        rows = await connection.fetch(SQL["reversed_journals"], book_id, targets)
        state.reversed_ids = {row["reverses"] for row in rows}
    if found[_REFUSAL]:
        rows = await connection.fetch(SQL["remembered_refusals"], book_id, list(found[_REFUSAL]))
        state.remembered = {row["operation_id"]: _remembered(row) for row in rows}
    await _look_at_openings(connection, book_id, state, wanted)
    return state


_ACCOUNT, _JOURNAL, _HOLD, _REFUSAL, _KEY = 1, 2, 3, 4, 5
"""What a row of the statements `look` and `take_head_with` is."""
_OF_HEAD = tuple(field.name for field in fields(HeadRow))


def _nothing() -> dict[int, set[UUID]]:
    return {_JOURNAL: set(), _HOLD: set(), _REFUSAL: set()}


async def _look(
    connection: Connection, book_id: int, state: st.State, accounts: set[int], ids: set[UUID]
) -> dict[int, set[UUID]]:
    """Read accounts that are not known yet; answers which ids are on record, and as what."""
    found = _nothing()
    unread = accounts - state.accounts.keys()
    if not unread and not ids:
        return found
    for row in await connection.fetch(SQL["look"], book_id, list(unread), list(ids)):
        what: int = row["what"]
        if what == _ACCOUNT:
            state.accounts[row["account_id"]] = account_of(row)
        else:
            found[what].add(row["id"])
    return found


async def _look_at_openings(
    connection: Connection, book_id: int, state: st.State, wanted: Wanted
) -> None:
    """What accounts to be opened, or opened again, are judged by; rare."""
    if wanted.codes:
        rows = await connection.fetch(SQL["account_codes"], book_id, list(wanted.codes))
        state.account_codes = {row["code"] for row in rows}
        rows = await connection.fetch(SQL["gl_codes"], book_id, list(wanted.gl_codes))
        state.gl_codes = {row["gl_code"] for row in rows}
    if wanted.parties:
        rows = await connection.fetch(SQL["parties"], book_id, list(wanted.parties))
        state.party_ids = {row["party_id"] for row in rows}
    if wanted.reopened:
        rows = await connection.fetch(SQL["closings"], book_id, list(wanted.reopened))
        state.closings = {row["account_id"]: _settled_by(row["body"]) for row in rows}


def wanted_by(units: Sequence[Unit]) -> Wanted:
    """Everything that these units speak of."""
    wanted = Wanted(*(set() for _ in fields(Wanted)))
    for unit in units:
        wanted.accounts.update(number for number, _ in unit.unmoved)
        for operation in unit.operations:
            wanted.add(operation)
    return wanted


async def read_head_with(
    connection: Connection, book_id: int, numbers: Sequence[int]
) -> tuple[HeadRow, dict[int, st.AccountState]]:
    """The head as committed, and these accounts as they stand at it; nothing is locked.

    Raises `NotFound`.
    """
    rows = await connection.fetch(SQL["head_and_accounts"], book_id, numbers)
    if not rows:
        raise NotFound("book", book_id)
    first = rows[0]
    head = HeadRow(
        recorded_seq=first["head_seq"],
        batch_no=first["batch_no"],
        business_date=first["business_date"],
        value_date_floor=first["value_date_floor"],
        digest=first["digest"],
        epoch=first["epoch"],
        voucher_year=first["voucher_year"],
        voucher_no=first["voucher_no"],
        fiscal_year_start_month=first["fiscal_year_start_month"],
    )
    there = (row for row in rows if row["account_id"] is not None)
    return head, {row["account_id"]: account_of(row) for row in there}


def _settled_by(body: str) -> frozenset[UUID]:
    """Ids of the journals that a closing event names."""
    named = json.loads(body).get("settled_by", [])
    return frozenset(UUID(journal) for journal in named)


def journals_of(rows: Sequence[asyncpg.Record]) -> dict[UUID, JournalRecord]:
    """Journals from their transfer rows, which come sorted by journal and line."""
    found: dict[UUID, JournalRecord] = {}
    for journal_id, lines in groupby(rows, key=lambda row: row["journal_id"]):
        transfers = list(lines)
        first = transfers[0]
        found[journal_id] = JournalRecord(
            recorded_seq=first["recorded_seq"],
            journal_id=journal_id,
            kind=first["kind"],
            may_exceed_limit=first["may_exceed_limit"],
            business_date=first["business_date"],
            value_date=first["value_date"],
            actor=first["actor"],
            reference=first["reference"],
            narrative=first["narrative"],
            hold_id=first["hold_id"],
            reverses=first["reverses"],
            forced=first["forced"],
            adjusts=first["adjusts"],
            transfers=tuple(
                Transfer(
                    debit=row["debit_account"],
                    credit=row["credit_account"],
                    amount_satang=row["amount_satang"],
                )
                for row in transfers
            ),
        )
    return found


def account_of(row: asyncpg.Record) -> st.AccountState:
    """An account from its row."""
    return st.AccountState(
        account=row["account_id"],
        currency=row["currency"],
        debits=row["debits"],
        credits=row["credits"],
        held=row["held"],
        balance_min=row["balance_min"],
        balance_max=row["balance_max"],
        excess=row["excess_satang"],
        closed=row["state"] == 2,
        frozen=row["frozen"],
        frozen_until=row["frozen_until"],
        changed_seq=row["changed_seq"],
    )


def _hold(row: asyncpg.Record) -> st.HoldState:
    return st.HoldState(
        hold_id=row["hold_id"],
        account=row["account_id"],
        amount=row["amount_satang"],
        captured=row["captured_satang"],
        state=row["state"],
        expires_on=row["expires_on"],
        reference=row["reference"],
        placed_seq=row["placed_seq"],
        changed_seq=row["changed_seq"],
    )


def _remembered(row: asyncpg.Record) -> st.Remembered:
    return st.Remembered(
        refusal=Refusal(code=row["code"], detail=json.loads(row["detail"])),
        body=row["body"],
    )
