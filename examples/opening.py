"""Opening the example book: chart, members, accounts, products, rates, balances of 31 May 2026.

Everything goes the way a real cut-over goes: the catalogue by the application, accounts and opening
balances through the posting path, rate sheets drafted by one person and approved by another. The
book opens on the last day of May, whose night bears no interest: the old books did that.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from examples import fixed_deposits, seeds
from ledger import accounts, books, parties
from ledger.books import Book, GlAccount
from ledger.dates import parse_date
from ledger.db import Database
from ledger.errors import InvariantBroken
from ledger.kinds import JournalKind
from ledger.money import Rounding
from ledger.posting.collector import Collector, decide_and_post
from ledger.posting.ids import event_id
from ledger.posting.values import Journal, OpenAccount, Outcome, Status, Transfer, Unit
from pricing.rates import parse_rate_percent
from pricing.sheets import approve_sheet, draft_sheet
from products.catalogue import Product, create_product, load_product
from products.closing import close_contract
from products.contracts import open_savings_contract
from products.interest import DayCount, Terms
from products.payments.banks import (
    BankAccount,
    PaymentAccounts,
    add_bank_account,
    set_payment_accounts,
)

BOOK_ID = 1
OPENED_ON = seeds.MONTH_FIRST - timedelta(days=1)
ACTOR = "facility:cut-over"
SAVINGS = "SAVINGS"

OWN_ACCOUNTS = {
    "OPENING": ("341100", "ยอดยกมา", "Balances brought forward"),
    "SUSPENSE-RECEIPTS": ("271100", "เงินรับรอตรวจสอบ", "Suspense receipts"),
    "SUSPENSE-PAYMENTS": ("119100", "รายการจ่ายรอตรวจสอบ", "Suspense payments"),
    "CLEARING-OUT": ("261100", "เงินจ่ายระหว่างทาง", "Outgoing payments in clearing"),
    "BANK-FEES": ("541100", "ค่าธรรมเนียมธนาคาร", "Bank fees"),
    "INT-EXPENSE-SAVINGS": ("511100", "ดอกเบี้ยจ่ายออมทรัพย์", "Interest expense, savings"),
    "INT-PAYABLE-SAVINGS": ("241100", "ดอกเบี้ยค้างจ่ายออมทรัพย์", "Accrued interest, savings"),
    **fixed_deposits.OWN_ACCOUNTS,
}
"""The Facility's own accounts by code: GL code, Thai and English name. They have no limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The opened book, how many members and contracts it has, and what they have in it.

    deposits_satang: savings; what stands in fixed deposits is in `fixed`.
    """

    book: Book
    members: int
    contracts: int
    deposits_satang: int
    fixed: fixed_deposits.Brought


async def open_book(database: Database, collector: Collector, *, code: str) -> Opened:
    """Create and fill the example book; raises `InvalidInput` if there is a book 1 already."""
    async with database.poster.acquire() as connection, connection.transaction():
        book = await books.create_book(
            connection,
            book_id=BOOK_ID,
            code=code,
            name_th="ชุมนุมสหกรณ์ออมทรัพย์แห่งประเทศไทย จำกัด (ตัวอย่าง)",
            name_en="Cooperative Central Finance Facility (example)",
            opened_on=OPENED_ON,
        )
        await books.add_gl_accounts(connection, BOOK_ID, _chart())
        members = seeds.members()
        await parties.add_parties(connection, BOOK_ID, _parties(members))
        banks = seeds.banks()
        wanted = [*OWN_ACCOUNTS, *(f"BANK-{bank.bank_code}" for bank in banks)]
        numbers = await accounts.reserve_ids(connection, len(wanted))
    own = dict(zip(wanted, numbers, strict=True))
    await _post(collector, [_open_own(own, banks)])
    await _set_up_products(database, own, banks)
    await _approve_rates(database)
    await _open_contracts(database, collector, members)
    deposits = await _bring_forward(database, collector, own, banks)
    fixed = await fixed_deposits.bring_placements(
        collector,
        database.poster,
        BOOK_ID,
        opening_account=own["OPENING"],
        on=OPENED_ON,
        actor=ACTOR,
    )
    await _close_the_closed(database, collector)
    return Opened(
        book=book,
        members=len(members),
        contracts=len(members) + fixed.placements,
        deposits_satang=deposits,
        fixed=fixed,
    )


def _chart() -> list[GlAccount]:
    with (seeds.SEED / "chart.csv").open(encoding="utf-8", newline="") as file:
        return [
            GlAccount(
                gl_code=row["gl_code"],
                cad_code=row["cad_code"],
                name_th=row["name_th"],
                name_en=row["name_en"],
            )
            for row in csv.DictReader(file)
        ]


def _parties(members: Iterable[seeds.Member]) -> list[parties.Party]:
    return [
        parties.Party(
            party_id=int(member.member_code),
            code=member.member_code,
            name_th=member.name_th,
            name_en=member.name_en,
            region=member.region,
            joined_on=member.joined_on,
        )
        for member in members
    ]


def _open_own(own: dict[str, int], banks: Iterable[seeds.Bank]) -> Unit:
    facts = dict(OWN_ACCOUNTS)
    facts |= {f"BANK-{b.bank_code}": (b.gl_code, b.name_th, b.name_en) for b in banks}
    return Unit(
        operations=tuple(
            OpenAccount(
                account=own[code],
                code=code,
                gl_code=gl_code,
                currency="THB",
                name_th=name_th,
                name_en=name_en,
            )
            for code, (gl_code, name_th, name_en) in facts.items()
        ),
        actor=ACTOR,
        reason="cut-over",
    )


async def _set_up_products(
    database: Database, own: dict[str, int], banks: Iterable[seeds.Bank]
) -> None:
    async with database.poster.acquire() as connection, connection.transaction():
        await create_product(
            connection,
            Product(
                book_id=BOOK_ID,
                product_code=SAVINGS,
                name_th="เงินฝากออมทรัพย์",
                name_en="Savings deposits",
                terms=Terms(
                    day_count=DayCount.ACT_365F,
                    rounding=Rounding.HALF_UP,
                    capitalisation_days=frozenset({"06-30", "12-31"}),
                ),
                gl_deposits="211100",
                expense_account=own["INT-EXPENSE-SAVINGS"],
                payable_account=own["INT-PAYABLE-SAVINGS"],
            ),
        )
        await fixed_deposits.set_up(connection, BOOK_ID, own, SAVINGS)
        for bank in banks:
            await add_bank_account(
                connection,
                BOOK_ID,
                BankAccount(
                    bank_code=bank.bank_code,
                    bank_no=bank.bank_no,
                    account_no=bank.account_no,
                    name_th=bank.name_th,
                    name_en=bank.name_en,
                    account_id=own[f"BANK-{bank.bank_code}"],
                    opening_sequence_no=bank.last_sequence_no,
                    opening_satang=bank.opening_satang,
                ),
            )
        await set_payment_accounts(
            connection,
            BOOK_ID,
            PaymentAccounts(
                suspense_receipts=own["SUSPENSE-RECEIPTS"],
                suspense_payments=own["SUSPENSE-PAYMENTS"],
                outgoing_clearing=own["CLEARING-OUT"],
                bank_fees=own["BANK-FEES"],
            ),
        )


async def _approve_rates(database: Database) -> None:
    """Sheets that were announced before the cut-over: approved the day before they took effect."""
    with (seeds.SEED / "rates.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, start=2):
        effective = parse_date(row["effective_from"], f"rates.csv line {number}, effective_from")
        sheet = await draft_sheet(
            database.application,
            BOOK_ID,
            product_code=row["product_code"],
            effective_from=effective,
            annual_rate_e8=parse_rate_percent(row["annual_rate_percent"]),
            made_by=row["announced_by"],
        )
        approved_on = min(effective - timedelta(days=1), OPENED_ON)
        await approve_sheet(
            database.application,
            BOOK_ID,
            sheet.sheet_id,
            approved_by=row["approved_by"],
            on=approved_on,
        )


async def _open_contracts(
    database: Database, collector: Collector, members: list[seeds.Member]
) -> None:
    async with database.poster.acquire() as connection:
        product = await load_product(connection, BOOK_ID, SAVINGS)
        numbers = await accounts.reserve_ids(connection, len(members))
    await _post(
        collector,
        [
            open_savings_contract(
                product=product,
                contract_no=f"SAV-{member.member_code}",
                party_id=int(member.member_code),
                account_id=number,
                name_th=member.name_th,
                name_en=member.name_en,
                actor=ACTOR,
                interest_from=seeds.MONTH_FIRST,
            )
            for member, number in zip(members, numbers, strict=True)
        ],
    )


async def _bring_forward(
    database: Database, collector: Collector, own: dict[str, int], banks: list[seeds.Bank]
) -> int:
    openings = [row for row in seeds.openings() if row.opening_satang > 0]
    async with database.poster.acquire() as connection:
        savings = await accounts.by_codes(connection, BOOK_ID, [row.account_no for row in openings])
    pairs = [(own[f"BANK-{b.bank_code}"], own["OPENING"], b.opening_satang) for b in banks]
    pairs += [
        (own["OPENING"], savings[row.account_no].account_id, row.opening_satang) for row in openings
    ]
    await _post(collector, [_brought(debit, credit, amount) for debit, credit, amount in pairs])
    return sum(row.opening_satang for row in openings)


def _brought(debit: int, credit: int, amount_satang: int) -> Unit:
    journal = Journal(
        journal_id=event_id(BOOK_ID, "opening", debit, credit),
        kind=JournalKind.OPENING,
        transfers=(Transfer(debit=debit, credit=credit, amount_satang=amount_satang),),
        narrative="ยอดยกมา 31 พ.ค. 2569",
    )
    return Unit(operations=(journal,), actor=ACTOR, reason="cut-over")


async def _close_the_closed(database: Database, collector: Collector) -> None:
    for row in seeds.openings():
        if row.closed:
            outcome = await decide_and_post(
                collector,
                database.poster,
                BOOK_ID,
                lambda connection, no=row.account_no: close_contract(  # type: ignore[misc]  # default argument of a lambda binds the loop's value
                    connection, BOOK_ID, no, actor=ACTOR, reason="closed in the old books"
                ),
            )
            _require(outcome, row.account_no)


async def _post(collector: Collector, units: list[Unit]) -> None:
    for outcome in await asyncio.gather(*(collector.submit(BOOK_ID, unit) for unit in units)):
        _require(outcome, "cut-over")


def _require(outcome: Outcome, what: str) -> None:
    if outcome.status not in (Status.ACCEPTED, Status.REPLAYED):
        raise InvariantBroken(f"{what}: {outcome.status.value} {outcome.refusal}")
