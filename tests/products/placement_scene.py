"""A book that sells fixed deposits beside savings: a co-op, a company and a person place sums.

Holders have savings contracts SAV-1 (the co-op), SAV-2 (the company) and SAV-3 (the person) with
100,000,000.00 each. Tax is 0 %, 1 % and 15 %. Amounts are satang.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from ledger import accounts, books, parties
from ledger.books import GlAccount
from ledger.db import Database, Pool
from ledger.money import Rounding
from ledger.parties import PartyKind
from ledger.posting.values import OpenAccount, Outcome, Status, Unit
from pricing.rate_lines import RateLine, one_rate
from pricing.rates import parse_rate_percent
from pricing.sheets import approve_sheet, draft_sheet
from products.catalogue import FIXED, Product
from products.contracts import contract_id_of
from products.deposits.offers import create_placement_product
from products.deposits.opening import PlacementOrder, place
from products.deposits.taxes import TaxChange, add_tax_rates
from products.deposits.values import Instruction, Offer
from products.early_withdrawal import EarlyRule, EarlyRules, RateSource
from products.interest import DayCount, Terms
from products.placements import InterestPaid
from products.schedules.due_dates import OnHoliday
from products.withholding import TaxRate
from tests.builders import post, post_units
from tests.products.savings_scene import Rate, Savings, open_savings

BAHT = 100
HUNDRED_MILLION = 100_000_000 * BAHT
FIX = "FIX_3M"
PAY_OUT, ROLL_PRINCIPAL, ROLL_ALL = Instruction
AT_MATURITY, MONTHLY = InterestPaid.AT_MATURITY, InterestPaid.MONTHLY

EARLY = EarlyRules(
    rules=(
        EarlyRule(from_months=0, to_months=1, source=RateSource.NOTHING),
        EarlyRule(from_months=1, to_months=2, source=RateSource.SAVINGS),
        EarlyRule(from_months=2, to_months=None, source=RateSource.CONTRACT, part_percent=50),
    )
)
"""Nothing before a month is over, then the savings rate, from two months on half of its own."""
TAXES = (
    (PartyKind.COOPERATIVE, TaxRate(rate_e8=0)),
    (PartyKind.COMPANY, TaxRate(rate_e8=1_000_000, form="ภ.ง.ด.53")),
    (PartyKind.PERSON, TaxRate(rate_e8=15_000_000, form="ภ.ง.ด.2")),
)
_LONG_AGO = timedelta(days=1100)
"""Savings were priced so long before: early rules may look back at placements brought along."""
_HOLDERS = (
    (2, "บริษัททดสอบ จำกัด", "Test Company Limited", PartyKind.COMPANY),
    (3, "นายทดสอบ ใจดี", "Mr Test Jaidee", PartyKind.PERSON),
)
_CHART = (
    ("211300", "เงินรับฝากประจำ", "Fixed deposits"),
    ("241200", "ดอกเบี้ยเงินฝากประจำค้างจ่าย", "Accrued interest, fixed deposits"),
    ("251100", "ภาษีหัก ณ ที่จ่ายรอนำส่ง", "Withholding tax payable"),
    ("511200", "ดอกเบี้ยจ่ายเงินฝากประจำ", "Interest expense, fixed deposits"),
)


@dataclass(slots=True, kw_only=True)
class Placements:
    """The book; `savings` lives its nights and moves its savings contracts."""

    database: Database
    savings: Savings
    product: Product

    async def order(self, number: str, amount: int, **wanted: object) -> Unit:
        """The unit that places a sum of SAV-1 today, until told otherwise."""
        facts: dict[str, object] = {
            "product_code": FIX,
            "linked_no": "SAV-1",
            "paid": AT_MATURITY,
            "instruction": PAY_OUT,
        }
        order = PlacementOrder(contract_no=number, amount_satang=amount, **(facts | wanted))  # type: ignore[arg-type]  # the facts are named by the caller
        async with self.savings.pool.acquire() as connection:
            return await place(connection, 1, order, actor="test:clerk")

    async def place(self, number: str, amount: int, **wanted: object) -> Outcome:
        """Place a sum today, which is accepted."""
        unit = await self.order(number, amount, **wanted)
        (outcome,) = await post_units(self.savings.pool, 1, [unit])
        assert outcome.status is Status.ACCEPTED, outcome
        position = await self.position(number)
        self.savings.accounts[number] = position.account.account_id
        return outcome

    async def position(self, number: str) -> accounts.Position:
        """An account as it stands now."""
        async with self.savings.pool.acquire() as connection:
            return await accounts.position(connection, 1, number)

    async def balance(self, number: str) -> int:
        """The balance of an account now."""
        return (await self.position(number)).balance_satang

    async def rows(self, table: str, number: str) -> list[dict[str, object]]:
        """The rows of one placement in a table of products, in the order of their keys."""
        rows = await self.savings.pool.fetch(
            f"SELECT * FROM products.{table} WHERE book_id = 1 AND contract_id = $1 "
            "ORDER BY 1, 2, 3",
            self.contract_id(number),
        )
        return [dict(row) for row in rows]

    def contract_id(self, number: str) -> UUID:
        """Id of a contract by its number."""
        return contract_id_of(1, number)

    async def approve(self, effective_from: date, rate: Rate, on: date) -> None:
        """Another sheet of the fixed deposit, approved on a date."""
        await approve(self.database, FIX, effective_from, rate, on)


async def open_placements(
    database: Database,
    *,
    opened_on: date,
    rates: Mapping[date, Rate],
    savings_rate: str = "1.0000",
    months: int = 3,
    paid: Sequence[InterestPaid] = (AT_MATURITY, MONTHLY),
    due_rule: OnHoliday = OnHoliday.NEXT,
    early_rules: EarlyRules = EARLY,
    day_count: DayCount = DayCount.ACT_365F,
    bounds: tuple[int, int] = (1, HUNDRED_MILLION),
) -> Placements:
    """The book, opened on a date with three savings contracts and one product of a term."""
    savings = await open_savings(
        database, ["SAV-1"], opened_on=opened_on, rates={opened_on - _LONG_AGO: savings_rate}
    )
    async with savings.pool.acquire() as connection:
        await parties.add_parties(connection, 1, _parties())
    product = await sell_fixed(
        database,
        opened_on=opened_on,
        rates=rates,
        months=months,
        paid=paid,
        due_rule=due_rule,
        early_rules=early_rules,
        day_count=day_count,
        bounds=bounds,
    )
    for number, party_id in (("SAV-2", 2), ("SAV-3", 3)):
        await savings.open(number, party_id=party_id)
    for number in ("SAV-1", "SAV-2", "SAV-3"):
        await savings.move(number, HUNDRED_MILLION)
    return Placements(database=database, savings=savings, product=product)


async def sell_fixed(
    database: Database,
    *,
    opened_on: date,
    rates: Mapping[date, Rate],
    months: int = 3,
    paid: Sequence[InterestPaid] = (AT_MATURITY, MONTHLY),
    due_rule: OnHoliday = OnHoliday.NEXT,
    early_rules: EarlyRules = EARLY,
    day_count: DayCount = DayCount.ACT_365F,
    bounds: tuple[int, int] = (1, HUNDRED_MILLION),
) -> Product:
    """Begin to sell the fixed deposit FIX_3M on a book's first date, beside its savings."""
    expense, payable, tax = await _own_accounts(database.poster, opened_on)
    product = Product(
        book_id=1,
        product_code=FIX,
        name_th="เงินฝากประจำ",
        name_en="Fixed deposit",
        terms=Terms(
            day_count=day_count,
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
        paid=frozenset(paid),
        principal_min_satang=bounds[0],
        principal_max_satang=bounds[1],
        due_rule=due_rule,
        tax_account=tax,
        early_rules=early_rules,
        savings_product="SAVINGS",
    )
    async with database.poster.acquire() as connection, connection.transaction():
        await create_placement_product(connection, product, offer)
    for effective_from, rate in rates.items():
        approved_on = min(opened_on, effective_from - timedelta(days=1))
        await approve(database, product.product_code, effective_from, rate, approved_on)
    return product


async def _own_accounts(pool: Pool, opened_on: date) -> tuple[int, int, int]:
    """Chart and tax table; the accounts of expense, payable and tax."""
    async with pool.acquire() as connection:
        lines = [GlAccount(gl_code=c, cad_code="", name_th=t, name_en=e) for c, t, e in _CHART]
        await books.add_gl_accounts(connection, 1, lines)
        changes = [
            TaxChange(holder=kind, family=FIXED, from_date=opened_on, tax=tax)
            for kind, tax in TAXES
        ]
        await add_tax_rates(connection, 1, changes, made_by="test:tax", approved_by="test:manager")
        expense, payable, tax = await accounts.reserve_ids(connection, 3)
    await post(
        pool,
        1,
        [
            _own(expense, "FIX-EXPENSE", "511200"),
            _own(payable, "FIX-PAYABLE", "241200"),
            _own(tax, "TAX-PAYABLE", "251100"),
        ],
    )
    return expense, payable, tax


async def approve(
    database: Database, code: str, effective_from: date, rate: Rate, on: date
) -> None:
    """Another sheet of any product, approved by another person on a date."""
    sheet = await draft_sheet(
        database.application,
        1,
        product_code=code,
        effective_from=effective_from,
        lines=one_rate(parse_rate_percent(rate)) if isinstance(rate, str) else rate,
        made_by="test:treasury",
    )
    await approve_sheet(database.application, 1, sheet.sheet_id, approved_by="test:manager", on=on)


def steps(*lines: tuple[int, str]) -> tuple[RateLine, ...]:
    """Lines of a sheet: from so many satang on, that rate in per cent."""
    return tuple(
        RateLine(slab_from_satang=begins, annual_rate_e8=parse_rate_percent(rate))
        for begins, rate in lines
    )


def _parties() -> list[parties.Party]:
    return [
        parties.Party(
            party_id=number,
            code=f"{number:04d}",
            name_th=name_th,
            name_en=name_en,
            region="central",
            joined_on=date(2020, 1, 1),
            kind=kind,
        )
        for number, name_th, name_en, kind in _HOLDERS
    ]


def _own(account: int, code: str, gl_code: str) -> OpenAccount:
    return OpenAccount(
        account=account, code=code, gl_code=gl_code, currency="THB", name_th=code, name_en=code
    )
