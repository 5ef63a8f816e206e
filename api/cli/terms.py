"""Verbs of what deposits go by: the calendar of holidays, the table of withholding tax.

Files are CSV or JSONL with dates of the common era; every bad line is named by file, line and
field, and then nothing is loaded. Lines that stand in the book already are passed over, so that a
year's file may be loaded again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from api.cli.context import opened_book, reading_book
from api.cli.output import Facts, Json, run, table
from api.cli.reading import BookOption, date_or_none, show_pairs
from api.settings import Settings
from ledger import books
from ledger.dates import parse_date
from ledger.db import transaction
from ledger.errors import InvalidInput
from ledger.history.texts import NAME, Findings, Row, rows_of
from ledger.parties import PartyKind
from pricing.rates import format_rate_percent, parse_rate_percent
from products.catalogue import FAMILIES
from products.deposits.offers import Holiday, announce_holidays, list_holidays
from products.deposits.taxes import RecordedTax, TaxChange, enter_tax_rates, list_tax_rates
from products.withholding import TaxRate

holidays_app = typer.Typer(help="Dates without banking: load, list.", no_args_is_help=True)
tax_rates_app = typer.Typer(help="The table of withholding tax: load, list.", no_args_is_help=True)
Actor = Annotated[str, typer.Option("--actor", help="Who does it, for the record.")]
FileArgument = Annotated[Path, typer.Argument(help="CSV with a header, or JSONL.")]
T = TypeVar("T")

HOLIDAY_COLUMNS = ("date", "name_th", "name_en")
TAX_COLUMNS = ("holder", "family", "from_date", "tax_percent", "form")
_FORM = (r".{0,40}", "at most 40 characters")


def _read(path: Path, columns: tuple[str, ...], of: Callable[[Row], T]) -> list[T]:
    """What the lines of a file say. Raises `InvalidInput` naming every bad one."""
    if not path.is_file():
        raise InvalidInput.one("FILE", str(path), "a file that exists")
    findings = Findings()
    found: list[T] = []
    for row in rows_of(path, findings, columns):
        made = findings.read(partial(of, row))
        if made is not None:
            found.append(made)
    if findings.count:
        raise InvalidInput(findings.problems)
    return found


def _holiday(row: Row) -> Holiday:
    return Holiday(
        on=parse_date(row.cells.get("date", ""), row.place("date")),
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
    )


def _change(row: Row) -> TaxChange:
    rate = parse_rate_percent(row.cells.get("tax_percent", ""), row.place("tax_percent"))
    return TaxChange(
        holder=row.one_of("holder", {kind.code: kind for kind in PartyKind}),
        family=row.one_of("family", {family: family for family in FAMILIES}),
        from_date=parse_date(row.cells.get("from_date", ""), row.place("from_date")),
        tax=TaxRate(rate_e8=rate, form=row.text("form", _FORM, default="")),
    )


@holidays_app.command("load")
def holidays_load(
    file: FileArgument, actor: Actor, book: BookOption = None, json: Json = False
) -> None:
    """Announce the holidays of a file (date, name_th, name_en), each before its date."""

    async def work() -> Facts:
        days = _read(file, HOLIDAY_COLUMNS, _holiday)
        async with (
            opened_book(Settings.from_environment(), book) as (database, found),
            transaction(database.poster, actor) as connection,
        ):
            new = await announce_holidays(connection, found.book_id, days)
        return {"file": file.name, "announced": len(new), "known_before": len(days) - len(new)}

    run(work(), json, show_pairs)


@holidays_app.command("list")
def holidays_list(
    first: Annotated[
        str | None, typer.Option("--from", help="First date; default: the business date.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last date.")] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Announced holidays; weekends have no banking anyway."""

    async def work() -> Facts:
        begins, ends = date_or_none(first, "--from"), date_or_none(last, "--to")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            begins = begins or (await books.read_head(connection, found.book_id)).business_date
            rows = await list_holidays(connection, found.book_id, begins, ends or date.max)
        return {
            "holidays": [
                {
                    "date": row.holiday.on,
                    "name_th": row.holiday.name_th,
                    "name_en": row.holiday.name_en,
                    "announced_on": row.announced_on,
                }
                for row in rows
            ]
        }

    run(work(), json, _show_holidays)


def _show_holidays(facts: Facts) -> None:
    rows = facts["holidays"]
    if isinstance(rows, list):
        columns = ("date", "name", "in English", "announced on")
        table("Holidays", columns, [[str(cell) for cell in row.values()] for row in rows])


@tax_rates_app.command("load")
def tax_rates_load(
    file: FileArgument,
    made_by: Annotated[str, typer.Option("--made-by", help="Who made the file.")],
    actor: Annotated[str, typer.Option("--actor", help="Who approves it: another person.")],
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Approve the rows of a file (holder, family, from_date, tax_percent, form) made by another."""

    async def work() -> Facts:
        changes = _read(file, TAX_COLUMNS, _change)
        async with (
            opened_book(Settings.from_environment(), book) as (database, found),
            transaction(database.poster, actor) as connection,
        ):
            new = await enter_tax_rates(
                connection, found.book_id, changes, made_by=made_by, approved_by=actor
            )
        return {"file": file.name, "recorded": len(new), "known_before": len(changes) - len(new)}

    run(work(), json, show_pairs)


@tax_rates_app.command("list")
def tax_rates_list(book: BookOption = None, json: Json = False) -> None:
    """Every row of the table; each is in force until the next one of its holder and family."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            rows = await list_tax_rates(connection, found.book_id)
        return {"tax_rates": [_row(row) for row in rows]}

    run(work(), json, _show_tax_rates)


def _row(row: RecordedTax) -> dict[str, object]:
    change = row.change
    return {
        "holder": change.holder.code,
        "family": change.family,
        "from_date": change.from_date,
        "tax_percent": format_rate_percent(change.tax.rate_e8),
        "form": change.tax.form,
        "made_by": row.made_by,
        "approved_by": row.approved_by,
    }


def _show_tax_rates(facts: Facts) -> None:
    rows = facts["tax_rates"]
    if isinstance(rows, list):
        columns = ("holder", "family", "from", "% of interest>", "form", "made by", "approved by")
        table("Withholding tax", columns, [[str(cell) for cell in row.values()] for row in rows])
