"""A savings product with contracts in the measured book, so that its nights have interest to work.

The product is there before anything is posted, as its rate must be approved on the first date; the
contracts are opened by the points that need a night.
"""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from benchmarks.made import BOOK, open_own
from ledger import accounts, books, parties
from ledger.books import GlAccount
from ledger.db import Pool, open_database
from ledger.errors import ensure
from ledger.kinds import JournalKind
from ledger.money import Rounding
from ledger.posting.values import Journal, Operation, Origin, Status, Transfer, Unit
from ledger.posting.write import post_batch
from pricing.rates import parse_rate_percent
from pricing.sheets import approve_sheet, draft_sheet
from products import contracts
from products.catalogue import Product, create_product
from products.interest import DayCount, Terms

PARTY = 1
CODE = "SAVINGS"
DEPOSITS = "212100"
"""What contracts are controlled by; the ordinary accounts stand under another code."""
HALF_YEARS = frozenset({"06-30", "12-31"})
_AT_ONCE = 500
_DEPOSIT = 1_000_000


async def sell_savings(
    pool: Pool, dsn: str, opened_on: date, credited_on: frozenset[str] = HALF_YEARS
) -> Product:
    """A savings product with a rate in force from the book's first date.

    credited_on: capitalisation days, MM-DD.
    """
    async with pool.acquire() as connection:
        chart = [
            GlAccount(gl_code=code, cad_code="", name_th="-", name_en="-")
            for code in (DEPOSITS, "511100", "241100")
        ]
        await books.add_gl_accounts(connection, BOOK, chart)
        member = parties.Party(
            party_id=PARTY,
            code="0001",
            name_th="-",
            name_en="-",
            region="-",
            joined_on=opened_on,
        )
        await parties.add_parties(connection, BOOK, [member])
    expense = await open_own(pool, "INTEREST-EXPENSE", "511100")
    product = Product(
        book_id=BOOK,
        product_code=CODE,
        name_th="-",
        name_en="-",
        terms=Terms(
            day_count=DayCount.ACT_365F,
            rounding=Rounding.HALF_UP,
            capitalisation_days=credited_on,
        ),
        gl_deposits=DEPOSITS,
        expense_account=expense,
        payable_account=await open_own(pool, "INTEREST-PAYABLE", "241100"),
    )
    async with pool.acquire() as connection:
        await create_product(connection, product)
    await approve_rate(dsn, "1.2500", opened_on)
    return product


async def approve_rate(
    dsn: str, percent: str, effective_from: date, product_code: str = CODE
) -> None:
    """A rate of a product, approved on the day before it is in force."""
    database = await open_database(dsn, max_size=2)
    try:
        sheet = await draft_sheet(
            database.application,
            BOOK,
            product_code=product_code,
            effective_from=effective_from,
            annual_rate_e8=parse_rate_percent(percent),
            made_by="bench:treasury",
        )
        await approve_sheet(
            database.application,
            BOOK,
            sheet.sheet_id,
            approved_by="bench:manager",
            on=effective_from - timedelta(days=1),
        )
    finally:
        await database.close()


async def open_contracts(pool: Pool, product: Product, source: int, count: int) -> list[str]:
    """Open contracts and put money into each, debited from the account `source`; their numbers."""
    async with pool.acquire() as connection:
        numbers = await accounts.reserve_ids(connection, count)
    for first in range(0, count, _AT_ONCE):
        chosen = numbers[first : first + _AT_ONCE]
        opened = [
            contracts.open_savings_contract(
                product=product,
                contract_no=_contract_no(number),
                party_id=PARTY,
                account_id=number,
                name_th="-",
                name_en="-",
                actor="bench",
            )
            for number in chosen
        ]
        await post_units(pool, opened)
        await post_units(pool, [_unit(_deposit(source, number)) for number in chosen])
    return [_contract_no(number) for number in numbers]


def _contract_no(account: int) -> str:
    return f"S-{account:07d}"


def _deposit(source: int, account: int) -> Journal:
    return Journal(
        journal_id=UUID(int=0xDE << 120 | account),
        kind=JournalKind.MANUAL,
        transfers=(Transfer(debit=source, credit=account, amount_satang=_DEPOSIT + account),),
    )


def _unit(operation: Operation) -> Unit:
    return Unit(operations=(operation,), actor="bench")


async def post_units(pool: Pool, units: list[Unit]) -> None:
    """Post units in one batch; all are accepted."""
    async with pool.acquire() as connection, connection.transaction():
        outcomes = await post_batch(connection, BOOK, units, origin=Origin.BULK)
    refused = [each.refusal for each in outcomes if each.status is not Status.ACCEPTED]
    ensure(not refused, f"contracts were not opened: {refused[:1]}")
