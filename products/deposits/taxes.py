"""The table of withholding tax as recorded, and what it takes from interest that is paid.

Rows are in force from their date until the next one of the same holder type and family. One person
makes a row, another one approves it; a row is never changed. No tax is a row of 0 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import InvalidInput
from ledger.parties import PartyKind
from products.catalogue import PLACEMENTS
from products.withholding import HolderType, TaxRate, TaxRow, TaxTable

_SQL = statements(Path(__file__).parent / "sql" / "offers.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxChange:
    """From a date on, interest of a family paid to a kind of holder is taxed like this."""

    holder: PartyKind
    family: str
    from_date: date
    tax: TaxRate


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTax:
    """A row of the table as recorded: what changes, who made it, who approved it."""

    change: TaxChange
    made_by: str
    approved_by: str


def holder_of(kind: PartyKind) -> HolderType:
    """The holder type that a kind of party is to the tax table."""
    return HolderType(kind.code)


async def add_tax_rates(
    connection: Connection,
    book_id: int,
    changes: Iterable[TaxChange],
    *,
    made_by: str,
    approved_by: str,
) -> None:
    """Record rows of the tax table, in the caller's transaction.

    Raises `InvalidInput` when maker and approver are one person, a family withholds no
    tax, a form is missing, a row is there already, or its date has begun.
    """
    if made_by.casefold() == approved_by.casefold():
        raise InvalidInput.one("approved_by", approved_by, f"another person than {made_by}")
    for change in changes:
        if change.family not in PLACEMENTS:
            expected = "one of " + ", ".join(sorted(PLACEMENTS)) + ": others withhold nothing"
            raise InvalidInput.one("family", change.family, expected)
        if change.tax.rate_e8 and not change.tax.form.strip():
            expected = "the form that a tax above 0 is filed with, such as ภ.ง.ด.53"
            raise InvalidInput.one("form", "none", expected)
        row = (change.holder.value, change.family, change.from_date)
        try:
            await connection.execute(
                _SQL["insert_tax_rate"],
                book_id,
                *row,
                change.tax.rate_e8,
                change.tax.form,
                made_by,
                approved_by,
            )
        except asyncpg.UniqueViolationError as error:
            got = f"{change.holder.name.lower()}, {change.family}, {change.from_date.isoformat()}"
            raise InvalidInput.one("tax rate", got, "a date without a row yet") from error
        except asyncpg.PostgresError as error:
            if error.sqlstate != "LG007":
                raise
            raise InvalidInput.one("from_date", change.from_date.isoformat(), str(error)) from error


async def enter_tax_rates(
    connection: Connection,
    book_id: int,
    changes: Sequence[TaxChange],
    *,
    made_by: str,
    approved_by: str,
) -> list[TaxChange]:
    """Record those that the table does not say yet in just this way; they are the answer.

    So a file may be loaded twice. Raises as `add_tax_rates`.
    """
    known = {row.change for row in await list_tax_rates(connection, book_id)}
    new = [change for change in changes if change not in known]
    await add_tax_rates(connection, book_id, new, made_by=made_by, approved_by=approved_by)
    return new


async def list_tax_rates(connection: Connection, book_id: int) -> list[RecordedTax]:
    """Every row of the book's table, by holder type, family and date."""
    return [
        RecordedTax(
            change=TaxChange(
                holder=PartyKind(row["holder"]),
                family=row["family"],
                from_date=row["from_date"],
                tax=TaxRate(rate_e8=row["rate_e8"], form=row["form"]),
            ),
            made_by=row["made_by"],
            approved_by=row["approved_by"],
        )
        for row in await connection.fetch(_SQL["tax_rates"], book_id)
    ]


async def load_tax_table(connection: Connection, book_id: int) -> TaxTable:
    """Every row of the book's table."""
    rows = await connection.fetch(_SQL["tax_rates"], book_id)
    ends = {
        (row["holder"], row["family"], row["from_date"]): following["from_date"]
        for row, following in pairwise(rows)
        if (row["holder"], row["family"]) == (following["holder"], following["family"])
    }
    return TaxTable.of(
        TaxRow(
            holder=holder_of(PartyKind(row["holder"])),
            product=row["family"],
            from_date=row["from_date"],
            to_date=ends.get((row["holder"], row["family"], row["from_date"])),
            tax=TaxRate(rate_e8=row["rate_e8"], form=row["form"]),
        )
        for row in rows
    )
