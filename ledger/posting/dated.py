"""What the posting transaction reads about dates: value series, closed periods, vouchers.

All of it is rare on the way of an ordinary posting: a series is read for back-dated journals of
limited accounts only, the standing of a date for adjustments and the late period only, and the
voucher number stands on the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from ledger.books import fiscal_year_start
from ledger.db import Connection
from ledger.posting import state as st
from ledger.posting.read import SQL, HeadRow
from ledger.posting.records import JournalRecord
from ledger.posting.series import ValueSeries
from ledger.posting.values import Journal, OpenAccount, Origin, Period, SetLimits, Unit
from ledger.refusals import Refusal


async def load_series(
    connection: Connection, book_id: int, state: st.State, units: Sequence[Unit]
) -> None:
    """Read the value series of the limited accounts that back-dated journals of the batch touch."""
    since: dict[int, date] = {}
    # A reversal may stand in the same batch as what it reverses.
    asked = {o.journal_id: o for u in units for o in u.operations if isinstance(o, Journal)}
    for unit in units:
        for operation in unit.operations:
            if not isinstance(operation, Journal) or operation.exceeds:
                continue
            target: Journal | JournalRecord | None = None
            if operation.reverses is not None:
                target = state.journals.get(operation.reverses) or asked.get(operation.reverses)
            by_default = None if target is None else target.value_date
            day = operation.value_date or by_default or state.business_date
            if day < state.head_date:
                for transfer in operation.transfers:
                    for number in (transfer.debit, transfer.credit):
                        since[number] = min(since.get(number, day), day)
    if not since:
        return
    for number in since.keys() - _may_be_limited(state, units):
        del since[number]
    state.series = {number: ValueSeries() for number in since}
    rows = await connection.fetch(SQL["later_nets"], book_id, list(since), list(since.values()))
    for row in rows:
        state.series[row["account_id"]].add(row["value_date"], row["net"])


def _may_be_limited(state: st.State, units: Sequence[Unit]) -> set[int]:
    """Accounts with a limit now, and those that this batch opens or gives limits to."""
    limited = {
        account.account
        for account in state.accounts.values()
        if account.balance_min is not None or account.balance_max is not None
    }
    operations = (operation for unit in units for operation in unit.operations)
    return limited | {o.account for o in operations if isinstance(o, SetLimits | OpenAccount)}


async def why_shut(
    connection: Connection, book_id: int, head: HeadRow, day: date, origin: Origin, period: Period
) -> Refusal | None:
    """Why an adjustment, or a batch of the late period, may not be dated on `day`; else None.

    Doors, night and import post where the database's own guard lets them.
    """
    if origin is not Origin.ADJUST and period is Period.ORDINARY:
        return None
    first = fiscal_year_start(day, head.fiscal_year_start_month)
    last = _year_end(first)
    row = await connection.fetchrow(SQL["standing_of_date"], book_id, day, first, last)
    why = None
    if row is None or day < row["opened_on"]:
        why = "the book was not open"
    elif day > head.business_date:
        why = f"the business date is {head.business_date}"
    elif row["year_closed"]:
        why = "the fiscal year is closed"
    elif period is Period.ORDINARY:
        why = "the month is closed" if row["month_closed"] else None
    elif day != last:
        why = f"the late period is dated {last}"
    elif not row["months_closed"]:
        why = "the late period begins when every month of the fiscal year is closed"
    if why is None:
        return None
    facts: dict[str, object] = {"business_date": day.isoformat(), "period": period.name.lower()}
    return Refusal(code="period_closed", detail=facts | {"why": why})


def _year_end(first: date) -> date:
    """The last day of the fiscal year that begins with `first`; the calendar's own end at most."""
    if first.year == date.max.year:
        return date.max
    return first.replace(year=first.year + 1) - timedelta(days=1)


async def next_voucher(
    connection: Connection, book_id: int, head: HeadRow, fiscal_year: int
) -> int:
    """The next voucher number of a fiscal year; costs a statement for an older year only."""
    if fiscal_year >= head.voucher_year:
        return next_voucher_on_head(head, fiscal_year)
    found: int = await connection.fetchval(SQL["next_voucher"], book_id, fiscal_year)
    return found


def next_voucher_on_head(head: HeadRow, fiscal_year: int) -> int:
    """The next voucher number of the newest fiscal year, or of the one that begins now."""
    return head.voucher_no + 1 if fiscal_year == head.voucher_year else 1
