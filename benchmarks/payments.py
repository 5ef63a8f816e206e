"""A desk for payments in the measured book: a bank, its lines in suspense, and their notices.

Everything is made by the project's own functions: contracts are opened, notices received, and one
statement of the bank loaded, whose lines carry no reference, so that each waits in suspense with
the question which notice it is. Amounts are all different, so each line has one notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from benchmarks.bench import CheckFailed
from benchmarks.made import BOOK, BOOK_CODE, open_own
from benchmarks.preload import Bench
from benchmarks.savings import open_contracts
from ledger import books
from ledger.books import GlAccount
from ledger.money import format_baht
from ledger.posting.collector import Collector
from ledger.posting.values import Status
from products.payments import csv_statement, notice_services
from products.payments.bank_statement import BankStatement, LineKind, StatementLine
from products.payments.banks import (
    BankAccount,
    PaymentAccounts,
    add_bank_account,
    set_payment_accounts,
)
from products.payments.notice_values import NoticeIn
from products.payments.statements import load_statement

BANK = "BNK"
CONTRACTS = 500
_CHART = {"111100": "BANK", "271100": "RECEIPTS", "119100": "PAYMENTS", "261100": "CLEARING"}
_FEES = "541100"
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A line in suspense and the notice that explains it, which no one has joined yet."""

    line_id: UUID
    notice_id: UUID


async def open_desk(made: Bench, count: int) -> list[Ready]:
    """Set the desk up with so many lines and notices that wait for a person.

    Once a book. Raises `CheckFailed` when one of them does not stand ready.
    """
    contracts = await open_contracts(made.pool, made.product, made.numbers[0], CONTRACTS)
    await _open_bank(made)
    bodies = [_notice(made, contracts, number) for number in range(1, count + 1)]
    source = made.folder / "statement.csv"
    source.write_bytes(csv_statement.render([_statement(made, bodies)]))
    async with made.pool.acquire() as connection:
        book = await books.get_book(connection, BOOK_CODE)
    async with Collector(made.pool) as collector:
        for first in range(0, count, _AT_ONCE):
            chosen = [(body, body.reference) for body in bodies[first : first + _AT_ONCE]]
            for received in await notice_services.receive_many(
                collector, made.pool, BOOK, chosen, received_by="bench:maker"
            ):
                if received.status is not Status.ACCEPTED:
                    raise CheckFailed(f"a notice was not received: {received}")
        report = await load_statement(
            made.pool, collector, book, source, received_by="bench:bank-desk"
        )
    if report.settled.counts != {"suspended": count} or report.settled.proposals != count:
        raise CheckFailed(f"lines do not wait for a person each: {report.settled}")
    made.posted(CONTRACTS + count)
    return await _ready(made, bodies)


async def _open_bank(made: Bench) -> None:
    async with made.pool.acquire() as connection:
        chart = [
            GlAccount(gl_code=code, cad_code="", name_th="-", name_en="-")
            for code in (*_CHART, _FEES)
        ]
        await books.add_gl_accounts(connection, BOOK, chart)
    bank, *waiting = [await open_own(made.pool, name, code) for code, name in _CHART.items()]
    account = BankAccount(
        bank_code=BANK,
        bank_no="001",
        account_no=BANK,
        name_th="-",
        name_en="-",
        account_id=bank,
        opening_sequence_no=0,
        opening_satang=0,
    )
    accounts = PaymentAccounts(
        suspense_receipts=waiting[0],
        suspense_payments=waiting[1],
        outgoing_clearing=waiting[2],
        bank_fees=await open_own(made.pool, "FEES", _FEES),
    )
    async with made.pool.acquire() as connection:
        await add_bank_account(connection, BOOK, account)
        await set_payment_accounts(connection, BOOK, accounts)


def _notice(made: Bench, contracts: list[str], number: int) -> NoticeIn:
    return NoticeIn(
        id=UUID(int=0xB0 << 120 | number),
        kind="deposit",
        account=contracts[number % len(contracts)],
        amount=format_baht(number),
        bank=BANK,
        value_date=made.today,
        reference=f"REF{number:017d}",
        made_by="bench:maker",
    )


def _statement(made: Bench, bodies: list[NoticeIn]) -> BankStatement:
    lines = tuple(
        StatementLine(
            line_no=number,
            bank_reference=body.reference,
            amount_satang=body.amount_satang,
            is_credit=True,
            booking_date=made.today,
            value_date=made.today,
            kind=LineKind.CREDIT_TRANSFER,
        )
        for number, body in enumerate(bodies, start=1)
    )
    return BankStatement(
        account_no=BANK,
        statement_id=f"{BANK}-1",
        sequence_no=1,
        booking_date_from=made.today,
        booking_date_to=made.today,
        currency="THB",
        opening_satang=0,
        closing_satang=sum(line.amount_satang for line in lines),
        lines=lines,
    )


async def _ready(made: Bench, bodies: list[NoticeIn]) -> list[Ready]:
    rows = await made.pool.fetch(
        "SELECT line_id, bank_reference FROM products.bank_line WHERE book_id = $1", BOOK
    )
    lines = {row["bank_reference"]: row["line_id"] for row in rows}
    return [Ready(line_id=lines[body.reference], notice_id=body.id) for body in bodies]
