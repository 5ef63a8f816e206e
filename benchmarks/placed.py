"""Fixed deposits in the measured book: sums that run already, taken over when it opens.

Each is linked to a savings contract of its own, a third pays its interest monthly, all roll, so the
book keeps as many as it begins with. They were placed on days spread over the tenors, so a night
finds some coupons and some maturities, as an ordinary one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from benchmarks.made import BOOK, OPENED_ON, open_own
from benchmarks.savings import CODE, PARTY, approve_rate, post_units
from ledger import accounts, books
from ledger.books import GlAccount
from ledger.db import Connection, Pool
from ledger.money import Rounding
from ledger.parties import PartyKind
from ledger.posting.values import OpenAccount, Unit
from products.catalogue import FIXED, Product
from products.contracts import Contract, by_nos
from products.deposits.bringing import RunningPlacement, Taker, bring, taker_of
from products.deposits.offers import create_placement_product
from products.deposits.opening import PlacementOrder
from products.deposits.taxes import TaxChange, add_tax_rates
from products.deposits.values import Instruction, Offer
from products.early_withdrawal import EarlyRule, EarlyRules, RateSource
from products.interest import DayCount, Terms
from products.placements import InterestPaid
from products.schedules.due_dates import OnHoliday, add_months
from products.withholding import TaxRate

TENORS = (3, 6, 12)
_PRINCIPAL = 100_000_00
_AT_ONCE = 500
_CHART = ("211300", "241200", "251100", "511200")
_NOTHING_EARLY = EarlyRules(
    rules=(EarlyRule(from_months=0, to_months=None, source=RateSource.NOTHING),)
)


async def bring_placements(pool: Pool, dsn: str, source: int, linked: Sequence[str]) -> None:
    """Take over a placement for each of these savings contracts, balanced by account `source`."""
    takers = await _takers(pool, source)
    for taker in takers:
        await approve_rate(dsn, "1.7500", OPENED_ON, taker.product.product_code)
    async with pool.acquire() as connection:
        numbers = await accounts.reserve_ids(connection, len(linked))
        found = await by_nos(connection, BOOK, linked)
    units = [
        _unit(takers[at % len(takers)], at, found[contract_no], number)
        for at, (contract_no, number) in enumerate(zip(linked, numbers, strict=True))
    ]
    for first in range(0, len(units), _AT_ONCE):
        await post_units(pool, units[first : first + _AT_ONCE])


async def _takers(pool: Pool, source: int) -> list[Taker]:
    """The products, one a tenor, with what takes over placements of each."""
    async with pool.acquire() as connection:
        chart = [GlAccount(gl_code=code, cad_code="", name_th="-", name_en="-") for code in _CHART]
        await books.add_gl_accounts(connection, BOOK, chart)
        none = TaxChange(
            holder=PartyKind.COOPERATIVE,
            family=FIXED,
            from_date=OPENED_ON,
            tax=TaxRate(rate_e8=0),
        )
        await add_tax_rates(connection, BOOK, [none], made_by="bench:a", approved_by="bench:b")
    expense = await open_own(pool, "FIX-EXPENSE", "511200")
    payable = await open_own(pool, "FIX-PAYABLE", "241200")
    tax = await open_own(pool, "TAX-WITHHELD", "251100")
    async with pool.acquire() as connection, connection.transaction():
        codes = [await _sell(connection, months, expense, payable, tax) for months in TENORS]
        return [
            await taker_of(
                connection, BOOK, code, opening_account=source, on=OPENED_ON, actor="bench"
            )
            for code in codes
        ]


async def _sell(connection: Connection, months: int, expense: int, payable: int, tax: int) -> str:
    product = Product(
        book_id=BOOK,
        product_code=f"FIX_{months}M",
        name_th="-",
        name_en="-",
        terms=Terms(
            day_count=DayCount.ACT_365F,
            rounding=Rounding.HALF_UP,
            capitalisation_days=frozenset(),
        ),
        gl_deposits="211300",
        expense_account=expense,
        payable_account=payable,
        family=FIXED,
    )
    offer = Offer(
        months=months,
        paid=frozenset({InterestPaid.AT_MATURITY, InterestPaid.MONTHLY}),
        principal_min_satang=1,
        principal_max_satang=10**15,
        due_rule=OnHoliday.NEXT,
        tax_account=tax,
        early_rules=_NOTHING_EARLY,
        savings_product=CODE,
    )
    await create_placement_product(connection, product, offer)
    return product.product_code


def _unit(taker: Taker, at: int, linked: Contract, number: int) -> Unit:
    months = taker.offer.months
    order = PlacementOrder(
        contract_no=f"F-{number:07d}",
        product_code=taker.product.product_code,
        linked_no=linked.contract_no,
        amount_satang=_PRINCIPAL + at,
        paid=InterestPaid.MONTHLY if at // len(TENORS) % 3 == 0 else InterestPaid.AT_MATURITY,
        instruction=Instruction.ROLL_ALL if at % 2 else Instruction.ROLL_PRINCIPAL,
    )
    account = OpenAccount(
        account=number,
        code=order.contract_no,
        gl_code=taker.product.gl_deposits,
        currency="THB",
        name_th="-",
        name_en="-",
        party_id=PARTY,
        balance_min=0,
    )
    running = RunningPlacement(
        order=order, begins_on=_begins(months, at), annual_rate_e8=2_000_000 + at % 5 * 100_000
    )
    return bring(taker, running, linked, account, PartyKind.COOPERATIVE)


def _begins(months: int, at: int) -> date:
    """A day of the tenor before the opening; by turns, so that maturities are spread evenly."""
    first = add_months(OPENED_ON, -months) + timedelta(days=1)
    return first + timedelta(days=at * 7 % ((OPENED_ON - first).days + 1))
