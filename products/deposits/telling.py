"""What a placement was on a date: its term and coupon, interest paid with its tax, how it ended.

For whoever explains a date (docs/interest.md). The term says the principal and the frozen rate; the
sheet it is of, or the note with which it came along from an old system, says why. From the date on
which a placement was paid out, withdrawn early or began to wait it bears nothing, and no date is
told. Tax is taken again from the table and held against what was withheld.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import InvalidInput, InvariantBroken
from ledger.money import format_baht
from ledger.parties import PartyKind
from pricing.quotes import ApprovedSheet, approved_sheet
from pricing.rate_lines import slabs_of
from pricing.rates import format_rate_percent
from pricing.slabs import SlabBasis
from products.catalogue import Product
from products.contracts import Contract
from products.deposits.taxes import holder_of, load_tax_table
from products.deposits.values import Coupon
from products.interest.earning import Conditions
from products.withholding import TaxTable, Withheld
from products.workings import Difference, Working

_SQL = statements(Path(__file__).parent / "sql" / "telling.sql")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtRate:
    """The note that says a rate which no sheet of ours does: it came along from an old system."""

    recorded_seq: int
    business_date: date
    actor: str
    annual_rate_e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Interest paid on a date; below zero it was clawed back from the principal.

    through:      the last date that it is for.
    paid_to:      code of the account that took it, less tax.
    withheld:     the tax by the table; None where nothing was paid to the holder.
    taken_satang: the tax that was recorded.
    """

    paid_on: date
    through: date
    interest_satang: int
    paid_to: str | None
    withheld: Withheld | None
    taken_satang: int
    journal_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyEnded:
    """The running term was ended early, on `ended_on`: its days have earned something else.

    rule_from_months: the early rule, by its least whole months held.
    earned_satang:    what the days of the term have earned after all.
    paid_satang:      what its coupons had paid before.
    """

    ended_on: date
    term_no: int
    rule_from_months: int
    earned_satang: int
    paid_satang: int
    proposed_by: str
    decided_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A placement on a date.

    annual_rate_e8: the rate frozen for the term; `source` says it.
    coupon:         the one that the date falls in, of `coupons` in the term.
    payments:       made on the date, and for its coupon.
    early_end:      where the date's own term was ended early, as known.
    """

    term_no: int
    begins_on: date
    nominal_on: date
    matures_on: date
    principal_satang: int
    annual_rate_e8: int
    source: ApprovedSheet | BroughtRate
    coupon: Coupon
    coupons: int
    payments: tuple[Payment, ...]
    early_end: EarlyEnded | None

    @property
    def pays(self) -> Conditions:
        """What each date of the term pays, as the source says it."""
        if isinstance(self.source, BroughtRate):
            return Conditions.flat(self.source.annual_rate_e8)
        return Conditions(slabs=slabs_of(self.source.lines, SlabBasis.WHOLE))

    def differences(self, worked: Working, known_on: date) -> Iterator[Difference]:
        """Where term and tax rows are not what movements, sheet and tax table give."""
        rate, balance = worked.annual_rate_e8, worked.balance_satang
        told = [
            ("term_principal", format_baht(self.principal_satang), format_baht(balance)),
            ("term_rate", format_rate_percent(self.annual_rate_e8), format_rate_percent(rate)),
        ]
        for each in self.payments:
            tax = each.withheld.tax_satang if each.withheld is not None else 0
            told.append(("tax_withheld", format_baht(each.taken_satang), format_baht(tax)))
        for what, recorded, again in told:
            if recorded != again:
                yield Difference(known_on=known_on, what=what, recorded=recorded, worked_out=again)


async def placed_on(
    connection: Connection, contract: Contract, product: Product, on: date, known_on: date | None
) -> Placed:
    """A placement on a date that a night has accrued. Raises `InvariantBroken` without a term."""
    key = (contract.book_id, contract.contract_id)
    row = await connection.fetchrow(_SQL["term_of_date"], *key, on)
    if row is None:
        raise InvariantBroken(f"no term of {contract.contract_no} has a coupon that holds {on}")
    coupon = Coupon(
        no=row["coupon_no"],
        from_date=row["from_date"],
        pays_on=row["pays_on"],
        is_last=row["is_last"],
    )
    early = await _early_end(connection, contract, known_on)
    return Placed(
        term_no=row["term_no"],
        begins_on=row["begins_on"],
        nominal_on=row["nominal_on"],
        matures_on=row["matures_on"],
        principal_satang=row["principal_satang"],
        annual_rate_e8=row["annual_rate_e8"],
        source=await _source(connection, contract, row["sheet_id"]),
        coupon=coupon,
        coupons=row["coupons"],
        payments=await _payments(connection, contract, product, (on, coupon.pays_on), known_on),
        early_end=early if early is not None and early.term_no == row["term_no"] else None,
    )


async def refuse_ended(
    connection: Connection, contract: Contract, product: Product, on: date, known_on: date | None
) -> None:
    """Raise `InvalidInput` naming `date` where the placement bears nothing any more, with why.

    What was paid on that very date is told with it.
    """
    ends = [each for each in (contract.matured_on, contract.closed_on) if each is not None]
    if not ends or on < min(ends):
        return
    how = await _how_it_ended(connection, contract, known_on)
    expected = (
        f"a date before {min(ends)}, when {contract.contract_no} {how}: it bears nothing then"
    )
    paid = await _payments(connection, contract, product, (on, on), known_on)
    fix = " ".join(_told(each) for each in paid if each.paid_on == on)
    raise InvalidInput.one("date", on.isoformat(), expected, fix)


async def _how_it_ended(connection: Connection, contract: Contract, known_on: date | None) -> str:
    if contract.matured_on is None:
        early = await _early_end(connection, contract, known_on)
        return "was withdrawn early" if early is not None else "matured and was paid out"
    closed = contract.closed_on
    if closed is None or (known_on is not None and known_on < closed):
        return "matured, waiting to be paid out"
    return f"matured, waiting until {closed} to be paid out"


def _told(payment: Payment) -> str:
    amount = format_baht(abs(payment.interest_satang), True)
    if payment.interest_satang < 0:
        return f"Interest of {amount} was clawed back from the principal on {payment.paid_on}."
    tax = format_baht(payment.taken_satang, True)
    return f"Interest of {amount}, tax {tax}, was paid on {payment.paid_on}."


async def _early_end(
    connection: Connection, contract: Contract, known_on: date | None
) -> EarlyEnded | None:
    key = (contract.book_id, contract.contract_id)
    row = await connection.fetchrow(_SQL["early_end"], *key, known_on)
    return None if row is None else EarlyEnded(**dict(row))


async def _source(
    connection: Connection, contract: Contract, sheet_id: UUID | None
) -> ApprovedSheet | BroughtRate:
    if sheet_id is not None:
        return await approved_sheet(connection, contract.book_id, sheet_id)
    row = await connection.fetchrow(_SQL["opening_note"], contract.book_id, contract.contract_id)
    if row is None:
        raise InvariantBroken(f"no note says at which rate {contract.contract_no} came along")
    return BroughtRate(
        recorded_seq=row["recorded_seq"],
        business_date=row["business_date"],
        actor=row["actor"],
        annual_rate_e8=json.loads(row["body"])["annual_rate_e8"],
    )


async def _payments(
    connection: Connection,
    contract: Contract,
    product: Product,
    dates: tuple[date, date],
    known_on: date | None,
) -> tuple[Payment, ...]:
    """Paid on the first of two dates, or for the coupon that pays on the second."""
    on, pays_on = dates
    key = (contract.book_id, contract.contract_id)
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        _SQL["payments"], *key, on, pays_on - _ONE_DAY, known_on
    )
    taxes = await load_tax_table(connection, contract.book_id)
    return tuple(_payment(row, taxes, product.family) for row in rows)


def _payment(row: asyncpg.Record, taxes: TaxTable, family: str) -> Payment:
    amount, paid_on, withheld = row["amount_satang"], row["made_on"], None
    if row["holder"] is not None:
        holder = holder_of(PartyKind(row["holder"]))
        withheld = taxes.withheld(amount, holder, family, paid_on)
    return Payment(
        paid_on=paid_on,
        through=row["period_end"],
        interest_satang=amount,
        paid_to=row["paid_to"],
        withheld=withheld,
        taken_satang=row["tax_satang"] or 0,
        journal_id=row["journal_id"],
    )
