"""The end of a savings contract: one unit pays its interest, sweeps its balance and closes it.

Paid is all interest accrued and not yet credited; the balance goes to another account of the member
or to its bank. The day of closing bears no interest (the day of a deposit counts, that of a
withdrawal does not), so what is paid is what the nights up to yesterday have accrued, to the
satang. Everything that stands against closing is named at once. How a closing is undone is
`products.reopening`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import asyncpg

from ledger import accounts
from ledger.db import Connection, statements
from ledger.errors import CffError, NotFound
from ledger.money import format_baht
from ledger.posting.ids import attempts, event_id, journal_id
from ledger.posting.values import (
    BUSINESS_DATE,
    CloseAccount,
    RowRead,
    RowWrite,
    Unit,
)
from products.catalogue import load_product, load_products, placement_accounts
from products.contracts import ACTIVE, INTEREST_LEGS, Contract, by_no, by_nos
from products.deposits import postings
from products.deposits.offers import load_offers
from products.deposits.savings_terms import load_terms
from products.deposits.standing import linked_placements
from products.payments import banks
from products.payments.paying_out import Payment, PayOut, payment_of

_SQL = statements(Path(__file__).parent / "sql" / "closing.sql")
_NOTHING = Payment()
_RESULT_CLASSES = ("4", "5")


class CannotClose(CffError):  # noqa: N818
    """The contract cannot be closed now; the message names everything that stands against it."""

    code: ClassVar[str] = "cannot_close_contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a closing, or its undoing, is decided on: one row, read at once.

    version:  of the contract's leg of interest.
    owed:     interest accrued and not credited, in satang; below zero when too much was credited.
    unproven: the oldest date before today that no night has proven.
    late:     it moved today with an earlier value date: tonight corrects its interest.
    """

    business_date: date
    balance: int
    held: int
    frozen: int
    changed_seq: int
    version: int
    period_start: date
    owed: int
    unproven: date | None
    late: bool

    def read(self, contract: Contract) -> RowRead:
        """The row of the interest's standing as it was read."""
        return RowRead(table=INTEREST_LEGS, row_id=contract.contract_id, version=self.version)


async def close_contract(
    connection: Connection,
    book_id: int,
    contract_no: str,
    *,
    actor: str,
    reason: str = "",
    sweep_to: str | None = None,
    pay_out: PayOut | None = None,
) -> Unit:
    """The unit that pays interest, sweeps and closes (for `decide_and_post`).

    sweep_to: code of another account of the same member; pay_out: to its bank, by a withdrawal that
    this act approves. One of them is needed when anything is left.
    Raises `NotFound`, `Forbidden` (who asked for the payment may not close), and `CannotClose`.
    """
    contract = await by_no(connection, book_id, contract_no)
    if contract.state != ACTIVE:
        raise CannotClose(f"contract {contract_no} was closed on {contract.closed_on}")
    if contract.is_placement:
        raise CannotClose(
            f"{contract_no} is a placement: it ends at its maturity or by an early withdrawal"
        )
    standing = await standing_of(connection, contract)
    against = _against_closing(standing)
    against += await _open_things(connection, contract)
    left = standing.balance + standing.owed
    if left < 0:
        against.append(f"it would end at {format_baht(left)}; have the member pay that in first")
    elif left > 0 and sweep_to is None and pay_out is None:
        against.append(
            f"its balance is {format_baht(standing.balance)} and its interest "
            f"{format_baht(standing.owed)}; name the account that they go to"
        )
    if against:
        raise CannotClose(f"contract {contract_no} cannot be closed: {'; '.join(against)}")
    return await _closing(connection, contract, standing, actor, reason, sweep_to, pay_out)


async def _closing(
    connection: Connection,
    contract: Contract,
    standing: Standing,
    actor: str,
    reason: str,
    sweep_to: str | None,
    pay_out: PayOut | None,
) -> Unit:
    event = event_id(contract.book_id, "contract_closed", contract.contract_id, contract.version)
    attempt = (await attempts(connection, contract.book_id, [event]))[event]
    paid = await _interest(connection, contract, standing, event, attempt)
    left = standing.balance + standing.owed
    swept = _NOTHING
    if left and sweep_to is not None:
        swept = await _sweep(connection, contract, sweep_to, left, event, attempt)
    elif left and pay_out is not None:
        swept = await payment_of(
            connection,
            contract,
            pay_out,
            notice_id=journal_id(event_id(event, "notice"), attempt),
            journal_id=journal_id(event_id(event, "payment"), attempt),
            amount_satang=left,
            business_date=standing.business_date,
            actor=actor,
            after=len(paid.operations),
        )
    key = (contract.book_id, contract.contract_id)
    close = CloseAccount(
        account=contract.account_id, settled_by=(*paid.journal_ids, *swept.journal_ids)
    )
    return Unit(
        operations=(*paid.operations, *swept.operations, close),
        actor=actor,
        reason=reason,
        event_id=event,
        reads=(contract.read, standing.read(contract)),
        # What comes and goes meanwhile would leave a rest, or interest that nobody could be paid.
        unmoved=((contract.account_id, standing.changed_seq),),
        on=standing.business_date,
        writes=(
            RowWrite(
                statement=_SQL["close_contract"], arguments=(*key, contract.version, BUSINESS_DATE)
            ),
            RowWrite(
                statement=_SQL["pay_interest"],
                arguments=(*key, standing.owed, contract.product_code, BUSINESS_DATE),
            ),
            *swept.writes,
        ),
    )


async def _interest(
    connection: Connection, contract: Contract, standing: Standing, event: UUID, attempt: int
) -> Payment:
    """The journal that pays all that is accrued and not credited; none when nothing is."""
    if not standing.owed:
        return _NOTHING
    product = await load_product(connection, contract.book_id, contract.product_code)
    journal = postings.interest_at_closing(
        journal_id(event_id(event, "interest"), attempt),
        product,
        contract.account_id,
        standing.business_date,
        standing.owed,
    )
    return Payment(operations=(journal,), journal_ids=(journal.journal_id,))


async def _sweep(
    connection: Connection,
    contract: Contract,
    code: str,
    amount_satang: int,
    event: UUID,
    attempt: int,
) -> Payment:
    """The journal that carries the balance to the member's own other account `code`."""
    found = (await accounts.by_codes(connection, contract.book_id, [code])).get(code)
    if found is None:
        raise NotFound("account", code)
    if found.party_id != contract.party_id or found.account_id == contract.account_id:
        raise CannotClose(
            f"the balance of {contract.contract_no} goes to another account of the same member; "
            f"{code} is not one"
        )
    if await placement_accounts(connection, contract.book_id, [found.account_id]):
        raise CannotClose(f"{code} is a placement: only its own events move it")
    journal = postings.closing_sweep(
        journal_id(event_id(event, "sweep"), attempt),
        contract.account_id,
        found.account_id,
        contract.contract_no,
        amount_satang,
    )
    return Payment(operations=(journal,), journal_ids=(journal.journal_id,))


async def standing_of(connection: Connection, contract: Contract) -> Standing:
    """The contract as it stands, read in one statement. Raises `NotFound`."""
    row = await connection.fetchrow(_SQL["standing"], contract.book_id, contract.contract_id)
    if row is None:
        raise NotFound("interest standing of contract", contract.contract_no)
    return Standing(**dict(row))


def _against_closing(standing: Standing) -> list[str]:
    against = []
    if standing.frozen:
        against.append("it is frozen; thaw it first")
    if standing.unproven is not None:
        against.append(no_night(standing))
    if standing.late:
        against.append(
            "it moved today with an earlier value date, which tonight corrects; close it tomorrow"
        )
    return against


def no_night(standing: Standing) -> str:
    """In words, that a date before today is not proven."""
    return f"no night has proven {standing.unproven}; run end-of-day"


async def _open_things(connection: Connection, contract: Contract) -> list[str]:
    """Open holds, notices and placements that pay to it, each named."""
    key = (contract.book_id, contract.contract_id)
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["open_notices"], *key)
    noticed = {row["notice_id"] for row in rows}
    against = [
        f"notice {row['notice_id']} over {format_baht(row['amount_satang'])} is {row['status']}"
        for row in rows
    ]
    for row in await connection.fetch(_SQL["open_holds"], *key):
        if row["hold_id"] not in noticed:
            amount = format_baht(row["amount_satang"])
            against.append(f"hold {row['hold_id']} over {amount} is open")
    return against + [
        f"placement {number} pays to it: give that another linked account"
        for number in await linked_placements(connection, contract)
    ]


async def close_account(
    connection: Connection,
    book_id: int,
    code: str,
    *,
    actor: str,
    reason: str = "",
    sweep_to: str | None = None,
    pay_out: PayOut | None = None,
) -> Unit:
    """Close the account `code`: with its contract if it is a contract's, else as it is, empty."""
    number, contract = await account_of(connection, book_id, code)
    if contract:
        return await close_contract(
            connection,
            book_id,
            code,
            actor=actor,
            reason=reason,
            sweep_to=sweep_to,
            pay_out=pay_out,
        )
    await _require_unused(connection, book_id, number, code)
    changed_seq = await _require_carried(connection, book_id, number, code)
    return Unit(
        operations=(CloseAccount(account=number),),
        actor=actor,
        reason=reason,
        unmoved=() if changed_seq is None else ((number, changed_seq),),
    )


async def _require_unused(connection: Connection, book_id: int, number: int, code: str) -> None:
    """Nights and payments post on these accounts as long as the book lives."""
    used = await banks.controlled_accounts(connection, book_id)
    sold = (await load_products(connection, book_id)).values()
    used |= {each.payable_account for each in sold} | {each.expense_account for each in sold}
    used |= {each.tax_account for each in (await load_offers(connection, book_id)).values()}
    asked = (await load_terms(connection, book_id)).values()
    used |= {each.fee.account for each in asked if each.fee is not None}
    if number in used:
        raise CannotClose(f"account {code} is used by nights or payments: it stays open")


async def _require_carried(
    connection: Connection, book_id: int, number: int, code: str
) -> int | None:
    """Income and expense accounts close in a fiscal year in which they have not moved.

    The closing of a year posts on each that had a balance at the year's end, though it be empty by
    now, and a closed account takes nothing: the year could not close any more. Returns the number
    at which such an account changed last, None for others; what moves it meanwhile is decided anew.
    """
    row = await connection.fetchrow(_SQL["moved_in_open_year"], book_id, number)
    if row is None or row["gl_class"] not in _RESULT_CLASSES:
        return None
    if row["moved_on"] is not None:
        raise CannotClose(
            f"account {code} is of class {row['gl_class']} and moved on {row['moved_on']}, in a "
            "fiscal year that is not closed: close that year first, it carries the account to the "
            "result, then close the account before it moves again"
        )
    changed_seq: int = row["changed_seq"]
    return changed_seq


async def account_of(connection: Connection, book_id: int, code: str) -> tuple[int, bool]:
    """The account's number, and whether it is a contract's. Raises `NotFound`."""
    found = await accounts.by_codes(connection, book_id, [code])
    if code not in found:
        raise NotFound("account", code)
    return found[code].account_id, bool(await by_nos(connection, book_id, [code]))
