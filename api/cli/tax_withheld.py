"""Tax withheld from interest in a range of dates, for certificates and for the monthly return.

The table sums by holder, form and rate, as a certificate does (50 ทวิ); the CSV has each payment.
"""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.context import reading_book
from api.cli.output import Csv, Facts, Json, print_csv, run, table
from api.cli.placements import AT_ONCE, MemberOption, every, party_id_of
from api.cli.reading import BookOption
from api.settings import Settings
from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.money import format_baht
from pricing.rates import format_rate_percent
from products.deposits.withheld import (
    Holder,
    TaxedPayment,
    TaxedSum,
    taxed_payments,
    taxed_sums,
)

_TAX_COLUMNS = (
    "holder",
    "name_th",
    "name_en",
    "kind",
    "contract",
    "product",
    "paid_on",
    "interest",
    "tax_percent",
    "tax",
    "form",
    "journal_id",
)


def tax_withheld(
    first: Annotated[str, typer.Argument(metavar="FROM", help="First date of payment.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="Last date of payment.")],
    member: MemberOption = None,
    book: BookOption = None,
    csv: Csv = False,
    json: Json = False,
) -> None:
    """Interest and tax withheld by holder, what certificates say (50 ทวิ); --csv = each payment."""

    async def work() -> Facts:
        begins, ends = parse_date(first, "FROM"), parse_date(last, "TO")
        if begins > ends:
            raise InvalidInput.one("FROM", first, f"a date up to TO, {ends}")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            party_id = await party_id_of(connection, found.book_id, member)

            async def payments(seen: TaxedPayment | None) -> list[TaxedPayment]:
                after = None if seen is None else seen.place
                return await taxed_payments(
                    connection,
                    found.book_id,
                    begins,
                    ends,
                    party_id=party_id,
                    after=after,
                    limit=AT_ONCE,
                )

            async def sums(seen: TaxedSum | None) -> list[TaxedSum]:
                after = None if seen is None else seen.place
                return await taxed_sums(
                    connection,
                    found.book_id,
                    begins,
                    ends,
                    party_id=party_id,
                    after=after,
                    limit=AT_ONCE,
                )

            return {
                "from": begins,
                "to": ends,
                "holders": [_sum(row) for row in await every(sums)],
                "payments": [_taxed(row) for row in await every(payments)],
            }

    run(work(), json, _tax_as_csv if csv else _show_tax)


def _holder(holder: Holder) -> dict[str, object]:
    return {
        "holder": holder.code,
        "name_th": holder.name_th,
        "name_en": holder.name_en,
        "kind": holder.kind.code,
    }


def _taxed(row: TaxedPayment) -> dict[str, object]:
    return _holder(row.holder) | {
        "contract": row.contract_no,
        "product": row.product_code,
        "paid_on": row.paid_on,
        "interest": format_baht(row.interest_satang),
        "tax_percent": format_rate_percent(row.rate_e8),
        "tax": format_baht(row.tax_satang),
        "form": row.form,
        "journal_id": str(row.journal_id),
    }


def _sum(row: TaxedSum) -> dict[str, object]:
    return _holder(row.holder) | {
        "family": row.family,
        "form": row.form,
        "tax_percent": format_rate_percent(row.rate_e8),
        "payments": row.payments,
        "first_on": row.first_on,
        "last_on": row.last_on,
        "interest": format_baht(row.interest_satang),
        "tax": format_baht(row.tax_satang),
    }


def _tax_as_csv(facts: Facts) -> None:
    rows = facts["payments"]
    if isinstance(rows, list):
        print_csv(_TAX_COLUMNS, [[row[name] for name in _TAX_COLUMNS] for row in rows])


def _show_tax(facts: Facts) -> None:
    rows = facts["holders"]
    if isinstance(rows, list):
        names = ("holder", "name_th", "family", "form", "tax_percent", "payments")
        columns = ("holder", "name", "family", "form", "%>", "payments>", "interest>", "tax>")
        cells = [[str(row[name]) for name in (*names, "interest", "tax")] for row in rows]
        table(f"Tax withheld, {facts['from']} to {facts['to']}", columns, cells)
