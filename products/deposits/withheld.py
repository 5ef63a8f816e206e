"""Tax withheld in a range of dates: payment by payment, and summed as certificates say it (50 ทวิ).

Every payment of interest has its row, those without tax too. Dates are dates of payment: the tax
year of a payment is that of the day on which it is paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.parties import PartyKind

_SQL = statements(Path(__file__).parent / "sql" / "withheld.sql")

PaymentPlace = tuple[str, date, UUID]
"""Where a list of payments goes on: party code, date and journal of the last one seen."""
SumPlace = tuple[str, str, str, int]
"""Where a list of sums goes on: party code, family, form and rate of the last one seen."""
_FIRST_PAYMENT: PaymentPlace = ("", date.min, UUID(int=0))
_FIRST_SUM: SumPlace = ("", "", "", -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who received interest: the party by number and code, its names and its kind."""

    party_id: int
    code: str
    name_th: str
    name_en: str
    kind: PartyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxedPayment:
    """One payment of interest and the tax taken from it; `form` is "" where nothing is filed."""

    holder: Holder
    contract_no: str
    product_code: str
    paid_on: date
    interest_satang: int
    rate_e8: int
    tax_satang: int
    form: str
    journal_id: UUID

    @property
    def place(self) -> PaymentPlace:
        """Where the list goes on after it."""
        return self.holder.code, self.paid_on, self.journal_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxedSum:
    """What one holder was paid by one family under one form and rate: a line of a certificate."""

    holder: Holder
    family: str
    form: str
    rate_e8: int
    payments: int
    first_on: date
    last_on: date
    interest_satang: int
    tax_satang: int

    @property
    def place(self) -> SumPlace:
        """Where the list goes on after it."""
        return self.holder.code, self.family, self.form, self.rate_e8


async def taxed_payments(
    connection: Connection,
    book_id: int,
    first: date,
    last: date,
    *,
    party_id: int | None = None,
    after: PaymentPlace | None = None,
    limit: int,
) -> list[TaxedPayment]:
    """Payments of a range of dates, both included, by holder and date; of one party or of all."""
    rows = await connection.fetch(
        _SQL["payments"], book_id, first, last, party_id, *(after or _FIRST_PAYMENT), limit
    )
    return [
        TaxedPayment(
            holder=_holder(row),
            contract_no=row["contract_no"],
            product_code=row["product_code"],
            paid_on=row["paid_on"],
            interest_satang=row["interest_satang"],
            rate_e8=row["rate_e8"],
            tax_satang=row["tax_satang"],
            form=row["form"],
            journal_id=row["journal_id"],
        )
        for row in rows
    ]


async def taxed_sums(
    connection: Connection,
    book_id: int,
    first: date,
    last: date,
    *,
    party_id: int | None = None,
    after: SumPlace | None = None,
    limit: int,
) -> list[TaxedSum]:
    """The same payments summed by holder, family, form and rate."""
    rows = await connection.fetch(
        _SQL["sums"], book_id, first, last, party_id, *(after or _FIRST_SUM), limit
    )
    return [
        TaxedSum(
            holder=_holder(row),
            family=row["family"],
            form=row["form"],
            rate_e8=row["rate_e8"],
            payments=row["payments"],
            first_on=row["first_on"],
            last_on=row["last_on"],
            interest_satang=row["interest_satang"],
            tax_satang=row["tax_satang"],
        )
        for row in rows
    ]


def _holder(row: asyncpg.Record) -> Holder:
    return Holder(
        party_id=row["party_id"],
        code=row["party_code"],
        name_th=row["name_th"],
        name_en=row["name_en"],
        kind=PartyKind(row["holder"]),
    )
