"""A closing undone: one unit opens the account and reverses each journal that settled it.

Nothing else opens a closed account again. The reversals carry the value dates of what they undo and
the standing of the interest is put back, so the next night finds late postings of the closing date
and corrects the dates in between by their value-dated balances, at the rates of those dates; undone
on the same day it is as if nothing had been closed. A period's end in between that left interest
unpaid is paid with the next one, as after any late posting. Another person than the one who closed
must do it, and what has left through a bank is not called back.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from ledger.corrections import mirror
from ledger.dates import days
from ledger.db import Connection, statements
from ledger.errors import CffError, Forbidden, InvariantBroken
from ledger.manual import recorded_journal
from ledger.posting.ids import attempts, event_id, journal_id
from ledger.posting.records import JournalRecord
from ledger.posting.values import BUSINESS_DATE, ReopenAccount, RowWrite, Unit
from products.catalogue import Product, load_product
from products.closing import Standing, account_of, no_night, standing_of
from products.contracts import CLOSED, Contract, by_no
from products.interest import period_start
from products.kinds import JournalKind

_SQL = statements(Path(__file__).parent / "sql" / "closing.sql")
_ONE_DAY = timedelta(days=1)


class CannotUndo(CffError):  # noqa: N818
    """The closing cannot be undone; the message says why."""

    code: ClassVar[str] = "cannot_undo_closing"


async def undo_account_closing(
    connection: Connection, book_id: int, code: str, *, actor: str, reason: str
) -> Unit:
    """Undo the closing of the account `code`, with its contract if it is a contract's."""
    number, contract = await account_of(connection, book_id, code)
    if contract:
        return await undo_closing(connection, book_id, code, actor=actor, reason=reason)
    closing = await connection.fetchrow(_SQL["account_closing"], book_id, number)
    if closing is not None:
        _require_another(closing["actor"], actor, f"account {code}")
    return Unit(operations=(ReopenAccount(account=number),), actor=actor, reason=reason)


async def undo_closing(
    connection: Connection, book_id: int, contract_no: str, *, actor: str, reason: str
) -> Unit:
    """The unit that undoes a contract's closing (for `decide_and_post`).

    Raises `NotFound`, `Forbidden` for whoever closed it, and `CannotUndo`.
    """
    contract = await by_no(connection, book_id, contract_no)
    if contract.is_placement:
        raise CannotUndo(f"{contract_no} is a placement: its end is not undone, place the sum anew")
    if contract.state != CLOSED:
        raise CannotUndo(f"contract {contract_no} is not closed")
    standing = await standing_of(connection, contract)
    closing = await connection.fetchrow(_SQL["account_closing"], book_id, contract.account_id)
    if closing is None or contract.closed_on is None:
        raise InvariantBroken(f"contract {contract_no} is closed and its account never was")
    _require_another(closing["actor"], actor, f"contract {contract_no}")
    if standing.unproven is not None:
        raise CannotUndo(f"the closing of {contract_no} cannot be undone: {no_night(standing)}")
    settled = await _settled_by(
        connection, contract, json.loads(closing["body"]).get("settled_by", [])
    )
    product = await load_product(connection, book_id, contract.product_code)
    event = event_id(book_id, "closing_undone", contract.contract_id, contract.version)
    attempt = (await attempts(connection, book_id, [event]))[event]
    reversals = tuple(
        mirror(
            record,
            journal_id(event_id(event, record.journal_id), attempt),
            narrative="Closing undone",
        )
        for record in reversed(settled)
    )
    return Unit(
        operations=(ReopenAccount(account=contract.account_id), *reversals),
        actor=actor,
        reason=reason,
        event_id=event,
        reads=(contract.read, standing.read(contract)),
        on=standing.business_date,
        writes=_undo_writes(
            contract, product, standing, contract.closed_on, _paid(settled, contract)
        ),
    )


def _undo_writes(
    contract: Contract, product: Product, standing: Standing, closed_on: date, interest: int
) -> tuple[RowWrite, ...]:
    """The contract's rows as they would stand had nights found nothing to accrue meanwhile."""
    today, key = standing.business_date, (contract.book_id, contract.contract_id)
    began = standing.period_start
    if any(product.terms.ends_period(day) for day in days(closed_on, today)):
        began = period_start(product.terms, today, contract.interest_from)
    first = max(closed_on, contract.interest_from)
    return (
        RowWrite(statement=_SQL["reopen_contract"], arguments=(*key, contract.version)),
        RowWrite(
            statement=_SQL["take_interest_back"],
            arguments=(*key, interest, contract.product_code, BUSINESS_DATE, began),
        ),
        RowWrite(
            statement=_SQL["freeze_rates"],
            arguments=(contract.book_id, contract.product_code, first, today - _ONE_DAY),
        ),
    )


async def _settled_by(
    connection: Connection, contract: Contract, ids: list[str]
) -> list[JournalRecord]:
    """The journals that settled the account, in their order. Raises `CannotUndo` for a payment."""
    found: list[JournalRecord] = []
    for text in ids:
        record = await recorded_journal(connection, contract.book_id, UUID(text))
        if record is None:
            raise InvariantBroken(f"closing of {contract.contract_no}: journal {text} is missing")
        if record.kind == JournalKind.WITHDRAWAL:
            raise CannotUndo(
                f"the balance of {contract.contract_no} was paid out to a bank (notice "
                f"{record.hold_id}): what has left is not called back; open a new contract"
            )
        found.append(record)
    return found


def _paid(settled: list[JournalRecord], contract: Contract) -> int:
    """Interest that the closing paid; below zero when it took some back."""
    return sum(
        transfer.amount_satang
        if transfer.credit == contract.account_id
        else -transfer.amount_satang
        for record in settled
        if record.kind == JournalKind.INTEREST_AT_CLOSING
        for transfer in record.transfers
    )


def _require_another(closer: str, actor: str, what: str) -> None:
    if closer.casefold() == actor.casefold():
        raise Forbidden(f"{what} was closed by {closer}: another person must undo it")
