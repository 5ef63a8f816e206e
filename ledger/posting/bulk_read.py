"""What a batch of lines needs to know of the book: recorded ids, accounts, value series, vouchers.

All of it is asked under the head. In the middle of a load nearly nothing comes back: the accounts
are held and trusted, the ids are new, nothing is back-dated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np

from ledger.db import Connection, statements
from ledger.errors import NotFound
from ledger.posting import read
from ledger.posting.assemble import Assembled
from ledger.posting.idranges import Ranges, known_ids
from ledger.posting.lines import EPOCH, Ints, Lines
from ledger.posting.series import ValueSeries
from ledger.posting.sets import among, back_dated_limited
from ledger.posting.sheet import AccountColumns, Sheet
from ledger.posting.state import State
from ledger.posting.values import Unit
from ledger.vouchers import vouchers_of

SQL = statements(Path(__file__).parent.parent / "sql" / "bulk.sql")


def empty_state(head: read.HeadRow) -> State:
    """A state in which no id is known yet, on the head's date."""
    return State(
        business_date=head.business_date,
        head_date=head.business_date,
        value_date_floor=head.value_date_floor,
        next_seq=head.recorded_seq + 1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Ids on record as they were at a head; true under the head's lock if it is still that one."""

    head: read.HeadRow
    known: set[bytes]


async def look(connection: Connection, book_id: int, lines: Lines, ranges: Ranges) -> Looked:
    """Ask which ids are on record, before anything is locked: the head first, then the ids."""
    row = await connection.fetchrow(SQL["look_at_head"], book_id)
    if row is None:
        raise NotFound("book", book_id)
    head = read.HeadRow(**dict(row))
    return Looked(head=head, known=await known_ids(connection, book_id, lines, ranges))


async def state_of(
    connection: Connection, book_id: int, head: read.HeadRow, lines: Lines, known: set[bytes]
) -> State:
    """The state with what is on record under the lines' ids."""
    places = np.flatnonzero(among(lines, known)) if known else ()
    if not len(places):
        return empty_state(head)
    units = [Unit(operations=(lines.journal(place),), actor="") for place in map(int, places)]
    state = await read.load_state(connection, book_id, head, head.business_date, units)
    state.accounts.clear()
    return state


async def fill_sheet(connection: Connection, book_id: int, sheet: Sheet, lines: Lines) -> None:
    """Read the accounts of the lines that are not surely as they are held."""
    asked, seen = sheet.to_ask(accounts_of(lines))
    if not asked:
        return
    row = await connection.fetchrow(SQL["sheet_accounts"], book_id, asked, seen)
    if row is not None and row["account_id"] is not None:
        sheet.put(cast(AccountColumns, dict(row)))
    sheet.now_sure(asked)


async def load_series(
    connection: Connection, book_id: int, sheet: Sheet, state: State, lines: Lines
) -> None:
    """Read the value series of the limited accounts that back-dated lines touch."""
    since = {
        account: date.fromordinal(EPOCH + day)
        for account, day in back_dated_limited(lines, sheet, state).items()
    }
    if not since:
        return
    state.series = {account: ValueSeries() for account in since}
    rows = await connection.fetch(
        read.SQL["later_nets"], book_id, list(since), list(since.values())
    )
    for row in rows:
        state.series[row["account_id"]].add(row["value_date"], row["net"])


async def add_vouchers(connection: Connection, book_id: int, batch: Assembled) -> None:
    """Replays of journals recorded by earlier batches are told with the vouchers they have."""
    replays = batch.judged.replays
    if not replays:
        return
    numbers = [record.recorded_seq for record in replays.values()]
    vouchers = await vouchers_of(connection, book_id, numbers)
    for place, record in replays.items():
        voucher = vouchers[record.recorded_seq]
        batch.outcomes.voucher_no[place] = voucher.voucher_no
        batch.outcomes.fiscal_year[place] = voucher.fiscal_year


def accounts_of(lines: Lines) -> Ints:
    """Every account number that the lines name, once."""
    return np.unique(np.concatenate([lines.debit, lines.credit])).astype(np.int64)
