"""The fixed deposits of the example book: four tenors, and 240 sums that were placed before.

The catalogue, the tax table and the calendar come by the application; each placement is taken over
through the posting path with the term, the rate and the interest that it had on 31 May 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from examples import seeds
from ledger import accounts
from ledger.dates import parse_date
from ledger.db import Connection, Pool
from ledger.errors import ensure
from ledger.money import Rounding
from ledger.parties import PartyKind
from ledger.posting.collector import Collector, decide_and_post
from ledger.posting.values import OpenAccount, Status, Unit
from pricing.rates import parse_rate_percent
from products.catalogue import FIXED, Product
from products.contracts import by_no
from products.deposits.bringing import RunningPlacement, Taker, bring, taker_of
from products.deposits.offers import add_holidays, create_placement_product
from products.deposits.opening import PlacementOrder
from products.deposits.taxes import TaxChange, add_tax_rates
from products.deposits.values import Instruction, Offer
from products.early_withdrawal import EarlyRule, EarlyRules, RateSource
from products.interest import DayCount, Terms
from products.placements import InterestPaid
from products.schedules.due_dates import OnHoliday
from products.withholding import TaxRate

TENORS = {3: "FIX_3M", 6: "FIX_6M", 12: "FIX_12M", 24: "FIX_24M"}
"""The product of each tenor in months."""

OWN_ACCOUNTS = {
    "INT-EXPENSE-FIXED": ("511200", "ดอกเบี้ยจ่ายเงินฝากประจำ", "Interest expense, fixed deposits"),
    "INT-PAYABLE-FIXED": ("241200", "ดอกเบี้ยค้างจ่ายเงินฝากประจำ", "Accrued interest, fixed deposits"),
    "TAX-WITHHELD": ("251100", "ภาษีหัก ณ ที่จ่ายรอนำส่ง", "Withholding tax payable"),
}
"""The Facility's own accounts that fixed deposits need, like those of `examples.opening`."""

EARLY_RULES = EarlyRules(
    rules=(
        EarlyRule(from_months=0, to_months=3, source=RateSource.NOTHING),
        EarlyRule(from_months=3, to_months=None, source=RateSource.SAVINGS),
    )
)
"""Ended before three months are over a sum earns nothing, later the savings rate."""

_LEAST, _MOST = 10_000_00, 1_000_000_000_00


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """How many placements were taken over, and what stands in them, in satang."""

    placements: int
    principal_satang: int


async def set_up(
    connection: Connection, book_id: int, own: Mapping[str, int], savings_product: str
) -> None:
    """The four products, the tax table and the holidays, in the caller's transaction.

    own: the Facility's own accounts by code, those of `OWN_ACCOUNTS` among them.
    """
    await add_holidays(connection, book_id, seeds.bank_holidays().values())
    for where, row in seeds.rows("tax_rates.csv"):
        change = TaxChange(
            holder=PartyKind[row["holder"].upper()],
            family=row["family"],
            from_date=parse_date(row["from_date"], f"{where}, from_date"),
            tax=TaxRate(
                rate_e8=parse_rate_percent(row["rate_percent"], f"{where}, rate_percent"),
                form=row["form"],
            ),
        )
        await add_tax_rates(
            connection,
            book_id,
            [change],
            made_by="facility:tax-officer",
            approved_by="facility:accountant",
        )
    for months, code in TENORS.items():
        product = _product(book_id, code, months, own)
        offer = _offer(months, own["TAX-WITHHELD"], savings_product)
        await create_placement_product(connection, product, offer)


async def bring_placements(
    collector: Collector, pool: Pool, book_id: int, *, opening_account: int, on: date, actor: str
) -> Brought:
    """Take over the placements of placements.csv as they stand on `on`, one after the other.

    Several of one member raise the version of the same savings contract, so each is decided on
    what the one before it left.
    """
    placed = seeds.placements()
    members = {f"SAV-{member.member_code}": member for member in seeds.members()}
    async with pool.acquire() as connection:
        takers = {
            code: await taker_of(
                connection, book_id, code, opening_account=opening_account, on=on, actor=actor
            )
            for code in TENORS.values()
        }
        numbers = await accounts.reserve_ids(connection, len(placed))
    for each, number in zip(placed, numbers, strict=True):
        taker = takers[each.product_code]
        account = _account(each, taker.product, number, members[each.linked_no])
        decide = partial(_bring, taker, each, account)
        outcome = await decide_and_post(collector, pool, book_id, decide)
        ensure(outcome.status is Status.ACCEPTED, f"{each.contract_no}: {outcome.refusal}")
    total = sum(each.principal_satang for each in placed)
    return Brought(placements=len(placed), principal_satang=total)


async def _bring(
    taker: Taker, placed: seeds.Placed, account: OpenAccount, connection: Connection
) -> Unit:
    linked = await by_no(connection, taker.product.book_id, placed.linked_no)
    return bring(taker, _running(placed), linked, account, PartyKind.COOPERATIVE)


def _product(book_id: int, code: str, months: int, own: Mapping[str, int]) -> Product:
    return Product(
        book_id=book_id,
        product_code=code,
        name_th=f"เงินฝากประจำ {months} เดือน",
        name_en=f"Fixed deposit, {months} months",
        terms=Terms(
            day_count=DayCount.ACT_365F,
            rounding=Rounding.HALF_UP,
            capitalisation_days=frozenset(),
        ),
        gl_deposits="211300",
        expense_account=own["INT-EXPENSE-FIXED"],
        payable_account=own["INT-PAYABLE-FIXED"],
        family=FIXED,
    )


def _offer(months: int, tax_account: int, savings_product: str) -> Offer:
    paid = (InterestPaid.MONTHLY, InterestPaid.QUARTERLY, InterestPaid.HALF_YEARLY)
    return Offer(
        months=months,
        paid=frozenset({InterestPaid.AT_MATURITY, *(p for p in paid if p.value < months)}),
        principal_min_satang=_LEAST,
        principal_max_satang=_MOST,
        due_rule=OnHoliday.NEXT,
        tax_account=tax_account,
        early_rules=EARLY_RULES,
        savings_product=savings_product,
    )


def _account(
    placed: seeds.Placed, product: Product, number: int, member: seeds.Member
) -> OpenAccount:
    return OpenAccount(
        account=number,
        code=placed.contract_no,
        gl_code=product.gl_deposits,
        currency="THB",
        name_th=member.name_th,
        name_en=member.name_en,
        party_id=int(member.member_code),
        balance_min=0,
    )


def _running(placed: seeds.Placed) -> RunningPlacement:
    return RunningPlacement(
        order=PlacementOrder(
            contract_no=placed.contract_no,
            product_code=placed.product_code,
            linked_no=placed.linked_no,
            amount_satang=placed.principal_satang,
            paid=InterestPaid[placed.interest_paid.upper()],
            instruction=Instruction[placed.instruction.upper()],
        ),
        begins_on=placed.begins_on,
        annual_rate_e8=placed.annual_rate_e8,
    )
