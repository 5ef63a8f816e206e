"""The posting transaction: rows, head, read, judge, write. The only code that moves money.

`post_batch` runs inside a transaction that its caller opens and commits: the collector for the
doors, the night for its chunks. It answers one outcome a unit, in input order; refusals are values
and are committed with the batch. Nothing is written before everything has been judged, so there
is no savepoint and nothing to undo in the database.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, partial
from uuid import UUID

from ledger.db import Connection, meanwhile
from ledger.errors import ensure
from ledger.posting import dated, read
from ledger.posting import state as st
from ledger.posting.columns import column, columns
from ledger.posting.decide import Draft, decide
from ledger.posting.held import Held
from ledger.posting.locks import try_locks
from ledger.posting.read import SQL
from ledger.posting.sealing import in_words
from ledger.posting.values import (
    BUSINESS_DATE,
    FIRST_SEQ,
    Origin,
    Outcome,
    Period,
    Placeholder,
    Receipt,
    RowWrite,
    Status,
    Unit,
)
from ledger.vouchers import fiscal_year_of, vouchers_of


async def post_batch(
    connection: Connection,
    book_id: int,
    units: Sequence[Unit],
    *,
    origin: Origin,
    business_date: date | None = None,
    period: Period = Period.ORDINARY,
) -> list[Outcome]:
    """Judge and write `units` as one batch of one book; outcomes in input order.

    business_date: None = the head's (doors); the night and adjustments name their date.
    Must run inside a transaction; the caller commits, and only then may anything be answered.
    Raises what the database raises; then nothing of the batch is recorded.
    """
    locked = await lock(connection, book_id, units)
    draft = await begin(
        connection, locked, origin=origin, business_date=business_date, period=period
    )
    decide(draft)
    return await record(connection, draft)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A batch with its keys and rows locked, as far as nobody else held them; not yet the head."""

    book_id: int
    units: Sequence[Unit]
    busy: set[int]
    versions: dict[tuple[str, UUID], int]


async def lock(connection: Connection, book_id: int, units: Sequence[Unit]) -> Locked:
    """Lock what comes before the head: idempotency keys, then product rows. Never waits."""
    obtained = await try_locks(connection, book_id, units)
    return Locked(book_id=book_id, units=units, busy=obtained.busy, versions=obtained.versions)


async def begin(
    connection: Connection,
    locked: Locked,
    *,
    origin: Origin,
    business_date: date | None = None,
    period: Period = Period.ORDINARY,
    held: Held | None = None,
) -> Draft:
    """Take the head and read what the judge will ask. From here to the commit nobody else posts.

    held: accounts of the caller's, which need not be read if the head is as they were left with.
    """
    book_id, units = locked.book_id, locked.units
    wanted = read.wanted_by(units)
    asked = [n for n in wanted.accounts if held is None or held.get(n) is None]
    taken = await read.take_head_with(connection, book_id, units, wanted.ids, asked)
    head, accounts = taken.head, taken.accounts
    day = business_date or head.business_date
    if held is not None and held.trust(head):
        accounts |= held.copies(wanted.accounts)
    # Were the accounts that are held no longer to be trusted, they are read after all.
    state = await read.state_of(connection, book_id, head, day, wanted, accounts, taken.on_record)
    state.shut = await dated.why_shut(connection, book_id, head, day, origin, period)
    if origin is not Origin.NIGHT:
        await dated.load_series(connection, book_id, state, units)
    if state.shut is not None:
        # Only refusals will come of it: they are recorded on a date that takes them.
        day, period = head.business_date, Period.ORDINARY
    fiscal_year = fiscal_year_of(day, head.fiscal_year_start_month)
    return Draft(
        book_id=book_id,
        head=head,
        units=list(units),
        origin=origin,
        period=period,
        fiscal_year=fiscal_year,
        first_voucher=await dated.next_voucher(connection, book_id, head, fiscal_year),
        busy=locked.busy,
        versions=locked.versions,
        known=taken.keys,
        state=state,
        first_seq=state.next_seq,
    )


async def record(connection: Connection, draft: Draft) -> list[Outcome]:
    """Write everything that was decided; answers the outcomes with the batch's digest."""
    draft.outcomes = await _with_vouchers(connection, draft)
    if not draft.records and not draft.refusals:
        return draft.outcomes
    if draft.opened:
        await _open_accounts(connection, draft)
    _, (arguments, told) = await meanwhile(_row_writes(connection, draft), lambda: in_words(draft))
    beside: list[_Beside] = [] if told is None else [(_TOLD, told)]
    beside += _holds(draft.book_id, list(draft.state.changed_holds.values()))
    statement = _batch_with(tuple(parts for parts, _ in beside))
    given = (argument for _, group in beside for argument in group)
    written = await connection.fetchval(statement, *arguments, *given)
    ensure(written is True, "the head is held and yet not as it was taken")
    if draft.cut is not None:
        operation, seq = draft.cut
        await connection.execute(SQL["cut_day"], draft.book_id, draft.business_date, seq)
        await connection.execute(SQL["open_day"], draft.book_id, operation.to)
        await connection.execute(SQL["move_head"], draft.book_id, operation.to)
    return draft.outcomes


async def _with_vouchers(connection: Connection, draft: Draft) -> list[Outcome]:
    """Replays of journals recorded earlier get the voucher numbers that they have; rare."""
    lacking = [
        receipt.recorded_seq
        for outcome in draft.outcomes
        for receipt in outcome.receipts
        if outcome.status is Status.REPLAYED and receipt.journal_id is not None
    ]
    if not lacking:
        return draft.outcomes
    given = {
        receipt.recorded_seq: receipt
        for outcome in draft.outcomes
        for receipt in outcome.receipts
        if receipt.voucher_no is not None
    }
    found = await vouchers_of(connection, draft.book_id, lacking)

    def named(receipt: Receipt) -> Receipt:
        twin, voucher = given.get(receipt.recorded_seq), found.get(receipt.recorded_seq)
        if receipt.voucher_no is None and twin is not None:
            return twin
        if receipt.voucher_no is None and voucher is not None:
            return replace(receipt, fiscal_year=voucher.fiscal_year, voucher_no=voucher.voucher_no)
        return receipt

    return [
        replace(outcome, receipts=tuple(named(receipt) for receipt in outcome.receipts))
        for outcome in draft.outcomes
    ]


async def _row_writes(connection: Connection, draft: Draft) -> None:
    """Product rows of the accepted units; statements in order of first appearance."""
    grouped: dict[str, list[tuple[RowWrite, int]]] = {}
    for write, seq in draft.writes:
        grouped.setdefault(write.statement, []).append((write, seq))
    for statement, writes in grouped.items():
        seqs = [seq for _, seq in writes]
        given = [
            _filled_in(values, seqs, draft.business_date)
            for values in zip(*(write.arguments for write, _ in writes), strict=True)
        ]
        if writes[0][0].together:
            rest = [column(values) for values in given[1:]]
            await connection.execute(statement, draft.book_id, *rest)
        else:
            await connection.executemany(statement, list(zip(*given, strict=True)))


def _filled_in(
    values: tuple[object, ...], seqs: Sequence[int], business_date: date
) -> Sequence[object]:
    """One argument of many row writes, with what only the posting transaction knows."""
    if not any(type(value) is Placeholder for value in values):
        return values
    known = {FIRST_SEQ: seqs, BUSINESS_DATE: [business_date] * len(seqs)}
    return [
        known[value][place] if isinstance(value, Placeholder) else value
        for place, value in enumerate(values)
    ]


async def _open_accounts(connection: Connection, draft: Draft) -> None:
    opened = [operation for operation, _ in draft.opened]
    await connection.execute(
        SQL["open_accounts"],
        draft.book_id,
        draft.business_date,
        [o.account for o in opened],
        [o.code for o in opened],
        [o.gl_code for o in opened],
        [o.currency for o in opened],
        [o.party_id for o in opened],
        [o.name_th for o in opened],
        [o.name_en for o in opened],
        [seq for _, seq in draft.opened],
    )


_Beside = tuple[tuple[str, ...], tuple[object, ...]]
"""Parts of the batch's statement that share parameters, and these."""


def _holds(book_id: int, holds: Sequence[st.HoldState]) -> list[_Beside]:
    """What writes holds."""
    beside: list[_Beside] = []
    new = [hold for hold in holds if hold.is_new]
    if new:
        rows = [
            (
                h.hold_id,
                h.account,
                h.amount,
                h.captured,
                h.state,
                h.expires_on,
                h.reference,
                h.placed_seq,
                h.changed_seq,
            )
            for h in new
        ]
        beside.append((("placed",), (book_id, *columns(rows, 9))))
    old = [hold for hold in holds if not hold.is_new]
    if old:
        changes = [(h.hold_id, h.captured, h.state, h.changed_seq) for h in old]
        beside.append((("ended",), (book_id, *columns(changes, 4))))
    return beside


_TOLD = ("told", "noted")
"""Parts with the parameters that `in_words` makes of events."""
_PARAMETER = re.compile(r"\$([0-9]+)")


@cache
def _batch_with(groups: tuple[tuple[str, ...], ...]) -> str:
    """The statement that writes a batch, with what else is written of it: one round trip.

    groups: names of statements that share their parameters, which follow those of the groups
            before. They are executed after the batch's own function, none of whose rows they touch,
            and their guards at the end of the statement, where they find the batch.
    """
    parts: list[str] = []
    before = _parameters(SQL["write_batch"])
    for group in groups:
        for name in group:
            shifted = partial(_shifted, by=before)
            parts.append(f"{name} AS ({_PARAMETER.sub(shifted, SQL[name])})")
        before += max(_parameters(SQL[name]) for name in group)
    return f"WITH {', '.join(parts)} {SQL['write_batch']}" if parts else SQL["write_batch"]


def _parameters(statement: str) -> int:
    return max(int(number) for number in _PARAMETER.findall(statement))


def _shifted(parameter: re.Match[str], by: int) -> str:
    return f"${int(parameter.group(1)) + by}"
